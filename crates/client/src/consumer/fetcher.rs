//! Fetch requests, what arrived, and the records handed to the application
//! (`AbstractFetch`, `FetchCollector`, `CompletedFetch`).
//!
//! Not modelled: fetch sessions (KIP-227, every fetch names all its partitions), reading from the
//! closest replica (KIP-392), and the check for truncation by leader epoch (KIP-320).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::ErrorCode;
use logbrook_broker::wire::{Request, Response};
use logbrook_record::{LeaderEpoch, Offset, Record, TimestampType, batches};

use super::config::{AutoOffsetReset, IsolationLevel};
use super::subscription_state::{FetchPosition, FetchState};
use super::{Consumer, ConsumerRecord, Pending};
use crate::error::{KAFKA, KafkaError};
use crate::log_line::Level;
use crate::response_errors::code;
use crate::topic_partition::TopicPartition;

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.FetchCollector";
/// The first Fetch version that names topics by id (KIP-516).
const FIRST_VERSION_WITH_TOPIC_IDS: i16 = 13;
/// `FetchMetadata.FINAL_EPOCH`: no fetch session.
const FINAL_EPOCH: i32 = -1;

/// What arrived for one partition and is not delivered yet.
#[derive(Clone, Debug)]
struct CompletedFetch {
    partition: TopicPartition,
    next_fetch_offset: Offset,
    last_epoch: Option<LeaderEpoch>,
    /// Bytes of batches not opened yet.
    rest: Bytes,
    /// Records of the batch that is open.
    open: VecDeque<Record>,
    open_timestamp_type: TimestampType,
    /// Where the open batch ends.
    batch_end: Option<Offset>,
    /// Aborted transactions ahead: (producer id, first offset), by offset (read_committed).
    aborted: VecDeque<(i64, i64)>,
    aborted_producers: BTreeSet<i64>,
    delivered: usize,
    consumed: bool,
}

/// The fetcher's own state.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetcher {
    buffer: VecDeque<CompletedFetch>,
    /// Nodes with a fetch under way.
    pub(super) pending_nodes: BTreeSet<i32>,
}

impl Fetcher {
    fn is_buffered(&self, partition: &TopicPartition) -> bool {
        self.buffer.iter().any(|fetch| fetch.partition == *partition)
    }

    /// Drops what was fetched for partitions that are not assigned any more.
    pub(super) fn retain(&mut self, assigned: impl Fn(&TopicPartition) -> bool) {
        self.buffer.retain(|fetch| assigned(&fetch.partition));
    }
}

impl Consumer {
    /// Whether [`Consumer::fetch_records`] would find something.
    pub(super) fn has_available_fetches(&self) -> bool {
        self.fetcher.buffer.iter().any(|fetch| {
            self.subscriptions.is_fetchable(&fetch.partition)
                && self
                    .subscriptions
                    .position(&fetch.partition)
                    .is_some_and(|position| position.offset == fetch.next_fetch_offset)
        })
    }

    /// `sendFetches`: one request to each leader that has none under way, for all its partitions
    /// without records in the buffer.
    pub(super) fn send_fetches(&mut self, now: i64) {
        let mut by_node: Vec<(i32, Vec<(TopicPartition, FetchPosition)>)> = Vec::new();
        let mut metadata_needed = false;
        for (partition, state) in self.subscriptions.assigned() {
            let FetchState::Fetching(position) = state.fetch_state else { continue };
            if state.paused || state.pending_revocation || self.fetcher.is_buffered(partition) {
                continue;
            }
            let Some(leader) = self.client.metadata.leader(partition) else {
                metadata_needed = true;
                continue;
            };
            if self.fetcher.pending_nodes.contains(&leader) {
                continue;
            }
            let entry = (partition.clone(), position);
            match by_node.iter_mut().find(|(node, _)| *node == leader) {
                Some((_, partitions)) => partitions.push(entry),
                None => by_node.push((leader, vec![entry])),
            }
        }
        if metadata_needed {
            self.client.metadata.request_update(false);
        }
        for (leader, partitions) in by_node {
            let Some(node) = self.client.broker(leader) else { continue };
            if self.client.ready(now, &node) {
                self.send_fetch(now, leader, &partitions);
            }
        }
    }

    fn send_fetch(&mut self, now: i64, node: i32, partitions: &[(TopicPartition, FetchPosition)]) {
        let by_id = self
            .client
            .version(node, ApiKey::Fetch)
            .is_some_and(|version| version >= FIRST_VERSION_WITH_TOPIC_IDS);
        let mut topics: Vec<(&str, FetchTopic)> = Vec::new();
        for (partition, position) in partitions {
            let metadata = &self.client.metadata;
            let entry = FetchPartition::default()
                .with_partition(partition.partition.0)
                .with_current_leader_epoch(metadata.leader_epoch(partition))
                .with_fetch_offset(position.offset.0)
                .with_last_fetched_epoch(-1)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(self.config.max_partition_fetch_bytes);
            // Partitions of a topic that stand together go together (`FetchRequest.Builder`).
            match topics.last_mut() {
                Some((name, topic)) if *name == partition.topic => topic.partitions.push(entry),
                Some(_) | None => {
                    let topic = FetchTopic::default().with_partitions(vec![entry]);
                    let topic = if by_id {
                        topic.with_topic_id(metadata.topic_id(&partition.topic))
                    } else {
                        topic.with_topic(TopicName(StrBytes::from_string(partition.topic.clone())))
                    };
                    topics.push((&partition.topic, topic));
                }
            }
        }
        let request = FetchRequest::default()
            .with_max_wait_ms(self.config.fetch_max_wait_ms)
            .with_min_bytes(self.config.fetch_min_bytes)
            .with_max_bytes(self.config.fetch_max_bytes)
            .with_isolation_level(self.config.isolation_level.id())
            .with_session_id(0)
            .with_session_epoch(FINAL_EPOCH)
            .with_rack_id(StrBytes::from_string(self.config.client_rack.clone()))
            .with_topics(topics.into_iter().map(|(_, topic)| topic).collect());
        let positions = partitions
            .iter()
            .map(|(partition, position)| (partition.clone(), position.offset))
            .collect();
        let token = self.pending(Pending::Fetch { node, positions });
        if self.client.send(now, node, token, Request::Fetch(request)).is_some() {
            self.fetcher.pending_nodes.insert(node);
        } else {
            self.pending.remove(&token);
        }
    }

    /// A fetch response: what it brought goes into the buffer, in its order.
    pub(super) fn fetch_response(
        &mut self,
        positions: &BTreeMap<TopicPartition, Offset>,
        version: i16,
        result: Option<Response>,
    ) {
        let Some(Response::Fetch(response)) = result else {
            self.client.metadata.request_update(false);
            return;
        };
        if response.error_code != 0 {
            // A session error or the like: the next fetch is a full one anyway.
            self.client.metadata.request_update(false);
            return;
        }
        self.take_partitions(positions, version, response);
    }

    fn take_partitions(
        &mut self,
        positions: &BTreeMap<TopicPartition, Offset>,
        version: i16,
        response: FetchResponse,
    ) {
        for topic in response.responses {
            let name = if version >= FIRST_VERSION_WITH_TOPIC_IDS {
                self.client.metadata.topic_name(topic.topic_id).map(str::to_owned)
            } else {
                Some(topic.topic.0.to_string())
            };
            let Some(name) = name else { continue };
            for data in topic.partitions {
                let partition = TopicPartition::new(name.clone(), data.partition_index);
                let Some(offset) = positions.get(&partition).copied() else { continue };
                let error = code(data.error_code);
                if error != ErrorCode::None {
                    self.fetch_error(&partition, offset, error);
                    self.subscriptions.move_to_end(&partition);
                    continue;
                }
                let position = self.subscriptions.position(&partition);
                // Sought or reassigned since the request: stale.
                if position.is_none_or(|position| position.offset != offset) {
                    continue;
                }
                if let Some(state) = self.subscriptions.state_mut(&partition) {
                    state.high_watermark = Some(data.high_watermark);
                }
                let records = data.records.unwrap_or_default();
                if records.is_empty() {
                    continue;
                }
                let mut aborted: Vec<(i64, i64)> = data
                    .aborted_transactions
                    .unwrap_or_default()
                    .iter()
                    .map(|transaction| (transaction.producer_id.0, transaction.first_offset))
                    .collect();
                aborted.sort_by_key(|(_, first_offset)| *first_offset);
                self.fetcher.buffer.push_back(CompletedFetch {
                    partition,
                    next_fetch_offset: offset,
                    last_epoch: None,
                    rest: records,
                    open: VecDeque::new(),
                    open_timestamp_type: TimestampType::CreateTime,
                    batch_end: None,
                    aborted: aborted.into(),
                    aborted_producers: BTreeSet::new(),
                    delivered: 0,
                    consumed: false,
                });
            }
        }
    }

    /// `handleInitializeErrors`.
    fn fetch_error(&mut self, partition: &TopicPartition, offset: Offset, error: ErrorCode) {
        match error {
            ErrorCode::NotLeaderOrFollower
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::KafkaStorageError
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::OffsetNotAvailable => self.client.metadata.request_update(false),
            ErrorCode::UnknownTopicOrPartition => {
                self.fetch_warning(format!(
                    "Received unknown topic or partition error in fetch for partition {partition}"
                ));
                self.client.metadata.request_update(false);
            }
            ErrorCode::UnknownTopicId => {
                self.fetch_warning(format!(
                    "Received unknown topic ID error in fetch for partition {partition}"
                ));
                self.client.metadata.request_update(false);
            }
            ErrorCode::InconsistentTopicId => {
                self.fetch_warning(format!(
                    "Received inconsistent topic ID error in fetch for partition {partition}"
                ));
                self.client.metadata.request_update(false);
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

    fn offset_out_of_range(&mut self, partition: &TopicPartition, offset: Offset) {
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

    /// `collectFetch`: up to `max` records, partition after partition in the order of arrival.
    pub(super) fn collect_fetch(&mut self, max: usize) -> Vec<ConsumerRecord> {
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
            let outcome = self.fetch_from(&mut fetch, max, &mut records);
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

    /// `CompletedFetch.fetchRecords`.
    fn fetch_from(
        &self,
        fetch: &mut CompletedFetch,
        max: usize,
        records: &mut Vec<ConsumerRecord>,
    ) -> Result<(), KafkaError> {
        while records.len() < max {
            match fetch.open.pop_front() {
                Some(record) if record.offset < fetch.next_fetch_offset => {}
                Some(record) => {
                    fetch.next_fetch_offset = record.offset.next();
                    fetch.delivered += 1;
                    records.push(ConsumerRecord {
                        topic: fetch.partition.topic.clone(),
                        partition: fetch.partition.partition,
                        offset: record.offset,
                        leader_epoch: fetch.last_epoch,
                        timestamp: record.timestamp,
                        timestamp_type: fetch.open_timestamp_type,
                        key: record.key,
                        value: record.value,
                        headers: record
                            .headers
                            .into_iter()
                            .map(|header| (header.key, header.value))
                            .collect(),
                    });
                }
                None => {
                    if let Some(end) = fetch.batch_end.take() {
                        fetch.next_fetch_offset = fetch.next_fetch_offset.max(end);
                    }
                    if !self.open_next_batch(fetch)? {
                        fetch.consumed = true;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Opens the next batch; false at the end. Control batches and aborted ones are stepped over.
    fn open_next_batch(&self, fetch: &mut CompletedFetch) -> Result<bool, KafkaError> {
        let failed = |error: &dyn core::fmt::Display| {
            KafkaError::client(
                KAFKA,
                format!(
                    "Received exception when fetching the next record from {}. If needed, please seek past the record to continue consumption. ({error})",
                    fetch.partition
                ),
            )
        };
        let mut iterator = batches(&fetch.rest);
        let batch = match iterator.next() {
            None => return Ok(false),
            Some(batch) => batch.map_err(|error| failed(&error))?,
        };
        let header = batch.header();
        let read_committed = self.config.isolation_level == IsolationLevel::ReadCommitted;
        let producer = header.producer_id.0;
        let mut skip = header.attributes.is_control();
        let records = batch.records().map_err(|error| failed(&error))?;
        if read_committed && producer >= 0 {
            while let Some((id, first)) = fetch.aborted.front().copied() {
                if first > batch.last_offset().0 {
                    break;
                }
                fetch.aborted_producers.insert(id);
                fetch.aborted.pop_front();
            }
            if header.attributes.is_control() {
                // The key of a marker: version, then type; 0 is an abort (`ControlRecordType`).
                let is_abort = records
                    .first()
                    .and_then(|record| record.key.as_deref())
                    .is_some_and(|key| matches!(key.get(2..4), Some([0, 0])));
                if is_abort {
                    fetch.aborted_producers.remove(&producer);
                }
            } else if header.attributes.is_transactional()
                && fetch.aborted_producers.contains(&producer)
            {
                skip = true;
            }
        }
        fetch.last_epoch = Some(header.partition_leader_epoch).filter(|epoch| epoch.0 >= 0);
        fetch.open_timestamp_type = header.attributes.timestamp_type();
        fetch.rest = iterator.rest().clone();
        if skip {
            fetch.next_fetch_offset = fetch.next_fetch_offset.max(batch.last_offset().next());
        } else {
            fetch.open = records.into();
            // Compaction may have taken the last records: what follows starts behind the batch.
            fetch.batch_end = Some(batch.last_offset().next());
        }
        Ok(true)
    }

    fn fetch_warning(&mut self, text: String) {
        self.client.log(Level::Warn, LOGGER, text);
    }

    /// What is fetched for partitions that went away goes away.
    pub(super) fn drop_unassigned_fetches(&mut self) {
        let subscriptions = &self.subscriptions;
        self.fetcher.retain(|partition| subscriptions.state(partition).is_some());
    }
}
