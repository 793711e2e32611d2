//! The brokers of a live session: `logbrook serve`, or Apache Kafka itself, as real processes.
//!
//! Node `i` listens on 9092, 9094, …, as the sessions' commands have it, and keeps its records in
//! `STATE/node-i/data`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use logbrook_shell::session_file::server_properties;
use logbrook_sorted::SortedMap;

use super::found;
use super::job::Job;
use super::kit::Kit;

/// How long a broker may take to serve.
const START: Duration = Duration::from_secs(90);
/// The cluster's id, in the recorded sessions too.
const CLUSTER_ID: &str = "MkU3OEVBNTcwNTJENDM2Qg";

/// Formats a log directory that is new, as `kafka-storage.sh` does with the kit's ids.
fn format_once(data: &Path, id: u32) -> Result<(), String> {
    let file = data.join("meta.properties");
    if file.exists() {
        return Ok(());
    }
    let directory = directory_id(id);
    let text =
        format!("version=1\ncluster.id={CLUSTER_ID}\nnode.id={id}\ndirectory.id={directory}\n");
    fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))
}
/// The controller's node id, where it is a node of its own.
const CONTROLLER: u32 = 100;
const FIRST_PORT: u32 = 9092;

/// Whose brokers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This program's own `serve`.
    Logbrook,
    /// Apache Kafka's.
    Kafka,
}

/// A running cluster.
pub(super) struct Nodes<'a> {
    kit: &'a Kit,
    whose: Whose,
    state: PathBuf,
    running: Vec<(u32, Job)>,
    properties: SortedMap<String, String>,
}

impl<'a> Nodes<'a> {
    /// Starts `count` brokers on an empty state folder, and waits until they serve. `settings` are
    /// the words of an `@cluster` line.
    ///
    /// # Errors
    /// A setting that cannot be had, or a broker that does not start.
    pub(super) fn start(
        kit: &'a Kit,
        whose: Whose,
        state: &Path,
        count: u32,
        settings: &[(String, String)],
    ) -> Result<Nodes<'a>, String> {
        if whose == Whose::Logbrook && count != 1 {
            return Err(format!("found {count} brokers, expected 1: `serve` is one broker so far"));
        }
        let properties = server_properties(count, settings).map_err(found)?;
        let mut nodes = Nodes { kit, whose, state: state.into(), running: Vec::new(), properties };
        match whose {
            Whose::Logbrook => nodes.launch(1)?,
            Whose::Kafka => nodes.format(count, settings)?,
        }
        Ok(nodes)
    }

    /// Formats and starts each node of Apache Kafka.
    fn format(&mut self, count: u32, settings: &[(String, String)]) -> Result<(), String> {
        let has =
            |name: &str| settings.iter().find(|(key, _)| key == name).map(|(_, v)| v.as_str());
        let of_its_own = has("QUORUM").map_or(count > 1, |quorum| quorum == "dedicated");
        let controllers: Vec<u32> = match has("QUORUM") {
            Some("node1") => vec![1],
            _ if of_its_own => vec![CONTROLLER],
            _ => (1..=count).collect(),
        };
        let controller_port =
            |id: u32| if id == CONTROLLER { port(count) + 3 } else { port(id) + 1 };
        let list = |one: &dyn Fn(u32) -> String| {
            controllers.iter().map(|id| one(*id)).collect::<Vec<_>>().join(",")
        };
        let quorum = list(&|id| format!("localhost:{}", controller_port(id)));
        let initial =
            list(&|id| format!("{id}@localhost:{}:{}", controller_port(id), directory_id(id)));
        let brokers = 1..=count;
        let ids: Vec<u32> = if of_its_own {
            std::iter::once(CONTROLLER).chain(brokers).collect()
        } else {
            brokers.collect()
        };
        for id in ids.iter().copied() {
            let (broker, controller) = (id != CONTROLLER, controllers.contains(&id));
            let mut listeners = Vec::new();
            let mut roles = Vec::new();
            if broker {
                listeners.push(("BROKER", port(id)));
                roles.push("broker");
            }
            if controller {
                listeners.push(("CONTROLLER", controller_port(id)));
                roles.push("controller");
            }
            let listening = |host: &str| {
                let all = listeners.iter().map(|(name, port)| format!("{name}://{host}:{port}"));
                all.collect::<Vec<_>>().join(",")
            };
            let mut text = String::new();
            let mut put = |key: &str, value: &str| text.push_str(&format!("{key}={value}\n"));
            put("process.roles", &roles.join(","));
            put("node.id", &id.to_string());
            put("listeners", &listening("127.0.0.1"));
            put("advertised.listeners", &listening("localhost"));
            if broker {
                put("inter.broker.listener.name", "BROKER");
            }
            put("controller.listener.names", "CONTROLLER");
            put("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT");
            put("controller.quorum.bootstrap.servers", &quorum);
            put("log.dirs", &self.data(id).display().to_string());
            for (key, value) in &self.properties {
                put(key, value);
            }
            let own = format!("SET_{id}");
            for pair in has(&own).into_iter().flat_map(|value| value.split(';')) {
                text.push_str(pair);
                text.push('\n');
            }
            let file = self.file(id);
            let folder = self.folder(id);
            fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
            let mut more = if controller {
                vec!["--initial-controllers".to_owned(), initial.clone()]
            } else {
                vec!["--no-initial-controllers".to_owned()]
            };
            for feature in has("FEATURES").into_iter().flat_map(|value| value.split(';')) {
                more.extend(["--feature".to_owned(), feature.to_owned()]);
            }
            let job = Job::start(self.kit.format(&file, CLUSTER_ID, &more), Some(&[]))?;
            let output = job.wait()?;
            if output.exit != Some(0) {
                return Err(format!("node {id} could not be formatted: {}", output.stderr));
            }
        }
        for id in &ids {
            let job = Job::start(self.kit.server(&self.file(*id)), None)?;
            self.running.push((*id, job));
        }
        for id in ids {
            self.await_node(id)?;
        }
        Ok(())
    }

    /// Starts a node that is down, and waits until it serves.
    ///
    /// # Errors
    /// It runs already, or does not come up.
    pub(super) fn launch(&mut self, id: u32) -> Result<(), String> {
        if self.running.iter().any(|(node, _)| *node == id) {
            return Err(format!("found {id}, expected a node that is down"));
        }
        let command = match self.whose {
            Whose::Kafka => self.kit.server(&self.file(id)),
            Whose::Logbrook => {
                let program = std::env::current_exe().map_err(|e| e.to_string())?;
                let mut serve = Command::new(program);
                serve.args(["serve", "--listen", &format!("127.0.0.1:{}", port(id))]);
                serve.args(["--advertised", &format!("localhost:{}", port(id))]);
                let data = self.data(id);
                fs::create_dir_all(&data).map_err(|e| format!("{}: {e}", data.display()))?;
                format_once(&data, id)?;
                serve.arg("--data").arg(data);
                for (key, value) in &self.properties {
                    serve.args(["--config", &format!("{key}={value}")]);
                }
                serve
            }
        };
        let job = Job::start(command, None)?;
        self.running.push((id, job));
        self.await_node(id)
    }

    /// Ends a node: at once (kill -9) or by a controlled shutdown.
    ///
    /// # Errors
    /// There is no such node up.
    pub(super) fn end(&mut self, id: u32, at_once: bool) -> Result<(), String> {
        let at = self.running.iter().position(|(node, _)| *node == id);
        let at = at.ok_or_else(|| format!("found {id}, expected a node that is up"))?;
        let (_, mut job) = self.running.remove(at);
        if at_once {
            job.kill();
            return Ok(());
        }
        job.terminate();
        job.wait().map(|_| ())
    }

    fn await_node(&mut self, id: u32) -> Result<(), String> {
        let ready = match self.whose {
            Whose::Kafka => "Kafka Server started",
            Whose::Logbrook => "Kafka on ",
        };
        let Some((_, job)) = self.running.iter_mut().find(|(node, _)| *node == id) else {
            return Err(format!("node {id} is down"));
        };
        let end = Instant::now() + START;
        while !job.said().contains(ready) {
            if job.has_ended() || Instant::now() > end {
                return Err(format!("node {id} does not serve: {}", job.said()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Where a node's log directories are.
    pub(super) fn data(&self, id: u32) -> PathBuf {
        self.folder(id).join("data")
    }

    fn folder(&self, id: u32) -> PathBuf {
        self.state.join(format!("node-{id}"))
    }

    fn file(&self, id: u32) -> PathBuf {
        self.folder(id).join("server.properties")
    }
}

impl Drop for Nodes<'_> {
    fn drop(&mut self) {
        for (_, job) in &mut self.running {
            job.kill();
        }
    }
}

fn port(id: u32) -> u32 {
    FIRST_PORT + 2 * id.saturating_sub(1)
}

/// A directory id that is told apart from random ones, as the recorded sessions have it.
fn directory_id(id: u32) -> String {
    format!("LogbrookGroundTruth_{}w", if id == CONTROLLER { 0 } else { id })
}
