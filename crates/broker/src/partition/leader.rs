//! What a partition's leader does beyond its log: it follows its followers, moves the high watermark,
//! and asks for changes of the ISR.

use logbrook_planted::{Bug, planted};
use logbrook_record::{LeaderEpoch, Offset};
use logbrook_sorted::SortedMap;

use super::Partition;
use super::high_watermark::{FollowerProgress, high_watermark};
use super::isr::IsrState;
use super::remote_replica::{FollowerFetch, RemoteReplica};
use crate::ErrorCode;

/// What a leader goes by besides its own state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaderContext<'a> {
    /// Ms since the epoch.
    pub(crate) now: i64,
    /// `replica.lag.time.max.ms`.
    pub(crate) lag_time_max_ms: i64,
    /// The brokers that are not fenced, as this broker's metadata have them.
    pub(crate) alive: &'a SortedMap<i32, AliveBroker>,
}

/// A broker that is registered and not fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AliveBroker {
    /// Of its registration.
    pub(crate) epoch: i64,
    /// It has asked to be shut down.
    pub(crate) in_controlled_shutdown: bool,
}

/// A change of the ISR to ask the controller for (AlterPartition).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IsrChange {
    pub(crate) leader_epoch: i32,
    pub(crate) partition_epoch: i32,
    /// The ISR wanted, each with the epoch that its broker fetches with (KIP-903), -1 where none is known.
    pub(crate) isr: Vec<(i32, i64)>,
}

/// What to do about a change of the ISR that the controller refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsrChangeRefused {
    /// Nothing: newer metadata are on their way, or the change may be asked for again later.
    GiveUp,
    /// Ask again.
    Retry,
}

impl Partition {
    /// `Partition.makeLeader`: the term begins at the log end, and the watermark may move where no other
    /// replica must have what is here.
    pub(super) fn make_leader(
        &mut self,
        is_new_epoch: bool,
        is_new_leader: bool,
        context: LeaderContext<'_>,
    ) {
        let followers: Vec<i32> =
            self.registration.replicas.iter().copied().filter(|id| *id != self.local_id).collect();
        self.remote_replicas.retain(|id, _| followers.contains(id));
        for id in followers {
            self.remote_replicas.entry(id).or_insert(RemoteReplica::NEW);
        }
        if is_new_epoch {
            let start = self.log.log_end_offset();
            self.log.begin_leader_epoch(LeaderEpoch(self.registration.leader_epoch));
            for (id, replica) in &mut self.remote_replicas {
                replica.reset(context.now, start, is_new_leader, self.isr.isr().contains(id));
            }
            self.leader_epoch_start = Some(start);
        }
        self.maybe_increment_high_watermark(context);
    }

    /// The followers in the ISR, as their fetches told of them; at a follower nobody.
    pub(crate) fn in_sync_followers(&self) -> impl Iterator<Item = (i32, &RemoteReplica)> {
        let isr = self.isr.isr();
        let all = self.remote_replicas.iter().map(|(id, replica)| (*id, replica));
        all.filter(move |(id, _)| isr.contains(id))
    }

    /// No topic can ask for more replicas in sync than it has (KAFKA-15583).
    pub(super) fn effective_min_insync_replicas(&self) -> usize {
        self.min_insync_replicas.min(self.registration.replicas.len())
    }

    /// Moves the high watermark to what the in-sync replicas have; says where to, if it moved.
    pub(crate) fn maybe_increment_high_watermark(
        &mut self,
        context: LeaderContext<'_>,
    ) -> Option<Offset> {
        let end = self.log.log_end_offset();
        let followers = self.remote_replicas.iter().map(|(id, replica)| FollowerProgress {
            log_end_offset: replica.log_end_offset,
            in_maximal_isr: self.isr.maximal_contains(*id),
            about_to_join: replica.is_caught_up(end, context.now, context.lag_time_max_ms)
                && may_join_isr(*id, replica, context),
        });
        let min_insync = self.effective_min_insync_replicas();
        let to = high_watermark(end, followers, self.isr.isr().len(), min_insync)?;
        (to > self.log.high_watermark()).then(|| self.log.set_high_watermark(to))
    }

    /// Whether a fetch of this follower counts: its replica is assigned, and its broker's epoch is not an
    /// old one (`Partition.followerReplicaOrThrow`, `Replica.updateFetchStateOrThrow`).
    pub(crate) fn check_follower(
        &self,
        fetch: FollowerFetch,
        names_epoch: bool,
        context: LeaderContext<'_>,
    ) -> Result<(), ErrorCode> {
        if !self.remote_replicas.contains_key(&fetch.replica_id) {
            // Newer metadata than ours may know this replica.
            return Err(if names_epoch {
                ErrorCode::UnknownLeaderEpoch
            } else {
                ErrorCode::NotLeaderOrFollower
            });
        }
        let alive = context.alive.get(&fetch.replica_id);
        if fetch.broker_epoch != -1 && alive.is_some_and(|alive| alive.epoch > fetch.broker_epoch) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        Ok(())
    }

    /// A follower tells where it is (`Partition.updateFollowerFetchState`). Answers a change of the ISR to
    /// ask for, and the new high watermark if it moved.
    pub(crate) fn update_follower(
        &mut self,
        fetch: FollowerFetch,
        context: LeaderContext<'_>,
    ) -> (Option<IsrChange>, Option<Offset>) {
        let end = self.log.log_end_offset();
        let Some(replica) = self.remote_replicas.get_mut(&fetch.replica_id) else {
            return (None, None);
        };
        let before = replica.log_end_offset;
        replica.update_fetch_state(context.now, fetch, end);
        let after = *replica;
        let expand = self.needs_expand(fetch.replica_id, &after, context).then(|| {
            let isr = self.isr.expand(fetch.replica_id);
            self.change_to(isr, context)
        });
        let moved = (before != after.log_end_offset)
            .then(|| self.maybe_increment_high_watermark(context))
            .flatten();
        (expand, moved)
    }

    /// Caught up to the watermark and to this term: it has all that is committed.
    fn needs_expand(&self, id: i32, replica: &RemoteReplica, context: LeaderContext<'_>) -> bool {
        !self.isr.is_inflight()
            && !self.isr.isr().contains(&id)
            && may_join_isr(id, replica, context)
            && replica.log_end_offset >= self.log.high_watermark()
            && self.leader_epoch_start.is_some_and(|start| replica.log_end_offset >= start)
    }

    /// Asks to remove what has not caught up for `replica.lag.time.max.ms` (`Partition.maybeShrinkIsr`).
    pub(crate) fn maybe_shrink_isr(&mut self, context: LeaderContext<'_>) -> Option<IsrChange> {
        if !self.is_leader() || self.isr.is_inflight() {
            return None;
        }
        let end = self.log.log_end_offset();
        let late = |id: &i32| {
            *id != self.local_id
                && self.remote_replicas.get(id).is_none_or(|replica| {
                    !replica.is_caught_up(end, context.now, context.lag_time_max_ms)
                })
        };
        let late: Vec<i32> = self.isr.isr().iter().copied().filter(late).collect();
        if late.is_empty() {
            return None;
        }
        let isr = self.isr.shrink(&late);
        if planted(Bug::IsrShrinkNotRecorded) {
            self.isr = IsrState::committed(isr);
            return None;
        }
        Some(self.change_to(isr, context))
    }

    fn change_to(&self, isr: Vec<i32>, context: LeaderContext<'_>) -> IsrChange {
        let epoch_of = |id: i32| {
            if id == self.local_id {
                return context.alive.get(&id).map_or(-1, |alive| alive.epoch);
            }
            self.remote_replicas.get(&id).and_then(|replica| replica.broker_epoch).unwrap_or(-1)
        };
        IsrChange {
            leader_epoch: self.registration.leader_epoch,
            partition_epoch: self.partition_epoch,
            isr: isr.into_iter().map(|id| (id, epoch_of(id))).collect(),
        }
    }

    /// The controller made the change (`Partition.handleAlterPartitionUpdate`), unless newer metadata came
    /// before. The new high watermark if it moved.
    pub(crate) fn isr_changed(
        &mut self,
        asked: &IsrChange,
        isr: Vec<i32>,
        leader_epoch: i32,
        partition_epoch: i32,
        context: LeaderContext<'_>,
    ) -> Option<Offset> {
        if !self.waits_for(asked)
            || leader_epoch != self.registration.leader_epoch
            || partition_epoch < self.partition_epoch
        {
            return None;
        }
        self.isr = IsrState::committed(isr);
        self.partition_epoch = partition_epoch;
        self.maybe_increment_high_watermark(context)
    }

    /// The controller refused the change (`Partition.handleAlterPartitionError`).
    pub(crate) fn isr_change_refused(
        &mut self,
        asked: &IsrChange,
        error: ErrorCode,
    ) -> IsrChangeRefused {
        if !self.waits_for(asked) {
            return IsrChangeRefused::GiveUp;
        }
        match error {
            // The controller says that the epoch was right and that it did nothing.
            ErrorCode::OperationNotAttempted | ErrorCode::IneligibleReplica => {
                self.isr.revert();
                IsrChangeRefused::GiveUp
            }
            // Whether it was done is not known: the change stays in flight until metadata tell.
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::InvalidUpdateVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::NewLeaderElected => IsrChangeRefused::GiveUp,
            _ => IsrChangeRefused::Retry,
        }
    }

    /// Whether a change of the ISR is still the one in flight: metadata may have come between.
    pub(crate) fn waits_for(&self, asked: &IsrChange) -> bool {
        self.is_leader()
            && self.isr.is_inflight()
            && asked.leader_epoch == self.registration.leader_epoch
            && asked.partition_epoch == self.partition_epoch
    }

    /// Whether everything below an offset is replicated as acks=all asks
    /// (`Partition.checkEnoughReplicasReachOffset`): `None` not yet.
    pub(crate) fn replicated_up_to(&self, required: Offset) -> Option<Result<(), ErrorCode>> {
        if !self.is_leader() {
            return Some(Err(ErrorCode::NotLeaderOrFollower));
        }
        if self.log.high_watermark() < required {
            return None;
        }
        // The ISR may have shrunk after the append.
        Some(if self.effective_min_insync_replicas() <= self.isr.maximal_len() {
            Ok(())
        } else {
            Err(ErrorCode::NotEnoughReplicasAfterAppend)
        })
    }
}

/// `Partition.isReplicaIsrEligible`: alive, staying, and of the same epoch as it fetches with.
fn may_join_isr(id: i32, replica: &RemoteReplica, context: LeaderContext<'_>) -> bool {
    let (Some(alive), Some(epoch)) = (context.alive.get(&id), replica.broker_epoch) else {
        return false;
    };
    !alive.in_controlled_shutdown && (epoch == -1 || epoch == alive.epoch)
}
