//! How much of a log in memory is on its disk as far as a loss of power goes: Kafka flushes a segment when
//! the next one begins (`UnifiedLog.roll`), by `flush.messages` and `flush.ms`, and at an orderly stop; what
//! it has only written is in the page cache, and Linux writes it back after half a minute.

use alloc::vec::Vec;

use logbrook_record::Offset;

/// `vm.dirty_expire_centisecs`, in ms.
const EXPIRES_MS: i64 = 30_000;
/// Appends within so many ms are kept track of together.
const TOGETHER_MS: i64 = 1_000;

/// What has been written and when, as far as it may not be on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriteBack {
    /// Everything below is on the disk.
    flushed: Offset,
    /// When, in ms, the log ended at or below an offset: oldest first, at most half a minute of them.
    written: Vec<(i64, Offset)>,
}

impl WriteBack {
    /// Of a log that begins at `base`.
    pub(crate) fn new(base: Offset) -> WriteBack {
        WriteBack { flushed: base, written: Vec::new() }
    }

    /// The log ends at `end` after an append.
    pub(crate) fn wrote(&mut self, end: Offset, now: i64) {
        match self.written.last_mut() {
            Some((since, last)) if now.saturating_sub(*since) < TOGETHER_MS => *last = end,
            Some(_) | None => {
                self.flushed = self.flushed_at(now, i64::MAX);
                self.written.retain(|(since, _)| now.saturating_sub(*since) < EXPIRES_MS);
                self.written.push((now, end));
            }
        }
    }

    /// Everything below `end` was flushed.
    pub(crate) fn flush(&mut self, end: Offset) {
        self.flushed = self.flushed.max(end);
        self.written.retain(|(_, written)| *written > end);
    }

    /// The log was cut back to `end`.
    pub(crate) fn cut(&mut self, end: Offset) {
        self.flushed = self.flushed.min(end);
        self.written.iter_mut().for_each(|(_, written)| *written = (*written).min(end));
    }

    /// What has been flushed, without what Linux has written back since the last append.
    pub(crate) fn flushed(&self) -> Offset {
        self.flushed
    }

    /// Where the log would end if the power were lost now.
    pub(crate) fn flushed_at(&self, now: i64, flush_ms: i64) -> Offset {
        let expires = EXPIRES_MS.min(flush_ms);
        let there = self.written.iter().filter(|(since, _)| now.saturating_sub(*since) >= expires);
        there.map(|(_, end)| *end).max().unwrap_or(self.flushed).max(self.flushed)
    }
}
