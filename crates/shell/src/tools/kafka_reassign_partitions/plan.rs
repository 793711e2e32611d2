//! The files and lists that `kafka-reassign-partitions.sh` is given.

use logbrook_client::TopicPartition;
use logbrook_sorted::{SortedMap, SortedSet};
use serde_json::Value;

use super::super::java::{Throwable, hash_order};
use super::super::json;
use super::super::partition_leaders;
use super::{Replica, failed, id_order, joined};

/// Partitions and their new replicas, as they stand in the file.
pub(super) type Targets = Vec<(TopicPartition, Vec<i32>)>;

/// What `--reassignment-json-file` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) targets: Targets,
    /// The log directories that replicas are to lie in, where the file does not leave it open.
    pub(super) directories: SortedMap<Replica, String>,
}

/// What `--generate` plans for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToMove {
    pub(super) topics: Vec<String>,
    pub(super) brokers: Vec<i32>,
}

/// The replica may lie anywhere (`ANY_LOG_DIR`).
pub(super) const ANY: &str = "any";

fn operation(message: impl Into<String>) -> Throwable {
    Throwable::new("org.apache.kafka.tools.AdminOperationException", message)
}

/// Both kinds of file have this version, or say nothing.
fn check_version(js: &Value) -> Result<(), Throwable> {
    match json::object(js)?.get("version").map_or(Ok(1), json::int)? {
        1 => Ok(()),
        version => Err(operation(format!("Not supported version field value {version}"))),
    }
}

/// The elements of a field that may be missing.
fn elements<'v>(js: &'v Value, name: &str) -> Result<&'v [Value], Throwable> {
    json::object(js)?.get(name).map_or(Ok(&[][..]), json::array)
}

impl Plan {
    /// `parsePartitionReassignmentData`.
    pub(super) fn parse(text: &str) -> Result<Plan, Throwable> {
        let js =
            json::try_parse_full(text).map_err(|e| operation(e.message_text()).caused_by(&e))?;
        check_version(&js)?;
        let mut plan = Plan::default();
        for entry in elements(&js, "partitions")? {
            let topic = json::string(json::field(entry, "topic")?)?;
            let partition = json::int(json::field(entry, "partition")?)?;
            let replicas: Vec<i32> = json::list(json::field(entry, "replicas")?)?
                .iter()
                .map(json::int)
                .collect::<Result<_, _>>()?;
            let tp = TopicPartition::new(topic, partition);
            if let Some(dirs) = json::object(entry)?.get("log_dirs") {
                let dirs: Vec<&str> =
                    json::list(dirs)?.iter().map(json::string).collect::<Result<_, _>>()?;
                if dirs.len() != replicas.len() {
                    return Err(failed(format!(
                        "Size of replicas list [{}] is different from size of log dirs list [{}] \
                         for partition {tp}",
                        joined(&replicas, ", "),
                        dirs.join(", ")
                    )));
                }
                let named = replicas.iter().zip(dirs).filter(|(_, dir)| *dir != ANY);
                plan.directories.extend(named.map(|(id, dir)| ((tp.clone(), *id), dir.to_owned())));
            }
            plan.targets.push((tp, replicas));
        }
        Ok(plan)
    }

    /// `parseExecuteAssignmentArgs`: what may not stand in a plan that is carried out.
    pub(super) fn check(&self) -> Result<(), Throwable> {
        let targets = &self.targets;
        if targets.is_empty() {
            return Err(failed("Partition reassignment list cannot be empty"));
        }
        if targets.iter().any(|(_, replicas)| replicas.is_empty()) {
            return Err(failed("Partition replica list cannot be empty"));
        }
        let twice = duplicates(targets.iter().map(|(tp, _)| tp.clone()));
        if !twice.is_empty() {
            let twice = partition_leaders::hash_order(twice);
            let names: Vec<String> = twice.iter().map(TopicPartition::to_string).collect();
            return Err(failed(format!(
                "Partition reassignment contains duplicate topic partitions: {}",
                names.join(",")
            )));
        }
        let entries = targets.iter().filter_map(|(tp, replicas)| {
            let twice = joined(&id_order(duplicates(replicas.iter().copied())), ",");
            (!twice.is_empty()).then(|| format!("{tp} contains multiple entries for {twice}"))
        });
        let entries: Vec<String> = entries.collect();
        match entries.is_empty() {
            true => Ok(()),
            false => Err(failed(format!(
                "Partition replica lists may not contain duplicate entries: {}",
                entries.join(". ")
            ))),
        }
    }
}

impl ToMove {
    /// `parseGenerateAssignmentArgs`: the text of `--topics-to-move-json-file`, and `--broker-list`.
    pub(super) fn parse(text: &str, brokers: &str) -> Result<ToMove, Throwable> {
        // Java's split drops empty pieces at the end.
        let pieces = match brokers.trim_end_matches(',') {
            "" if !brokers.is_empty() => Vec::new(),
            rest => rest.split(',').collect(),
        };
        let brokers = pieces.into_iter().map(|id| {
            id.parse::<i32>().map_err(|_| {
                let message = format!("For input string: \"{id}\"");
                Throwable::new("java.lang.NumberFormatException", message)
            })
        });
        let brokers: Vec<i32> = brokers.collect::<Result<_, _>>()?;
        let twice = id_order(duplicates(brokers.iter().copied()));
        if !twice.is_empty() {
            let twice = joined(&twice, ", ");
            return Err(failed(format!("Broker list contains duplicate entries: [{twice}]")));
        }
        let topics = topics_to_move(text)?;
        let twice = hash_order(duplicates(topics.iter().cloned()), 16);
        if !twice.is_empty() {
            let twice = twice.join(", ");
            return Err(failed(format!(
                "List of topics to reassign contains duplicate entries: [{twice}]"
            )));
        }
        Ok(ToMove { topics, brokers })
    }
}

/// `parseTopicsData`.
fn topics_to_move(text: &str) -> Result<Vec<String>, Throwable> {
    let js =
        json::parse_full(text).ok_or_else(|| operation("The input string is not a valid JSON"))?;
    check_version(&js)?;
    let topic = |entry| Ok(json::string(json::field(entry, "topic")?)?.to_owned());
    elements(&js, "topics")?.iter().map(topic).collect()
}

/// `ToolsUtils.duplicates`.
fn duplicates<T: Ord + Clone>(items: impl Iterator<Item = T>) -> Vec<T> {
    let (mut seen, mut twice) = (SortedSet::new(), SortedSet::new());
    for item in items {
        if !seen.insert(item.clone()) {
            twice.insert(item);
        }
    }
    twice.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tp(partition: i32) -> TopicPartition {
        TopicPartition::new("t", partition)
    }

    fn message<T: std::fmt::Debug>(result: Result<T, Throwable>) -> String {
        result.unwrap_err().message.unwrap()
    }

    #[test]
    fn a_plan_is_read_as_kafka_reads_it() {
        let plan = r#"{"version":1,"partitions":[
            {"topic":"t","partition":0,"replicas":[1,2],"log_dirs":["any","/d"]}]}"#;
        let plan = Plan::parse(plan).unwrap();
        assert_eq!(plan.targets, [(tp(0), vec![1, 2])]);
        assert_eq!(plan.directories, SortedMap::from_iter([((tp(0), 2), "/d".to_owned())]));
        assert_eq!(Plan::parse("{}"), Ok(Plan::default()));
        let wrong = |text: &str| message(Plan::parse(text));
        assert_eq!(
            wrong("partitions\n"),
            "Unrecognized token 'partitions': was expecting (JSON String, Number, Array, Object or \
             token 'null', 'true' or 'false')\n at [Source: REDACTED \
             (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]"
        );
        assert_eq!(wrong(r#"{"version":3}"#), "Not supported version field value 3");
        assert_eq!(
            wrong(r#"{"partitions":[{"topic":"t","partition":0,"replicas":1}]}"#),
            "Expected `JSON array` value, received 1"
        );
        assert_eq!(
            wrong(r#"{"partitions":[{"topic":"t","partition":0,"replicas":[1],"log_dirs":[]}]}"#),
            "Size of replicas list [1] is different from size of log dirs list [] for partition t-0"
        );
    }

    #[test]
    fn what_may_not_stand_in_a_plan() {
        let wrong =
            |targets: Targets| message(Plan { targets, directories: SortedMap::new() }.check());
        assert_eq!(wrong(vec![]), "Partition reassignment list cannot be empty");
        assert_eq!(wrong(vec![(tp(0), vec![])]), "Partition replica list cannot be empty");
        assert_eq!(
            wrong(vec![(tp(0), vec![1]), (tp(0), vec![2])]),
            "Partition reassignment contains duplicate topic partitions: t-0"
        );
        assert_eq!(
            wrong(vec![(tp(0), vec![1, 2, 1])]),
            "Partition replica lists may not contain duplicate entries: t-0 contains multiple \
             entries for 1"
        );
        let targets = vec![(tp(0), vec![1]), (tp(1), vec![1])];
        assert_eq!(Plan { targets, directories: SortedMap::new() }.check(), Ok(()));
    }

    #[test]
    fn what_is_to_move_is_read_as_kafka_reads_it() {
        let topics = r#"{"topics":[{"topic":"b"},{"topic":"a"}]}"#;
        let to_move = ToMove::parse(topics, "3,1,,").unwrap();
        assert_eq!((to_move.topics, to_move.brokers), (vec!["b".into(), "a".into()], vec![3, 1]));
        assert_eq!(message(ToMove::parse(topics, "1, 2")), "For input string: \" 2\"");
        assert_eq!(message(ToMove::parse(topics, "")), "For input string: \"\"");
        assert_eq!(
            message(ToMove::parse(topics, "2,1,1,2")),
            "Broker list contains duplicate entries: [1, 2]"
        );
        assert_eq!(
            message(ToMove::parse(r#"{"topics":[{"topic":"a"},{"topic":"a"}]}"#, "1")),
            "List of topics to reassign contains duplicate entries: [a]"
        );
    }
}
