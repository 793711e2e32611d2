//! `kafka-consumer-groups.sh --delete-offsets` (`ConsumerGroupService.deleteOffsets`).

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::{GroupId, OffsetDeleteRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::Response;
use logbrook_client::TopicPartition;
use logbrook_client::admin::Target;

use super::admin_calls::{self as admin, Stop, expect, topic_name};
use super::java::{self, Throwable};
use super::partition_leaders::hash_order;
use super::reset_offsets::parse_topic_with_partitions;
use super::script::{Question, Stage};

/// A partition's end; a topic that is not there has partition -1.
type Results = SortedMap<(String, i32), Result<(), Throwable>>;

/// Deletes what `group` committed for `topics` (`topic` or `topic:0,1`), and prints the table.
pub(crate) fn delete_offsets(
    stage: &mut Stage<'_>,
    group: &str,
    topics: &[String],
) -> Result<(), Stop> {
    let mut results = Results::new();
    let mut partitions: Vec<TopicPartition> = Vec::new();
    for topic in java::hash_order(topics.iter().filter(|t| t.contains(':')).cloned(), 16) {
        partitions.extend(parse_topic_with_partitions(&topic)?);
    }
    let whole: SortedSet<String> = topics.iter().filter(|t| !t.contains(':')).cloned().collect();
    for topic in whole {
        match admin::describe_topics(stage, std::slice::from_ref(&topic), 2000) {
            Ok(described) => {
                let found = described.get(&topic).map(|t| t.partitions.as_slice());
                let found = found.unwrap_or_default().iter();
                partitions.extend(found.map(|p| TopicPartition::new(topic.clone(), p.index)));
            }
            Err(Stop::Thrown(e)) => {
                results.insert((topic, -1), Err(e));
            }
            Err(Stop::Waiting) => return Err(Stop::Waiting),
        }
    }
    let partitions = hash_order(partitions);
    let top_level = delete(stage, group, &partitions, &mut results)?;
    stage.out(match top_level {
        ErrorCode::None => format!("Request succeeded for deleting offsets from group {group}.\n"),
        error @ (ErrorCode::InvalidGroupId
        | ErrorCode::GroupIdNotFound
        | ErrorCode::GroupAuthorizationFailed
        | ErrorCode::NonEmptyGroup) => format!("\nError: {}\n", error.message()),
        ErrorCode::GroupSubscribedToTopic
        | ErrorCode::TopicAuthorizationFailed
        | ErrorCode::UnknownTopicOrPartition => {
            "\nError: Encountered some partition-level error, see the follow-up details.\n".into()
        }
        error => format!("\nError: Encountered some unknown error: {}\n", error.name()),
    });
    stage.out(table(&results));
    Ok(())
}

/// `Admin.deleteConsumerGroupOffsets`: the error of the whole, and each partition's.
fn delete(
    stage: &mut Stage<'_>,
    group: &str,
    partitions: &[TopicPartition],
    results: &mut Results,
) -> Result<ErrorCode, Stop> {
    let mut topics: SortedMap<&str, Vec<OffsetDeleteRequestPartition>> = SortedMap::new();
    for tp in partitions {
        let partition =
            OffsetDeleteRequestPartition::default().with_partition_index(tp.partition.0);
        topics.entry(&tp.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        OffsetDeleteRequestTopic::default().with_name(topic_name(topic)).with_partitions(partitions)
    });
    let request = OffsetDeleteRequest::default()
        .with_group_id(GroupId::from(StrBytes::from_string(group.to_owned())))
        .with_topics(topics.collect());
    let question = Question::new(request, Target::Coordinator(group.to_owned()))
        .named("offsetDelete(api=OFFSET_DELETE)");
    let answer = stage.ask(question)?;
    let failed = |e: &Throwable, results: &mut Results| {
        for tp in partitions {
            results.insert((tp.topic.clone(), tp.partition.0), Err(e.clone()));
        }
    };
    let response = match expect(answer, |r| match r {
        Response::OffsetDelete(body) => Some(body),
        _ => None,
    }) {
        Ok(response) => response,
        Err(e) => {
            failed(&e, results);
            return Ok(error_of(&e));
        }
    };
    let whole = error_code(response.error_code);
    if whole != ErrorCode::None {
        failed(&Throwable::new(whole.exception_class(), whole.message()), results);
        return Ok(whole);
    }
    let mut codes: SortedMap<(String, i32), ErrorCode> = SortedMap::new();
    for topic in &response.topics {
        for p in &topic.partitions {
            codes.insert((topic.name.to_string(), p.partition_index), error_code(p.error_code));
        }
    }
    let mut first = ErrorCode::None;
    for tp in partitions {
        let key = (tp.topic.clone(), tp.partition.0);
        let error = codes.get(&key).copied().unwrap_or(ErrorCode::None);
        if first == ErrorCode::None {
            first = error;
        }
        let result = match error {
            ErrorCode::None => Ok(()),
            error => Err(Throwable::new(error.exception_class(), error.message())),
        };
        results.insert(key, result);
    }
    Ok(first)
}

fn error_code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError)
}

/// `Errors.forException`.
fn error_of(e: &Throwable) -> ErrorCode {
    let found =
        ErrorCode::all().find(|code| *code != ErrorCode::None && code.exception_class() == e.class);
    found.unwrap_or(ErrorCode::UnknownServerError)
}

fn table(results: &Results) -> String {
    let longest = results.keys().map(|(topic, _)| topic.chars().count()).max().unwrap_or(0);
    let width = longest.max(15);
    let row = |topic: &str, partition: &str, status: &str| {
        format!("\n{topic:<width$} {partition:<10} {status:<15}")
    };
    let mut text = row("TOPIC", "PARTITION", "STATUS");
    let mut rows: Vec<_> = results.iter().collect();
    logbrook_sorted::sort_by_key(&mut rows, |((topic, partition), _)| {
        format!("{topic}{partition}")
    });
    for ((topic, partition), result) in rows {
        let partition = if *partition >= 0 { partition.to_string() } else { "-".to_owned() };
        let status = match result {
            Ok(()) => "Successful".to_owned(),
            Err(e) => format!("Error: {e}"),
        };
        text.push_str(&row(topic, &partition, &status));
    }
    text + "\n"
}
