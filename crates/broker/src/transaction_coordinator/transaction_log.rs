//! The records of `__transaction_state`, byte for byte as Kafka 4.4 writes them (`TransactionLog`,
//! `TransactionLogKey` version 0, `TransactionLogValue` versions 0 and 1).
//!
//! Different from Kafka 4.4: where a transaction has several topics or partitions, they stand in
//! their order here, and in that of Java's hash sets there.

use logbrook_group::TopicPartition;
use logbrook_group::primitives::{DecodeError, Reader, Writer};
use logbrook_sorted::{SortedMap, SortedSet};

use super::transaction_metadata::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, TransactionMetadata};
use super::transaction_state::{TransactionState, TransactionVersion};

/// `CoordinatorRecordType.TRANSACTION_LOG`.
const KEY_TYPE: i16 = 0;
const HIGHEST_VALUE_VERSION: i16 = 1;

const PREVIOUS_PRODUCER_ID: u32 = 0;
const NEXT_PRODUCER_ID: u32 = 1;
const CLIENT_TRANSACTION_VERSION: u32 = 2;

/// One record of `__transaction_state`; without metadata it removes the transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRecord {
    /// The key.
    pub transactional_id: String,
    /// The value.
    pub metadata: Option<TransactionMetadata>,
}

/// Why a record could not be read: in which field, and what was wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRecordError {
    /// The field, by Kafka's name.
    pub field: &'static str,
    /// What was expected.
    pub expected: String,
}

impl core::fmt::Display for TransactionRecordError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "record of __transaction_state: {}: expected {}", self.field, self.expected)
    }
}

impl std::error::Error for TransactionRecordError {}

impl From<DecodeError> for TransactionRecordError {
    fn from(error: DecodeError) -> Self {
        wrong(error.field, error.expected)
    }
}

fn wrong(field: &'static str, expected: impl Into<String>) -> TransactionRecordError {
    TransactionRecordError { field, expected: expected.into() }
}

impl TransactionRecord {
    /// The key's bytes. An id longer than a string of the protocol is cut: requests cannot carry one.
    pub fn encode_key(&self) -> Vec<u8> {
        let mut key = Writer::default();
        key.i16(KEY_TYPE);
        key.string(&self.transactional_id);
        key.out
    }

    /// The value's bytes, in the version of a cluster that has finalized this level of
    /// `transaction.version`; None is a tombstone.
    pub fn encode_value(&self, finalized: TransactionVersion) -> Option<Vec<u8>> {
        self.metadata.as_ref().map(|metadata| encode_value(metadata, finalized.log_value_version()))
    }

    /// Reads a record back from the bytes of its key and value.
    ///
    /// # Errors
    /// Where the bytes are not what the schema says. Kafka skips an unknown version with a warning;
    /// so may the caller.
    pub fn decode(
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<TransactionRecord, TransactionRecordError> {
        let mut key = Reader::new(key);
        if key.i16("key version")? != KEY_TYPE {
            return Err(wrong("key version", "0"));
        }
        let transactional_id = key.string("TransactionalId")?;
        let metadata = value.map(decode_value).transpose()?;
        Ok(TransactionRecord { transactional_id, metadata })
    }
}

fn encode_value(metadata: &TransactionMetadata, version: i16) -> Vec<u8> {
    let flexible = version >= 1;
    let mut out = Writer::default();
    out.i16(version);
    out.i64(metadata.producer_id);
    out.i16(metadata.producer_epoch);
    out.i32(metadata.txn_timeout_ms);
    out.i8(metadata.state.id());
    let mut topics: SortedMap<&str, Vec<i32>> = SortedMap::new();
    for TopicPartition { topic, partition } in metadata.topic_partitions.iter() {
        topics.entry(topic.as_str()).or_default().push(*partition);
    }
    let topics: Vec<(&str, Vec<i32>)> = topics.into_iter().collect();
    // An empty transaction has null for its partitions.
    match (metadata.state == TransactionState::Empty, flexible) {
        (true, true) => out.unsigned_varint(0),
        (true, false) => out.i32(-1),
        (false, true) => out.compact_array(&topics, |out, (topic, partitions)| {
            out.compact_string(topic);
            out.compact_array(partitions, |out, partition| out.i32(*partition));
            out.tagged_fields(&[]);
        }),
        (false, false) => {
            let len = |len: usize| i32::try_from(len).unwrap_or(i32::MAX);
            out.i32(len(topics.len()));
            for (topic, partitions) in &topics {
                out.string(topic);
                out.i32(len(partitions.len()));
                partitions.iter().for_each(|partition| out.i32(*partition));
            }
        }
    }
    out.i64(metadata.txn_last_update_timestamp);
    out.i64(metadata.txn_start_timestamp);
    if !flexible {
        return out.out;
    }
    let mut tagged: Vec<(u32, Vec<u8>)> = Vec::new();
    let ids = [
        (PREVIOUS_PRODUCER_ID, metadata.prev_producer_id),
        (NEXT_PRODUCER_ID, metadata.next_producer_id),
    ];
    for (tag, id) in ids {
        if id != NO_PRODUCER_ID {
            tagged.push((tag, id.to_be_bytes().to_vec()));
        }
    }
    let level = metadata.client_transaction_version.feature_level();
    if level != 0 {
        tagged.push((CLIENT_TRANSACTION_VERSION, level.to_be_bytes().to_vec()));
    }
    out.tagged_fields(&tagged);
    out.out
}

/// Lengths differ between the versions: int16 or int32 in 0, a varint of one more in 1.
struct ValueReader<'a> {
    left: Reader<'a>,
    flexible: bool,
}

impl<'a> ValueReader<'a> {
    /// -1 for null.
    fn array_len(&mut self, field: &'static str) -> Result<i64, TransactionRecordError> {
        let len = if self.flexible {
            i64::from(self.left.unsigned_varint(field)?) - 1
        } else {
            i64::from(self.left.i32(field)?)
        };
        // Each element has a byte or more: what cannot be there is refused before it is looped over.
        if len > self.left.remaining() as i64 {
            return Err(wrong(field, "a length that the bytes can hold"));
        }
        Ok(len)
    }

    fn text(&mut self, field: &'static str) -> Result<String, DecodeError> {
        if self.flexible { self.left.compact_string(field) } else { self.left.string(field) }
    }

    fn tagged_fields(&mut self) -> Result<Vec<(u32, &'a [u8])>, DecodeError> {
        if self.flexible { self.left.tagged_fields() } else { Ok(Vec::new()) }
    }
}

fn decode_value(value: &[u8]) -> Result<TransactionMetadata, TransactionRecordError> {
    let mut left = Reader::new(value);
    let version = left.i16("value version")?;
    if !(0..=HIGHEST_VALUE_VERSION).contains(&version) {
        return Err(wrong("value version", "0 or 1"));
    }
    let mut reader = ValueReader { left, flexible: version >= 1 };
    let producer_id = reader.left.i64("ProducerId")?;
    let producer_epoch = reader.left.i16("ProducerEpoch")?;
    let txn_timeout_ms = reader.left.i32("TransactionTimeoutMs")?;
    let status = reader.left.i8("TransactionStatus")?;
    let state = TransactionState::from_id(status)
        .ok_or_else(|| wrong("TransactionStatus", "a state that is written (0 to 5)"))?;
    let mut topic_partitions = SortedSet::new();
    for _ in 0..reader.array_len("TransactionPartitions")? {
        let topic = reader.text("Topic")?;
        for _ in 0..reader.array_len("PartitionIds")? {
            let partition = reader.left.i32("PartitionIds")?;
            topic_partitions.insert(TopicPartition::new(topic.clone(), partition));
        }
        reader.tagged_fields()?;
    }
    let txn_last_update_timestamp = reader.left.i64("TransactionLastUpdateTimestampMs")?;
    let txn_start_timestamp = reader.left.i64("TransactionStartTimestampMs")?;
    let mut metadata = TransactionMetadata {
        producer_id,
        prev_producer_id: NO_PRODUCER_ID,
        next_producer_id: NO_PRODUCER_ID,
        producer_epoch,
        last_producer_epoch: NO_PRODUCER_EPOCH,
        txn_timeout_ms,
        state,
        topic_partitions,
        txn_start_timestamp,
        txn_last_update_timestamp,
        client_transaction_version: TransactionVersion::V0,
    };
    for (tag, bytes) in reader.tagged_fields()? {
        let mut bytes = Reader::new(bytes);
        match tag {
            PREVIOUS_PRODUCER_ID => {
                metadata.prev_producer_id = bytes.i64("PreviousProducerId")?;
            }
            NEXT_PRODUCER_ID => {
                metadata.next_producer_id = bytes.i64("NextProducerId")?;
            }
            CLIENT_TRANSACTION_VERSION => {
                let level = bytes.i16("ClientTransactionVersion")?;
                metadata.client_transaction_version = TransactionVersion::from_feature_level(level)
                    .ok_or_else(|| wrong("ClientTransactionVersion", "0, 1 or 2"))?;
            }
            // A later Kafka may have written more; the schema lets it be skipped.
            _ => {}
        }
    }
    Ok(metadata)
}
