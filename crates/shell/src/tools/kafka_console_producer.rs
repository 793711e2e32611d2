//! `kafka-console-producer.sh` (`org.apache.kafka.tools.ConsoleProducer`): a live process that
//! sends each line of its standard input.

use logbrook_sorted::SortedMap;
use std::any::Any;
use std::collections::VecDeque;

use logbrook_client::producer::SendId;
use logbrook_client::{
    Input, Io, KafkaError, Level, Process, Producer, ProducerConfig, ProducerOutput,
};

use super::java::{self, Throwable};
use super::line_message_reader::LineMessageReader;
use super::options::{OptionError, OptionTable, Options};
use super::script::exit_code;
use super::setup::{
    Checks, Early, ToolEnv, key_values, load_props, no_resolvable, resolvable, started,
    validate_bootstrap_server,
};

pub(crate) const HELP: &str = include_str!("help/kafka-console-producer.txt");
const LINE_READER: &str = "org.apache.kafka.tools.LineMessageReader";

/// Reads the options and starts the producer.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    started(prepare(table, argv, env))
}

/// Options of the tool and the producer settings that they stand for (`maybeMergeOptions`).
const MERGED: [(&str, &str); 11] = [
    ("linger.ms", "timeout"),
    ("acks", "request-required-acks"),
    ("request.timeout.ms", "request-timeout-ms"),
    ("retries", "message-send-max-retries"),
    ("retry.backoff.ms", "retry-backoff-ms"),
    ("send.buffer.bytes", "socket-buffer-size"),
    ("buffer.memory", "max-memory-bytes"),
    ("batch.size", "batch-size"),
    ("batch.size", "max-partition-memory-bytes"),
    ("metadata.max.age.ms", "metadata-expiry-ms"),
    ("max.block.ms", "max-block-ms"),
];

/// Deprecated options, what replaces them, and what the warning says of their end.
const DEPRECATED: [(&str, &str); 3] = [
    ("producer-property", "command-property"),
    ("producer.config", "command-config"),
    ("property", "reader-property"),
];

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<ConsoleProducer, Early> {
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["topic"])?;
    for (new, old) in [
        ("command-config", "producer.config"),
        ("command-property", "producer-property"),
        ("reader-property", "property"),
    ] {
        checks.usage_if(
            options.has(new) && options.has(old),
            &format!("Options --{new} and --{old} cannot be specified together."),
        )?;
    }
    let mut out = String::new();
    for (old, new) in DEPRECATED {
        if options.has(old) {
            out.push_str(&format!(
                "Warning: --{old} is deprecated and will be removed in a future version. Use --{new} instead.\n"
            ));
        }
    }
    if options.has("max-partition-memory-bytes") {
        out.push_str(
            "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache \
             Kafka 5.0. Use --batch-size instead.\n",
        );
    }
    build(table, &options, env, &out).map_err(|early| early.after(&out))
}

fn build(
    table: &'static OptionTable,
    options: &Options<'_>,
    env: &ToolEnv,
    out: &str,
) -> Result<ConsoleProducer, Early> {
    // `start` prints the message of an OptionException, the stack trace of anything else.
    let message = |e: OptionError| Early::error(e.message + "\n");
    let trace = |e: Throwable| Early::error(e.stack_trace());
    let newest = |new: &'static str| {
        let old = DEPRECATED.iter().find(|(old, n)| *n == new && options.has(old));
        old.map_or(new, |(old, _)| *old)
    };
    let servers = options.value("bootstrap-server").map_err(message)?;
    if let Err(wrong) = validate_bootstrap_server(servers) {
        return Err(Early::usage(table, wrong));
    }
    let topic = options.value("topic").map_err(message)?.unwrap_or_default();
    let class = options.value("line-reader").map_err(message)?.unwrap_or(LINE_READER);
    if class != LINE_READER {
        return Err(trace(Throwable::new("java.lang.ClassNotFoundException", class)));
    }
    let mut reader = match options.value("reader-config").map_err(message)? {
        Some(file) => load_props(env, file).map_err(trace)?,
        None => SortedMap::new(),
    };
    reader.extend(key_values(options.values(newest("reader-property"))));
    let reader = LineMessageReader::new(topic, &reader).map_err(trace)?;

    let mut properties = match options.value(newest("command-config")).map_err(message)? {
        Some(file) => load_props(env, file).map_err(trace)?,
        None => SortedMap::new(),
    };
    properties.extend(key_values(options.values(newest("command-property"))));
    properties.insert("bootstrap.servers".into(), servers.unwrap_or_default().to_string());
    let codec = match options.has("compression-codec") {
        true => options.value("compression-codec").map_err(message)?.filter(|c| !c.is_empty()),
        false => Some("none"),
    };
    properties.insert("compression.type".into(), codec.unwrap_or("gzip").to_string());
    properties.entry("client.id".into()).or_insert_with(|| "console-producer".into());
    for (setting, option) in MERGED {
        if options.has(option) || !properties.contains_key(setting) {
            let value = match table.get(option).map(|o| o.type_name.as_str()) {
                Some("Integer") => options.int(option).map(|v| v.map(|v| v.to_string())),
                Some("Long") => options.long(option).map(|v| v.map(|v| v.to_string())),
                _ => options.value(option).map(|v| v.map(String::from)),
            };
            match value.map_err(message)? {
                Some(value) => properties.insert(setting.into(), value),
                None => properties.remove(setting),
            };
        }
    }
    let config = ProducerConfig::from_properties(&properties)
        .map_err(|error| trace(constructor_error("kafka producer", &error)))?;
    resolvable(servers.unwrap_or_default()).map_err(|unresolved| {
        trace(no_resolvable("Failed to construct kafka producer")).unresolved(unresolved)
    })?;
    Ok(ConsoleProducer {
        producer: Producer::new(config, env.seed),
        reader,
        sync: options.has("sync"),
        greeting: out.to_string(),
        lines: VecDeque::new(),
        input_closed: false,
        sent: SortedMap::new(),
        exit: None,
        ended: false,
    })
}

/// What a client's constructor throws: errors of its own come wrapped, those of a value do not.
pub(super) fn constructor_error(what: &str, error: &KafkaError) -> Throwable {
    let inner = Throwable::from(error);
    let of_constructor = inner.message_text().contains("bootstrap")
        || inner.class.ends_with(".InvalidGroupIdException");
    if of_constructor {
        let message = format!("Failed to construct {what}");
        return Throwable::new("org.apache.kafka.common.KafkaException", message).caused_by(&inner);
    }
    inner
}

/// What the error log says of a record that could not be sent.
#[derive(Clone, Debug)]
struct Sent {
    topic: String,
    key_bytes: Option<usize>,
    value_bytes: Option<usize>,
}

#[derive(Clone)]
struct ConsoleProducer {
    producer: Producer,
    reader: LineMessageReader,
    sync: bool,
    greeting: String,
    /// Lines not sent yet: with `--sync` each waits for the one before.
    lines: VecDeque<String>,
    input_closed: bool,
    sent: SortedMap<SendId, Sent>,
    /// Set once the producer is closing.
    exit: Option<i32>,
    ended: bool,
}

impl ConsoleProducer {
    fn close(&mut self, code: i32, now: i64) {
        if self.exit.is_none() {
            self.exit = Some(code);
            self.lines.clear();
            self.producer.close(now);
        }
    }

    /// `loopReader`: until a line has to wait.
    fn read_lines(&mut self, io: &mut Io) {
        while self.exit.is_none() && (!self.sync || self.sent.is_empty()) {
            let Some(line) = self.lines.pop_front() else {
                if self.input_closed {
                    self.close(0, io.now);
                }
                return;
            };
            match self.reader.read(&line) {
                Ok(record) => {
                    let sent = Sent {
                        topic: record.topic.clone(),
                        key_bytes: record.key.as_ref().map(|k| k.len()),
                        value_bytes: record.value.as_ref().map(|v| v.len()),
                    };
                    let id = self.producer.send(io.now, record);
                    self.sent.insert(id, sent);
                }
                Err(e) => {
                    io.stderr(&e.stack_trace());
                    self.close(1, io.now);
                }
            }
        }
    }

    fn completed(&mut self, id: SendId, error: Option<KafkaError>, io: &mut Io) {
        let (Some(sent), Some(error)) = (self.sent.remove(&id), error) else { return };
        let thrown = Throwable::from(&error);
        if self.sync {
            io.stderr(&Throwable::execution(&thrown).stack_trace());
            self.close(1, io.now);
            return;
        }
        let bytes = |n: Option<usize>| n.map_or("null".to_string(), |n| format!("{n} bytes"));
        let text = format!(
            "Error when sending message to topic {} with key: {}, value: {} with error:",
            sent.topic,
            bytes(sent.key_bytes),
            bytes(sent.value_bytes)
        );
        let logger = "org.apache.kafka.clients.producer.internals.ErrorLoggingCallback";
        io.stderr(&(java::log_line(io.now, Level::Error, &text, logger) + &thrown.stack_trace()));
    }

    fn pump(&mut self, io: &mut Io) {
        loop {
            self.read_lines(io);
            let outputs = self.producer.poll(io.now);
            if outputs.is_empty() {
                break;
            }
            // The network thread logs before the callbacks of what failed run.
            let (logs, rest): (Vec<_>, Vec<_>) =
                outputs.into_iter().partition(|o| matches!(o, ProducerOutput::Log(_)));
            for output in logs.into_iter().chain(rest) {
                match output {
                    ProducerOutput::Request(outgoing) => io.send(outgoing),
                    ProducerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
                    ProducerOutput::Completed { id, result } => {
                        self.completed(id, result.err(), io);
                    }
                    ProducerOutput::Log(line) => {
                        if let Some(text) = java::client_log(io.now, &line) {
                            io.stderr(&text);
                        }
                    }
                    // The console producer has no transactions.
                    ProducerOutput::TransactionCompleted { .. } => {}
                    ProducerOutput::Closed => {
                        self.ended = true;
                        io.exit(self.exit.unwrap_or(0));
                        return;
                    }
                }
            }
        }
        if let Some(at) = self.producer.next_wakeup() {
            io.wake_at(at);
        }
    }
}

impl Process for ConsoleProducer {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        match input {
            Input::Start => {
                if !self.greeting.is_empty() {
                    io.stdout(&self.greeting);
                }
            }
            Input::Net(event) => self.producer.handle(io.now, event),
            Input::Stdin(line) => {
                if self.exit.is_none() {
                    self.lines.push_back(line);
                }
            }
            Input::StdinClosed => self.input_closed = true,
            // The shutdown hook closes the producer: what was sent is still delivered.
            Input::Signal(signal) => self.close(exit_code(signal), io.now),
            Input::Wake | Input::Store(_) => {}
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
