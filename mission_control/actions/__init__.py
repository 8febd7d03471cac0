"""What an operator can do: one registry, and the one way through it."""
