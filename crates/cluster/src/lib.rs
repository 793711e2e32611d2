//! Brokers, processes, network, stores and a virtual clock in one deterministic simulation.
//!
//! ```text
//!   operator's verbs --+                       +--> Trace: every event with its cause, and a hash
//!                      v                       |
//!   queue ordered by (time, sequence) --> Cluster::step
//!                      ^                   |       |         |
//!                      |            Broker::handle |   Store::apply
//!                      |                     Process::handle
//!                      +---- messages with a drawn latency, wake-ups
//! ```
//!
//! The same seed and the same calls at the same virtual times give the same trace, natively and on
//! wasm32. A [`Cluster`] is `Clone`: a clone is a fork that goes on by itself; record bytes, trace and
//! output are shared with the original.
//!
//! A connection is opened by the first frame that a process sends over a channel, which costs a round
//! trip; frames on one connection keep their order in each direction. A process that ends closes its
//! connections. Where a broker is down, a connection is refused.

mod app_instances;
mod app_verbs;
mod apps;
mod checkpoints;
mod cluster;
mod compare;
mod condition;
mod config;
mod connection;
mod links;
mod network;
mod network_faults;
mod node;
mod node_faults;
mod operator;
mod outside;
mod process_table;
mod programs;
mod queue;
mod shared_vec;
mod trace;
mod trace_hash;
mod words;

pub use apps::{AppState, AppVerbError, InstanceState, Target};
pub use checkpoints::{Checkpoints, Forward};
pub use cluster::{CONTROLLER_NODE, Cluster, ClusterError};
pub use compare::{Comparison, Difference, Parted, compare};
pub use condition::NodeNetwork;
pub use config::{ClusterConfig, log_dir};
pub use network_faults::End;
pub use node_faults::Disk;
pub use operator::STARTED;
pub use process_table::{OutputChunk, ProcessId, ProcessState};
pub use shared_vec::SharedVec;
pub use trace::{Actor, EventId, Trace, TraceEvent, TraceKind};
pub use trace_hash::TraceHash;
pub use words::{Told, story, words};
