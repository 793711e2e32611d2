//! A log directory in any state: files of a segment, its indexes, its producer snapshot, the epochs and
//! the transaction index, each with any bytes. It opens, and what it took is the batches that the bytes
//! began with.
//!
//! An input is a list of files: a byte for the file's name, two for its length, its bytes.
#![no_main]

#[path = "../../crates/log/tests/common/disk.rs"]
mod disk;

use std::sync::Arc;

use bytes::Bytes;
use disk::Disk;
use libfuzzer_sys::fuzz_target;
use logbrook_log::{LoadOptions, Log, LogConfig, LogFolder};
use logbrook_record::{Offset, batches};

const NAMES: [&str; 8] = [
    "t-0/00000000000000000000.log",
    "t-0/00000000000000000000.index",
    "t-0/00000000000000000000.timeindex",
    "t-0/00000000000000000000.txnindex",
    "t-0/00000000000000000005.snapshot",
    "t-0/00000000000000000005.log",
    "t-0/leader-epoch-checkpoint",
    "t-0/partition.metadata",
];

fuzz_target!(|data: &[u8]| {
    let Some((&flags, mut left)) = data.split_first() else { return };
    let disk = Disk::default();
    let mut segment = Bytes::new();
    while let Some((&[name, high, low], rest)) = left.split_first_chunk::<3>() {
        let name = NAMES[usize::from(name) % NAMES.len()];
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        left = rest;
        disk.edit(name, |file| *file = bytes.to_vec());
        if name == NAMES[0] {
            segment = Bytes::copy_from_slice(bytes);
        }
    }
    let options = LoadOptions {
        clean_shutdown: flags & 1 != 0,
        recovery_point: Offset(i64::from(flags >> 4)),
        log_start_offset: Offset(i64::from(flags >> 1 & 3)),
    };
    let folder = LogFolder::new(Arc::new(disk), "t-0");
    let loaded = Log::open(folder, LogConfig::default(), options, 0).expect("the disk is well");
    let mut log = loaded.log;
    log.set_high_watermark(log.log_end_offset());
    let (start, end) = (log.log_start_offset(), log.log_end_offset());
    if !options.clean_shutdown && options.recovery_point.0 == 0 {
        // Everything was looked at: what is left of the first segment is what it began with.
        let mut found = log.batches(Offset(0), end);
        for (there, kept) in batches(&segment).zip(found.by_ref()) {
            let Ok(there) = there else { break };
            assert_eq!(there.bytes(), kept.bytes());
        }
    }
    for offset in [start.0, start.0 + 1, end.0 / 2, end.0 - 1] {
        for max_bytes in [1, 100, usize::MAX] {
            let _ = log.read(Offset(offset), max_bytes, true, end);
        }
    }
    let _ = log.offset_for_timestamp(0);
    let _ = log.max_timestamp();
    let _ = log.aborted_transactions(start, end);
});
