//! From what was fetched to what the application gets, errors included (`FetchCollector`).

use std::collections::VecDeque;

use logbrook_broker::ErrorCode;
use logbrook_record::Offset;

use crate::consumer::config::AutoOffsetReset;
use crate::consumer::subscription_state::{FetchPosition, FetchState};
use crate::consumer::{Consumer, ConsumerRecord};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::topic_partition::TopicPartition;

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.FetchCollector";

impl Consumer {
    /// Whether [`Consumer::fetch_records`] would find something.
    pub(in crate::consumer) fn has_available_fetches(&self) -> bool {
        self.fetcher.buffer.iter().any(|fetch| {
            self.subscriptions.is_fetchable(&fetch.partition)
                && self
                    .subscriptions
                    .position(&fetch.partition)
                    .is_some_and(|position| position.offset == fetch.next_fetch_offset)
        })
    }

    /// `collectFetch`: up to `max` records, partition after partition in the order of arrival.
    pub(in crate::consumer) fn collect_fetch(&mut self, max: usize) -> Vec<ConsumerRecord> {
        let mut records = Vec::new();
        let mut paused = VecDeque::new();
        while records.len() < max {
            let Some(mut fetch) = self.fetcher.buffer.pop_front() else { break };
            let Some(state) = self.subscriptions.state(&fetch.partition) else { continue };
            if state.paused {
                paused.push_back(fetch);
                continue;
            }
            let position = self.subscriptions.position(&fetch.partition);
            if !self.subscriptions.is_fetchable(&fetch.partition)
                || position.is_none_or(|position| position.offset != fetch.next_fetch_offset)
            {
                continue;
            }
            let outcome = fetch.fetch_records(self.config.isolation_level, max, &mut records);
            if let Some(state) = self.subscriptions.state_mut(&fetch.partition) {
                state.fetch_state = FetchState::Fetching(FetchPosition {
                    offset: fetch.next_fetch_offset,
                    offset_epoch: fetch.last_epoch,
                });
            }
            if let Err(error) = outcome {
                // What came before it is delivered first; the bad record stays where it is.
                if records.is_empty() {
                    self.raise(error);
                } else {
                    fetch.consumed = false;
                    self.fetcher.buffer.push_front(fetch);
                }
                break;
            }
            if fetch.consumed {
                if fetch.delivered > 0 {
                    self.subscriptions.move_to_end(&fetch.partition);
                }
            } else {
                self.fetcher.buffer.push_front(fetch);
            }
        }
        self.fetcher.buffer.extend(paused);
        records
    }

    /// `handleInitializeErrors`.
    pub(super) fn fetch_error(
        &mut self,
        partition: &TopicPartition,
        offset: Offset,
        error: ErrorCode,
    ) {
        match error {
            ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::OffsetNotAvailable => self.request_metadata_update(partition),
            ErrorCode::UnknownTopicOrPartition => {
                self.fetch_warning(format!(
                    "Received unknown topic or partition error in fetch for partition {partition}"
                ));
                self.request_metadata_update(partition);
            }
            ErrorCode::UnknownTopicId => {
                self.fetch_warning(format!(
                    "Received unknown topic ID error in fetch for partition {partition}"
                ));
                self.request_metadata_update(partition);
            }
            ErrorCode::InconsistentTopicId => {
                self.fetch_warning(format!(
                    "Received inconsistent topic ID error in fetch for partition {partition}"
                ));
                self.request_metadata_update(partition);
            }
            ErrorCode::UnknownLeaderEpoch => {}
            ErrorCode::OffsetOutOfRange => self.offset_out_of_range(partition, offset),
            ErrorCode::TopicAuthorizationFailed => {
                self.fetch_warning(format!("Not authorized to read from partition {partition}."));
                self.raise(KafkaError::with_message(
                    error,
                    format!("Not authorized to access topics: [{}]", partition.topic),
                ));
            }
            ErrorCode::UnknownServerError => self.fetch_warning(format!(
                "Unknown server error while fetching offset {offset} for topic-partition {partition}"
            )),
            ErrorCode::CorruptMessage => self.raise(KafkaError::client(
                KAFKA,
                format!(
                    "Encountered corrupt message when fetching offset {offset} for topic-partition {partition}"
                ),
            )),
            other => self.raise(KafkaError::client(
                "java.lang.IllegalStateException",
                format!(
                    "Unexpected error code {} while fetching at offset {offset} from topic-partition {partition}",
                    other.code()
                ),
            )),
        }
    }

    /// `FetchUtils.requestMetadataUpdate`: newer metadata, and the leader again until they say otherwise.
    fn request_metadata_update(&mut self, partition: &TopicPartition) {
        self.client.metadata.request_update(false);
        self.clear_read_replica(partition);
    }

    fn offset_out_of_range(&mut self, partition: &TopicPartition, offset: Offset) {
        // Another replica than the leader may be behind, or ahead of what it still has: the leader decides.
        if self.clear_read_replica(partition) {
            return;
        }
        let Some(position) = self.subscriptions.position(partition) else { return };
        if position.offset != offset {
            return;
        }
        let leader = self.client.metadata.leader(partition);
        let node = leader.and_then(|id| self.client.broker(id)).map_or_else(
            || "Optional.empty".to_owned(),
            |node| {
                format!("Optional[{} (id: {} rack: null isFenced: false)]", node.endpoint, node.id)
            },
        );
        let epoch = position
            .offset_epoch
            .map_or_else(|| "Optional.empty".to_owned(), |epoch| format!("Optional[{epoch}]"));
        let text = format!(
            "Fetch position FetchPosition{{offset={offset}, offsetEpoch={epoch}, currentLeader=LeaderAndEpoch{{leader={node}, epoch={}}}}} is out of range for partition {partition}",
            self.client.metadata.leader_epoch(partition)
        );
        match self.subscriptions.default_reset() {
            AutoOffsetReset::None => self.raise(KafkaError {
                code: Some(ErrorCode::OffsetOutOfRange),
                class: "org.apache.kafka.clients.consumer.OffsetOutOfRangeException".into(),
                message: text,
                retriable: false,
                cause: None,
            }),
            policy @ (AutoOffsetReset::Earliest
            | AutoOffsetReset::Latest
            | AutoOffsetReset::ByDuration(_)) => {
                self.client.log(Level::Info, LOGGER, format!("{text}, resetting offset"));
                if let Some(state) = self.subscriptions.state_mut(partition) {
                    state.fetch_state = FetchState::AwaitReset(policy);
                }
            }
        }
    }

    fn fetch_warning(&mut self, text: String) {
        self.client.log(Level::Warn, LOGGER, text);
    }
}
