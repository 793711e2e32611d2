//! Server configs: the table of all keys, and which of them may change while the broker runs
//! (`DynamicBrokerConfig`, KIP-226).

mod table;

use logbrook_sorted::SortedMap;

use crate::config_def::{ConfigException, ConfigKey};
use crate::java_hash::hash_order;

/// How a server config may change at run time: the update mode of Kafka's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMode {
    /// With a restart only.
    ReadOnly,
    /// For one broker.
    PerBroker,
    /// For one broker, or for all of the cluster.
    ClusterWide,
}

/// One server config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerConfigKey {
    /// Name, type, default and validator.
    pub key: ConfigKey,
    /// How it may change at run time.
    pub update: UpdateMode,
    /// Not for users, and not described unless it is set.
    pub internal: bool,
}

impl ServerConfigKey {
    /// A quota that is set at run time only: no config of `server.properties`.
    pub(crate) fn dynamic_only(&self) -> bool {
        matches!(
            self.key.name,
            "follower.replication.throttled.rate"
                | "leader.replication.throttled.rate"
                | "replica.alter.log.dirs.io.max.bytes.per.second"
        )
    }
}

/// Every server config, sorted by name.
pub fn keys() -> impl Iterator<Item = &'static ServerConfigKey> {
    table::KEYS.iter()
}

/// The server config of this name.
pub fn find(name: &str) -> Option<&'static ServerConfigKey> {
    let at = table::KEYS.binary_search_by(|entry| entry.key.name.cmp(name)).ok()?;
    table::KEYS.get(at)
}

/// Configs that mean the same in different units, the first counts; else the name alone
/// (`DynamicBrokerConfig.brokerConfigSynonyms`, listeners aside).
pub(crate) fn synonyms<'a>(name: &'a &'a str) -> &'a [&'a str] {
    const ROLL: &[&str] = &["log.roll.ms", "log.roll.hours"];
    const ROLL_JITTER: &[&str] = &["log.roll.jitter.ms", "log.roll.jitter.hours"];
    const RETENTION: &[&str] =
        &["log.retention.ms", "log.retention.minutes", "log.retention.hours"];
    const FLUSH: &[&str] = &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"];
    match *name {
        "log.roll.ms" | "log.roll.hours" => ROLL,
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => ROLL_JITTER,
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => RETENTION,
        "log.flush.interval.ms" => FLUSH,
        _ => core::slice::from_ref(name),
    }
}

/// `listener.name.NAME.CONFIG`: the part that is a config's own name.
fn listener_config(name: &str) -> Option<&str> {
    let (listener, base) = name.strip_prefix("listener.name.")?.split_once('.')?;
    (!listener.contains('.')).then_some(base)
}

/// Per-broker configs of a listener that may be set for the cluster all the same.
const CLUSTER_LEVEL_LISTENER: &[&str] =
    &["max.connection.creation.rate", "max.connections", "num.network.threads"];

/// `SslConfigs.RECONFIGURABLE_CONFIGS`: to be changed for a listener, never for all of them.
const SECURITY: &[&str] = &[
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.factory.class",
    "ssl.key.password",
    "ssl.keymanager.algorithm",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

/// What `DynamicBrokerConfig.validateConfigs` refuses of the configs set for one broker, or for the
/// cluster: what cannot change at run time, values that are not valid, and what is one broker's.
pub(crate) fn validate_dynamic(
    configs: &SortedMap<String, String>,
    per_broker: bool,
) -> Result<(), ConfigException> {
    let names = || configs.keys().map(String::as_str);
    let mode = |name: &str| find(name).map(|entry| entry.update);
    none_of(
        names().filter(|name| mode(name) == Some(UpdateMode::ReadOnly)),
        "Cannot update these configs dynamically",
    )?;
    none_of(
        names().filter(|name| SECURITY.contains(name)),
        "These security configs can be dynamically updated only per-listener using the listener \
         prefix",
    )?;
    for (name, value) in configs {
        let base = listener_config(name).unwrap_or(name);
        // Names that Kafka does not know may be anybody's: a plugin's, say.
        if let Some(entry) = find(base).filter(|entry| entry.update != UpdateMode::ReadOnly) {
            entry.key.parse(value)?;
        }
    }
    if !per_broker {
        none_of(
            names().filter(|name| match (mode(name), listener_config(name)) {
                (Some(UpdateMode::PerBroker), _) => true,
                (_, Some(base)) => !CLUSTER_LEVEL_LISTENER.contains(&base),
                (Some(UpdateMode::ReadOnly | UpdateMode::ClusterWide) | None, None) => false,
            }),
            "Cannot update these configs at default cluster level, broker id must be specified",
        )?;
    }
    Ok(())
}

fn none_of<'a>(names: impl Iterator<Item = &'a str>, message: &str) -> Result<(), ConfigException> {
    let names = hash_order(names.map(str::to_owned), 16);
    if names.is_empty() {
        return Ok(());
    }
    Err(ConfigException { message: format!("{message}: [{}]", names.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_once_in_the_table() {
        assert!(keys().map(|entry| entry.key.name).is_sorted_by(|a, b| a < b));
        assert_eq!(find("num.partitions").unwrap().update, UpdateMode::ReadOnly);
        assert_eq!(find("log.cleaner.threads").unwrap().update, UpdateMode::ClusterWide);
        assert_eq!(find("ssl.keystore.location").unwrap().update, UpdateMode::PerBroker);
        assert!(find("no.such.config").is_none());
    }

    fn check(configs: &[(&str, &str)], per_broker: bool, expected: &str) {
        let configs =
            configs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let said = validate_dynamic(&configs, per_broker).err().map(|error| error.message);
        assert_eq!(said.as_deref().unwrap_or("ok"), expected);
    }

    #[test]
    fn what_cannot_change_at_run_time_is_named() {
        check(&[("log.cleaner.threads", "2"), ("some.plugin.setting", "x")], true, "ok");
        check(&[("node.id", "4")], true, "Cannot update these configs dynamically: [node.id]");
        check(
            &[("log.cleaner.threads", "-1")],
            true,
            "Invalid value -1 for configuration log.cleaner.threads: Value must be at least 0",
        );
        check(
            &[("ssl.keystore.location", "x")],
            true,
            "These security configs can be dynamically updated only per-listener using the \
             listener prefix: [ssl.keystore.location]",
        );
        check(
            &[("listener.name.external.ssl.keystore.location", "x")],
            false,
            "Cannot update these configs at default cluster level, broker id must be specified: \
             [listener.name.external.ssl.keystore.location]",
        );
        check(&[("listener.name.external.max.connections", "5")], false, "ok");
    }
}
