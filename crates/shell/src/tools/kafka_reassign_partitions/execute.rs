//! `kafka-reassign-partitions.sh --execute` (`ReassignPartitionsCommand.executeAssignment`).

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::{AlterPartitionReassignmentsRequest, BrokerId};
use logbrook_broker::wire::Response;
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;
use logbrook_sorted::SortedMap;

use super::super::admin_calls::{self as admin, Stop, check, expect, topic_name};
use super::super::java::Throwable;
use super::super::script::Stage;
use super::plan::Plan;
use super::{TERSE, current, executed, failed, id_order, log_dirs, plural, throttle};

/// What `--execute` was given, checked.
#[derive(Clone, Debug)]
pub(super) struct Execute {
    pub(super) plan: Plan,
    /// Goes on beside reassignments that are under way.
    pub(super) additional: bool,
    pub(super) factor_may_change: bool,
    /// Bytes a second between brokers; none when negative.
    pub(super) throttle: i64,
    /// Bytes a second between the log directories of a broker; none when negative.
    pub(super) log_dir_throttle: i64,
    /// How long moves between log directories may wait for their beginning, ms.
    pub(super) timeout_ms: i64,
}

/// `executeAssignment`.
pub(super) fn execute(stage: &mut Stage<'_>, wanted: &Execute) -> Result<(), Stop> {
    let Plan { targets, directories } = &wanted.plan;
    let under_way = admin::reassignments(stage, None).map_err(executed)?;
    if !wanted.additional && !under_way.is_empty() {
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
    let brokers = id_order(targets.iter().flat_map(|(_, replicas)| replicas.iter().copied()));
    if let Some(unknown) = brokers.iter().find(|id| !live.contains(id)) {
        return Err(failed(format!("Unknown broker id {unknown}")).into());
    }
    let current = current::of_partitions(stage, targets)?;
    let lying = current::log_directories(stage, &current)?;
    stage.out(format!(
        "Current partition replica assignment\n\n{}\n\nSave this to use as the \
         --reassignment-json-file option during rollback\n",
        current::json(&current, &lying)
    ));
    if wanted.throttle >= 0 || wanted.log_dir_throttle >= 0 {
        stage.out(
            "Warning: You must run --verify periodically, until the reassignment completes, to \
             ensure the throttle is removed.\n",
        );
    }
    if wanted.throttle >= 0 {
        throttle::between_brokers(stage, wanted.throttle, &under_way, targets, &current)?;
    }
    if wanted.log_dir_throttle >= 0 {
        let brokers = directories.keys().map(|(_, broker)| *broker).collect();
        throttle::within_brokers(stage, wanted.log_dir_throttle, brokers)?;
    }
    let asked = targets.iter().map(|(tp, replicas)| (tp.clone(), Some(replicas.clone())));
    let errors = alter(stage, asked.collect(), wanted.factor_may_change)?;
    if !errors.is_empty() {
        let message = format!("Error reassigning partition(s):\n{}", lines(&errors));
        return Err(Throwable::new(TERSE, message).into());
    }
    let names: Vec<String> = current.keys().map(TopicPartition::to_string).collect();
    stage.out(format!(
        "Successfully started partition reassignment{} for {}\n",
        plural(names.len()),
        names.join(",")
    ));
    match directories.is_empty() {
        true => Ok(()),
        false => log_dirs::execute(stage, directories.clone(), wanted.timeout_ms),
    }
}

/// Partitions that were refused, and why.
pub(super) type Refused = SortedMap<TopicPartition, String>;

/// A line for each.
pub(super) fn lines(errors: &Refused) -> String {
    let lines: Vec<String> = errors.iter().map(|(tp, why)| format!("{tp}: {why}")).collect();
    lines.join("\n")
}

/// `Admin.alterPartitionReassignments`: new replicas, or none to cancel a reassignment.
pub(super) fn alter(
    stage: &mut Stage<'_>,
    wanted: SortedMap<TopicPartition, Option<Vec<i32>>>,
    factor_may_change: bool,
) -> Result<Refused, Stop> {
    let mut topics: SortedMap<&str, Vec<ReassignablePartition>> = SortedMap::new();
    for (tp, replicas) in &wanted {
        let replicas = replicas.as_ref().map(|ids| ids.iter().map(|id| BrokerId(*id)).collect());
        let partition = ReassignablePartition::default()
            .with_partition_index(tp.partition.0)
            .with_replicas(replicas);
        topics.entry(&tp.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        ReassignableTopic::default().with_name(topic_name(topic)).with_partitions(partitions)
    });
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(60_000)
        .with_allow_replication_factor_change(factor_may_change)
        .with_topics(topics.collect());
    let answer = stage.call(request.into(), Target::Controller)?;
    let response = expect(answer, |r| match r {
        Response::AlterPartitionReassignments(body) => Some(body),
        _ => None,
    });
    let response = response.and_then(|response| {
        check(response.error_code, response.error_message.as_ref()).map(|()| response)
    });
    let response = match response {
        Ok(response) => response,
        // The call as a whole: every partition has its error.
        Err(e) => {
            let all = wanted.into_keys().map(|tp| (tp, e.message_text().to_owned()));
            return Ok(all.collect());
        }
    };
    let mut errors = Refused::new();
    for topic in &response.responses {
        for p in &topic.partitions {
            if let Err(e) = check(p.error_code, p.error_message.as_ref()) {
                let tp = TopicPartition::new(topic.name.to_string(), p.partition_index);
                errors.insert(tp, e.message_text().to_owned());
            }
        }
    }
    Ok(errors)
}
