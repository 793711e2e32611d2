//! Moves between log directories in `kafka-reassign-partitions.sh` (`ReassignPartitionsCommand.executeMoves`,
//! `findLogDirMoveStates`; KIP-113).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::{AlterReplicaLogDirsRequest, DescribeLogDirsRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;

use super::admin_calls::{Stop, check, expect, topic_name};
use super::java::Throwable;
use super::kafka_reassign_partitions::{TERSE, executed, plural};
use super::reassign_execute::failed;
use super::script::Stage;

/// A partition's replica: broker, then partition (`compareTopicPartitionReplicas`).
pub(super) type Replica = (i32, TopicPartition);
/// The log directory that each replica is to be in.
pub(super) type Moves = SortedMap<Replica, String>;

/// How long `executeMoves` waits between two tries, ms.
const RETRY_MS: i64 = 100;

/// `TopicPartitionReplica.toString`.
fn text((broker, tp): &Replica) -> String {
    format!("{tp}-{broker}")
}

/// Where a replica is, and where it is being moved to (`ReplicaLogDirInfo`).
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) current: Option<String>,
    pub(super) future: Option<String>,
}

/// `Admin.describeReplicaLogDirs`: a place for every replica asked for.
pub(super) fn places<'a>(
    stage: &mut Stage<'_>,
    replicas: impl IntoIterator<Item = &'a Replica>,
) -> Result<SortedMap<Replica, Place>, Stop> {
    let mut places: SortedMap<Replica, Place> = SortedMap::new();
    let mut by_broker: SortedMap<i32, SortedMap<&str, Vec<i32>>> = SortedMap::new();
    for replica in replicas {
        let (broker, tp) = replica;
        let topics = by_broker.entry(*broker).or_default();
        topics.entry(tp.topic.as_str()).or_default().push(tp.partition.0);
        places.insert(replica.clone(), Place::default());
    }
    let questions = by_broker.iter().map(|(broker, topics)| {
        let topics = topics.iter().map(|(topic, partitions)| {
            DescribableLogDirTopic::default()
                .with_topic(topic_name(topic))
                .with_partitions(partitions.clone())
        });
        let request = DescribeLogDirsRequest::default().with_topics(Some(topics.collect()));
        (Request::from(request), Target::Node(*broker))
    });
    let answers = stage.call_all(questions.collect())?;
    for (broker, answer) in by_broker.keys().zip(answers) {
        let response = expect(answer, |r| match r {
            Response::DescribeLogDirs(body) => Some(body),
            _ => None,
        })?;
        for directory in &response.results {
            for topic in &directory.topics {
                for p in &topic.partitions {
                    let tp = TopicPartition::new(topic.name.to_string(), p.partition_index);
                    let Some(place) = places.get_mut(&(*broker, tp)) else { continue };
                    let at = if p.is_future_key { &mut place.future } else { &mut place.current };
                    *at = Some(directory.log_dir.to_string());
                }
            }
        }
    }
    Ok(places)
}

/// `verifyReplicaMoves`: says how far each move is; true if some are under way.
pub(super) fn verify(stage: &mut Stage<'_>, moves: &Moves) -> Result<bool, Stop> {
    let places = places(stage, moves.keys()).map_err(executed)?;
    let mut under_way = false;
    let mut lines = Vec::new();
    for (replica, place) in &places {
        let (broker, tp) = replica;
        let Some(target) = moves.get(replica) else { continue };
        under_way |= place.future.is_some();
        lines.push(match (&place.current, &place.future) {
            (None, _) => format!(
                "Partition {tp} is not found in any live log dir on broker {broker}. There is \
                 likely an offline log directory on the broker."
            ),
            (_, Some(future)) if future == target => {
                format!("Reassignment of replica {} is still in progress.", text(replica))
            }
            (_, Some(future)) => format!(
                "Partition {tp} on broker {broker} is being moved to log dir {future} instead of \
                 {target}."
            ),
            (Some(current), None) if current == target => {
                format!("Reassignment of replica {} completed successfully.", text(replica))
            }
            (Some(current), None) => format!(
                "Partition {tp} on broker {broker} is not being moved from log dir {current} to \
                 {target}."
            ),
        });
    }
    stage.out(format!("{}\n", lines.join("\n")));
    Ok(under_way)
}

/// The moves that are under way, each back to where its replica still is (`cancelAssignment`).
pub(super) fn way_back(stage: &mut Stage<'_>, moves: &Moves) -> Result<Moves, Stop> {
    let places = places(stage, moves.keys()).map_err(executed)?;
    let back = places.into_iter().filter_map(|(replica, place)| {
        place.future?;
        Some((replica, place.current?))
    });
    Ok(back.collect())
}

/// `executeMoves`: a replica that is not on its broker yet is asked for again until `timeout_ms` are over.
pub(super) fn execute(stage: &mut Stage<'_>, moves: &Moves, timeout_ms: i64) -> Result<(), Stop> {
    let end_ms = stage.now.saturating_add(timeout_ms);
    let mut pending = moves.clone();
    loop {
        for replica in alter(stage, &pending)? {
            let (broker, tp) = &replica;
            let directory = pending.remove(&replica).unwrap_or_default();
            stage.out(format!(
                "Successfully started moving log directory to {directory} for replica {tp} with \
                 broker {broker} \n"
            ));
        }
        if pending.is_empty() {
            return Ok(());
        }
        if stage.now >= end_ms {
            let names: Vec<String> = pending.keys().map(text).collect();
            let message = format!(
                "Timed out before log directory move{} could be started for: {}",
                plural(names.len()),
                names.join(",")
            );
            return Err(Throwable::new(TERSE, message).into());
        }
        stage.wait_until(stage.now.saturating_add(RETRY_MS))?;
    }
}

/// `alterReplicaLogDirs`: the replicas whose move has begun.
fn alter(stage: &mut Stage<'_>, moves: &Moves) -> Result<Vec<Replica>, Stop> {
    type Topics<'a> = SortedMap<&'a str, Vec<i32>>;
    let mut by_broker: SortedMap<i32, SortedMap<&str, Topics<'_>>> = SortedMap::new();
    for ((broker, tp), directory) in moves {
        let directories = by_broker.entry(*broker).or_default();
        let topics = directories.entry(directory.as_str()).or_default();
        topics.entry(tp.topic.as_str()).or_default().push(tp.partition.0);
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
        (Request::from(request), Target::Node(*broker))
    });
    let answers = stage.call_all(questions.collect())?;
    let mut begun = Vec::new();
    for (broker, answer) in by_broker.keys().zip(answers) {
        let refused = |replica: &Replica, e: &Throwable| {
            failed(format!("Failed to alter dir for {}", text(replica)))
                .caused_by(&Throwable::execution(e))
        };
        let asked = moves.keys().find(|(id, _)| id == broker);
        let response = expect(answer, |r| match r {
            Response::AlterReplicaLogDirs(body) => Some(body),
            _ => None,
        })
        .map_err(|e| asked.map_or_else(|| e.clone(), |replica| refused(replica, &e)))?;
        for topic in &response.results {
            for p in &topic.partitions {
                let tp = TopicPartition::new(topic.topic_name.to_string(), p.partition_index);
                let replica = (*broker, tp);
                match check(p.error_code, None) {
                    Ok(()) => begun.push(replica),
                    // It may come to this broker yet.
                    Err(_) if p.error_code == ErrorCode::ReplicaNotAvailable.code() => {}
                    Err(e) => return Err(refused(&replica, &e).into()),
                }
            }
        }
    }
    logbrook_sorted::sort(&mut begun);
    Ok(begun)
}
