//! `kafka-delete-records.sh` (`org.apache.kafka.tools.DeleteRecordsCommand`).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_client::admin::AdminConfig;
use logbrook_client::{Process, TopicPartition};

use super::admin_calls::{Stop, ended, topic_name};
use super::java::Throwable;
use super::json;
use super::options::OptionTable;
use super::partition_leaders::{self, After, PartitionCall, hash_order, immutable_map_order};
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-delete-records.txt");
const EARLIEST_VERSION: i32 = 1;

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

/// `mainNoExit`: what it prints of an exception.
fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(DeleteRecords, AdminConfig), Early> {
    let thrown = |e: Throwable| Early::error(e.message_and_trace());
    let options = table.parse(argv).map_err(|e| thrown(e.into()))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    checks.required(&["bootstrap-server", "offset-json-file"])?;
    let value = |name| options.value(name).map_err(|e| thrown(e.into()));
    let config =
        admin_config(env, value("command-config")?, value("bootstrap-server")?, &[], thrown)?;
    let path = value("offset-json-file")?.unwrap_or_default();
    let text = json::read_file(&env.files, path).map_err(thrown)?;
    let offsets = parse(&text).map_err(thrown)?;
    Ok((DeleteRecords { offsets }, config))
}

/// `parseOffsetJsonStringWithoutDedup`, and the check that no partition stands in it twice.
fn parse(text: &str) -> Result<SortedMap<TopicPartition, i64>, Throwable> {
    let operation =
        |message: &str| Throwable::new("org.apache.kafka.tools.AdminOperationException", message);
    let js =
        json::parse_full(text).ok_or_else(|| operation("The input string is not a valid JSON"))?;
    let version = match json::object(&js)?.get("version") {
        Some(version) => json::int(version)?,
        None => EARLIEST_VERSION,
    };
    if version != EARLIEST_VERSION {
        return Err(operation(&format!("Not supported version field value {version}")));
    }
    let partitions = json::object(&js)?
        .get("partitions")
        .ok_or_else(|| operation("Missing partitions field"))?;
    let mut offsets: SortedMap<TopicPartition, i64> = SortedMap::new();
    let mut twice = Vec::new();
    for entry in json::array(partitions)? {
        let topic = json::string(json::field(entry, "topic")?)?;
        let partition = json::int(json::field(entry, "partition")?)?;
        let offset = json::long(json::field(entry, "offset")?)?;
        let tp = TopicPartition::new(topic, partition);
        if offsets.contains_key(&tp) {
            twice.push(tp);
        } else {
            offsets.insert(tp, offset);
        }
    }
    if twice.is_empty() {
        return Ok(offsets);
    }
    let twice: Vec<String> = hash_order(twice).iter().map(TopicPartition::to_string).collect();
    let twice = twice.join(",");
    let message = format!("Offset json file contains duplicate topic partitions: {twice}");
    Err(Throwable::new("org.apache.kafka.tools.AdminCommandFailedException", message))
}

#[derive(Clone)]
struct DeleteRecords {
    offsets: SortedMap<TopicPartition, i64>,
}

impl Script for DeleteRecords {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        let done = self.execute(stage);
        ended(stage, done, |stage, e| {
            stage.err(e.message_and_trace());
        })
    }
}

impl DeleteRecords {
    fn execute(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.out("Executing records delete operation\nRecords delete operation completed:\n");
        let results = partition_leaders::call(stage, self, self.offsets.keys().cloned())?;
        for tp in immutable_map_order(results.keys().cloned()) {
            let line = match results.get(&tp) {
                Some(Ok(low_watermark)) => format!("low_watermark: {low_watermark}"),
                Some(Err(e)) => format!("error: {e}"),
                None => continue,
            };
            stage.out(format!("partition: {tp}\t{line}\n"));
        }
        Ok(())
    }
}

/// `DeleteRecordsHandler`.
impl PartitionCall for DeleteRecords {
    type Value = i64;
    const NAME: &'static str = "deleteRecords";
    const API: &'static str = "DELETE_RECORDS";
    const LOGGER: &'static str = "org.apache.kafka.clients.admin.internals.DeleteRecordsHandler";
    const LOGGED: &'static str = "DeleteRecords";
    const TOLERATES_UNKNOWN_TOPICS: bool = true;

    fn request(&self, partitions: &SortedMap<String, Vec<i32>>, timeout_ms: i32) -> Request {
        let topics = partitions.iter().map(|(topic, partitions)| {
            let partitions = partitions.iter().map(|p| {
                let offset = self.offsets.get(&TopicPartition::new(topic.clone(), *p));
                DeleteRecordsPartition::default()
                    .with_partition_index(*p)
                    .with_offset(offset.copied().unwrap_or_default())
            });
            DeleteRecordsTopic::default()
                .with_name(topic_name(topic))
                .with_partitions(partitions.collect())
        });
        let topics = topics.collect();
        DeleteRecordsRequest::default().with_topics(topics).with_timeout_ms(timeout_ms).into()
    }

    fn results(&self, response: Response) -> Option<Vec<(TopicPartition, i16, i64)>> {
        let Response::DeleteRecords(response) = response else { return None };
        let topics = response.topics.into_iter().flat_map(|topic| {
            let name = topic.name.to_string();
            topic.partitions.into_iter().map(move |p| {
                let tp = TopicPartition::new(name.clone(), p.partition_index);
                (tp, p.error_code, p.low_watermark)
            })
        });
        Some(topics.collect())
    }

    fn after(error: ErrorCode) -> After {
        if error.refreshes_metadata() {
            After::Lookup
        } else if error.is_retriable() {
            After::Retry
        } else {
            After::Fail
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_is_wrong_is_refused_in_kafkas_words() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        let mapping = "com.fasterxml.jackson.databind.JsonMappingException: ";
        let cases = [
            (
                "",
                "org.apache.kafka.tools.AdminOperationException: The input string is not a valid JSON",
            ),
            ("{}", "org.apache.kafka.tools.AdminOperationException: Missing partitions field"),
            ("[1]", &format!("{mapping}Expected JSON object, received [1]")),
            (r#"{"version":"1"}"#, &format!("{mapping}Expected `Integer` value, received \"1\"")),
            (r#"{"partitions":{}}"#, &format!("{mapping}Expected JSON array, received {{}}")),
            (
                r#"{"partitions":[{"topic":"a","partition":0,"offset":1.5}]}"#,
                &format!("{mapping}Expected `Long` value, received 1.5"),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text), *expected, "{text}");
        }
        let plan = parse(r#"{"partitions":[{"topic":"a","partition":3,"offset":-1}]} and more"#);
        assert_eq!(plan.unwrap().get(&TopicPartition::new("a", 3)), Some(&-1));
    }
}
