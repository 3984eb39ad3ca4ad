//! Streams of rows: Kafka, NATS, files that grow, and rows that are pushed over HTTP.
