//! What a simulated cluster is made of.

use logbrook_sorted::SortedMap;

/// What a simulated cluster is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// How many brokers, with node ids 1, 2, …
    pub brokers: i32,
    /// Broker properties by Kafka's names, for every broker; they come over
    /// [`ClusterConfig::server_properties`].
    pub broker_properties: SortedMap<String, String>,
    /// `broker.rack` of node 1, 2, …; may be shorter than the number of brokers.
    pub racks: Vec<String>,
    /// How long a message travels, in µs: least and most, drawn for each message.
    pub latency_us: (u64, u64),
    /// How many of a million messages are lost once on the way. TCP sends such a message again, after
    /// 200 ms at first and twice as long each time: to Kafka, loss is delay.
    pub loss_ppm: u32,
    /// Wall clock at t = 0, in ms since the Unix epoch.
    pub epoch_ms: i64,
    /// Where virtual time begins, in µs; below 0 for a past before the level's start.
    pub start_us: i64,
    /// The seed behind every random choice.
    pub seed: u64,
    /// The run stops with [`ClusterError::TooManyEvents`](crate::ClusterError) at so many steps.
    pub max_steps: u64,
    /// From the end of an application's process to the start of its successor, in ms, in a restart.
    pub app_restart_ms: u64,
    /// How long an application may take to end after SIGTERM before it is killed, in ms.
    pub app_grace_ms: u64,
}

/// The log directory of a broker, where it has one: `log.dirs`.
pub fn log_dir(node: i32) -> String {
    format!("/var/lib/kafka/node-{node}/data")
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            brokers: 1,
            broker_properties: SortedMap::new(),
            racks: Vec::new(),
            latency_us: (200, 600),
            loss_ppm: 0,
            // 2026-01-01T00:00:00Z
            epoch_ms: 1_767_225_600_000,
            start_us: 0,
            seed: 0,
            max_steps: 20_000_000,
            app_restart_ms: 1_000,
            app_grace_ms: 30_000,
        }
    }
}

impl ClusterConfig {
    /// What every broker starts with: Kafka's own `config/server.properties` scaled to the number of
    /// brokers, no waiting before a new group's first rebalance, and over it
    /// [`ClusterConfig::broker_properties`].
    pub fn server_properties(&self) -> SortedMap<String, String> {
        let replicas = self.brokers.clamp(1, 3).to_string();
        let min_isr = self.brokers.clamp(1, 2).to_string();
        let mut properties: SortedMap<_, _> = [
            ("offsets.topic.replication.factor", replicas.clone()),
            ("transaction.state.log.replication.factor", replicas.clone()),
            ("transaction.state.log.min.isr", min_isr.clone()),
            ("share.coordinator.state.topic.replication.factor", replicas),
            ("share.coordinator.state.topic.min.isr", min_isr),
            ("group.initial.rebalance.delay.ms", "0".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        properties.extend(self.broker_properties.clone());
        properties
    }
}
