//! `kafka-console-consumer.sh` (`org.apache.kafka.tools.consumer.ConsoleConsumer`): a live process
//! that prints records as they arrive.

use logbrook_sorted::{SortedMap, SortedSet};
use std::any::Any;

use logbrook_client::consumer::Subscription;
use logbrook_client::process::{ProcessView, RecordRef};
use logbrook_client::{
    AppEvent, Consumer, ConsumerConfig, ConsumerOutput, Input, Io, KafkaError, Level, Process,
    TopicPartition,
};
use logbrook_record::Offset;

use super::java::{self, Throwable};
use super::kafka_console_producer::constructor_error;
use super::message_formatter::MessageFormatter;
use super::options::{OptionError, OptionTable, Options};
use super::script::exit_code;
use super::setup::{
    Checks, Early, ToolEnv, key_values, load_props, no_resolvable, resolvable, started,
    unresolved_line,
};

pub(crate) const HELP: &str = include_str!("help/kafka-console-consumer.txt");
const LOGGER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const FORMATTERS: &str = "org.apache.kafka.tools.consumer.";
/// What the tool says of a classic group (KIP-848).
const PROTOCOL_MESSAGE: &str = "The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try it out. See https://kafka.apache.org/documentation/#consumer_rebalance_protocol\n";

/// Reads the options and starts the consumer.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    started(prepare(table, argv, env))
}

/// Where reading starts with `--partition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartAt {
    Earliest,
    Latest,
    Offset(i64),
}

/// An exception in `main`: the JVM prints it and ends with 1.
fn uncaught(e: impl Into<Throwable>) -> Early {
    Early::error(format!("Exception in thread \"main\" {}", e.into().stack_trace()))
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<ConsoleConsumer, Early> {
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    check_required(&checks)?;
    for (old, new) in
        [("consumer-property", "command-property"), ("consumer.config", "command-config")]
    {
        checks.usage_if(
            options.has(old) && options.has(new),
            &format!("Options --{old} and --{new} cannot be specified together."),
        )?;
    }
    let mut out = String::new();
    let (mut property, mut file) = ("command-property", "command-config");
    if options.has("consumer-property") {
        out.push_str(&deprecated("consumer-property", property));
        property = "consumer-property";
    }
    if options.has("consumer.config") {
        out.push_str(&deprecated("consumer.config", file));
        file = "consumer.config";
    }
    let from_file = match options.value(file).map_err(uncaught)? {
        Some(name) => load_props(env, name).map_err(|e| uncaught(e).after(&out))?,
        None => SortedMap::new(),
    };
    let extra = key_values(options.values(property));
    build(&checks, env, &mut out, from_file, extra).map_err(|early| early.after(&out))
}

fn deprecated(old: &str, new: &str) -> String {
    format!(
        "Option --{old} is deprecated and will be removed in a future version. Use --{new} instead.\n"
    )
}

fn check_required(checks: &Checks<'_>) -> Result<(), Early> {
    let options = checks.options;
    checks.usage_if(
        options.has("topic") == options.has("include"),
        "Exactly one of the following arguments is required: [topic], [include]",
    )?;
    if options.int("partition").map_err(uncaught)?.is_some() {
        checks.usage_if(
            !options.has("topic"),
            "The topic is required when partition is specified.",
        )?;
        checks.usage_if(
            options.has("from-beginning") && options.has("offset"),
            "Options from-beginning and offset cannot be specified together.",
        )?;
    } else {
        checks.usage_if(
            options.has("offset"),
            "The partition is required when offset is specified.",
        )?;
    }
    checks.required(&["bootstrap-server"])
}

fn build(
    checks: &Checks<'_>,
    env: &ToolEnv,
    out: &mut String,
    from_file: SortedMap<String, String>,
    extra: SortedMap<String, String>,
) -> Result<ConsoleConsumer, Early> {
    let options = checks.options;
    let value = |name| options.value(name).map_err(uncaught);
    let partition = options.int("partition").map_err(uncaught)?;
    let groups = group_ids(checks, &from_file, &extra, partition.is_some())?;
    let properties = consumer_properties(options, env, from_file, extra, groups)?;
    let start_at = start_offset(checks)?;
    let timeout_ms = options.long("timeout-ms").map_err(uncaught)?.filter(|ms| *ms >= 0);
    let (formatter, unknown) = formatter(checks, env, out)?;

    let mut unresolved_hosts = Vec::new();
    let protocol = properties.get("group.protocol").map(|p| p.to_ascii_lowercase());
    let group = properties.get("group.id").cloned().unwrap_or_default();
    let servers = properties.get("bootstrap.servers").cloned().unwrap_or_default();
    let config = ConsumerConfig::from_properties(&properties)
        .map_err(|error| constructor_error("kafka consumer", &error))
        .and_then(|config| {
            resolvable(&servers).map_err(|unresolved| {
                unresolved_hosts.extend(unresolved);
                no_resolvable("Failed to construct kafka consumer")
            })?;
            Ok(config)
        });
    let what = match (value("topic")?, partition) {
        (Some(topic), Some(partition)) => {
            What::Partition(TopicPartition::new(topic, partition), start_at)
        }
        (Some(topic), None) => What::Subscribe(Subscription::Topics(vec![topic.to_string()])),
        (None, _) => {
            What::Subscribe(Subscription::Pattern(value("include")?.unwrap_or("").to_string()))
        }
    };
    let classic = protocol.as_deref().is_none_or(|p| p == "classic");
    Ok(ConsoleConsumer {
        consumer: config.map(|config| Consumer::new(config, env.seed)),
        what,
        group,
        formatter,
        unknown_deserializers: unknown,
        unresolved_hosts,
        out: std::mem::take(out),
        announce: classic && partition.is_none(),
        max_messages: options
            .int("max-messages")
            .map(|most| most.unwrap_or(-1))
            .map_err(Throwable::from),
        timeout_ms,
        skip_on_error: options.has("skip-message-on-error"),
        systest_events: options.has("enable-systest-events"),
        message_count: 0,
        deadline: None,
        exit: None,
        ended: false,
    })
}

fn group_ids(
    checks: &Checks<'_>,
    from_file: &SortedMap<String, String>,
    extra: &SortedMap<String, String>,
    with_partition: bool,
) -> Result<SortedSet<String>, Early> {
    let mut groups = SortedSet::new();
    groups.extend(checks.options.value("group").map_err(uncaught)?.map(String::from));
    groups.extend(from_file.get("group.id").cloned());
    groups.extend(extra.get("group.id").cloned());
    if groups.len() > 1 {
        let order = java::hash_order(groups, 16);
        let detected = order.iter().map(|g| format!("'{g}'")).collect::<Vec<_>>().join(", ");
        return Err(Early::usage(
            checks.table,
            format!(
                "The group ids provided in different places (directly using '--group', via \
                 '--consumer-property', or via '--consumer.config') do not match. Detected group \
                 ids: {detected}"
            ),
        ));
    }
    checks.usage_if(
        !groups.is_empty() && with_partition,
        "Options group and partition cannot be specified together.",
    )?;
    Ok(groups)
}

fn consumer_properties(
    options: &Options<'_>,
    env: &ToolEnv,
    from_file: SortedMap<String, String>,
    extra: SortedMap<String, String>,
    groups: SortedSet<String>,
) -> Result<SortedMap<String, String>, Early> {
    let mut properties = from_file;
    properties.extend(extra);
    let from_beginning = options.has("from-beginning");
    match properties.get("auto.offset.reset") {
        Some(reset) if from_beginning && reset != "earliest" => {
            return Err(Early::error(format!(
                "Can't simultaneously specify --from-beginning and 'auto.offset.reset={reset}', \
                 please remove one option\n"
            )));
        }
        Some(_) => {}
        None => {
            let reset = if from_beginning { "earliest" } else { "latest" };
            properties.insert("auto.offset.reset".into(), reset.into());
        }
    }
    let servers = options.value("bootstrap-server").map_err(uncaught)?;
    properties.insert("bootstrap.servers".into(), servers.unwrap_or_default().to_string());
    properties.entry("client.id".into()).or_insert_with(|| "console-consumer".into());
    if options.has("isolation-level") || !properties.contains_key("isolation.level") {
        let level = options.value("isolation-level").map_err(uncaught)?;
        properties.insert("isolation.level".into(), level.unwrap_or_default().to_string());
    }
    match groups.into_iter().next() {
        Some(group) => {
            properties.insert("group.id".into(), group);
        }
        None => {
            // An invented group is not used again: it does not commit.
            let group = format!("console-consumer-{}", env.seed % 100_000);
            properties.insert("group.id".into(), group);
            properties.entry("enable.auto.commit".into()).or_insert_with(|| "false".into());
        }
    }
    Ok(properties)
}

/// `parseOffset`.
fn start_offset(checks: &Checks<'_>) -> Result<StartAt, Early> {
    let options = checks.options;
    if !options.has("offset") {
        return Ok(match options.has("from-beginning") {
            true => StartAt::Earliest,
            false => StartAt::Latest,
        });
    }
    let text = options.value("offset").map_err(uncaught)?.unwrap_or_default();
    // No letter outside ASCII has a small form in these words.
    match text.to_ascii_lowercase().as_str() {
        "earliest" => Ok(StartAt::Earliest),
        "latest" => Ok(StartAt::Latest),
        _ => match text.parse::<i64>() {
            Ok(offset) if offset >= 0 => Ok(StartAt::Offset(offset)),
            _ => Err(Early::usage(
                checks.table,
                format!(
                    "The provided offset value '{text}' is incorrect. Valid values are 'earliest', \
                     'latest', or a non-negative long."
                ),
            )),
        },
    }
}

/// `buildFormatter`.
fn formatter(
    checks: &Checks<'_>,
    env: &ToolEnv,
    out: &mut String,
) -> Result<(MessageFormatter, Vec<String>), Early> {
    let options = checks.options;
    let usage = |e: OptionError| Early::usage(checks.table, e.message);
    let class = options.value("formatter").map_err(usage)?.unwrap_or_default();
    let silent = match class.strip_prefix(FORMATTERS) {
        // The logging formatter prints as the default one does, and logs at INFO, which is not shown.
        Some("DefaultMessageFormatter" | "LoggingMessageFormatter") => false,
        Some("NoOpMessageFormatter") => true,
        Some(
            name @ ("OffsetsMessageFormatter"
            | "GroupMetadataMessageFormatter"
            | "TransactionLogMessageFormatter"
            | "ShareGroupMessageFormatter"),
        ) => return Err(Early::not_modelled(&format!("--formatter {FORMATTERS}{name}"))),
        _ => return Err(Early::usage(checks.table, class)),
    };
    checks.usage_if(
        options.has("formatter-property") && options.has("property"),
        "Options --property and --formatter-property cannot be specified together.",
    )?;
    let mut property = "formatter-property";
    if options.has("property") {
        out.push_str(&deprecated("property", property));
        property = "property";
    }
    let mut settings = match options.value("formatter-config").map_err(usage)? {
        Some(file) => {
            load_props(env, file).map_err(|e| Early::usage(checks.table, e.message_text()))?
        }
        None => SortedMap::new(),
    };
    for (option, setting) in
        [("key-deserializer", "key.deserializer"), ("value-deserializer", "value.deserializer")]
    {
        if let Some(class) = options.value(option).map_err(usage)?.filter(|c| !c.is_empty()) {
            settings.insert(setting.into(), class.to_string());
        }
    }
    settings.extend(key_values(options.values(property)));
    let (formatter, unknown) = MessageFormatter::new(&settings);
    Ok((if silent { MessageFormatter::silent() } else { formatter }, unknown))
}

/// What is read.
#[derive(Clone, Debug)]
enum What {
    Partition(TopicPartition, StartAt),
    Subscribe(Subscription),
}

#[derive(Clone)]
struct ConsoleConsumer {
    /// Or why there is none.
    consumer: Result<Consumer, Throwable>,
    what: What,
    group: String,
    formatter: MessageFormatter,
    unknown_deserializers: Vec<String>,
    /// Bootstrap servers whose names lead nowhere.
    unresolved_hosts: Vec<String>,
    /// Deprecation notices, printed at the start.
    out: String,
    /// Whether the KIP-848 message is shown.
    announce: bool,
    /// Or what is wrong with it: the tool reads it late.
    max_messages: Result<i32, Throwable>,
    timeout_ms: Option<i64>,
    skip_on_error: bool,
    systest_events: bool,
    message_count: i32,
    /// When `receive` gives up.
    deadline: Option<i64>,
    /// Set once the consumer is closing.
    exit: Option<i32>,
    ended: bool,
}

impl ConsoleConsumer {
    fn begin(&mut self, io: &mut Io) {
        if !self.out.is_empty() {
            io.stdout(&self.out);
        }
        for class in &self.unknown_deserializers {
            let text = format!("Unable to instantiate a deserializer from {class}");
            let logger = "org.apache.kafka.tools.consumer.DefaultMessageFormatter";
            let thrown = Throwable::new("java.lang.ClassNotFoundException", class.clone());
            io.stderr(&java::log_line(io.now, Level::Error, &text, logger));
            io.stderr(&thrown.stack_trace());
        }
        for server in &self.unresolved_hosts {
            io.stderr(&unresolved_line(io.now, server));
        }
        let announce = self.announce;
        let what = self.what.clone();
        let subscribed = match &mut self.consumer {
            Err(thrown) => Err(thrown.clone()),
            Ok(consumer) => {
                if announce {
                    io.stderr(PROTOCOL_MESSAGE);
                }
                subscribe(consumer, io.now, what).map_err(|e| Throwable::from(&e))
            }
        };
        if let Err(thrown) = subscribed {
            self.unknown_error(&thrown, io);
            return;
        }
        match self.max_messages.clone() {
            Ok(0) => self.close(0, io.now),
            Ok(_) => self.receive(io),
            Err(thrown) => {
                io.stderr("Processed a total of 0 messages\n");
                self.unknown_error(&thrown, io);
            }
        }
    }

    /// `main`: anything that escapes ends the tool at once.
    fn unknown_error(&mut self, thrown: &Throwable, io: &mut Io) {
        io.stderr(&java::log_line(
            io.now,
            Level::Error,
            "Unknown error when running consumer: ",
            LOGGER,
        ));
        io.stderr(&thrown.stack_trace());
        self.ended = true;
        io.exit(1);
    }

    /// `process`: prints what has arrived, until there is nothing or enough was printed.
    fn receive(&mut self, io: &mut Io) {
        while self.exit.is_none() {
            let Ok(consumer) = &mut self.consumer else { return };
            let records = consumer.fetch_records(io.now, usize::MAX);
            if records.is_empty() {
                if self.deadline.is_none() {
                    // Java waits until *more* than the timeout has passed.
                    self.deadline = self.timeout_ms.map(|ms| io.now.saturating_add(ms + 1));
                }
                return;
            }
            self.deadline = None;
            let mut rest = records.iter();
            for record in rest.by_ref() {
                self.message_count += 1;
                match self.formatter.format(record) {
                    Ok(text) => {
                        if !text.is_empty() {
                            io.stdout(&text);
                        }
                        io.event(AppEvent::Displayed {
                            record: RecordRef {
                                topic: record.topic.clone(),
                                partition: record.partition,
                                offset: record.offset,
                            },
                        });
                    }
                    Err(e) if self.skip_on_error => {
                        let text = "Error processing message, skipping this message: ";
                        io.stderr(&java::log_line(io.now, Level::Error, text, LOGGER));
                        io.stderr(&e.stack_trace());
                    }
                    Err(e) => {
                        io.stderr(&format!(
                            "Processed a total of {} messages\n",
                            self.message_count
                        ));
                        self.unknown_error(&e, io);
                        return;
                    }
                }
                if self.max_messages == Ok(self.message_count) {
                    break;
                }
            }
            if self.max_messages == Ok(self.message_count) {
                // Offsets of what was fetched and not shown are not to be committed.
                let mut unconsumed: SortedMap<TopicPartition, Offset> = SortedMap::new();
                for record in rest {
                    let tp = TopicPartition::new(record.topic.clone(), record.partition.0);
                    unconsumed.entry(tp).or_insert(record.offset);
                }
                for (tp, offset) in unconsumed {
                    // Only assigned partitions were fetched, so the seek cannot fail.
                    let _ = consumer.seek(&tp, offset);
                }
                self.close(0, io.now);
            }
        }
    }

    /// An exception of `receive` ends the tool in order.
    fn failed(&mut self, thrown: &Throwable, io: &mut Io) {
        if self.exit.is_some() {
            return;
        }
        let text = "Error processing message, terminating consumer process: ";
        io.stderr(&java::log_line(io.now, Level::Error, text, LOGGER));
        io.stderr(&thrown.stack_trace());
        self.close(0, io.now);
    }

    fn close(&mut self, code: i32, now: i64) {
        if self.exit.is_none() {
            self.exit = Some(code);
            self.deadline = None;
            if let Ok(consumer) = &mut self.consumer {
                consumer.close(now);
            }
        }
    }

    fn finish(&mut self, io: &mut Io) {
        self.ended = true;
        io.stderr(&format!("Processed a total of {} messages\n", self.message_count));
        if self.systest_events {
            io.stdout("shutdown_complete\n");
        }
        io.exit(self.exit.unwrap_or(0));
    }

    fn pump(&mut self, io: &mut Io) {
        while !self.ended {
            let Ok(consumer) = &mut self.consumer else { return };
            let outputs = consumer.poll(io.now);
            if outputs.is_empty() {
                break;
            }
            // Java logs inside of `poll`, before what it throws is seen.
            let (logs, rest): (Vec<_>, Vec<_>) =
                outputs.into_iter().partition(|o| matches!(o, ConsumerOutput::Log(_)));
            for output in logs.into_iter().chain(rest) {
                self.output(output, io);
            }
        }
        if self.ended {
            return;
        }
        let wakeup = self.consumer.as_ref().ok().and_then(|c| c.next_wakeup());
        for at in [wakeup, self.deadline].into_iter().flatten() {
            io.wake_at(at);
        }
    }

    fn output(&mut self, output: ConsumerOutput, io: &mut Io) {
        let partitions = |tps: Vec<TopicPartition>| {
            tps.into_iter().map(|tp| (tp.topic, tp.partition)).collect::<Vec<_>>()
        };
        let group = self.group.clone();
        match output {
            ConsumerOutput::Request(outgoing) => io.send(outgoing),
            ConsumerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
            ConsumerOutput::RecordsReady => self.receive(io),
            ConsumerOutput::Assigned(tps) => {
                io.event(AppEvent::Assigned { group, partitions: partitions(tps) });
            }
            ConsumerOutput::Revoked(tps) => {
                io.event(AppEvent::Revoked { group, partitions: partitions(tps) });
            }
            ConsumerOutput::Lost(tps) => {
                io.event(AppEvent::Lost { group, partitions: partitions(tps) });
            }
            ConsumerOutput::Committed { offsets, result: Ok(()), .. } => {
                for (tp, at) in offsets {
                    io.event(AppEvent::Committed {
                        group: group.clone(),
                        topic: tp.topic,
                        partition: tp.partition,
                        offset: at.offset,
                    });
                }
            }
            // The client's log says why; the tool goes on.
            ConsumerOutput::Committed { result: Err(_), .. } => {}
            ConsumerOutput::Offsets { .. } => {}
            ConsumerOutput::Error(error) => self.failed(&Throwable::from(&error), io),
            ConsumerOutput::Log(line) => {
                if let Some(text) = java::client_log(io.now, &line) {
                    io.stderr(&text);
                }
            }
            ConsumerOutput::Closed => self.finish(io),
        }
    }
}

fn subscribe(consumer: &mut Consumer, now: i64, what: What) -> Result<(), KafkaError> {
    match what {
        What::Subscribe(to) => consumer.subscribe(now, to),
        What::Partition(tp, at) => {
            let tps = [tp];
            consumer.assign(now, &tps)?;
            match at {
                StartAt::Earliest => consumer.seek_to_beginning(&tps),
                StartAt::Latest => consumer.seek_to_end(&tps),
                StartAt::Offset(offset) => consumer.seek(&tps[0], Offset(offset)),
            }
        }
    }
}

impl Process for ConsoleConsumer {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        match input {
            Input::Start => self.begin(io),
            Input::Net(event) => {
                if let Ok(consumer) = &mut self.consumer {
                    consumer.handle(io.now, event);
                }
            }
            Input::Signal(signal) => self.close(exit_code(signal), io.now),
            Input::Wake | Input::Stdin(_) | Input::StdinClosed | Input::Store(_) => {}
        }
        self.pump(io);
        if self.deadline.is_some_and(|at| io.now >= at) && self.exit.is_none() && !self.ended {
            let class = logbrook_client::error::TIMEOUT;
            let thrown = Throwable { message: None, ..Throwable::new(class, "") };
            self.failed(&thrown, io);
            self.pump(io);
        }
    }

    fn view(&self) -> ProcessView {
        self.consumer.as_ref().map(Consumer::view).unwrap_or_default()
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
