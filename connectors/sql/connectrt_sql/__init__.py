"""A sink connector that writes Kafka topics to SQL tables, with the config keys of the JDBC sinks."""
