//! Positions: where the consumer goes on reading (`OffsetFetcher`, `OffsetFetcherUtils`).
//!
//! | concept | file |
//! |---|---|
//! | committed offsets: OffsetFetch | `committed_offsets.rs` |
//! | offsets by time, the first and the last: ListOffsets | `list_offsets.rs` |
//! | what an application asks for | `offset_query.rs` |

mod committed_offsets;
mod list_offsets;
mod offset_query;

use logbrook_record::{LeaderEpoch, Offset};

use super::config::AutoOffsetReset;
use super::subscription_state::{FetchPosition, FetchState};
use super::{Consumer, QueryId};
use crate::log_line::Level;
use crate::topic_partition::{OffsetAndMetadata, TopicPartition};
use list_offsets::{EARLIEST_TIMESTAMP, LATEST_TIMESTAMP};
pub use offset_query::OffsetSpec;
pub(super) use offset_query::Query;

const LOGGER: &str = "org.apache.kafka.clients.consumer.internals.OffsetFetcher";

/// Why offsets are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::consumer) enum LookupFor {
    /// The consumer's own positions.
    Positions,
    /// An application's question.
    Query(QueryId),
}

impl Consumer {
    /// `updateFetchPositions`: committed offsets first, then the reset policy, then ListOffsets.
    pub(super) fn update_fetch_positions(&mut self, now: i64) {
        let initializing: Vec<TopicPartition> = self
            .subscriptions
            .assigned()
            .filter(|(_, state)| {
                state.fetch_state == FetchState::Initializing && !state.lookup_in_flight
            })
            .map(|(partition, _)| partition.clone())
            .collect();
        if !initializing.is_empty() {
            if self.config.group_id.is_some() {
                self.fetch_committed(now, &initializing, LookupFor::Positions);
                // The reset waits for the answer, as `initWithCommittedOffsetsIfNeeded` does.
            } else if let Err(error) = self.subscriptions.reset_initializing_positions() {
                self.raise(error);
            }
        }
        self.reset_positions_if_needed(now);
    }

    fn reset_positions_if_needed(&mut self, now: i64) {
        let wanted: Vec<(TopicPartition, i64)> = self
            .subscriptions
            .assigned()
            .filter(|(_, state)| !state.lookup_in_flight && state.next_retry_ms <= now)
            .filter_map(|(partition, state)| match state.fetch_state {
                FetchState::AwaitReset(AutoOffsetReset::Earliest) => {
                    Some((partition.clone(), EARLIEST_TIMESTAMP))
                }
                FetchState::AwaitReset(AutoOffsetReset::Latest | AutoOffsetReset::None) => {
                    Some((partition.clone(), LATEST_TIMESTAMP))
                }
                FetchState::AwaitReset(AutoOffsetReset::ByDuration(ms)) => {
                    Some((partition.clone(), now - ms))
                }
                FetchState::Initializing | FetchState::Fetching(_) => None,
            })
            .collect();
        let sent = self.list_offsets(now, wanted, LookupFor::Positions);
        for partition in sent {
            if let Some(state) = self.subscriptions.state_mut(&partition) {
                state.lookup_in_flight = true;
            }
        }
    }

    fn offset_found(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        epoch: Option<LeaderEpoch>,
        why: LookupFor,
    ) {
        match why {
            LookupFor::Positions => {
                let Some(state) = self.subscriptions.state_mut(partition) else { return };
                state.lookup_in_flight = false;
                // Sought in the meantime: the answer is of no use.
                if !matches!(state.fetch_state, FetchState::AwaitReset(_)) {
                    return;
                }
                if offset < 0 {
                    // by_duration, and nothing that young: the end.
                    state.fetch_state = FetchState::AwaitReset(AutoOffsetReset::Latest);
                    return;
                }
                state.fetch_state = FetchState::Fetching(FetchPosition {
                    offset: Offset(offset),
                    // As `resetPositionIfNeeded`: so that a position nothing was read at is not
                    // validated against an epoch.
                    offset_epoch: None,
                });
                self.client.log(
                    Level::Info,
                    LOGGER,
                    format!("Resetting offset for partition {partition} to position {offset}."),
                );
            }
            LookupFor::Query(id) => {
                let Some(query) = self.queries.get_mut(&id) else { return };
                query.missing.retain(|other| other != partition);
                let found = (offset >= 0).then(|| OffsetAndMetadata {
                    offset: Offset(offset),
                    leader_epoch: epoch,
                    metadata: String::new(),
                });
                query.found.insert(partition.clone(), found);
            }
        }
    }

    fn offset_missing(&mut self, now: i64, partition: &TopicPartition, why: LookupFor) {
        let retry = now.saturating_add(self.config.common.retry_backoff_ms);
        match why {
            LookupFor::Positions => {
                if let Some(state) = self.subscriptions.state_mut(partition) {
                    state.lookup_in_flight = false;
                    state.next_retry_ms = retry;
                }
            }
            LookupFor::Query(id) => {
                if let Some(query) = self.queries.get_mut(&id) {
                    query.next_try_ms = retry;
                }
            }
        }
    }
}
