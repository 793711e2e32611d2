//! Which segments go: below the log start, by size, by age (`UnifiedLog.deleteOldSegments`).

use alloc::vec::Vec;

use logbrook_record::Offset;

use crate::log::{Log, Maintenance};
use crate::segment::Segment;

impl Log {
    /// Deletes what retention lets go. `now` in ms. Kafka does it every `log.retention.check.interval.ms`,
    /// and for a log that is compacted after each round of the cleaner.
    pub fn maintain(&mut self, now: i64) -> Maintenance {
        let mut deleted_segments = Vec::new();
        let start_before = self.log_start_offset();

        let log_start = start_before;
        deleted_segments.extend(
            self.delete_old_segments(now, |_, next| next.is_some_and(|next| next <= log_start)),
        );
        if self.config().cleanup_policy.delete {
            deleted_segments.extend(self.delete_by_size(now));
            let retention_ms = self.config().retention_ms;
            if retention_ms >= 0 {
                deleted_segments.extend(self.delete_old_segments(now, |segment, _| {
                    now.saturating_sub(segment.largest_timestamp()) > retention_ms
                }));
            }
        }
        let start = self.log_start_offset();
        Maintenance { deleted_segments, new_log_start: (start != start_before).then_some(start) }
    }

    /// Forgets the producers that were silent for `producer.id.expiration.ms`. `now` in ms. Kafka does it
    /// every `producer.id.expiration.check.interval.ms`.
    pub fn remove_expired_producers(&mut self, now: i64) {
        self.producer_state.remove_expired(now, self.config().producer_id_expiration_ms);
    }

    fn delete_by_size(&mut self, now: i64) -> Vec<Offset> {
        let Ok(retention_bytes) = usize::try_from(self.config().retention_bytes) else {
            return Vec::new();
        };
        let Some(mut surplus) = self.size_bytes().checked_sub(retention_bytes) else {
            return Vec::new();
        };
        self.delete_old_segments(now, |segment, _| match surplus.checked_sub(segment.size()) {
            Some(rest) => {
                surplus = rest;
                true
            }
            None => false,
        })
    }

    /// Deletes from the oldest segment on while `should_delete(segment, base of the next)` holds and
    /// everything in it is below the high watermark.
    fn delete_old_segments(
        &mut self,
        now: i64,
        mut should_delete: impl FnMut(&Segment, Option<Offset>) -> bool,
    ) -> Vec<Offset> {
        let mut deletable = 0;
        for (index, segment) in self.segments.iter().enumerate() {
            let next = self.segments.get(index + 1).map(|next| next.base_offset);
            let upper = next.unwrap_or(self.log_end_offset());
            let last_and_empty = next.is_none() && segment.size() == 0;
            if last_and_empty || self.high_watermark() < upper || !should_delete(segment, next) {
                break;
            }
            deletable += 1;
        }
        if deletable == 0 {
            return Vec::new();
        }
        if deletable == self.segments.len() {
            // There is always an active segment.
            if self.roll(self.log_end_offset(), now).is_err() {
                return Vec::new();
            }
        }
        let deleted: Vec<Offset> =
            self.segments.drain(..deletable).map(|segment| segment.base_offset).collect();
        let first =
            self.segments.first().map_or(self.log_end_offset(), |segment| segment.base_offset);
        self.advance_log_start(first);
        // A failure is noted, and told by the next append or read.
        let _ = self.delete_segment_files(&deleted, now);
        deleted
    }
}
