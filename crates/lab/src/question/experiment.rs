//! Experiments: lines that are lived through in a world, in slices, with what they print.

use borsh::{BorshDeserialize, BorshSerialize};
use logbrook_shell::action::{Action, Entry, Output};
use logbrook_shell::workspace;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

use super::claim::{Claim, Measured};
use crate::level::Level;
use crate::run::Run;

/// A world, and what is done in it.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Experiment {
    /// The name of the world.
    pub world: String,
    /// Action lines. `# label: NAME` names the command after it for observables; another terminal
    /// (`& NAME …`) is named by itself.
    pub lines: String,
}

/// A line that was run, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// When, in µs of virtual time.
    pub at_us: i64,
    /// The line, with the lines of its standard input.
    pub line: String,
    /// What it printed: standard output, then standard error.
    pub printed: String,
    /// Its exit code, where it is not 0.
    pub exit: Option<i32>,
}

/// An experiment under way.
#[derive(Clone)]
pub struct Running {
    run: Run,
    left: VecDeque<Entry>,
    label: Option<String>,
    current: Option<(workspace::Running, Said)>,
    said: Vec<Said>,
}

impl Running {
    /// The world at its start, with all of the lines still to come. `seed` overrides the world's own.
    ///
    /// # Errors
    /// A world that cannot be made, or a line that is no action.
    pub fn start(world: &Level, lines: &str, seed: Option<u64>) -> Result<Self, String> {
        let mut level = world.clone();
        level.cluster.seed = seed.unwrap_or(level.cluster.seed);
        let mut running = Self {
            run: Run::start(Arc::new(level))?,
            left: VecDeque::new(),
            label: None,
            current: None,
            said: Vec::new(),
        };
        running.then(lines)?;
        Ok(running)
    }

    /// More lines, after those that are still to come.
    ///
    /// # Errors
    /// A line that is no action.
    pub fn then(&mut self, lines: &str) -> Result<(), String> {
        self.left.extend(crate::answer::parse(lines).map_err(|e| e.to_string())?);
        Ok(())
    }

    /// Goes on while `go_on` says so. True once every line is done.
    ///
    /// # Errors
    /// A line that does not apply, or that waits for what does not come.
    pub fn advance(&mut self, mut go_on: impl FnMut() -> bool) -> Result<bool, String> {
        loop {
            let Some((running, _said)) = &mut self.current else {
                if !self.next()? {
                    self.run.observe();
                    return Ok(true);
                }
                continue;
            };
            if let Some(outcome) = self.run.workspace.poll(running) {
                if let Some(error) = outcome.error {
                    return Err(error.to_string());
                }
                if let Some((_over, mut said)) = self.current.take() {
                    said.takes(outcome.output.unwrap_or_default());
                    if !said.line.is_empty() {
                        self.said.push(said);
                    }
                }
                self.run.ended();
            } else if !self.run.step(running) {
                let line = self.current.take().map(|(_, said)| said.line).unwrap_or_default();
                return Err(format!("`{line}` does not come to an end"));
            } else if !go_on() {
                self.run.observe();
                return Ok(false);
            }
        }
    }

    /// Begins the next line. False where there is none.
    fn next(&mut self) -> Result<bool, String> {
        let Some(entry) = self.left.pop_front() else { return Ok(false) };
        if let Action::Comment(text) = &entry.action {
            if let Some(label) = text.trim().trim_start_matches("# ").strip_prefix("label:") {
                self.label = Some(label.trim().to_owned());
            }
            return Ok(true);
        }
        let at_us = self.run.cluster().now_us();
        let line = entry.action.to_string();
        let running = self.run.begin_own(&entry.action).map_err(|e| format!("`{line}`: {e}"))?;
        let label = match &entry.action {
            Action::Background { name, .. } => Some(name.clone()),
            Action::Run { .. } => self.label.take(),
            _takes_no_label => None,
        };
        if let Some(label) = label {
            self.run.label(&label, running.process());
        }
        self.current = Some((running, Said { at_us, line, printed: String::new(), exit: None }));
        Ok(true)
    }

    /// To the end, at once.
    ///
    /// # Errors
    /// As [`Running::advance`].
    pub fn finish(mut self) -> Result<Self, String> {
        self.advance(|| true)?;
        match self.run.cluster().error() {
            Some(error) => Err(error.to_string()),
            None => Ok(self),
        }
    }

    /// What was run so far, and what it printed.
    #[must_use]
    pub fn said(&self) -> &[Said] {
        &self.said
    }

    /// How many lines are still to come.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.len() + usize::from(self.current.is_some())
    }

    /// The run.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    pub(super) fn run_mut(&mut self) -> &mut Run {
        &mut self.run
    }

    /// What each claim is now.
    #[must_use]
    pub fn measure(&self, claims: &[Claim]) -> Vec<Measured> {
        claims.iter().map(|claim| claim.measure(&self.run)).collect()
    }
}

impl Said {
    fn takes(&mut self, output: Output) {
        self.printed = output.stdout + &output.stderr;
        self.exit = output.exit.filter(|exit| *exit != 0);
    }
}
