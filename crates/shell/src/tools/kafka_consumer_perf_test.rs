//! `kafka-consumer-perf-test.sh` (`org.apache.kafka.tools.ConsumerPerformance`): reads as many records as
//! asked for in a group, and what it took.

use std::any::Any;

use logbrook_client::consumer::{Consumer, ConsumerConfig, ConsumerOutput, Subscription};
use logbrook_client::process::ProcessView;
use logbrook_client::{Input, Io, KafkaError, Process, TopicPartition};
use logbrook_sorted::{SortedMap, SortedSet};

use super::date_time::simple_date_format;
use super::java::{self, Throwable, fixed};
use super::kafka_console_producer::constructor_error;
use super::options::{OptionTable, Options};
use super::script::exit_code;
use super::setup::{
    Checks, Early, ToolEnv, key_values, load_props, no_resolvable, resolvable, started,
};

pub(crate) const HELP: &str = include_str!("help/kafka-consumer-perf-test.txt");

/// The group in [`HELP`]: each run draws another.
const GROUP_OF_HELP: &str = "perf-consumer-32374";
const POLL_MS: i64 = 100;

/// Reads the options and starts the consumer.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    started(prepare(table, argv, env).map_err(|mut early| {
        // As wide as there, so that the table keeps its shape.
        let group = format!("{}) ", own_group(env));
        let width = GROUP_OF_HELP.len() + 2;
        early.err = early.err.replace(&format!("{GROUP_OF_HELP}) "), &format!("{group:width$}"));
        early
    }))
}

fn own_group(env: &ToolEnv) -> String {
    format!("perf-consumer-{}", env.seed % 100_000)
}

/// What `main` prints of an exception.
fn failed(thrown: impl Into<Throwable>) -> Early {
    Early::error(thrown.into().message_and_trace())
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<PerfConsumer, Early> {
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["bootstrap-server"])?;
    for (one, other) in [("topic", "include"), ("messages", "num-records")] {
        checks.usage_if(
            options.has(one) == options.has(other),
            &format!("Exactly one of the following arguments is required: [{one}], [{other}]"),
        )?;
    }
    checks.excludes("consumer.config", &["command-config"])?;
    let mut greeting = String::new();
    for (old, new) in [("messages", "num-records"), ("consumer.config", "command-config")] {
        if options.has(old) {
            greeting.push_str(&format!("Warning: --{old} is deprecated. Use --{new} instead.\n"));
        }
    }
    let detailed = options.has("show-detailed-stats");
    if !options.has("hide-header") {
        let first = if detailed { "time, threadId" } else { "start.time, end.time" };
        greeting.push_str(&format!(
            "{first}, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, \
             rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n"
        ));
    }
    let mut consumer = build(&options, env, detailed).map_err(|early| early.after(&greeting))?;
    consumer.greeting = greeting;
    Ok(consumer)
}

fn build(options: &Options<'_>, env: &ToolEnv, detailed: bool) -> Result<PerfConsumer, Early> {
    let properties = properties(options, env)?;
    let servers = properties.get("bootstrap.servers").cloned().unwrap_or_default();
    let config = ConsumerConfig::from_properties(&properties)
        .map_err(|error| failed(constructor_error("kafka consumer", &error)))?;
    resolvable(&servers).map_err(|unresolved| {
        failed(no_resolvable("Failed to construct kafka consumer")).unresolved(unresolved)
    })?;
    if options.has("print-metrics") {
        return Err(Early::not_modelled("--print-metrics"));
    }
    let number = |name: &str| options.long(name).map(Option::unwrap_or_default).map_err(failed);
    let most = if options.has("messages") { "messages" } else { "num-records" };
    let every_ms = match options.values("reporting-interval") {
        [] => 5_000,
        _ => number("reporting-interval")?,
    };
    if every_ms <= 0 {
        return Err(failed(Throwable::illegal_argument(
            "Reporting interval must be greater than 0.",
        )));
    }
    let text = |name: &str| {
        options.value(name).map(|value| value.unwrap_or_default().to_owned()).map_err(failed)
    };
    let date_format = text("date-format")?;
    simple_date_format(&date_format, 0).map_err(failed)?;
    let what = match options.has("topic") {
        true => Subscription::Topics(vec![text("topic")?]),
        false => Subscription::Pattern(text("include")?),
    };
    let timeout_ms = match options.values("timeout") {
        [] => 10_000,
        _ => number("timeout")?,
    };
    Ok(PerfConsumer {
        consumer: Consumer::new(config, env.seed),
        what,
        most: number(most)?,
        timeout_ms,
        every_ms,
        detailed,
        date_format,
        greeting: String::new(),
        assigned: SortedSet::new(),
        started_ms: 0,
        join_started_ms: 0,
        join_ms: 0,
        join_ms_in_round: 0,
        consumed_ms: 0,
        now_read: Read::default(),
        reported: Read::default(),
        reported_ms: 0,
        ended: false,
        closing: false,
    })
}

fn properties(options: &Options<'_>, env: &ToolEnv) -> Result<SortedMap<String, String>, Early> {
    let file = if options.has("consumer.config") { "consumer.config" } else { "command-config" };
    let mut properties = match options.value(file).map_err(failed)? {
        Some(file) => load_props(env, file).map_err(failed)?,
        None => SortedMap::new(),
    };
    properties.extend(key_values(options.values("command-property")));
    let group = match options.values("group") {
        [] => own_group(env),
        _ => options.value("group").map_err(failed)?.unwrap_or_default().to_owned(),
    };
    let servers = options.value("bootstrap-server").map_err(failed)?.unwrap_or_default();
    let int = |name: &str| options.int(name).map_err(failed).map(Option::unwrap_or_default);
    let reset = if options.has("from-latest") { "latest" } else { "earliest" };
    for (name, value) in [
        ("bootstrap.servers", servers.to_owned()),
        ("group.id", group),
        ("receive.buffer.bytes", int("socket-buffer-size")?.to_string()),
        ("max.partition.fetch.bytes", int("fetch-size")?.to_string()),
        ("auto.offset.reset", reset.to_owned()),
        ("check.crcs", "false".to_owned()),
    ] {
        properties.insert(name.to_owned(), value);
    }
    properties.entry("client.id".to_owned()).or_insert_with(|| "perf-consumer-client".to_owned());
    Ok(properties)
}

/// How much was read.
#[derive(Clone, Copy, Debug, Default)]
struct Read {
    records: i64,
    bytes: i64,
}

impl Read {
    fn megabytes(self) -> f64 {
        self.bytes as f64 / (1024.0 * 1024.0)
    }

    fn since(self, before: Read) -> Read {
        Read { records: self.records - before.records, bytes: self.bytes - before.bytes }
    }
}

#[derive(Clone)]
struct PerfConsumer {
    consumer: Consumer,
    what: Subscription,
    /// Records to read.
    most: i64,
    /// Without a record for longer than this (ms) it ends.
    timeout_ms: i64,
    every_ms: i64,
    detailed: bool,
    date_format: String,
    greeting: String,
    assigned: SortedSet<TopicPartition>,
    started_ms: i64,
    join_started_ms: i64,
    /// How long it was without partitions, and the same since the last report.
    join_ms: i64,
    join_ms_in_round: i64,
    /// When the last records came.
    consumed_ms: i64,
    now_read: Read,
    reported: Read,
    reported_ms: i64,
    closing: bool,
    ended: bool,
}

impl PerfConsumer {
    /// When the poll ends that finds the timeout over.
    fn gives_up_ms(&self) -> i64 {
        let polls = self.timeout_ms.max(0) / POLL_MS + 1;
        self.consumed_ms.saturating_add(polls.saturating_mul(POLL_MS))
    }

    fn receive(&mut self, io: &mut Io) {
        while !self.closing {
            if self.now_read.records >= self.most {
                self.finish(io);
                return;
            }
            let records = self.consumer.fetch_records(io.now, usize::MAX);
            if records.is_empty() {
                if io.now >= self.gives_up_ms() {
                    io.stdout(&format!(
                        "WARNING: Exiting before consuming the expected number of records: \
                         timeout ({} ms) exceeded. You can use the --timeout option to increase \
                         the timeout.\n",
                        self.timeout_ms
                    ));
                    self.finish(io);
                }
                return;
            }
            self.consumed_ms = io.now;
            for record in &records {
                let size = |part: &Option<bytes::Bytes>| part.as_ref().map_or(0, |b| b.len());
                let bytes = size(&record.key) + size(&record.value);
                self.now_read.records += 1;
                self.now_read.bytes += i64::try_from(bytes).unwrap_or(i64::MAX);
                if io.now - self.reported_ms >= self.every_ms {
                    if self.detailed {
                        io.stdout(&self.progress(io.now));
                    }
                    self.join_ms_in_round = 0;
                    self.reported_ms = io.now;
                    self.reported = self.now_read;
                }
            }
        }
    }

    fn date(&self, ms: i64) -> String {
        // It was tried when the options were read.
        simple_date_format(&self.date_format, ms).unwrap_or_default()
    }

    /// `printConsumerProgress`.
    fn progress(&self, now: i64) -> String {
        let elapsed_ms = now - self.reported_ms;
        let new = self.now_read.since(self.reported);
        let fetch_ms = elapsed_ms - self.join_ms_in_round;
        let rates = |ms: i64| match ms {
            1.. => (1000.0 * new.megabytes() / ms as f64, 1000.0 * new.records as f64 / ms as f64),
            _ => (0.0, 0.0),
        };
        let (all, fetched) = (rates(elapsed_ms), rates(fetch_ms));
        format!(
            "{}, 0, {}, {}, {}, {}, {}, {fetch_ms}, {}, {}\n",
            self.date(now),
            fixed(self.now_read.megabytes(), 4),
            fixed(all.0, 4),
            self.now_read.records,
            fixed(all.1, 4),
            self.join_ms_in_round,
            fixed(fetched.0, 4),
            fixed(fetched.1, 4),
        )
    }

    fn finish(&mut self, io: &mut Io) {
        if !self.detailed {
            let elapsed_s = (io.now - self.started_ms) as f64 / 1000.0;
            let fetch_ms = io.now - self.started_ms - self.join_ms;
            let fetch_s = fetch_ms as f64 / 1000.0;
            let (megabytes, records) = (self.now_read.megabytes(), self.now_read.records);
            io.stdout(&format!(
                "{}, {}, {}, {}, {records}, {}, {}, {fetch_ms}, {}, {}\n",
                self.date(self.started_ms),
                self.date(io.now),
                fixed(megabytes, 4),
                fixed(megabytes / elapsed_s, 4),
                fixed(records as f64 / elapsed_s, 4),
                self.join_ms,
                fixed(megabytes / fetch_s, 4),
                fixed(records as f64 / fetch_s, 4),
            ));
        }
        self.closing = true;
        self.consumer.close(io.now);
    }

    fn fail(&mut self, error: &KafkaError, io: &mut Io) {
        io.stderr(&Throwable::from(error).message_and_trace());
        self.end(1, io);
    }

    fn end(&mut self, code: i32, io: &mut Io) {
        self.ended = true;
        io.exit(code);
    }

    fn take(&mut self, output: ConsumerOutput, io: &mut Io) {
        match output {
            ConsumerOutput::Request(outgoing) => io.send(outgoing),
            ConsumerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
            ConsumerOutput::RecordsReady
            | ConsumerOutput::Committed { .. }
            | ConsumerOutput::Offsets { .. } => {}
            ConsumerOutput::Assigned(partitions) => {
                if self.assigned.is_empty() {
                    let joined_ms = io.now - self.join_started_ms;
                    self.join_ms += joined_ms;
                    self.join_ms_in_round += joined_ms;
                }
                self.assigned.extend(partitions);
            }
            ConsumerOutput::Revoked(partitions) | ConsumerOutput::Lost(partitions) => {
                self.assigned.retain(|partition| !partitions.contains(partition));
                if self.assigned.is_empty() {
                    self.join_started_ms = io.now;
                }
            }
            ConsumerOutput::Error(error) => self.fail(&error, io),
            ConsumerOutput::Log(line) => {
                if let Some(text) = java::client_log(io.now, &line) {
                    io.stderr(&text);
                }
            }
            ConsumerOutput::Closed => self.end(0, io),
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
        let gives_up = (!self.closing).then(|| self.gives_up_ms());
        if let Some(at) = [gives_up, self.consumer.next_wakeup()].into_iter().flatten().min() {
            io.wake_at(at);
        }
    }
}

impl Process for PerfConsumer {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        match input {
            Input::Start => {
                io.stdout(&self.greeting);
                self.started_ms = io.now;
                self.join_started_ms = io.now;
                self.consumed_ms = io.now;
                self.reported_ms = io.now;
                if let Err(error) = self.consumer.subscribe(io.now, self.what.clone()) {
                    self.fail(&error, io);
                    return;
                }
            }
            Input::Net(event) => self.consumer.handle(io.now, event),
            Input::Signal(signal) => {
                self.end(exit_code(signal), io);
                return;
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
