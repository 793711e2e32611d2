//! How far a partition is replicated: `Partition.maybeIncrementLeaderHW`.

use logbrook_planted::{Bug, planted};
use logbrook_record::Offset;

/// What the rule asks of a follower.
#[derive(Clone, Copy, Debug)]
pub(super) struct FollowerProgress {
    /// The offset that it fetches next; -1 where no fetch of this term has told.
    pub(super) log_end_offset: Offset,
    /// In sync, or asked to be.
    pub(super) in_maximal_isr: bool,
    /// Not in sync, but caught up and allowed to be.
    pub(super) about_to_join: bool,
}

/// The high watermark that a leader may go to: the least log end offset over the replicas in sync
/// and those about to be. `None` while fewer replicas are in sync than `min.insync.replicas` (KIP-966).
/// An answer below the present watermark moves nothing.
pub(super) fn high_watermark(
    leader_log_end: Offset,
    followers: impl IntoIterator<Item = FollowerProgress>,
    isr_len: usize,
    min_insync_replicas: usize,
) -> Option<Offset> {
    if isr_len < min_insync_replicas && !planted(Bug::MinIsrIgnored) {
        return None;
    }
    if planted(Bug::WatermarkEarly) {
        return Some(leader_log_end);
    }
    // A leader that waits for one about to join lets it reach the watermark, which else would run away
    // from it for ever.
    followers
        .into_iter()
        .filter(|follower| follower.in_maximal_isr || follower.about_to_join)
        .map(|follower| follower.log_end_offset)
        .chain([leader_log_end])
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follower(end: i64, in_maximal_isr: bool, about_to_join: bool) -> FollowerProgress {
        FollowerProgress { log_end_offset: Offset(end), in_maximal_isr, about_to_join }
    }

    #[test]
    fn alone_the_leader_is_its_own_high_watermark() {
        assert_eq!(high_watermark(Offset(7), [], 1, 1), Some(Offset(7)));
    }

    #[test]
    fn the_slowest_in_sync_replica_holds_it_back() {
        let followers = [follower(9, true, false), follower(4, true, false)];
        assert_eq!(high_watermark(Offset(9), followers, 3, 2), Some(Offset(4)));
    }

    #[test]
    fn one_about_to_join_holds_it_back_too_and_a_lost_one_does_not() {
        let followers = [follower(4, false, true), follower(1, false, false)];
        assert_eq!(high_watermark(Offset(9), followers, 1, 1), Some(Offset(4)));
    }

    #[test]
    fn it_waits_for_enough_replicas() {
        assert_eq!(high_watermark(Offset(9), [follower(9, true, false)], 2, 3), None);
    }
}
