//! Recorded sessions: a file of action lines with the outputs that Kafka gave, run on a fresh
//! simulated cluster and compared under the file's masks.

mod mask;

use std::fmt;

use logbrook_cluster::{Cluster, ClusterConfig, log_dir};
use logbrook_sorted::SortedMap;

use crate::action::{Action, ActionError, Entry, Output, Select, parse_entries};
use crate::workspace::Workspace;
pub use mask::Mask;

/// A file with the outputs of one run.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The file's entries as they stand in it.
    pub file: Vec<Entry>,
    /// What each of them printed now, as it is; `None` where nothing is printed.
    pub outputs: Vec<Option<Output>>,
    /// The same under the file's masks, as a recorder would write it.
    pub masked: Vec<Option<Output>>,
}

/// A command whose output is not the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the command, from 1.
    pub line: usize,
    /// The command's line.
    pub command: String,
    /// The recorded output that was compared, a line each.
    pub expected: String,
    /// What came now, in the same form.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}: {}\n--- recorded\n{}--- got\n{}",
            self.line, self.command, self.expected, self.got
        )
    }
}

/// Runs a session file on a fresh cluster, which its `@cluster` line describes (one broker
/// without).
///
/// # Errors
/// A line that cannot be read or run, with its number.
pub fn run(text: &str, seed: u64) -> Result<Transcript, ActionError> {
    let file = parse_entries(&with_log_dirs(text))?;
    let mut workspace = Workspace::new(Cluster::new(cluster_config(1, &[], seed)?));
    let mut mask = Mask::default();
    let (mut outputs, mut masked) = (Vec::new(), Vec::new());
    for entry in &file {
        let at = |e: ActionError| e.at_line(entry.line);
        if let Some(at_us) = entry.at_us {
            workspace.cluster.run_until_us(at_us);
        }
        let output = match &entry.action {
            Action::Cluster { nodes, settings } => {
                let config = cluster_config(*nodes, settings, seed).map_err(at)?;
                workspace = Workspace::new(Cluster::new(config));
                None
            }
            Action::Mask(regex) => {
                mask.add(regex).map_err(at)?;
                None
            }
            action => {
                let output = workspace.run(action).map_err(at)?.output;
                settle(&mut workspace.cluster, action).map_err(at)?;
                output
            }
        };
        let help =
            matches!(&entry.action, Action::Run { command, .. } if command.contains("--help"));
        masked.push(output.as_ref().map(|o| mask.apply(o, workspace.cluster.now_ms(), help)));
        outputs.push(output);
    }
    Ok(Transcript { file, outputs, masked })
}

/// How long a node may take to be gone or to serve, in virtual µs.
const SETTLE_US: i64 = 60_000_000;

/// The recorder's `@term` ends when the node is gone, and its `@start` when the node serves.
fn settle(cluster: &mut Cluster, action: &Action) -> Result<(), ActionError> {
    type Waits = fn(&Cluster, i32) -> bool;
    let (target, waits, expected): (_, Waits, _) = match action {
        Action::Term(target) => (target, Cluster::is_broker_up, "gone"),
        Action::Start(target) => {
            (target, |cluster, node| !cluster.is_broker_running(node), "serving")
        }
        _no_node_changes => return Ok(()),
    };
    let Select::Node(node) = target.select else { return Ok(()) };
    let until_us = cluster.now_us().saturating_add(SETTLE_US);
    match cluster.run_until_us_while(until_us, |cluster| waits(cluster, node)) {
        false => Ok(()),
        true => {
            let expected = format!("a node that is {expected} within 60 s");
            Err(ActionError::new(action.to_string(), expected))
        }
    }
}

/// Runs a session file and compares what it prints with what is recorded in it.
///
/// # Errors
/// A line that cannot be read or run, with its number.
pub fn check(text: &str, seed: u64) -> Result<Vec<Difference>, ActionError> {
    Ok(run(text, seed)?.differences())
}

impl Transcript {
    /// How many commands have a recorded output.
    pub fn recorded(&self) -> usize {
        self.file.iter().filter(|entry| entry.recorded.is_some()).count()
    }

    /// The commands whose output is not the recorded one.
    pub fn differences(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        for (entry, got) in self.file.iter().zip(&self.masked) {
            let Some(recorded) = &entry.recorded else { continue };
            let expected = mask::comparable(recorded);
            let got = mask::comparable(&got.clone().unwrap_or_default());
            if expected != got {
                let text = entry.action.to_string();
                let command = text.lines().next().unwrap_or_default().to_string();
                found.push(Difference { line: entry.line, command, expected, got });
            }
        }
        found
    }

    /// The file with what was printed now in place of what was recorded; `masked` as a recorder
    /// writes it, else as it is.
    pub fn text(&self, masked: bool) -> String {
        let outputs = if masked { &self.masked } else { &self.outputs };
        let entries = self.file.iter().zip(outputs).map(|(entry, output)| {
            let entry = Entry { recorded: output.clone(), ..entry.clone() };
            format!("{entry}\n")
        });
        without_log_dirs(&entries.collect::<String>())
    }
}

/// The wall clock when a session begins, ms since the epoch: 2026-11-23, when sessions were recorded.
/// Records with timestamps of their own are older; a broker refuses those from the future
/// (`message.timestamp.after.max.ms`).
const RECORDED_MS: i64 = 1_795_392_000_000;
/// Nodes whose log directories a file may name.
const NODES: i32 = 9;

/// `{data-1}` in a file is the log directory of node 1.
fn with_log_dirs(text: &str) -> String {
    (1..=NODES).fold(text.to_owned(), |text, node| {
        text.replace(&format!("{{data-{node}}}"), &log_dir(node))
    })
}

fn without_log_dirs(text: &str) -> String {
    (1..=NODES).fold(text.to_owned(), |text, node| {
        text.replace(&log_dir(node), &format!("{{data-{node}}}"))
    })
}

fn cluster_config(
    nodes: u32,
    settings: &[(String, String)],
    seed: u64,
) -> Result<ClusterConfig, ActionError> {
    if let Some((name, value)) = settings.iter().find(|(name, _)| name != "SET") {
        let expected = "SET='key=value;...': nothing else of a cluster is modelled yet";
        return Err(ActionError::new(format!("{name}={value}"), expected));
    }
    let mut config = ClusterConfig {
        brokers: nodes as i32,
        seed,
        epoch_ms: RECORDED_MS,
        ..ClusterConfig::default()
    };
    config.broker_properties.extend(server_properties(nodes, settings)?);
    Ok(config)
}

/// The properties of a session's brokers: what Kafka's own `config/server.properties` sets, scaled to their
/// number, and over it what `SET='key=value;...'` among the words of the `@cluster` line says.
///
/// # Errors
/// A piece of `SET` that is no `key=value`.
pub fn server_properties(
    nodes: u32,
    settings: &[(String, String)],
) -> Result<SortedMap<String, String>, ActionError> {
    let replication = nodes.min(3).to_string();
    let min_isr = if nodes < 3 { "1" } else { "2" };
    let mut properties: SortedMap<String, String> = [
        ("offsets.topic.replication.factor", replication.as_str()),
        ("transaction.state.log.replication.factor", replication.as_str()),
        ("transaction.state.log.min.isr", min_isr),
        ("group.initial.rebalance.delay.ms", "0"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    let set = settings.iter().filter(|(name, _)| name == "SET");
    for pair in set.flat_map(|(_, value)| value.split(';')).filter(|pair| !pair.trim().is_empty()) {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| ActionError::new(pair, "a server property: key=value"))?;
        properties.insert(key.trim().to_owned(), value.trim().to_owned());
    }
    Ok(properties)
}
