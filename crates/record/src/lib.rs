//! Kafka's record batch v2: bytes to records and back, CRC-32C, codecs, and the byte span of every field.
#![no_std]

extern crate alloc;
