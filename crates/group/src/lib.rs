//! Group and offset state machines, and the assignors.
#![no_std]

extern crate alloc;
