//! A broker's fetches from the leaders that it follows: `ReplicaFetcherThread`, one for each leader.
//!
//! One request at a time goes to a leader, for all partitions that are ready. A partition with an error
//! waits for `replica.fetch.backoff.ms`; one whose leader fences it waits for newer metadata. Truncation
//! comes with the fetch: it says the epoch of what was fetched last, and a leader whose history differs
//! answers where (KIP-595). Different from Kafka 4.4: one fetcher for each leader
//! (`num.replica.fetchers=1`), and no fetch sessions between brokers.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};
use logbrook_planted::{Bug, planted};
use logbrook_record::{LeaderEpoch, Offset, batches};
use logbrook_sorted::SortedMap;
use uuid::Uuid;

use super::PartitionKey;
use super::truncation::truncation_offset;
use crate::partition::Partition;
use crate::peers::{PeerChannel, Purpose};
use crate::{Broker, BrokerConfig, BrokerEvent, BrokerEventKind, Effects, ErrorCode};

/// `FetchMetadata.FINAL_EPOCH`: without a session.
const FINAL_EPOCH: i32 = -1;

/// What a partition's fetch asked for. Its response counts only while this is still what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FetchedFrom {
    pub(crate) offset: Offset,
    pub(crate) leader_epoch: i32,
}

/// `PartitionFetchState`.
#[derive(Clone, Debug)]
struct FetchState {
    topic_id: Uuid,
    from: FetchedFrom,
    last_fetched_epoch: Option<LeaderEpoch>,
    phase: Phase,
    /// Not before this time, in ms.
    delayed_until: Option<i64>,
    /// Partitions that were served last come last.
    turn: u64,
}

/// What a partition has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Fetching,
    /// Its offset is out of the leader's range: ask where the leader's log ends.
    FindLeaderEnd,
    /// It ends beyond ours: ask where it starts.
    FindLeaderStart,
    /// The leader has a newer term than we know: wait for the metadata.
    Fenced,
}

/// The fetchers of a broker, by leader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fetchers {
    by_leader: SortedMap<i32, SortedMap<PartitionKey, FetchState>>,
    turns: u64,
}

impl Fetchers {
    /// Follows a partition's leader from now on (`AbstractFetcherManager.addFetcherForPartitions`).
    pub(crate) fn follow(&mut self, partition: &mut Partition, now: i64) {
        let key = (partition.topic().to_owned(), partition.index());
        self.forget(&key);
        let last_fetched_epoch = partition.log().latest_epoch();
        if planted(Bug::TruncateToWatermark) {
            let high_watermark = partition.log().high_watermark();
            partition.log_mut().truncate_to(high_watermark, now);
        }
        let offset = match last_fetched_epoch {
            Some(_) => partition.log().log_end_offset(),
            // Nothing is known of terms: only what is committed is kept.
            None => {
                let high_watermark = partition.log().high_watermark();
                partition.log_mut().truncate_to(high_watermark, now);
                high_watermark
            }
        };
        self.turns += 1;
        let state = FetchState {
            topic_id: partition.topic_id(),
            from: FetchedFrom { offset, leader_epoch: partition.leader_epoch() },
            last_fetched_epoch,
            phase: Phase::Fetching,
            delayed_until: None,
            turn: self.turns,
        };
        self.by_leader.entry(partition.leader()).or_default().insert(key, state);
    }

    /// Follows it no more.
    pub(crate) fn forget(&mut self, key: &PartitionKey) {
        for partitions in self.by_leader.values_mut() {
            partitions.remove(key);
        }
        self.by_leader.retain(|_, partitions| !partitions.is_empty());
    }

    /// Follows nothing any more: the process ends.
    pub(crate) fn clear(&mut self) {
        self.by_leader.clear();
    }

    /// These partitions wait before they are tried again (`delayPartitions`).
    pub(crate) fn back_off(
        &mut self,
        now: i64,
        leader: i32,
        keys: impl IntoIterator<Item = PartitionKey>,
        config: &BrokerConfig,
    ) {
        let until = now.saturating_add(config.number("replica.fetch.backoff.ms"));
        for key in keys {
            if let Some(state) = self.state(leader, &key)
                && state.delayed_until.is_none()
            {
                state.delayed_until = Some(until);
            }
        }
    }

    /// When a partition's waiting is over, in ms.
    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.states().filter_map(|(_, _, state)| state.delayed_until).min()
    }

    /// What is to be sent now: for each idle leader either an offset to ask for, or a fetch.
    fn due(&mut self, now: i64, is_busy: impl Fn(i32) -> bool) -> Vec<(i32, Due)> {
        let mut all = Vec::new();
        for (leader, partitions) in &mut self.by_leader {
            let busy = is_busy(*leader);
            let mut ready: Vec<(&PartitionKey, &mut FetchState)> = Vec::new();
            for (key, state) in partitions.iter_mut() {
                state.delayed_until.take_if(|until| *until <= now);
                if !busy && state.delayed_until.is_none() {
                    ready.push((key, state));
                }
            }
            if busy {
                continue;
            }
            let lost = ready.iter().find(|(_, state)| {
                matches!(state.phase, Phase::FindLeaderEnd | Phase::FindLeaderStart)
            });
            if let Some((key, state)) = lost {
                let due = Due::Offset((*key).clone(), state.from.leader_epoch, state.phase);
                all.push((*leader, due));
                continue;
            }
            ready.retain(|(_, state)| state.phase == Phase::Fetching);
            logbrook_sorted::sort_by_key(&mut ready, |(_, state)| state.turn);
            let fetch: Vec<Wanted> =
                ready.into_iter().map(|(key, state)| (key.clone(), state.clone())).collect();
            if !fetch.is_empty() {
                all.push((*leader, Due::Fetch(fetch)));
            }
        }
        all
    }

    fn state(&mut self, leader: i32, key: &PartitionKey) -> Option<&mut FetchState> {
        self.by_leader.get_mut(&leader)?.get_mut(key)
    }

    fn states(&self) -> impl Iterator<Item = (i32, &PartitionKey, &FetchState)> {
        self.by_leader.iter().flat_map(|(leader, partitions)| {
            partitions.iter().map(move |(key, state)| (*leader, key, state))
        })
    }

    /// What a partition that is still followed there has to do next.
    pub(super) fn phase(&mut self, leader: i32, key: &PartitionKey) -> Option<Phase> {
        self.state(leader, key).map(|state| state.phase)
    }

    /// The partition goes on in this phase, if it is still followed there.
    pub(super) fn enter(&mut self, leader: i32, key: &PartitionKey, phase: Phase) {
        if let Some(state) = self.state(leader, key) {
            state.phase = phase;
        }
    }

    /// The partition fetches on from its log's end.
    pub(super) fn go_on(&mut self, leader: i32, key: &PartitionKey, partition: &Partition) {
        self.turns += 1;
        let turn = self.turns;
        if let Some(state) = self.state(leader, key) {
            state.from.offset = partition.log().log_end_offset();
            state.last_fetched_epoch = partition.log().latest_epoch();
            state.phase = Phase::Fetching;
            state.turn = turn;
        }
    }
}

type Wanted = (PartitionKey, FetchState);

enum Due {
    Offset(PartitionKey, i32, Phase),
    Fetch(Vec<Wanted>),
}

impl Broker {
    /// Sends what the fetchers have to send.
    pub(crate) fn drive_fetchers(&mut self, now: i64, effects: &mut Effects) {
        let peers = &self.peers;
        let due =
            self.fetchers.due(now, |leader| peers.is_busy(leader, PeerChannel::ReplicaFetcher));
        // This runs after whatever happens: a config is looked up where there is something to send.
        if due.is_empty() {
            return;
        }
        let timeout_ms = self.config.number("replica.socket.timeout.ms");
        for (leader, due) in due {
            let (body, purpose) = match due {
                Due::Fetch(wanted) => {
                    let body = self.fetch_request(&wanted);
                    let asked = wanted.into_iter().map(|(key, state)| (key, state.from));
                    (body.into(), Purpose::ReplicaFetch(asked.collect()))
                }
                Due::Offset(key, leader_epoch, phase) => {
                    let start = phase == Phase::FindLeaderStart;
                    let body = super::leader_offset::request(
                        &key,
                        self.config.node_id,
                        leader_epoch,
                        start,
                    );
                    (body.into(), Purpose::LeaderOffset(key))
                }
            };
            let to = (leader, PeerChannel::ReplicaFetcher);
            self.send(now, to, body, timeout_ms, purpose, effects);
        }
    }

    fn fetch_request(&self, wanted: &[Wanted]) -> FetchRequest {
        let int = |name| i32::try_from(self.config.number(name)).unwrap_or(i32::MAX);
        let max_bytes = int("replica.fetch.max.bytes");
        let mut topics: Vec<FetchTopic> = Vec::new();
        for ((topic, index), state) in wanted {
            let log_start = self.replica_manager.partition(topic, *index);
            let log_start = log_start.map_or(Offset(-1), |p| p.log().log_start_offset());
            let partition = FetchPartition::default()
                .with_partition(*index)
                .with_current_leader_epoch(state.from.leader_epoch)
                .with_fetch_offset(state.from.offset.0)
                .with_last_fetched_epoch(state.last_fetched_epoch.map_or(-1, |epoch| epoch.0))
                .with_log_start_offset(log_start.0)
                .with_partition_max_bytes(max_bytes);
            match topics.last_mut() {
                Some(last) if last.topic_id == state.topic_id => last.partitions.push(partition),
                Some(_) | None => topics.push(
                    FetchTopic::default()
                        .with_topic_id(state.topic_id)
                        .with_partitions(vec![partition]),
                ),
            }
        }
        let replica = ReplicaState::default()
            .with_replica_id(BrokerId(self.config.node_id))
            .with_replica_epoch(self.broker_epoch());
        FetchRequest::default()
            .with_replica_state(replica)
            .with_max_wait_ms(int("replica.fetch.wait.max.ms"))
            .with_min_bytes(int("replica.fetch.min.bytes"))
            .with_max_bytes(int("replica.fetch.response.max.bytes"))
            .with_session_epoch(FINAL_EPOCH)
            .with_topics(topics)
    }

    /// `AbstractFetcherThread.processFetchRequest`, from the response on.
    pub(crate) fn follower_fetched(
        &mut self,
        now: i64,
        leader: i32,
        asked: &[(PartitionKey, FetchedFrom)],
        response: FetchResponse,
        effects: &mut Effects,
    ) {
        if response.error_code != ErrorCode::None.code() {
            let keys = asked.iter().map(|(key, _)| key.clone());
            self.fetchers.back_off(now, leader, keys, &self.config);
            return;
        }
        for topic in response.responses {
            let Some(name) = self.image.topic_by_id(topic.topic_id).map(|topic| topic.name.clone())
            else {
                continue;
            };
            for data in topic.partitions {
                let key = (name.clone(), data.partition_index);
                let from = asked.iter().find(|(asked, _)| *asked == key).map(|(_, from)| *from);
                let wanted = self.fetchers.state(leader, &key).is_some_and(|state| {
                    Some(state.from) == from
                        && state.phase == Phase::Fetching
                        && state.delayed_until.is_none()
                });
                if wanted {
                    self.partition_fetched(now, leader, &key, data, effects);
                }
            }
        }
    }

    fn partition_fetched(
        &mut self,
        now: i64,
        leader: i32,
        key: &PartitionKey,
        data: PartitionData,
        effects: &mut Effects,
    ) {
        let backs_off = match ErrorCode::from_code(data.error_code) {
            Some(ErrorCode::None) => !self.replicate(now, leader, key, data, effects),
            Some(ErrorCode::OffsetOutOfRange) => {
                self.fetchers.enter(leader, key, Phase::FindLeaderEnd);
                false
            }
            Some(ErrorCode::FencedLeaderEpoch) => {
                self.fetchers.enter(leader, key, Phase::Fenced);
                false
            }
            Some(_) | None => true,
        };
        if backs_off {
            self.fetchers.back_off(now, leader, [key.clone()], &self.config);
        }
    }

    /// `ReplicaFetcherThread.processPartitionData`, or a truncation where histories differ. `false` where the
    /// records were refused.
    fn replicate(
        &mut self,
        now: i64,
        leader: i32,
        key: &PartitionKey,
        data: PartitionData,
        effects: &mut Effects,
    ) -> bool {
        let (topic, index) = (key.0.clone(), key.1);
        let Some(partition) = self.replica_manager.partition_mut(&topic, index) else {
            self.fetchers.forget(key);
            return true;
        };
        let mut tell = |kind| effects.events.push(BrokerEvent { cause: None, kind });
        if data.diverging_epoch.epoch >= 0 {
            let leaders =
                (LeaderEpoch(data.diverging_epoch.epoch), Offset(data.diverging_epoch.end_offset));
            let to = truncation_offset(partition.log(), leaders);
            if partition.log_mut().truncate_to(to, now) {
                tell(BrokerEventKind::Truncated { topic, partition: index, to: to.0 });
            }
            self.fetchers.go_on(leader, key, partition);
            return true;
        }
        let records = known_terms(data.records.unwrap_or_default(), partition.leader_epoch());
        let log = partition.log_mut();
        if !records.is_empty() {
            match log.append_as_follower(records, now) {
                Ok(info) => tell(BrokerEventKind::Replicated {
                    topic: topic.clone(),
                    partition: index,
                    first: info.first_offset.0,
                    last: info.last_offset.0,
                    bytes: info.bytes,
                    leader,
                }),
                Err(_) => return false,
            }
        }
        let before = (log.high_watermark(), log.log_start_offset());
        log.set_high_watermark(Offset(data.high_watermark));
        // The leader's start may be beyond our watermark: then it moves with the next fetch.
        let _ = log.increment_log_start_offset(Offset(data.log_start_offset));
        let high_watermark = log.high_watermark();
        if high_watermark != before.0 {
            tell(BrokerEventKind::HighWatermark {
                topic: topic.clone(),
                partition: index,
                high_watermark: high_watermark.0,
            });
        }
        if (high_watermark, log.log_start_offset()) != before {
            self.replica_manager.delayed_fetches.touch(&topic, index);
        }
        self.replica_manager.touch_storage();
        if let Some(partition) = self.replica_manager.partition(&topic, index) {
            self.fetchers.go_on(leader, key, partition);
        }
        true
    }
}

/// The batches up to the first of a later term than we know of: a leader of that term is to send it
/// (KAFKA-18723).
fn known_terms(records: Bytes, leader_epoch: i32) -> Bytes {
    let mut known = 0;
    for batch in batches(&records) {
        match batch {
            Ok(batch) if batch.header().partition_leader_epoch.0 <= leader_epoch => {
                known += batch.bytes().len();
            }
            // What is not a batch is the log's to refuse.
            Err(_) => return records,
            Ok(_) => break,
        }
    }
    records.slice(..known)
}
