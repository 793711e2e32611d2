//! What a crash may leave of a log: bytes of a segment, of a producer snapshot and of a transaction
//! index. What is taken is read back whole, and each of its batches is one that the bytes had.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logbrook_log::{Log, LogConfig, ProducerStateManager, TransactionIndex};
use logbrook_record::{Offset, batches};

fuzz_target!(|data: &[u8]| {
    if let Ok(snapshot) = ProducerStateManager::from_snapshot(data, 0, i64::MAX) {
        let again = snapshot.encode_snapshot();
        assert!(ProducerStateManager::from_snapshot(&again, 0, i64::MAX).is_ok());
    }
    let _ = TransactionIndex::decode(data, Offset(0));

    let mut log = Log::new(LogConfig::default(), Offset(0));
    let bytes = Bytes::copy_from_slice(data);
    // Batch by batch, up to the first that is damaged, as `LogSegment.recover` goes.
    for batch in batches(&bytes) {
        let Ok(batch) = batch else { break };
        if log.append_as_follower(batch.into_bytes(), 0).is_err() {
            break;
        }
    }
    log.set_high_watermark(log.log_end_offset());
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    let read = log.batches(start, end).map(|batch| batch.bytes().len()).sum::<usize>();
    assert_eq!(read, log.size_bytes());
    let all = log.read(start, usize::MAX, true, end).expect("within the log");
    assert!(all.len() <= log.size_bytes());
    for offset in [0, end.0 / 2, end.0 - 1] {
        let _ = log.read(Offset(offset), 100, false, end);
    }
    let _ = log.offset_for_timestamp(0);
    let _ = log.max_timestamp();
});
