//! Who follows the metadata log, and how far each is: the observers of `LeaderState`.

use kafka_protocol::messages::BrokerId;
use kafka_protocol::messages::describe_quorum_response::ReplicaState;
use logbrook_sorted::SortedMap;
use uuid::Uuid;

/// `LeaderState.OBSERVER_SESSION_TIMEOUT_MS`: one that has not fetched for this long is forgotten.
const SESSION_TIMEOUT_MS: i64 = 300_000;

#[derive(Clone, Debug)]
struct Observer {
    end_offset: i64,
    last_fetch_ms: i64,
    last_caught_up_ms: i64,
    /// Where the leader's log ended at the last fetch.
    leader_end_offset: i64,
}

/// By id and log directory.
#[derive(Clone, Debug, Default)]
pub(super) struct Observers(SortedMap<(i32, Uuid), Observer>);

impl Observers {
    /// A replica fetches from `offset`, so it has all before it (`ReplicaState.updateFollowerState`).
    pub(super) fn fetched(
        &mut self,
        (id, directory): (i32, Uuid),
        offset: i64,
        leader_end_offset: i64,
        now: i64,
    ) {
        // A consumer is none.
        if id < 0 {
            return;
        }
        let unknown = Observer {
            end_offset: -1,
            last_fetch_ms: -1,
            last_caught_up_ms: -1,
            leader_end_offset: -1,
        };
        let observer = self.0.entry((id, directory)).or_insert(unknown);
        if offset >= leader_end_offset {
            observer.last_caught_up_ms = now;
        } else if observer.leader_end_offset > 0 && offset >= observer.leader_end_offset {
            observer.last_caught_up_ms = observer.last_caught_up_ms.max(observer.last_fetch_ms);
        }
        observer.leader_end_offset = leader_end_offset;
        observer.end_offset = offset;
        observer.last_fetch_ms = now;
    }

    /// As DescribeQuorum tells of them.
    pub(super) fn describe(&mut self, now: i64) -> Vec<ReplicaState> {
        self.0
            .retain(|_, observer| now.saturating_sub(observer.last_fetch_ms) < SESSION_TIMEOUT_MS);
        let state = |((id, directory), observer): (&(i32, Uuid), &Observer)| {
            ReplicaState::default()
                .with_replica_id(BrokerId(*id))
                .with_replica_directory_id(*directory)
                .with_log_end_offset(observer.end_offset)
                .with_last_fetch_timestamp(observer.last_fetch_ms)
                .with_last_caught_up_timestamp(observer.last_caught_up_ms)
        };
        self.0.iter().map(state).collect()
    }
}
