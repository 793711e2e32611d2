//! The throttles of a reassignment: set on brokers and topics when it begins, cleared when it is
//! over.

use kafka_protocol::messages::IncrementalAlterConfigsRequest;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;
use logbrook_sorted::{SortedMap, SortedSet};

use super::super::admin_calls::{self as admin, Reassignment, Stop, check, expect};
use super::super::java::hash_order;
use super::super::script::{Question, Stage};
use super::plan::Targets;
use super::{Replicas, executed, id_order, joined, plural};

const LEADER_RATE: &str = "leader.replication.throttled.rate";
const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
const LOG_DIR_RATE: &str = "replica.alter.log.dirs.io.max.bytes.per.second";
const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";
/// `ConfigResource.Type`.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// `AlterConfigOp.OpType`.
const SET: i8 = 0;
const DELETE: i8 = 1;

/// A partition's replicas before a move and those that it brings.
#[derive(Debug, Default, PartialEq, Eq)]
struct Move {
    sources: SortedSet<i32>,
    destinations: SortedSet<i32>,
}

/// `calculateProposedMoveMap`: what is under way, and what is asked for now.
fn moves(
    under_way: &SortedMap<(String, i32), Reassignment>,
    targets: &Targets,
    current: &Replicas,
) -> SortedMap<TopicPartition, Move> {
    let mut moves: SortedMap<TopicPartition, Move> = SortedMap::new();
    for ((topic, partition), reassignment) in under_way {
        let destinations: SortedSet<i32> = reassignment.adding.iter().copied().collect();
        let sources = reassignment.replicas.iter().copied();
        let sources = sources.filter(|id| !destinations.contains(id)).collect();
        let tp = TopicPartition::new(topic.clone(), *partition);
        moves.insert(tp, Move { sources, destinations });
    }
    for (tp, target) in targets {
        let sources: SortedSet<i32> = match moves.remove(tp) {
            Some(under_way) => under_way.sources,
            None => current.get(tp).into_iter().flatten().copied().collect(),
        };
        let destinations = target.iter().copied().filter(|id| !sources.contains(id)).collect();
        moves.insert(tp.clone(), Move { sources, destinations });
    }
    moves
}

/// `calculateLeaderThrottles` and `calculateFollowerThrottles`: of each topic.
fn throttled_replicas(
    moves: &SortedMap<TopicPartition, Move>,
) -> SortedMap<&str, (String, String)> {
    let mut topics: SortedMap<&str, (SortedSet<String>, SortedSet<String>)> = SortedMap::new();
    for (tp, Move { sources, destinations }) in moves {
        let (leaders, followers) = topics.entry(&tp.topic).or_default();
        leaders.extend(sources.iter().map(|id| format!("{}:{id}", tp.partition.0)));
        followers.extend(destinations.iter().map(|id| format!("{}:{id}", tp.partition.0)));
    }
    let text = |set: SortedSet<String>| set.into_iter().collect::<Vec<_>>().join(",");
    let topics = topics.into_iter();
    topics.map(|(topic, (leaders, followers))| (topic, (text(leaders), text(followers)))).collect()
}

/// `modifyReassignmentThrottle`: who sends and who receives is throttled to `rate` bytes a second.
pub(super) fn between_brokers(
    stage: &mut Stage<'_>,
    rate: i64,
    under_way: &SortedMap<(String, i32), Reassignment>,
    targets: &Targets,
    current: &Replicas,
) -> Result<(), Stop> {
    let moves = moves(under_way, targets, current);
    let topics = throttled_replicas(&moves).into_iter().map(|(topic, (leaders, followers))| {
        let configs = [(LEADER_REPLICAS, Some(leaders)), (FOLLOWER_REPLICAS, Some(followers))];
        resource(TOPIC, topic, &configs)
    });
    alter_topics(stage, topics.collect())?;
    let brokers: SortedSet<i32> = moves
        .values()
        .flat_map(|m| m.sources.iter().chain(m.destinations.iter()))
        .copied()
        .collect();
    let rates = [(LEADER_RATE, Some(rate.to_string())), (FOLLOWER_RATE, Some(rate.to_string()))];
    alter_brokers(stage, brokers.into_iter().collect(), &rates)?;
    stage.out(format!("The inter-broker throttle limit was set to {rate} B/s\n"));
    Ok(())
}

/// `modifyLogDirThrottle`: moves within these brokers are throttled to `rate` bytes a second.
pub(super) fn within_brokers(
    stage: &mut Stage<'_>,
    rate: i64,
    brokers: SortedSet<i32>,
) -> Result<(), Stop> {
    let rates = [(LOG_DIR_RATE, Some(rate.to_string()))];
    alter_brokers(stage, brokers.into_iter().collect(), &rates)?;
    stage.out(format!("The replica-alter-dir throttle limit was set to {rate} B/s\n"));
    Ok(())
}

/// `clearAllThrottles`: of all brokers that are up or in the plan, and of its topics.
pub(super) fn clear(stage: &mut Stage<'_>, targets: &Targets) -> Result<(), Stop> {
    let live = admin::live_brokers(stage).map_err(executed)?;
    let planned = targets.iter().flat_map(|(_, replicas)| replicas.iter().copied());
    let brokers = id_order(live.into_iter().chain(planned));
    stage.out(format!(
        "Clearing broker-level throttles on broker{} {}\n",
        plural(brokers.len()),
        joined(&brokers, ",")
    ));
    let rates = [LEADER_RATE, FOLLOWER_RATE, LOG_DIR_RATE].map(|name| (name, None));
    alter_brokers(stage, brokers, &rates)?;
    let topics = hash_order(targets.iter().map(|(tp, _)| tp.topic.clone()), 16);
    stage.out(format!(
        "Clearing topic-level throttles on topic{} {}\n",
        plural(topics.len()),
        topics.join(",")
    ));
    let replicas = [LEADER_REPLICAS, FOLLOWER_REPLICAS].map(|name| (name, None));
    let topics = topics.iter().map(|topic| resource(TOPIC, topic, &replicas));
    alter_topics(stage, topics.collect())
}

/// The change of one resource's configs: values to set, or none to delete.
fn resource(
    resource_type: i8,
    name: &str,
    configs: &[(&'static str, Option<String>)],
) -> AlterConfigsResource {
    let configs = configs.iter().map(|(config, value)| {
        AlterableConfig::default()
            .with_name(StrBytes::from_static_str(config))
            .with_config_operation(if value.is_some() { SET } else { DELETE })
            .with_value(value.clone().map(StrBytes::from_string))
    });
    AlterConfigsResource::default()
        .with_resource_type(resource_type)
        .with_resource_name(StrBytes::from_string(name.to_owned()))
        .with_configs(configs.collect())
}

/// Any broker takes the changes of topics, all in one request.
fn alter_topics(stage: &mut Stage<'_>, topics: Vec<AlterConfigsResource>) -> Result<(), Stop> {
    match topics.is_empty() {
        true => Ok(()),
        false => alter(stage, vec![(Target::Any, topics)]),
    }
}

/// Each broker takes the change of its own configs.
fn alter_brokers(
    stage: &mut Stage<'_>,
    brokers: Vec<i32>,
    configs: &[(&'static str, Option<String>)],
) -> Result<(), Stop> {
    let own = |id: i32| (Target::Node(id), vec![resource(BROKER, &id.to_string(), configs)]);
    alter(stage, brokers.into_iter().map(own).collect())
}

/// `Admin.incrementalAlterConfigs(...).all().get()`.
fn alter(
    stage: &mut Stage<'_>,
    changes: Vec<(Target, Vec<AlterConfigsResource>)>,
) -> Result<(), Stop> {
    let questions = changes.into_iter().map(|(to, resources)| {
        let request = IncrementalAlterConfigsRequest::default().with_resources(resources);
        Question::new(request, to)
    });
    for answer in stage.ask_all(questions.collect())? {
        let response = expect(answer, |r| match r {
            Response::IncrementalAlterConfigs(body) => Some(body),
            _ => None,
        });
        let response = response.map_err(|e| executed(e.into()))?;
        for result in &response.responses {
            check(result.error_code, result.error_message.as_ref())
                .map_err(|e| executed(e.into()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tp(partition: i32) -> TopicPartition {
        TopicPartition::new("t", partition)
    }

    #[test]
    fn senders_and_receivers_of_what_moves_and_of_what_is_to_move() {
        let under_way =
            Reassignment { replicas: vec![4, 1, 2], adding: vec![4], removing: vec![1] };
        let under_way = SortedMap::from_iter([
            (("t".to_owned(), 0), under_way.clone()),
            (("t".to_owned(), 2), under_way),
        ]);
        let current = SortedMap::from_iter([(tp(0), vec![4, 1, 2]), (tp(1), vec![1, 2])]);
        // Partition 0 is sent elsewhere before it came to broker 4; 1 is new; 2 goes on.
        let targets = vec![(tp(0), vec![3, 2]), (tp(1), vec![2, 3])];
        let moves = moves(&under_way, &targets, &current);
        let topics = throttled_replicas(&moves);
        let (leaders, followers) = &topics["t"];
        assert_eq!(leaders, "0:1,0:2,1:1,1:2,2:1,2:2");
        assert_eq!(followers, "0:3,1:3,2:4");
    }
}
