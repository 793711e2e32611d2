//! `kafka-reassign-partitions.sh --execute` (`ReassignPartitionsCommand.executeAssignment`).

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, BrokerId};
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Response;
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;

use super::admin_calls::{self as admin, Reassignment, Stop, check, expect, topic_name};
use super::java::Throwable;
use super::kafka_reassign_partitions::{
    BROKER, TERSE, TOPIC, Targets, alter_configs, executed, joined, plural,
};
use super::partition_leaders::hash_order;
use super::reassign_moves::{self, Moves, Place, Replica};
use super::script::Stage;

/// What `--execute` was given, checked.
#[derive(Clone)]
pub(super) struct Execute {
    pub(super) targets: Targets,
    /// Goes on beside reassignments that are under way.
    pub(super) additional: bool,
    pub(super) factor_may_change: bool,
    /// Bytes a second between brokers; none when negative.
    pub(super) throttle: i64,
    /// The log directories that replicas are to be in.
    pub(super) moves: Moves,
    /// Bytes a second between log directories; none when negative.
    pub(super) move_throttle: i64,
    pub(super) move_timeout_ms: i64,
}

pub(super) fn failed(message: impl Into<String>) -> Throwable {
    Throwable::new("org.apache.kafka.tools.AdminCommandFailedException", message)
}

/// `parseExecuteAssignmentArgs`: what may not stand in a plan.
pub(super) fn check_targets(targets: &Targets) -> Result<(), Throwable> {
    if targets.is_empty() {
        return Err(failed("Partition reassignment list cannot be empty"));
    }
    if targets.iter().any(|(_, replicas)| replicas.is_empty()) {
        return Err(failed("Partition replica list cannot be empty"));
    }
    let twice = duplicates(targets.iter().map(|(tp, _)| tp.clone()));
    if !twice.is_empty() {
        let names: Vec<String> = hash_order(twice).iter().map(TopicPartition::to_string).collect();
        return Err(failed(format!(
            "Partition reassignment contains duplicate topic partitions: {}",
            names.join(",")
        )));
    }
    let entries = targets.iter().filter_map(|(tp, replicas)| {
        let twice = duplicates(replicas.iter().copied());
        let twice = joined(&twice, ",");
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

/// `executeAssignment`.
pub(super) fn execute(stage: &mut Stage<'_>, plan: &Execute) -> Result<(), Stop> {
    let under_way = admin::reassignments(stage, None).map_err(executed)?;
    if !plan.additional && !under_way.is_empty() {
        return Err(Throwable::new(
            TERSE,
            "Cannot execute because there is an existing partition assignment.  Use --additional \
             to override this and create a new partition assignment in addition to the existing \
             one. The --additional flag can also be used to change the throttle by resubmitting \
             the current reassignment.",
        )
        .into());
    }
    let live = admin::live_brokers(stage).map_err(executed)?;
    let wanted: SortedSet<i32> = plan.targets.iter().flat_map(|(_, r)| r.iter().copied()).collect();
    if let Some(unknown) = wanted.iter().find(|id| !live.contains(id)) {
        return Err(failed(format!("Unknown broker id {unknown}")).into());
    }
    let current = replicas_of(stage, &plan.targets)?;
    let replicas: Vec<Replica> = current
        .iter()
        .flat_map(|(tp, replicas)| replicas.iter().map(|broker| (*broker, tp.clone())))
        .collect();
    let places = reassign_moves::places(stage, &replicas).map_err(executed)?;
    stage.out(format!(
        "Current partition replica assignment\n\n{}\n\nSave this to use as the \
         --reassignment-json-file option during rollback\n",
        json(&current, &places)
    ));
    if plan.throttle >= 0 || plan.move_throttle >= 0 {
        stage.out(
            "Warning: You must run --verify periodically, until the reassignment completes, to \
             ensure the throttle is removed.\n",
        );
    }
    if plan.throttle >= 0 {
        throttle(stage, plan, &current, &under_way)?;
    }
    if plan.move_throttle >= 0 {
        throttle_moves(stage, plan)?;
    }
    let errors = alter(stage, plan)?;
    if !errors.is_empty() {
        let lines: Vec<String> = errors.iter().map(|(tp, why)| format!("{tp}: {why}")).collect();
        let message = format!("Error reassigning partition(s):\n{}", lines.join("\n"));
        return Err(Throwable::new(TERSE, message).into());
    }
    let names: Vec<String> = current.keys().map(TopicPartition::to_string).collect();
    stage.out(format!(
        "Successfully started partition reassignment{} for {}\n",
        plural(names.len()),
        names.join(",")
    ));
    if plan.moves.is_empty() {
        return Ok(());
    }
    reassign_moves::execute(stage, &plan.moves, plan.move_timeout_ms)
}

type Replicas = SortedMap<TopicPartition, Vec<i32>>;

/// `getReplicasForPartitions`.
fn replicas_of(stage: &mut Stage<'_>, targets: &Targets) -> Result<Replicas, Stop> {
    let unknown = |message: String| {
        let class = ErrorCode::UnknownTopicOrPartition.exception_class();
        let inner = Throwable::new(class, message);
        // `new ExecutionException(cause)`
        Throwable::execution(&inner)
    };
    let mut current = Replicas::new();
    let topics: SortedSet<String> = targets.iter().map(|(tp, _)| tp.topic.clone()).collect();
    for topic in topics {
        let described = match admin::describe_topics(stage, std::slice::from_ref(&topic), 2000) {
            Ok(described) => described,
            Err(Stop::Thrown(e)) if e.class.ends_with(".UnknownTopicOrPartitionException") => {
                return Err(unknown(format!("Topic {topic} not found.")).into());
            }
            Err(stop) => return Err(executed(stop)),
        };
        for p in described.get(&topic).map(|t| t.partitions.as_slice()).unwrap_or_default() {
            let tp = TopicPartition::new(topic.clone(), p.index);
            if targets.iter().any(|(target, _)| *target == tp) {
                current.insert(tp, p.replicas.clone());
            }
        }
    }
    let missing = targets.iter().map(|(tp, _)| tp).filter(|tp| !current.contains_key(tp));
    let missing = hash_order(missing.cloned());
    if missing.is_empty() {
        return Ok(current);
    }
    let names: Vec<String> = missing.iter().map(TopicPartition::to_string).collect();
    Err(unknown(format!("Unable to find partition: {}", names.join(", "))).into())
}

/// `formatAsReassignmentJson`.
fn json(current: &Replicas, places: &SortedMap<Replica, Place>) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let partitions = current.iter().map(|(tp, replicas)| {
        let directories = replicas.iter().map(|broker| {
            let place = places.get(&(*broker, tp.clone()));
            text(place.and_then(|place| place.current.as_deref()).unwrap_or("any"))
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

/// `modifyReassignmentThrottle`: who sends and who receives is throttled, and how much.
fn throttle(
    stage: &mut Stage<'_>,
    plan: &Execute,
    current: &Replicas,
    under_way: &SortedMap<(String, i32), Reassignment>,
) -> Result<(), Stop> {
    let mut moves: SortedMap<TopicPartition, (SortedSet<i32>, SortedSet<i32>)> = SortedMap::new();
    for ((topic, partition), reassignment) in under_way {
        let adding: SortedSet<i32> = reassignment.adding.iter().copied().collect();
        let sources = reassignment.replicas.iter().copied().filter(|id| !adding.contains(id));
        let tp = TopicPartition::new(topic.clone(), *partition);
        moves.insert(tp, (sources.collect(), adding));
    }
    for (tp, target) in &plan.targets {
        let sources: SortedSet<i32> = match moves.get(tp) {
            Some((sources, _)) => sources.clone(),
            None => current.get(tp).into_iter().flatten().copied().collect(),
        };
        let destinations = target.iter().copied().filter(|id| !sources.contains(id)).collect();
        moves.insert(tp.clone(), (sources, destinations));
    }
    let mut topics: SortedMap<&str, (SortedSet<String>, SortedSet<String>)> = SortedMap::new();
    let mut brokers: SortedSet<i32> = SortedSet::new();
    for (tp, (sources, destinations)) in &moves {
        let (leaders, followers) = topics.entry(&tp.topic).or_default();
        leaders.extend(sources.iter().map(|id| format!("{}:{id}", tp.partition.0)));
        followers.extend(destinations.iter().map(|id| format!("{}:{id}", tp.partition.0)));
        brokers.extend(sources.iter().chain(destinations.iter()).copied());
    }
    for (topic, (leaders, followers)) in topics {
        let text = |set: SortedSet<String>| set.into_iter().collect::<Vec<_>>().join(",");
        let configs = [
            ("leader.replication.throttled.replicas", Some(text(leaders))),
            ("follower.replication.throttled.replicas", Some(text(followers))),
        ];
        alter_configs(stage, TOPIC, topic, &configs)?;
    }
    let rate = plan.throttle;
    for broker in brokers {
        let configs = [
            ("leader.replication.throttled.rate", Some(rate.to_string())),
            ("follower.replication.throttled.rate", Some(rate.to_string())),
        ];
        alter_configs(stage, BROKER, &broker.to_string(), &configs)?;
    }
    stage.out(format!("The inter-broker throttle limit was set to {rate} B/s\n"));
    Ok(())
}

/// `modifyLogDirThrottle`.
fn throttle_moves(stage: &mut Stage<'_>, plan: &Execute) -> Result<(), Stop> {
    let rate = plan.move_throttle;
    let brokers: SortedSet<i32> = plan.moves.keys().map(|(broker, _)| *broker).collect();
    for broker in brokers {
        let configs = [("replica.alter.log.dirs.io.max.bytes.per.second", Some(rate.to_string()))];
        alter_configs(stage, BROKER, &broker.to_string(), &configs)?;
    }
    stage.out(format!("The replica-alter-dir throttle limit was set to {rate} B/s\n"));
    Ok(())
}

/// `alterPartitionReassignments`: partitions that were refused, and why.
fn alter(stage: &mut Stage<'_>, plan: &Execute) -> Result<Vec<(TopicPartition, String)>, Stop> {
    let mut topics: SortedMap<&str, Vec<ReassignablePartition>> = SortedMap::new();
    for (tp, replicas) in &plan.targets {
        let replicas = replicas.iter().map(|id| BrokerId(*id)).collect();
        let partition = ReassignablePartition::default()
            .with_partition_index(tp.partition.0)
            .with_replicas(Some(replicas));
        topics.entry(&tp.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        ReassignableTopic::default().with_name(topic_name(topic)).with_partitions(partitions)
    });
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(60_000)
        .with_allow_replication_factor_change(plan.factor_may_change)
        .with_topics(topics.collect());
    refused(stage, request)
}

/// Sends a change of reassignments; what was refused of it, in order.
pub(super) fn refused(
    stage: &mut Stage<'_>,
    request: AlterPartitionReassignmentsRequest,
) -> Result<Vec<(TopicPartition, String)>, Stop> {
    let answer = stage.call(request.into(), Target::Controller)?;
    let response = expect(answer, |r| match r {
        Response::AlterPartitionReassignments(body) => Some(body),
        _ => None,
    })?;
    check(response.error_code, response.error_message.as_ref())?;
    let mut errors = Vec::new();
    for topic in &response.responses {
        for p in &topic.partitions {
            if let Err(e) = check(p.error_code, p.error_message.as_ref()) {
                let tp = TopicPartition::new(topic.name.to_string(), p.partition_index);
                errors.push((tp, e.message_text().to_owned()));
            }
        }
    }
    logbrook_sorted::sort(&mut errors);
    Ok(errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_stand_in_a_plan() {
        let tp = |p| TopicPartition::new("t", p);
        let message = |targets: Targets| check_targets(&targets).unwrap_err().message.unwrap();
        assert_eq!(message(vec![]), "Partition reassignment list cannot be empty");
        assert_eq!(message(vec![(tp(0), vec![])]), "Partition replica list cannot be empty");
        assert_eq!(
            message(vec![(tp(0), vec![1]), (tp(0), vec![2])]),
            "Partition reassignment contains duplicate topic partitions: t-0"
        );
        assert_eq!(
            message(vec![(tp(0), vec![1, 2, 1])]),
            "Partition replica lists may not contain duplicate entries: t-0 contains multiple \
             entries for 1"
        );
        assert_eq!(check_targets(&vec![(tp(0), vec![1]), (tp(1), vec![1])]), Ok(()));
    }
}
