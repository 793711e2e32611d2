//! Faults as lines of the action language.

use core::fmt;

use logbrook_cluster::CONTROLLER_NODE;
use logbrook_shell::action::{Action, DiskState, Select, Span, Target};

use crate::plan::Plan;

/// What kind of fault a line is: coverage counts these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // the verbs of the action language
pub enum FaultKind {
    Kill,
    Term,
    Start,
    Pause,
    Cut,
    CutController,
    Delay,
    Drop,
    Heal,
    DiskSlow,
    DiskFull,
    Crash,
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
        FaultKind::CutController,
        FaultKind::Delay,
        FaultKind::Drop,
        FaultKind::Heal,
        FaultKind::DiskSlow,
        FaultKind::DiskFull,
        FaultKind::Crash,
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
            FaultKind::CutController => "cut controller",
            FaultKind::Delay => "delay",
            FaultKind::Drop => "drop",
            FaultKind::Heal => "heal",
            FaultKind::DiskSlow => "disk slow",
            FaultKind::DiskFull => "disk full",
            FaultKind::Crash => "crash",
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

impl Fault {
    /// Reads `+SECONDS @verb …`, as a fault is printed.
    ///
    /// # Errors
    /// What was found, and what a fault looks like.
    pub fn read(text: &str) -> Result<Fault, String> {
        let expected =
            || format!("found `{text}`, expected a time and a fault such as `+3.5 @kill 2`");
        let rest = text.trim().strip_prefix('+').ok_or_else(expected)?;
        let (at, line) = rest.split_once(' ').ok_or_else(expected)?;
        let at_us = Span::parse(at).map_err(|_| expected())?.us();
        let action = Action::parse(line)
            .map_err(|error| format!("found `{}`, expected {}", error.found, error.expected))?;
        let kind = kind_of(&action).ok_or_else(|| {
            format!(
                "found `{line}`, expected one of @kill, @term, @start, @pause, @cut, @delay, @drop, @heal, \
                 @disk, @crash, @lose, @clock"
            )
        })?;
        Ok(Fault { at_us, kind, line: line.to_owned() })
    }

    /// Whether the plan has whom it is aimed at.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), String> {
        let action = Action::parse(&self.line)
            .map_err(|error| format!("found `{}`, expected {}", error.found, error.expected))?;
        targets(&action).into_iter().try_for_each(|target| self.check_target(plan, target))
    }

    fn check_target(&self, plan: &Plan, target: &Target) -> Result<(), String> {
        let has_controller = plan.brokers > 1;
        match &target.select {
            Select::Node(id)
                if !((1..=plan.brokers).contains(id)
                    || has_controller && *id == CONTROLLER_NODE) =>
            {
                let controller = match has_controller {
                    true => format!(", or {CONTROLLER_NODE} for the controller"),
                    false => String::new(),
                };
                let brokers = plan.brokers;
                Err(format!(
                    "{self}: found node {id}, expected a broker from 1 to {brokers}{controller}"
                ))
            }
            Select::Named(name, Some(number)) => {
                match plan.apps.iter().find(|app| app.name == *name) {
                    Some(app) if (1..=app.instances).contains(number) => Ok(()),
                    Some(app) => {
                        let all = app.instances;
                        Err(format!(
                            "{self}: found {name}/{number}, expected an instance from 1 to {all}"
                        ))
                    }
                    None => Err(format!("{self}: there is no app `{name}`")),
                }
            }
            _ => Ok(()),
        }
    }
}

/// What kind of fault an action is; `None` where it is none.
fn kind_of(action: &Action) -> Option<FaultKind> {
    let is_app = |target: &Target| matches!(target.select, Select::Named(_, Some(_)));
    let is_controller = |target: &Target| {
        matches!(target.select, Select::Controller | Select::Node(CONTROLLER_NODE))
    };
    Some(match action {
        Action::Kill(target) if is_app(target) => FaultKind::KillApp,
        Action::Kill(target) if is_controller(target) => FaultKind::KillController,
        Action::Kill(_) => FaultKind::Kill,
        Action::Term(_) => FaultKind::Term,
        Action::Start(target) if is_app(target) => FaultKind::StartApp,
        Action::Start(_) => FaultKind::Start,
        Action::Pause(target, _) if is_app(target) => FaultKind::PauseApp,
        Action::Pause(..) => FaultKind::Pause,
        Action::Cut { to, .. } if to.iter().all(is_controller) => FaultKind::CutController,
        Action::Cut { .. } => FaultKind::Cut,
        Action::Delay(..) => FaultKind::Delay,
        Action::Drop(..) => FaultKind::Drop,
        Action::Heal => FaultKind::Heal,
        Action::Disk(_, DiskState::Full) => FaultKind::DiskFull,
        Action::Disk(..) => FaultKind::DiskSlow,
        Action::Crash(_) => FaultKind::Crash,
        Action::Lose(_) => FaultKind::Lose,
        Action::Clock(..) => FaultKind::Clock,
        _other => return None,
    })
}

fn targets(action: &Action) -> Vec<&Target> {
    match action {
        Action::Kill(target)
        | Action::Term(target)
        | Action::Start(target)
        | Action::Crash(target)
        | Action::Lose(target)
        | Action::Pause(target, _)
        | Action::Disk(target, _)
        | Action::Clock(target, _) => vec![target],
        Action::Cut { from, to } => core::iter::once(from).chain(to).collect(),
        Action::Delay(from, to, _) | Action::Drop(from, to, _) => vec![from, to],
        _other => Vec::new(),
    }
}
