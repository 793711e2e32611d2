//! Faults as lines of the action language.

use core::fmt;

/// What kind of fault a line is: coverage counts these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the verbs of the action language
pub enum FaultKind {
    Kill,
    Term,
    Start,
    Pause,
    Cut,
    Delay,
    Drop,
    Heal,
    DiskSlow,
    DiskFull,
    Lose,
    Clock,
    KillApp,
    PauseApp,
    StartApp,
    KillController,
    RackGone,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: &[FaultKind] = &[
        FaultKind::Kill,
        FaultKind::Term,
        FaultKind::Start,
        FaultKind::Pause,
        FaultKind::Cut,
        FaultKind::Delay,
        FaultKind::Drop,
        FaultKind::Heal,
        FaultKind::DiskSlow,
        FaultKind::DiskFull,
        FaultKind::Lose,
        FaultKind::Clock,
        FaultKind::KillApp,
        FaultKind::PauseApp,
        FaultKind::StartApp,
        FaultKind::KillController,
        FaultKind::RackGone,
    ];

    /// In a table.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Kill => "kill",
            FaultKind::Term => "term",
            FaultKind::Start => "start",
            FaultKind::Pause => "pause",
            FaultKind::Cut => "cut",
            FaultKind::Delay => "delay",
            FaultKind::Drop => "drop",
            FaultKind::Heal => "heal",
            FaultKind::DiskSlow => "disk slow",
            FaultKind::DiskFull => "disk full",
            FaultKind::Lose => "lose",
            FaultKind::Clock => "clock",
            FaultKind::KillApp => "kill app",
            FaultKind::PauseApp => "pause app",
            FaultKind::StartApp => "start app",
            FaultKind::KillController => "kill controller",
            FaultKind::RackGone => "rack gone",
        }
    }
}

/// One fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When, in µs of virtual time.
    pub at_us: i64,
    /// What kind it is.
    pub kind: FaultKind,
    /// The line of the action language.
    pub line: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.at_us;
        write!(f, "+{}.{:06} {}", us / 1_000_000, us % 1_000_000, self.line)
    }
}
