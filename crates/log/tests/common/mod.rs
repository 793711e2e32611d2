//! Batches for the tests, as producers send them.

use bytes::Bytes;
use logbrook_record::{BatchBuilder, BatchOptions, ProducerEpoch, ProducerId};

/// The clock of the tests, ms.
pub(crate) const NOW: i64 = 1_700_000_000_000;

/// A plain producer's batch of records `value-0`, `value-1`… at `timestamp` and on.
#[allow(dead_code, reason = "not every test file uses each helper")]
pub(crate) fn batch(records: usize, timestamp: i64) -> Bytes {
    build(BatchOptions::default(), records, timestamp)
}

/// An idempotent producer's.
#[allow(dead_code, reason = "not every test file uses each helper")]
pub(crate) fn idempotent(
    producer_id: i64,
    epoch: i16,
    base_sequence: i32,
    records: usize,
) -> Bytes {
    let options = BatchOptions {
        producer_id: ProducerId(producer_id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence,
        ..BatchOptions::default()
    };
    build(options, records, NOW)
}

/// With options of its own.
pub(crate) fn build(options: BatchOptions, records: usize, timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new(options);
    for index in 0..records {
        let value = format!("value-{index}");
        builder.append(timestamp + index as i64, Some(b"key"), Some(value.as_bytes()), &[]);
    }
    builder.build().expect("a codec that is there")
}
