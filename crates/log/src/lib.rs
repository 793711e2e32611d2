//! One partition's log: segments, indexes, producer state, retention.
#![no_std]

extern crate alloc;

mod config;
mod error;
mod log;

pub use config::{CleanupPolicy, LogConfig};
pub use error::{AppendError, AppendErrorKind, OffsetOutOfRange, RecordError};
pub use log::{
    AbortedTxn, AppendInfo, AppendOrigin, FetchData, Log, Maintenance, SegmentView,
    TimestampAndOffset,
};
