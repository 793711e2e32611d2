//! One partition's log: segments, indexes, producer state, retention.
#![no_std]

extern crate alloc;
