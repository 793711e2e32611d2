//! What an application asks for: `beginningOffsets`, `endOffsets`, `offsetsForTimes`, `committed`.

use logbrook_sorted::SortedMap;

use super::LookupFor;
use super::list_offsets::{EARLIEST_TIMESTAMP, LATEST_TIMESTAMP};
use crate::consumer::subscription_state::list;
use crate::consumer::{Consumer, ConsumerOutput, QueryId};
use crate::error::KafkaError;
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};

/// Which offset to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log start offset (-2).
    Earliest,
    /// The high watermark, or the last stable offset with `read_committed` (-1).
    Latest,
    /// The first record whose timestamp is at least this.
    Timestamp(i64),
    /// What the group has committed.
    Committed,
}

/// An application's question under way.
#[derive(Clone, Debug)]
pub(in crate::consumer) struct Query {
    spec: OffsetSpec,
    pub(super) missing: Vec<TopicPartition>,
    pub(super) in_flight: usize,
    pub(super) found: SortedMap<TopicPartition, Option<OffsetAndMetadata>>,
    asked_ms: i64,
    pub(in crate::consumer) deadline_ms: i64,
    pub(in crate::consumer) next_try_ms: i64,
    all: Vec<TopicPartition>,
}

fn timestamp_of(spec: OffsetSpec) -> i64 {
    match spec {
        OffsetSpec::Earliest => EARLIEST_TIMESTAMP,
        OffsetSpec::Latest | OffsetSpec::Committed => LATEST_TIMESTAMP,
        OffsetSpec::Timestamp(timestamp) => timestamp,
    }
}

impl Consumer {
    /// Asks for offsets; ends in [`ConsumerOutput::Offsets`], at the latest after
    /// `default.api.timeout.ms`. `None` for a partition: nothing committed, or no record that late.
    pub fn query_offsets(
        &mut self,
        now: i64,
        partitions: &[TopicPartition],
        spec: OffsetSpec,
    ) -> QueryId {
        let id = QueryId(self.next_query);
        self.next_query += 1;
        let query = Query {
            spec,
            missing: partitions.to_vec(),
            in_flight: 0,
            found: SortedMap::new(),
            asked_ms: now,
            deadline_ms: now.saturating_add(self.config.default_api_timeout_ms),
            next_try_ms: now,
            all: partitions.to_vec(),
        };
        self.queries.insert(id, query);
        id
    }

    pub(in crate::consumer) fn run_queries(&mut self, now: i64) {
        let ids: Vec<QueryId> = self.queries.keys().copied().collect();
        for id in ids {
            let Some(query) = self.queries.get(&id) else { continue };
            if query.missing.is_empty() {
                if let Some(query) = self.queries.remove(&id) {
                    self.outputs.push_back(ConsumerOutput::Offsets { id, result: Ok(query.found) });
                }
                continue;
            }
            if now >= query.deadline_ms {
                let waited = query.deadline_ms - query.asked_ms;
                let message = match query.spec {
                    OffsetSpec::Committed => format!(
                        "Timeout of {waited}ms expired before the last committed offset for partitions {} could be determined. Try tuning default.api.timeout.ms larger to relax the threshold.",
                        list(&query.all)
                    ),
                    OffsetSpec::Earliest | OffsetSpec::Latest | OffsetSpec::Timestamp(_) => {
                        format!("Failed to get offsets by times in {waited}ms")
                    }
                };
                self.queries.remove(&id);
                let result = Err(KafkaError::timeout(message));
                self.outputs.push_back(ConsumerOutput::Offsets { id, result });
                continue;
            }
            if query.in_flight > 0 || query.next_try_ms > now {
                continue;
            }
            let missing = query.missing.clone();
            let spec = query.spec;
            let sent = match spec {
                OffsetSpec::Committed => {
                    usize::from(self.fetch_committed(now, &missing, LookupFor::Query(id)))
                }
                OffsetSpec::Earliest | OffsetSpec::Latest | OffsetSpec::Timestamp(_) => {
                    let wanted = missing.into_iter().map(|p| (p, timestamp_of(spec))).collect();
                    let before = self.pending.len();
                    self.list_offsets(now, wanted, LookupFor::Query(id));
                    self.pending.len() - before
                }
            };
            if let Some(query) = self.queries.get_mut(&id) {
                query.in_flight = sent;
            }
        }
    }
}
