//! Where a server listens and how its broker is configured.

use logbrook_sorted::SortedMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use logbrook_broker::BrokerConfig;
use tokio::net::TcpListener;

/// A host and a port, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Name or address, an IPv6 one without its brackets.
    pub host: String,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
}

impl Listen {
    /// Reads `HOST:PORT`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// What was found and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let expected =
            || format!("found `{text}`, expected HOST:PORT such as 127.0.0.1:9092 or [::1]:9092");
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(expected());
        }
        let port = port.parse().map_err(|_not_a_port| expected())?;
        Ok(Self { host: host.to_owned(), port })
    }

    /// The address to bind: of several, an IPv4 one first, because that is what most clients try.
    fn resolve(&self) -> io::Result<SocketAddr> {
        let mut all: Vec<_> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        all.sort_by_key(|address| !address.is_ipv4());
        all.first().copied().ok_or_else(|| io::Error::other("the name has no address"))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// What a [`crate::Server`] is started with.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// Where it listens.
    pub listen: Listen,
    /// What Metadata tells clients to connect to; the bound address without.
    pub advertised: Option<Listen>,
    /// Listen on an address that other machines reach, although there is no authentication and no
    /// encryption here.
    pub open: bool,
    /// Where `/metrics` is served, if it is.
    pub metrics: Option<Listen>,
    /// Where the log directory is; records are in memory only without.
    pub data: Option<PathBuf>,
    /// Server properties by Kafka's names.
    pub properties: SortedMap<String, String>,
    /// Feeds topic ids, member ids, the cluster's id.
    pub seed: u64,
}

/// Why a server could not start, or could not go on.
#[derive(Debug)]
pub enum ServeError {
    /// `--config`: the name, what was found and what was expected.
    Property {
        /// The property.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// An address that other machines reach, without [`ServeConfig::open`].
    NotLoopback(SocketAddr),
    /// `0.0.0.0` and `::` are no addresses that a client can connect to.
    NothingToAdvertise(SocketAddr),
    /// `/metrics` on an address that other machines reach, without [`ServeConfig::open`].
    MetricsNotLoopback(SocketAddr),
    /// The address of `/metrics` could not be resolved or bound.
    Metrics {
        /// As written.
        listen: Listen,
        /// The system's answer.
        error: io::Error,
    },
    /// The address could not be resolved or bound.
    Listen {
        /// As written.
        listen: Listen,
        /// The system's answer.
        error: io::Error,
    },
    /// The log directory cannot be used.
    Data {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Property { name, message } => write!(f, "--config {name}: {message}"),
            Self::NotLoopback(address) => write!(
                f,
                "--listen: {address} can be reached from other machines, and there is neither authentication nor \
                 encryption; --i-know-this-is-open allows it"
            ),
            Self::NothingToAdvertise(address) => write!(
                f,
                "--listen: no client can connect to {address}; say with --advertised HOST:PORT what they should use"
            ),
            Self::MetricsNotLoopback(address) => write!(
                f,
                "--metrics: {address} can be reached from other machines, without authentication; \
                 --i-know-this-is-open allows it"
            ),
            Self::Metrics { listen, error } => write!(f, "--metrics {listen}: {error}"),
            Self::Listen { listen, error } => write!(f, "--listen {listen}: {error}"),
            Self::Data { path, message } => write!(f, "--data {}: {message}", path.display()),
        }
    }
}

impl std::error::Error for ServeError {}

/// Kafka's names for what is said in another way here, with that way.
const SAID_OTHERWISE: &[(&str, &str)] = &[
    ("listeners", "use --listen HOST:PORT"),
    ("advertised.listeners", "use --advertised HOST:PORT"),
    ("log.dirs", "use --data DIR"),
    ("log.dir", "use --data DIR"),
    ("process.roles", "this node is broker and controller in one"),
    ("controller.quorum.voters", "this node is broker and controller in one"),
];

/// What a broker of one node has in Kafka's own `config/server.properties`.
const DEFAULTS: &[(&str, &str)] = &[
    ("offsets.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
];

impl ServeConfig {
    /// The address to bind, checked.
    pub(crate) fn address(&self) -> Result<SocketAddr, ServeError> {
        let fail = |error| ServeError::Listen { listen: self.listen.clone(), error };
        let address = self.listen.resolve().map_err(fail)?;
        if !address.ip().is_loopback() && !self.open {
            return Err(ServeError::NotLoopback(address));
        }
        if address.ip().is_unspecified() && self.advertised.is_none() {
            return Err(ServeError::NothingToAdvertise(address));
        }
        Ok(address)
    }

    /// The listener of `/metrics`.
    pub(crate) async fn bind_metrics(&self, wanted: &Listen) -> Result<TcpListener, ServeError> {
        let fail = |error| ServeError::Metrics { listen: wanted.clone(), error };
        let address = wanted.resolve().map_err(fail)?;
        if !address.ip().is_loopback() && !self.open {
            return Err(ServeError::MetricsNotLoopback(address));
        }
        TcpListener::bind(address).await.map_err(fail)
    }

    /// The broker behind `bound`, checked, and the names among its properties that it does not read.
    pub(crate) fn broker(
        &self,
        bound: SocketAddr,
    ) -> Result<(BrokerConfig, Vec<String>), ServeError> {
        let wrong = |name: &str, message: String| {
            Err(ServeError::Property { name: name.to_owned(), message })
        };
        let mut config = BrokerConfig { cluster_id: cluster_id(self.seed), ..<_>::default() };
        (config.host, config.port) = match &self.advertised {
            Some(advertised) => (advertised.host.clone(), advertised.port),
            None => (bound.ip().to_string(), bound.port()),
        };
        let defaults = DEFAULTS.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        config.properties = defaults.collect();
        if let Some(path) = &self.data {
            config.properties.insert("log.dirs".to_owned(), log_dir(path)?);
        }
        let mut unread = Vec::new();
        for (name, value) in &self.properties {
            if let Some((_, instead)) = SAID_OTHERWISE.iter().find(|(said, _)| said == name) {
                return wrong(name, (*instead).to_owned());
            }
            match name.as_str() {
                "node.id" | "broker.id" => match value.parse() {
                    Ok(id) if id >= 0 => config.node_id = id,
                    _no_id => {
                        return wrong(
                            name,
                            format!("found `{value}`, expected a number from 0 on"),
                        );
                    }
                },
                "broker.rack" => config.rack = Some(value.clone()),
                _property => {
                    let is_default = DEFAULTS.iter().any(|(default, _)| default == name);
                    if !BrokerConfig::reads(name) && !is_default {
                        unread.push(name.clone());
                    }
                    config.properties.insert(name.clone(), value.clone());
                }
            }
        }
        match config.validate() {
            Ok(()) => Ok((config, unread)),
            Err(exception) => {
                // Kafka's message has name, value and what was expected.
                let named =
                    |(name, _): &(&String, &String)| exception.message.contains(name.as_str());
                let name = self.properties.iter().find(named).map_or("", |(name, _)| name);
                wrong(name, exception.message.clone())
            }
        }
    }
}

/// A log directory as `log.dirs` has it, where a comma would begin another.
fn log_dir(path: &Path) -> Result<String, ServeError> {
    let wrong = |message: String| ServeError::Data { path: path.to_owned(), message };
    let absolute = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
    let text = absolute.display().to_string();
    match text.contains(',') {
        true => Err(wrong("found a comma, expected the path of one directory".to_owned())),
        false => Ok(text),
    }
}

/// An id as `kafka-storage.sh random-uuid` draws one: 16 bytes in URL-safe base 64.
fn cluster_id(seed: u64) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 22 times 6 bits; SplitMix64's step spreads the seed over them.
    let mut state = seed;
    let letter = |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        char::from(ALPHABET[(mixed >> 58) as usize])
    };
    (0..21).map(letter).chain(['A']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(listen: &str, properties: &[(&str, &str)]) -> ServeConfig {
        let properties = properties.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let listen = Listen::parse(listen).expect("an address");
        ServeConfig {
            listen,
            advertised: None,
            open: false,
            metrics: None,
            data: None,
            properties,
            seed: 7,
        }
    }

    #[test]
    fn addresses_read_back_as_they_print() {
        for text in ["127.0.0.1:9092", "localhost:0", "[::1]:9092"] {
            assert_eq!(Listen::parse(text).expect(text).to_string(), text);
        }
        for text in ["9092", ":9092", "::1:9092", "localhost:kafka", "localhost:99999", ""] {
            let said = Listen::parse(text).expect_err(text);
            assert!(said.starts_with(&format!("found `{text}`, expected HOST:PORT")), "{said}");
        }
    }

    #[test]
    fn other_machines_are_let_in_only_on_purpose() {
        let said = |config: &ServeConfig| config.address().expect_err("refused").to_string();
        assert!(said(&config("192.0.2.1:9092", &[])).contains("--i-know-this-is-open"));
        let open = ServeConfig { open: true, ..config("0.0.0.0:9092", &[]) };
        assert!(said(&open).contains("--advertised"));
        let advertised = Some(Listen::parse("kafka.example:9092").expect("an address"));
        assert!(ServeConfig { advertised, ..open }.address().is_ok());
    }

    #[test]
    fn clients_are_told_the_bound_address() {
        let bound = "127.0.0.1:31234".parse().expect("an address");
        let (broker, _) = config("localhost:0", &[]).broker(bound).expect("valid");
        assert_eq!((broker.host.as_str(), broker.port), ("127.0.0.1", 31234));
        assert_eq!(broker.cluster_id.len(), 22);
        assert_eq!(broker.number("offsets.topic.replication.factor"), 1);
    }

    #[test]
    fn the_folder_of_the_records_is_the_log_directory() {
        let bound = "127.0.0.1:9092".parse().expect("an address");
        let at = |path: &str| {
            let data = Some(PathBuf::from(path));
            ServeConfig { data, ..config("127.0.0.1:9092", &[]) }.broker(bound)
        };
        let (broker, _) = at("/var/lib/kafka").expect("valid");
        assert_eq!(broker.properties.get("log.dirs").map(String::as_str), Some("/var/lib/kafka"));
        let said = at("/a,b").expect_err("refused").to_string();
        assert_eq!(said, "--data /a,b: found a comma, expected the path of one directory");
    }

    #[test]
    fn a_wrong_property_is_named_and_an_unknown_one_is_kept() {
        let bound = "127.0.0.1:9092".parse().expect("an address");
        let broker = |pair| config("127.0.0.1:9092", &[pair]).broker(bound);
        let said = |pair| broker(pair).expect_err("refused").to_string();
        assert_eq!(
            said(("num.partitions", "0")),
            "--config num.partitions: Invalid value 0 for configuration num.partitions: Value must be at least 1"
        );
        assert_eq!(said(("listeners", "x")), "--config listeners: use --listen HOST:PORT");
        assert_eq!(
            said(("node.id", "one")),
            "--config node.id: found `one`, expected a number from 0 on"
        );
        let (kept, unread) = broker(("nun.partitions", "3")).expect("valid");
        assert_eq!(unread, ["nun.partitions"]);
        assert!(kept.properties.contains_key("nun.partitions"));
    }
}
