//! The records of one partition in a fetch response, opened batch by batch (`CompletedFetch`).

use logbrook_sorted::SortedSet;
use std::collections::VecDeque;

use bytes::Bytes;
use logbrook_record::{LeaderEpoch, Offset, Record, TimestampType, batches};

use crate::consumer::ConsumerRecord;
use crate::consumer::config::IsolationLevel;
use crate::error::{KAFKA, KafkaError};
use crate::topic_partition::TopicPartition;

/// What arrived for one partition and is not delivered yet.
#[derive(Clone, Debug)]
pub(super) struct CompletedFetch {
    pub(super) partition: TopicPartition,
    pub(super) next_fetch_offset: Offset,
    pub(super) last_epoch: Option<LeaderEpoch>,
    /// Bytes of batches not opened yet.
    rest: Bytes,
    /// Records of the batch that is open.
    open: VecDeque<Record>,
    open_timestamp_type: TimestampType,
    /// Where the open batch ends.
    batch_end: Option<Offset>,
    /// Aborted transactions ahead: (producer id, first offset), by offset (read_committed).
    aborted: VecDeque<(i64, i64)>,
    aborted_producers: SortedSet<i64>,
    pub(super) delivered: usize,
    pub(super) consumed: bool,
}

impl CompletedFetch {
    /// Batches that arrived for `partition`, asked for from `offset` on. `aborted`: producer id and
    /// first offset of each aborted transaction.
    pub(super) fn new(
        partition: TopicPartition,
        offset: Offset,
        records: Bytes,
        mut aborted: Vec<(i64, i64)>,
    ) -> Self {
        logbrook_sorted::sort_by_key(&mut aborted, |(_, first_offset)| *first_offset);
        Self {
            partition,
            next_fetch_offset: offset,
            last_epoch: None,
            rest: records,
            open: VecDeque::new(),
            open_timestamp_type: TimestampType::CreateTime,
            batch_end: None,
            aborted: aborted.into(),
            aborted_producers: SortedSet::new(),
            delivered: 0,
            consumed: false,
        }
    }

    /// `CompletedFetch.fetchRecords`.
    pub(super) fn fetch_records(
        &mut self,
        isolation_level: IsolationLevel,
        max: usize,
        records: &mut Vec<ConsumerRecord>,
    ) -> Result<(), KafkaError> {
        while records.len() < max {
            match self.open.pop_front() {
                Some(record) if record.offset < self.next_fetch_offset => {}
                Some(record) => {
                    self.next_fetch_offset = record.offset.next();
                    self.delivered += 1;
                    records.push(ConsumerRecord {
                        topic: self.partition.topic.clone(),
                        partition: self.partition.partition,
                        offset: record.offset,
                        leader_epoch: self.last_epoch,
                        timestamp: record.timestamp,
                        timestamp_type: self.open_timestamp_type,
                        key: record.key,
                        value: record.value,
                        headers: record
                            .headers
                            .into_iter()
                            .map(|header| (header.key, header.value))
                            .collect(),
                    });
                }
                None => {
                    if let Some(end) = self.batch_end.take() {
                        self.next_fetch_offset = self.next_fetch_offset.max(end);
                    }
                    if !self.open_next_batch(isolation_level)? {
                        self.consumed = true;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Opens the next batch; false at the end. Control batches and aborted ones are stepped over.
    fn open_next_batch(&mut self, isolation_level: IsolationLevel) -> Result<bool, KafkaError> {
        let partition = self.partition.clone();
        let failed = |error: &dyn core::fmt::Display| {
            KafkaError::client(
                KAFKA,
                format!(
                    "Received exception when fetching the next record from {}. If needed, please seek past the record to continue consumption. ({error})",
                    partition
                ),
            )
        };
        let mut iterator = batches(&self.rest);
        let batch = match iterator.next() {
            None => return Ok(false),
            Some(batch) => batch.map_err(|error| failed(&error))?,
        };
        let header = batch.header();
        let read_committed = isolation_level == IsolationLevel::ReadCommitted;
        let producer = header.producer_id.0;
        let mut skip = header.attributes.is_control();
        let records = batch.records().map_err(|error| failed(&error))?;
        if read_committed && producer >= 0 {
            while let Some((id, first)) = self.aborted.front().copied() {
                if first > batch.last_offset().0 {
                    break;
                }
                self.aborted_producers.insert(id);
                self.aborted.pop_front();
            }
            if header.attributes.is_control() {
                // The key of a marker: version, then type; 0 is an abort (`ControlRecordType`).
                let is_abort = records
                    .first()
                    .and_then(|record| record.key.as_deref())
                    .is_some_and(|key| matches!(key.get(2..4), Some([0, 0])));
                if is_abort {
                    self.aborted_producers.remove(&producer);
                }
            } else if header.attributes.is_transactional()
                && self.aborted_producers.contains(&producer)
            {
                skip = true;
            }
        }
        self.last_epoch = Some(header.partition_leader_epoch).filter(|epoch| epoch.0 >= 0);
        self.open_timestamp_type = header.attributes.timestamp_type();
        self.rest = iterator.rest().clone();
        if skip {
            self.next_fetch_offset = self.next_fetch_offset.max(batch.last_offset().next());
        } else {
            self.open = records.into();
            // Compaction may have taken the last records: what follows starts behind the batch.
            self.batch_end = Some(batch.last_offset().next());
        }
        Ok(true)
    }
}
