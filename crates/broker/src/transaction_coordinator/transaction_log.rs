//! The records of `__transaction_state`, byte for byte as Kafka 4.4 writes them (`TransactionLog`,
//! `TransactionLogKey` version 0, `TransactionLogValue` versions 0 and 1).
//!
//! Different from Kafka 4.4: where a transaction has several topics or partitions, they stand in
//! their order here, and in that of Java's hash sets there.

use bytes::{Buf, BufMut};
use logbrook_group::TopicPartition;
use logbrook_sorted::{SortedMap, SortedSet};

use super::transaction_metadata::{NO_PRODUCER_EPOCH, NO_PRODUCER_ID, TransactionMetadata};
use super::transaction_state::{TransactionState, TransactionVersion};

/// `CoordinatorRecordType.TRANSACTION_LOG`.
const KEY_TYPE: i16 = 0;
/// `TransactionVersion.transactionLogValueVersion` of a cluster with transactions v2.
const VALUE_VERSION: i16 = 1;
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

fn wrong(field: &'static str, expected: impl Into<String>) -> TransactionRecordError {
    TransactionRecordError { field, expected: expected.into() }
}

impl TransactionRecord {
    /// The key's bytes. An id longer than a string of the protocol is cut: requests cannot carry one.
    pub fn encode_key(&self) -> Vec<u8> {
        let id = &self.transactional_id;
        let id = &id[..id.floor_char_boundary(i16::MAX as usize)];
        let mut key = Vec::with_capacity(id.len() + 4);
        key.put_i16(KEY_TYPE);
        key.put_i16(id.len() as i16);
        key.put_slice(id.as_bytes());
        key
    }

    /// The value's bytes; None is a tombstone.
    pub fn encode_value(&self) -> Option<Vec<u8>> {
        self.metadata.as_ref().map(encode_value)
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
        let mut key = key;
        if take_i16(&mut key, "key version")? != KEY_TYPE {
            return Err(wrong("key version", "0"));
        }
        let len = usize::try_from(take_i16(&mut key, "TransactionalId")?)
            .map_err(|_| wrong("TransactionalId", "a length of 0 or more"))?;
        let id = key.get(..len).ok_or_else(|| wrong("TransactionalId", format!("{len} bytes")))?;
        let transactional_id =
            core::str::from_utf8(id).map_err(|_| wrong("TransactionalId", "UTF-8"))?.to_owned();
        let metadata = value.map(decode_value).transpose()?;
        Ok(TransactionRecord { transactional_id, metadata })
    }
}

fn put_unsigned_varint(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn encode_value(metadata: &TransactionMetadata) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.put_i16(VALUE_VERSION);
    out.put_i64(metadata.producer_id);
    out.put_i16(metadata.producer_epoch);
    out.put_i32(metadata.txn_timeout_ms);
    out.put_i8(metadata.state.id());
    if metadata.state == TransactionState::Empty {
        put_unsigned_varint(&mut out, 0);
    } else {
        let mut topics: SortedMap<&str, Vec<i32>> = SortedMap::new();
        for TopicPartition { topic, partition } in metadata.topic_partitions.iter() {
            topics.entry(topic.as_str()).or_default().push(*partition);
        }
        put_unsigned_varint(&mut out, topics.len() as u32 + 1);
        for (topic, partitions) in &topics {
            put_unsigned_varint(&mut out, topic.len() as u32 + 1);
            out.put_slice(topic.as_bytes());
            put_unsigned_varint(&mut out, partitions.len() as u32 + 1);
            for partition in partitions {
                out.put_i32(*partition);
            }
            put_unsigned_varint(&mut out, 0);
        }
    }
    out.put_i64(metadata.txn_last_update_timestamp);
    out.put_i64(metadata.txn_start_timestamp);
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
    put_unsigned_varint(&mut out, tagged.len() as u32);
    for (tag, bytes) in tagged {
        put_unsigned_varint(&mut out, tag);
        put_unsigned_varint(&mut out, bytes.len() as u32);
        out.put_slice(&bytes);
    }
    out
}

fn take_i16(from: &mut &[u8], field: &'static str) -> Result<i16, TransactionRecordError> {
    from.try_get_i16().map_err(|_| wrong(field, "2 bytes (int16)"))
}

fn take_i32(from: &mut &[u8], field: &'static str) -> Result<i32, TransactionRecordError> {
    from.try_get_i32().map_err(|_| wrong(field, "4 bytes (int32)"))
}

fn take_i64(from: &mut &[u8], field: &'static str) -> Result<i64, TransactionRecordError> {
    from.try_get_i64().map_err(|_| wrong(field, "8 bytes (int64)"))
}

fn take_varint(from: &mut &[u8], field: &'static str) -> Result<u32, TransactionRecordError> {
    let mut value = 0_u32;
    for shift in [0_u32, 7, 14, 21, 28] {
        let byte = from.try_get_u8().map_err(|_| wrong(field, "an unsigned varint"))?;
        value |= u32::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(wrong(field, "an unsigned varint of at most 5 bytes"))
}

fn take_bytes<'a>(
    from: &mut &'a [u8],
    len: usize,
    field: &'static str,
) -> Result<&'a [u8], TransactionRecordError> {
    let (taken, rest) =
        from.split_at_checked(len).ok_or_else(|| wrong(field, format!("{len} bytes")))?;
    *from = rest;
    Ok(taken)
}

/// Lengths differ between the versions: int16 or int32 in 0, a varint of one more in 1.
struct ValueReader<'a> {
    left: &'a [u8],
    flexible: bool,
}

impl<'a> ValueReader<'a> {
    /// -1 for null.
    fn array_len(&mut self, field: &'static str) -> Result<i64, TransactionRecordError> {
        let len = if self.flexible {
            i64::from(take_varint(&mut self.left, field)?) - 1
        } else {
            i64::from(take_i32(&mut self.left, field)?)
        };
        // Each element has a byte or more: what cannot be there is refused before it is looped over.
        if len > self.left.remaining() as i64 {
            return Err(wrong(field, "a length that the bytes can hold"));
        }
        Ok(len)
    }

    fn text(&mut self, field: &'static str) -> Result<String, TransactionRecordError> {
        let len = if self.flexible {
            i64::from(take_varint(&mut self.left, field)?) - 1
        } else {
            i64::from(take_i16(&mut self.left, field)?)
        };
        let len = usize::try_from(len).map_err(|_| wrong(field, "a string that is not null"))?;
        let bytes = take_bytes(&mut self.left, len, field)?;
        Ok(core::str::from_utf8(bytes).map_err(|_| wrong(field, "UTF-8"))?.to_owned())
    }

    fn tagged_fields(&mut self) -> Result<Vec<(u32, &'a [u8])>, TransactionRecordError> {
        let mut fields = Vec::new();
        if self.flexible {
            for _ in 0..take_varint(&mut self.left, "tagged fields")? {
                let tag = take_varint(&mut self.left, "tag")?;
                let len = take_varint(&mut self.left, "tag")? as usize;
                fields.push((tag, take_bytes(&mut self.left, len, "tag")?));
            }
        }
        Ok(fields)
    }
}

fn decode_value(value: &[u8]) -> Result<TransactionMetadata, TransactionRecordError> {
    let mut left = value;
    let version = take_i16(&mut left, "value version")?;
    if !(0..=HIGHEST_VALUE_VERSION).contains(&version) {
        return Err(wrong("value version", "0 or 1"));
    }
    let mut reader = ValueReader { left, flexible: version >= 1 };
    let producer_id = take_i64(&mut reader.left, "ProducerId")?;
    let producer_epoch = take_i16(&mut reader.left, "ProducerEpoch")?;
    let txn_timeout_ms = take_i32(&mut reader.left, "TransactionTimeoutMs")?;
    let status = reader.left.try_get_i8().map_err(|_| wrong("TransactionStatus", "1 byte"))?;
    let state = TransactionState::from_id(status)
        .ok_or_else(|| wrong("TransactionStatus", "a state that is written (0 to 5)"))?;
    let mut topic_partitions = SortedSet::new();
    for _ in 0..reader.array_len("TransactionPartitions")? {
        let topic = reader.text("Topic")?;
        for _ in 0..reader.array_len("PartitionIds")? {
            let partition = take_i32(&mut reader.left, "PartitionIds")?;
            topic_partitions.insert(TopicPartition::new(topic.clone(), partition));
        }
        reader.tagged_fields()?;
    }
    let txn_last_update_timestamp = take_i64(&mut reader.left, "TransactionLastUpdateTimestampMs")?;
    let txn_start_timestamp = take_i64(&mut reader.left, "TransactionStartTimestampMs")?;
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
    for (tag, mut bytes) in reader.tagged_fields()? {
        match tag {
            PREVIOUS_PRODUCER_ID => {
                metadata.prev_producer_id = take_i64(&mut bytes, "PreviousProducerId")?;
            }
            NEXT_PRODUCER_ID => {
                metadata.next_producer_id = take_i64(&mut bytes, "NextProducerId")?;
            }
            CLIENT_TRANSACTION_VERSION => {
                let level = take_i16(&mut bytes, "ClientTransactionVersion")?;
                metadata.client_transaction_version = TransactionVersion::from_feature_level(level)
                    .ok_or_else(|| wrong("ClientTransactionVersion", "0, 1 or 2"))?;
            }
            // A later Kafka may have written more; the schema lets it be skipped.
            _ => {}
        }
    }
    Ok(metadata)
}
