//! ListOffsets: the first offset, the last, or the first with a timestamp
//! (`sendListOffsetRequest`, `handleListOffsetResponse`).

use logbrook_sorted::SortedMap;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::LeaderEpoch;

use super::{LOGGER, LookupFor};
use crate::consumer::{Consumer, Pending};
use crate::error::KafkaError;
use crate::log_line::Level;
use crate::response_errors::code;
use crate::topic_partition::TopicPartition;

/// `ListOffsetsRequest.LATEST_TIMESTAMP`.
pub(super) const LATEST_TIMESTAMP: i64 = -1;
/// `ListOffsetsRequest.EARLIEST_TIMESTAMP`.
pub(super) const EARLIEST_TIMESTAMP: i64 = -2;

impl Consumer {
    /// Asks the leaders; gives the partitions that were asked for.
    pub(super) fn list_offsets(
        &mut self,
        now: i64,
        wanted: Vec<(TopicPartition, i64)>,
        why: LookupFor,
    ) -> Vec<TopicPartition> {
        let mut by_node: SortedMap<i32, Vec<(TopicPartition, i64)>> = SortedMap::new();
        for (partition, timestamp) in wanted {
            match self.client.metadata.leader(&partition) {
                Some(leader) => by_node.entry(leader).or_default().push((partition, timestamp)),
                None => {
                    self.watch_topic(&partition.topic);
                    self.client.metadata.request_update(false);
                }
            }
        }
        let mut sent = Vec::new();
        for (leader, partitions) in by_node {
            let Some(node) = self.client.broker(leader) else { continue };
            if !self.client.ready(now, &node) {
                continue;
            }
            let mut topics: Vec<ListOffsetsTopic> = Vec::new();
            for (partition, timestamp) in &partitions {
                let entry = ListOffsetsPartition::default()
                    .with_partition_index(partition.partition.0)
                    .with_current_leader_epoch(self.client.metadata.leader_epoch(partition))
                    .with_timestamp(*timestamp);
                match topics.iter_mut().find(|topic| topic.name.0.as_str() == partition.topic) {
                    Some(topic) => topic.partitions.push(entry),
                    None => topics.push(
                        ListOffsetsTopic::default()
                            .with_name(TopicName(StrBytes::from_string(partition.topic.clone())))
                            .with_partitions(vec![entry]),
                    ),
                }
            }
            let request = ListOffsetsRequest::default()
                .with_replica_id(BrokerId(-1))
                .with_isolation_level(self.config.isolation_level.id())
                .with_timeout_ms(
                    i32::try_from(self.config.common.request_timeout_ms).unwrap_or(i32::MAX),
                )
                .with_topics(topics);
            let names: Vec<TopicPartition> =
                partitions.into_iter().map(|(partition, _)| partition).collect();
            let token = self.pending(Pending::ListOffsets { partitions: names.clone(), why });
            if self.client.send(now, leader, token, Request::ListOffsets(request)).is_some() {
                sent.extend(names);
            } else {
                self.pending.remove(&token);
            }
        }
        sent
    }

    pub(in crate::consumer) fn list_offsets_response(
        &mut self,
        now: i64,
        partitions: Vec<TopicPartition>,
        why: LookupFor,
        result: Option<Response>,
    ) {
        let mut answers = SortedMap::new();
        if let Some(Response::ListOffsets(response)) = result {
            for topic in response.topics {
                for partition in topic.partitions {
                    let key =
                        TopicPartition::new(topic.name.0.to_string(), partition.partition_index);
                    answers.insert(key, partition);
                }
            }
        }
        for partition in partitions {
            let answer = answers.get(&partition);
            let error = answer.map_or(ErrorCode::NetworkException, |a| code(a.error_code));
            let found = answer.map(|a| (a.offset, a.leader_epoch, a.timestamp));
            match (error, found) {
                (ErrorCode::None, Some((offset, epoch, _))) => {
                    let epoch = Some(LeaderEpoch(epoch)).filter(|epoch| epoch.0 >= 0);
                    self.offset_found(&partition, offset, epoch, why);
                }
                (ErrorCode::TopicAuthorizationFailed, _) => {
                    self.raise(KafkaError::with_message(
                        error,
                        format!("Not authorized to access topics: [{}]", partition.topic),
                    ));
                    self.offset_missing(now, &partition, why);
                }
                (error, _) => {
                    if error == ErrorCode::UnknownTopicOrPartition {
                        self.client.log(
                            Level::Warn,
                            LOGGER,
                            format!("Received unknown topic or partition error in ListOffset request for partition {partition}"),
                        );
                    }
                    self.client.metadata.request_update(false);
                    self.offset_missing(now, &partition, why);
                }
            }
        }
        if let LookupFor::Query(id) = why
            && let Some(query) = self.queries.get_mut(&id)
        {
            query.in_flight = query.in_flight.saturating_sub(1);
        }
    }
}
