//! `kafka-log-dirs.sh` (`org.apache.kafka.tools.LogDirsCommand`).

use kafka_protocol::messages::DescribeLogDirsRequest;
use logbrook_broker::ErrorCode;
use logbrook_broker::java_hash::{hash_order_by, string_hash};
use logbrook_broker::wire::{Request, Response};
use logbrook_client::Process;
use logbrook_client::admin::{AdminConfig, Target};

use super::admin_calls::{self as admin, Stop, check, expect};
use super::java::Throwable;
use super::kafka_cluster::admin_config;
use super::options::OptionTable;
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, load_props};

pub(crate) const HELP: &str = include_str!("help/kafka-log-dirs.txt");

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|piece| !piece.is_empty())
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(LogDirs, AdminConfig), Early> {
    let thrown = |thrown: Throwable| Early::error(thrown.message_and_trace());
    let options = table.parse(argv).map_err(|e| thrown(e.into()))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["bootstrap-server", "describe"])?;
    // The table shows that the defaults are empty.
    let value = |name: &str| match options.values(name) {
        [] => Ok(String::new()),
        _ => options
            .value(name)
            .map(|value| value.unwrap_or_default().to_owned())
            .map_err(|e| thrown(e.into())),
    };
    let mut properties = match value("command-config")?.as_str() {
        "" => Default::default(),
        file => load_props(env, file).map_err(thrown)?,
    };
    let servers = value("bootstrap-server")?;
    properties.insert("bootstrap.servers".into(), servers.clone());
    properties.entry("client.id".into()).or_insert_with(|| "log-dirs-tool".into());
    let config = admin_config(&properties, &servers, &thrown)?;
    let topics = pieces(&value("topic-list")?).map(str::to_owned).collect();
    Ok((LogDirs { topics, brokers: value("broker-list")? }, config))
}

#[derive(Clone)]
struct LogDirs {
    topics: Vec<String>,
    /// As given: `0,1,2`.
    brokers: String,
}

impl Script for LogDirs {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        match self.execute(stage) {
            Ok(code) => Ok(code),
            Err(Stop::Waiting) => Err(Waiting),
            Err(Stop::Thrown(thrown)) => {
                stage.err(thrown.message_and_trace());
                Ok(1)
            }
        }
    }
}

/// Numbers as a `HashSet<Integer>` gives them back.
fn set_order(mut ids: Vec<i32>) -> Vec<i32> {
    ids.dedup();
    hash_order_by(ids, 16, |id| *id as u32)
}

fn joined(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

/// One replica: topic, partition, size, lag, whether it is a future one.
type Replica = (String, i32, i64, i64, bool);

impl LogDirs {
    fn execute(&self, stage: &mut Stage<'_>) -> Result<i32, Stop> {
        let all = admin::live_brokers(stage).map_err(|stop| match stop {
            Stop::Thrown(thrown) => Stop::Thrown(Throwable::execution(&thrown)),
            Stop::Waiting => Stop::Waiting,
        })?;
        let mut asked = Vec::new();
        for piece in pieces(&self.brokers) {
            let id = piece.parse::<i32>().map_err(|_| {
                Throwable::new(
                    "java.lang.NumberFormatException",
                    format!("For input string: \"{piece}\""),
                )
            })?;
            if !asked.contains(&id) {
                asked.push(id);
            }
        }
        let unknown: Vec<i32> = asked.iter().copied().filter(|id| !all.contains(id)).collect();
        if !unknown.is_empty() {
            stage.err(format!(
                "ERROR: The given brokers do not exist from --broker-list: {}. Current existent \
                 brokers: {}\n",
                joined(&set_order(unknown)),
                joined(&set_order(all))
            ));
            return Ok(1);
        }
        let brokers = set_order(if asked.is_empty() { all } else { asked });
        stage.out("Querying brokers for log directories information\n");
        let question = |id: &i32| {
            let request = DescribeLogDirsRequest::default().with_topics(None);
            (Request::from(request), Target::Node(*id))
        };
        let answers = stage.call_all(brokers.iter().map(question).collect())?;
        let mut described = Vec::new();
        for (id, answer) in brokers.iter().zip(answers) {
            let response = expect(answer, |r| match r {
                Response::DescribeLogDirs(body) => Some(body),
                _ => None,
            })
            .map_err(|thrown| Throwable::execution(&thrown))?;
            check(response.error_code, None).map_err(|thrown| Throwable::execution(&thrown))?;
            let directories: Vec<String> = response
                .results
                .iter()
                .map(|result| {
                    let error = match ErrorCode::from_code(result.error_code) {
                        Some(ErrorCode::None) => "null".to_owned(),
                        error => {
                            let error = error.unwrap_or(ErrorCode::UnknownServerError);
                            format!("\"{}\"", error.exception_class())
                        }
                    };
                    let replicas = result.topics.iter().flat_map(|topic| {
                        topic.partitions.iter().map(|p| {
                            let (size, lag) = (p.partition_size, p.offset_lag);
                            (topic.name.to_string(), p.partition_index, size, lag, p.is_future_key)
                        })
                    });
                    format!(
                        "{{\"partitions\":[{}],\"error\":{error},\"logDir\":\"{}\"}}",
                        self.partitions(replicas.collect()),
                        result.log_dir
                    )
                })
                .collect();
            described.push(format!("{{\"broker\":{id},\"logDirs\":[{}]}}", directories.join(",")));
        }
        stage
            .out(format!("Received log directory information from brokers {}\n", joined(&brokers)));
        stage.out(format!("{{\"brokers\":[{}],\"version\":1}}\n", described.join(",")));
        Ok(0)
    }

    /// In the order of a `HashMap<TopicPartition, …>`.
    fn partitions(&self, replicas: Vec<Replica>) -> String {
        let wanted = |topic: &String| self.topics.is_empty() || self.topics.contains(topic);
        // `TopicPartition.hashCode`
        let hash = |(topic, partition, ..): &Replica| {
            let first = 31u32.wrapping_add(*partition as u32);
            first.wrapping_mul(31).wrapping_add(string_hash(topic))
        };
        let replicas = hash_order_by(replicas, 16, hash);
        let kept: Vec<Replica> = replicas.into_iter().filter(|(topic, ..)| wanted(topic)).collect();
        let shown = hash_order_by(kept, 16, hash).into_iter().map(
            |(topic, partition, size, lag, future)| {
                format!(
                    "{{\"partition\":\"{topic}-{partition}\",\"size\":{size},\"offsetLag\":{lag},\
                     \"isFuture\":{future}}}"
                )
            },
        );
        shown.collect::<Vec<_>>().join(",")
    }
}
