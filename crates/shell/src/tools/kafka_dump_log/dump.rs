//! What `kafka-dump-log.sh` says of a broker's files. It works on bytes, so that it shows those of a
//! simulated broker, of a real one and of a page's inspector alike.

use bytes::Bytes;
use logbrook_log::{ProducerStateManager, TransactionIndex};
use logbrook_record::{Batch, BatchHeader, Offset, Record};
use logbrook_sorted::SortedMap;

use super::super::java::hash_order;
use super::message_parser::{MessageParser, control_record};

/// The options of the tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DumpOptions {
    /// `--deep-iteration`: records too.
    pub deep_iteration: bool,
    /// `--print-data-log`: keys and values too.
    pub print_data_log: bool,
    /// `--skip-record-metadata`.
    pub skip_record_metadata: bool,
    /// `--verify-index-only`.
    pub verify_index_only: bool,
    /// `--index-sanity-check`.
    pub index_sanity_check: bool,
    /// `--max-bytes`: of a data log, so many from its front.
    pub max_bytes: i32,
    /// How keys and values are read.
    pub parser: MessageParser,
}

/// What was printed, and the exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dumped {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// 1 after an exception.
    pub exit: i32,
}

/// Files by their paths.
pub type Files = SortedMap<String, Bytes>;

/// An exception that ends the tool: class and message.
struct Thrown(String);

/// Index offsets and log offsets that differ, by file, in the order in which they are printed.
type Pairs = SortedMap<String, Vec<(i64, i64)>>;

/// Dumps files in their order.
pub fn dump(files: &Files, paths: &[&str], options: &DumpOptions) -> Dumped {
    let mut dump = Dump { files, options, dumped: Dumped::default(), found: Found::default() };
    for path in paths {
        if let Err(Thrown(exception)) = dump.file(path) {
            dump.dumped.err.push_str(&format!("Exception in thread \"main\" {exception}\n"));
            dump.dumped.exit = 1;
            return dump.dumped;
        }
    }
    dump.report();
    dump.dumped
}

#[derive(Default)]
struct Found {
    mismatches: Pairs,
    time_mismatches: Pairs,
    out_of_order: Pairs,
    not_found: Pairs,
    non_consecutive: Pairs,
}

struct Dump<'a> {
    files: &'a Files,
    options: &'a DumpOptions,
    dumped: Dumped,
    found: Found,
}

fn no_such_file(path: &str) -> Thrown {
    Thrown(format!("java.nio.file.NoSuchFileException: {path}"))
}

/// The name of a file before its first dot, as a number: its first offset.
fn base_offset(name: &str) -> Result<i64, Thrown> {
    let stem = name.split('.').next().unwrap_or_default();
    stem.parse().map_err(|_| {
        Thrown(format!("java.lang.NumberFormatException: For input string: \"{stem}\""))
    })
}

/// The file beside `path` with the same name and another suffix.
fn sibling(path: &str, suffix: &str) -> String {
    let name_at = path.rfind('/').map_or(0, |at| at + 1);
    let stem = path[name_at..].split('.').next().unwrap_or_default();
    format!("{}{stem}{suffix}", &path[..name_at])
}

fn optional_long(value: Option<i64>) -> String {
    value.map_or("OptionalLong.empty".to_owned(), |value| format!("OptionalLong[{value}]"))
}

/// A batch with its position in the file.
type Placed = (usize, BatchHeader, Bytes);

/// The batches of a log, each with its position, up to the first that does not fit; and how many
/// bytes they take.
fn batches(bytes: &Bytes) -> Result<(Vec<Placed>, usize), Thrown> {
    /// Offset and size of a batch stand before it.
    const LOG_OVERHEAD: usize = 12;
    /// Up to the magic, which tells how to read the rest.
    const UP_TO_MAGIC: usize = 17;
    const LEAST_SIZE: i32 = 14;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(front) = bytes.get(at..at + UP_TO_MAGIC) {
        let mut size = [0; 4];
        size.copy_from_slice(&front[8..12]);
        let size = i32::from_be_bytes(size);
        if size < LEAST_SIZE {
            return Err(Thrown(format!(
                "org.apache.kafka.common.errors.CorruptRecordException: Found record size {size} \
                 smaller than minimum record overhead ({LEAST_SIZE}) in file."
            )));
        }
        let end =
            at.saturating_add(LOG_OVERHEAD).saturating_add(usize::try_from(size).unwrap_or(0));
        if end > bytes.len() {
            break;
        }
        let batch = bytes.slice(at..end);
        let header = BatchHeader::read(&batch).map_err(|error| {
            Thrown(format!("org.apache.kafka.common.errors.CorruptRecordException: {error}"))
        })?;
        found.push((at, header, batch));
        at = end;
    }
    Ok((found, at))
}

impl Dump<'_> {
    fn out(&mut self, text: impl AsRef<str>) {
        self.dumped.out.push_str(text.as_ref());
    }

    fn err(&mut self, text: impl AsRef<str>) {
        self.dumped.err.push_str(text.as_ref());
        self.dumped.err.push('\n');
    }

    fn read(&self, path: &str) -> Result<Bytes, Thrown> {
        self.files.get(path).cloned().ok_or_else(|| no_such_file(path))
    }

    fn file(&mut self, path: &str) -> Result<(), Thrown> {
        self.out(format!("Dumping {path}\n"));
        let name = path.rsplit('/').next().unwrap_or_default();
        match name.rfind('.').map(|at| &name[at..]) {
            Some(".log" | ".checkpoint") => self.log(path, name),
            Some(".index") => self.index(path, name),
            Some(".timeindex") => self.time_index(path, name),
            Some(".snapshot") => self.producer_snapshot(path),
            Some(".txnindex") => self.txn_index(path, name),
            Some(_) | None => {
                self.err(format!("Ignoring unknown file {path}"));
                Ok(())
            }
        }
    }

    fn log(&mut self, path: &str, name: &str) -> Result<(), Thrown> {
        if name.ends_with(".log") {
            self.out(format!("Log starting offset: {}\n", base_offset(name)?));
        } else if name == "bootstrap.checkpoint" {
            self.out("KRaft bootstrap snapshot\n");
        } else {
            // `END_OFFSET-EPOCH.checkpoint`, both padded with zeros.
            let number = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok()).unwrap_or(0);
            let mut parts = name.trim_end_matches(".checkpoint").split('-');
            let (offset, epoch) = (number(parts.next()), number(parts.next()));
            self.out(format!("Snapshot end offset: {offset}, epoch: {epoch}\n"));
        }
        let whole = self.read(path)?;
        let limit = usize::try_from(self.options.max_bytes).unwrap_or(0).min(whole.len());
        let bytes = whole.slice(..limit);
        let (batches, valid) = batches(&bytes)?;
        let mut last_offset = -1;
        for (position, header, bytes) in batches {
            self.batch(position, &header, &bytes);
            if self.options.deep_iteration {
                self.records(path, &header, bytes, &mut last_offset)?;
            }
        }
        let trailing = bytes.len() - valid;
        if trailing > 0 && self.options.max_bytes == i32::MAX {
            self.out(format!("Found {trailing} invalid bytes at the end of {name}\n"));
        }
        Ok(())
    }

    fn batch(&mut self, position: usize, header: &BatchHeader, bytes: &Bytes) {
        let attributes = header.attributes;
        let valid = Batch::parse(bytes.clone()).is_ok();
        let line = format!(
            "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: \
             {} producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} \
             deleteHorizonMs: {} position: {position} {}: {} size: {} magic: {} compresscodec: {} \
             crc: {} isvalid: {valid}\n",
            header.base_offset.0,
            header.last_offset().0,
            header.records_count,
            header.base_sequence,
            header.last_sequence(),
            header.producer_id.0,
            header.producer_epoch.0,
            header.partition_leader_epoch.0,
            attributes.is_transactional(),
            attributes.is_control(),
            optional_long(header.delete_horizon_ms()),
            attributes.timestamp_type().name(),
            header.max_timestamp,
            bytes.len(),
            header.magic,
            attributes.compression().map_or("unknown", |codec| codec.name()),
            header.crc,
        );
        self.out(line);
    }

    fn records(
        &mut self,
        path: &str,
        header: &BatchHeader,
        bytes: Bytes,
        last_offset: &mut i64,
    ) -> Result<(), Thrown> {
        let records = Batch::parse_trusted(bytes).and_then(|batch| batch.records());
        let records = records.map_err(|error| {
            Thrown(format!("org.apache.kafka.common.InvalidRecordException: {error}"))
        })?;
        let options = self.options;
        let control = header.attributes.is_control();
        for record in &records {
            if record.offset.0 != *last_offset + 1 {
                let pairs = self.found.non_consecutive.entry(path.to_owned()).or_default();
                pairs.push((*last_offset, record.offset.0));
            }
            *last_offset = record.offset.0;
            if !options.skip_record_metadata {
                self.record_metadata(header, record, control);
            }
            if options.print_data_log && !control {
                let (key, value) = options.parser.parse(record).map_err(Thrown)?;
                let mut prefix = if options.skip_record_metadata { "| " } else { " " };
                if let Some(key) = key {
                    self.out(format!("{prefix}key: {key}"));
                    prefix = " ";
                }
                if let Some(value) = value {
                    self.out(format!("{prefix}payload: {value}"));
                }
            }
            self.out("\n");
        }
        Ok(())
    }

    fn record_metadata(&mut self, header: &BatchHeader, record: &Record, control: bool) {
        let size = |bytes: &Option<Bytes>| {
            bytes.as_ref().map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX))
        };
        let sequence = match header.base_sequence {
            -1 => -1,
            // It wraps from the largest number to 0 (`DefaultRecordBatch.incrementSequence`).
            base => {
                let sequence = i64::from(base) + (record.offset.0 - header.base_offset.0);
                if sequence > i64::from(i32::MAX) {
                    sequence - i64::from(i32::MAX) - 1
                } else {
                    sequence
                }
            }
        };
        let keys: Vec<&str> = record.headers.iter().map(|header| header.key.as_str()).collect();
        self.out(format!(
            "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {sequence} headerKeys: [{}]",
            record.offset.0,
            header.attributes.timestamp_type().name(),
            record.timestamp,
            size(&record.key),
            size(&record.value),
            keys.join(",")
        ));
        if control {
            self.control_record(record);
        }
    }

    fn control_record(&mut self, record: &Record) {
        let (key, value) = (record.key.as_deref(), record.value.as_deref().unwrap_or_default());
        let kind = match key.and_then(|key| key.first_chunk::<4>()) {
            Some([_, _, high, low]) => i16::from_be_bytes([*high, *low]),
            None => -1,
        };
        match (kind, value.get(2..6)) {
            (0 | 1, Some(epoch)) => {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(epoch);
                let name = if kind == 1 { "COMMIT" } else { "ABORT" };
                self.out(format!(
                    " endTxnMarker: {name} coordinatorEpoch: {}",
                    i32::from_be_bytes(bytes)
                ));
            }
            _ => match control_record(kind, value) {
                Some((label, json)) => self.out(format!(" {label}{json}")),
                None => self.out(format!(" controlType: UNKNOWN({kind})")),
            },
        }
    }

    /// Offsets and positions of an index file. Kafka makes the file as long as it may become and fills it
    /// from its front: an entry of zeros ends it.
    fn index_entries(bytes: &Bytes) -> Vec<(i64, usize)> {
        let number = |bytes: &[u8]| {
            let mut four = [0; 4];
            four.copy_from_slice(bytes);
            u32::from_be_bytes(four)
        };
        bytes
            .chunks_exact(8)
            .map(|entry| {
                let position = usize::try_from(number(&entry[4..])).unwrap_or(usize::MAX);
                (i64::from(number(&entry[..4])), position)
            })
            .collect()
    }

    fn index(&mut self, path: &str, name: &str) -> Result<(), Thrown> {
        let base = base_offset(name)?;
        let log = self.read(&sibling(path, ".log"))?;
        let bytes = self.read(path)?;
        let entries = Self::index_entries(&bytes);
        let Some((last, _)) = entries.last() else {
            self.out(format!("{path} is empty.\n"));
            return Ok(());
        };
        if self.options.index_sanity_check {
            if *last < 0 || bytes.len() % 8 != 0 {
                return Err(Thrown(format!(
                    "org.apache.kafka.storage.internals.log.CorruptIndexException: Index file \
                     {path} is corrupt, found {} bytes which is neither positive nor a multiple of \
                     8",
                    bytes.len()
                )));
            }
            self.out(format!("{path} passed sanity check.\n"));
            return Ok(());
        }
        for (at, (relative, position)) in entries.into_iter().enumerate() {
            let offset = base + relative;
            if relative == 0 && at > 0 {
                break;
            }
            let rest = log.slice(position.min(log.len())..);
            let Some((_, header, _)) = batches(&rest)?.0.into_iter().next() else {
                return Err(Thrown("java.util.NoSuchElementException".to_owned()));
            };
            let in_log = header.last_offset().0;
            if in_log != offset {
                self.found.mismatches.entry(path.to_owned()).or_default().push((offset, in_log));
            }
            if !self.options.verify_index_only {
                self.out(format!("offset: {offset} position: {position}\n"));
            }
        }
        Ok(())
    }

    fn time_index(&mut self, path: &str, name: &str) -> Result<(), Thrown> {
        let base = base_offset(name)?;
        let log = self.read(&sibling(path, ".log"))?;
        let bytes = self.read(path)?;
        if self.options.index_sanity_check {
            if bytes.len() % 12 != 0 {
                return Err(Thrown(format!(
                    "org.apache.kafka.storage.internals.log.CorruptIndexException: Time index file \
                     {path} is corrupt, found {} bytes which is neither positive nor a multiple of \
                     12.",
                    bytes.len()
                )));
            }
            self.out(format!("{path} passed sanity check.\n"));
            return Ok(());
        }
        let (all, _) = batches(&log)?;
        let mut previous = -1;
        for (at, entry) in bytes.chunks_exact(12).enumerate() {
            let (mut timestamp, mut relative) = ([0; 8], [0; 4]);
            timestamp.copy_from_slice(&entry[..8]);
            relative.copy_from_slice(&entry[8..]);
            let timestamp = i64::from_be_bytes(timestamp);
            let offset = base + i64::from(u32::from_be_bytes(relative));
            if offset == base && at > 0 {
                break;
            }
            // Kafka begins at the place that the offset index names; the batch found is the same.
            match all.iter().find(|(_, header, _)| header.last_offset().0 >= offset) {
                None => self.found.not_found.entry(path.to_owned()).or_default().push((offset, -1)),
                Some((_, header, _)) if header.last_offset().0 != offset => {
                    let pairs = self.found.not_found.entry(path.to_owned()).or_default();
                    pairs.push((offset, header.last_offset().0));
                }
                Some((_, _, bytes)) => {
                    let records = Batch::parse_trusted(bytes.clone())
                        .and_then(|batch| batch.records())
                        .unwrap_or_default();
                    let max = records.iter().map(|record| record.timestamp).max().unwrap_or(-1);
                    if max != timestamp {
                        let pairs = self.found.time_mismatches.entry(path.to_owned()).or_default();
                        pairs.push((timestamp, max));
                    }
                    if previous >= timestamp {
                        let pairs = self.found.out_of_order.entry(path.to_owned()).or_default();
                        pairs.push((timestamp, previous));
                    }
                }
            }
            if !self.options.verify_index_only {
                self.out(format!("timestamp: {timestamp} offset: {offset}\n"));
            }
            previous = timestamp;
        }
        Ok(())
    }

    fn producer_snapshot(&mut self, path: &str) -> Result<(), Thrown> {
        let bytes = self.read(path)?;
        let entries = match ProducerStateManager::decode_snapshot(&bytes) {
            Ok(entries) => entries,
            Err(corrupt) => {
                self.err(corrupt.to_string());
                return Ok(());
            }
        };
        for (producer_id, entry) in entries {
            let mut line = format!(
                "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} \
                 lastTimestamp: {}",
                producer_id.0,
                entry.producer_epoch.0,
                entry.coordinator_epoch,
                optional_long(entry.current_txn_first_offset.map(|offset| offset.0)),
                entry.last_timestamp
            );
            if let Some(batch) = entry.batches.front() {
                line.push_str(&format!(
                    " firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: \
                     {}",
                    batch.first_sequence(),
                    batch.last_sequence,
                    batch.last_offset.0,
                    batch.offset_delta,
                    batch.timestamp
                ));
            }
            line.push('\n');
            self.out(line);
        }
        Ok(())
    }

    fn txn_index(&mut self, path: &str, name: &str) -> Result<(), Thrown> {
        let base = base_offset(name)?;
        let bytes = self.read(path)?;
        let index = TransactionIndex::decode(&bytes, Offset(base))
            .map_err(|error| Thrown(format!("org.apache.kafka.common.KafkaException: {error}")))?;
        for txn in index.entries() {
            self.out(format!(
                "version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}\n",
                logbrook_log::AbortedTxn::CURRENT_VERSION,
                txn.producer_id.0,
                txn.first_offset.0,
                txn.last_offset.0,
                txn.last_stable_offset.0
            ));
        }
        Ok(())
    }

    /// What was found wrong, at the end, by file.
    fn report(&mut self) {
        let found = std::mem::take(&mut self.found);
        let mut each =
            |pairs: Pairs, title: &str, line: &dyn Fn(i64, i64) -> String, down: bool| {
                for file in hash_order(pairs.keys().cloned(), 16) {
                    self.err(format!("{title}{file}"));
                    let mut pairs = pairs.get(&file).cloned().unwrap_or_default();
                    if down {
                        pairs.reverse();
                    }
                    for (first, second) in pairs {
                        self.err(line(first, second));
                    }
                }
            };
        each(
            found.mismatches,
            "Mismatches in :",
            &|index, log| format!("  Index offset: {index}, log offset: {log}"),
            true,
        );
        each(
            found.time_mismatches,
            "Found timestamp mismatch in :",
            &|index, log| format!("  Index timestamp: {index}, log timestamp: {log}"),
            false,
        );
        each(
            found.out_of_order,
            "Found out of order timestamp in :",
            &|index, before| {
                format!("  Index timestamp: {index}, Previously indexed timestamp: {before}")
            },
            false,
        );
        each(
            found.not_found,
            "The following indexed offsets are not found in :",
            &|index, log| format!("Indexed offset: {index}, found log offset: {log}"),
            false,
        );
        each(
            found.non_consecutive,
            "Non-consecutive offsets in ",
            &|before, after| format!("  {before} is followed by {after}"),
            false,
        );
    }
}
