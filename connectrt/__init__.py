"""A Kafka Connect-compatible connector runtime in which no trace is ever lost."""
