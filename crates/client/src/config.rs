//! What configurations share: types, ranges and Kafka's messages (`ConfigDef`).
