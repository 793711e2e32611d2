//! What every tool does before it talks to a broker: options, usage, property files.

use logbrook_sorted::SortedMap;
use std::any::Any;

use logbrook_client::admin::AdminConfig;
use logbrook_client::{Input, Io, Level, Process};

use super::java::{Throwable, log_line};
use super::options::{OptionError, OptionTable, Options};

/// Where the files of a terminal are, for a tool that prints an absolute path.
pub(crate) const WORKING_DIRECTORY: &str = "/home/learner";

/// What a tool sees of the machine it is started on.
#[derive(Clone, Debug, Default)]
pub struct ToolEnv {
    /// Files of the working directory, by name.
    pub files: SortedMap<String, String>,
    /// Files of brokers that the command line names, by path.
    pub disk: super::kafka_dump_log::Files,
    /// Feeds whatever the tool draws: group ids, backoff jitter.
    pub seed: u64,
}

/// The process of a tool: what its command line prepared, or what it says instead of starting.
pub(crate) fn started<P: Process + 'static>(prepared: Result<P, Early>) -> Box<dyn Process> {
    match prepared {
        Ok(process) => Box::new(process),
        Err(early) => Box::new(early),
    }
}

/// A tool that ends before it starts a client: wrong usage, `--help`, `--version`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Early {
    /// Bootstrap servers whose names lead nowhere: a warning each, before the rest.
    pub(crate) unresolved: Vec<String>,
    pub(crate) out: String,
    /// A line of the tool's log, after what it prints.
    pub(crate) logged: Option<Box<Logged>>,
    pub(crate) err: String,
    pub(crate) code: i32,
}

/// A line of a tool's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) level: Level,
    pub(crate) text: String,
    pub(crate) logger: &'static str,
}

impl Logged {
    pub(crate) fn error(text: String, logger: &'static str) -> Option<Box<Logged>> {
        Some(Box::new(Logged { level: Level::Error, text, logger }))
    }
}

impl Early {
    /// `CommandLineUtils.printUsageAndExit`.
    pub(crate) fn usage(table: &OptionTable, message: impl AsRef<str>) -> Early {
        Early::error(format!("{}\n{}", message.as_ref(), table.usage))
    }

    /// An exception that `main` lets through.
    pub(crate) fn uncaught(e: impl Into<Throwable>) -> Early {
        Early::error(format!("Exception in thread \"main\" {}", e.into().stack_trace()))
    }

    /// Text on standard error, exit code 1.
    pub(crate) fn error(text: impl Into<String>) -> Early {
        Early { err: text.into(), code: 1, ..Early::default() }
    }

    /// What this playground has no engine for yet: said in one line, never pretended.
    pub(crate) fn not_modelled(what: &str) -> Early {
        Early::error(format!("logbrook: {what} is not modelled yet\n"))
    }

    /// `AppInfoParser.getVersion`.
    pub(crate) fn version() -> Early {
        Early { out: "4.4.0\n".to_string(), ..Early::default() }
    }

    /// The same after warnings about these bootstrap servers.
    pub(crate) fn unresolved(mut self, servers: Vec<String>) -> Early {
        self.unresolved = servers;
        self
    }

    /// The same after something was already printed on standard output.
    pub(crate) fn after(mut self, out: &str) -> Early {
        self.out.insert_str(0, out);
        self
    }
}

impl Process for Early {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if !matches!(input, Input::Start) {
            return;
        }
        for server in &self.unresolved {
            io.stderr(&unresolved_line(io.now, server));
        }
        if !self.out.is_empty() {
            io.stdout(&self.out);
        }
        if let Some(Logged { level, text, logger }) = self.logged.as_deref() {
            io.stderr(&log_line(io.now, *level, text, logger));
        }
        if !self.err.is_empty() {
            io.stderr(&self.err);
        }
        io.exit(self.code);
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Checks of options, as Kafka's `CommandLineUtils` does them.
pub(crate) struct Checks<'a> {
    pub(crate) table: &'a OptionTable,
    pub(crate) options: &'a Options<'a>,
}

impl Checks<'_> {
    /// `maybePrintHelpOrVersion`.
    pub(crate) fn help_or_version(&self, argv: &[String]) -> Result<(), Early> {
        if argv.is_empty() || self.options.has("help") {
            return Err(Early::usage(self.table, self.table.summary));
        }
        if self.options.has("version") {
            return Err(Early::version());
        }
        Ok(())
    }

    /// `checkRequiredArgs`.
    pub(crate) fn required(&self, names: &[&str]) -> Result<(), Early> {
        match names.iter().find(|name| !self.options.has(name)) {
            Some(name) => {
                Err(Early::usage(self.table, format!("Missing required argument \"[{name}]\"")))
            }
            None => Ok(()),
        }
    }

    /// `checkInvalidArgs`.
    pub(crate) fn excludes(&self, used: &str, invalid: &[&str]) -> Result<(), Early> {
        if !self.options.has(used) {
            return Ok(());
        }
        match invalid.iter().find(|name| **name != used && self.options.has(name)) {
            Some(name) => Err(Early::usage(
                self.table,
                format!("Option \"[{used}]\" can't be used with option \"[{name}]\""),
            )),
            None => Ok(()),
        }
    }

    /// `printUsageAndExit` if the condition holds.
    pub(crate) fn usage_if(&self, wrong: bool, message: &str) -> Result<(), Early> {
        if wrong { Err(Early::usage(self.table, message)) } else { Ok(()) }
    }

    /// `printUsageAndExit` with an exception's message.
    pub(crate) fn usage_or<T>(&self, result: Result<T, OptionError>) -> Result<T, Early> {
        result.map_err(|error| Early::usage(self.table, error.message))
    }
}

/// `CommandLineUtils.parseKeyValueArgs`.
pub(crate) fn key_values(arguments: &[String]) -> SortedMap<String, String> {
    let pairs = arguments.iter().map(|a| a.split_once('=').unwrap_or((a, "")));
    pairs.map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

/// `Utils.loadProps`: a property file of the working directory.
pub(crate) fn load_props(
    env: &ToolEnv,
    name: &str,
) -> Result<SortedMap<String, String>, Throwable> {
    if name == "/dev/null" {
        // On every machine, and empty.
        return Ok(SortedMap::new());
    }
    let Some(text) = env.files.get(name) else {
        return Err(Throwable::new("java.nio.file.NoSuchFileException", name));
    };
    let mut properties = SortedMap::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let at = line.find(['=', ':', ' ', '\t']).unwrap_or(line.len());
        let (key, rest) = line.split_at(at);
        let value = rest.trim_start();
        let value = value.strip_prefix(['=', ':']).unwrap_or(value).trim_start();
        properties.insert(key.to_string(), value.to_string());
    }
    Ok(properties)
}

/// `Admin.create`: the configuration of a property file, these servers, and what the tool sets
/// itself where the file does not. `thrown` makes of an exception what the tool makes of it.
pub(crate) fn admin_config(
    env: &ToolEnv,
    file: Option<&str>,
    servers: Option<&str>,
    absent: &[(&str, &str)],
    thrown: impl Fn(Throwable) -> Early,
) -> Result<AdminConfig, Early> {
    let mut properties = match file {
        Some(file) => load_props(env, file).map_err(&thrown)?,
        None => SortedMap::new(),
    };
    let servers = servers.unwrap_or_default();
    properties.insert("bootstrap.servers".into(), servers.to_owned());
    for (name, value) in absent {
        properties.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    const UNMADE: &str = "Failed to create new KafkaAdminClient";
    let config = AdminConfig::from_properties(&properties).map_err(|error| {
        let outer = Throwable::new("org.apache.kafka.common.KafkaException", UNMADE);
        thrown(outer.caused_by(&Throwable::from(&error)))
    })?;
    resolvable(servers)
        .map_err(|unresolved| thrown(no_resolvable(UNMADE)).unresolved(unresolved))?;
    Ok(config)
}

/// The host of `host:port`.
fn host_of(server: &str) -> &str {
    let server = server.trim();
    let server = server.rsplit_once("://").map_or(server, |(_, rest)| rest);
    server.rsplit_once(':').map_or(server, |(host, _)| host)
}

/// Names that resolve in the simulated network: `localhost`, `broker-N`, and addresses.
pub(crate) fn resolves(server: &str) -> bool {
    let host = host_of(server);
    host == "localhost"
        || host.strip_prefix("broker-").is_some_and(|n| n.parse::<u32>().is_ok())
        || host.parse::<std::net::IpAddr>().is_ok()
}

/// `ClientUtils.parseAndValidateAddresses`: a client starts if one of its servers resolves; else
/// the servers that did not.
pub(crate) fn resolvable(servers: &str) -> Result<(), Vec<String>> {
    let servers: Vec<&str> = servers.split(',').map(str::trim).filter(|s| !s.is_empty()).collect();
    match servers.iter().any(|server| resolves(server)) {
        true => Ok(()),
        false => Err(servers.into_iter().map(String::from).collect()),
    }
}

/// What a client's constructor throws then.
pub(crate) fn no_resolvable(message: &str) -> Throwable {
    let cause = Throwable::new(
        "org.apache.kafka.common.config.ConfigException",
        "No resolvable bootstrap urls given in bootstrap.servers",
    );
    Throwable::new("org.apache.kafka.common.KafkaException", message).caused_by(&cause)
}

/// The warning about a bootstrap server that does not resolve.
pub(crate) fn unresolved_line(now: i64, server: &str) -> String {
    let host = host_of(server);
    let text = format!(
        "Couldn't resolve server {server} from bootstrap.servers as DNS resolution failed for {host}"
    );
    log_line(now, Level::Warn, &text, "org.apache.kafka.clients.ClientUtils")
}

/// `ToolsUtils.validateBootstrapServer`: the message for the usage text, if it is no list of
/// `host:port`.
pub(crate) fn validate_bootstrap_server(servers: Option<&str>) -> Result<(), String> {
    let Some(servers) = servers.filter(|s| !s.trim().is_empty()) else {
        return Err("Error while validating the bootstrap address\n".to_string());
    };
    let with_port = |server: &str| {
        let server = server.rsplit_once("://").map_or(server, |(_, rest)| rest);
        match server.rsplit_once(':') {
            Some((_, port)) => {
                !port.is_empty() && port.len() <= 9 && port.chars().all(|c| c.is_ascii_digit())
            }
            None => false,
        }
    };
    // Java's split drops empty pieces at the end.
    let mut pieces: Vec<&str> = servers.split(',').collect();
    while pieces.last().is_some_and(|p| p.is_empty()) {
        pieces.pop();
    }
    if pieces.is_empty() || !pieces.iter().all(|piece| with_port(piece)) {
        return Err("Please provide valid host:port like host1:9091,host2:9092\n".to_string());
    }
    Ok(())
}
