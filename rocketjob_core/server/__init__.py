"""What others may know of a running server."""
