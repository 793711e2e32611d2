//! Metadata records as bytes: `MetadataRecordSerde`, and the schemas in Kafka's `metadata` module.
//!
//! ```text
//! frame version, varint = 1 | api key, varint | version of the record, varint | its fields
//! ```

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub(crate) use decode::decode;
pub use decode::decode_batches;
pub(crate) use encode::encode;

const FRAME_VERSION: u32 = 1;

const REGISTER_BROKER: u32 = 0;
const UNREGISTER_BROKER: u32 = 1;
const TOPIC: u32 = 2;
const PARTITION: u32 = 3;
const CONFIG: u32 = 4;
const PARTITION_CHANGE: u32 = 5;
const REMOVE_TOPIC: u32 = 9;
const USER_SCRAM_CREDENTIAL: u32 = 11;
const FEATURE_LEVEL: u32 = 12;
const CLIENT_QUOTA: u32 = 14;
const PRODUCER_IDS: u32 = 15;
const BROKER_REGISTRATION_CHANGE: u32 = 17;
const REMOVE_USER_SCRAM_CREDENTIAL: u32 = 22;
const CLEAR_ELR: u32 = 28;
