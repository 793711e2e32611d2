//! `kafka-verifiable-consumer.sh` (`org.apache.kafka.tools.VerifiableConsumer`): reads a topic in a group, and
//! says in lines of JSON what it was assigned, read and committed.

use std::any::Any;

use logbrook_client::consumer::{
    Consumer, ConsumerConfig, ConsumerOutput, ConsumerRecord, Subscription,
};
use logbrook_client::process::ProcessView;
use logbrook_client::{Input, Io, KafkaError, Level, OffsetAndMetadata, Process, TopicPartition};
use logbrook_sorted::SortedMap;

use super::argparse::{Action, Arg, Exclusive, Spec, arg, parse};
use super::java::{self, Throwable, hash_order_by, string_hash};
use super::kafka_console_producer::constructor_error;
use super::kafka_verifiable_producer::{event, refused};
use super::options::OptionTable;
use super::script::exit_code;
use super::setup::{Early, ToolEnv, load_props, no_resolvable, resolvable, started};

pub(crate) const HELP: &str = include_str!("help/kafka-verifiable-consumer.txt");

static SPEC: Spec = Spec {
    name: "verifiable-consumer",
    help: HELP,
    args: &[
        arg(&["--bootstrap-server"], Action::Store),
        Arg { names: &["--topic"], action: Action::Store, required: true },
        arg(&["--group-protocol"], Action::Store),
        arg(&["--group-remote-assignor"], Action::Store),
        Arg { names: &["--group-id"], action: Action::Store, required: true },
        arg(&["--group-instance-id"], Action::Store),
        arg(&["--max-messages"], Action::StoreInteger),
        arg(&["--session-timeout"], Action::StoreInteger),
        arg(&["--verbose"], Action::StoreTrue),
        arg(&["--enable-autocommit"], Action::StoreTrue),
        arg(&["--reset-policy"], Action::Store),
        arg(&["--assignment-strategy"], Action::Store),
        arg(&["--consumer.config"], Action::Store),
        arg(&["--command-config"], Action::Store),
    ],
    exclusive: &[Exclusive { names: &["--bootstrap-server"], required: true }],
    commands: &[],
};

/// Reads the options and starts the consumer.
pub(crate) fn start(
    _table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    started(prepare(argv, env))
}

fn prepare(argv: &[String], env: &ToolEnv) -> Result<VerifiableConsumer, Early> {
    if argv.is_empty() {
        return Err(Early { out: HELP.to_owned(), ..Early::default() });
    }
    let namespace = parse(&SPEC, argv).map_err(|e| refused(&SPEC, e))?;
    let (old, new) = (namespace.get("--consumer.config"), namespace.get("--command-config"));
    let greeting = match old {
        Some(_) => {
            "Option --consumer.config has been deprecated and will be removed in a future version. \
             Use --command-config instead.\n"
        }
        None => "",
    };
    let uncaught = |thrown: Throwable| {
        let text = format!("Exception in thread \"main\" {}", thrown.stack_trace());
        Early::error(text).after(greeting)
    };
    let mut properties = match old.or(new) {
        Some(file) => load_props(env, file).map_err(uncaught)?,
        None => SortedMap::new(),
    };
    let mut set = |name: &str, value: &str| {
        properties.insert(name.to_owned(), value.to_owned());
    };
    let protocol = namespace.get("--group-protocol").unwrap_or("classic");
    set("group.protocol", protocol);
    if protocol.eq_ignore_ascii_case("consumer") {
        if let Some(assignor) = namespace.get("--group-remote-assignor") {
            set("group.remote.assignor", assignor);
        }
    } else {
        let strategy = namespace.get("--assignment-strategy");
        let range = "org.apache.kafka.clients.consumer.RangeAssignor";
        set("partition.assignment.strategy", strategy.unwrap_or(range));
    }
    if let Some(timeout) = namespace.get("--session-timeout") {
        set("session.timeout.ms", timeout);
    }
    set("group.id", namespace.get("--group-id").unwrap_or_default());
    if let Some(instance) = namespace.get("--group-instance-id") {
        set("group.instance.id", instance);
    }
    let servers = namespace.get("--bootstrap-server").unwrap_or_default();
    set("bootstrap.servers", servers);
    let auto_commit = namespace.has("--enable-autocommit");
    set("enable.auto.commit", if auto_commit { "true" } else { "false" });
    set("auto.offset.reset", namespace.get("--reset-policy").unwrap_or("earliest"));
    let config = ConsumerConfig::from_properties(&properties)
        .map_err(|error| uncaught(constructor_error("kafka consumer", &error)))?;
    resolvable(servers).map_err(|unresolved| {
        uncaught(no_resolvable("Failed to construct kafka consumer")).unresolved(unresolved)
    })?;
    Ok(VerifiableConsumer {
        consumer: Consumer::new(config, env.seed),
        greeting,
        topic: namespace.get("--topic").unwrap_or_default().to_owned(),
        most: namespace.int("--max-messages").and_then(|most| usize::try_from(most).ok()),
        auto_commit,
        verbose: namespace.has("--verbose"),
        consumed: 0,
        committing: false,
        exit: None,
        ended: false,
    })
}

#[derive(Clone)]
struct VerifiableConsumer {
    consumer: Consumer,
    greeting: &'static str,
    topic: String,
    /// `--max-messages`.
    most: Option<usize>,
    auto_commit: bool,
    verbose: bool,
    consumed: usize,
    /// `commitSync` waits.
    committing: bool,
    /// The exit code and whether a signal asked for it, once the consumer is closing.
    exit: Option<(i32, bool)>,
    ended: bool,
}

/// Partitions as a `HashMap<TopicPartition, …>` gives them back.
fn map_order(partitions: Vec<TopicPartition>) -> Vec<TopicPartition> {
    hash_order_by(partitions, 16, |tp| {
        let first = 31u32.wrapping_add(tp.partition.0 as u32);
        first.wrapping_mul(31).wrapping_add(string_hash(&tp.topic))
    })
}

fn json_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn partition(tp: &TopicPartition, more: &str) -> String {
    format!("{{\"topic\":{},\"partition\":{}{more}}}", json_text(&tp.topic), tp.partition.0)
}

fn listed(name: &str, items: &[String]) -> String {
    format!(",\"{name}\":[{}]", items.join(","))
}

impl VerifiableConsumer {
    fn is_finished(&self) -> bool {
        self.most.is_some_and(|most| self.consumed >= most)
    }

    fn close(&mut self, code: i32, by_signal: bool, now: i64) {
        if self.exit.is_none() {
            self.exit = Some((code, by_signal));
            self.committing = false;
            self.consumer.close(now);
        }
    }

    /// `run`: one poll after the other, each committed before the next.
    fn receive(&mut self, io: &mut Io) {
        while self.exit.is_none() && !self.committing {
            if self.is_finished() {
                self.close(0, false, io.now);
                return;
            }
            let records = self.consumer.fetch_records(io.now, usize::MAX);
            if records.is_empty() {
                return;
            }
            let offsets = self.received(&records, io);
            if !self.auto_commit {
                self.committing = true;
                self.consumer.commit(io.now, true, Some(offsets));
            }
        }
    }

    fn received(
        &mut self,
        records: &[ConsumerRecord],
        io: &mut Io,
    ) -> SortedMap<TopicPartition, OffsetAndMetadata> {
        let of =
            |record: &ConsumerRecord| TopicPartition::new(record.topic.clone(), record.partition.0);
        let mut partitions: Vec<TopicPartition> = Vec::new();
        for record in records {
            if !partitions.contains(&of(record)) {
                partitions.push(of(record));
            }
        }
        let mut offsets = SortedMap::new();
        let mut summaries = Vec::new();
        for tp in map_order(partitions) {
            let left = self.most.map_or(usize::MAX, |most| most - self.consumed);
            let own: Vec<&ConsumerRecord> =
                records.iter().filter(|record| of(record) == tp).take(left).collect();
            let (Some(first), Some(last)) = (own.first(), own.last()) else { continue };
            let (min, max) = (first.offset.0, last.offset.0);
            let more = format!(",\"count\":{},\"minOffset\":{min},\"maxOffset\":{max}", own.len());
            summaries.push(partition(&tp, &more));
            offsets.insert(tp.clone(), OffsetAndMetadata::new(max + 1));
            if self.verbose {
                for record in &own {
                    let text = |bytes: &Option<bytes::Bytes>| match bytes {
                        Some(bytes) => json_text(&String::from_utf8_lossy(bytes)),
                        None => "null".to_owned(),
                    };
                    let members = format!(
                        ",\"key\":{},\"value\":{},\"topic\":{},\"partition\":{},\"offset\":{}",
                        text(&record.key),
                        text(&record.value),
                        json_text(&tp.topic),
                        tp.partition.0,
                        record.offset.0
                    );
                    io.stdout(&event(io.now, "record_data", &members));
                }
            }
            self.consumed += own.len();
            if self.is_finished() {
                break;
            }
        }
        let members = format!(",\"count\":{}{}", records.len(), listed("partitions", &summaries));
        io.stdout(&event(io.now, "records_consumed", &members));
        offsets
    }

    fn committed(
        &mut self,
        offsets: &SortedMap<TopicPartition, OffsetAndMetadata>,
        result: Result<(), KafkaError>,
        io: &mut Io,
    ) {
        let shown: Vec<String> = map_order(offsets.keys().cloned().collect())
            .iter()
            .filter_map(|tp| {
                let offset = offsets.get(tp)?.offset.0;
                Some(partition(tp, &format!(",\"offset\":{offset}")))
            })
            .collect();
        let error = match &result {
            Ok(()) => String::new(),
            Err(error) => format!(",\"error\":{}", json_text(&error.message)),
        };
        let members =
            format!("{}{error},\"success\":{}", listed("offsets", &shown), result.is_ok());
        io.stdout(&event(io.now, "offsets_committed", &members));
        self.committing = false;
    }

    fn partitions(io: &mut Io, name: &str, partitions: &[TopicPartition]) {
        let shown: Vec<String> = partitions.iter().map(|tp| partition(tp, "")).collect();
        io.stdout(&event(io.now, name, &listed("partitions", &shown)));
    }

    fn finish(&mut self, io: &mut Io) {
        self.ended = true;
        let (code, by_signal) = self.exit.unwrap_or_default();
        io.stdout(&event(io.now, "shutdown_complete", ""));
        // The hook asks for what has been done already.
        if !by_signal {
            io.stdout(&event(io.now, "shutdown_requested", ""));
        }
        io.exit(code);
    }

    fn take(&mut self, output: ConsumerOutput, io: &mut Io) {
        match output {
            ConsumerOutput::Request(outgoing) => io.send(outgoing),
            ConsumerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
            ConsumerOutput::RecordsReady => {}
            ConsumerOutput::Assigned(tps) => Self::partitions(io, "partitions_assigned", &tps),
            // `onPartitionsLost` is `onPartitionsRevoked` where a listener does not say otherwise.
            ConsumerOutput::Revoked(tps) | ConsumerOutput::Lost(tps) => {
                Self::partitions(io, "partitions_revoked", &tps);
            }
            ConsumerOutput::Committed { id: Some(_), offsets, result } => {
                self.committed(&offsets, result, io);
            }
            ConsumerOutput::Committed { id: None, .. } | ConsumerOutput::Offsets { .. } => {}
            ConsumerOutput::Error(error) => {
                let text = "Error during processing, terminating consumer process: ";
                let logger = "org.apache.kafka.tools.VerifiableConsumer";
                io.stderr(&java::log_line(io.now, Level::Error, text, logger));
                io.stderr(&Throwable::from(&error).stack_trace());
                self.close(0, false, io.now);
            }
            ConsumerOutput::Log(line) => {
                if let Some(text) = java::client_log(io.now, &line) {
                    io.stderr(&text);
                }
            }
            ConsumerOutput::Closed => self.finish(io),
        }
    }

    fn pump(&mut self, io: &mut Io) {
        loop {
            self.receive(io);
            let outputs = self.consumer.poll(io.now);
            if outputs.is_empty() {
                break;
            }
            for output in outputs {
                self.take(output, io);
                if self.ended {
                    return;
                }
            }
        }
        if let Some(at) = self.consumer.next_wakeup() {
            io.wake_at(at);
        }
    }
}

impl Process for VerifiableConsumer {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        match input {
            Input::Start => {
                io.stdout(self.greeting);
                io.stdout(&event(io.now, "startup_complete", ""));
                let topics = Subscription::Topics(vec![self.topic.clone()]);
                if let Err(error) = self.consumer.subscribe(io.now, topics) {
                    self.take(ConsumerOutput::Error(error), io);
                }
            }
            Input::Net(event) => self.consumer.handle(io.now, event),
            Input::Signal(signal) => {
                if self.exit.is_none() {
                    io.stdout(&event(io.now, "shutdown_requested", ""));
                }
                self.close(exit_code(signal), true, io.now);
            }
            Input::Stdin(_) | Input::StdinClosed | Input::Wake | Input::Store(_) => {}
        }
        self.pump(io);
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn view(&self) -> ProcessView {
        self.consumer.view()
    }
}
