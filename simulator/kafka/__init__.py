"""Apache Kafka itself on loopback, from its own jars: for tests and for trying things out."""
