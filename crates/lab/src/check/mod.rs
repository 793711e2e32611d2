//! The assertions: a closed set, each with what it means. How each is said as a goal is in [`sentence`].

mod sentence;

use logbrook_sorted::SortedMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::duration::Millis;
use crate::level::When;
use crate::selection::Selection;

/// What an assertion checks.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    /// The topic exists, with this many partitions, copies and these settings where given.
    TopicExists {
        /// Topic name.
        topic: String,
        /// Exact number of partitions.
        partitions: Option<i32>,
        /// Exact replication factor.
        replication: Option<i16>,
        /// Settings that must have these values.
        #[serde(default)]
        config: SortedMap<String, String>,
    },
    /// No topic has this name.
    TopicAbsent {
        /// Topic name.
        topic: String,
    },
    /// What a reader gets from the log, not end minus start: offsets may have holes.
    RecordCount {
        /// Topic name.
        topic: String,
        /// One partition of it; all without.
        partition: Option<i32>,
        /// Only records with this key.
        key: Option<String>,
        /// Which records count: what a reader with this setting gets.
        #[serde(default)]
        isolation: Isolation,
        /// At least so many.
        min: Option<u64>,
        /// At most so many.
        max: Option<u64>,
    },
    /// Each record of the topic was processed (or shown, for the console) at least once.
    EachRecordProcessedAtLeastOnce {
        /// By a member of this group.
        group: Option<String>,
        /// Or by an instance of this app; `console` is the learner's own tools.
        app: Option<String>,
        /// Topic name.
        topic: String,
        /// Which of its records.
        #[serde(default)]
        of: Selection,
    },
    /// Each entity's events complete for the first time with `n` ascending. Repeats are ignored.
    ProcessedInOrderPerKey {
        /// The group whose members process.
        group: String,
        /// The entity field.
        by: String,
    },
    /// The store equals the fold of each event of the app, once.
    StoreEquals {
        /// The store.
        store: String,
        /// The producing app.
        from: String,
    },
    /// Records between the group's committed offset and the log's end, in each partition.
    LagAtMost {
        /// The group.
        group: String,
        /// Only of this topic.
        topic: Option<String>,
        /// Only of this partition.
        partition: Option<i32>,
        /// Most records.
        max: u64,
    },
    /// The same, and none took effect a second time.
    EachRecordProcessedExactlyOnce {
        /// By a member of this group.
        group: Option<String>,
        /// Or by an instance of this app.
        app: Option<String>,
        /// Topic name.
        topic: String,
        /// Which of its records.
        #[serde(default)]
        of: Selection,
    },
    /// None took effect a second time; some may have been left out.
    EachRecordProcessedAtMostOnce {
        /// By a member of this group.
        group: Option<String>,
        /// Or by an instance of this app.
        app: Option<String>,
        /// Topic name.
        topic: String,
        /// Which of its records.
        #[serde(default)]
        of: Selection,
    },
    /// So many records at most were processed again.
    ReprocessedAtMost {
        /// By the members of this group.
        group: Option<String>,
        /// Or by the instances of this app; `console` is the learner's own tools.
        app: Option<String>,
        /// Most repeats.
        max: u64,
    },
    /// No partition has records that wait while none is finished for longer than this.
    LongestStallAtMost {
        /// The group whose members process.
        group: String,
        /// Only this partition.
        partition: Option<i32>,
        /// Longest stall in milliseconds.
        ms: u64,
    },
    /// A dead letter topic holds these events.
    DlqContains {
        /// The dead letter topic.
        topic: String,
        /// These and nothing else.
        exactly: Option<Selection>,
        /// These, and maybe others.
        at_least: Option<Selection>,
        /// Headers that each of them has.
        #[serde(default)]
        headers: Vec<String>,
        /// Whether one of them may stand there more than once.
        #[serde(default)]
        duplicates_allowed: bool,
    },
    /// Every acknowledged event can be read, unless its log's start has passed it.
    NoAckedRecordLost {
        /// Events of this app.
        app: Option<String>,
        /// Or of this topic.
        topic: Option<String>,
    },
    /// Each event that the app was given is acknowledged.
    AllSendsAcked {
        /// The producing app.
        app: String,
    },
    /// No event waits longer for its acknowledgement.
    WriteStallAtMost {
        /// The producing app.
        app: String,
        /// Longest wait in milliseconds.
        ms: u64,
    },
    /// 99 of 100 events wait no longer for their acknowledgement.
    SendLatencyAtMost {
        /// The producing app.
        app: String,
        /// Longest wait of the 99 in milliseconds.
        p99_ms: u64,
    },
    /// Records like this are readable.
    RecordReadable {
        /// Topic name.
        topic: String,
        /// What they are like.
        #[serde(rename = "match")]
        wanted: RecordMatch,
        /// At least so many; 1 without.
        count: Option<u64>,
    },
    /// The last record of a key has this value, or there is none.
    LatestValueIs {
        /// Topic name.
        topic: String,
        /// The key.
        key: String,
        /// The value.
        value: Option<String>,
        /// Instead of a value: the key has none, or a tombstone.
        #[serde(default)]
        absent: bool,
    },
    /// Each entity's events are in one partition, with `n` ascending.
    RecordsInOrderPerKey {
        /// Topic name.
        topic: String,
        /// The entity field; the generator's own without.
        by: Option<String>,
    },
    /// All records of a key are in one partition, whoever wrote them.
    KeysInOnePartition {
        /// Topic name.
        topic: String,
    },
    /// No partition holds more than this share of the records.
    RecordsSpread {
        /// Topic name.
        topic: String,
        /// In percent.
        max_percent: u64,
    },
    /// No event stands in the topic twice.
    NoDuplicateRecord {
        /// Topic name.
        topic: String,
        /// Which records count: what a reader with this setting gets.
        #[serde(default)]
        isolation: Isolation,
    },
    /// One of the four offsets of a partition.
    OffsetIs {
        /// Which of them.
        which: Which,
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// Exactly.
        eq: Option<i64>,
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
    },
    /// The group's committed offset: the next record that it will read.
    CommittedOffsetEquals {
        /// The group.
        group: String,
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// Exactly.
        eq: Option<i64>,
        /// At least.
        min: Option<i64>,
        /// At most.
        max: Option<i64>,
    },
    /// Somebody leads the partition, and is up.
    PartitionHasLeader {
        /// Topic name.
        topic: String,
        /// One partition; all without.
        partition: Option<i32>,
    },
    /// This broker leads the partition.
    LeaderIs {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// The broker.
        node: i32,
    },
    /// Another broker leads the partition.
    LeaderIsNot {
        /// Topic name.
        topic: String,
        /// Partition.
        partition: i32,
        /// The broker.
        node: i32,
    },
    /// So many replicas are in sync.
    PartitionHasIsr {
        /// Topic name.
        topic: String,
        /// One partition; all without.
        partition: Option<i32>,
        /// At least.
        min: Option<i64>,
        /// Exactly.
        eq: Option<i64>,
    },
    /// Brokers lead about as many partitions.
    LeadersBalanced {
        /// Of this topic; of all without.
        topic: Option<String>,
        /// How far the numbers may differ.
        max_extra: i64,
    },
    /// No partition was ever given a leader that was neither in sync nor eligible.
    NoUncleanElection {
        /// Of this topic; of all without.
        topic: Option<String>,
    },
    /// Every replica holds the same bytes as the leader, below the high watermark.
    ReplicasIdentical {
        /// Topic name.
        topic: String,
    },
    /// No record is gone before it has this age, and none can be read beyond that age.
    RetainedBetween {
        /// Topic name.
        topic: String,
        /// So long it stays.
        min_age: Millis,
        /// So old it may become.
        max_age: Millis,
    },
    /// All brokers are up and all replicas in sync.
    ClusterHealthy {
        /// `each`: and each broker was started again since the beginning.
        restarted: Option<Restarted>,
    },
    /// The app runs.
    AppRunning {
        /// The app.
        app: String,
        /// So many of its instances; all that are wanted without.
        instances: Option<u64>,
        /// It crashed so often at most.
        crashes_max: Option<u64>,
    },
    /// A setting in force, wherever it comes from.
    ConfigIs {
        /// A topic, or `broker N`.
        entity: String,
        /// The setting.
        name: String,
        /// Exactly this text.
        eq: Option<String>,
        /// A number of at least this.
        min: Option<i64>,
        /// A number of at most this.
        max: Option<i64>,
    },
    /// Nothing of these was changed by anybody but themselves: no topic's settings, partitions or existence, no
    /// committed offset from outside the group, no deployment.
    Untouched {
        /// Topics.
        #[serde(default)]
        topics: Vec<String>,
        /// Groups.
        #[serde(default)]
        groups: Vec<String>,
        /// Apps.
        #[serde(default)]
        apps: Vec<String>,
    },
    /// A group as its coordinator has it.
    GroupIs {
        /// The group.
        group: String,
        /// `classic` or `consumer`.
        protocol: Option<String>,
        /// Kafka's name of the state: `Stable`, `Empty`, …
        state: Option<String>,
        /// So many members.
        members: Option<u64>,
        /// So many members at most.
        members_max: Option<u64>,
    },
    /// The group's members have about as many partitions each.
    AssignmentBalanced {
        /// The group.
        group: String,
        /// How far the numbers of those that have some may differ.
        max_diff: u64,
        /// So many members without a partition at most.
        idle_max: Option<u64>,
    },
    /// The group began to rebalance so often at most.
    RebalancesAtMost {
        /// The group.
        group: String,
        /// Most rebalances.
        max: u64,
    },
    /// Rebalances kept partitions from being read for so long at most, all of them together.
    RebalancePausesAtMost {
        /// The group.
        group: String,
        /// Longest time in milliseconds, added up over partitions and rebalances.
        ms: u64,
    },
    /// What was written in a transaction counts together or not at all: none is open at the end, none was
    /// committed in one partition and aborted in another, and the reader took nothing of an aborted one.
    TransactionsAtomic {
        /// The topics that transactions write to.
        topics: Vec<String>,
        /// The reader: members of this group.
        group: Option<String>,
        /// Or instances of this app; `console` is the learner's own tools. Without either no reader is judged.
        app: Option<String>,
    },
    /// When a member dies, its partitions' records are processed again by another within this time.
    TakeoverWithin {
        /// The group whose members process.
        group: String,
        /// Longest time in milliseconds.
        ms: u64,
    },
    /// No event took effect twice in the store.
    EffectsExactlyOnce {
        /// A store of the kind `log`.
        store: String,
    },
    /// Questions answered before their reveal; right or wrong.
    Predicted {
        /// These; all of the level without.
        #[serde(default)]
        ids: Vec<String>,
    },
}

/// Names of all checks of this build, for error messages.
pub const NAMES: &[&str] = &[
    "topic_exists",
    "topic_absent",
    "record_count",
    "each_record_processed_at_least_once",
    "processed_in_order_per_key",
    "store_equals",
    "lag_at_most",
    "each_record_processed_exactly_once",
    "each_record_processed_at_most_once",
    "reprocessed_at_most",
    "longest_stall_at_most",
    "dlq_contains",
    "no_acked_record_lost",
    "all_sends_acked",
    "write_stall_at_most",
    "send_latency_at_most",
    "record_readable",
    "latest_value_is",
    "records_in_order_per_key",
    "keys_in_one_partition",
    "records_spread",
    "no_duplicate_record",
    "offset_is",
    "committed_offset_equals",
    "partition_has_leader",
    "leader_is",
    "leader_is_not",
    "partition_has_isr",
    "leaders_balanced",
    "no_unclean_election",
    "replicas_identical",
    "retained_between",
    "cluster_healthy",
    "app_running",
    "config_is",
    "untouched",
    "group_is",
    "assignment_balanced",
    "rebalances_at_most",
    "takeover_within",
    "rebalance_pauses_at_most",
    "transactions_atomic",
    "effects_exactly_once",
    "predicted",
];

impl Check {
    /// When it must hold unless the level says otherwise.
    #[must_use]
    pub fn default_when(&self) -> When {
        match self.may_be_always() {
            true if !matches!(self, Self::LagAtMost { .. }) => When::Always,
            _at_the_end => When::End,
        }
    }

    /// Whether it can be judged at every moment rather than at the end only.
    #[must_use]
    pub fn may_be_always(&self) -> bool {
        matches!(
            self,
            Self::ProcessedInOrderPerKey { .. }
                | Self::EachRecordProcessedAtMostOnce { .. }
                | Self::LongestStallAtMost { .. }
                | Self::WriteStallAtMost { .. }
                | Self::LagAtMost { .. }
                | Self::TakeoverWithin { .. }
                | Self::RetainedBetween { .. }
                | Self::NoUncleanElection { .. }
        )
    }
}

impl Check {
    /// Whether it is about the learner's answers rather than the cluster; such a check is judged in
    /// the run itself, never in a trial.
    #[must_use]
    pub fn is_about_answers(&self) -> bool {
        matches!(self, Self::Predicted { .. })
    }
}

/// What a record is like; what is not given may be anything. `null` as key or value is null.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordMatch {
    /// Its key.
    pub key: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// The id of the event in it.
    pub id: Option<String>,
    /// `name=value`, or a header's name.
    pub header: Option<String>,
}

impl std::fmt::Display for RecordMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            ("key", &self.key),
            ("value", &self.value),
            ("id", &self.id),
            ("header", &self.header),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|v| format!("{name} `{v}`")))
            .collect();
        f.write_str(&parts.join(" and "))
    }
}

/// What a reader is given of transactions (`isolation.level`).
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshDeserialize,
    BorshSerialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Every record below the high watermark, also of transactions that are open or were aborted: Kafka's default.
    #[default]
    ReadUncommitted,
    /// Up to the last stable offset, without what was aborted.
    ReadCommitted,
}

/// Which brokers must have been restarted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Restarted {
    /// Every one.
    Each,
}

/// The four offsets of a partition.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The first record that is still there.
    LogStart,
    /// The end of what all replicas in sync have: consumers read up to it.
    HighWatermark,
    /// The end of what `read_committed` readers get: the first open transaction begins there.
    LastStable,
    /// After the leader's last record.
    LogEnd,
}

impl Which {
    /// As it is said.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::LogStart => "the log start offset",
            Self::HighWatermark => "the high watermark",
            Self::LastStable => "the last stable offset",
            Self::LogEnd => "the log end offset",
        }
    }
}
