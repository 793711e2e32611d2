//! One partition's log: segments, indexes, producer state, retention.
//!
//! [`Log`] takes batches in ([`Log::append_as_leader`], [`Log::append_as_follower`]) and gives them out
//! ([`Log::read`], by timestamp too); [`Log::maintain`] deletes what is old. It knows no topic and no
//! replica, and has no clock: `now` is an argument.
//!
//! A log is in memory ([`Log::new`]) or in Kafka's files ([`Log::open`], which recovers what a crash left).
//! Files come in through [`FileSystem`], so that nothing here knows an operating system.
#![no_std]

extern crate alloc;

mod append;
mod checkpoint_file;
mod cleaner;
mod config;
mod error;
mod file_system;
mod index_entries;
mod leader_epoch_cache;
mod log;
mod log_files;
mod log_loader;
mod offset_index;
mod producer_snapshot;
mod producer_state;
mod read;
mod retention;
mod segment;
mod storage;
mod time_index;
mod transaction_index;
mod validator;
mod verification;
mod write_back;

pub use append::LeaderAppend;
pub use checkpoint_file::{OffsetCheckpoint, read_offset_checkpoint, write_offset_checkpoint};
pub use cleaner::{CleanError, CleanerConfig, CleanerStats, LogToClean};
pub use config::{CleanupPolicy, LogConfig};
pub use error::{AppendError, AppendErrorKind, OffsetOutOfRange, ReadError, RecordError};
pub use file_system::{
    File, FileSystem, LogFolder, StorageError, read_file, write_file_atomically,
};
pub use leader_epoch_cache::LeaderEpochCache;
pub use log::{AppendInfo, AppendOrigin, Log, Maintenance, SegmentView, TimestampAndOffset};
pub use log_loader::{LoadOptions, Loaded};
pub use offset_index::OffsetPosition;
pub use producer_snapshot::CorruptSnapshot;
pub use producer_state::{
    BatchMetadata, LATE_TRANSACTION_BUFFER_MS, NUM_BATCHES_TO_RETAIN, ProducerStateEntry,
    ProducerStateManager,
};
pub use read::FetchData;
pub use time_index::TimestampOffset;
pub use transaction_index::{AbortedTxn, TransactionIndex, TransactionIndexError};
pub use verification::{TransactionVersion, VerificationGuard, VerificationStateEntry};
