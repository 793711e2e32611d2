//! A broker's identity and its `server.properties`.

use logbrook_sorted::SortedMap;
use uuid::Uuid;

use crate::config_def::{ConfigException, ConfigValue};
use crate::server_config;
use crate::topic_config::{self, TopicConfigKey};
use crate::{ConfigResource, ConfigResourceType, MetadataImage};

/// Who a broker is and how it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// `node.id`.
    pub node_id: i32,
    /// The cluster's id: 22 characters of URL-safe base 64 in Kafka, any text here.
    pub cluster_id: String,
    /// Host of `advertised.listeners`: what Metadata answers.
    pub host: String,
    /// Port of `advertised.listeners`.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Other server properties by Kafka's names (`num.partitions`, `log.retention.ms`…). Names
    /// that this broker does not read are kept and without effect, as Kafka treats unknown ones.
    pub properties: SortedMap<String, String>,
    /// What was set while the cluster runs. It follows the metadata; a broker starts without.
    pub dynamic: DynamicConfigs,
}

/// The server configs set at run time, by Kafka's names: they come over
/// [`BrokerConfig::properties`], the broker's own over the cluster's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DynamicConfigs {
    /// For every broker of the cluster.
    pub cluster: SortedMap<String, String>,
    /// For this broker.
    pub broker: SortedMap<String, String>,
}

impl Default for BrokerConfig {
    fn default() -> BrokerConfig {
        BrokerConfig {
            node_id: 1,
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qg".into(),
            host: "localhost".into(),
            port: 9092,
            rack: None,
            properties: SortedMap::new(),
            dynamic: DynamicConfigs::default(),
        }
    }
}

/// The server configs that this broker reads, beside those that topic configs fall back on. Sorted.
static READ: &[&str] = &[
    "auto.create.topics.enable",
    "auto.leader.rebalance.enable",
    "broker.heartbeat.interval.ms",
    "broker.session.timeout.ms",
    "connections.max.idle.ms",
    "controller.quorum.fetch.timeout.ms",
    "controller.quorum.retry.backoff.ms",
    "controller.socket.timeout.ms",
    "cordoned.log.dirs",
    "default.replication.factor",
    "delete.topic.enable",
    "fetch.max.bytes",
    "group.consumer.assignment.interval.ms",
    "group.consumer.assignors",
    "group.consumer.heartbeat.interval.ms",
    "group.consumer.max.assignment.interval.ms",
    "group.consumer.max.heartbeat.interval.ms",
    "group.consumer.max.session.timeout.ms",
    "group.consumer.max.size",
    "group.consumer.migration.policy",
    "group.consumer.min.assignment.interval.ms",
    "group.consumer.min.heartbeat.interval.ms",
    "group.consumer.min.session.timeout.ms",
    "group.consumer.regex.refresh.interval.ms",
    "group.consumer.session.timeout.ms",
    "group.initial.rebalance.delay.ms",
    "group.max.session.timeout.ms",
    "group.max.size",
    "group.min.session.timeout.ms",
    "leader.imbalance.check.interval.seconds",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.threads",
    "log.dir",
    "log.dirs",
    "log.flush.offset.checkpoint.interval.ms",
    "log.initial.task.delay.ms",
    "log.retention.check.interval.ms",
    "max.connections",
    "max.connections.per.ip",
    "max.incremental.fetch.session.cache.slots",
    "max.request.partition.size.limit",
    "num.partitions",
    "offset.metadata.max.bytes",
    "offsets.commit.timeout.ms",
    "offsets.retention.check.interval.ms",
    "offsets.retention.minutes",
    "offsets.topic.num.partitions",
    "offsets.topic.replication.factor",
    "offsets.topic.segment.bytes",
    "producer.id.expiration.check.interval.ms",
    "producer.id.expiration.ms",
    "queued.max.requests",
    "replica.fetch.backoff.ms",
    "replica.fetch.max.bytes",
    "replica.fetch.min.bytes",
    "replica.fetch.response.max.bytes",
    "replica.fetch.wait.max.ms",
    "replica.high.watermark.checkpoint.interval.ms",
    "replica.lag.time.max.ms",
    "replica.socket.timeout.ms",
    "request.timeout.ms",
    "socket.request.max.bytes",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "transaction.max.timeout.ms",
    "transaction.partition.verification.enable",
    "transaction.remove.expired.transaction.cleanup.interval.ms",
    "transaction.state.log.min.isr",
    "transaction.state.log.num.partitions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.segment.bytes",
    "transaction.two.phase.commit.enable",
    "transactional.id.expiration.ms",
    "unclean.leader.election.interval.ms",
];

/// Where the value of a config comes from: `DescribeConfigsResponse.ConfigSource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// The topic's own.
    DynamicTopic,
    /// Set for one broker at run time.
    DynamicBroker,
    /// Set for all brokers of the cluster at run time.
    DynamicDefaultBroker,
    /// From `server.properties`.
    StaticBroker,
    /// Kafka's default.
    Default,
    /// Of a client metrics subscription.
    DynamicClientMetrics,
    /// The group's own.
    DynamicGroup,
}

impl ConfigSource {
    /// The number on the wire.
    pub fn id(self) -> i8 {
        match self {
            ConfigSource::DynamicTopic => 1,
            ConfigSource::DynamicBroker => 2,
            ConfigSource::DynamicDefaultBroker => 3,
            ConfigSource::StaticBroker => 4,
            ConfigSource::Default => 5,
            ConfigSource::DynamicClientMetrics => 7,
            ConfigSource::DynamicGroup => 8,
        }
    }
}

impl BrokerConfig {
    /// Takes over what the metadata have for this broker and for all of them.
    pub(crate) fn follow(&mut self, image: &MetadataImage) {
        let own = ConfigResource::new(ConfigResourceType::Broker, self.node_id.to_string());
        self.dynamic = DynamicConfigs {
            cluster: image.config(&ConfigResource::cluster_defaults()),
            broker: image.config(&own),
        };
    }

    /// What `server.properties` says of who the broker is, where [`BrokerConfig::properties`] do not
    /// say it: that is kept in fields of its own.
    pub(crate) fn identity(&self) -> SortedMap<String, String> {
        let (host, port) = (&self.host, self.port);
        let controller = self.controller_port();
        let mut identity: SortedMap<String, String> = [
            (
                "advertised.listeners",
                format!("BROKER://{host}:{port},CONTROLLER://{host}:{controller}"),
            ),
            ("broker.id", self.node_id.to_string()),
            ("controller.listener.names", "CONTROLLER".to_owned()),
            ("controller.quorum.bootstrap.servers", format!("{host}:{controller}")),
            ("inter.broker.listener.name", "BROKER".to_owned()),
            ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT".to_owned()),
            ("listeners", format!("BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}")),
            ("node.id", self.node_id.to_string()),
            ("process.roles", "broker,controller".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .filter(|(name, _)| !self.properties.contains_key(name))
        .collect();
        if let Some(rack) = &self.rack {
            identity.insert("broker.rack".to_owned(), rack.clone());
        }
        identity
    }

    /// `log.dirs`, else `log.dir`: at least one.
    pub(crate) fn log_directories(&self) -> Vec<String> {
        ["log.dirs", "log.dir"].iter().find_map(|name| self.list(name)).unwrap_or_default()
    }

    /// [`BrokerConfig::value`] of a list, where there is one.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.value(name)? {
            ConfigValue::List(items) => Some(items),
            ConfigValue::Boolean(_)
            | ConfigValue::String(_)
            | ConfigValue::Double(_)
            | ConfigValue::Number(_) => None,
        }
    }

    /// The id of the log directory (KIP-858): made of the node's own id, as a broker in memory has no
    /// `meta.properties` to keep a random one in.
    pub(crate) fn directory_id(&self) -> Uuid {
        // As text `LogbrookGroundTruth_1w`: of 22 characters, so that it reads as what it is.
        let text = format!("LogbrookGroundTruth_{}w", self.node_id.rem_euclid(10));
        let mut bits: u128 = 0;
        for c in text.bytes().take(21) {
            let digit = match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'-' => 62,
                _ => 63,
            };
            bits = bits << 6 | u128::from(digit);
        }
        // The last character holds two bits: `w` is 48, of which the upper two are set.
        Uuid::from_u128(bits << 2 | 3)
    }

    /// The port of the controller's listener: the one after the broker's.
    pub(crate) fn controller_port(&self) -> u16 {
        self.port.saturating_add(1)
    }

    /// Whether every property that Kafka knows has a valid value. Kafka does not start where this
    /// fails; [`crate::Broker::new`] takes the default for such a value.
    pub fn validate(&self) -> Result<(), ConfigException> {
        self.properties.iter().try_for_each(|(name, value)| match server_config::find(name) {
            Some(entry) => entry.key.parse(value).map(|_| ()),
            None => Ok(()),
        })
    }

    /// Whether this broker reads a server config of this name. Kafka keeps names that it does not
    /// know, without effect; whoever takes them from a person may want to say so.
    pub fn reads(name: &str) -> bool {
        let of_topic = |entry: &TopicConfigKey| entry.synonyms.iter().any(|s| s.name == name);
        READ.contains(&name) || topic_config::keys().any(of_topic)
    }

    /// The text that counts for a server config where one is set: the broker's dynamic one, else the
    /// cluster's, else the static one. Setting one of several synonyms in a place unsets the others
    /// of the places below (`DynamicBrokerConfig.overrideProps`).
    pub(crate) fn configured(&self, name: &str) -> Option<&str> {
        let names = server_config::synonyms(&name);
        for place in [&self.dynamic.broker, &self.dynamic.cluster] {
            if names.iter().any(|name| place.contains_key(*name)) {
                return place.get(name).map(String::as_str);
            }
        }
        self.properties.get(name).map(String::as_str)
    }

    /// The value of a server config where it is set, to something valid.
    fn set_value(&self, name: &str) -> Option<ConfigValue> {
        let value = server_config::find(name)?.key.parse(self.configured(name)?).ok()?;
        // `GroupCoordinatorConfig.clampDynamicConfigs`
        let (group, bounds) = match name {
            "group.consumer.assignment.interval.ms" => ("consumer", true),
            "group.share.assignment.interval.ms" => ("share", true),
            "group.streams.assignment.interval.ms" => ("streams", true),
            _ => ("", false),
        };
        match value {
            ConfigValue::Number(number) if bounds => {
                let bound =
                    |end| self.number(&format!("group.{group}.{end}.assignment.interval.ms"));
                Some(ConfigValue::Number(number.min(bound("max")).max(bound("min"))))
            }
            value => Some(value),
        }
    }

    /// The value of a server config: dynamic, else static, else the default. `None` for Java's
    /// `null` and for names that Kafka does not know.
    pub fn value(&self, name: &str) -> Option<ConfigValue> {
        self.set_value(name).or_else(|| {
            let key = server_config::find(name)?.key;
            key.parse(key.default?).ok()
        })
    }

    /// [`BrokerConfig::value`] of a numeric config; 0 where there is none.
    pub fn number(&self, name: &str) -> i64 {
        match self.value(name) {
            Some(ConfigValue::Number(number)) => number,
            Some(
                ConfigValue::Boolean(_)
                | ConfigValue::String(_)
                | ConfigValue::Double(_)
                | ConfigValue::List(_),
            )
            | None => 0,
        }
    }

    /// [`BrokerConfig::value`] of a boolean config; `false` where there is none.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.value(name), Some(ConfigValue::Boolean(true)))
    }

    /// What counts for a topic: its own value, else the cluster's dynamic one, else the first
    /// server config set, else the default. `None` is Java's `null`.
    pub fn topic_value(
        &self,
        entry: &TopicConfigKey,
        overrides: &SortedMap<String, String>,
    ) -> Option<ConfigValue> {
        if let Some(value) = overrides.get(entry.key.name).and_then(|v| entry.key.parse(v).ok()) {
            return Some(value);
        }
        for synonym in entry.synonyms {
            match self.set_value(synonym.name) {
                Some(ConfigValue::Number(number)) => {
                    return Some(ConfigValue::Number(number.saturating_mul(synonym.factor)));
                }
                Some(value) => return Some(value),
                None => {}
            }
        }
        entry.key.parse(entry.key.default?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &[(&str, &str)]) -> BrokerConfig {
        let properties =
            properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        BrokerConfig { properties, ..BrokerConfig::default() }
    }

    fn topic_value(config: &BrokerConfig, name: &str) -> String {
        let entry = topic_config::find(name).unwrap();
        config.topic_value(entry, &SortedMap::new()).unwrap().to_string()
    }

    #[test]
    fn defaults_are_valid_and_sorted() {
        assert!(READ.is_sorted());
        assert!(READ.iter().all(|name| server_config::find(name).is_some()));
        for key in server_config::keys().map(|entry| entry.key) {
            // The greatest double is beyond what `parse_double` gets to the last bit.
            if key.name == "log.cleaner.io.max.bytes.per.second" {
                continue;
            }
            if let Some(default) = key.default {
                assert_eq!(key.parse(default).unwrap().to_string(), default, "{}", key.name);
            }
        }
    }

    #[test]
    fn a_topic_falls_back_on_the_broker_in_kafkas_order() {
        assert_eq!(topic_value(&with(&[]), "retention.ms"), "604800000");
        assert_eq!(topic_value(&with(&[("log.retention.hours", "1")]), "retention.ms"), "3600000");
        let both = with(&[("log.retention.hours", "1"), ("log.retention.minutes", "2")]);
        assert_eq!(topic_value(&both, "retention.ms"), "120000");
        assert_eq!(topic_value(&with(&[("message.max.bytes", "77")]), "max.message.bytes"), "77");
        assert_eq!(topic_value(&with(&[("min.insync.replicas", "2")]), "min.insync.replicas"), "2");
    }

    #[test]
    fn a_bad_property_is_named() {
        let error = with(&[("num.partitions", "0")]).validate().unwrap_err();
        assert_eq!(
            error.message,
            "Invalid value 0 for configuration num.partitions: Value must be at least 1"
        );
        assert_eq!(with(&[("num.partitions", "0")]).number("num.partitions"), 1);
    }
}
