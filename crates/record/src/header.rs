//! The 61 bytes before the records.
//!
//! ```text
//!  byte  0        8       12       16    17   21     23       27        35        43      51     53      57      61
//!        | base   | batch | leader |magic|CRC |attri-|last    |base     |max      |produ-|prod. |base   |record|
//!        | offset | length| epoch  |  2  |    |butes |off.dlt |timestamp|timestamp|cer id|epoch |sequen.|count | records…
//!   no.    1        2       3        4     5    6      7        8         9         10     11     12      13
//!                                               |<------------------- covered by the CRC ----------------------->
//! ```
//! All integers big-endian (`DefaultRecordBatch`, KIP-98). A broker rewrites 1 and 3 without touching the CRC.

use crate::attributes::{Attributes, Compression};
use crate::error::{BatchError, BatchErrorKind};
use crate::ids::{LeaderEpoch, NO_SEQUENCE, Offset, ProducerEpoch, ProducerId, increment_sequence};

/// Bytes before the records (`RECORD_BATCH_OVERHEAD`).
pub const RECORD_BATCH_OVERHEAD: usize = 61;
/// Bytes that the batch length does not count: base offset and the length itself (`LOG_OVERHEAD`).
pub const LOG_OVERHEAD: usize = 12;
/// The only batch format that Kafka 4 writes (KIP-724).
pub const MAGIC_V2: i8 = 2;

pub(crate) const BASE_OFFSET: usize = 0;
pub(crate) const BATCH_LENGTH: usize = 8;
pub(crate) const PARTITION_LEADER_EPOCH: usize = 12;
pub(crate) const MAGIC: usize = 16;
pub(crate) const CRC: usize = 17;
pub(crate) const ATTRIBUTES: usize = 21;
pub(crate) const LAST_OFFSET_DELTA: usize = 23;
pub(crate) const BASE_TIMESTAMP: usize = 27;
pub(crate) const MAX_TIMESTAMP: usize = 35;
pub(crate) const PRODUCER_ID: usize = 43;
pub(crate) const PRODUCER_EPOCH: usize = 51;
pub(crate) const BASE_SEQUENCE: usize = 53;
pub(crate) const RECORDS_COUNT: usize = 57;

/// Name, first byte and length of the 13 fields.
pub(crate) const FIELDS: [(&str, usize, usize); 13] = [
    ("baseOffset", BASE_OFFSET, 8),
    ("batchLength", BATCH_LENGTH, 4),
    ("partitionLeaderEpoch", PARTITION_LEADER_EPOCH, 4),
    ("magic", MAGIC, 1),
    ("crc", CRC, 4),
    ("attributes", ATTRIBUTES, 2),
    ("lastOffsetDelta", LAST_OFFSET_DELTA, 4),
    ("baseTimestamp", BASE_TIMESTAMP, 8),
    ("maxTimestamp", MAX_TIMESTAMP, 8),
    ("producerId", PRODUCER_ID, 8),
    ("producerEpoch", PRODUCER_EPOCH, 2),
    ("baseSequence", BASE_SEQUENCE, 4),
    ("recordsCount", RECORDS_COUNT, 4),
];

/// The header of a record batch, its 13 fields in the order of their bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchHeader {
    /// Offset of the first record. A producer writes 0, the broker patches it.
    pub base_offset: Offset,
    /// Bytes after this field.
    pub batch_length: i32,
    /// Term of the leader that appended the batch; -1 from a producer.
    pub partition_leader_epoch: LeaderEpoch,
    /// Format version, 2.
    pub magic: i8,
    /// CRC-32C of the bytes from the attributes on.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// Last offset minus base offset. Stays when the cleaner removes records.
    pub last_offset_delta: i32,
    /// Timestamp that the records count from, in ms; with the delete horizon flag, that time.
    pub base_timestamp: i64,
    /// Largest timestamp of the records, or the append time, in ms.
    pub max_timestamp: i64,
    /// Producer that wrote the batch; -1 without idempotence.
    pub producer_id: ProducerId,
    /// Incarnation of the producer.
    pub producer_epoch: ProducerEpoch,
    /// Sequence number of the first record; -1 without idempotence.
    pub base_sequence: i32,
    /// Records in the batch.
    pub records_count: i32,
}

fn array<const N: usize>(bytes: &[u8; RECORD_BATCH_OVERHEAD], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

impl BatchHeader {
    /// Reads the 61 bytes; checks nothing but that they are there and of magic 2.
    ///
    /// # Errors
    /// [`BatchErrorKind::Size`] if there are fewer bytes, [`BatchErrorKind::Magic`] for another format.
    #[inline]
    pub fn read(bytes: &[u8]) -> Result<Self, BatchError> {
        if let Some(&magic) = bytes.get(MAGIC)
            && magic as i8 != MAGIC_V2
        {
            return Err(BatchError::new(
                BatchErrorKind::Magic,
                MAGIC,
                "header/magic",
                "2",
                magic as i8,
            ));
        }
        let Some(bytes) = bytes.first_chunk::<RECORD_BATCH_OVERHEAD>() else {
            return Err(BatchError::new(
                BatchErrorKind::Size,
                bytes.len(),
                "header",
                alloc::format!("{RECORD_BATCH_OVERHEAD} bytes"),
                alloc::format!("{} bytes", bytes.len()),
            ));
        };
        Ok(Self {
            base_offset: Offset(i64::from_be_bytes(array(bytes, BASE_OFFSET))),
            batch_length: i32::from_be_bytes(array(bytes, BATCH_LENGTH)),
            partition_leader_epoch: LeaderEpoch(i32::from_be_bytes(array(
                bytes,
                PARTITION_LEADER_EPOCH,
            ))),
            magic: bytes[MAGIC] as i8,
            crc: u32::from_be_bytes(array(bytes, CRC)),
            attributes: Attributes(i16::from_be_bytes(array(bytes, ATTRIBUTES))),
            last_offset_delta: i32::from_be_bytes(array(bytes, LAST_OFFSET_DELTA)),
            base_timestamp: i64::from_be_bytes(array(bytes, BASE_TIMESTAMP)),
            max_timestamp: i64::from_be_bytes(array(bytes, MAX_TIMESTAMP)),
            producer_id: ProducerId(i64::from_be_bytes(array(bytes, PRODUCER_ID))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(array(bytes, PRODUCER_EPOCH))),
            base_sequence: i32::from_be_bytes(array(bytes, BASE_SEQUENCE)),
            records_count: i32::from_be_bytes(array(bytes, RECORDS_COUNT)),
        })
    }

    /// Writes the 61 bytes over the front of `out`, which must be that long.
    pub(crate) fn write(&self, out: &mut [u8; RECORD_BATCH_OVERHEAD]) {
        out[BASE_OFFSET..BATCH_LENGTH].copy_from_slice(&self.base_offset.0.to_be_bytes());
        out[BATCH_LENGTH..PARTITION_LEADER_EPOCH].copy_from_slice(&self.batch_length.to_be_bytes());
        out[PARTITION_LEADER_EPOCH..MAGIC]
            .copy_from_slice(&self.partition_leader_epoch.0.to_be_bytes());
        out[MAGIC] = self.magic as u8;
        out[CRC..ATTRIBUTES].copy_from_slice(&self.crc.to_be_bytes());
        out[ATTRIBUTES..LAST_OFFSET_DELTA].copy_from_slice(&self.attributes.0.to_be_bytes());
        out[LAST_OFFSET_DELTA..BASE_TIMESTAMP]
            .copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[BASE_TIMESTAMP..MAX_TIMESTAMP].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[MAX_TIMESTAMP..PRODUCER_ID].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[PRODUCER_ID..PRODUCER_EPOCH].copy_from_slice(&self.producer_id.0.to_be_bytes());
        out[PRODUCER_EPOCH..BASE_SEQUENCE].copy_from_slice(&self.producer_epoch.0.to_be_bytes());
        out[BASE_SEQUENCE..RECORDS_COUNT].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[RECORDS_COUNT..].copy_from_slice(&self.records_count.to_be_bytes());
    }

    /// Bytes of the whole batch, as its length field says.
    #[inline]
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        usize::try_from(self.batch_length).unwrap_or(0).saturating_add(LOG_OVERHEAD)
    }

    /// Offset of the last record (or of the place where it was before compaction).
    #[inline]
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        self.base_offset.plus(i64::from(self.last_offset_delta))
    }

    /// Offset after the batch.
    #[inline]
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.last_offset().next()
    }

    /// Sequence number of the last record; -1 without idempotence.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            NO_SEQUENCE
        } else {
            increment_sequence(self.base_sequence, self.last_offset_delta)
        }
    }

    /// Written by an idempotent producer.
    #[must_use]
    pub fn has_producer_id(&self) -> bool {
        self.producer_id.0 > ProducerId::NONE.0
    }

    /// Time at which the cleaner may drop the tombstones in this batch, if it set one (KIP-534).
    #[must_use]
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.attributes.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// The codec of the records.
    ///
    /// # Errors
    /// [`BatchErrorKind::UnsupportedCompression`] for a number that Kafka does not know.
    pub fn compression(&self) -> Result<Compression, BatchError> {
        self.attributes.compression().ok_or_else(|| {
            BatchError::new(
                BatchErrorKind::UnsupportedCompression,
                ATTRIBUTES,
                "header/attributes",
                "a codec from 0 to 4",
                self.attributes.0 & Attributes::CODEC_MASK,
            )
        })
    }
}
