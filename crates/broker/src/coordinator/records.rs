//! Groups' records in the log of `__consumer_offsets`: written as one batch, read back at a load.

use logbrook_group::GroupRecord;
use logbrook_log::{AppendOrigin, Log};
use logbrook_record::{BatchBuilder, BatchOptions};

use super::GROUP_METADATA_TOPIC_NAME;
use crate::replica_manager::Append;
use crate::{Broker, Cause, Effects, ErrorCode};

/// One batch, as a coordinator writes it: uncompressed (`offsets.topic.compression.codec`), and
/// with a base sequence of 0 although there is no producer id.
pub(super) fn append(
    broker: &mut Broker,
    now: i64,
    index: i32,
    records: &[GroupRecord],
    cause: Option<Cause>,
    effects: &mut Effects,
) -> Result<(), ErrorCode> {
    let options = BatchOptions { base_sequence: 0, ..BatchOptions::default() };
    let mut builder = BatchBuilder::new(options);
    for record in records {
        let value = record.encode_value();
        let _ = builder.append(now, Some(&record.encode_key()), value.as_deref(), &[]);
    }
    let records = builder.build().map_err(|_| ErrorCode::UnknownServerError)?;
    let append = Append {
        topic: GROUP_METADATA_TOPIC_NAME,
        index,
        records,
        origin: AppendOrigin::Coordinator,
        acks: -1,
    };
    match broker.replica_manager.append(now, append, cause, effects) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.code()),
    }
}

/// The records of the log from its start. What is no group's or offset's record, or cannot be
/// read, is left out, as Kafka's loader logs it and goes on.
pub(super) fn read(log: &Log) -> Vec<GroupRecord> {
    log.batches(log.log_start_offset(), log.log_end_offset())
        .filter(|batch| !batch.header().attributes.is_control())
        .flat_map(|batch| batch.records().unwrap_or_default())
        .filter_map(|record| {
            GroupRecord::decode(record.key.as_deref()?, record.value.as_deref()).ok()
        })
        .collect()
}
