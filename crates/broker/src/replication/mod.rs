//! How replicas follow their leaders, and how leaders tell the controller who does.

mod fetcher;
mod isr_changes;
mod leader_offset;
mod timers;
mod truncation;

pub(crate) use fetcher::{FetchedFrom, Fetchers};
pub(crate) use isr_changes::IsrChanges;
pub(crate) use timers::ReplicationTimers;

/// A partition by the name of its topic.
pub(crate) type PartitionKey = (String, i32);
