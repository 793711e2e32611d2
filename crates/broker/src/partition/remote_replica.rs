//! What a leader knows of a follower, from its fetches: `Replica` and `ReplicaState`.

use logbrook_record::Offset;

/// A follower as its leader sees it. A new one has not been heard of: no fetch of this term told where it
/// is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemoteReplica {
    /// -1 until told.
    pub(crate) log_start_offset: Offset,
    /// The offset that it fetches next; -1 until told.
    pub(crate) log_end_offset: Offset,
    /// The leader's log end offset at the last fetch.
    last_fetch_leader_log_end_offset: Offset,
    /// When the last fetch came, in ms.
    last_fetch_time_ms: i64,
    /// The last time, in ms, of which is known that the follower had all that the leader had then.
    last_caught_up_time_ms: i64,
    /// The epoch that the broker fetched with; -1 where the fetch does not say.
    pub(crate) broker_epoch: Option<i64>,
}

const UNKNOWN: Offset = Offset(-1);

impl RemoteReplica {
    pub(crate) const NEW: RemoteReplica = RemoteReplica {
        log_start_offset: UNKNOWN,
        log_end_offset: UNKNOWN,
        last_fetch_leader_log_end_offset: Offset(0),
        last_fetch_time_ms: 0,
        last_caught_up_time_ms: 0,
        broker_epoch: None,
    };

    /// `Replica.updateFetchStateOrThrow`, without its check of the epoch.
    pub(crate) fn update_fetch_state(
        &mut self,
        now: i64,
        fetch: FollowerFetch,
        leader_end: Offset,
    ) {
        if fetch.fetch_offset >= leader_end {
            self.last_caught_up_time_ms = self.last_caught_up_time_ms.max(now);
        } else if fetch.fetch_offset >= self.last_fetch_leader_log_end_offset {
            self.last_caught_up_time_ms = self.last_caught_up_time_ms.max(self.last_fetch_time_ms);
        }
        self.log_start_offset = fetch.log_start_offset;
        self.log_end_offset = fetch.fetch_offset;
        self.last_fetch_leader_log_end_offset =
            self.last_fetch_leader_log_end_offset.max(leader_end);
        self.last_fetch_time_ms = now;
        self.broker_epoch = Some(fetch.broker_epoch);
    }

    /// A term of leadership begins (`Replica.resetReplicaState`). What is not in sync counts as never
    /// caught up, so that it does not hold back the high watermark.
    pub(crate) fn reset(
        &mut self,
        now: i64,
        leader_end: Offset,
        is_new_leader: bool,
        in_sync: bool,
    ) {
        let since = if in_sync { now } else { 0 };
        if is_new_leader {
            *self = RemoteReplica {
                last_fetch_leader_log_end_offset: UNKNOWN,
                last_caught_up_time_ms: since,
                ..RemoteReplica::NEW
            };
        } else {
            self.last_fetch_leader_log_end_offset = leader_end;
            self.last_fetch_time_ms = since;
            self.last_caught_up_time_ms = since;
        }
    }

    /// How long ago it had all that the leader had then, in ms, as far as is known.
    pub(crate) fn since_caught_up_ms(&self, now: i64) -> i64 {
        now.saturating_sub(self.last_caught_up_time_ms)
    }

    /// `ReplicaState.isCaughtUp`.
    pub(crate) fn is_caught_up(&self, leader_end: Offset, now: i64, max_lag_ms: i64) -> bool {
        leader_end == self.log_end_offset
            || now.saturating_sub(self.last_caught_up_time_ms) <= max_lag_ms
    }
}

/// What a follower's fetch says of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FollowerFetch {
    /// The follower's node id.
    pub(crate) replica_id: i32,
    /// The epoch of its registration; -1 where the request does not say.
    pub(crate) broker_epoch: i64,
    /// It has everything below.
    pub(crate) fetch_offset: Offset,
    /// Where its log starts.
    pub(crate) log_start_offset: Offset,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetch(offset: i64) -> FollowerFetch {
        FollowerFetch {
            replica_id: 2,
            broker_epoch: 5,
            fetch_offset: Offset(offset),
            log_start_offset: Offset(0),
        }
    }

    /// `ReplicaTest`: caught up at the time of the fetch that reaches the leader's end; one that reaches
    /// what the end was at the last fetch, at the time of that.
    #[test]
    fn caught_up_when_the_end_of_then_is_reached() {
        let mut replica = RemoteReplica::NEW;
        replica.reset(100, Offset(10), true, false);
        assert!(!replica.is_caught_up(Offset(10), 100, 50));
        replica.update_fetch_state(200, fetch(5), Offset(10));
        assert_eq!(replica.last_caught_up_time_ms, 0);
        replica.update_fetch_state(300, fetch(10), Offset(15));
        assert_eq!(replica.last_caught_up_time_ms, 200);
        replica.update_fetch_state(400, fetch(15), Offset(15));
        assert_eq!(replica.last_caught_up_time_ms, 400);
        assert!(replica.is_caught_up(Offset(20), 450, 50));
        assert!(!replica.is_caught_up(Offset(20), 451, 50));
        assert!(replica.is_caught_up(Offset(15), 9_999, 50), "whoever has all is never late");
    }

    #[test]
    fn a_reelected_leader_keeps_what_it_knows() {
        let mut replica = RemoteReplica::NEW;
        replica.update_fetch_state(200, fetch(10), Offset(10));
        replica.reset(300, Offset(12), false, true);
        assert_eq!((replica.log_end_offset, replica.broker_epoch), (Offset(10), Some(5)));
        replica.reset(400, Offset(12), true, true);
        assert_eq!((replica.log_end_offset, replica.broker_epoch), (UNKNOWN, None));
        assert_eq!(replica.last_caught_up_time_ms, 400);
    }
}
