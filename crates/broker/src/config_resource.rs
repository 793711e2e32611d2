//! What has configs: `ConfigResource`.

use core::fmt;

/// `ConfigResource.Type`, without `UNKNOWN`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResourceType {
    /// A topic, by its name.
    Topic,
    /// A broker by its id, or all brokers of the cluster by the empty name.
    Broker,
    /// The loggers of a broker, by its id.
    BrokerLogger,
    /// A client metrics subscription, by its name.
    ClientMetrics,
    /// A group, by its id.
    Group,
}

impl ConfigResourceType {
    /// Every type, in the order of the numbers.
    pub const ALL: &[ConfigResourceType] = &[
        ConfigResourceType::Topic,
        ConfigResourceType::Broker,
        ConfigResourceType::BrokerLogger,
        ConfigResourceType::ClientMetrics,
        ConfigResourceType::Group,
    ];

    /// The number on the wire.
    pub fn id(self) -> i8 {
        match self {
            ConfigResourceType::Topic => 2,
            ConfigResourceType::Broker => 4,
            ConfigResourceType::BrokerLogger => 8,
            ConfigResourceType::ClientMetrics => 16,
            ConfigResourceType::Group => 32,
        }
    }

    /// The type of this number.
    pub fn from_id(id: i8) -> Option<ConfigResourceType> {
        ConfigResourceType::ALL.iter().copied().find(|kind| kind.id() == id)
    }
}

/// A thing that has configs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    /// What it is.
    pub kind: ConfigResourceType,
    /// Its name within the type.
    pub name: String,
}

impl ConfigResource {
    /// The resource of this type and name.
    pub fn new(kind: ConfigResourceType, name: impl Into<String>) -> ConfigResource {
        ConfigResource { kind, name: name.into() }
    }

    /// A topic.
    pub fn topic(name: impl Into<String>) -> ConfigResource {
        ConfigResource::new(ConfigResourceType::Topic, name)
    }

    /// All brokers of the cluster.
    pub fn cluster_defaults() -> ConfigResource {
        ConfigResource::new(ConfigResourceType::Broker, "")
    }
}

impl fmt::Display for ConfigResource {
    /// As `ConfigResource.toString` has it in Kafka's logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ConfigResourceType::Topic => "TOPIC",
            ConfigResourceType::Broker => "BROKER",
            ConfigResourceType::BrokerLogger => "BROKER_LOGGER",
            ConfigResourceType::ClientMetrics => "CLIENT_METRICS",
            ConfigResourceType::Group => "GROUP",
        };
        write!(f, "ConfigResource(type={kind}, name='{}')", self.name)
    }
}
