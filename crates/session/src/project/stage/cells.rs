//! Batches as joined cells: each record once decoded, and how its batch is drawn.

use logbrook_sorted::SortedMap;
use std::sync::Arc;

use logbrook_app::ReadEvent;
use logbrook_log::{AbortedTxn, Log};
use logbrook_record::{Batch as StoredBatch, Compression, EndTransactionMarker, Offset, Record};

use crate::view::{Batch, BatchState, Cell, CellKind, CellText};

/// Decoded records, kept from frame to frame: a batch below the log's end never changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct CellCache {
    cells: SortedMap<(String, i32, i64, u32), Arc<Vec<Cell>>>,
    /// What the records of a batch are about, for the keys view.
    names: SortedMap<(String, i32, i64, u32), Arc<Vec<String>>>,
}

impl CellCache {
    /// What the records of a batch are about; `read` says it, once.
    pub(crate) fn names(
        &mut self,
        topic: &str,
        partition: i32,
        batch: &StoredBatch,
        read: impl Fn(&Record) -> Option<String>,
    ) -> Arc<Vec<String>> {
        let header = batch.header();
        let key = (topic.to_owned(), partition, header.base_offset.0, header.crc);
        if let Some(names) = self.names.get(&key) {
            return Arc::clone(names);
        }
        let records = batch.records().unwrap_or_default();
        let names: Arc<Vec<String>> = Arc::new(records.iter().filter_map(read).collect());
        if self.names.len() >= CACHED {
            self.names.clear();
        }
        self.names.insert(key, Arc::clone(&names));
        names
    }
}

/// Batches kept decoded; beyond that the cache begins anew.
const CACHED: usize = 4_000;

/// What decides how a replica's batches are drawn.
pub(crate) struct Strip<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) log: &'a Log,
    pub(crate) text: CellText,
    pub(crate) epoch_ms: i64,
    /// Aborted transactions inside the window.
    pub(crate) aborted: Vec<AbortedTxn>,
    /// From here on the log is another one than its leader's.
    pub(crate) diverges: Option<i64>,
    /// Whether a record was acknowledged by the leader of an epoch.
    pub(crate) acked: &'a dyn Fn(i64, i32) -> bool,
}

impl Strip<'_> {
    /// The batches that touch a window.
    pub(crate) fn batches(&self, from: i64, until: i64, cache: &mut CellCache) -> Vec<Arc<Batch>> {
        let stored = self.log.batches(Offset(from), Offset(until));
        stored.map(|stored| Arc::new(self.batch(&stored, cache))).collect()
    }

    fn batch(&self, stored: &StoredBatch, cache: &mut CellCache) -> Batch {
        let header = stored.header();
        let (base, last) = (header.base_offset.0, header.last_offset().0);
        // The checksum tells a topic that was deleted and made again from the one before it, and a
        // replica from one that has something else at the offset.
        let key = (format!("{} {:?}", self.topic, self.text), self.partition, base, header.crc);
        let cells = match cache.cells.get(&key) {
            Some(cells) => Arc::clone(cells),
            None => {
                let cells = Arc::new(self.cells(stored));
                if cache.cells.len() >= CACHED {
                    cache.cells.clear();
                }
                cache.cells.insert(key, Arc::clone(&cells));
                cells
            }
        };
        let compression = match header.compression() {
            Ok(Compression::None) | Err(_) => None,
            Ok(codec) => Some(codec.name()),
        };
        let size_bytes = u32::try_from(stored.bytes().len()).unwrap_or(u32::MAX);
        let state = self.state(stored);
        Batch { base_offset: base, last_offset: last, state, compression, size_bytes, cells }
    }

    fn state(&self, stored: &StoredBatch) -> BatchState {
        let header = stored.header();
        let (base, last) = (header.base_offset.0, header.last_offset().0);
        if self.diverges.is_some_and(|from| base >= from)
            && (self.acked)(last, header.partition_leader_epoch.0)
        {
            return BatchState::Lost;
        }
        if header.attributes.is_control() {
            return BatchState::Control;
        }
        if header.attributes.is_transactional() {
            let of = |txn: &AbortedTxn| {
                txn.producer_id == header.producer_id
                    && (txn.first_offset.0..=txn.last_offset.0).contains(&base)
            };
            if self.aborted.iter().any(of) {
                return BatchState::Aborted;
            }
            let producer = self.log.producer_state().last_entry(header.producer_id);
            let begun = producer.and_then(|producer| producer.current_txn_first_offset);
            if begun.is_some_and(|begun| begun.0 <= base) {
                return BatchState::Open;
            }
        }
        if last < self.log.high_watermark().0 {
            BatchState::Committed
        } else {
            BatchState::Uncommitted
        }
    }

    fn cells(&self, stored: &StoredBatch) -> Vec<Cell> {
        let header = stored.header();
        let marker = match header.attributes.is_control() {
            true => EndTransactionMarker::read(stored).ok().flatten(),
            false => None,
        };
        let kind = match marker {
            Some((marker, _)) if marker.committed => Some(CellKind::Commit),
            Some(_) => Some(CellKind::Abort),
            None => None,
        };
        let records = stored.records().unwrap_or_default();
        let cells = records.iter().map(|record| {
            let mut cell = cell(record, self.text, header.producer_id.0, self.epoch_ms);
            if let Some(kind) = kind {
                cell.kind = kind;
                let word = if kind == CellKind::Commit { "COMMIT" } else { "ABORT" };
                cell.about = format!("{word} of producer id {}", header.producer_id.0);
            }
            cell
        });
        cells.collect()
    }
}

/// Offsets of a window that hold no record any more, as first and count.
pub(crate) fn gone(batches: &[Arc<Batch>], from: i64, until: i64) -> Vec<(i64, u32)> {
    let mut gone: Vec<(i64, u32)> = Vec::new();
    let mut next = from;
    let mut gap = |next: i64, to: i64| {
        let count = u32::try_from(to - next).unwrap_or(0);
        if count > 0 {
            gone.push((next, count));
        }
    };
    for batch in batches {
        for cell in batch.cells.iter().filter(|cell| cell.offset >= from) {
            gap(next, cell.offset.min(until));
            next = next.max(cell.offset + 1);
        }
        // The last batch of a producer stays, empty of records.
        gap(next, (batch.last_offset + 1).min(until));
        next = next.max(batch.last_offset + 1);
    }
    gone
}

fn cell(record: &Record, text: CellText, producer_id: i64, epoch_ms: i64) -> Cell {
    let shown = |bytes: &Option<bytes::Bytes>| match bytes {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => String::new(),
    };
    let size =
        record.key.as_ref().map_or(0, |k| k.len()) + record.value.as_ref().map_or(0, |v| v.len());
    let time = crate::view::Time((record.timestamp - epoch_ms) * 1_000);
    let label = match text {
        CellText::Key if record.key.is_some() => shown(&record.key),
        // Without a key there is nothing else to tell records apart by.
        CellText::Key => match record.value.as_deref().map(ReadEvent::read) {
            Some(Ok(event)) => event.entity,
            Some(Err(_)) | None => shown(&record.value),
        },
        CellText::Value => shown(&record.value),
        CellText::Size => size.to_string(),
        CellText::Producer => producer_id.to_string(),
        CellText::Timestamp => time.to_string(),
        CellText::None => String::new(),
    };
    let key = match &record.key {
        Some(_) => format!("key {}", shown(&record.key)),
        None => "no key".to_owned(),
    };
    let value: String = shown(&record.value).chars().take(60).collect();
    let value =
        if record.value.is_some() { format!("value {value}") } else { "null value".to_owned() };
    Cell {
        offset: record.offset.0,
        label: label.chars().take(24).collect(),
        kind: if record.value.is_none() { CellKind::Tombstone } else { CellKind::Data },
        about: format!("{key}, {value}, {size} bytes, {time}"),
    }
}
