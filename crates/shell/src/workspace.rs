//! A cluster with its terminals and files: what action lines are run on.
//!
//! The same engine stands behind a recorded session, a level and the page. An action is begun, the
//! cluster steps, and the action is polled until it has an outcome; `run` does all of it.

mod broker_files;
mod builtin;
pub mod line_pattern;
mod node_verbs;
mod targets;
mod verbs;
#[cfg(test)]
mod workspace_test;

use logbrook_sorted::SortedMap;

use logbrook_client::process::Signal;
use logbrook_cluster::{Cluster, ProcessId};

use crate::action::{Action, ActionError, Output, Target};
use crate::tools::{self, ToolEnv};
use crate::words;
pub use line_pattern::LinePattern;

/// How long `@until` and `@expect` wait, in virtual µs.
const PATIENCE_US: i64 = 60_000_000;
/// How long [`Workspace::run`] lets a command run in front, in virtual µs: then it is killed. Nothing
/// that ends by itself takes as long.
pub const COMMAND_LIMIT_US: i64 = 90_000_000;
/// From one try of `@until` to the next, in virtual µs.
const RETRY_US: i64 = 300_000;
/// The address that the tools have: they run beside the broker.
const HOST: &str = "/127.0.0.1";
/// Exit code of a shell that does not know a command.
const COMMAND_NOT_FOUND: i32 = 127;

/// A cluster, its terminals, its working directory.
#[derive(Clone)]
pub struct Workspace {
    /// The cluster.
    pub cluster: Cluster,
    files: SortedMap<String, String>,
    jobs: SortedMap<String, Job>,
    /// What `as NAME` chose.
    names: SortedMap<String, Target>,
    /// The next `$` is repeated until its output matches.
    until: Option<String>,
    /// Tools started so far: each draws from a seed of its own.
    started: u32,
}

/// A process in another terminal.
#[derive(Clone, Debug)]
struct Job {
    process: ProcessId,
    /// Bytes of its output that `@expect` has gone past.
    expected: usize,
}

/// An action under way.
#[derive(Clone, Debug)]
pub struct Running {
    state: State,
    hint: Option<String>,
}

#[derive(Clone, Debug)]
enum State {
    /// Over when it began.
    Done(Outcome),
    /// In front: over when the process has ended.
    Process(ProcessId),
    /// Over at this time, in µs.
    Until(i64),
    /// Repeats a command until its output matches.
    Repeat {
        pattern: LinePattern,
        command: String,
        stdin: Vec<String>,
        process: Option<ProcessId>,
        next_us: i64,
        give_up_us: i64,
    },
    /// Waits for output of another terminal.
    Expect { name: String, pattern: LinePattern, give_up_us: i64 },
    /// Waits for the end of another terminal's process.
    Job { name: String, process: ProcessId },
}

/// What an action came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What a command printed, and its exit code.
    pub output: Option<Output>,
    /// The playground's own word on what to do instead; never part of the output.
    pub hint: Option<String>,
    /// The process that ran.
    pub process: Option<ProcessId>,
    /// What was waited for and did not come (`@expect`, `@until`).
    pub error: Option<ActionError>,
}

impl Running {
    fn done(outcome: Outcome) -> Self {
        Self::of(State::Done(outcome))
    }

    fn of(state: State) -> Self {
        Self { state, hint: None }
    }

    /// The playground's own word about the command, known from its beginning.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The process in front, if there is one.
    #[must_use]
    pub fn process(&self) -> Option<ProcessId> {
        match &self.state {
            State::Process(process) | State::Job { process, .. } => Some(*process),
            State::Done(outcome) => outcome.process,
            State::Repeat { process, .. } => *process,
            State::Until(_) | State::Expect { .. } => None,
        }
    }

    /// When it is over at the latest, in µs of virtual time, if that is known.
    #[must_use]
    pub fn deadline_us(&self) -> Option<i64> {
        match &self.state {
            State::Until(at) => Some(*at),
            State::Repeat { give_up_us, .. } | State::Expect { give_up_us, .. } => {
                Some(*give_up_us)
            }
            State::Done(_) | State::Process(_) | State::Job { .. } => None,
        }
    }
}

impl Workspace {
    /// An empty working directory beside a cluster.
    #[must_use]
    pub fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            files: SortedMap::new(),
            jobs: SortedMap::new(),
            names: SortedMap::new(),
            until: None,
            started: 0,
        }
    }

    /// Puts a file into the working directory.
    pub fn put_file(&mut self, name: &str, text: &str) {
        self.files.insert(name.to_owned(), text.to_owned());
    }

    /// The files of the working directory.
    #[must_use]
    pub fn files(&self) -> &SortedMap<String, String> {
        &self.files
    }

    /// The process of a named terminal.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<ProcessId> {
        self.jobs.get(name).map(|job| job.process)
    }

    /// Begins an action.
    ///
    /// # Errors
    /// An action that does not apply to this workspace; nothing has been done then.
    pub fn begin(&mut self, action: &Action) -> Result<Running, ActionError> {
        match action {
            Action::Run { command, stdin } => match self.until.take() {
                Some(pattern) => {
                    let pattern = LinePattern::new(&pattern)?;
                    let now = self.cluster.now_us();
                    Ok(Running::of(State::Repeat {
                        pattern,
                        command: command.clone(),
                        stdin: stdin.clone(),
                        process: None,
                        next_us: now,
                        give_up_us: now + PATIENCE_US,
                    }))
                }
                None => self.start(command, Some(stdin), &action.to_string()),
            },
            Action::Background { name, command, stdin } => {
                if self.jobs.get(name).is_some_and(|job| self.is_running(job.process)) {
                    return Err(ActionError::new(name, "a name that no running terminal has"));
                }
                let stdin = (!stdin.is_empty()).then_some(stdin);
                let running =
                    self.start(command, stdin.map(|s| s.as_slice()), &action.to_string())?;
                match &running.state {
                    State::Process(process) => {
                        let process = *process;
                        self.jobs.insert(name.clone(), Job { process, expected: 0 });
                        let hint = running.hint;
                        Ok(Running::done(Outcome {
                            hint,
                            process: Some(process),
                            ..Outcome::default()
                        }))
                    }
                    _no_process => Ok(running),
                }
            }
            Action::File { name, lines } => {
                let text: String = lines.iter().flat_map(|l| [l.as_str(), "\n"]).collect();
                self.put_file(name, &text);
                Ok(Running::done(Outcome::default()))
            }
            Action::Feed { name, text } => {
                let process = self.live_job(name)?;
                self.cluster.stdin(process, text);
                Ok(Running::done(Outcome::default()))
            }
            Action::Expect { name, regex } => {
                if !self.jobs.contains_key(name) {
                    return Err(self.no_job(name));
                }
                let give_up_us = self.cluster.now_us() + PATIENCE_US;
                Ok(Running::of(State::Expect {
                    name: name.clone(),
                    pattern: LinePattern::new(regex)?,
                    give_up_us,
                }))
            }
            Action::Close(name) => {
                let process = self.live_job(name)?;
                self.cluster.close_stdin(process);
                Ok(Running::of(State::Job { name: name.clone(), process }))
            }
            Action::Wait(name) => {
                let process =
                    self.jobs.get(name).map(|job| job.process).ok_or_else(|| self.no_job(name))?;
                Ok(Running::of(State::Job { name: name.clone(), process }))
            }
            Action::Stop(target) => match self.job_of(target) {
                Some((name, process)) => {
                    self.cluster.signal(process, Signal::Term);
                    Ok(Running::of(State::Job { name, process }))
                }
                None => self.verb(action),
            },
            Action::Until(pattern) => {
                LinePattern::new(pattern)?;
                self.until = Some(pattern.clone());
                Ok(Running::done(Outcome::default()))
            }
            Action::Sleep(span) => Ok(Running::of(State::Until(self.cluster.now_us() + span.us()))),
            Action::At(span) => Ok(Running::of(State::Until(span.us().max(self.cluster.now_us())))),
            Action::Blank
            | Action::Comment(_)
            | Action::Mask(_)
            | Action::Predict { .. }
            | Action::Note(_) => Ok(Running::done(Outcome::default())),
            Action::Cluster { .. } => Err(ActionError::new(
                action.to_string(),
                "a line other than @cluster: the cluster runs already",
            )),
            Action::Kill(_)
            | Action::Term(_)
            | Action::Start(_)
            | Action::Crash(_)
            | Action::Lose(_)
            | Action::Pause(..)
            | Action::Disk(..)
            | Action::Clock(..)
            | Action::Cut { .. }
            | Action::Delay(..)
            | Action::Drop(..)
            | Action::Heal
            | Action::App { .. }
            | Action::Deploy { .. }
            | Action::Scale { .. }
            | Action::Restart(_)
            | Action::Burst { .. }
            | Action::Poison { .. }
            | Action::Store(..) => self.verb(action),
        }
    }

    /// Begins a command whose standard input stays open: lines come with [`Cluster::stdin`], and it
    /// is known to `@feed`, `@close` and `@stop` by `name`.
    ///
    /// # Errors
    /// A command line that cannot be split into words.
    pub fn begin_live(&mut self, name: &str, command: &str) -> Result<Running, ActionError> {
        let line = format!("& {name} {command}");
        let running = self.start(command, None, &line)?;
        if let State::Process(process) = &running.state {
            self.jobs.insert(name.to_owned(), Job { process: *process, expected: 0 });
        }
        Ok(running)
    }

    /// Has the action come to its end?
    pub fn poll(&mut self, running: &mut Running) -> Option<Outcome> {
        let now_us = self.cluster.now_us();
        match &mut running.state {
            State::Done(outcome) => Some(outcome.clone()),
            State::Until(at) => (now_us >= *at).then(Outcome::default),
            State::Process(process) => {
                let hint = running.hint.clone();
                self.output_of(*process).map(|outcome| Outcome { hint, ..outcome })
            }
            State::Job { name, process } => {
                let outcome = self.output_of(*process)?;
                self.jobs.remove(name.as_str());
                Some(outcome)
            }
            State::Expect { name, pattern, give_up_us } => {
                let process = self.jobs.get(name.as_str()).map(|job| job.process);
                let text = process.and_then(|p| self.cluster.process(p)).map(|p| p.stdout_text());
                let job = self.jobs.get_mut(name.as_str())?;
                let text = text.unwrap_or_default();
                if let Some(found) =
                    text.get(job.expected..).and_then(|rest| pattern.find_end(rest))
                {
                    job.expected += found;
                    return Some(Outcome::default());
                }
                let ended = process.is_none_or(|p| {
                    !self.cluster.process(p).is_some_and(logbrook_cluster::ProcessState::is_running)
                });
                let seen = text.get(job.expected..).unwrap_or_default();
                let error =
                    ActionError::new(seen, format!("output of {name} that matches {pattern}"));
                let over = ended || now_us >= *give_up_us;
                over.then(|| Outcome { error: Some(error), ..Outcome::default() })
            }
            State::Repeat { pattern, command, stdin, process, next_us, give_up_us } => {
                if process.is_none() && now_us >= *next_us {
                    let (command, stdin) = (command.clone(), stdin.clone());
                    let line = format!("$ {command}");
                    match self.start(&command, Some(&stdin), &line) {
                        Ok(Running { state: State::Process(started), .. }) => {
                            *process = Some(started);
                            return None;
                        }
                        Ok(Running { state: State::Done(outcome), .. }) => {
                            let unknown = outcome.output.as_ref().and_then(|output| output.exit)
                                == Some(COMMAND_NOT_FOUND);
                            if unknown {
                                let expected =
                                    "a command that there is, to repeat until it matches";
                                let error = Some(ActionError::new(&command, expected));
                                return Some(Outcome { error, ..outcome });
                            }
                            return tried(pattern, outcome, now_us, next_us, *give_up_us);
                        }
                        Ok(_) => return Some(Outcome::default()),
                        Err(error) => {
                            return Some(Outcome { error: Some(error), ..Outcome::default() });
                        }
                    }
                }
                let started = (*process)?;
                match self.output_of(started) {
                    Some(outcome) => {
                        *process = None;
                        tried(pattern, outcome, now_us, next_us, *give_up_us)
                    }
                    None if now_us >= *give_up_us => {
                        self.cluster.signal(started, Signal::Kill);
                        let expected = format!("output that matches {pattern} within 60 s");
                        let error = Some(ActionError::new("a command that still ran", expected));
                        Some(Outcome { error, ..Outcome::default() })
                    }
                    None => None,
                }
            }
        }
    }

    /// One step of the cluster for the sake of an action: an event, or the time that it waits for.
    /// False when nothing can happen any more.
    pub fn step(&mut self, running: &Running) -> bool {
        let wait_us = match &running.state {
            State::Repeat { process: None, next_us, .. } => Some(*next_us),
            State::Done(_)
            | State::Process(_)
            | State::Until(_)
            | State::Repeat { .. }
            | State::Expect { .. }
            | State::Job { .. } => running.deadline_us(),
        };
        match (self.cluster.next_event_us(), wait_us) {
            (Some(event), Some(wait)) if event > wait => {
                self.cluster.run_until_us(wait);
                true
            }
            (Some(_), _) => self.cluster.step(),
            (None, Some(wait)) if wait > self.cluster.now_us() => {
                self.cluster.run_until_us(wait);
                true
            }
            (None, Some(_) | None) => false,
        }
    }

    /// Runs an action to its end in virtual time.
    ///
    /// # Errors
    /// An action that does not apply, or that has no end: a tool that waits for ever in front.
    pub fn run(&mut self, action: &Action) -> Result<Outcome, ActionError> {
        let mut running = self.begin(action)?;
        let limit_us = self.cluster.now_us() + COMMAND_LIMIT_US;
        loop {
            if let Some(outcome) = self.poll(&mut running) {
                return match outcome.error {
                    Some(error) => Err(error),
                    None => Ok(outcome),
                };
            }
            let waits_for_process = running.deadline_us().is_none();
            if waits_for_process
                && self.cluster.next_event_us().is_none_or(|t| t > limit_us)
                && let Some(process) = running.process().filter(|p| self.is_running(*p))
            {
                self.cluster.run_until_us(limit_us);
                self.cluster.signal(process, Signal::Kill);
                continue;
            }
            if !self.step(&running) {
                let why = match self.cluster.error() {
                    Some(error) => format!("a run that goes on: {error}"),
                    None => "an action that comes to an end".to_owned(),
                };
                return Err(ActionError::new(action.to_string(), why));
            }
        }
    }

    /// Starts a command. With `stdin` its input is those lines and then closed; without, it stays
    /// open.
    fn start(
        &mut self,
        command: &str,
        stdin: Option<&[String]>,
        line: &str,
    ) -> Result<Running, ActionError> {
        let argv = words::split(command)?;
        if argv.is_empty() {
            return Ok(Running::done(Outcome::default()));
        }
        if let Some(outcome) = builtin::run(&argv, &self.files, &self.cluster) {
            return Ok(Running::done(outcome));
        }
        let env = self.env(&argv);
        match tools::tool(&argv, &env) {
            Ok(program) => {
                self.cluster.action(line);
                let process =
                    self.cluster.spawn(&format!("console/{}", self.started), HOST, program);
                if let Some(lines) = stdin {
                    for line in lines {
                        self.cluster.stdin(process, line);
                    }
                    self.cluster.close_stdin(process);
                }
                let hint = tools::hint(&argv);
                Ok(Running { state: State::Process(process), hint })
            }
            Err(unknown) => {
                let output = Output {
                    stdout: String::new(),
                    stderr: format!("bash: {unknown}\n"),
                    exit: Some(COMMAND_NOT_FOUND),
                };
                let hint = builtin::help(&unknown);
                Ok(Running::done(Outcome {
                    output: Some(output),
                    hint: Some(hint),
                    ..Outcome::default()
                }))
            }
        }
    }

    fn env(&mut self, argv: &[String]) -> ToolEnv {
        let tool = argv.first().map(String::as_str).unwrap_or_default();
        self.started += 1;
        let seed = self.cluster.seed_for("tool", &format!("{tool}/{}", self.started));
        let disk = match tool {
            "kafka-dump-log.sh" => broker_files::named(&self.cluster, argv),
            _ => Default::default(),
        };
        ToolEnv { files: self.files.clone(), disk, seed }
    }

    fn is_running(&self, process: ProcessId) -> bool {
        self.cluster.process(process).is_some_and(logbrook_cluster::ProcessState::is_running)
    }

    fn output_of(&self, process: ProcessId) -> Option<Outcome> {
        let state = self.cluster.process(process)?;
        let exit = state.exit?;
        let output =
            Output { stdout: state.stdout_text(), stderr: state.stderr_text(), exit: Some(exit) };
        Some(Outcome { output: Some(output), process: Some(process), ..Outcome::default() })
    }

    fn live_job(&self, name: &str) -> Result<ProcessId, ActionError> {
        match self.job(name) {
            Some(process) if self.is_running(process) => Ok(process),
            Some(_) => Err(ActionError::new(name, "a terminal whose process still runs")),
            None => Err(self.no_job(name)),
        }
    }

    fn job_of(&self, target: &Target) -> Option<(String, ProcessId)> {
        let name = target.to_string();
        self.job(&name).map(|process| (name, process))
    }

    fn no_job(&self, name: &str) -> ActionError {
        let names: Vec<&str> = self.jobs.keys().map(String::as_str).collect();
        match names.is_empty() {
            true => ActionError::new(name, "a terminal begun by `& NAME COMMAND`; there is none"),
            false => ActionError::new(name, format!("one of the terminals {}", names.join(", "))),
        }
    }
}

/// One run of the command of an `@until` is over: the outcome if it matches or the patience is at its end,
/// else nothing, and the time of the next run.
fn tried(
    pattern: &LinePattern,
    outcome: Outcome,
    now_us: i64,
    next_us: &mut i64,
    give_up_us: i64,
) -> Option<Outcome> {
    let seen = outcome.output.as_ref().map_or("", |output| output.stdout.as_str());
    if pattern.is_match(seen) {
        return Some(outcome);
    }
    if now_us >= give_up_us {
        let expected = format!("output that matches {pattern} within 60 s");
        let error = Some(ActionError::new(seen, expected));
        return Some(Outcome { error, ..outcome });
    }
    *next_us = now_us + RETRY_US;
    None
}
