//! `kafka-streams-application-reset.sh` (`org.apache.kafka.tools.StreamsResetter`): sets an application back
//! to where its input begins, and deletes its internal topics.
//!
//! What Kafka's tool does with a consumer of its own is asked for here as an admin client would:
//! the same offsets come of it.

use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{DeleteTopicsRequest, GroupId, LeaveGroupRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::admin::{AdminConfig, Target};
use logbrook_client::{Process, TopicPartition};
use logbrook_sorted::{SortedMap, SortedSet};

use super::admin_calls::{
    Stop, check, describe_topics, expect, list_offsets, list_topics, topic_name,
};
use super::date_time::{date_time_ms, duration_before_ms};
use super::group_calls::{committed, describe};
use super::java::{Throwable, hash_order};
use super::options::{OptionTable, Options};
use super::partition_leaders::hash_order as partition_order;
use super::reset_offsets::alter;
use super::script::{Script, Stage, Waiting, scripted};
use super::setup::{Checks, Early, ToolEnv, admin_config};

pub(crate) const HELP: &str = include_str!("help/kafka-streams-application-reset.txt");

/// Each excludes the others.
const POSITIONS: [&str; 7] = [
    "to-offset",
    "to-datetime",
    "by-duration",
    "to-earliest",
    "to-latest",
    "from-file",
    "shift-by",
];
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
/// `DescribeTopicsOptions.partitionSizeLimitPerResponse`.
const PARTITIONS_PER_RESPONSE: i32 = 2_000;
/// `KafkaAdminClient.DEFAULT_LEAVE_GROUP_REASON`.
const REMOVED_BY_ADMIN: &str = "member was removed by an admin";
const DELETE_TIMEOUT_MS: i32 = 30_000;
/// How an internal topic of a Streams application ends.
const INTERNAL: [&str; 4] = [
    "-changelog",
    "-repartition",
    "-subscription-registration-topic",
    "-subscription-response-topic",
];
/// The same with a number between.
const NUMBERED: [&str; 2] =
    ["-KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-", "-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-"];

/// Reads the options and starts the command.
pub(crate) fn start(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    scripted(prepare(table, argv, env), env.seed)
}

fn failed(e: impl Into<Throwable>) -> Early {
    Early::error(said(&e.into()))
}

/// What `execute` prints of an exception.
fn said(e: &Throwable) -> String {
    format!("ERROR: {e}\n{}", e.stack_trace())
}

fn prepare(
    table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Result<(Resetter, AdminConfig), Early> {
    let options = table.parse(argv).map_err(|e| Early::usage(table, e.message))?;
    let checks = Checks { table, options: &options };
    checks.help_or_version(argv)?;
    for position in POSITIONS {
        checks.excludes(position, &POSITIONS)?;
    }
    checks.excludes("config-file", &["command-config"])?;
    let mut greeting = "";
    let mut file = "command-config";
    if options.has("config-file") {
        greeting = "Option --config-file has been deprecated and will be removed in a future \
                    version. Use --command-config instead.\n";
        file = "config-file";
    }
    let value = |name| options.value(name).map_err(|e| failed(e).after(greeting));
    let servers = value("bootstrap-server")?.unwrap_or("localhost:9092");
    let config =
        admin_config(env, value(file)?, Some(servers), &[], |e| failed(e).after(greeting))?;
    let plan = match value("from-file")? {
        Some(path) => Some(env.files.get(path).cloned().ok_or_else(|| {
            failed(Throwable::new("java.nio.file.NoSuchFileException", path)).after(greeting)
        })?),
        None => None,
    };
    let group = value("application-id")?.unwrap_or_default().to_owned();
    Ok((Resetter { options: options.clone(), group, greeting, plan }, config))
}

#[derive(Clone)]
struct Resetter {
    options: Options<'static>,
    group: String,
    greeting: &'static str,
    /// Text of `--from-file`.
    plan: Option<String>,
}

impl Script for Resetter {
    fn run(&self, stage: &mut Stage<'_>) -> Result<i32, Waiting> {
        stage.out(self.greeting);
        match self.execute(stage) {
            Ok(code) => Ok(code),
            Err(Stop::Waiting) => Err(Waiting),
            Err(Stop::Thrown(thrown)) => {
                stage.err(said(&thrown));
                Ok(1)
            }
        }
    }
}

/// A list of an option, as Java prints it.
fn shown(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

impl Resetter {
    fn execute(&self, stage: &mut Stage<'_>) -> Result<i32, Stop> {
        self.ensure_inactive(stage)?;
        // The names come as the keys of a `HashMap`.
        let topics: SortedSet<String> =
            list_topics(stage, false)?.into_iter().map(|topic| topic.name).collect();
        if self.options.has("dry-run") {
            stage.out(
                "----Dry run displays the actions which will be performed when running Streams \
                 Reset Tool----\n",
            );
        }
        let code = self.reset(stage, &topics)?;
        self.delete_internal_topics(stage, &topics)?;
        Ok(code)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let values = self.options.values(name).iter();
        values.flat_map(|value| value.split(',').map(str::to_owned)).collect()
    }

    /// `maybeDeleteActiveConsumers`.
    fn ensure_inactive(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let described = describe(stage, std::slice::from_ref(&self.group))?;
        let members = match described.get(&self.group) {
            Some(Ok(info)) => &info.members,
            // A group that is not there is not active.
            Some(Err(e)) if e.class.ends_with(".GroupIdNotFoundException") => return Ok(()),
            Some(Err(e)) => return Err(Throwable::execution(e).into()),
            None => return Ok(()),
        };
        if members.is_empty() {
            return Ok(());
        }
        if self.options.has("force") {
            stage.out(format!("Force deleting all active members in the group: {}\n", self.group));
            let ids: Vec<String> = members.iter().map(|member| member.id.clone()).collect();
            return self.remove_members(stage, &ids);
        }
        let ids: Vec<String> = members.iter().map(|m| format!("(memberId={})", m.id)).collect();
        let message = format!(
            "Consumer group '{}' is still active and has following members: {}. Make sure to stop \
             all running application instances before running the reset tool. You can use option \
             '--force' to remove active members from the group.",
            self.group,
            shown(&ids)
        );
        Err(Throwable::new("java.lang.IllegalStateException", message).into())
    }

    /// `Admin.removeMembersFromConsumerGroup`, of all.
    fn remove_members(&self, stage: &mut Stage<'_>, ids: &[String]) -> Result<(), Stop> {
        let members = ids.iter().map(|id| {
            MemberIdentity::default()
                .with_member_id(StrBytes::from_string(id.clone()))
                .with_reason(Some(StrBytes::from_static_str(REMOVED_BY_ADMIN)))
        });
        let request = LeaveGroupRequest::default()
            .with_group_id(GroupId::from(StrBytes::from_string(self.group.clone())))
            .with_members(members.collect());
        let answer = stage.call(request.into(), Target::Coordinator(self.group.clone()))?;
        let response = expect(answer, |r| match r {
            Response::LeaveGroup(body) => Some(body),
            _ => None,
        })?;
        let codes = response.members.iter().map(|member| member.error_code);
        for code in [response.error_code].into_iter().chain(codes) {
            check(code, None).map_err(|e| Throwable::execution(&e))?;
        }
        Ok(())
    }

    /// `maybeResetInputAndSeekToEndIntermediateTopicOffsets`. The exit code: 1 where a topic is missing.
    fn reset(&self, stage: &mut Stage<'_>, topics: &SortedSet<String>) -> Result<i32, Stop> {
        let (input, intermediate) = (self.list("input-topics"), self.list("intermediate-topics"));
        if self.options.has("intermediate-topics") {
            stage.out(
                "WARN: `--intermediate-topics` is deprecated and will be removed in a future \
                 release\n",
            );
        }
        if input.is_empty() && intermediate.is_empty() {
            stage.out("No input or intermediate topics specified. Skipping seek.\n");
            return Ok(0);
        }
        for (what, names) in [
            ("Reset-offsets for input topics", &input),
            ("Seek-to-end for intermediate topics", &intermediate),
        ] {
            if !names.is_empty() {
                stage.out(format!("{what} {}\n", shown(names)));
            }
        }
        let mut code = 0;
        for (what, names, gap) in [("input", &input, " "), ("intermediate", &intermediate, "")] {
            let missing: Vec<&String> =
                names.iter().filter(|name| !topics.contains(*name)).collect();
            if missing.is_empty() {
                continue;
            }
            code = 1;
            stage.out(format!("Following {what} topics are not found, skipping them\n"));
            for name in missing {
                stage.out(format!("Topic:{gap}{name}\n"));
            }
        }
        let there = |names: &[String]| -> Vec<String> {
            names.iter().filter(|name| topics.contains(*name)).cloned().collect()
        };
        let (input, intermediate) = (there(&input), there(&intermediate));
        if input.is_empty() && intermediate.is_empty() {
            return Ok(code);
        }
        let (input, intermediate) = (partitions(stage, &input)?, partitions(stage, &intermediate)?);
        let mut offsets = self.input_offsets(stage, input)?;
        offsets.extend(self.end_of(stage, intermediate)?);
        if !self.options.has("dry-run") {
            alter(stage, &self.group, &offsets)?;
        }
        stage.out("Done.\n");
        Ok(code)
    }

    /// `maybeReset`.
    fn input_offsets(
        &self,
        stage: &mut Stage<'_>,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<(TopicPartition, i64)>, Stop> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        stage.out(format!(
            "Following input topics offsets will be reset to (for consumer group {})\n",
            self.group
        ));
        let wanted = self.wanted(stage, &partitions)?;
        let mut offsets = Vec::new();
        for tp in partition_order(partitions) {
            let Some(offset) = wanted.get(&tp).copied() else { continue };
            stage.out(format!(
                "Topic: {} Partition: {} Offset: {offset}\n",
                tp.topic, tp.partition.0
            ));
            offsets.push((tp, offset));
        }
        Ok(offsets)
    }

    fn wanted(
        &self,
        stage: &mut Stage<'_>,
        partitions: &[TopicPartition],
    ) -> Result<SortedMap<TopicPartition, i64>, Stop> {
        let text = |name: &str| self.options.value(name).map_err(Throwable::from);
        let long = |name: &str| self.options.long(name).map_err(Throwable::from);
        if let Some(offset) = long("to-offset")? {
            let all = partitions.iter().map(|tp| (tp.clone(), offset)).collect();
            return within_log(stage, all);
        }
        if let Some(by) = long("shift-by")? {
            let now = self.positions(stage, partitions)?;
            return within_log(stage, now.into_iter().map(|(tp, at)| (tp, at + by)).collect());
        }
        if let Some(date) = text("to-datetime")? {
            return at_time(stage, partitions, date_time_ms(date)?);
        }
        if let Some(duration) = text("by-duration")? {
            return at_time(stage, partitions, duration_before_ms(stage.now, duration)?);
        }
        if let Some(plan) = &self.plan {
            let planned = read_plan(plan)?;
            let planned = partitions.iter().filter_map(|tp| Some((tp.clone(), *planned.get(tp)?)));
            return within_log(stage, planned.collect());
        }
        let end = if self.options.has("to-latest") { LATEST } else { EARLIEST };
        offsets_of(stage, partitions, end)
    }

    /// Where the group is; at the end where it has committed nothing (`auto.offset.reset`).
    fn positions(
        &self,
        stage: &mut Stage<'_>,
        partitions: &[TopicPartition],
    ) -> Result<SortedMap<TopicPartition, i64>, Stop> {
        let mut positions = offsets_of(stage, partitions, LATEST)?;
        for (tp, committed) in committed(stage, &self.group)? {
            if let Some(position) = positions.get_mut(&tp) {
                *position = committed.0;
            }
        }
        Ok(positions)
    }

    /// `maybeSeekToEnd`.
    fn end_of(
        &self,
        stage: &mut Stage<'_>,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<(TopicPartition, i64)>, Stop> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        stage.out(format!(
            "Following intermediate topics offsets will be reset to end (for consumer group {})\n",
            self.group
        ));
        let ends = offsets_of(stage, &partitions, LATEST)?;
        let mut offsets = Vec::new();
        for tp in partition_order(partitions) {
            stage.out(format!("Topic: {}\n", tp.topic));
            offsets.extend(ends.get(&tp).map(|offset| (tp.clone(), *offset)));
        }
        Ok(offsets)
    }

    /// `maybeDeleteInternalTopics`.
    fn delete_internal_topics(
        &self,
        stage: &mut Stage<'_>,
        topics: &SortedSet<String>,
    ) -> Result<(), Stop> {
        let prefix = format!("{}-", self.group);
        let inferred = topics.iter().filter(|name| name.starts_with(&prefix) && is_internal(name));
        let inferred = hash_order(inferred.cloned(), 16);
        let specified = self.list("internal-topics");
        let (how, names) = match specified.is_empty() {
            true => ("inferred", inferred),
            false if specified.iter().all(|name| inferred.contains(name)) => {
                ("specified", specified)
            }
            false => {
                return Err(Throwable::illegal_argument(
                    "Invalid topic specified in the --internal-topics option. Ensure that the \
                     topics specified are all internal topics. Do a dry run without the \
                     --internal-topics option to see the list of all internal topics that can be \
                     deleted.",
                )
                .into());
            }
        };
        stage.out(format!("Deleting {how} internal topics {}\n", shown(&names)));
        if !self.options.has("dry-run") && !names.is_empty() {
            delete(stage, &names)?;
        }
        stage.out("Done.\n");
        Ok(())
    }
}

/// `doDelete`.
fn delete(stage: &mut Stage<'_>, names: &[String]) -> Result<(), Stop> {
    let states =
        names.iter().map(|name| DeleteTopicState::default().with_name(Some(topic_name(name))));
    let request = DeleteTopicsRequest::default()
        .with_topics(states.collect())
        .with_timeout_ms(DELETE_TIMEOUT_MS);
    let answer = stage.call(request.into(), Target::Controller)?;
    let response = expect(answer, |r| match r {
        Response::DeleteTopics(body) => Some(body),
        _ => None,
    })?;
    let mut has_errors = false;
    for result in &response.responses {
        if let Err(e) = check(result.error_code, result.error_message.as_ref()) {
            has_errors = true;
            let name = result.name.as_ref().map(|name| name.to_string()).unwrap_or_default();
            let thrown = Throwable::execution(&e).stack_trace();
            stage.err(format!("ERROR: deleting topic {name}\n{thrown}"));
        }
    }
    if has_errors {
        let message = "Encountered an error deleting one or more topics";
        return Err(Throwable::new("java.lang.RuntimeException", message).into());
    }
    Ok(())
}

/// `matchesInternalTopicFormat`.
fn is_internal(name: &str) -> bool {
    let is_numbered = |middle: &&str| {
        name.strip_suffix("-topic").and_then(|rest| rest.rsplit_once(*middle)).is_some_and(
            |(before, number)| {
                let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                !before.is_empty() && digits
            },
        )
    };
    INTERNAL.iter().any(|end| name.ends_with(end)) || NUMBERED.iter().any(is_numbered)
}

fn partitions(stage: &mut Stage<'_>, topics: &[String]) -> Result<Vec<TopicPartition>, Stop> {
    // To describe none is to describe all.
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let described = describe_topics(stage, topics, PARTITIONS_PER_RESPONSE)?;
    let of = |name: &String, indexes: Vec<i32>| {
        let name = name.clone();
        indexes.into_iter().map(move |index| TopicPartition::new(name.clone(), index))
    };
    let all = described.iter().flat_map(|(name, topic)| {
        of(name, topic.partitions.iter().map(|partition| partition.index).collect())
    });
    Ok(all.collect())
}

fn offsets_of(
    stage: &mut Stage<'_>,
    partitions: &[TopicPartition],
    timestamp: i64,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    let listed = list_offsets(stage, partitions.iter().cloned(), timestamp)?;
    let offsets: Result<_, Throwable> =
        listed.into_iter().map(|(tp, offset)| Ok((tp, offset?))).collect();
    Ok(offsets?)
}

/// `resetToDatetime`.
fn at_time(
    stage: &mut Stage<'_>,
    partitions: &[TopicPartition],
    timestamp: i64,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    const UNKNOWN: i64 = -1;
    let mut offsets = offsets_of(stage, partitions, timestamp)?;
    let ends = offsets_of(stage, partitions, LATEST)?;
    for tp in partition_order(partitions.iter().cloned()) {
        let Some(offset) = offsets.get_mut(&tp).filter(|offset| **offset == UNKNOWN) else {
            continue;
        };
        *offset = ends.get(&tp).copied().unwrap_or_default();
        stage.out(format!(
            "Partition {} from topic {} is empty, without a committed record. Falling back to \
             latest known offset.\n",
            tp.partition.0, tp.topic
        ));
    }
    Ok(offsets)
}

/// `checkOffsetRange`.
fn within_log(
    stage: &mut Stage<'_>,
    wanted: SortedMap<TopicPartition, i64>,
) -> Result<SortedMap<TopicPartition, i64>, Stop> {
    let partitions: Vec<TopicPartition> = wanted.keys().cloned().collect();
    let ends = offsets_of(stage, &partitions, LATEST)?;
    let starts = offsets_of(stage, &partitions, EARLIEST)?;
    let mut checked = SortedMap::new();
    for tp in partition_order(partitions) {
        let bound = |of: &SortedMap<TopicPartition, i64>| of.get(&tp).copied().unwrap_or_default();
        let (offset, start, end) = (bound(&wanted), bound(&starts), bound(&ends));
        let (chosen, how) = if offset >= end {
            (end, "higher than latest")
        } else if offset <= start {
            (start, "lower than earliest")
        } else {
            checked.insert(tp, offset);
            continue;
        };
        stage
            .out(format!("New offset ({offset}) is {how} offset. Value will be set to {chosen}\n"));
        checked.insert(tp, chosen);
    }
    Ok(checked)
}

/// `parseResetPlan`.
fn read_plan(text: &str) -> Result<SortedMap<TopicPartition, i64>, Throwable> {
    const PARSE_EXCEPTION: &str = "java.text.ParseException";
    if text.is_empty() {
        let message = "Error parsing reset plan CSV file. It is empty,";
        return Err(Throwable::new(PARSE_EXCEPTION, message));
    }
    let number = |text: &str| {
        text.parse::<i64>().map_err(|_| {
            let message = format!("For input string: \"{text}\"");
            Throwable::new("java.lang.NumberFormatException", message)
        })
    };
    let mut plan = SortedMap::new();
    for line in text.trim_end_matches('\n').split('\n') {
        let [topic, partition, offset] = line.split(',').collect::<Vec<&str>>()[..] else {
            let message =
                "Reset plan CSV file is not following the format `TOPIC,PARTITION,OFFSET`.";
            return Err(Throwable::new(PARSE_EXCEPTION, message));
        };
        let index = i32::try_from(number(partition)?).unwrap_or(i32::MAX);
        plan.insert(TopicPartition::new(topic, index), number(offset)?);
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_topics_are_those_of_streams() {
        let names = [
            "app-store-changelog",
            "app-x-repartition",
            "app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-0012-topic",
            "app-KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-x-topic",
            "app-orders",
        ];
        assert_eq!(names.map(is_internal), [true, true, true, false, false]);
    }

    #[test]
    fn a_plan_that_is_none_is_refused() {
        let plan = read_plan("t,0,5\nt,1,7\n").unwrap();
        assert_eq!(plan.get(&TopicPartition::new("t", 1)), Some(&7));
        assert_eq!(
            read_plan("").unwrap_err().message_text(),
            "Error parsing reset plan CSV file. It is empty,"
        );
        assert!(read_plan("t,0").unwrap_err().message_text().contains("TOPIC,PARTITION,OFFSET"));
        assert_eq!(read_plan("t,a,1").unwrap_err().message_text(), "For input string: \"a\"");
    }
}
