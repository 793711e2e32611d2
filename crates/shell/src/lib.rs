//! The action language, and Kafka's command line tools as processes.
//!
//! A command line, an answer, a share link and a recorded session are lists of [`Action`]s.
//! A tool is a client: what it prints comes from requests it sent, never from a look into a broker.

pub mod action;
pub mod completion;
pub mod nearest;
pub mod session_file;
pub mod tools;
pub mod words;
pub mod workspace;

pub use action::{Action, ActionError, Entry, Output, Select, Span, Target, parse_entries};
pub use workspace::{Outcome, Running, Workspace};
