//! Moves between the log directories of one broker (KIP-113): where replicas lie, what `--verify` says
//! of a move, and how one is begun.

use kafka_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, DescribeLogDirsRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;
use logbrook_sorted::SortedMap;

use super::super::admin_calls::{Stop, check, expect, topic_name};
use super::super::java::{self, Throwable};
use super::super::script::{Question, Stage};
use super::{Replica, TERSE, executed, failed, plural};

/// `ReplicaLogDirInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReplicaLogDir {
    /// Where the replica lies; nowhere if the broker does not have it.
    current: Option<String>,
    /// Where it is being moved to.
    future: Option<String>,
}

impl ReplicaLogDir {
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// Where it lies while it is being moved.
    pub(super) fn moving_from(&self) -> Option<&str> {
        self.future.as_ref().and(self.current())
    }
}

/// `Admin.describeReplicaLogDirs`.
pub(super) fn describe<'r>(
    stage: &mut Stage<'_>,
    replicas: impl IntoIterator<Item = &'r Replica>,
) -> Result<SortedMap<Replica, ReplicaLogDir>, Stop> {
    let mut found: SortedMap<Replica, ReplicaLogDir> = SortedMap::new();
    let mut by_broker: SortedMap<i32, SortedMap<&str, Vec<i32>>> = SortedMap::new();
    for (tp, broker) in replicas {
        let topics = by_broker.entry(*broker).or_default();
        topics.entry(&tp.topic).or_default().push(tp.partition.0);
        found.insert((tp.clone(), *broker), ReplicaLogDir::default());
    }
    let questions = by_broker.iter().map(|(broker, topics)| {
        let topics = topics.iter().map(|(topic, partitions)| {
            DescribableLogDirTopic::default()
                .with_topic(topic_name(topic))
                .with_partitions(partitions.clone())
        });
        let request = DescribeLogDirsRequest::default().with_topics(Some(topics.collect()));
        Question::new(request, Target::Node(*broker)).named("describeReplicaLogDirs")
    });
    let answers = stage.ask_all(questions.collect())?;
    for (broker, answer) in by_broker.keys().zip(answers) {
        let response = expect(answer, |r| match r {
            Response::DescribeLogDirs(body) => Some(body),
            _ => None,
        })?;
        // Nothing is told of a directory that failed.
        let online = response.results.iter().filter(|directory| directory.error_code == 0);
        for directory in online {
            for topic in &directory.topics {
                for p in &topic.partitions {
                    let tp = TopicPartition::new(topic.name.to_string(), p.partition_index);
                    let Some(replica) = found.get_mut(&(tp, *broker)) else { continue };
                    let place = Some(directory.log_dir.to_string());
                    match p.is_future_key {
                        true => replica.future = place,
                        false => replica.current = place,
                    }
                }
            }
        }
    }
    Ok(found)
}

/// `replicaMoveStatesToString`: a line for each replica whose directory the plan names, and whether
/// any is still being moved.
pub(super) fn verify(
    stage: &mut Stage<'_>,
    wanted: &SortedMap<Replica, String>,
) -> Result<bool, Stop> {
    let found = describe(stage, wanted.keys()).map_err(executed)?;
    let lines: Vec<String> = by_broker(wanted.keys())
        .into_iter()
        .filter_map(|replica| Some(state_line(replica, found.get(replica)?, wanted.get(replica)?)))
        .collect();
    stage.out(format!("{}\n", lines.join("\n")));
    Ok(found.values().any(|replica| replica.moving_from().is_some()))
}

/// `compareTopicPartitionReplicas`.
fn by_broker<'r>(replicas: impl Iterator<Item = &'r Replica>) -> Vec<&'r Replica> {
    let mut replicas: Vec<&Replica> = replicas.collect();
    logbrook_sorted::sort_by_key(&mut replicas, |(tp, broker)| (*broker, tp.clone()));
    replicas
}

fn state_line(replica: &Replica, found: &ReplicaLogDir, target: &str) -> String {
    let (tp, broker) = replica;
    match (&found.current, &found.future) {
        (None, _) => format!(
            "Partition {tp} is not found in any live log dir on broker {broker}. There is likely \
             an offline log directory on the broker."
        ),
        (Some(current), None) if current == target => {
            format!("Reassignment of replica {tp}-{broker} completed successfully.")
        }
        (Some(current), None) => format!(
            "Partition {tp} on broker {broker} is not being moved from log dir {current} to \
             {target}."
        ),
        (Some(_), Some(future)) if future == target => {
            format!("Reassignment of replica {tp}-{broker} is still in progress.")
        }
        (Some(_), Some(future)) => format!(
            "Partition {tp} on broker {broker} is being moved to log dir {future} instead of \
             {target}."
        ),
    }
}

/// From one try of a move to the next, ms.
const RETRY_MS: i64 = 100;

/// `executeMoves`: tries until each replica's move is begun, for `timeout_ms` at most. A replica that
/// has yet to come to its broker cannot be moved within it.
pub(super) fn execute(
    stage: &mut Stage<'_>,
    mut pending: SortedMap<Replica, String>,
    timeout_ms: i64,
) -> Result<(), Stop> {
    let give_up_ms = stage.now.saturating_add(timeout_ms);
    loop {
        let started = start(stage, &pending)?;
        for replica in by_broker(started.iter()) {
            let (tp, broker) = replica;
            let directory = pending.remove(replica).unwrap_or_default();
            stage.out(format!(
                "Successfully started moving log directory to {directory} for replica {tp} with \
                 broker {broker} \n"
            ));
        }
        if pending.is_empty() {
            return Ok(());
        }
        if stage.now >= give_up_ms {
            let names = by_broker(pending.keys()).into_iter().map(name);
            let names: Vec<String> = names.collect();
            let message = format!(
                "Timed out before log directory move{} could be started for: {}",
                plural(names.len()),
                names.join(",")
            );
            return Err(Throwable::new(TERSE, message).into());
        }
        stage.wait_until(stage.now + RETRY_MS)?;
    }
}

/// `TopicPartitionReplica.toString`.
fn name((tp, broker): &Replica) -> String {
    format!("{tp}-{broker}")
}

/// `alterReplicaLogDirs`: the replicas whose moves are begun.
fn start(stage: &mut Stage<'_>, wanted: &SortedMap<Replica, String>) -> Result<Vec<Replica>, Stop> {
    let mut results = alter_replica_log_dirs(stage, wanted)?;
    let mut started = Vec::new();
    for replica in java::hash_order_by(wanted.keys().cloned(), wanted.len(), hash_code) {
        match results.remove(&replica) {
            Some(Ok(())) => started.push(replica),
            // It may come to this broker yet.
            Some(Err(e)) if e.class.ends_with(".ReplicaNotAvailableException") => {}
            Some(Err(e)) => {
                let message = format!("Failed to alter dir for {}", name(&replica));
                return Err(failed(message).caused_by(&Throwable::execution(&e)).into());
            }
            None => {}
        }
    }
    Ok(started)
}

/// `Admin.alterReplicaLogDirs`: what became of each.
fn alter_replica_log_dirs(
    stage: &mut Stage<'_>,
    wanted: &SortedMap<Replica, String>,
) -> Result<SortedMap<Replica, Result<(), Throwable>>, Stop> {
    type Topics<'a> = SortedMap<&'a str, Vec<i32>>;
    let mut by_broker: SortedMap<i32, SortedMap<&str, Topics<'_>>> = SortedMap::new();
    for ((tp, broker), directory) in wanted {
        let topics = by_broker.entry(*broker).or_default().entry(directory).or_default();
        topics.entry(&tp.topic).or_default().push(tp.partition.0);
    }
    let questions = by_broker.iter().map(|(broker, directories)| {
        let directories = directories.iter().map(|(path, topics)| {
            let topics = topics.iter().map(|(topic, partitions)| {
                AlterReplicaLogDirTopic::default()
                    .with_name(topic_name(topic))
                    .with_partitions(partitions.clone())
            });
            AlterReplicaLogDir::default()
                .with_path(StrBytes::from_string((*path).to_owned()))
                .with_topics(topics.collect())
        });
        let request = AlterReplicaLogDirsRequest::default().with_dirs(directories.collect());
        Question::new(request, Target::Node(*broker))
    });
    let answers = stage.ask_all(questions.collect())?;
    let mut results = SortedMap::new();
    for (broker, answer) in by_broker.keys().zip(answers) {
        let response = expect(answer, |r| match r {
            Response::AlterReplicaLogDirs(body) => Some(body),
            _ => None,
        });
        match response {
            Ok(response) => {
                for topic in &response.results {
                    for p in &topic.partitions {
                        let tp =
                            TopicPartition::new(topic.topic_name.to_string(), p.partition_index);
                        results.insert((tp, *broker), check(p.error_code, None));
                    }
                }
            }
            Err(e) => {
                let asked = wanted.keys().filter(|(_, id)| id == broker);
                results.extend(asked.map(|replica| (replica.clone(), Err(e.clone()))));
            }
        }
    }
    Ok(results)
}

/// `TopicPartitionReplica.hashCode`.
fn hash_code((tp, broker): &Replica) -> u32 {
    let number = |n: i32| u32::from_ne_bytes(n.to_ne_bytes());
    let parts = [java::string_hash(&tp.topic), number(tp.partition.0), number(*broker)];
    parts.iter().fold(1, |hash: u32, part| hash.wrapping_mul(31).wrapping_add(*part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_a_move_has_its_words() {
        let replica = (TopicPartition::new("t", 0), 2);
        let line = |current: Option<&str>, future: Option<&str>| {
            let owned = |dir: Option<&str>| dir.map(str::to_owned);
            let (current, future) = (owned(current), owned(future));
            state_line(&replica, &ReplicaLogDir { current, future }, "/b")
        };
        assert_eq!(
            line(None, None),
            "Partition t-0 is not found in any live log dir on broker 2. There is likely an \
             offline log directory on the broker."
        );
        assert_eq!(line(Some("/b"), None), "Reassignment of replica t-0-2 completed successfully.");
        assert_eq!(
            line(Some("/a"), None),
            "Partition t-0 on broker 2 is not being moved from log dir /a to /b."
        );
        assert_eq!(
            line(Some("/a"), Some("/b")),
            "Reassignment of replica t-0-2 is still in progress."
        );
        assert_eq!(
            line(Some("/a"), Some("/c")),
            "Partition t-0 on broker 2 is being moved to log dir /c instead of /b."
        );
    }
}
