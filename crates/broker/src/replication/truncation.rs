//! Where a follower cuts its log when its leader's history is another one:
//! `AbstractFetcherThread.getOffsetTruncationState` (KIP-101, KIP-279).

use logbrook_log::Log;
use logbrook_record::{LeaderEpoch, Offset};

/// The offset to cut back to. `leaders` is what the leader has in place of the epoch that the follower
/// fetched last: the largest epoch not above it, and where that ends at the leader. A follower that does
/// not know that epoch cuts to the end of its own next lower one; its next fetch asks again from there.
pub(super) fn truncation_offset(log: &Log, leaders: (LeaderEpoch, Offset)) -> Offset {
    let (epoch, leader_end) = leaders;
    let own_end = log.log_end_offset();
    match log.end_offset_for_epoch(epoch) {
        Some((own_epoch, end)) if own_epoch == epoch => end.min(leader_end).min(own_end),
        Some((_, end)) => end.min(own_end),
        None => leader_end.min(own_end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logbrook_log::LogConfig;
    use logbrook_record::{BatchBuilder, BatchOptions};

    /// A log with so many records of each epoch.
    fn log(epochs: &[(i32, usize)]) -> Log {
        let mut log = Log::new(LogConfig::default(), Offset(0));
        for (epoch, count) in epochs {
            for _ in 0..*count {
                let mut batch = BatchBuilder::new(BatchOptions::default());
                batch.append(0, None, Some(b"v"), &[]);
                log.append_as_leader(batch.build().unwrap(), LeaderEpoch(*epoch), 0).unwrap();
            }
        }
        log
    }

    fn cut(epochs: &[(i32, usize)], leader_epoch: i32, leader_end: i64) -> i64 {
        truncation_offset(&log(epochs), (LeaderEpoch(leader_epoch), Offset(leader_end))).0
    }

    #[test]
    fn to_where_the_common_epoch_ends_first() {
        assert_eq!(cut(&[(1, 5), (2, 5)], 2, 7), 7);
        assert_eq!(cut(&[(1, 5), (2, 5)], 1, 9), 5);
        assert_eq!(cut(&[(1, 5), (2, 5)], 2, 20), 10);
    }

    #[test]
    fn an_epoch_that_is_not_here_is_asked_for_again() {
        // The leader has (1, 5) (3, 8); here are 1, 2 and 4: the leader said where its 3 ends.
        assert_eq!(cut(&[(1, 5), (2, 5), (4, 5)], 3, 8), 10);
    }

    #[test]
    fn below_every_epoch_nothing_is_kept() {
        // All that is here was written after what the leader has ended.
        assert_eq!(cut(&[(5, 4)], 3, 2), 0);
        assert_eq!(cut(&[], 3, 2), 0);
    }
}
