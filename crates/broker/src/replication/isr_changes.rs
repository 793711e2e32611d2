//! Changes of ISRs on their way to the controller: `AlterPartitionManager`. One request at a time, with
//! one change of each partition; what is refused for a passing reason is sent again.

use kafka_protocol::messages::alter_partition_request::{BrokerState, PartitionData, TopicData};
use kafka_protocol::messages::{AlterPartitionRequest, AlterPartitionResponse, BrokerId};
use logbrook_sorted::SortedMap;

use super::PartitionKey;
use crate::partition::{IsrChange, IsrChangeRefused};
use crate::peers::{PeerChannel, Purpose};
use crate::{Broker, BrokerEvent, BrokerEventKind, Effects, ErrorCode};

/// `DefaultAlterPartitionManager`: how long to wait before a failed request is sent again, in ms.
const RETRY_MS: i64 = 50;

/// Changes that wait to be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct IsrChanges {
    unsent: SortedMap<PartitionKey, IsrChange>,
    /// After a failure: not before this time, in ms.
    retry_at: Option<i64>,
}

impl IsrChanges {
    pub(crate) fn submit(&mut self, key: PartitionKey, change: IsrChange) {
        self.unsent.insert(key, change);
    }

    /// What was sent may not have come: it is sent again, unless there is something newer.
    pub(crate) fn retry(&mut self, now: i64, changes: Vec<(PartitionKey, IsrChange)>) {
        for (key, change) in changes {
            self.unsent.entry(key).or_insert(change);
        }
        self.retry_at = Some(now.saturating_add(RETRY_MS));
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.retry_at
    }

    /// Everything that waits, once it is time.
    fn due(&mut self, now: i64) -> Vec<(PartitionKey, IsrChange)> {
        if self.retry_at.is_some_and(|at| at > now) {
            return Vec::new();
        }
        self.retry_at = None;
        core::mem::take(&mut self.unsent).into_iter().collect()
    }
}

impl Broker {
    /// Asks the controller for a change of a partition's ISR.
    pub(crate) fn submit_isr_change(
        &mut self,
        key: PartitionKey,
        change: IsrChange,
        effects: &mut Effects,
    ) {
        let kind = BrokerEventKind::IsrChangeAsked {
            topic: key.0.clone(),
            partition: key.1,
            isr: change.isr.iter().map(|(id, _)| *id).collect(),
        };
        effects.events.push(BrokerEvent { cause: None, kind });
        self.isr_changes.submit(key, change);
    }

    /// Looks for followers that have fallen behind (`ReplicaManager.maybeShrinkIsr`).
    pub(crate) fn shrink_isrs(&mut self, now: i64, effects: &mut Effects) {
        for (key, change) in self.replica_manager.shrink_isrs(now) {
            self.submit_isr_change(key, change, effects);
        }
    }

    /// Sends what waits, if nothing is on its way.
    pub(crate) fn drive_isr_changes(&mut self, now: i64, effects: &mut Effects) {
        let Some(controller) = self.remote_controller() else { return };
        self.isr_changes.retry_at.take_if(|at| *at <= now);
        if self.peers.is_busy(controller, PeerChannel::AlterPartition) {
            return;
        }
        let mut changes = self.isr_changes.due(now);
        changes.retain(|(key, change)| {
            self.replica_manager.partition(&key.0, key.1).is_some_and(|p| p.waits_for(change))
        });
        if changes.is_empty() {
            return;
        }
        let mut topics: Vec<TopicData> = Vec::new();
        for ((topic, index), change) in &changes {
            let Some(topic_id) = self.image.topic(topic).map(|topic| topic.id) else { continue };
            let isr = change.isr.iter().map(|(id, epoch)| {
                BrokerState::default().with_broker_id(BrokerId(*id)).with_broker_epoch(*epoch)
            });
            let partition = PartitionData::default()
                .with_partition_index(*index)
                .with_leader_epoch(change.leader_epoch)
                .with_new_isr_with_epochs(isr.collect())
                .with_partition_epoch(change.partition_epoch);
            match topics.last_mut() {
                Some(last) if last.topic_id == topic_id => last.partitions.push(partition),
                Some(_) | None => topics.push(
                    TopicData::default().with_topic_id(topic_id).with_partitions(vec![partition]),
                ),
            }
        }
        let body = AlterPartitionRequest::default()
            .with_broker_id(BrokerId(self.config.node_id))
            .with_broker_epoch(self.broker_epoch())
            .with_topics(topics);
        let timeout_ms = self.config.number("controller.socket.timeout.ms");
        let to = (controller, PeerChannel::AlterPartition);
        self.send(now, to, body.into(), timeout_ms, Purpose::AlterPartition(changes), effects);
    }

    /// `DefaultAlterPartitionManager.handleAlterPartitionResponse`.
    pub(crate) fn partitions_altered(
        &mut self,
        now: i64,
        asked: Vec<(PartitionKey, IsrChange)>,
        response: &AlterPartitionResponse,
        effects: &mut Effects,
    ) {
        match ErrorCode::from_code(response.error_code) {
            Some(ErrorCode::None) => {}
            // A stale epoch: this broker registers anew, and asks again afterwards.
            Some(_) | None => return self.isr_changes.retry(now, asked),
        }
        for (key, change) in asked {
            let topic_id = self.image.topic(&key.0).map(|topic| topic.id);
            let told = response
                .topics
                .iter()
                .filter(|topic| Some(topic.topic_id) == topic_id)
                .flat_map(|topic| &topic.partitions)
                .find(|partition| partition.partition_index == key.1);
            // A partition that the response leaves out is asked for again.
            let Some(told) = told else {
                self.isr_changes.retry(now, vec![(key, change)]);
                continue;
            };
            match ErrorCode::from_code(told.error_code) {
                Some(ErrorCode::None) => {
                    let isr: Vec<i32> = told.isr.iter().map(|id| id.0).collect();
                    let epochs = (told.leader_epoch, told.partition_epoch);
                    self.replica_manager.isr_changed(now, &key, &change, isr, epochs, effects);
                }
                error => {
                    let error = error.unwrap_or(ErrorCode::UnknownServerError);
                    let refused = self
                        .replica_manager
                        .partition_mut(&key.0, key.1)
                        .map(|partition| partition.isr_change_refused(&change, error));
                    if refused == Some(IsrChangeRefused::Retry) {
                        self.isr_changes.retry(now, vec![(key, change)]);
                    }
                }
            }
        }
    }
}
