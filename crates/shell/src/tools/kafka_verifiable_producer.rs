//! `kafka-verifiable-producer.sh` (`org.apache.kafka.tools.VerifiableProducer`): rising numbers into a topic,
//! and a line of JSON for each that was acknowledged.

use std::any::Any;

use bytes::Bytes;
use logbrook_broker::config_def::ConfigValue;
use logbrook_client::producer::{
    Producer, ProducerConfig, ProducerOutput, ProducerRecord, RecordMetadata, SendId,
};
use logbrook_client::{Input, Io, KafkaError, Process};
use logbrook_sorted::SortedMap;

use super::argparse::{Action, Arg, Exclusive, Refused, Spec, arg, parse};
use super::java::{self, Throwable};
use super::kafka_console_producer::constructor_error;
use super::options::OptionTable;
use super::script::exit_code;
use super::setup::{Early, ToolEnv, load_props, no_resolvable, resolvable, started};

pub(crate) const HELP: &str = include_str!("help/kafka-verifiable-producer.txt");

static SPEC: Spec = Spec {
    name: "verifiable-producer",
    help: HELP,
    args: &[
        Arg { names: &["--topic"], action: Action::Store, required: true },
        arg(&["--bootstrap-server"], Action::Store),
        arg(&["--max-messages"], Action::StoreInteger),
        arg(&["--throughput"], Action::StoreInteger),
        arg(&["--acks"], Action::StoreInteger),
        arg(&["--producer.config"], Action::Store),
        arg(&["--message-create-time"], Action::Store),
        arg(&["--value-prefix"], Action::StoreInteger),
        arg(&["--repeating-keys"], Action::StoreInteger),
        arg(&["--command-config"], Action::Store),
    ],
    exclusive: &[Exclusive { names: &["--bootstrap-server"], required: true }],
    commands: &[],
};

/// Reads the options and starts the producer.
pub(crate) fn start(
    _table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    started(prepare(argv, env))
}

/// What a verifiable client says of a command line that it does not take.
pub(super) fn refused(spec: &Spec, refused: Refused) -> Early {
    match refused {
        Refused::Help(help) => Early { out: help.to_owned(), code: 1, ..Early::default() },
        Refused::Wrong { usage, message } => {
            Early::error(Refused::printed(usage, spec.name, &message))
        }
    }
}

fn prepare(argv: &[String], env: &ToolEnv) -> Result<VerifiableProducer, Early> {
    if argv.is_empty() {
        return Err(Early { out: HELP.to_owned(), ..Early::default() });
    }
    let namespace = parse(&SPEC, argv).map_err(|e| refused(&SPEC, e))?;
    let wrong = |message: String| {
        let usage = HELP.split_inclusive("\n\n").next().unwrap_or_default().trim_end();
        Early::error(Refused::printed(&format!("{usage}\n"), SPEC.name, &message))
    };
    let number = |name: &str, default: i32| namespace.int(name).unwrap_or(default);
    let create_time = match namespace.get("--message-create-time") {
        None | Some("-1") => None,
        Some(text) => Some(text.parse::<i64>().map_err(|_| {
            wrong(format!(
                "argument --message-create-time: could not convert '{text}' to Long (For input \
                 string: \"{text}\")"
            ))
        })?),
    };
    let (old, new) = (namespace.get("--producer.config"), namespace.get("--command-config"));
    if old.is_some() && new.is_some() {
        return Err(wrong(
            "Options --producer.config and --command-config are mutually exclusive.".to_owned(),
        ));
    }
    let greeting = match old {
        Some(_) => {
            "Option --producer.config has been deprecated and will be removed in a future version. \
             Use --command-config instead.\n"
        }
        None => "",
    };
    let servers = namespace.get("--bootstrap-server").unwrap_or_default();
    let mut properties: SortedMap<String, String> = [
        ("bootstrap.servers", servers.to_owned()),
        ("acks", number("--acks", -1).to_string()),
        ("retries", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    if let Some(file) = old.or(new) {
        let read = load_props(env, file)
            .map_err(|thrown| wrong(thrown.message_text().to_owned()).after(greeting))?;
        properties.extend(read);
    }
    let uncaught = |thrown: Throwable| {
        let text = format!("Exception in thread \"main\" {}", thrown.stack_trace());
        Early::error(text).after(greeting)
    };
    let config = ProducerConfig::from_properties(&properties)
        .map_err(|error| uncaught(constructor_error("kafka producer", &error)))?;
    resolvable(servers).map_err(|unresolved| {
        uncaught(no_resolvable("Failed to construct kafka producer")).unresolved(unresolved)
    })?;
    Ok(VerifiableProducer {
        producer: Producer::new(config, env.seed),
        greeting,
        topic: namespace.get("--topic").unwrap_or_default().to_owned(),
        max_messages: u64::try_from(number("--max-messages", -1)).ok(),
        throughput: i64::from(number("--throughput", -1)),
        create_time,
        value_prefix: namespace.int("--value-prefix"),
        repeating_keys: namespace.int("--repeating-keys").filter(|keys| *keys > 0),
        started_ms: 0,
        sent: 0,
        acked: 0,
        open: SortedMap::new(),
        closing: None,
        ended: false,
    })
}

#[derive(Clone)]
struct VerifiableProducer {
    producer: Producer,
    greeting: &'static str,
    topic: String,
    /// Without one it goes on until it is stopped.
    max_messages: Option<u64>,
    /// Messages a second; below 0 as fast as they go.
    throughput: i64,
    create_time: Option<i64>,
    value_prefix: Option<i32>,
    repeating_keys: Option<i32>,
    started_ms: i64,
    sent: u64,
    acked: u64,
    /// Key and value of what is on its way.
    open: SortedMap<SendId, (Option<String>, String)>,
    /// The exit code, once the producer is closing.
    closing: Option<i32>,
    ended: bool,
}

/// As many as `buffer.memory` holds are a matter of the client; so many unanswered are enough for a tool
/// without a limit of its own.
const MOST_OPEN: usize = 10_000;

/// A JSON string, or `null`.
fn quoted(text: Option<&str>) -> String {
    match text {
        Some(text) => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("\"{escaped}\"")
        }
        None => "null".to_owned(),
    }
}

/// One event of a verifiable client.
pub(super) fn event(now: i64, name: &str, members: &str) -> String {
    format!("{{\"timestamp\":{now},\"name\":\"{name}\"{members}}}\n")
}

impl VerifiableProducer {
    /// When the next message may go, by the throughput asked for.
    fn due_ms(&self) -> i64 {
        match self.throughput {
            rate if rate > 0 => {
                let sent = i64::try_from(self.sent).unwrap_or(i64::MAX);
                self.started_ms.saturating_add(sent.saturating_mul(1000) / rate)
            }
            // Kafka's throttler sleeps for ever at 0.
            0 => i64::MAX,
            _ => self.started_ms,
        }
    }

    fn send(&mut self, io: &mut Io) {
        while self.closing.is_none() && self.open.len() < MOST_OPEN {
            if self.max_messages.is_some_and(|most| self.sent >= most) {
                self.close(0, io.now);
                return;
            }
            if self.due_ms() > io.now {
                return;
            }
            let value = match self.value_prefix {
                Some(prefix) => format!("{prefix}.{}", self.sent),
                None => self.sent.to_string(),
            };
            let key = self
                .repeating_keys
                .map(|keys| (self.sent % u64::try_from(keys).unwrap_or(1)).to_string());
            let record = ProducerRecord {
                topic: self.topic.clone(),
                partition: None,
                timestamp: self.create_time,
                key: key.clone().map(Bytes::from),
                value: Some(Bytes::from(value.clone())),
                headers: Vec::new(),
            };
            // Kafka adds the time since its start at each message, so that this races ahead.
            if let Some(time) = &mut self.create_time {
                *time = time.saturating_add(io.now - self.started_ms);
            }
            self.sent += 1;
            let id = self.producer.send(io.now, record);
            self.open.insert(id, (key, value));
        }
    }

    fn close(&mut self, code: i32, now: i64) {
        if self.closing.is_none() {
            self.closing = Some(code);
            self.producer.close(now);
        }
    }

    fn completed(&mut self, id: SendId, result: Result<RecordMetadata, KafkaError>, io: &mut Io) {
        let Some((key, value)) = self.open.remove(&id) else { return };
        let (key, value) = (quoted(key.as_deref()), quoted(Some(&value)));
        io.stdout(&match result {
            Ok(written) => {
                self.acked += 1;
                event(
                    io.now,
                    "producer_send_success",
                    &format!(
                        ",\"key\":{key},\"value\":{value},\"offset\":{},\"topic\":{},\"partition\":{}",
                        written.offset.0,
                        quoted(Some(&written.topic)),
                        written.partition.0
                    ),
                )
            }
            Err(error) => {
                let thrown = Throwable::from(&error);
                event(
                    io.now,
                    "producer_send_error",
                    &format!(
                        ",\"exception\":\"class {}\",\"key\":{key},\"message\":{},\"topic\":{},\
                         \"value\":{value}",
                        thrown.class,
                        quoted(thrown.message.as_deref()),
                        quoted(Some(&self.topic))
                    ),
                )
            }
        });
    }

    fn finish(&mut self, io: &mut Io) {
        self.ended = true;
        io.stdout(&event(io.now, "shutdown_complete", ""));
        let seconds = (io.now - self.started_ms) as f64 / 1000.0;
        let average = ConfigValue::Double(self.acked as f64 / seconds).to_string();
        // Jackson quotes what is no number.
        let average = if average.starts_with(|c: char| c.is_ascii_digit()) {
            average
        } else {
            format!("\"{average}\"")
        };
        io.stdout(&event(
            io.now,
            "tool_data",
            &format!(
                ",\"sent\":{},\"acked\":{},\"target_throughput\":{},\"avg_throughput\":{average}",
                self.sent, self.acked, self.throughput
            ),
        ));
        io.exit(self.closing.unwrap_or(0));
    }

    fn pump(&mut self, io: &mut Io) {
        loop {
            self.send(io);
            let outputs = self.producer.poll(io.now);
            if outputs.is_empty() {
                break;
            }
            for output in outputs {
                match output {
                    ProducerOutput::Request(outgoing) => io.send(outgoing),
                    ProducerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
                    ProducerOutput::Completed { id, result } => self.completed(id, result, io),
                    ProducerOutput::Log(line) => {
                        if let Some(text) = java::client_log(io.now, &line) {
                            io.stderr(&text);
                        }
                    }
                    // It has no transactions.
                    ProducerOutput::TransactionCompleted { .. } => {}
                    ProducerOutput::Closed => {
                        self.finish(io);
                        return;
                    }
                }
            }
        }
        let due = self.due_ms();
        let next = (self.closing.is_none() && due > io.now && due < i64::MAX).then_some(due);
        if let Some(at) = [next, self.producer.next_wakeup()].into_iter().flatten().min() {
            io.wake_at(at);
        }
    }
}

impl Process for VerifiableProducer {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        match input {
            Input::Start => {
                self.started_ms = io.now;
                io.stdout(self.greeting);
                io.stdout(&event(io.now, "startup_complete", ""));
            }
            Input::Net(event) => self.producer.handle(io.now, event),
            // The shutdown hook flushes and prints the summary.
            Input::Signal(signal) => self.close(exit_code(signal), io.now),
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
}
