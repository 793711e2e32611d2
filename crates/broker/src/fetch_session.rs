//! Fetch sessions (KIP-227): what a broker remembers of a fetcher, so that a fetch names only the
//! partitions that changed and a response only those with news (`FetchSession`,
//! `FetchSessionCacheShard`, `FetchManager`).

use logbrook_sorted::{SortedMap, SortedSet};

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::PartitionData;
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use uuid::Uuid;

use crate::ErrorCode;

/// `FetchMetadata.INVALID_SESSION_ID`: no session.
pub(crate) const INVALID_SESSION_ID: i32 = 0;
/// `FetchMetadata.INITIAL_EPOCH`: a full fetch that asks for a session.
const INITIAL_EPOCH: i32 = 0;
/// `FetchMetadata.FINAL_EPOCH`: a full fetch that wants none, and closes the one that it names.
const FINAL_EPOCH: i32 = -1;
/// `BrokerServer.NumFetchSessionCacheShards`.
const SHARDS: i32 = 8;
/// `KafkaBroker.MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`.
const EVICTION_MS: i64 = 120_000;
/// Session ids of one shard.
const SESSION_ID_RANGE: i32 = i32::MAX / SHARDS;
const SESSION_ID_STREAM: u64 = 0x7365_7373_696f;

/// A partition as a fetcher names it: by topic id from version 13 on (the name is empty then), by
/// name before (the id is zero then).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FetchKey {
    pub(crate) topic_id: Uuid,
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// What a request says about its session (`FetchMetadata`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FetchMetadata {
    pub(crate) session_id: i32,
    pub(crate) epoch: i32,
}

impl FetchMetadata {
    fn is_full(self) -> bool {
        self.epoch == INITIAL_EPOCH || self.epoch == FINAL_EPOCH
    }
}

/// `FetchMetadata.nextEpoch`: never 0 again, and after the last one comes none.
fn next_epoch(epoch: i32) -> i32 {
    match epoch {
        ..0 => FINAL_EPOCH,
        i32::MAX => 1,
        _ => epoch + 1,
    }
}

/// What was read of one partition.
#[derive(Clone, Debug)]
pub(crate) struct FetchedPartition {
    pub(crate) key: FetchKey,
    /// Its records are the first piece of those that were read.
    pub(crate) data: PartitionData,
    /// The other pieces.
    pub(crate) rest: Vec<Bytes>,
}

/// How a response is made from what was read (`FetchContext`). It outlives the waiting in the
/// purgatory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchContext {
    /// Everything is told, nothing remembered.
    Sessionless,
    /// Everything is told, and a session begins where there is room for one.
    Full {
        /// The request names topics by id.
        uses_topic_ids: bool,
        /// Followers' sessions are worth more than consumers'.
        privileged: bool,
    },
    /// Only news are told.
    Incremental(FetchMetadata),
}

/// What a partition of a session was told last, and what it asks for.
#[derive(Clone, Debug)]
struct CachedPartition {
    key: FetchKey,
    request: FetchPartition,
    high_watermark: i64,
    log_start_offset: i64,
}

impl CachedPartition {
    fn new(key: FetchKey, request: FetchPartition) -> CachedPartition {
        CachedPartition { key, request, high_watermark: -1, log_start_offset: -1 }
    }

    /// `maybeUpdateResponseData`: whether there are news, which count as told from now on.
    fn update(&mut self, data: &PartitionData) -> bool {
        let mut news = data.records.as_ref().is_some_and(|records| !records.is_empty())
            || data.preferred_read_replica.0 >= 0
            || data.diverging_epoch.epoch >= 0;
        if self.high_watermark != data.high_watermark {
            self.high_watermark = data.high_watermark;
            news = true;
        }
        if self.log_start_offset != data.log_start_offset {
            self.log_start_offset = data.log_start_offset;
            news = true;
        }
        if data.error_code != ErrorCode::None.code() {
            // So that the partition is told again once the error has gone.
            self.high_watermark = -1;
            news = true;
        }
        news
    }
}

#[derive(Clone, Debug)]
struct FetchSession {
    privileged: bool,
    uses_topic_ids: bool,
    creation_ms: i64,
    last_used_ms: i64,
    epoch: i32,
    /// Partitions when the session was last looked at; part of its place among the evictable.
    cached_size: usize,
    next_place: u64,
    /// In the order in which they are read: who brought records goes to the end, so that nobody starves.
    partitions: SortedMap<u64, CachedPartition>,
    places: SortedMap<FetchKey, u64>,
}

impl FetchSession {
    fn find(&mut self, key: &FetchKey) -> Option<&mut CachedPartition> {
        self.partitions.get_mut(self.places.get(key)?)
    }

    fn new_place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place - 1
    }

    /// `FetchSession.update`. All at once: one change after the other would move what comes behind it each
    /// time.
    fn merge(&mut self, fetch: &[(FetchKey, FetchPartition)], forgotten: &[FetchKey]) {
        let mut added: Vec<(&FetchKey, &FetchPartition)> = Vec::new();
        for (key, request) in fetch {
            match self.find(key) {
                Some(partition) => partition.request = request.clone(),
                None => added.push((key, request)),
            }
        }
        // Where a new partition is named twice, its first place counts, and its last request.
        let requests: SortedMap<&FetchKey, &FetchPartition> = added.iter().copied().collect();
        let firsts: SortedMap<&FetchKey, usize> =
            added.iter().enumerate().rev().map(|(at, (key, _))| (*key, at)).collect();
        let mut places = Vec::new();
        for (at, (key, _)) in added.iter().enumerate() {
            if firsts.get(key) == Some(&at)
                && let Some(request) = requests.get(key)
            {
                let place = self.new_place();
                let partition = CachedPartition::new((*key).clone(), (*request).clone());
                self.partitions.insert(place, partition);
                places.push(((*key).clone(), place));
            }
        }
        self.places.extend(places);
        if !forgotten.is_empty() {
            let forgotten: SortedSet<&FetchKey> = forgotten.iter().collect();
            self.places.retain(|key, _| !forgotten.contains(key));
            self.partitions.retain(|_, partition| !forgotten.contains(&partition.key));
        }
    }

    /// Moves partitions behind the others, in this order.
    fn move_to_end(&mut self, keys: &[FetchKey]) {
        let moved: SortedSet<u64> =
            keys.iter().filter_map(|key| self.places.get(key).copied()).collect();
        let all = core::mem::take(&mut self.partitions);
        let mut taken = SortedMap::new();
        for (place, partition) in all {
            let to = if moved.contains(&place) { &mut taken } else { &mut self.partitions };
            to.insert(place, partition);
        }
        for key in keys {
            let partition = self.places.get(key).and_then(|place| taken.get(place)).cloned();
            let Some(partition) = partition else { continue };
            let place = self.new_place();
            self.partitions.insert(place, partition);
            if let Some(known) = self.places.get_mut(key) {
                *known = place;
            }
        }
    }
}

/// Small is evicted before large, a consumer's before a follower's.
type EvictableKey = (bool, usize, i32);

#[derive(Clone, Debug, Default)]
struct Shard {
    sessions: SortedMap<i32, FetchSession>,
    last_used: SortedSet<(i64, i32)>,
    evictable_by_all: SortedSet<EvictableKey>,
    evictable_by_privileged: SortedSet<EvictableKey>,
}

impl Shard {
    fn remove(&mut self, id: i32) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.last_used.remove(&(session.last_used_ms, id));
        let key = (session.privileged, session.cached_size, id);
        self.evictable_by_all.remove(&key);
        self.evictable_by_privileged.remove(&key);
    }

    /// The session was used: its places among those to evict are found anew.
    fn touch(&mut self, id: i32, now: i64) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        self.last_used.remove(&(session.last_used_ms, id));
        session.last_used_ms = now;
        self.last_used.insert((now, id));
        let old = (session.privileged, session.cached_size, id);
        self.evictable_by_all.remove(&old);
        self.evictable_by_privileged.remove(&old);
        session.cached_size = session.partitions.len();
        let new = (session.privileged, session.cached_size, id);
        let settled = now.saturating_sub(session.creation_ms) > EVICTION_MS;
        if !session.privileged || settled {
            self.evictable_by_privileged.insert(new);
        }
        if settled {
            self.evictable_by_all.insert(new);
        }
    }

    /// Makes room for a session that is worth more than one that is here; says whether there is.
    fn try_evict(&mut self, privileged: bool, size: usize, now: i64) -> bool {
        let Some(&(last_used_ms, id)) = self.last_used.first() else { return false };
        if now.saturating_sub(last_used_ms) > EVICTION_MS {
            self.remove(id);
            return true;
        }
        let evictable =
            if privileged { &self.evictable_by_privileged } else { &self.evictable_by_all };
        match evictable.first() {
            Some(&least) if (privileged, size, 0) >= least => {
                self.remove(least.2);
                true
            }
            Some(_) | None => false,
        }
    }
}

/// The fetch sessions of one broker.
#[derive(Clone, Debug)]
pub(crate) struct FetchSessionCache {
    shards: Vec<Shard>,
    slots_each: usize,
    next_shard: usize,
    ids: Pcg32,
    evictions: u64,
}

impl FetchSessionCache {
    /// `slots`: `max.incremental.fetch.session.cache.slots`.
    pub(crate) fn new(slots: i64, seed: u64) -> FetchSessionCache {
        FetchSessionCache {
            shards: vec![Shard::default(); SHARDS.unsigned_abs() as usize],
            slots_each: usize::try_from(slots / i64::from(SHARDS)).unwrap_or(0),
            next_shard: 0,
            ids: Pcg32::new(seed, SESSION_ID_STREAM),
            evictions: 0,
        }
    }

    /// Forgets all sessions: the process is gone.
    pub(crate) fn clear(&mut self) {
        self.shards.iter_mut().for_each(|shard| *shard = Shard::default());
    }

    /// Sessions, their partitions, and sessions evicted so far.
    pub(crate) fn counts(&self) -> (usize, usize, u64) {
        let sessions = self.shards.iter().map(|shard| shard.sessions.len()).sum();
        let all = self.shards.iter().flat_map(|shard| shard.sessions.values());
        (sessions, all.map(|session| session.cached_size).sum(), self.evictions)
    }

    /// The shard of an id from a request. Kafka runs out of its array where there is none, and
    /// answers `UNKNOWN_SERVER_ERROR`.
    fn shard(&mut self, session_id: i32) -> Result<&mut Shard, ErrorCode> {
        let index = usize::try_from(session_id / SESSION_ID_RANGE).ok();
        index.and_then(|index| self.shards.get_mut(index)).ok_or(ErrorCode::UnknownServerError)
    }

    /// `FetchManager.newContext`: what to answer with, and the partitions to read.
    ///
    /// # Errors
    /// A session that is not there, another epoch than the session's, names where the session has
    /// ids: the whole response.
    pub(crate) fn new_context(
        &mut self,
        now: i64,
        metadata: FetchMetadata,
        (uses_topic_ids, privileged): (bool, bool),
        fetch: Vec<(FetchKey, FetchPartition)>,
        forgotten: &[FetchKey],
    ) -> Result<(FetchContext, Vec<(FetchKey, FetchPartition)>), ErrorCode> {
        let FetchMetadata { session_id, epoch } = metadata;
        if metadata.is_full() {
            if session_id != INVALID_SESSION_ID {
                self.shard(session_id)?.remove(session_id);
            }
            let context = match epoch {
                FINAL_EPOCH => FetchContext::Sessionless,
                _ => FetchContext::Full { uses_topic_ids, privileged },
            };
            return Ok((context, fetch));
        }
        let shard = self.shard(session_id)?;
        let Some(session) = shard.sessions.get_mut(&session_id) else {
            return Err(ErrorCode::FetchSessionIdNotFound);
        };
        if session.epoch != epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if session.uses_topic_ids != uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        session.merge(&fetch, forgotten);
        if session.partitions.is_empty() {
            shard.remove(session_id);
            return Ok((FetchContext::Sessionless, fetch));
        }
        session.epoch = next_epoch(epoch);
        let all = session.partitions.values().map(|p| (p.key.clone(), p.request.clone()));
        let all = all.collect();
        shard.touch(session_id, now);
        Ok((FetchContext::Incremental(metadata), all))
    }

    /// `updateAndGenerateResponseData`: the session's id, and of what was read that which is told.
    /// `requests` are those of what was read, in its order.
    ///
    /// # Errors
    /// The session went on without this fetch.
    pub(crate) fn complete(
        &mut self,
        now: i64,
        context: FetchContext,
        requests: &mut dyn Iterator<Item = &FetchPartition>,
        mut read: Vec<FetchedPartition>,
    ) -> Result<(i32, Vec<FetchedPartition>), (i32, ErrorCode)> {
        match context {
            FetchContext::Sessionless => Ok((INVALID_SESSION_ID, read)),
            FetchContext::Full { uses_topic_ids, privileged } => {
                let id = self.maybe_create(now, privileged, read.len());
                if let Some((shard, id)) = id {
                    let cached = read.iter().zip(requests).map(|(read, request)| CachedPartition {
                        key: read.key.clone(),
                        request: request.clone(),
                        high_watermark: read.data.high_watermark,
                        log_start_offset: read.data.log_start_offset,
                    });
                    let partitions: SortedMap<u64, CachedPartition> = (0..).zip(cached).collect();
                    let session = FetchSession {
                        privileged,
                        uses_topic_ids,
                        creation_ms: now,
                        last_used_ms: now,
                        epoch: next_epoch(INITIAL_EPOCH),
                        cached_size: 0,
                        next_place: partitions.len() as u64,
                        places: partitions.iter().map(|(at, p)| (p.key.clone(), *at)).collect(),
                        partitions,
                    };
                    self.shards[shard].sessions.insert(id, session);
                    self.shards[shard].touch(id, now);
                }
                Ok((id.map_or(INVALID_SESSION_ID, |(_, id)| id), read))
            }
            FetchContext::Incremental(FetchMetadata { session_id, epoch }) => {
                let session =
                    self.shard(session_id).ok().and_then(|s| s.sessions.get_mut(&session_id));
                // Evicted while this waited: Kafka answers from the session that it still holds in
                // its hands. Here it is gone, so all is told; the next fetch hears of it.
                let Some(session) = session else { return Ok((session_id, read)) };
                if session.epoch != next_epoch(epoch) {
                    return Err((session_id, ErrorCode::InvalidFetchSessionEpoch));
                }
                let mut brought = Vec::new();
                read.retain(|FetchedPartition { key, data, .. }| {
                    let Some(partition) = session.find(key) else { return false };
                    let news = partition.update(data);
                    if news && data.records.as_ref().is_some_and(|records| !records.is_empty()) {
                        brought.push(key.clone());
                    }
                    news
                });
                session.move_to_end(&brought);
                Ok((session_id, read))
            }
        }
    }

    /// `maybeCreateSession`: a shard with room, found in turn, and an id there.
    fn maybe_create(&mut self, now: i64, privileged: bool, size: usize) -> Option<(usize, i32)> {
        let index = self.next_shard % self.shards.len();
        self.next_shard = index + 1;
        let shard = &mut self.shards[index];
        if shard.sessions.len() >= self.slots_each {
            if !shard.try_evict(privileged, size, now) {
                return None;
            }
            self.evictions += 1;
        }
        let first = i32::try_from(index).unwrap_or(0) * SESSION_ID_RANGE;
        loop {
            let id = first + (self.ids.next_u32() % SESSION_ID_RANGE.unsigned_abs()) as i32;
            if id != INVALID_SESSION_ID && !shard.sessions.contains_key(&id) {
                return Some((index, id));
            }
        }
    }
}
