//! How far a partition is replicated: `Partition.maybeIncrementLeaderHW`.

use logbrook_record::Offset;

/// The high watermark that a leader may go to: the least log end offset over the in-sync
/// replicas. `None` while an in-sync follower has not said where it is, or while fewer replicas
/// are in sync than `min.insync.replicas` (KIP-966).
///
/// `followers` are the other in-sync replicas' log end offsets, as their fetches told them.
pub(crate) fn high_watermark(
    leader_log_end: Offset,
    followers: impl IntoIterator<Item = Option<Offset>>,
    min_insync_replicas: usize,
) -> Option<Offset> {
    let mut in_sync = 1;
    let mut least = leader_log_end;
    for follower in followers {
        least = least.min(follower?);
        in_sync += 1;
    }
    (in_sync >= min_insync_replicas).then_some(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alone_the_leader_is_its_own_high_watermark() {
        assert_eq!(high_watermark(Offset(7), [], 1), Some(Offset(7)));
    }

    #[test]
    fn the_slowest_in_sync_replica_holds_it_back() {
        let followers = [Some(Offset(9)), Some(Offset(4))];
        assert_eq!(high_watermark(Offset(9), followers, 2), Some(Offset(4)));
    }

    #[test]
    fn it_waits_for_unknown_followers_and_for_enough_of_them() {
        assert_eq!(high_watermark(Offset(9), [Some(Offset(9)), None], 1), None);
        assert_eq!(high_watermark(Offset(9), [Some(Offset(9))], 3), None);
    }
}
