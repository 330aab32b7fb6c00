"""A source connector that makes up records: reproducible, at a chosen rate, each with a trace of its own if asked."""
