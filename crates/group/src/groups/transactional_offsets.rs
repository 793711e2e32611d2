//! Offsets committed within a transaction (`OffsetMetadataManager`, KIP-98): they are in the log, and
//! count once the transaction's commit marker is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use logbrook_sorted::SortedMap;

use super::Groups;
use crate::records::OffsetCommitValue;
use crate::{
    Decided, Decision, GroupError, GroupEvent, GroupRecord, OffsetCommit, OffsetResult,
    TopicPartition, TxnOffsetCommit,
};

/// Offsets of open transactions: by producer id, group and partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingOffsets {
    by_producer: SortedMap<i64, SortedMap<String, SortedMap<TopicPartition, PendingOffset>>>,
    /// How many were ever taken in: later ones win over earlier ones.
    next_order: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PendingOffset {
    value: OffsetCommitValue,
    /// The order of the log, among transactional offsets.
    order: u64,
    /// A later record has set the offset meanwhile: this one will not, whatever the outcome.
    superseded: bool,
}

impl PendingOffsets {
    fn add(
        &mut self,
        producer_id: i64,
        group_id: &str,
        partition: TopicPartition,
        value: OffsetCommitValue,
    ) {
        let order = self.next_order;
        self.next_order += 1;
        let groups = self.by_producer.entry(producer_id).or_default();
        let offsets = groups.entry(group_id.to_string()).or_default();
        offsets.insert(partition, PendingOffset { value, order, superseded: false });
    }

    /// Whether an open transaction has an offset for this partition.
    pub fn contains(&self, group_id: &str, partition: &TopicPartition) -> bool {
        self.of_group(group_id).any(|offsets| offsets.contains_key(partition))
    }

    /// Whether an open transaction has an offset of this group.
    pub(super) fn contains_group(&self, group_id: &str) -> bool {
        self.of_group(group_id).next().is_some()
    }

    /// The partitions of a group with offsets in open transactions, each once.
    pub(super) fn partitions(&self, group_id: &str) -> Vec<&TopicPartition> {
        let mut all: Vec<&TopicPartition> =
            self.of_group(group_id).flat_map(SortedMap::keys).collect();
        logbrook_sorted::sort(&mut all);
        all.dedup();
        all
    }

    /// The groups with offsets in open transactions, each once.
    pub(super) fn group_ids(&self) -> Vec<&String> {
        let mut all: Vec<&String> = self.by_producer.values().flat_map(SortedMap::keys).collect();
        logbrook_sorted::sort(&mut all);
        all.dedup();
        all
    }

    fn of_group(
        &self,
        group_id: &str,
    ) -> impl Iterator<Item = &SortedMap<TopicPartition, PendingOffset>> {
        self.by_producer.values().filter_map(move |groups| groups.get(group_id))
    }

    /// An offset was set by a record after those with an order below `before`.
    pub(super) fn supersede(&mut self, group_id: &str, partition: &TopicPartition, before: u64) {
        for groups in self.by_producer.values_mut() {
            let pending = groups.get_mut(group_id).and_then(|offsets| offsets.get_mut(partition));
            if let Some(pending) = pending.filter(|pending| pending.order < before) {
                pending.superseded = true;
            }
        }
    }

    /// A tombstone takes what is pending with it.
    pub(super) fn remove(&mut self, group_id: &str, partition: &TopicPartition) {
        for groups in self.by_producer.values_mut() {
            if let Some(offsets) = groups.get_mut(group_id) {
                offsets.remove(partition);
                if offsets.is_empty() {
                    groups.remove(group_id);
                }
            }
        }
        self.by_producer.retain(|_, groups| !groups.is_empty());
    }
}

impl Groups {
    /// TxnOffsetCommit; one result an offset in the order asked, or one error for all. The records
    /// are to be written under the producer's id and epoch, and replayed by
    /// [`replay_transactional`](Self::replay_transactional).
    pub fn txn_offset_commit(
        &mut self,
        now: i64,
        request: &TxnOffsetCommit,
    ) -> Decided<Result<Vec<OffsetResult>, GroupError>> {
        let mut decision = Decision::default();
        let consumer_group = self.durable.consumer_groups.get(&request.group_id);
        let valid = match self.groups.get(&request.group_id) {
            _ if request.group_id.is_empty() => Err(GroupError::InvalidGroupId),
            _ if consumer_group.is_some() => self.validate_consumer_txn_commit(request),
            Some(group) => group.validate_txn_offset_commit(request),
            None if request.generation_id < 0 => Ok(()),
            None => Err(GroupError::IllegalGeneration),
        };
        if let Err(error) = valid {
            return Decided { response: Err(error), decision };
        }
        self.schedule_expiration(now);
        let mut results = Vec::new();
        for offset in &request.offsets {
            let error = self
                .is_metadata_too_large(&offset.metadata)
                .then_some(GroupError::OffsetMetadataTooLarge);
            results.push(OffsetResult { partition: offset.partition.clone(), error });
            if error.is_some() {
                continue;
            }
            decision.records.push(GroupRecord::OffsetCommit {
                group_id: request.group_id.clone(),
                topic: offset.partition.topic.clone(),
                partition: offset.partition.partition,
                value: Some(OffsetCommitValue {
                    offset: offset.offset,
                    leader_epoch: offset.leader_epoch,
                    metadata: offset.metadata.clone(),
                    commit_timestamp: now,
                    expire_timestamp: -1,
                    topic_id: offset.topic_id,
                }),
            });
        }
        Decided { response: Ok(results), decision }
    }

    /// A stale epoch is a wrong generation here: TxnOffsetCommit knows no other word for it.
    fn validate_consumer_txn_commit(&self, request: &TxnOffsetCommit) -> Result<(), GroupError> {
        let commit = OffsetCommit {
            group_id: request.group_id.clone(),
            generation_id: request.generation_id,
            member_id: request.member_id.clone(),
            group_instance_id: request.group_instance_id.clone(),
            knows_group_id_not_found: false,
            retention_time_ms: None,
            offsets: request.offsets.clone(),
        };
        self.validate_consumer_group_commit(&commit, true).map_err(|error| match error {
            GroupError::StaleMemberEpoch => GroupError::IllegalGeneration,
            other => other,
        })
    }

    /// [`replay`](Self::replay) of a record in a transactional batch of this producer.
    pub fn replay_transactional(&mut self, producer_id: i64, record: &GroupRecord) {
        let GroupRecord::OffsetCommit { group_id, topic, partition, value: Some(value) } = record
        else {
            return self.replay(record);
        };
        self.create_for_offsets(group_id, value.commit_timestamp);
        let partition = TopicPartition::new(topic.clone(), *partition);
        let value = value.clone();
        self.durable.pending_offsets.add(producer_id, group_id, partition, value);
    }

    /// Applies a transaction's marker: the offsets of the producer count from now on, or never will.
    /// Tells of those that count.
    pub fn replay_end_transaction_marker(
        &mut self,
        producer_id: i64,
        committed: bool,
    ) -> Vec<GroupEvent> {
        let mut events = Vec::new();
        let ended = self.durable.pending_offsets.by_producer.remove(&producer_id);
        if !committed {
            return events;
        }
        for (group_id, offsets) in ended.unwrap_or_default() {
            for (partition, PendingOffset { value, order, superseded }) in offsets {
                if superseded {
                    continue;
                }
                self.durable.pending_offsets.supersede(&group_id, &partition, order);
                events.push(GroupEvent::OffsetCommitted {
                    group_id: group_id.clone(),
                    topic: partition.topic.clone(),
                    partition: partition.partition,
                    offset: value.offset,
                    member_id: String::new(),
                    generation_id: -1,
                });
                let committed = self.durable.offsets.entry(group_id.clone()).or_default();
                committed.insert(partition, value);
            }
        }
        events
    }
}
