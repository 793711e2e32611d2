//! What a consumer wants and has, and where it stands in each partition (`SubscriptionState`).

use logbrook_sorted::SortedSet;

use logbrook_planted::{Bug, planted};
use logbrook_record::{LeaderEpoch, Offset};

use crate::consumer::config::AutoOffsetReset;
use crate::error::KafkaError;
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};

/// How a consumer came to its partitions.
#[derive(Clone, Debug)]
pub(crate) enum SubscriptionType {
    /// Neither subscribed nor assigned.
    None,
    /// `subscribe(topics)`.
    AutoTopics,
    /// `subscribe(pattern)`.
    AutoPattern(regex_lite::Regex),
    /// `subscribe(SubscriptionPattern)`: the coordinator resolves it (KIP-848).
    AutoServerPattern(String),
    /// `assign(partitions)`.
    UserAssigned,
}

/// The next record to deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FetchPosition {
    pub(crate) offset: Offset,
    /// The epoch of the record before, if known.
    pub(crate) offset_epoch: Option<LeaderEpoch>,
}

/// Where the search for a position stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchState {
    /// Nothing known: the committed offset first.
    Initializing,
    /// ListOffsets decides.
    AwaitReset(AutoOffsetReset),
    /// There is a position.
    Fetching(FetchPosition),
}

/// One assigned partition.
#[derive(Clone, Debug)]
pub(crate) struct TopicPartitionState {
    pub(crate) fetch_state: FetchState,
    pub(crate) paused: bool,
    /// To be given up in the rebalance under way: no more records of it are delivered.
    pub(crate) pending_revocation: bool,
    /// Not looked up again before (offset reset).
    pub(crate) next_retry_ms: i64,
    /// A ListOffsets or OffsetFetch for it is under way.
    pub(crate) lookup_in_flight: bool,
    pub(crate) high_watermark: Option<i64>,
    /// Where the leader said to read instead (KIP-392).
    pub(crate) preferred_read_replica: Option<PreferredReadReplica>,
}

/// A replica that the leader prefers a consumer to read, for as long as it leads and the lease lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PreferredReadReplica {
    pub(crate) node: i32,
    /// Ms since the epoch.
    pub(crate) expires_ms: i64,
    /// Who said so, and its epoch.
    pub(crate) leader: (i32, i32),
}

impl TopicPartitionState {
    fn new() -> Self {
        Self {
            fetch_state: FetchState::Initializing,
            paused: false,
            pending_revocation: false,
            next_retry_ms: i64::MIN,
            lookup_in_flight: false,
            high_watermark: None,
            preferred_read_replica: None,
        }
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct SubscriptionState {
    pub(crate) kind: SubscriptionType,
    /// Topics subscribed to (those that match, with a pattern).
    pub(crate) subscription: SortedSet<String>,
    /// Topics of the whole group, if this member leads it.
    pub(crate) group_subscription: SortedSet<String>,
    /// In the order of fetching.
    assignment: Vec<(TopicPartition, TopicPartitionState)>,
    default_reset: AutoOffsetReset,
}

impl SubscriptionState {
    pub(crate) fn new(default_reset: AutoOffsetReset) -> Self {
        Self {
            kind: SubscriptionType::None,
            subscription: SortedSet::new(),
            group_subscription: SortedSet::new(),
            assignment: Vec::new(),
            default_reset,
        }
    }

    pub(crate) fn has_auto_assigned_partitions(&self) -> bool {
        match self.kind {
            SubscriptionType::AutoTopics
            | SubscriptionType::AutoPattern(_)
            | SubscriptionType::AutoServerPattern(_) => true,
            SubscriptionType::None | SubscriptionType::UserAssigned => false,
        }
    }

    /// `setSubscriptionType`: subscribing and assigning exclude each other.
    pub(crate) fn set_kind(&mut self, kind: SubscriptionType) -> Result<(), KafkaError> {
        let same = matches!(
            (&self.kind, &kind),
            (SubscriptionType::None, _)
                | (SubscriptionType::AutoTopics, SubscriptionType::AutoTopics)
                | (SubscriptionType::AutoPattern(_), SubscriptionType::AutoPattern(_))
                | (SubscriptionType::AutoServerPattern(_), SubscriptionType::AutoServerPattern(_))
                | (SubscriptionType::UserAssigned, SubscriptionType::UserAssigned)
        );
        if !same {
            return Err(KafkaError::client(
                "java.lang.IllegalStateException",
                "Subscription to topics, partitions and pattern are mutually exclusive",
            ));
        }
        self.kind = kind;
        Ok(())
    }

    pub(crate) fn unsubscribe(&mut self) {
        self.kind = SubscriptionType::None;
        self.subscription.clear();
        self.group_subscription.clear();
        self.assignment.clear();
    }

    /// `assignFromUser`: partitions kept keep their state.
    pub(crate) fn assign_from_user(&mut self, partitions: &[TopicPartition]) {
        self.set_assignment(java_hash_map_order(partitions, 16));
    }

    /// `assignFromSubscribed`; `partitions` sorted.
    pub(crate) fn assign_from_subscribed(&mut self, partitions: &[TopicPartition]) {
        let capacity = partitions.len().max(1).next_power_of_two();
        self.set_assignment(java_hash_map_order(partitions, capacity));
    }

    fn set_assignment(&mut self, partitions: Vec<TopicPartition>) {
        let mut old = std::mem::take(&mut self.assignment);
        for partition in by_topic(partitions) {
            let state = match old.iter().position(|(other, _)| *other == partition) {
                Some(at) => old.swap_remove(at).1,
                None => TopicPartitionState::new(),
            };
            self.assignment.push((partition, state));
        }
    }

    /// Assigned partitions, in the order of fetching.
    pub(crate) fn assigned(&self) -> impl Iterator<Item = (&TopicPartition, &TopicPartitionState)> {
        self.assignment.iter().map(|(partition, state)| (partition, state))
    }

    /// Assigned partitions, sorted.
    pub(crate) fn assigned_sorted(&self) -> Vec<TopicPartition> {
        let mut partitions: Vec<TopicPartition> =
            self.assignment.iter().map(|(partition, _)| partition.clone()).collect();
        logbrook_sorted::sort(&mut partitions);
        partitions
    }

    pub(crate) fn state(&self, partition: &TopicPartition) -> Option<&TopicPartitionState> {
        self.assignment.iter().find(|(other, _)| other == partition).map(|(_, state)| state)
    }

    pub(crate) fn state_mut(
        &mut self,
        partition: &TopicPartition,
    ) -> Option<&mut TopicPartitionState> {
        self.assignment.iter_mut().find(|(other, _)| other == partition).map(|(_, state)| state)
    }

    /// `assignedState`: the state, or Java's exception.
    pub(crate) fn require(
        &mut self,
        partition: &TopicPartition,
    ) -> Result<&mut TopicPartitionState, KafkaError> {
        self.state_mut(partition).ok_or_else(|| {
            KafkaError::client(
                "java.lang.IllegalStateException",
                format!("No current assignment for partition {partition}"),
            )
        })
    }

    pub(crate) fn position(&self, partition: &TopicPartition) -> Option<FetchPosition> {
        match self.state(partition)?.fetch_state {
            FetchState::Fetching(position) => Some(position),
            FetchState::Initializing | FetchState::AwaitReset(_) => None,
        }
    }

    /// Whether records of it may be delivered.
    pub(crate) fn is_fetchable(&self, partition: &TopicPartition) -> bool {
        self.state(partition).is_some_and(|state| {
            !state.paused
                && !state.pending_revocation
                && matches!(state.fetch_state, FetchState::Fetching(_))
        })
    }

    pub(crate) fn mark_pending_revocation(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(state) = self.state_mut(partition) {
                state.pending_revocation = true;
            }
        }
    }

    /// `movePartitionToEnd`: others have their turn.
    pub(crate) fn move_to_end(&mut self, partition: &TopicPartition) {
        if let Some(at) = self.assignment.iter().position(|(other, _)| other == partition) {
            let entry = self.assignment.remove(at);
            self.assignment.push(entry);
        }
    }

    /// `allConsumed`: positions to commit.
    pub(crate) fn all_consumed(
        &self,
    ) -> logbrook_sorted::SortedMap<TopicPartition, OffsetAndMetadata> {
        self.assignment
            .iter()
            .filter_map(|(partition, state)| match state.fetch_state {
                FetchState::Fetching(position) => Some((
                    partition.clone(),
                    OffsetAndMetadata {
                        offset: position.offset.plus(i64::from(planted(Bug::CommitOneTooFar))),
                        leader_epoch: position.offset_epoch,
                        metadata: String::new(),
                    },
                )),
                FetchState::Initializing | FetchState::AwaitReset(_) => None,
            })
            .collect()
    }

    /// `resetInitializingPositions`: partitions without a committed offset are reset by the policy.
    pub(crate) fn reset_initializing_positions(&mut self) -> Result<(), KafkaError> {
        let policy = self.default_reset;
        let mut without = Vec::new();
        for (partition, state) in &mut self.assignment {
            if state.fetch_state == FetchState::Initializing && !state.lookup_in_flight {
                match policy {
                    AutoOffsetReset::None => without.push(partition.clone()),
                    AutoOffsetReset::Earliest
                    | AutoOffsetReset::Latest
                    | AutoOffsetReset::ByDuration(_) => {
                        state.fetch_state = FetchState::AwaitReset(policy);
                    }
                }
            }
        }
        if without.is_empty() {
            return Ok(());
        }
        Err(KafkaError::client(
            "org.apache.kafka.clients.consumer.NoOffsetForPartitionException",
            format!("Undefined offset with no reset policy for partitions: {}", list(&without)),
        ))
    }

    pub(crate) fn default_reset(&self) -> AutoOffsetReset {
        self.default_reset
    }
}

/// `[a-0, a-1]`, as Java prints a collection.
pub(crate) fn list(partitions: &[TopicPartition]) -> String {
    let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    format!("[{}]", names.join(", "))
}

/// `PartitionStates.update`: partitions of a topic stay together.
fn by_topic(partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
    let mut topics: Vec<&str> = Vec::new();
    for partition in &partitions {
        if !topics.contains(&partition.topic.as_str()) {
            topics.push(&partition.topic);
        }
    }
    topics
        .iter()
        .flat_map(|topic| partitions.iter().filter(move |partition| partition.topic == **topic))
        .cloned()
        .collect()
}

/// `String.hashCode`: over UTF-16 units.
fn java_string_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// `TopicPartition.hashCode`.
fn java_hash(partition: &TopicPartition) -> i32 {
    let partition_hash = 31i32.wrapping_add(partition.partition.0);
    partition_hash.wrapping_mul(31).wrapping_add(java_string_hash(&partition.topic))
}

/// The order in which a `java.util.HashMap` of `capacity` buckets, filled in this order, is iterated.
/// Java's consumer keeps its assignment in one, and so this is the order in which partitions are
/// fetched and delivered.
fn java_hash_map_order(partitions: &[TopicPartition], capacity: usize) -> Vec<TopicPartition> {
    let mut capacity = capacity.max(1);
    let mut unique: Vec<&TopicPartition> = Vec::new();
    for partition in partitions {
        if !unique.contains(&partition) {
            unique.push(partition);
        }
    }
    // Grows by doubling when more than 3/4 full.
    while unique.len() > capacity * 3 / 4 {
        capacity *= 2;
    }
    let bucket = |partition: &TopicPartition| {
        let hash = java_hash(partition) as u32;
        (hash ^ (hash >> 16)) as usize & (capacity - 1)
    };
    // Stable: within a bucket the order of insertion.
    logbrook_sorted::sort_by_key(&mut unique, |partition| bucket(partition));
    unique.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_codes_are_javas() {
        assert_eq!(java_string_hash("orders"), -1_008_770_331);
        assert_eq!(java_string_hash(""), 0);
    }

    #[test]
    fn partitions_come_in_the_order_of_javas_hash_map() {
        let order = |topic: &str, count: i32, capacity: usize| -> Vec<i32> {
            let partitions: Vec<TopicPartition> =
                (0..count).map(|index| TopicPartition::new(topic, index)).collect();
            java_hash_map_order(&partitions, capacity).iter().map(|p| p.partition.0).collect()
        };
        // A recorded session of Kafka 4.4: a group of one drains orders-0, then orders-1.
        assert_eq!(order("orders", 2, 2), [0, 1]);
        // Hash codes worked out by hand: (31 * (31 + p) + hash(topic)), spread by h ^ h >>> 16.
        let by_bucket = |topic: &str, count: i32, capacity: i64| {
            let mut buckets: Vec<(i64, i32)> = (0..count)
                .map(|p| {
                    let hash = (31 * (31 + i64::from(p)) + i64::from(java_string_hash(topic)))
                        .rem_euclid(1 << 32);
                    ((hash ^ (hash >> 16)) % capacity, p)
                })
                .collect();
            logbrook_sorted::sort(&mut buckets);
            buckets.into_iter().map(|(_, p)| p).collect::<Vec<_>>()
        };
        assert_eq!(order("orders", 3, 4), by_bucket("orders", 3, 4));
        // Four do not fit in four buckets at a load factor of 3/4.
        assert_eq!(order("orders", 4, 4), by_bucket("orders", 4, 8));
    }
}
