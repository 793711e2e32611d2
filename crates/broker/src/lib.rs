//! One Kafka node, sans-IO: a request and the time go in, responses and effects come out.
