//! Compaction, after the stories of Kafka's `LogCleanerTest` and `LogCleanerManagerTest`.

mod common;

use bytes::Bytes;
use common::NOW;
use logbrook_log::{
    AppendInfo, AppendOrigin, CleanError, CleanerConfig, CleanerStats, CleanupPolicy, Log,
    LogConfig, LogToClean,
};
use logbrook_record::{
    BatchBuilder, BatchOptions, Compression, EndTransactionMarker, LeaderEpoch, Offset,
    ProducerEpoch, ProducerId,
};

const EPOCH: LeaderEpoch = LeaderEpoch(0);
const DELETE_RETENTION_MS: i64 = 86_400_000;

fn config(segment_bytes: usize) -> LogConfig {
    LogConfig {
        segment_bytes,
        cleanup_policy: CleanupPolicy { delete: false, compact: true },
        delete_retention_ms: DELETE_RETENTION_MS,
        transaction_verification_enable: false,
        ..LogConfig::default()
    }
}

/// A log, its producers' sequence numbers, and where its cleaner is.
struct Story {
    log: Log,
    sequences: std::collections::BTreeMap<i64, i32>,
    cleaner: CleanerConfig,
    dirty: Offset,
}

impl Story {
    fn new(config: LogConfig) -> Self {
        let log = Log::new(config, Offset(0));
        let cleaner = CleanerConfig::default();
        Self { log, sequences: std::collections::BTreeMap::new(), cleaner, dirty: Offset(0) }
    }

    /// With a map for so many keys.
    fn with_slots(mut self, slots: usize) -> Self {
        self.cleaner =
            CleanerConfig { dedupe_buffer_bytes: 24 * slots, dedupe_buffer_load_factor: 0.75 };
        self
    }

    fn append(&mut self, bytes: Bytes, origin: AppendOrigin) -> AppendInfo {
        let info = self.log.append(bytes, EPOCH, origin, NOW).expect("a good batch");
        self.log.set_high_watermark(self.log.log_end_offset());
        info
    }

    fn record(&mut self, key: &str, value: Option<&str>) -> Offset {
        let mut builder = BatchBuilder::new(BatchOptions::default());
        builder.append(NOW, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
        self.append(builder.build().expect("no codec"), AppendOrigin::Client).first_offset
    }

    fn batch_of(&mut self, id: i64, keys: &[i32], transactional: bool) -> Bytes {
        let sequence = self.sequences.entry(id).or_default();
        let mut builder = BatchBuilder::new(BatchOptions {
            producer_id: ProducerId(id),
            producer_epoch: ProducerEpoch(0),
            base_sequence: *sequence,
            transactional,
            ..BatchOptions::default()
        });
        *sequence += keys.len() as i32;
        for key in keys {
            let key = key.to_string();
            builder.append(NOW, Some(key.as_bytes()), Some(key.as_bytes()), &[]);
        }
        builder.build().expect("no codec")
    }

    fn idempotent(&mut self, id: i64, keys: &[i32]) -> AppendInfo {
        let bytes = self.batch_of(id, keys, false);
        self.append(bytes, AppendOrigin::Client)
    }

    fn transactional(&mut self, id: i64, keys: &[i32]) -> AppendInfo {
        let bytes = self.batch_of(id, keys, true);
        self.append(bytes, AppendOrigin::Client)
    }

    fn end(&mut self, id: i64, committed: bool) {
        let marker = EndTransactionMarker { committed, coordinator_epoch: 0 }
            .batch(NOW, ProducerId(id), ProducerEpoch(0))
            .expect("no codec");
        self.append(marker, AppendOrigin::Coordinator);
    }

    fn commit(&mut self, id: i64) {
        self.end(id, true);
    }

    fn abort(&mut self, id: i64) {
        self.end(id, false);
    }

    fn roll(&mut self) {
        self.log.roll_active_segment(NOW).expect("in memory");
    }

    fn clean_from(&mut self, dirty: Offset, now: i64) -> CleanerStats {
        let segments = self.log.segments();
        let active = segments.last().expect("an active one").base_offset;
        let cleanable = LogToClean {
            first_dirty_offset: dirty,
            first_uncleanable_offset: active,
            clean_bytes: 0,
            cleanable_bytes: self.log.size_bytes(),
            max_compaction_delay_ms: 0,
        };
        let stats = self.log.clean(&cleanable, self.cleaner, now).expect("it can be read");
        self.dirty = stats.end_offset;
        assert_eq!(self.log.cleaner_checkpoint(), Some(stats.end_offset));
        stats
    }

    /// From where the last round ended.
    fn clean(&mut self, now: i64) -> CleanerStats {
        self.clean_from(self.dirty, now)
    }

    /// The first round sets delete horizons, the second comes after them.
    fn clean_twice_from(&mut self, dirty: Offset, now: i64) {
        self.clean_from(dirty, now);
        self.clean_from(dirty, now + DELETE_RETENTION_MS + 1);
    }

    fn offsets(&self) -> Vec<i64> {
        self.records().map(|record| record.offset.0).collect()
    }

    fn records(&self) -> impl Iterator<Item = logbrook_record::Record> + '_ {
        self.log
            .batches(Offset(0), self.log.log_end_offset())
            .flat_map(|batch| batch.records().expect("ours"))
    }

    fn keys(&self) -> Vec<String> {
        self.log
            .batches(Offset(0), self.log.log_end_offset())
            .filter(|batch| !batch.header().attributes.is_control())
            .flat_map(|batch| batch.records().expect("ours"))
            .map(|record| String::from_utf8_lossy(&record.key.expect("keyed")).into_owned())
            .collect()
    }

    fn base_offsets(&self) -> Vec<i64> {
        let end = self.log.log_end_offset();
        self.log.headers(Offset(0), end).map(|header| header.base_offset.0).collect()
    }

    fn last_offsets(&self) -> Vec<i64> {
        let end = self.log.log_end_offset();
        self.log.headers(Offset(0), end).map(|header| header.last_offset().0).collect()
    }

    fn last_sequences(&self) -> Vec<(i64, i32)> {
        let mut last = std::collections::BTreeMap::new();
        for header in self.log.headers(Offset(0), self.log.log_end_offset()) {
            if header.has_producer_id() && !header.attributes.is_control() {
                last.insert(header.producer_id.0, header.last_sequence());
            }
        }
        last.into_iter().collect()
    }

    fn aborted(&self) -> Vec<(i64, i64, i64)> {
        self.log
            .aborted_transactions(Offset(0), self.log.log_end_offset())
            .iter()
            .map(|txn| (txn.producer_id.0, txn.first_offset.0, txn.last_offset.0))
            .collect()
    }
}

#[test]
fn the_last_value_of_each_key_stays_at_its_offset() {
    let mut story = Story::new(config(1 << 20));
    for (key, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("a", "5")] {
        story.record(key, Some(value));
    }
    let before = story.log.size_bytes();
    story.roll();
    story.record("b", Some("6"));
    let stats = story.clean(NOW);
    assert_eq!(story.offsets(), [1, 3, 4, 5], "the active segment is not looked at");
    assert_eq!(story.log.log_start_offset(), Offset(0));
    assert_eq!((stats.messages_read, stats.messages_written, stats.bytes_read), (5, 3, before));
    assert_eq!(stats.bytes_written, story.log.segments()[0].bytes);
    assert_eq!(stats.end_offset, Offset(5));
    // A reader at a gap goes on behind it.
    let data = story.log.read(Offset(0), 1, true, Offset(6)).expect("within the log").into_bytes();
    let first = logbrook_record::batches(&data).next().expect("a batch").expect("whole");
    assert_eq!(first.base_offset(), Offset(1));
    story.roll();
    story.clean(NOW);
    assert_eq!(story.offsets(), [3, 4, 5]);
    assert_eq!(story.log.segments().len(), 2, "the small segments became one");
}

#[test]
fn batches_keep_what_is_left_of_them() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let mut story = Story::new(config(1 << 20));
        let mut builder =
            BatchBuilder::new(BatchOptions { compression, ..BatchOptions::default() });
        let header = [logbrook_record::Header::new("h", Bytes::from_static(b"v"))];
        for (index, key) in ["a", "b", "a", "c"].into_iter().enumerate() {
            builder.append(NOW + index as i64, Some(key.as_bytes()), Some(b"v"), &header);
        }
        story.append(builder.build().expect("a codec"), AppendOrigin::Client);
        story.roll();
        story.record("c", Some("later"));
        story.clean(NOW);
        assert_eq!(story.offsets(), [1, 2, 3, 4], "{compression}");
        story.roll();
        story.clean_from(Offset(0), NOW);
        assert_eq!(story.offsets(), [1, 2, 4], "{compression}");
        let batch = story.log.batches(Offset(0), Offset(4)).next().expect("the first");
        let batch_header = batch.header();
        assert_eq!(batch_header.compression(), Ok(compression));
        assert_eq!(
            (batch_header.base_offset, batch_header.last_offset()),
            (Offset(0), Offset(3)),
            "its range is as before"
        );
        assert_eq!(batch_header.max_timestamp, NOW + 2);
        let records = batch.records().expect("ours");
        assert_eq!((records[0].timestamp, &records[0].headers[..]), (NOW + 1, &header[..]));
    }
}

#[test]
fn tombstones_live_until_their_horizon() {
    let mut story = Story::new(config(1 << 20));
    story.record("a", Some("1"));
    story.record("a", None);
    story.record("b", Some("2"));
    story.roll();
    story.clean(NOW);
    assert_eq!(story.offsets(), [1, 2]);
    let horizon = |story: &Story| {
        story.log.headers(Offset(0), Offset(9)).next().expect("a batch").delete_horizon_ms()
    };
    assert_eq!(horizon(&story), Some(NOW + DELETE_RETENTION_MS), "from when it was met first");
    let timestamps: Vec<_> = story.records().map(|record| record.timestamp).collect();
    assert_eq!(timestamps, [NOW, NOW], "the records' own stay");
    story.clean_from(Offset(0), NOW + DELETE_RETENTION_MS - 1);
    assert_eq!(story.offsets(), [1, 2]);
    assert_eq!(horizon(&story), Some(NOW + DELETE_RETENTION_MS), "set once");
    story.clean_from(Offset(0), NOW + DELETE_RETENTION_MS);
    assert_eq!(story.offsets(), [2]);
}

#[test]
fn a_record_without_a_key_goes() {
    let mut story = Story::new(LogConfig {
        cleanup_policy: CleanupPolicy { delete: true, compact: false },
        ..config(1 << 20)
    });
    let mut builder = BatchBuilder::new(BatchOptions::default());
    builder.append(NOW, None, Some(b"from before the topic was compacted"), &[]);
    story.append(builder.build().expect("no codec"), AppendOrigin::Client);
    story.record("a", Some("1"));
    story.roll();
    let stats = story.clean(NOW);
    assert_eq!((stats.invalid_messages_read, story.offsets()), (1, vec![1]));
}

#[test]
fn duplicates_are_known_after_cleaning() {
    let mut story = Story::new(config(2048));
    story.idempotent(1, &[1, 2, 3]);
    story.idempotent(2, &[3, 1, 4]);
    story.idempotent(3, &[1, 4]);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.last_offsets(), [2, 5, 7]);
    assert_eq!(story.last_sequences(), [(1, 2), (2, 2), (3, 1)]);
    assert_eq!(story.keys(), ["2", "3", "1", "4"]);
    assert_eq!(story.offsets(), [1, 3, 6, 7]);

    // What a broker reads again when it starts, it takes from the batches.
    let again = |log: &Log| {
        let mut reloaded = Log::new(config(2048), Offset(0));
        let bytes: Vec<u8> =
            log.batches(Offset(0), log.log_end_offset()).flat_map(|b| b.into_bytes()).collect();
        reloaded.append_as_follower(Bytes::from(bytes), NOW).expect("gaps are allowed");
        reloaded
    };
    for (id, keys, first, last) in
        [(1, vec![1, 2, 3], 0, 2), (3, vec![1, 4], 6, 7), (2, vec![3, 1, 4], 3, 5)]
    {
        let mut log = again(&story.log);
        story.sequences.insert(id, 0);
        let bytes = story.batch_of(id, &keys, false);
        let info = log.append_as_leader(bytes, EPOCH, NOW).expect("known");
        assert!(info.duplicate);
        assert_eq!((info.first_offset, info.last_offset), (Offset(first), Offset(last)));
    }

    story.idempotent(4, &[2]);
    story.roll();
    story.clean_from(Offset(0), NOW);
    assert_eq!(story.last_sequences(), [(1, 2), (2, 2), (3, 1), (4, 0)]);
    assert_eq!(story.last_offsets(), [2, 5, 7, 8], "the emptied batch of producer 1 stays");
    assert_eq!(story.keys(), ["3", "1", "4", "2"]);
    assert_eq!(story.offsets(), [3, 6, 7, 8]);
    let mut log = again(&story.log);
    story.sequences.insert(1, 0);
    let bytes = story.batch_of(1, &[1, 2, 3], false);
    assert_eq!(log.append_as_leader(bytes, EPOCH, NOW).expect("known").first_offset, Offset(0));
}

#[test]
fn the_last_sequence_of_each_producer_stays() {
    let mut story = Story::new(config(1024));
    story.record("0", Some("0"));
    story.idempotent(1, &[0]);
    story.idempotent(2, &[0]);
    story.idempotent(3, &[0]);
    story.idempotent(2, &[1]);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.last_offsets(), [1, 3, 4]);
    assert_eq!(story.last_sequences(), [(1, 0), (2, 1), (3, 0)]);
    assert_eq!(story.keys(), ["0", "1"]);
    assert_eq!(story.offsets(), [3, 4]);
}

#[test]
fn the_last_sequence_stays_even_of_an_aborted_transaction() {
    let mut story = Story::new(config(1024));
    story.transactional(1, &[1]);
    story.transactional(1, &[2, 3]);
    story.abort(1);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.last_offsets(), [2, 3]);
    assert_eq!(story.last_sequences(), [(1, 2)]);
    assert_eq!(story.offsets(), [3]);

    story.transactional(1, &[1, 5]);
    story.roll();
    story.log.set_high_watermark(story.log.log_end_offset());
    story.clean_from(Offset(0), NOW);
    assert_eq!(story.last_offsets(), [3, 5]);
    assert_eq!(story.last_sequences(), [(1, 4)]);
    assert_eq!(story.keys(), ["1", "5"]);
    assert_eq!(story.offsets(), [3, 4, 5]);
}

#[test]
fn aborted_records_go_and_committed_ones_compete() {
    let mut story = Story::new(config(2048));
    story.transactional(1, &[1, 2]);
    story.transactional(2, &[2, 3]);
    story.transactional(1, &[3, 4]);
    story.abort(1);
    story.commit(2);
    story.transactional(1, &[2]);
    story.commit(1);
    let aborted = story.aborted();
    story.roll();
    story.clean(NOW);
    assert_eq!(story.keys(), ["3", "2"]);
    assert_eq!(story.offsets(), [3, 6, 7, 8, 9]);
    assert_eq!(story.aborted(), aborted, "the index has what it had");
}

#[test]
fn transactions_may_span_segments() {
    let mut story = Story::new(config(1024));
    story.transactional(1, &[1, 2]);
    story.transactional(3, &[2, 3]);
    story.transactional(2, &[3, 4]);
    story.roll();
    story.transactional(2, &[5, 6]);
    story.transactional(3, &[6, 7]);
    story.transactional(1, &[7, 8]);
    story.abort(2);
    story.transactional(3, &[8, 9]);
    story.commit(3);
    story.transactional(1, &[9, 10]);
    story.abort(1);

    story.clean(NOW);
    assert_eq!(
        story.keys(),
        ["2", "3", "5", "6", "6", "7", "7", "8", "8", "9", "9", "10"],
        "the first segment alone was cleaned"
    );
    story.roll();
    story.transactional(2, &[11]);
    story.transactional(1, &[12]);
    story.clean(NOW);
    assert_eq!(story.keys(), ["2", "3", "6", "7", "8", "9", "11", "12"]);
}

#[test]
fn a_commit_marker_goes_after_its_records_and_its_horizon() {
    let mut story = Story::new(config(256));
    story.transactional(1, &[1]);
    story.transactional(1, &[2, 3]);
    story.commit(1);
    story.transactional(1, &[2]);
    story.commit(1);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.keys(), ["1", "3", "2"]);
    assert_eq!(story.offsets(), [0, 2, 3, 4, 5]);

    story.transactional(1, &[1, 3]);
    story.commit(1);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.offsets(), [3, 4, 5, 6, 7, 8], "its records were read this time");
    for _ in 0..2 {
        story.clean_from(Offset(0), NOW);
        assert_eq!(story.keys(), ["2", "1", "3"]);
        assert_eq!(story.offsets(), [3, 4, 5, 6, 7, 8], "the marker has its horizon now");
    }
    story.clean_from(Offset(0), NOW + DELETE_RETENTION_MS);
    assert_eq!(story.offsets(), [4, 5, 6, 7, 8]);
}

#[test]
fn an_abort_marker_goes_after_its_records_and_its_horizon() {
    let mut story = Story::new(config(256));
    story.transactional(1, &[1]);
    story.transactional(1, &[2, 3]);
    story.abort(1);
    story.transactional(1, &[3]);
    story.commit(1);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.keys(), ["3"]);
    assert_eq!(story.offsets(), [3, 4, 5], "the marker stays");
    story.clean_twice_from(Offset(0), NOW);
    assert_eq!(story.offsets(), [4, 5]);
}

#[test]
fn a_marker_stays_as_long_as_an_emptied_batch_does() {
    let mut story = Story::new(config(256));
    story.transactional(1, &[2, 3]);
    story.abort(1);
    story.roll();
    assert_eq!(story.aborted(), [(1, 0, 2)]);
    story.clean(NOW);
    for round in 0..2 {
        assert_eq!(story.aborted(), [(1, 0, 2)], "round {round}");
        assert_eq!(story.offsets(), [2], "the marker");
        assert_eq!(story.last_offsets(), [1, 2], "and the emptied batch with its sequence");
        story.clean_twice_from(Offset(0), NOW);
    }
    story.transactional(1, &[1]);
    story.commit(1);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.aborted(), [(1, 0, 2)]);
    assert_eq!(story.keys(), ["1"]);
    assert_eq!(story.offsets(), [2, 3, 4], "the emptied batch was read this time");
    assert_eq!(story.last_offsets(), [2, 3, 4]);
    story.clean_twice_from(Offset(0), NOW);
    assert_eq!(story.offsets(), [3, 4]);
    assert_eq!(story.aborted(), []);
}

#[test]
fn a_commit_marker_stays_with_the_emptied_batches_of_its_transaction() {
    let mut story = Story::new(config(256));
    story.transactional(1, &[2, 3]);
    story.roll();
    story.transactional(2, &[2, 3]);
    story.commit(2);
    story.roll();
    story.record("2", Some("2"));
    story.record("3", Some("3"));
    story.commit(1);
    story.roll();
    for _ in 0..2 {
        story.clean_from(Offset(0), NOW);
        assert_eq!(story.keys(), ["2", "3"]);
        assert_eq!(story.offsets(), [4, 5, 6, 7]);
        assert_eq!(story.last_offsets(), [1, 3, 4, 5, 6, 7]);
    }
    story.transactional(2, &[1]);
    story.commit(2);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.keys(), ["2", "3", "1"]);
    assert_eq!(story.offsets(), [4, 5, 6, 7, 8, 9]);
    assert_eq!(story.last_offsets(), [1, 4, 5, 6, 7, 8, 9]);
    story.clean_twice_from(Offset(0), NOW);
    assert_eq!(story.offsets(), [5, 6, 7, 8, 9]);
    assert_eq!(story.last_offsets(), [1, 5, 6, 7, 8, 9]);
}

#[test]
fn an_emptied_control_batch_is_no_trouble() {
    let mut story = Story::new(config(256));
    story.commit(1);
    story.record("2", Some("2"));
    story.record("3", Some("3"));
    story.roll();
    story.clean_twice_from(Offset(0), NOW);
    for _ in 0..2 {
        assert_eq!(story.offsets(), [1, 2]);
        assert_eq!(story.last_offsets(), [0, 1, 2], "the epoch of producer 1 stays");
        story.clean_from(Offset(0), NOW + 10 * DELETE_RETENTION_MS);
    }
}

#[test]
fn the_cleaner_takes_several_rounds_over_aborted_transactions() {
    let mut story =
        Story::new(LogConfig { delete_retention_ms: 50_000, ..config(1 << 20) }).with_slots(4);
    story.transactional(1, &[1, 2]);
    story.transactional(2, &[2, 3]);
    story.transactional(1, &[3, 4]);
    story.commit(1);
    story.commit(2);
    story.transactional(1, &[2, 3]);
    story.abort(1);
    story.transactional(2, &[4, 5]);
    story.transactional(1, &[5, 6]);
    story.commit(1);
    story.abort(2);
    story.transactional(2, &[6, 7]);
    story.commit(2);
    story.roll();
    let aborted = [(1, 8, 10), (2, 11, 16)];
    assert_eq!(story.aborted(), aborted);

    // Aborted data go, markers wait for their horizon, which the next round sets.
    story.clean(NOW);
    assert_eq!(story.dirty, Offset(4), "three keys fit");
    assert_eq!(story.base_offsets(), [0, 2, 4, 6, 7, 10, 13, 15, 16, 17, 19]);
    assert_eq!(story.offsets(), [0, 2, 3, 4, 5, 6, 7, 10, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(story.aborted(), aborted);

    story.clean(NOW);
    assert_eq!(story.dirty, Offset(14));
    assert_eq!(story.base_offsets(), [0, 2, 4, 6, 7, 10, 13, 15, 16, 17, 19]);
    assert_eq!(story.offsets(), [0, 2, 4, 5, 6, 7, 10, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(story.aborted(), [], "nothing of them is left to be hidden");

    story.clean(NOW + 50_000);
    assert_eq!(story.dirty, Offset(20));
    assert_eq!(story.base_offsets(), [0, 2, 4, 6, 7, 13, 15, 17, 19]);
    assert_eq!(story.offsets(), [0, 2, 4, 5, 6, 7, 13, 15, 17, 18, 19]);
}

#[test]
fn a_key_like_a_markers_is_no_marker() {
    let mut story = Story::new(config(1024));
    story.transactional(1, &[1]);
    story.commit(1);
    let mut builder = BatchBuilder::new(BatchOptions {
        producer_id: ProducerId(2),
        producer_epoch: ProducerEpoch(0),
        base_sequence: 0,
        transactional: true,
        ..BatchOptions::default()
    });
    builder.append(NOW, Some(&[0, 0, 0, 1]), Some(b"foo"), &[]);
    story.append(builder.build().expect("no codec"), AppendOrigin::Client);
    story.commit(2);
    story.roll();
    story.clean(NOW);
    assert_eq!(story.last_offsets(), [0, 1, 2, 3]);
    assert_eq!(story.offsets(), [0, 1, 2, 3]);
}

#[test]
fn a_segment_may_take_several_rounds() {
    let mut story = Story::new(config(1024)).with_slots(2);
    for key in ["0", "1", "0", "1", "0"] {
        story.record(key, Some(key));
    }
    story.roll();
    let mut clean = |dirty| {
        story.clean_from(Offset(dirty), NOW);
        story.offsets()
    };
    assert_eq!(clean(2), [1, 2, 3, 4]);
    assert_eq!(clean(3), [2, 3, 4]);
    assert_eq!(clean(4), [3, 4]);
}

#[test]
fn a_map_without_room_is_an_error_and_changes_nothing() {
    let mut story = Story::new(config(1024));
    story.record("a", Some("1"));
    story.record("a", Some("2"));
    story.roll();
    let cleanable = story.log.log_to_clean(NOW);
    let config = CleanerConfig { dedupe_buffer_bytes: 10, dedupe_buffer_load_factor: 0.9 };
    let error = story.log.clean(&cleanable, config, NOW).expect_err("no room for one key");
    assert!(matches!(error, CleanError::MapTooSmall(_)), "{error}");
    assert_eq!(story.offsets(), [0, 1]);
}

#[test]
fn the_last_batch_of_a_round_stays_even_when_empty() {
    let mut story = Story::new(config(1024));
    story.record("a", Some("1"));
    story.record("a", None);
    story.roll();
    story.clean(NOW);
    story.clean_from(Offset(0), NOW + DELETE_RETENTION_MS);
    assert_eq!((story.offsets(), story.last_offsets()), (vec![], vec![1]));
    assert_eq!(story.log.segments()[0].bytes, 61, "a bare header");
}

#[test]
fn cleaning_goes_on_beyond_missing_offsets() {
    let mut story = Story::new(config(1 << 20));
    for key in 0..10 {
        story.record(&key.to_string(), Some("v"));
    }
    let at = |offset| {
        let mut builder = BatchBuilder::new(BatchOptions {
            base_offset: Offset(offset),
            partition_leader_epoch: EPOCH,
            ..BatchOptions::default()
        });
        builder.append(NOW, Some(b"key"), Some(b"v"), &[]);
        builder.build().expect("no codec")
    };
    story.log.append_as_follower(at(15), NOW).expect("gaps are allowed");
    story.roll();
    story.log.append_as_follower(at(30), NOW).expect("gaps are allowed");
    story.log.set_high_watermark(Offset(31));
    story.clean(NOW);
    let active = story.log.segments().last().expect("one").base_offset;
    assert_eq!(story.dirty, active);
}

#[test]
fn segments_are_grouped_as_long_as_they_fit_into_one() {
    // One batch of some 70 bytes a segment, three of them in one.
    let mut story = Story::new(LogConfig { segment_bytes: 220, ..config(0) });
    for key in 0..10 {
        story.record(&key.to_string(), Some("v"));
        story.roll();
    }
    assert_eq!(story.log.segments().len(), 11);
    let before = story.offsets();
    story.clean(NOW);
    assert_eq!(story.offsets(), before);
    let bases: Vec<_> = story.log.segments().iter().map(|s| s.base_offset.0).collect();
    assert_eq!(bases, [0, 3, 6, 9, 10]);
}

#[test]
fn what_is_dirty_stable_and_old_enough_is_cleaned() {
    let mut story = Story::new(config(1 << 20));
    story.record("a", Some("1"));
    story.roll();
    story.record("a", Some("2"));
    story.roll();
    let sizes: Vec<_> = story.log.segments().iter().map(|segment| segment.bytes).collect();
    let all = story.log.log_to_clean(NOW);
    assert_eq!((all.first_dirty_offset, all.first_uncleanable_offset), (Offset(0), Offset(2)));
    assert_eq!((all.clean_bytes, all.cleanable_bytes), (0, sizes[0] + sizes[1]));
    assert!((all.cleanable_ratio() - 1.0).abs() < 1e-9 && all.is_worth_it(0.99));

    story.log.set_cleaner_checkpoint(Some(Offset(1)));
    let half = story.log.log_to_clean(NOW);
    assert_eq!((half.clean_bytes, half.cleanable_bytes), (sizes[0], sizes[1]));
    assert!(!half.is_worth_it(0.5) && half.is_worth_it(0.49));

    // Not beyond the high watermark: the segment that holds it is not touched.
    let mut behind = story.log.clone();
    behind.set_cleaner_checkpoint(None);
    behind.set_high_watermark(Offset(1));
    assert_eq!(behind.log_to_clean(NOW).first_uncleanable_offset, Offset(1));

    // Not what is younger than min.compaction.lag.ms.
    story.log.set_cleaner_checkpoint(None);
    story.log.set_config(LogConfig { min_compaction_lag_ms: 1000, ..config(1 << 20) });
    assert_eq!(story.log.log_to_clean(NOW + 999).cleanable_bytes, 0);
    assert_eq!(story.log.log_to_clean(NOW + 1000).cleanable_bytes, sizes[0] + sizes[1]);

    // max.compaction.lag.ms wants it cleaned whatever the ratio.
    story.log.set_config(LogConfig { max_compaction_lag_ms: 1000, ..config(1 << 20) });
    story.log.set_cleaner_checkpoint(Some(Offset(1)));
    assert!(!story.log.log_to_clean(NOW + 1000).is_worth_it(0.9));
    let late = story.log.log_to_clean(NOW + 1001);
    assert!(late.is_worth_it(0.9));
    assert_eq!(late.max_compaction_delay_ms, 1);
}

#[test]
fn an_open_transaction_stops_the_cleaner() {
    let mut story = Story::new(config(1 << 20));
    story.record("a", Some("1"));
    story.roll();
    story.transactional(1, &[1]);
    story.roll();
    story.record("a", Some("2"));
    story.roll();
    assert_eq!(story.log.log_to_clean(NOW).first_uncleanable_offset, Offset(1));
    story.commit(1);
    story.roll();
    assert_eq!(story.log.log_to_clean(NOW).first_uncleanable_offset, Offset(4));
}

#[test]
fn a_checkpoint_outside_of_the_log_begins_anew() {
    let mut story = Story::new(config(1 << 20));
    for _ in 0..3 {
        story.record("a", Some("1"));
        story.roll();
    }
    story.log.set_cleaner_checkpoint(Some(Offset(10)));
    assert_eq!(story.log.log_to_clean(NOW).first_dirty_offset, Offset(0), "beyond the end");
    story.log.increment_log_start_offset(Offset(2)).expect("below the high watermark");
    story.log.set_cleaner_checkpoint(Some(Offset(1)));
    assert_eq!(story.log.log_to_clean(NOW).first_dirty_offset, Offset(2), "before the start");
    assert_eq!(story.log.cleaner_checkpoint(), Some(Offset(2)));
    story.log.set_cleaner_checkpoint(Some(Offset(3)));
    assert!(story.log.truncate_to(Offset(2), NOW));
    assert_eq!(story.log.cleaner_checkpoint(), Some(Offset(2)), "what was cut is dirty again");
}
