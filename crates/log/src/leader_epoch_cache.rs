//! Where each leader epoch begins (`LeaderEpochFileCache`, KIP-101, KIP-279).

use logbrook_sorted::SortedMap;

use logbrook_record::{LeaderEpoch, Offset};

/// Epochs and their first offsets, both rising.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeaderEpochCache {
    epochs: SortedMap<LeaderEpoch, Offset>,
}

impl LeaderEpochCache {
    /// Notes that `epoch` begins at `start_offset`, unless it is the latest already. Entries that
    /// contradict it go: a log that was truncated and written again. True if anything changed.
    pub fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        if epoch.0 < 0 || start_offset.0 < 0 {
            return false;
        }
        let needed = self
            .epochs
            .last_key_value()
            .is_none_or(|(latest, start)| *latest != epoch || start_offset < *start);
        if needed {
            while let Some((latest, start)) = self.epochs.last_key_value()
                && (*latest >= epoch || *start >= start_offset)
            {
                self.epochs.pop_last();
            }
            self.epochs.insert(epoch, start_offset);
        }
        needed
    }

    /// The latest epoch with records.
    #[must_use]
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.last_key_value().map(|(epoch, _)| *epoch)
    }

    /// The earliest epoch and its first offset.
    #[must_use]
    pub fn earliest_entry(&self) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.first_key_value().map(|(epoch, start)| (*epoch, *start))
    }

    /// All entries, for views and the checkpoint file.
    pub fn entries(&self) -> impl Iterator<Item = (LeaderEpoch, Offset)> + '_ {
        self.epochs.iter().map(|(epoch, start)| (*epoch, *start))
    }

    /// Where `requested` ends, with the epoch that the answer is for; `None` for an epoch that is not
    /// known (`endOffsetFor`).
    #[must_use]
    pub fn end_offset_for(
        &self,
        requested: LeaderEpoch,
        log_end_offset: Offset,
    ) -> Option<(LeaderEpoch, Offset)> {
        if requested.0 < 0 {
            return None;
        }
        if self.latest_epoch() == Some(requested) {
            return Some((requested, log_end_offset));
        }
        let (_, end) = self.epochs.range(LeaderEpoch(requested.0.saturating_add(1))..).next()?;
        let epoch =
            self.epochs.range(..=requested).next_back().map_or(requested, |(epoch, _)| *epoch);
        Some((epoch, *end))
    }

    /// The epoch of the record at `offset`.
    #[must_use]
    pub fn epoch_for_offset(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs
            .iter()
            .take_while(|(_, start)| **start <= offset)
            .last()
            .map(|(epoch, _)| *epoch)
    }

    /// Forgets the epochs that begin at or after `end_offset`.
    pub fn truncate_from_end(&mut self, end_offset: Offset) {
        self.epochs.retain(|_, start| *start < end_offset);
    }

    /// Forgets the epochs that end at or before `start_offset`; the one that holds it begins there now.
    pub fn truncate_from_start(&mut self, start_offset: Offset) {
        if let Some(epoch) = self.epoch_for_offset(start_offset) {
            self.epochs.retain(|kept, _| *kept >= epoch);
            self.epochs.insert(epoch, start_offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_of_an_old_epoch_learns_where_it_diverged() {
        let mut cache = LeaderEpochCache::default();
        for (epoch, start) in [(0, 0), (1, 10), (4, 20)] {
            cache.assign(LeaderEpoch(epoch), Offset(start));
        }
        let end = |epoch| {
            cache
                .end_offset_for(LeaderEpoch(epoch), Offset(30))
                .map(|(epoch, end)| (epoch.0, end.0))
        };
        assert_eq!(end(0), Some((0, 10)));
        assert_eq!(end(3), Some((1, 20)), "epochs 2 and 3 wrote nothing here");
        assert_eq!(end(4), Some((4, 30)));
        assert_eq!(end(5), None);
        assert_eq!(end(-1), None);
    }

    #[test]
    fn entries_that_contradict_a_new_one_go() {
        let mut cache = LeaderEpochCache::default();
        for (epoch, start) in [(0, 0), (1, 10), (2, 20), (3, 10)] {
            cache.assign(LeaderEpoch(epoch), Offset(start));
        }
        let entries: alloc::vec::Vec<_> =
            cache.entries().map(|(epoch, start)| (epoch.0, start.0)).collect();
        assert_eq!(entries, [(0, 0), (3, 10)]);
        cache.truncate_from_start(Offset(5));
        assert_eq!(cache.earliest_entry(), Some((LeaderEpoch(0), Offset(5))));
        cache.truncate_from_end(Offset(10));
        assert_eq!(cache.latest_epoch(), Some(LeaderEpoch(0)));
    }
}
