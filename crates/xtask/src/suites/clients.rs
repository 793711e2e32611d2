//! One scenario for each client library: produce, read, a group of three with a crash, a
//! transactional copy. The programs are in `tests/clients`; those of Java are Kafka's own.

use super::job::Job;
use super::report::{Outcome, Verdict};
use super::{Run, python};
use crate::env::command::{self, program};
use crate::env::{kafka, logbrook, node, paths};
use crate::say::{Doing, Result, failure, step};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

pub(super) const ABOUT: &str = "\
confluent-kafka 2.16.1, aiokafka 0.14.0, kafkajs 2.2.4, @platformatic/kafka 1.35.0, and the console and
verifiable clients of Apache Kafka 4.3.1, on one broker of Apache Kafka 4.4.0
cargo xtask conformance --suite clients --against HOST:PORT --keep";

const PIP: &[&str] = &["confluent-kafka==2.16.1", "aiokafka==0.14.0"];
const NPM: &[&str] = &["kafkajs@2.2.4", "@platformatic/kafka@1.35.0"];

/// How long any one step may take; a busy machine is slow, and a JVM slower.
const PATIENCE: Duration = Duration::from_secs(120);
/// Long enough for a busy machine, short enough to wait for after a crash.
const SESSION_TIMEOUT_MS: &str = "10000";
const PARTITIONS: usize = 6;
const PRODUCED: usize = 2000;
/// Before the crash, and again after it.
const GROUP_RECORDS: usize = 600;
const COPIED: usize = 500;

pub(super) fn prepare(folder: &Path) -> Result<()> {
    python::environment(folder, PIP)?;
    node::ensure()?;
    kafka::ensure()?;
    let stamp = folder.join("npm.packages");
    let list = NPM.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|had| had == list) {
        return Ok(());
    }
    let installing = step("installing npm packages");
    let manifest = folder.join("package.json");
    fs::write(&manifest, "{\"private\":true,\"type\":\"module\"}\n").doing(manifest.display())?;
    let quiet = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
    command::run(node::npm().args(quiet).args(NPM).current_dir(folder))
        .doing("npm packages could not be installed; is there a network?")?;
    fs::write(&stamp, list).doing(stamp.display())?;
    installing.done();
    Ok(())
}

/// A client library.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Confluent,
    Aiokafka,
    Kafkajs,
    Platformatic,
    Java,
}

const CLIENTS: [Client; 5] =
    [Client::Confluent, Client::Aiokafka, Client::Kafkajs, Client::Platformatic, Client::Java];

/// What a program is started as; tests/clients/README.md says what each takes and prints.
#[derive(Clone, Copy)]
enum Role {
    Producer,
    Consumer,
    Reader,
    Copier,
    /// `kafka-console-producer.sh`; Java has it alone.
    ConsoleProducer,
}

/// One test of a client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    ProduceAndRead,
    Group,
    /// The same with `group.protocol=consumer` (KIP-848).
    ConsumerGroup,
    Copy,
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Client::Confluent => "confluent-kafka",
            Client::Aiokafka => "aiokafka",
            Client::Kafkajs => "kafkajs",
            Client::Platformatic => "platformatic-kafka",
            Client::Java => "java",
        }
    }

    fn tests(self) -> &'static [Test] {
        match self {
            // These two have no consumer protocol.
            Client::Aiokafka | Client::Kafkajs => &[Test::ProduceAndRead, Test::Group, Test::Copy],
            Client::Confluent | Client::Platformatic | Client::Java => {
                &[Test::ProduceAndRead, Test::Group, Test::ConsumerGroup, Test::Copy]
            }
        }
    }

    fn command(self, folder: &Path, role: Role) -> Command {
        let script = |name: &str| folder.join("programs").join(name);
        let word = match role {
            Role::Producer => "producer",
            Role::Consumer => "consumer",
            Role::Reader => "reader",
            Role::Copier => "copier",
            Role::ConsoleProducer => "console-producer",
        };
        match self {
            Client::Confluent | Client::Aiokafka => {
                let name = if self == Client::Confluent { "confluent.py" } else { "aio.py" };
                let mut python = program(python::interpreter(folder));
                python.arg(script(name)).arg(word);
                python
            }
            Client::Kafkajs | Client::Platformatic => {
                let name = if self == Client::Kafkajs { "kafkajs.mjs" } else { "platformatic.mjs" };
                let mut node = program("node");
                node.arg("--no-warnings").arg(script(name)).arg(word);
                node
            }
            Client::Java => java(role),
        }
    }
}

/// One of Kafka's own programs. The JVM is asked to start quickly rather than to run fast.
fn java(role: Role) -> Command {
    let class = match role {
        Role::Producer => "org.apache.kafka.tools.VerifiableProducer",
        Role::Consumer => "org.apache.kafka.tools.VerifiableConsumer",
        Role::Reader => "org.apache.kafka.tools.consumer.ConsoleConsumer",
        Role::Copier => "org.apache.kafka.tools.TransactionalMessageCopier",
        Role::ConsoleProducer => "org.apache.kafka.tools.ConsoleProducer",
    };
    let kit = paths::target().join("kafka");
    let mut java = program("java");
    java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]);
    java.arg(format!("-Dlog4j2.configurationFile={}", kit.join("log4j2-tools.yaml").display()));
    java.arg("-cp").arg(kit.join("tools/*")).arg(class);
    match role {
        Role::Consumer => java.arg("--verbose"),
        Role::Reader => java.arg("--from-beginning"),
        Role::Producer | Role::Copier | Role::ConsoleProducer => &mut java,
    };
    java
}

impl Test {
    fn name(self) -> &'static str {
        match self {
            Test::ProduceAndRead => "produce-and-read",
            Test::Group => "group-with-a-crash",
            Test::ConsumerGroup => "consumer-group-with-a-crash",
            Test::Copy => "transactional-copy",
        }
    }
}

pub(super) fn run(folder: &Path, run: &Run<'_>) -> Result<Vec<Outcome>> {
    let from = paths::root().join("tests/clients");
    // Node looks for packages beside the program, so the programs go where the packages are.
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).doing(programs.display())?;
    for entry in fs::read_dir(&from).doing(from.display())? {
        let path = entry.doing(from.display())?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, programs.join(name)).doing(path.display())?;
        }
    }
    let tools = logbrook::build()?;
    let mut outcomes = Vec::new();
    for client in CLIENTS {
        for test in client.tests() {
            let name = format!("{}/{}", client.name(), test.name());
            if !run.tests.is_empty() && !run.tests.contains(&name) {
                continue;
            }
            let trial = Trial::new(folder, &tools, run.bootstrap, client, *test);
            let trying = step(&name);
            let (verdict, remark) = match trial.run(*test) {
                Ok(()) => (Verdict::Passed, String::new()),
                Err(why) => (Verdict::Failed, why.to_string()),
            };
            trying.done_with(&remark);
            outcomes.push(Outcome { name, verdict, remark });
        }
    }
    if outcomes.is_empty() {
        return Err(failure("no client has a test of that name."));
    }
    Ok(outcomes)
}

/// A client in a test, with a topic and a group that no other run has.
#[derive(Clone)]
struct Trial<'a> {
    folder: &'a Path,
    bootstrap: &'a str,
    /// The `logbrook` binary.
    tools: &'a Path,
    client: Client,
    topic: String,
}

impl Trial<'_> {
    fn new<'a>(
        folder: &'a Path,
        tools: &'a Path,
        bootstrap: &'a str,
        client: Client,
        test: Test,
    ) -> Trial<'a> {
        let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let moment = moment.unwrap_or_default().as_millis();
        let topic = format!("{}-{}-{moment}", client.name(), test.name());
        Trial { folder, bootstrap, tools, client, topic }
    }

    fn run(&self, test: Test) -> Result<()> {
        match test {
            Test::ProduceAndRead => self.produce_and_read(),
            Test::Group => self.group(false),
            Test::ConsumerGroup => self.group(true),
            Test::Copy => self.copy(),
        }
    }

    /// Every record is acknowledged, read again once, and in order within its partition.
    fn produce_and_read(&self) -> Result<()> {
        self.create(&self.topic, PARTITIONS)?;
        self.produce(&self.topic, 0, PRODUCED)?;
        let read = self.read(&self.topic, PRODUCED, "read_uncommitted")?;
        same_records(&read, &numbered(0, PRODUCED))?;
        if self.client == Client::Java {
            self.console_producer()?;
        }
        Ok(())
    }

    /// `kafka-console-producer.sh` with each codec it has.
    fn console_producer(&self) -> Result<()> {
        let topic = format!("{}-console", self.topic);
        self.create(&topic, 1)?;
        let mut expected = Vec::new();
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let values: Vec<String> = (0..50).map(|i| format!("{codec} {i}")).collect();
            let mut producer = java(Role::ConsoleProducer);
            producer.args(["--bootstrap-server", self.bootstrap, "--topic", &topic]);
            producer.args(["--compression-codec", codec]);
            let input = values.iter().map(|value| format!("{value}\n")).collect();
            self.start(producer, Some(input), "console-producer")?.finish(PATIENCE)?;
            expected.extend(values);
        }
        let read = self.read(&topic, expected.len(), "read_uncommitted")?;
        same_order(&read, &expected)
    }

    /// Three members share the partitions; one is killed; the others take over, and nothing is lost.
    fn group(&self, consumer_protocol: bool) -> Result<()> {
        self.create(&self.topic, PARTITIONS)?;
        let mut members = Vec::new();
        for i in 0..3 {
            let mut member = self.client.command(self.folder, Role::Consumer);
            member.args(["--bootstrap-server", self.bootstrap, "--topic", &self.topic]);
            member.args(["--group-id", &self.topic]);
            // Of the consumer protocol the broker keeps the session, and Java refuses the setting.
            match consumer_protocol {
                true => member.args(["--group-protocol", "consumer"]),
                false => member.args(["--session-timeout", SESSION_TIMEOUT_MS]),
            };
            let job = self.start(member, None, &format!("member-{i}"))?;
            members.push(Member { job, assigned: BTreeSet::new(), read: BTreeSet::new() });
        }
        let all: BTreeSet<usize> = (0..PARTITIONS).collect();
        let shared = |members: &[Member]| {
            let each = members.iter().all(|member| !member.assigned.is_empty());
            let sum: usize = members.iter().map(|member| member.assigned.len()).sum();
            let union: BTreeSet<usize> = members.iter().flat_map(|m| m.assigned.clone()).collect();
            each && sum == PARTITIONS && union == all
        };
        watch(&mut members, "three members to share the partitions", shared)?;

        self.produce(&self.topic, 1, GROUP_RECORDS)?;
        let before: BTreeSet<String> = numbered(1, GROUP_RECORDS).into_iter().collect();
        let read_all = |wanted: BTreeSet<String>| {
            move |members: &[Member]| {
                wanted.iter().all(|v| members.iter().any(|m| m.read.contains(v)))
            }
        };
        watch(&mut members, "the members to read all records", read_all(before))?;

        members[0].job.kill();
        members.remove(0);
        watch(&mut members, "two members to share the partitions of the third", shared)?;
        self.produce(&self.topic, 2, GROUP_RECORDS)?;
        let after: BTreeSet<String> = numbered(2, GROUP_RECORDS).into_iter().collect();
        watch(&mut members, "the two members to read all records", read_all(after))
    }

    /// What a transactional copier that aborts now and then has committed is the input, in order.
    fn copy(&self) -> Result<()> {
        let output = format!("{}-out", self.topic);
        self.create(&self.topic, 1)?;
        self.create(&output, 1)?;
        self.produce(&self.topic, 0, COPIED)?;
        let mut copier = self.client.command(self.folder, Role::Copier);
        copier.args(["--broker-list", self.bootstrap, "--transactional-id", &self.topic]);
        copier.args(["--input-topic", &self.topic, "--input-partition", "0"]);
        copier.args(["--output-topic", &output, "--consumer-group", &self.topic]);
        copier.args(["--transaction-size", "50", "--enable-random-aborts"]);
        self.start(copier, None, "copier")?.finish(PATIENCE)?;
        // A reader of @platformatic/kafka 1.35 is given aborted records whatever the isolation level.
        let reader = match self.client {
            Client::Platformatic => {
                Trial { client: Client::Confluent, topic: self.topic.clone(), ..*self }
            }
            Client::Confluent | Client::Aiokafka | Client::Kafkajs | Client::Java => self.clone(),
        };
        let read = reader.read(&output, COPIED, "read_committed")?;
        let expected = self.read(&self.topic, COPIED, "read_uncommitted")?;
        same_order(&read, &expected)
    }

    /// Our own tool makes the topic, so that the client under test need not.
    fn create(&self, topic: &str, partitions: usize) -> Result<()> {
        let mut tool = program(self.tools);
        tool.args(["kafka-topics.sh", "--bootstrap-server", self.bootstrap, "--create"]);
        tool.args(["--topic", topic, "--partitions", &partitions.to_string()]);
        self.start(tool, None, "topics")?.finish(PATIENCE).map(drop)
    }

    /// Values are `PREFIX.0`, `PREFIX.1`, …
    fn produce(&self, topic: &str, prefix: usize, count: usize) -> Result<()> {
        let mut producer = self.client.command(self.folder, Role::Producer);
        producer.args(["--bootstrap-server", self.bootstrap, "--topic", topic]);
        producer.args(["--max-messages", &count.to_string()]);
        producer.args(["--value-prefix", &prefix.to_string()]);
        let said = self.start(producer, None, "producer")?.finish(PATIENCE)?;
        let events: Vec<Event> = said.iter().filter_map(|line| Event::read(line)).collect();
        if let Some(refused) = events.iter().find(|event| event.name == "producer_send_error") {
            return Err(failure(format!("a record was refused: {}", refused.line)));
        }
        let sent = events.iter().filter(|event| event.name == "producer_send_success").count();
        match sent == count {
            true => Ok(()),
            false => Err(failure(format!("{sent} records were acknowledged, expected {count}"))),
        }
    }

    fn read(&self, topic: &str, count: usize, isolation: &str) -> Result<Vec<String>> {
        let mut reader = self.client.command(self.folder, Role::Reader);
        reader.args(["--bootstrap-server", self.bootstrap, "--topic", topic]);
        reader.args(["--max-messages", &count.to_string(), "--isolation-level", isolation]);
        self.start(reader, None, "reader")?.finish(PATIENCE)
    }

    fn start(&self, command: Command, input: Option<String>, what: &str) -> Result<Job> {
        let errors: PathBuf = self.folder.join("logs");
        fs::create_dir_all(&errors).doing(errors.display())?;
        Job::start(command, input, &errors.join(format!("{}-{what}.log", self.topic)))
    }
}

/// A member of a group, as its lines tell.
struct Member {
    job: Job,
    assigned: BTreeSet<usize>,
    read: BTreeSet<String>,
}

impl Member {
    fn hear(&mut self, event: &Event) {
        let partitions = event.partitions();
        match event.name.as_str() {
            "partitions_assigned" => self.assigned.extend(partitions),
            "partitions_revoked" => self.assigned.retain(|p| !partitions.contains(p)),
            "record_data" => self.read.extend(event.value["value"].as_str().map(str::to_owned)),
            _other => {}
        }
    }
}

/// One line of a verifiable client.
struct Event {
    name: String,
    value: serde_json::Value,
    line: String,
}

impl Event {
    fn read(line: &str) -> Option<Event> {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        let name = value["name"].as_str()?.to_owned();
        Some(Event { name, value, line: line.to_owned() })
    }

    fn partitions(&self) -> BTreeSet<usize> {
        let all = self.value["partitions"].as_array().into_iter().flatten();
        all.filter_map(|one| usize::try_from(one["partition"].as_u64()?).ok()).collect()
    }
}

/// Hears the members until `reached`.
fn watch(members: &mut [Member], what: &str, reached: impl Fn(&[Member]) -> bool) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !reached(members) {
        if let Some(gone) =
            members.iter_mut().find_map(|member| (!member.job.runs()).then_some(&*member))
        {
            return Err(failure(format!(
                "waiting for {what}: a member ended: {}",
                gone.job.last_words()
            )));
        }
        if Instant::now() > until {
            let shares: Vec<_> = members
                .iter()
                .map(|member| format!("{:?} and {} records", member.assigned, member.read.len()))
                .collect();
            let shares = shares.join(", ");
            return Err(failure(format!(
                "waited {} s for {what}; they have {shares}",
                PATIENCE.as_secs()
            )));
        }
        for member in members.iter_mut() {
            let mut wait = Duration::from_millis(50);
            while let Some(line) = member.job.line(wait) {
                if let Some(event) = Event::read(&line) {
                    member.hear(&event);
                }
                wait = Duration::ZERO;
            }
        }
    }
    Ok(())
}

/// As Kafka's verifiable producer numbers them.
fn numbered(prefix: usize, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix}.{i}")).collect()
}

/// Each expected value once, and no other.
fn same_records(read: &[String], expected: &[String]) -> Result<()> {
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    expected.iter().for_each(|value| *counts.entry(value).or_default() += 1);
    read.iter().for_each(|value| *counts.entry(value).or_default() -= 1);
    match counts.iter().find(|(_, count)| **count != 0) {
        None => Ok(()),
        Some((value, count)) if *count > 0 => {
            Err(failure(format!("{value:?} was not read, of {} records", expected.len())))
        }
        Some((value, _)) => Err(failure(format!("{value:?} was read too often"))),
    }
}

fn same_order(read: &[String], expected: &[String]) -> Result<()> {
    same_records(read, expected)?;
    match read == expected {
        true => Ok(()),
        false => Err(failure("the records are the expected ones in another order")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_verifiable_clients_are_events() {
        let line = r#"{"timestamp":1,"name":"partitions_assigned","partitions":[{"topic":"t","partition":3}]}"#;
        let event = Event::read(line).expect("an event");
        assert_eq!(
            (event.name.as_str(), event.partitions()),
            ("partitions_assigned", BTreeSet::from([3]))
        );
        assert!(Event::read("[2026-11-25 22:00:00] WARN something").is_none());
    }

    #[test]
    fn a_lost_and_a_doubled_record_are_told() {
        let expected = numbered(1, 3);
        let said = |read: &[&str]| {
            let read: Vec<String> = read.iter().map(|v| (*v).to_owned()).collect();
            same_order(&read, &expected).err().map(|why| why.to_string())
        };
        assert_eq!(said(&["1.0", "1.1", "1.2"]), None);
        assert_eq!(said(&["1.0", "1.2"]).as_deref(), Some("\"1.1\" was not read, of 3 records"));
        assert_eq!(
            said(&["1.0", "1.1", "1.1", "1.2"]).as_deref(),
            Some("\"1.1\" was read too often")
        );
        assert!(said(&["1.1", "1.0", "1.2"]).expect("an order").contains("another order"));
    }
}
