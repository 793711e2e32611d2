//! The action language, and Kafka's command line tools as processes.
