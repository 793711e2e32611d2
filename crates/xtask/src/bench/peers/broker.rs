//! One broker of each kind on a port of its own, and its end.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::install;
use crate::env::{command, kafka, logbrook};
use crate::say::{Doing, Result, failure};

/// The topic that all write to and read from.
pub(super) const TOPIC: &str = "bench";
pub(super) const PARTITIONS: u32 = 4;
/// The slowest of them (a JVM on a busy machine) takes a third of it.
const START: Duration = Duration::from_secs(60);

/// Whom to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Logbrook,
    Kafka,
    Tansu,
    Kfake,
}

impl Peer {
    pub(super) const ALL: [Peer; 4] = [Peer::Logbrook, Peer::Kafka, Peer::Tansu, Peer::Kfake];

    pub(super) fn name(self) -> &'static str {
        match self {
            Peer::Logbrook => "logbrook",
            Peer::Kafka => "kafka",
            Peer::Tansu => "tansu",
            Peer::Kfake => "kfake",
        }
    }
}

/// A broker that serves; dropped, it ends.
pub(super) struct Running {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Running {
    /// User and system time of its process so far, in seconds.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(&path)
            .doing(format!("{path} (CPU time is measured on Linux only)"))?;
        // The name in parentheses may have spaces; utime and stime are the 14th and 15th field.
        let after = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 =
            after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
        // `sysconf(_SC_CLK_TCK)` has been 100 wherever Linux shows times to programs.
        Ok(ticks as f64 / 100.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts one with an empty topic.
pub(super) fn start(peer: Peer) -> Result<Running> {
    let address = free_port()?;
    let dir = install::folder(peer.name());
    fs::create_dir_all(&dir).doing(dir.display())?;
    let mut command = match peer {
        Peer::Logbrook => {
            let mut serve = command::program(logbrook::binary());
            serve.args(["serve", "--log-level", "warn", "--listen"]).arg(address.to_string());
            serve
        }
        Peer::Kafka => kafka_server(address)?,
        Peer::Tansu => {
            let url = format!("tcp://{address}");
            let mut broker = command::program(install::tansu());
            broker.args(["broker", "--storage-engine", "memory://tansu/", "--listener-url", &url]);
            broker.args(["--advertised-listener-url", &url]);
            broker
        }
        Peer::Kfake => {
            let mut broker = command::program(install::kfake());
            broker.arg(address.port().to_string());
            broker
        }
    };
    let log = dir.join("output.log");
    let output = File::create(&log).doing(log.display())?;
    let errors = output.try_clone().doing(log.display())?;
    let child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .spawn()
        .doing(format!("{} could not be started", peer.name()))?;
    let mut running = Running { child, address };
    let deadline = Instant::now() + START;
    while !serves(peer, address) {
        let ended = running.child.try_wait().doing(peer.name())?.is_some();
        if ended || Instant::now() > deadline {
            let name = peer.name();
            return Err(failure(format!("{name} does not serve; see {}.", log.display())));
        }
        sleep(Duration::from_millis(200));
    }
    Ok(running)
}

/// Whether it answers, and has the topic from now on.
fn serves(peer: Peer, address: SocketAddr) -> bool {
    if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        return false;
    }
    let partitions = PARTITIONS.to_string();
    match peer {
        // It begins with the topic.
        Peer::Kfake => true,
        Peer::Tansu => command::works(
            command::program(install::tansu())
                .args(["topic", "create", TOPIC, "--partitions", &partitions, "--broker"])
                .arg(format!("tcp://{address}")),
        ),
        Peer::Logbrook | Peer::Kafka => command::works(
            command::program(logbrook::binary())
                .args(["kafka-topics.sh", "--create", "--if-not-exists", "--topic", TOPIC])
                .args(["--partitions", &partitions, "--bootstrap-server"])
                .arg(address.to_string()),
        ),
    }
}

/// One node, broker and controller in one, formatted anew, with the flags of Kafka's own start script.
fn kafka_server(address: SocketAddr) -> Result<Command> {
    let dir = install::folder("kafka");
    let data = dir.join("data");
    if data.is_dir() {
        fs::remove_dir_all(&data).doing(data.display())?;
    }
    let controller = free_port()?;
    let properties = dir.join("server.properties");
    let text = format!(
        "process.roles=broker,controller\nnode.id=1\nlisteners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
         advertised.listeners=PLAINTEXT://{address},CONTROLLER://{controller}\ncontroller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
         controller.quorum.voters=1@{controller}\nlog.dirs={}\noffsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n",
        data.display()
    );
    fs::write(&properties, text).doing(properties.display())?;
    let class_path = format!("{}/*", kafka::ensure()?.join("broker").display());
    let java = |class: &str| {
        let mut java = command::program("java");
        java.args(["-cp", &class_path, class]);
        java
    };
    command::output(
        java("kafka.tools.StorageTool")
            .args(["format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c"])
            .arg(&properties),
    )?;
    let mut broker = command::program("java");
    broker.args(["-Xmx1g", "-Xms1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"]);
    broker.args(["-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]);
    broker.args(["-Djava.awt.headless=true", "-cp", &class_path, "kafka.Kafka"]).arg(&properties);
    Ok(broker)
}

/// An address that nobody listens on at this moment.
fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).doing("a free port")?;
    listener.local_addr().doing("a free port")
}
