"""The only place that knows the MongoDB driver."""
