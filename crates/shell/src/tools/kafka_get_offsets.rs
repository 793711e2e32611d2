//! `kafka-get-offsets.sh` (`org.apache.kafka.tools.GetOffsetShell`).

use logbrook_client::admin::AdminConfig;
use logbrook_client::{Process, TopicPartition};

use super::admin_calls::{self as admin, Stop, ended};
use super::java::Throwable;
use super::options::{OptionTable, Options};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{
    Checks, Early, ToolEnv, load_props, no_resolvable, resolvable, validate_bootstrap_server,
};
use super::topic_filter::IncludeList;

pub(crate) const HELP: &str = include_str!("help/kafka-get-offsets.txt");

/// `TerseException`: its message is printed without a stack trace.
const TERSE: &str = "org.apache.kafka.tools.TerseException";

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(GetOffsets, AdminConfig), Early> {
    let failed = |e: Throwable| Early::error(shown(&e));
    if argv.is_empty() {
        return Err(Early::usage(table, table.summary));
    }
    let options = table.parse(argv).map_err(|e| failed(terse(e.message)))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["bootstrap-server"])?;
    let value = |name| options.value(name).map_err(|e| failed(e.into()));
    let servers = value("bootstrap-server")?;
    if let Err(message) = validate_bootstrap_server(servers) {
        return Err(Early::usage(table, message));
    }
    if options.has("topic-partitions") && (options.has("topic") || options.has("partitions")) {
        let message = "--topic-partitions cannot be used with --topic or --partitions";
        return Err(failed(terse(message)));
    }
    let timestamp = timestamp(value("time")?.unwrap_or("latest")).map_err(failed)?;
    let rules = match value("topic-partitions")? {
        Some(rules) => {
            rules.split(',').map(Rule::parse).collect::<Result<_, _>>().map_err(failed)?
        }
        None => vec![Rule {
            topic: IncludeList::new(value("topic")?.unwrap_or(".*")).map_err(failed)?,
            partitions: partition_set(value("partitions")?.unwrap_or("")).map_err(failed)?,
        }],
    };
    let mut properties = match value("command-config")? {
        Some(file) => load_props(env, file).map_err(failed)?,
        None => Default::default(),
    };
    properties.insert("bootstrap.servers".into(), servers.unwrap_or_default().to_string());
    properties.insert("client.id".into(), "GetOffsetShell".into());
    let config = AdminConfig::from_properties(&properties).map_err(|error| {
        let outer = Throwable::new(
            "org.apache.kafka.common.KafkaException",
            "Failed to create new KafkaAdminClient",
        );
        failed(outer.caused_by(&Throwable::from(&error)))
    })?;
    resolvable(servers.unwrap_or_default()).map_err(|unresolved| {
        failed(no_resolvable("Failed to create new KafkaAdminClient")).unresolved(unresolved)
    })?;
    Ok((GetOffsets { options, rules, timestamp }, config))
}

/// An exception that came out of a future.
fn executed(stop: Stop) -> Stop {
    match stop {
        Stop::Thrown(e) => Stop::Thrown(Throwable::execution(&e)),
        Stop::Waiting => Stop::Waiting,
    }
}

fn terse(message: impl Into<String>) -> Throwable {
    Throwable::new(TERSE, message)
}

/// `mainNoExit`: what it prints of an exception.
fn shown(e: &Throwable) -> String {
    let trace = if e.class == TERSE { String::new() } else { e.stack_trace() + "\n" };
    format!("Error occurred: {}\n{trace}", e.message_text())
}

#[derive(Clone)]
struct GetOffsets {
    options: Options<'static>,
    rules: Vec<Rule>,
    timestamp: i64,
}

/// Which partitions of a topic.
#[derive(Clone, Debug)]
enum Partitions {
    /// These; all when empty.
    Set(Vec<i32>),
    /// From, up to but not including.
    Range(i32, i32),
}

#[derive(Clone, Debug)]
struct Rule {
    topic: IncludeList,
    partitions: Partitions,
}

impl Rule {
    /// `TOPIC`, `TOPIC:3`, `TOPIC:1-3`, `:2-`, `TOPIC:-3`.
    fn parse(spec: &str) -> Result<Rule, Throwable> {
        let wrong = || {
            let terse = terse(format!("Invalid rule specification: {spec}"));
            Throwable::new("java.lang.RuntimeException", terse.to_string()).caused_by(&terse)
        };
        let (topic, partitions) = spec.split_once(':').unwrap_or((spec, ""));
        let number = |text: &str, default: i32| match text {
            "" => Ok(default),
            _ if !text.chars().all(|c| c.is_ascii_digit()) => Err(wrong()),
            _ => text.parse().map_err(|_| {
                Throwable::new(
                    "java.lang.NumberFormatException",
                    format!("For input string: \"{text}\""),
                )
            }),
        };
        let partitions = match partitions.split_once('-') {
            Some((from, to)) => Partitions::Range(number(from, 0)?, number(to, i32::MAX)?),
            None if partitions.is_empty() => Partitions::Range(0, i32::MAX),
            None => Partitions::Set(vec![number(partitions, 0)?]),
        };
        let topic = IncludeList::new(if topic.is_empty() { ".*" } else { topic })?;
        Ok(Rule { topic, partitions })
    }

    fn allows(&self, topic: &str, partition: i32) -> bool {
        self.topic.is_allowed(topic, false)
            && match &self.partitions {
                Partitions::Set(set) => set.is_empty() || set.contains(&partition),
                Partitions::Range(from, to) => (*from..*to).contains(&partition),
            }
    }
}

fn partition_set(text: &str) -> Result<Partitions, Throwable> {
    if text.is_empty() {
        return Ok(Partitions::Set(Vec::new()));
    }
    let numbers: Result<Vec<i32>, _> =
        text.trim_end_matches(',').split(',').map(str::parse).collect();
    numbers.map(Partitions::Set).map_err(|_| {
        terse(format!(
            "--partitions expects a comma separated list of numeric partition ids, but received: {text}"
        ))
    })
}

/// `parseOffsetSpec`: ListOffsets' special timestamps by name or number.
fn timestamp(text: &str) -> Result<i64, Throwable> {
    match text {
        "latest" => Ok(-1),
        "earliest" => Ok(-2),
        "max-timestamp" => Ok(-3),
        "earliest-local" => Ok(-4),
        "latest-tiered" => Ok(-5),
        "earliest-pending-upload" => Ok(-6),
        number => number.parse().map_err(|_| {
            terse(format!(
                "Malformed time argument {number}. Please use -1 or latest / -2 or earliest / -3 or \
                 max-timestamp / -4 or earliest-local / -5 or latest-tiered / -6 or \
                 earliest-pending-upload, or a specified long format timestamp"
            ))
        }),
    }
}

impl Script for GetOffsets {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = self.execute(stage);
        ended(stage, done, |stage, e| {
            stage.err(shown(&e));
        })
    }
}

impl GetOffsets {
    fn execute(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let internal = !self.options.has("exclude-internal-topics");
        let listed = admin::list_topics(stage, internal).map_err(executed)?;
        let matches =
            |topic: &str| self.rules.iter().any(|rule| rule.topic.is_allowed(topic, false));
        let names: Vec<String> =
            listed.into_iter().map(|t| t.name).filter(|name| matches(name)).collect();
        let described = if names.is_empty() {
            Default::default()
        } else {
            admin::describe_topics(stage, &names, 2000).map_err(executed)?
        };
        let mut partitions = Vec::new();
        for topic in described.values() {
            for p in &topic.partitions {
                if self.rules.iter().any(|rule| rule.allows(&topic.name, p.index)) {
                    partitions.push(TopicPartition::new(topic.name.clone(), p.index));
                }
            }
        }
        if partitions.is_empty() {
            let message = "Could not match any topic-partitions with the specified filters";
            return Err(terse(message).into());
        }
        let offsets = admin::list_offsets(stage, partitions.clone(), self.timestamp)?;
        let mut lines: Vec<(String, String)> = Vec::new();
        for tp in &partitions {
            match offsets.get(tp) {
                Some(Ok(-1)) | None => {}
                Some(Ok(offset)) => lines
                    .push((tp.to_string(), format!("{}:{}:{offset}\n", tp.topic, tp.partition.0))),
                Some(Err(e)) => stage.err(format!(
                    "Skip getting offsets for topic-partition {tp} due to error: {e}\n"
                )),
            }
        }
        logbrook_sorted::sort(&mut lines);
        for (_, line) in lines {
            stage.out(line);
        }
        Ok(())
    }
}
