//! `--reset-offsets`: which offsets each strategy chooses (`org.apache.kafka.tools.OffsetsUtils`).
//!
//! ```text
//!   scope (--topic | --all-topics | --from-file) --> partitions --> strategy --> offsets
//!                                                                 within the log --> commit
//! ```

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::{GroupId, OffsetCommitRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Response;
use logbrook_client::admin::Target;
use logbrook_client::{Level, TopicPartition};

use super::admin_calls::{self as admin, Stop, TopicInfo, expect, topic_name};
use super::csv;
use super::date_time::{date_time_ms, duration_before_ms};
use super::group_calls::{self as groups, Committed};
use super::java::{self, Throwable};
use super::options::{OptionError, Options};
use super::partition_leaders::hash_order;
use super::script::{Question, Stage};

const LOGGER: &str = "org.apache.kafka.tools.OffsetsUtils";
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;

/// Offsets by group, then partition; each in the order of Java's maps.
pub(crate) type Resets = Vec<(String, Offsets)>;
type Offsets = Vec<(TopicPartition, i64)>;

/// What `--reset-offsets` was given, read as its constructor reads it.
#[derive(Clone)]
pub(crate) struct ResetOptions {
    groups: Vec<String>,
    topics: Vec<String>,
    all_groups: bool,
    all_topics: bool,
    execute: bool,
    to_offset: Option<i64>,
    to_datetime: Option<String>,
    by_duration: Option<String>,
    shift_by: Option<i64>,
    to_earliest: bool,
    to_latest: bool,
    to_current: bool,
    /// Path of the plan, and its text if it can be read.
    plan: Option<(String, Option<String>)>,
}

impl ResetOptions {
    /// `getOffsetsUtilsOptions`: values are converted here, whatever the command.
    pub(crate) fn read(
        options: &Options<'_>,
        files: &SortedMap<String, String>,
    ) -> Result<ResetOptions, OptionError> {
        let plan = options.values("from-file").first();
        Ok(ResetOptions {
            groups: options.values("group").to_vec(),
            topics: options.values("topic").to_vec(),
            all_groups: options.has("all-groups"),
            all_topics: options.has("all-topics"),
            execute: options.has("execute") && !options.has("dry-run"),
            to_offset: options.longs("to-offset")?.first().copied(),
            to_datetime: options.values("to-datetime").first().cloned(),
            by_duration: options.value("by-duration")?.map(str::to_owned),
            shift_by: options.long("shift-by")?,
            to_earliest: options.has("to-earliest"),
            to_latest: options.has("to-latest"),
            to_current: options.has("to-current"),
            plan: plan.map(|path| (path.clone(), files.get(path).cloned())),
        })
    }
}

/// `ConsumerGroupService.resetOffsets`: plans, prints what is wrong, and commits if it is meant.
pub(crate) fn reset_offsets(
    stage: &mut Stage<'_>,
    options: &ResetOptions,
    listed: Vec<String>,
) -> Result<Resets, Stop> {
    let ids = if options.all_groups { listed } else { options.groups.clone() };
    let described = groups::describe(stage, &ids)?;
    let mut resets = Vec::new();
    for id in java::hash_copy_order(ids.clone()) {
        let state = match described.get(&id) {
            Some(Ok(info)) => info.state.clone(),
            Some(Err(e)) if e.class.ends_with(".GroupIdNotFoundException") => "Dead".to_owned(),
            Some(Err(e)) => return Err(runtime(Throwable::execution(e)).into()),
            None => continue,
        };
        let offsets = match state.as_str() {
            "Empty" | "Dead" => reset_group(stage, options, &id)?,
            _ => {
                stage.out(format!(
                    "\nError: Assignments can only be reset if the group '{id}' is inactive, but \
                     the current state is {state}.\n"
                ));
                Vec::new()
            }
        };
        resets.push((id, offsets));
    }
    // One map gave the groups, another keeps what comes of them.
    let order = java::hash_order(resets.iter().map(|(id, _)| id.clone()), 16);
    logbrook_sorted::sort_by_key(&mut resets, |(id, _)| order.iter().position(|o| o == id));
    Ok(resets)
}

/// `RuntimeException(cause)`.
fn runtime(cause: Throwable) -> Throwable {
    Throwable::new("java.lang.RuntimeException", cause.to_string()).caused_by(&cause)
}

/// `resetOffsetsForInactiveGroup`.
fn reset_group(
    stage: &mut Stage<'_>,
    options: &ResetOptions,
    group: &str,
) -> Result<Offsets, Stop> {
    let partitions = partitions_to_reset(stage, options, group)?;
    check_all_valid(stage, &partitions)?;
    let offsets = prepare(stage, options, group, partitions)?;
    let order = hash_order(offsets.keys().cloned());
    let offsets: Offsets =
        order.into_iter().filter_map(|tp| offsets.get(&tp).map(|o| (tp.clone(), *o))).collect();
    if options.execute {
        alter(stage, group, &offsets)?;
    }
    Ok(offsets)
}

/// `getPartitionsToReset`.
fn partitions_to_reset(
    stage: &mut Stage<'_>,
    options: &ResetOptions,
    group: &str,
) -> Result<Vec<TopicPartition>, Stop> {
    if options.all_topics {
        let committed = committed(stage, group)?;
        Ok(hash_order(committed.keys().cloned()))
    } else if !options.topics.is_empty() {
        parse_topic_partitions(stage, &options.topics)
    } else if options.plan.is_none() {
        let message = "One of the reset scopes should be defined: --all-topics, --topic.";
        Err(Throwable::illegal_argument(message).into())
    } else {
        Ok(Vec::new())
    }
}

/// `getCommittedOffsets`.
fn committed(stage: &mut Stage<'_>, group: &str) -> Result<Committed, Stop> {
    groups::committed(stage, group).map_err(|stop| match stop {
        Stop::Thrown(e) => Stop::Thrown(runtime(Throwable::execution(&e))),
        Stop::Waiting => Stop::Waiting,
    })
}

/// `parseTopicPartitionsToReset`: those given by number first, then all those of whole topics.
fn parse_topic_partitions(
    stage: &mut Stage<'_>,
    arguments: &[String],
) -> Result<Vec<TopicPartition>, Stop> {
    let mut partitions = Vec::new();
    for argument in arguments.iter().filter(|a| a.contains(':')) {
        partitions.extend(parse_topic_with_partitions(argument)?);
    }
    let topics: Vec<String> = arguments.iter().filter(|a| !a.contains(':')).cloned().collect();
    let described = describe(stage, topics.iter().cloned().collect())?;
    for name in java::hash_order(topics, 16) {
        let of_topic = described.get(&name).map(|t| t.partitions.as_slice()).unwrap_or_default();
        partitions.extend(of_topic.iter().map(|p| TopicPartition::new(name.clone(), p.index)));
    }
    Ok(partitions)
}

/// `parseTopicsWithPartitions`: `topic:0,1`.
pub(crate) fn parse_topic_with_partitions(
    argument: &str,
) -> Result<Vec<TopicPartition>, Throwable> {
    // Java's split drops empty pieces at the end.
    let pieces: Vec<&str> = argument.trim_end_matches(':').split(':').collect();
    let [topic, partitions] = pieces.as_slice() else {
        return Err(Throwable::illegal_argument(format!(
            "Invalid topic arg '{argument}', expected topic name and partitions"
        )));
    };
    let numbers = partitions.trim_end_matches(',').split(',').map(|partition| {
        let number = partition.parse().map_err(|_| {
            Throwable::illegal_argument(format!(
                "Invalid partition '{partition}' specified in topic arg '{argument}''"
            ))
        })?;
        Ok(TopicPartition::new(*topic, number))
    });
    numbers.collect()
}

fn describe(
    stage: &mut Stage<'_>,
    topics: SortedSet<String>,
) -> Result<SortedMap<String, TopicInfo>, Stop> {
    if topics.is_empty() {
        return Ok(SortedMap::new());
    }
    let names: Vec<String> = topics.into_iter().collect();
    admin::describe_topics(stage, &names, 2000)
}

/// `checkAllTopicPartitionsValid`: they exist and have a leader.
fn check_all_valid(stage: &mut Stage<'_>, partitions: &[TopicPartition]) -> Result<(), Stop> {
    let topics = partitions.iter().map(|tp| tp.topic.clone()).collect();
    let described = describe(stage, topics).map_err(|stop| match stop {
        Stop::Thrown(e) => Stop::Thrown(runtime(Throwable::execution(&e))),
        Stop::Waiting => Stop::Waiting,
    })?;
    let find = |tp: &TopicPartition| {
        described.get(&tp.topic)?.partitions.iter().find(|p| p.index == tp.partition.0)
    };
    let quoted = |wrong: Vec<&TopicPartition>| {
        let names: Vec<String> = wrong.into_iter().map(TopicPartition::to_string).collect();
        names.join(",")
    };
    let missing: Vec<&TopicPartition> = partitions.iter().filter(|tp| find(tp).is_none()).collect();
    if !missing.is_empty() {
        let message = format!("The partitions \"{}\" do not exist", quoted(missing));
        let class = ErrorCode::UnknownTopicOrPartition.exception_class();
        return Err(Throwable::new(class, message).into());
    }
    let leaderless: Vec<&TopicPartition> =
        partitions.iter().filter(|tp| find(tp).is_some_and(|p| p.leader.is_none())).collect();
    if !leaderless.is_empty() {
        let message = format!("The partitions \"{}\" have no leader", quoted(leaderless));
        let class = ErrorCode::LeaderNotAvailable.exception_class();
        return Err(Throwable::new(class, message).into());
    }
    Ok(())
}

/// `prepareOffsetsToReset`.
fn prepare(
    stage: &mut Stage<'_>,
    options: &ResetOptions,
    group: &str,
    partitions: Vec<TopicPartition>,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    if let Some(offset) = options.to_offset {
        let requested = partitions.into_iter().map(|tp| (tp, offset)).collect();
        within_log(stage, requested)
    } else if options.to_earliest {
        log_offsets(stage, partitions, EARLIEST)
    } else if options.to_latest {
        log_offsets(stage, partitions, LATEST)
    } else if let Some(shift) = options.shift_by {
        let committed = committed(stage, group)?;
        let mut requested = SortedMap::new();
        for tp in partitions {
            let Some((offset, _)) = committed.get(&tp) else {
                return Err(Throwable::illegal_argument(format!(
                    "Cannot shift offset for partition {tp} since there is no current committed \
                     offset"
                ))
                .into());
            };
            requested.insert(tp, offset.wrapping_add(shift));
        }
        within_log(stage, requested)
    } else if let Some(text) = &options.to_datetime {
        let timestamp = date_time_ms(text).map_err(runtime)?;
        timestamp_offsets(stage, partitions, timestamp)
    } else if let Some(text) = &options.by_duration {
        let timestamp = duration_before_ms(stage.now, text)?;
        timestamp_offsets(stage, partitions, timestamp)
    } else if options.plan.is_some() {
        from_file(stage, options, group)
    } else if options.to_current {
        let committed = committed(stage, group)?;
        let (with, without): (Vec<_>, Vec<_>) =
            partitions.into_iter().partition(|tp| committed.contains_key(tp));
        let mut offsets = log_offsets(stage, without, LATEST)?;
        for tp in with {
            if let Some((offset, _)) = committed.get(&tp) {
                offsets.insert(tp, *offset);
            }
        }
        Ok(offsets)
    } else {
        let message = "Option '[reset-offsets]' requires one of the following scenarios: \
                       [[by-duration], [to-latest], [to-current], [to-earliest], [to-offset], \
                       [shift-by], [from-file], [to-datetime]]";
        Err(Throwable::illegal_argument(message).into())
    }
}

/// `getLogOffsets`.
fn log_offsets(
    stage: &mut Stage<'_>,
    partitions: impl IntoIterator<Item = TopicPartition>,
    timestamp: i64,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    let listed = admin::list_offsets(stage, partitions, timestamp)?;
    let offsets = listed.into_iter().map(|(tp, offset)| Ok((tp, offset?)));
    let offsets: Result<_, Throwable> = offsets.collect();
    offsets.map_err(|e| runtime(Throwable::execution(&e)).into())
}

/// `getLogTimestampOffsets`: where no record is as young, the end of the log.
fn timestamp_offsets(
    stage: &mut Stage<'_>,
    partitions: Vec<TopicPartition>,
    timestamp: i64,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    const UNKNOWN: i64 = -1;
    let mut offsets = log_offsets(stage, partitions, timestamp)?;
    let unknown = offsets.iter().filter(|(_, offset)| **offset == UNKNOWN);
    let unknown = hash_order(unknown.map(|(tp, _)| tp.clone()));
    for tp in &unknown {
        stage.out(format!(
            "\nWarn: Partition {} from topic {} is empty. Falling back to latest known offset.\n",
            tp.partition.0, tp.topic
        ));
    }
    offsets.extend(log_offsets(stage, unknown, LATEST)?);
    Ok(offsets)
}

/// `checkOffsetsRange`: no offset outside the log.
fn within_log(
    stage: &mut Stage<'_>,
    requested: SortedMap<TopicPartition, i64>,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    let starts = log_offsets(stage, requested.keys().cloned(), EARLIEST)?;
    let ends = log_offsets(stage, requested.keys().cloned(), LATEST)?;
    let mut offsets = SortedMap::new();
    for tp in hash_order(requested.keys().cloned()) {
        let offset = requested.get(&tp).copied().unwrap_or_default();
        let start = starts.get(&tp).copied().unwrap_or(offset);
        let end = ends.get(&tp).copied().unwrap_or(offset);
        let (chosen, how) = if offset > end {
            (end, "higher than latest")
        } else if offset < start {
            (start, "lower than earliest")
        } else {
            offsets.insert(tp, offset);
            continue;
        };
        let text = format!(
            "New offset ({offset}) is {how} offset for topic partition {tp}. Value will be set to \
             {chosen}"
        );
        stage.log(Level::Warn, &text, LOGGER);
        offsets.insert(tp, chosen);
    }
    Ok(offsets)
}

/// `resetFromFile`.
fn from_file(
    stage: &mut Stage<'_>,
    options: &ResetOptions,
    group: &str,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    // The tool reads the plan once to see that there is one, then once more.
    read_plan(stage, options)?;
    let mut plan = read_plan(stage, options)?;
    match plan.remove(group) {
        Some(requested) => within_log(stage, requested),
        None => {
            stage.out(format!("\nError: No reset plan for group {group} found\n"));
            Ok(SortedMap::new())
        }
    }
}

/// Offsets of a plan, by group.
type Plan = SortedMap<String, SortedMap<TopicPartition, i64>>;

/// `resetPlanFromFile`.
fn read_plan(stage: &mut Stage<'_>, options: &ResetOptions) -> Result<Plan, Stop> {
    let Some((path, text)) = &options.plan else { return Ok(Plan::new()) };
    let Some(text) = text else {
        let missing = Throwable::new("java.nio.file.NoSuchFileException", path.clone());
        let unread = Throwable::new("java.io.IOException", format!("Unable to read file {path}"));
        return Err(runtime(unread.caused_by(&missing)).into());
    };
    // Java's split drops empty pieces at the end.
    let mut lines: Vec<&str> = text.split('\n').collect();
    while lines.len() > 1 && lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let single = match options.groups.as_slice() {
        [group] => Some(group),
        _ => None,
    };
    let without_group = csv::Record::read(lines.first().unwrap_or(&""), false);
    if let Err(e) = &without_group {
        stage.err(e.stack_trace());
    }
    let group = single.filter(|_| without_group.is_ok());
    let mut plan = Plan::new();
    for line in lines {
        let record = csv::Record::read(line, group.is_none()).map_err(runtime)?;
        let group = group.cloned().unwrap_or(record.group);
        if record.offset < 0 {
            return Err(Throwable::illegal_argument("Invalid negative offset").into());
        }
        let partition = TopicPartition::new(record.topic, record.partition);
        plan.entry(group).or_default().insert(partition, record.offset);
    }
    Ok(plan)
}

/// `Admin.alterConsumerGroupOffsets`.
pub(super) fn alter(stage: &mut Stage<'_>, group: &str, offsets: &Offsets) -> Result<(), Stop> {
    let mut topics: SortedMap<&str, Vec<OffsetCommitRequestPartition>> = SortedMap::new();
    for (tp, offset) in offsets {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(tp.partition.0)
            .with_committed_offset(*offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(StrBytes::from_static_str("")));
        topics.entry(&tp.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(partitions)
    });
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId::from(StrBytes::from_string(group.to_owned())))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(topics.collect());
    let question = Question::new(request, Target::Coordinator(group.to_owned()))
        .named("offsetCommit(api=OFFSET_COMMIT)");
    let answer = stage.ask(question)?;
    let response = expect(answer, |r| match r {
        Response::OffsetCommit(body) => Some(body),
        _ => None,
    })?;
    let mut failed = SortedMap::new();
    for topic in &response.topics {
        for p in topic.partitions.iter().filter(|p| p.error_code != 0) {
            let tp = TopicPartition::new(topic.name.to_string(), p.partition_index);
            failed.insert(tp, p.error_code);
        }
    }
    let order = hash_order(failed.keys().cloned());
    match order.first().and_then(|tp| failed.get(tp)) {
        Some(code) => {
            let error = ErrorCode::from_code(*code).unwrap_or(ErrorCode::UnknownServerError);
            let names: Vec<String> = order.iter().map(TopicPartition::to_string).collect();
            let message = format!(
                "Failed altering group offsets for the following partitions: [{}]",
                names.join(", ")
            );
            Err(Throwable::new(error.exception_class(), message).into())
        }
        None => Ok(()),
    }
}

/// `printOffsetsToReset`.
pub(crate) fn table(resets: &Resets) -> String {
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0).max(15);
    let group_width = widest(&mut resets.iter().map(|(group, _)| group.chars().count()));
    let topics = resets.iter().flat_map(|(_, offsets)| offsets);
    let topic_width = widest(&mut topics.map(|(tp, _)| tp.topic.chars().count()));
    let row =
        |cells: [&str; 4]| format!("\n{}", java::row(&[group_width, topic_width, 10, 0], &cells));
    let mut text = String::new();
    if !resets.is_empty() {
        text.push_str(&row(["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]));
    }
    for (group, offsets) in resets {
        for (tp, offset) in offsets {
            let (partition, offset) = (tp.partition.0.to_string(), offset.to_string());
            text.push_str(&row([group, &tp.topic, &partition, &offset]));
        }
    }
    text + "\n"
}

/// `exportOffsetsToCsv`: with a column for the group unless one group was asked for.
pub(crate) fn csv_text(resets: &Resets, options: &ResetOptions) -> String {
    let with_group = options.groups.len() != 1;
    let mut text = String::new();
    for (group, offsets) in resets {
        for (tp, offset) in offsets {
            if with_group {
                text.push_str(&csv::field(group));
                text.push(',');
            }
            let (topic, partition) = (csv::field(&tp.topic), tp.partition.0);
            text.push_str(&format!("{topic},{partition},{offset}\n"));
        }
    }
    text + "\n"
}
