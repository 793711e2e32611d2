//! What is there before a reassignment: replicas of partitions, and the directories that they lie in.

use logbrook_broker::ErrorCode;
use logbrook_client::TopicPartition;
use logbrook_sorted::{SortedMap, SortedSet};

use super::super::admin_calls::{self as admin, Stop, TopicInfo};
use super::super::java::{Throwable, hash_copy_order};
use super::super::partition_leaders::hash_order;
use super::super::script::Stage;
use super::plan::{ANY, Targets};
use super::{Replica, Replicas, executed, joined, log_dirs};

/// `DescribeTopicsOptions.partitionSizeLimitPerResponse`.
pub(super) const PARTITIONS_PER_RESPONSE: i32 = 2000;

/// `new ExecutionException(new UnknownTopicOrPartitionException(message))`.
fn unknown(message: String) -> Stop {
    let class = ErrorCode::UnknownTopicOrPartition.exception_class();
    executed(Throwable::new(class, message).into())
}

/// `describeTopics`.
fn describe(stage: &mut Stage<'_>, topics: Vec<String>) -> Result<Vec<TopicInfo>, Stop> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let described = admin::describe_each_topic(stage, &topics, PARTITIONS_PER_RESPONSE);
    let mut described = described.map_err(executed)?;
    let mut found = Vec::new();
    for topic in hash_copy_order(topics) {
        match described.remove(&topic) {
            Some(Ok(info)) => found.push(info),
            Some(Err(e)) if e.class.ends_with(".UnknownTopicOrPartitionException") => {
                return Err(unknown(format!("Topic {topic} not found.")));
            }
            Some(Err(e)) => return Err(executed(e.into())),
            None => {}
        }
    }
    Ok(found)
}

/// `getReplicaAssignmentForTopics`.
pub(super) fn of_topics(stage: &mut Stage<'_>, topics: &[String]) -> Result<Replicas, Stop> {
    let topics: SortedSet<String> = topics.iter().cloned().collect();
    let described = describe(stage, topics.into_iter().collect())?;
    let replicas = described.into_iter().flat_map(|topic| {
        let name = topic.name;
        let of_partition =
            move |p: admin::PartitionInfo| (TopicPartition::new(name.clone(), p.index), p.replicas);
        topic.partitions.into_iter().map(of_partition)
    });
    Ok(replicas.collect())
}

/// `getReplicasForPartitions`.
pub(super) fn of_partitions(stage: &mut Stage<'_>, targets: &Targets) -> Result<Replicas, Stop> {
    let topics: Vec<String> = targets.iter().map(|(tp, _)| tp.topic.clone()).collect();
    let all = of_topics(stage, &topics)?;
    let wanted = targets.iter().map(|(tp, _)| tp);
    let found = wanted.clone().filter_map(|tp| Some((tp.clone(), all.get(tp)?.clone())));
    let found: Replicas = found.collect();
    let missing = hash_order(wanted.filter(|tp| !found.contains_key(tp)).cloned());
    if missing.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = missing.iter().map(TopicPartition::to_string).collect();
    Err(unknown(format!("Unable to find partition: {}", names.join(", "))))
}

/// `getReplicaToLogDir`: where the replicas lie whose brokers are up.
pub(super) fn log_directories(
    stage: &mut Stage<'_>,
    current: &Replicas,
) -> Result<SortedMap<Replica, String>, Stop> {
    if current.is_empty() {
        return Ok(SortedMap::new());
    }
    let live = admin::live_brokers(stage).map_err(executed)?;
    let replicas = current.iter().flat_map(|(tp, replicas)| {
        let live = replicas.iter().filter(|id| live.contains(id));
        live.map(move |id| (tp.clone(), *id))
    });
    let replicas: Vec<Replica> = replicas.collect();
    let found = log_dirs::describe(stage, &replicas).map_err(executed)?;
    let lying = |(replica, place): (Replica, log_dirs::ReplicaLogDir)| {
        Some((replica, place.current()?.to_owned()))
    };
    Ok(found.into_iter().filter_map(lying).collect())
}

/// `formatAsReassignmentJson`.
pub(super) fn json(replicas: &Replicas, directories: &SortedMap<Replica, String>) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let partitions = replicas.iter().map(|(tp, replicas)| {
        let directories = replicas.iter().map(|broker| {
            let found = directories.get(&(tp.clone(), *broker));
            text(found.map_or(ANY, String::as_str))
        });
        format!(
            "{{\"topic\":{},\"partition\":{},\"replicas\":[{}],\"log_dirs\":[{}]}}",
            text(&tp.topic),
            tp.partition.0,
            joined(replicas, ","),
            directories.collect::<Vec<_>>().join(",")
        )
    });
    let partitions: Vec<String> = partitions.collect();
    format!("{{\"version\":1,\"partitions\":[{}]}}", partitions.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_to_go_back_with() {
        let tp = |p| TopicPartition::new("m", p);
        let replicas = Replicas::from_iter([(tp(1), vec![2, 3]), (tp(0), vec![1])]);
        let directories = SortedMap::from_iter([
            ((tp(0), 1), "/data-1".to_owned()),
            ((tp(1), 3), "/data-3".to_owned()),
        ]);
        assert_eq!(
            json(&replicas, &directories),
            r#"{"version":1,"partitions":[{"topic":"m","partition":0,"replicas":[1],"log_dirs":["/data-1"]},{"topic":"m","partition":1,"replicas":[2,3],"log_dirs":["any","/data-3"]}]}"#
        );
    }
}
