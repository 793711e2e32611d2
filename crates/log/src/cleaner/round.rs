//! One round over one log (`Cleaner.doClean`).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use logbrook_record::{Batch, BatchHeader, Offset, ProducerId};
use logbrook_sorted::SortedMap;

use super::filter::{Filter, LastRecord};
use super::offset_map::OffsetMap;
use super::transactions::CleanedTransactions;
use super::{CleanError, CleanerConfig, CleanerStats, LogToClean};
use crate::index_entries::IndexEntry;
use crate::log::Log;
use crate::offset_index::OffsetPosition;
use crate::segment::Segment;
use crate::time_index::TimestampOffset;
use crate::transaction_index::AbortedTxn;

impl Log {
    /// Cleans what [`log_to_clean`](Self::log_to_clean) said, at `now` (ms), and moves the checkpoint.
    ///
    /// # Errors
    /// [`CleanError`]. Segments that were cleaned before stay so; the checkpoint does not move.
    pub fn clean(
        &mut self,
        cleanable: &LogToClean,
        config: CleanerConfig,
        now: i64,
    ) -> Result<CleanerStats, CleanError> {
        let (start, upper_bound) =
            (cleanable.first_dirty_offset, cleanable.first_uncleanable_offset);
        let mut map = OffsetMap::new(config);
        self.build_offset_map(start, upper_bound, &mut map)?;
        let end_offset = map.latest_offset().next();
        if end_offset <= start && start < upper_bound {
            return Err(CleanError::MapTooSmall(format!(
                "log.cleaner.dedupe.buffer.size: expected room for the keys of one batch at offset {start}, found {} bytes",
                config.dedupe_buffer_bytes
            )));
        }
        let mut stats = CleanerStats { end_offset, ..CleanerStats::default() };
        let last_records = self.last_records_of_active_producers();
        let filter = Filter {
            map: &map,
            last_records: &last_records,
            upper_bound,
            delete_retention_ms: self.config.delete_retention_ms,
            now,
        };
        let mut transactions = CleanedTransactions::default();
        // Bases, as places in the list move with each group that becomes one segment.
        for (first, count) in self.group_segments(end_offset, upper_bound) {
            let at = self.floor_segment(first);
            self.clean_group(at..at + count, &filter, &mut transactions, &mut stats)?;
        }
        self.cleaner_checkpoint = Some(end_offset);
        Ok(stats)
    }

    /// Reads the keys of `start..end` until the map is full.
    fn build_offset_map(
        &self,
        start: Offset,
        end: Offset,
        map: &mut OffsetMap,
    ) -> Result<(), CleanError> {
        let dirty = self.segments_between(start, end);
        let mut transactions = CleanedTransactions::default();
        transactions.add_aborted(self.collect_aborted_from(start, end));
        for (index, segment) in dirty.iter().enumerate() {
            let position = segment.offset_index.lookup(start).position;
            for (position, header) in segment.headers_from(position) {
                if !map_batch(segment, position, &header, start, &mut transactions, map)? {
                    return Ok(());
                }
            }
            // Offsets may be missing at the end of a segment; there is nothing more to come.
            let next = dirty.get(index + 1).map_or(end, |next| next.base_offset);
            map.update_latest_offset(next.plus(-1));
        }
        Ok(())
    }

    /// Every aborted transaction from the segment of `from` on (`UnifiedLog.collectAbortedTransactions`).
    fn collect_aborted_from(&self, from: Offset, to: Offset) -> Vec<AbortedTxn> {
        let mut aborted = Vec::new();
        for segment in &self.segments[self.floor_segment(from)..] {
            if segment.txn_index.collect(self.log_start_offset, to, &mut aborted) {
                break;
            }
        }
        aborted
    }

    fn last_records_of_active_producers(&self) -> SortedMap<ProducerId, LastRecord> {
        self.producer_state
            .active_producers()
            .map(|(id, entry)| {
                let last = LastRecord {
                    last_data_offset: entry.batches.back().map(|batch| batch.last_offset),
                    producer_epoch: entry.producer_epoch,
                };
                (id, last)
            })
            .collect()
    }

    /// Segments that become one: as many in a row as fit by bytes, by index bytes and by the range of
    /// offsets that an index can hold. The base of the first of each group, and how many
    /// (`groupSegmentsBySize`).
    fn group_segments(&self, end: Offset, first_uncleanable: Offset) -> Vec<(Offset, usize)> {
        let segments = self.segments_between(Offset(-1), end);
        let sizes = |segment: &Segment| {
            let entries = (segment.offset_index.entries.len(), segment.time_index.entries.len());
            (segment.size(), entries.0 * OffsetPosition::BYTES, entries.1 * TimestampOffset::BYTES)
        };
        let mut groups = Vec::new();
        let mut at = 0;
        while let Some(first) = segments.get(at) {
            let (mut bytes, mut offset_bytes, mut time_bytes) = sizes(first);
            let mut count = 1;
            while let Some(next) = segments.get(at + count) {
                let (next_bytes, next_offset_bytes, next_time_bytes) = sizes(next);
                // The next base says where it ends at the latest, without reading it.
                let last_offset =
                    segments.get(at + count + 1).map_or(first_uncleanable, |s| s.base_offset).0 - 1;
                let fits = bytes + next_bytes <= self.config.segment_bytes
                    && offset_bytes + next_offset_bytes <= self.config.segment_index_bytes
                    && time_bytes + next_time_bytes <= self.config.segment_index_bytes
                    && (next_bytes == 0
                        || last_offset.saturating_sub(first.base_offset.0) <= i64::from(i32::MAX));
                if !fits {
                    break;
                }
                bytes += next_bytes;
                offset_bytes += next_offset_bytes;
                time_bytes += next_time_bytes;
                count += 1;
            }
            groups.push((first.base_offset, count));
            at += count;
        }
        groups
    }

    /// Writes a group of segments anew, as one, and puts that in their place.
    fn clean_group(
        &mut self,
        group: Range<usize>,
        filter: &Filter<'_>,
        transactions: &mut CleanedTransactions,
        stats: &mut CleanerStats,
    ) -> Result<(), CleanError> {
        let base_offset = self.segments[group.start].base_offset;
        let mut cleaned = self.new_cleaned_segment(base_offset, filter.now)?;
        for index in group.clone() {
            let segment = Arc::clone(&self.segments[index]);
            let next = if index + 1 < group.end {
                self.segments[index + 1].base_offset
            } else {
                segment.read_next_offset()
            };
            transactions.add_aborted(self.collect_aborted_from(segment.base_offset, next));
            stats.bytes_read += segment.size();
            for (position, header) in segment.headers_from(0) {
                let batch = read_batch(&segment, position, &header)?;
                if let Some(bytes) = filter.retained(&batch, transactions, &mut cleaned, stats)? {
                    let header = BatchHeader::read(&bytes)?;
                    cleaned.append(&header, bytes, |_| {}, &self.config, filter.now)?;
                }
            }
        }
        cleaned.last_modified_ms = self.segments[group.end - 1].last_modified_ms;
        stats.bytes_written += cleaned.size();
        stats.segments_read += group.len();
        stats.segments_written += 1;
        self.swap_in(cleaned, group, filter.now)?;
        Ok(())
    }
}

fn read_batch(
    segment: &Segment,
    position: usize,
    header: &BatchHeader,
) -> Result<Batch, CleanError> {
    let end = position.saturating_add(header.size_in_bytes());
    let bytes = segment.storage.read(position, end)?.pop().unwrap_or_default();
    Ok(Batch::parse(bytes)?)
}

/// Reads the keys of one batch; false if the map is full.
fn map_batch(
    segment: &Segment,
    position: usize,
    header: &BatchHeader,
    start: Offset,
    transactions: &mut CleanedTransactions,
    map: &mut OffsetMap,
) -> Result<bool, CleanError> {
    if header.attributes.is_control() {
        transactions.on_control_batch(&read_batch(segment, position, header)?)?;
    } else if !transactions.on_batch(header) {
        for record in read_batch(segment, position, header)?.records()? {
            if let Some(key) = &record.key
                && record.offset >= start
                && !map.put(key, record.offset)
            {
                return Ok(false);
            }
        }
    }
    if header.last_offset() >= start {
        map.update_latest_offset(header.last_offset());
    }
    Ok(true)
}
