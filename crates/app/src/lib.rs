//! What a team writes around a client: producers, consumers, and the stores outside Kafka.
//!
//! An [`AppSpec`] is the workload section of a level, typed. [`app`] makes one running instance of it,
//! a [`Process`](logbrook_client::process::Process) around the real client state machines. What a
//! setting of the format means is in the type of that setting; a setting that the format knows and
//! this build does not run is refused by [`AppSpec::validate`] with its name, never ignored.

mod client_config;
mod code;
mod code_values;
mod consumer_app;
mod events;
mod generator;
mod instance;
mod poison;
mod producer_app;
mod random;
mod read_event;
mod spec;
mod store;
mod words;
mod writer;

pub use code::*;
pub use code_values::*;
pub use events::*;
pub use generator::*;
pub use instance::{Instance, app, cursor_of};
pub use poison::*;
pub use random::*;
pub use read_event::*;
pub use spec::*;
pub use store::*;
pub use words::WORDS;
