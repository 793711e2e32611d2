//! Maps and sets in key order, for a few hundred entries: vectors that are kept sorted.
//!
//! They have the names, the order and the answers of `BTreeMap` and `BTreeSet`. Compiled, one of
//! those is 6 kB for each pair of types, and a simulator has a hundred pairs: a quarter of the
//! page. Here keys and values stand in two vectors, so that the code of a key type is shared by
//! all of its maps. Adding to the end costs what a push costs, adding or removing elsewhere moves
//! what is behind: where thousands come and go in the middle, take a `BTreeMap`.
#![no_std]

extern crate alloc;

mod map;
mod order;
mod set;

pub use map::{Entry, SortedMap, VacantEntry};
pub use order::{sort, sort_by, sort_by_key};
pub use set::SortedSet;

use core::borrow::Borrow;
use core::ops::{Bound, Range, RangeBounds};

/// Where a key is, or where it would be put.
fn find<K: Borrow<Q>, Q: Ord + ?Sized>(keys: &[K], key: &Q) -> Result<usize, usize> {
    keys.binary_search_by(|k| k.borrow().cmp(key))
}

/// The places of the keys in a range; empty where the range is upside down.
fn places<K: Borrow<Q>, Q: Ord + ?Sized>(keys: &[K], range: &impl RangeBounds<Q>) -> Range<usize> {
    let at_least = |key: &Q| find(keys, key).unwrap_or_else(|at| at);
    let after = |key: &Q| find(keys, key).map_or_else(|at| at, |at| at + 1);
    let start = match range.start_bound() {
        Bound::Included(key) => at_least(key),
        Bound::Excluded(key) => after(key),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(key) => after(key),
        Bound::Excluded(key) => at_least(key),
        Bound::Unbounded => keys.len(),
    };
    start..end.max(start)
}
