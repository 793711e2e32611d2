//! The applications that run on a cluster: instances, deploys, scaling, stops and starts.

use core::fmt;
use logbrook_sorted::SortedMap;
use std::collections::VecDeque;

use logbrook_app::{AppSpec, Cursor, SettingError};

use crate::process_table::ProcessId;

/// An application that was added to a cluster.
#[derive(Clone, Debug)]
pub struct AppState {
    /// As it is deployed now. An instance that waits for its turn in a rolling restart still runs as
    /// before.
    pub spec: AppSpec,
    pub(crate) instances: SortedMap<u32, InstanceState>,
    pub(crate) rollout: Option<Rollout>,
}

impl AppState {
    /// Its instances by number, from 1; one that was scaled away stays here, not wanted.
    pub fn instances(&self) -> &SortedMap<u32, InstanceState> {
        &self.instances
    }

    /// Whether a rolling restart is on its way.
    pub fn is_rolling(&self) -> bool {
        self.rollout.is_some()
    }

    /// The processes of its running instances.
    pub fn processes(&self) -> impl Iterator<Item = ProcessId> {
        self.instances.values().filter_map(|instance| instance.process)
    }
}

/// One instance of an application.
#[derive(Clone, Debug, Default)]
pub struct InstanceState {
    /// Whether the operator wants it to run.
    pub wanted: bool,
    /// Its process, while it runs.
    pub process: Option<ProcessId>,
    /// How often it was started.
    pub starts: u32,
    /// How often it ended by itself, other than in order: an exception, a record that kills.
    pub crashes: u32,
    /// Of them, how many in a row, none of them having run for a while.
    pub(crate) crashes_in_a_row: u32,
    /// Its source's cursor, left by the last process on its disk.
    pub(crate) cursor: Option<Cursor>,
}

/// A rolling restart: one instance ends and starts again before the next one has its turn.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    pub(crate) waiting: VecDeque<u32>,
    pub(crate) current: Option<u32>,
}

/// An application, or one of its instances, as verbs name it: `worker`, `worker/2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The application.
    pub app: String,
    /// One instance, or all.
    pub number: Option<u32>,
}

impl Target {
    /// Reads `worker` or `worker/2`.
    pub fn read(text: &str) -> Result<Self, String> {
        let (app, number) = match text.split_once('/') {
            None => (text, None),
            Some((app, number)) => match number.parse() {
                Ok(number) if number > 0 => (app, Some(number)),
                Ok(_) | Err(_) => {
                    return Err(format!("found `{text}`, expected APP or APP/NUMBER from 1"));
                }
            },
        };
        if app.is_empty() {
            return Err(format!("found `{text}`, expected APP or APP/NUMBER from 1"));
        }
        Ok(Self { app: app.to_owned(), number })
    }
}

/// Why a verb did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppVerbError {
    /// No application has this name.
    UnknownApp {
        /// The name that was found.
        found: String,
        /// The applications that there are.
        apps: Vec<String>,
    },
    /// The application has no instance of this number.
    UnknownInstance {
        /// The application.
        app: String,
        /// The number that was found.
        found: u32,
        /// The numbers that there are.
        numbers: Vec<u32>,
    },
    /// An application of this name is there already.
    Exists {
        /// The name.
        app: String,
    },
    /// A setting cannot be.
    Setting(SettingError),
}

impl fmt::Display for AppVerbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownApp { found, apps } if apps.is_empty() => {
                write!(f, "no app `{found}`: there are none")
            }
            Self::UnknownApp { found, apps } => {
                write!(f, "no app `{found}`, expected one of {}", apps.join(", "))
            }
            Self::UnknownInstance { app, found, numbers } => {
                let numbers: Vec<_> =
                    numbers.iter().map(|number| format!("{app}/{number}")).collect();
                write!(f, "no instance `{app}/{found}`, expected one of {}", numbers.join(", "))
            }
            Self::Exists { app } => write!(f, "an app `{app}` is there already"),
            Self::Setting(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AppVerbError {}

impl From<SettingError> for AppVerbError {
    fn from(error: SettingError) -> Self {
        Self::Setting(error)
    }
}
