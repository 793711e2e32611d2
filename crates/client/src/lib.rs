//! What a Kafka client library does, sans-IO: producer, consumer, admin.
