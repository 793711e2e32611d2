//! The processes of a cluster.

use logbrook_sorted::SortedMap;
use std::collections::VecDeque;

use logbrook_app::Random;
use logbrook_client::process::Process;

use crate::queue::{Item, Slot};
use crate::shared_vec::SharedVec;
use crate::trace::EventId;

/// A process, by the order in which it was started. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// Something that a process wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputChunk {
    /// When, in µs of virtual time.
    pub time_us: i64,
    /// What, newlines included.
    pub text: String,
}

/// A process and what is known of it from outside.
#[derive(Clone)]
pub struct ProcessState {
    /// Its name, such as `ledger/2`.
    pub name: String,
    /// Its address as a broker sees it: `/127.0.0.1`.
    pub host: String,
    /// When it was started, in µs of virtual time.
    pub started_us: i64,
    /// What it wrote to standard output.
    pub stdout: SharedVec<OutputChunk>,
    /// What it wrote to standard error.
    pub stderr: SharedVec<OutputChunk>,
    /// Its exit code, once it has ended: 128 + the signal's number where a signal ended it.
    pub exit: Option<i32>,
    pub(crate) started: EventId,
    /// The program; gone when the process has ended.
    pub(crate) program: Option<Box<dyn Process>>,
    pub(crate) network: Random,
    pub(crate) wake: Option<Wake>,
    pub(crate) pause: Option<Pause>,
    /// The last event about each record that is in the application's hands, so that what comes later
    /// names it as its cause.
    pub(crate) records: SortedMap<(String, i32, i64), EventId>,
}

impl ProcessState {
    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.exit.is_none()
    }

    /// The program inside, while it runs, for a view or a test that knows its type.
    pub fn program(&self) -> Option<&dyn Process> {
        self.program.as_deref()
    }

    /// Everything that it wrote to standard output.
    pub fn stdout_text(&self) -> String {
        self.stdout.iter().map(|chunk| chunk.text.as_str()).collect()
    }

    /// Everything that it wrote to standard error.
    pub fn stderr_text(&self) -> String {
        self.stderr.iter().map(|chunk| chunk.text.as_str()).collect()
    }
}

impl core::fmt::Debug for ProcessState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ProcessState")
            .field("name", &self.name)
            .field("started_us", &self.started_us)
            .field("exit", &self.exit)
            .finish_non_exhaustive()
    }
}

/// A wake-up that a process asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wake {
    /// For when, in ms since the Unix epoch.
    pub(crate) at_ms: i64,
    pub(crate) slot: Slot,
    /// The event during which it was asked for.
    pub(crate) cause: Option<EventId>,
}

/// A process that stands still; what would have happened to it waits.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    pub(crate) resume: Slot,
    pub(crate) waiting: VecDeque<Item>,
}
