//! Committed offsets (`OffsetMetadataManager`).

use alloc::string::String;
use alloc::vec::Vec;

use super::Groups;
use crate::consumer_group::PartitionCheck;
use crate::records::OffsetCommitValue;
use crate::{
    Decided, Decision, FetchedOffset, GroupError, GroupEvent, GroupRecord, OffsetCommit,
    OffsetDelete, OffsetFetch, OffsetResult, TopicPartition,
};

impl Groups {
    /// OffsetCommit; one result an offset in the order asked, or one error for all.
    pub fn offset_commit(
        &mut self,
        now: i64,
        request: &OffsetCommit,
    ) -> Decided<Result<Vec<OffsetResult>, GroupError>> {
        let mut decision = Decision::default();
        let is_consumer_group = self.durable.consumer_groups.contains_key(&request.group_id);
        let valid = match self.groups.get_mut(&request.group_id) {
            _ if is_consumer_group => self.validate_consumer_group_commit(request, false),
            Some(group) => group.validate_offset_commit(now, request),
            // A group that only keeps offsets comes into being with its first one.
            None if request.generation_id < 0 => Ok(()),
            None if request.knows_group_id_not_found => Err(GroupError::GroupIdNotFound),
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
            let TopicPartition { topic, partition } = &offset.partition;
            decision.records.push(GroupRecord::OffsetCommit {
                group_id: request.group_id.clone(),
                topic: topic.clone(),
                partition: *partition,
                value: Some(OffsetCommitValue {
                    offset: offset.offset,
                    leader_epoch: offset.leader_epoch,
                    metadata: offset.metadata.clone(),
                    commit_timestamp: now,
                    expire_timestamp: request
                        .retention_time_ms
                        .map_or(-1, |retention_ms| now.saturating_add(retention_ms)),
                    topic_id: offset.topic_id,
                }),
            });
            decision.events.push(GroupEvent::OffsetCommitted {
                group_id: request.group_id.clone(),
                topic: topic.clone(),
                partition: *partition,
                offset: offset.offset,
                member_id: request.member_id.clone(),
                generation_id: request.generation_id,
            });
        }
        Decided { response: Ok(results), decision }
    }

    /// Whether a consumer group takes a commit. One partition that may not be committed spoils all:
    /// Kafka's validator throws, and no record is written.
    pub(super) fn validate_consumer_group_commit(
        &self,
        request: &OffsetCommit,
        is_transactional: bool,
    ) -> Result<(), GroupError> {
        let group = self.durable.consumer_groups.get(&request.group_id);
        let group = group.ok_or(GroupError::GroupIdNotFound)?;
        match group.validate_offset_commit(request, is_transactional)? {
            PartitionCheck::None => Ok(()),
            PartitionCheck::AssignmentEpoch => request
                .offsets
                .iter()
                .filter(|offset| !self.is_metadata_too_large(&offset.metadata))
                .try_for_each(|offset| {
                    group.validate_commit_of(request, &offset.topic_id)(&offset.partition)
                }),
        }
    }

    /// Java counts UTF-16 units.
    pub(super) fn is_metadata_too_large(&self, metadata: &str) -> bool {
        metadata.encode_utf16().count() > self.config.offset_metadata_max_bytes
    }

    /// OffsetFetch of one group: partitions without an offset answer -1, in the order asked; all
    /// are in the order of topic and partition. A group that is not known has no offsets. The error
    /// is for a member that names itself and is not in its epoch.
    pub fn offset_fetch(&self, request: &OffsetFetch) -> Result<Vec<FetchedOffset>, GroupError> {
        if let Some(group) = self.durable.consumer_groups.get(&request.group_id) {
            group.validate_offset_fetch(request.member_id.as_deref(), request.member_epoch)?;
        }
        Ok(self.fetch_offsets(request))
    }

    fn fetch_offsets(&self, request: &OffsetFetch) -> Vec<FetchedOffset> {
        let offsets = self.durable.offsets.get(&request.group_id);
        let pending = &self.durable.pending_offsets;
        let answer = |partition: &TopicPartition, value: Option<&OffsetCommitValue>| {
            if request.require_stable && pending.contains(&request.group_id, partition) {
                let error = Some(GroupError::UnstableOffsetCommit);
                FetchedOffset { error, ..fetched(partition, None) }
            } else {
                fetched(partition, value)
            }
        };
        match &request.partitions {
            Some(partitions) => partitions
                .iter()
                .map(|partition| answer(partition, offsets.and_then(|all| all.get(partition))))
                .collect(),
            None => offsets
                .into_iter()
                .flatten()
                .map(|(partition, value)| answer(partition, Some(value)))
                .collect(),
        }
    }

    /// The committed offset of a partition.
    pub fn committed(&self, group_id: &str, partition: &TopicPartition) -> Option<FetchedOffset> {
        let value = self.durable.offsets.get(group_id)?.get(partition)?;
        Some(fetched(partition, Some(value)))
    }

    /// OffsetDelete; one result a partition in the order asked, or one error for all.
    pub fn offset_delete(
        &mut self,
        request: &OffsetDelete,
    ) -> Decided<Result<Vec<OffsetResult>, GroupError>> {
        let mut decision = Decision::default();
        // A consumer group always lets offsets go of topics that it does not read.
        let valid = match self.groups.get(&request.group_id) {
            _ if self.durable.consumer_groups.contains_key(&request.group_id) => Ok(()),
            Some(group) => group.validate_offset_delete(),
            None => Err(GroupError::GroupIdNotFound),
        };
        let response = valid.map(|()| {
            request
                .partitions
                .iter()
                .map(|partition| {
                    let error = self
                        .is_subscribed_to_topic(&request.group_id, &partition.topic)
                        .then_some(GroupError::GroupSubscribedToTopic);
                    OffsetResult { partition: partition.clone(), error }
                })
                .collect::<Vec<_>>()
        });
        for result in response.iter().flatten().filter(|result| result.error.is_none()) {
            self.remove_offsets(
                &request.group_id,
                |partition| *partition == result.partition,
                &mut decision,
            );
        }
        Decided { response, decision }
    }

    /// What follows from the deletion of partitions: their offsets are removed.
    pub fn partitions_deleted(&mut self, partitions: &[TopicPartition]) -> Decision {
        let mut out = Decision::default();
        let pending = self.durable.pending_offsets.group_ids();
        let with_pending_only =
            pending.into_iter().filter(|group_id| !self.durable.offsets.contains_key(*group_id));
        for group_id in self.durable.offsets.keys().chain(with_pending_only) {
            self.remove_offsets(group_id, |partition| partitions.contains(partition), &mut out);
        }
        out
    }

    /// Removes offsets whose retention is over, and groups without members that have none left.
    pub(super) fn expire_offsets(&mut self, now: i64, out: &mut Decision) {
        let retention_ms = self.config.offsets_retention_ms;
        for (group_id, is_empty) in self.group_ids() {
            let offsets = self.durable.offsets.get(group_id);
            let expired = |partition: &TopicPartition, value: &OffsetCommitValue| {
                let start = self.offset_retention_start(group_id, value.commit_timestamp);
                !self.is_subscribed_to_topic(group_id, &partition.topic)
                    && !self.durable.pending_offsets.contains(group_id, partition)
                    && is_expired(start, value, now, retention_ms)
            };
            self.remove_offsets(
                group_id,
                |partition| {
                    offsets
                        .and_then(|offsets| offsets.get(partition))
                        .is_some_and(|value| expired(partition, value))
                },
                out,
            );
            let all_expired =
                offsets.into_iter().flatten().all(|(partition, value)| expired(partition, value));
            let has_pending = self.durable.pending_offsets.contains_group(group_id);
            if all_expired && is_empty && !has_pending {
                self.delete_group(group_id, out);
            }
        }
    }

    /// The groups of both kinds, and whether each is without members.
    fn group_ids(&self) -> impl Iterator<Item = (&str, bool)> {
        let classic = self.groups.values().map(|group| (group.group_id(), group.is_empty()));
        let consumer = self.durable.consumer_groups.values();
        classic.chain(consumer.map(|group| (group.group_id(), group.is_empty())))
    }

    fn is_subscribed_to_topic(&self, group_id: &str, topic: &str) -> bool {
        match self.durable.consumer_groups.get(group_id) {
            Some(group) => group.is_subscribed_to_topic(topic),
            None => self.groups.get(group_id).is_some_and(|g| g.is_subscribed_to_topic(topic)),
        }
    }

    /// Since when the retention of an offset counts; None while it may not expire.
    fn offset_retention_start(&self, group_id: &str, commit_timestamp: i64) -> Option<i64> {
        if self.durable.consumer_groups.contains_key(group_id) {
            return Some(commit_timestamp);
        }
        self.groups.get(group_id)?.offset_retention_start(commit_timestamp)
    }

    /// Tombstones for the offsets of a group that are meant, those of open transactions too.
    pub(super) fn remove_offsets(
        &self,
        group_id: &str,
        meant: impl Fn(&TopicPartition) -> bool,
        out: &mut Decision,
    ) {
        let offsets = self.durable.offsets.get(group_id);
        let pending_only =
            self.durable.pending_offsets.partitions(group_id).into_iter().filter(|partition| {
                !offsets.is_some_and(|offsets| offsets.contains_key(*partition))
            });
        let all = offsets.into_iter().flat_map(|all| all.keys()).chain(pending_only);
        for TopicPartition { topic, partition } in all.filter(|partition| meant(partition)) {
            out.records.push(GroupRecord::OffsetCommit {
                group_id: group_id.into(),
                topic: topic.clone(),
                partition: *partition,
                value: None,
            });
            out.events.push(GroupEvent::OffsetRemoved {
                group_id: group_id.into(),
                topic: topic.clone(),
                partition: *partition,
            });
        }
    }
}

/// Old commits carry when they expire (before KIP-211); of others the group says since when their
/// retention counts.
fn is_expired(
    retention_start: Option<i64>,
    value: &OffsetCommitValue,
    now: i64,
    retention_ms: i64,
) -> bool {
    match retention_start {
        None => false,
        Some(_) if value.expire_timestamp >= 0 => now >= value.expire_timestamp,
        Some(start) => now.saturating_sub(start) >= retention_ms,
    }
}

fn fetched(partition: &TopicPartition, value: Option<&OffsetCommitValue>) -> FetchedOffset {
    FetchedOffset {
        partition: partition.clone(),
        offset: value.map_or(-1, |value| value.offset),
        leader_epoch: value.map_or(-1, |value| value.leader_epoch),
        metadata: value.map_or_else(String::new, |value| value.metadata.clone()),
        error: None,
    }
}
