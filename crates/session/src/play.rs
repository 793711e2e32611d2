//! A level being played: the run, its terminals, its clock, its check.

use logbrook_sorted::SortedMap;
use std::collections::VecDeque;
use std::sync::Arc;

use logbrook_lab::grade::{Grading, Report};
use logbrook_lab::level::{Block, ClockMode, Kind, Level};
use logbrook_lab::run::{Run, SKIPPED};
use logbrook_lab::verdict::Verdict;
use logbrook_shell::action::{Action, parse_entries};
use logbrook_shell::tools;
use logbrook_shell::workspace::Outcome;

use crate::follow::Follow;
use crate::link::{Replay, were_run};
use crate::pace::Pace;
use crate::project::inspector::{BytesCache, Subject};
use crate::project::stage::{CellCache, Chosen};
use crate::tabs::{Live, Tabs};
use crate::travel::Travel;
use crate::view::{InspectorTab, Moment, TermLineKind, Time};

/// So long a line of a link that has no time waits for the one before.
const LONGEST_WAIT_US: i64 = 10_000_000;

/// A level being played.
pub(crate) struct Play {
    pub(crate) run: Run,
    pub(crate) tabs: Tabs,
    pub(crate) pace: Pace,
    pub(crate) follow: Follow,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) grading: Option<Grading>,
    /// The last check, until something changes.
    pub(crate) checked: Option<(Grading, Report)>,
    pub(crate) hints_open: usize,
    pub(crate) passed: bool,
    pub(crate) chosen: Chosen,
    pub(crate) subject: Option<Subject>,
    pub(crate) inspector_tab: InspectorTab,
    pub(crate) shown: Option<Moment>,
    pub(crate) cache: CellCache,
    pub(crate) bytes: BytesCache,
    /// What a setting was refused with, by app and setting.
    pub(crate) refused: SortedMap<(String, String), String>,
    /// The trial whose failed seed the inspector looks into.
    pub(crate) in_trial: Option<usize>,
    /// Lines that wait: each with its tab.
    queue: VecDeque<(u32, Queued)>,
    /// Sentences for the live region.
    pub(crate) said: Vec<String>,
    /// The way back; none where nobody looks back (the cluster on Home).
    pub(crate) travel: Option<Travel>,
    /// Lines of a link, while they are run.
    pub(crate) replay: Option<Replay>,
    /// Why they were not run to their end.
    pub(crate) replay_stopped: Option<String>,
}

/// A line that waits for its terminal, or for its tool to come.
enum Queued {
    /// A command from the keyboard, which is its standard input.
    Command(String),
    /// An action line, whole, and the label of the run block that it is of.
    Action { action: Action, label: Option<String> },
}

impl Queued {
    fn tool_has_come(&self) -> bool {
        match self {
            Self::Command(command) => tools::have_come(command),
            Self::Action { action, .. } => tools::have_come(&action.to_string()),
        }
    }

    fn label(&self) -> Option<&str> {
        match self {
            Self::Command(_) => None,
            Self::Action { label, .. } => label.as_deref(),
        }
    }
}

impl Play {
    pub(crate) fn open(level: Arc<Level>) -> Result<Self, String> {
        let live = match (level.head.clock, level.head.kind) {
            (Some(ClockMode::Live), _) | (None, Kind::Drill) => true,
            (Some(ClockMode::Step), _)
            | (None, Kind::Lesson | Kind::Challenge | Kind::Interview) => false,
        };
        let run = Run::start(level)?;
        let mut play = Self {
            tabs: Tabs::new(),
            pace: Pace::new(live),
            follow: Follow::default(),
            verdicts: Vec::new(),
            grading: None,
            checked: None,
            hints_open: 0,
            passed: false,
            chosen: Chosen::default(),
            subject: None,
            inspector_tab: InspectorTab::Bytes,
            shown: None,
            cache: CellCache::default(),
            bytes: BytesCache::default(),
            refused: SortedMap::new(),
            in_trial: None,
            queue: VecDeque::new(),
            said: Vec::new(),
            travel: None,
            replay: None,
            replay_stopped: None,
            run,
        };
        play.observe();
        Ok(play)
    }

    /// Keeps the way back from here on.
    pub(crate) fn with_travel(mut self) -> Self {
        self.travel = Some(Travel::new(&mut self.run, &self.tabs));
        self
    }

    pub(crate) fn alive(&self) -> bool {
        self.tabs.alive() || !self.queue.is_empty()
    }

    /// Whether the next frame has something to do.
    pub(crate) fn busy(&self) -> bool {
        let looks_back = self.travel.as_ref().is_some_and(Travel::looks_back);
        self.pace.playing()
            || (self.alive() && !looks_back)
            || self.grading.is_some()
            || self.replay.is_some()
    }

    /// A line typed into a terminal, or written by a button.
    pub(crate) fn submit(&mut self, tab: u32, text: &str) {
        self.fork_if_looking_back();
        let now = self.now();
        let Some(terminal) = self.tabs.get(tab) else { return };
        terminal.completions.clear();
        // The field is empty now; a page that draws it anew must not find the line in it again.
        terminal.input.text.clear();
        terminal.input.cursor = 0;
        if let Some(live) = &terminal.live {
            if let (true, Some(process), Some(line)) = (live.reads, live.process, live.line) {
                terminal.line(TermLineKind::Stdin, text, now);
                self.run.feed(line, process, text);
                let now_us = self.run.cluster().now_us();
                self.pace.began(now_us, None);
                self.note_input();
            }
            return;
        }
        terminal.remember(text);
        let text = text.trim();
        // A button may write a whole line of the action language, standard input included.
        let text = if text.contains('\n') { text } else { text.strip_prefix("$ ").unwrap_or(text) };
        if text.is_empty() {
            terminal.line(TermLineKind::Command, "", now);
        } else if text == "clear" {
            terminal.clear();
        } else if text.starts_with('@') || text.starts_with("& ") || text.contains('\n') {
            match Action::parse(text) {
                Ok(action) => self.submitted(tab, Queued::Action { action, label: None }),
                Err(e) => {
                    terminal.line(TermLineKind::Lab, text.trim_start_matches('@'), now);
                    terminal.line(
                        TermLineKind::Hint,
                        &format!("found `{}`, expected {}", e.found, e.expected),
                        now,
                    );
                }
            }
        } else if let Some(command) =
            text.strip_suffix('&').map(str::trim_end).filter(|c| !c.is_empty())
        {
            // As a shell would: in the background, here in a terminal of its own.
            let name = self.tabs.next_name();
            let tab = self.tabs.open(name);
            self.submitted(tab, Queued::Command(command.to_owned()));
        } else {
            self.submitted(tab, Queued::Command(text.to_owned()));
        }
    }

    /// At once, unless it has to wait.
    fn submitted(&mut self, tab: u32, line: Queued) {
        let overtakes = self.queue.iter().any(|(waiting, _)| *waiting == tab);
        if !overtakes && line.tool_has_come() {
            self.begin_line(tab, line);
        } else {
            self.queue.push_back((tab, line));
        }
    }

    fn begin_line(&mut self, tab: u32, line: Queued) {
        match line {
            Queued::Command(command) => self.begin_live(tab, &command),
            Queued::Action { action, label } => self.begin(tab, action, label),
        };
    }

    /// The lines of a run block, one after the other, in the terminal in front.
    pub(crate) fn run_block(&mut self, label: &str) {
        self.fork_if_looking_back();
        let body = self.run.level().prose.iter().find_map(|block| match block {
            Block::Run { label: Some(l), body } if l == label => Some(body.clone()),
            Block::Run { .. }
            | Block::Html(_)
            | Block::Predict(_)
            | Block::Show { .. }
            | Block::Goal => None,
        });
        // Lines of a block were checked when the level was read.
        let entries = body.and_then(|body| parse_entries(&body).ok()).unwrap_or_default();
        let busy = self
            .tabs
            .tabs
            .iter()
            .find(|t| t.id == self.tabs.active)
            .is_some_and(|t| t.live.is_some());
        let tab = if busy { self.tabs.open("Terminal".to_owned()) } else { self.tabs.active };
        for entry in entries {
            let line = Queued::Action { action: entry.action, label: Some(label.to_owned()) };
            self.queue.push_back((tab, line));
        }
        self.begin_queued();
    }

    pub(crate) fn forget_queue(&mut self) {
        self.queue.clear();
    }

    fn begin_queued(&mut self) {
        while let Some((tab, line)) = self.queue.front() {
            let tab = *tab;
            let there = match self.tabs.get(tab) {
                Some(terminal) if terminal.live.is_some() || !line.tool_has_come() => return,
                Some(_) => true,
                None => false,
            };
            if let Some((_, line)) = self.queue.pop_front()
                && there
            {
                self.begin_line(tab, line);
            }
        }
    }

    /// A command from the keyboard: its standard input is the keyboard.
    fn begin_live(&mut self, tab: u32, command: &str) -> bool {
        let now = self.now();
        let Some(terminal) = self.tabs.get(tab) else { return false };
        terminal.line(TermLineKind::Command, command, now);
        let name = terminal.name.clone();
        match self.run.begin_live(&name, command) {
            Ok((running, line)) => {
                let tool = command.split_whitespace().next().unwrap_or_default();
                let mut live = Live::new(running, tool.to_owned(), tools::reads_stdin(tool));
                live.line = Some(line);
                self.began(tab, live);
                true
            }
            Err(e) => {
                self.hint(tab, &e.to_string());
                false
            }
        }
    }

    /// An action line, whole.
    fn begin(&mut self, tab: u32, action: Action, label: Option<String>) -> bool {
        let now = self.now();
        let text = action.to_string();
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        let tab = match &action {
            Action::Background { name, .. } => self.tabs.open(name.clone()),
            _in_this_terminal => tab,
        };
        let Some(terminal) = self.tabs.get(tab) else { return false };
        match first.strip_prefix("$ ").or_else(|| first.strip_prefix("& ")) {
            Some(command) => terminal.line(TermLineKind::Command, command, now),
            None => terminal.line(TermLineKind::Lab, first.trim_start_matches('@'), now),
        }
        for line in lines {
            terminal.line(TermLineKind::Stdin, line.strip_prefix("< ").unwrap_or_default(), now);
        }
        match self.run.begin(&action) {
            Ok(running) => {
                let mut live = Live::new(running, action.name(), false);
                live.label = label;
                self.began(tab, live);
                true
            }
            Err(e) => {
                if let Action::Deploy { app, settings } = &action {
                    for (name, _) in settings {
                        self.refused.insert((app.clone(), name.clone()), e.to_string());
                    }
                }
                self.hint(tab, &e.to_string());
                self.queue.clear();
                false
            }
        }
    }

    fn began(&mut self, tab: u32, live: Live) {
        self.checked = None;
        let now_us = self.run.cluster().now_us();
        self.pace.began(now_us, live.running.deadline_us());
        if let Some(terminal) = self.tabs.get(tab) {
            terminal.live = Some(live);
        }
        self.note_input();
        self.poll();
    }

    /// What was refused on its way in: the playground's own word, not Kafka's.
    fn hint(&mut self, tab: u32, text: &str) {
        let now = self.now();
        if let Some(terminal) = self.tabs.get(tab) {
            terminal.line(TermLineKind::Hint, text, now);
        }
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&mut self, tab: u32) {
        self.fork_if_looking_back();
        self.queue.clear();
        let Some(terminal) = self.tabs.get(tab) else { return };
        let name = terminal.name.clone();
        match &terminal.live {
            None => terminal.put_in(""),
            Some(live) => match (live.process, live.line) {
                (Some(process), Some(line)) => self.run.interrupt(line, &name, process),
                (Some(process), None) => {
                    let signal = logbrook_client::Signal::Int;
                    self.run.workspace.cluster.signal(process, signal);
                }
                // A pause of virtual time has no process: it just ends.
                (None, _) => terminal.ended(None, Time(0)),
            },
        }
        let now_us = self.run.cluster().now_us();
        self.pace.began(now_us, None);
        self.note_input();
    }

    /// Ctrl-D.
    pub(crate) fn end_of_input(&mut self, tab: u32) {
        self.fork_if_looking_back();
        let Some(terminal) = self.tabs.get(tab) else { return };
        let Some(process) = terminal.live.as_ref().and_then(|live| live.process) else { return };
        self.run.workspace.cluster.close_stdin(process);
        let now_us = self.run.cluster().now_us();
        self.pace.began(now_us, None);
        self.note_input();
    }

    pub(crate) fn predict(&mut self, id: &str, value: &str) -> Result<(), String> {
        self.fork_if_looking_back();
        let value = if value.is_empty() { SKIPPED } else { value };
        let action = Action::Predict { id: id.to_owned(), value: value.to_owned() };
        self.run.begin(&action).map_err(|e| e.to_string())?;
        self.note_input();
        self.judge();
        Ok(())
    }

    pub(crate) fn check(&mut self) {
        if self.grading.is_none() {
            // What is checked is what the run has come to.
            self.go_to_latest();
            self.run.observe();
            self.grading = Some(Grading::new(&self.run, None));
            self.checked = None;
        }
    }

    /// Lets time pass by one event.
    pub(crate) fn step(&mut self) {
        self.pace.play(false);
        if let Some(travel) = self.travel.as_ref().filter(|travel| travel.looks_back()) {
            if let Some(next) = travel.next_event(&self.run) {
                self.seek_event(next);
            }
            return;
        }
        self.run.step_once();
        self.poll();
        self.note_step();
        self.observe();
    }

    /// One frame: `elapsed_us` of real time have passed; work goes on while `go_on` says so.
    pub(crate) fn advance(
        &mut self,
        elapsed_us: i64,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), String> {
        if self.replay.is_some() {
            self.replay(go_on);
            self.observe();
            return match self.run.cluster().error() {
                Some(error) => Err(error.to_string()),
                None => Ok(()),
            };
        }
        if self.travel.as_ref().is_some_and(Travel::looks_back) {
            self.advance_looking_back(elapsed_us);
            return self.advance_check(go_on);
        }
        self.begin_queued();
        let from_us = self.run.cluster().now_us();
        if let Some(grant) = self.pace.frame(from_us, elapsed_us, self.tabs.alive()) {
            while go_on() {
                self.poll();
                self.begin_queued();
                if grant.stop_when_quiet && !self.tabs.alive() {
                    break;
                }
                let next = self.run.cluster().next_event_us();
                let deadline = self
                    .tabs
                    .tabs
                    .iter()
                    .filter_map(|t| t.live.as_ref()?.running.deadline_us())
                    .min();
                let until = deadline.map_or(grant.until_us, |d| d.min(grant.until_us));
                if next.is_none_or(|at| at > until) {
                    self.run.pass_until_us(until);
                    self.poll();
                    if until >= grant.until_us {
                        break;
                    }
                } else if !self.run.step_once() {
                    break;
                }
                self.note_step();
            }
            self.pace.ran(from_us, self.run.cluster().now_us());
        }
        self.observe();
        self.advance_check(go_on)?;
        match self.run.cluster().error() {
            Some(error) => Err(error.to_string()),
            None => Ok(()),
        }
    }

    /// Time that has passed already passes again.
    fn advance_looking_back(&mut self, elapsed_us: i64) {
        let from_us = self.run.cluster().now_us();
        if let Some(grant) = self.pace.frame(from_us, elapsed_us, false) {
            self.replay_until(grant.until_us);
            self.pace.ran(from_us, self.run.cluster().now_us());
            self.observe();
        }
    }

    /// Runs the lines of a link, each at its time, as fast as the machine can.
    fn replay(&mut self, go_on: &mut dyn FnMut() -> bool) {
        while let Some(mut replay) = self.replay.take() {
            let now_us = self.run.cluster().now_us();
            let next = replay.entries.front();
            let due_us = match next.map(|entry| entry.at_us) {
                Some(Some(at_us)) => at_us,
                // A line without a time comes after the one before it, if that ends.
                Some(None) if self.tabs.alive() => {
                    let since = *replay.waits_since_us.get_or_insert(now_us);
                    since.saturating_add(LONGEST_WAIT_US)
                }
                Some(None) => now_us,
                None => replay.until_us.unwrap_or(now_us),
            };
            let is_last = replay.entries.is_empty();
            // A line comes after all that is due at its moment.
            let next_us = self.run.cluster().next_event_us();
            let due = now_us >= due_us && next_us.is_none_or(|at| at > due_us);
            let waits =
                due && next.is_some_and(|entry| !tools::have_come(&entry.action.to_string()));
            if waits || !go_on() {
                self.replay = Some(replay);
                return;
            }
            if !due {
                if next_us.is_none_or(|at| at > due_us) {
                    self.run.pass_until_us(due_us);
                } else if !self.run.step_once() {
                    return;
                }
                self.poll();
                self.replay = Some(replay);
            } else if !is_last {
                replay.waits_since_us = None;
                let Some(entry) = replay.entries.pop_front() else { return };
                let line = entry.action.to_string();
                if self.replay_line(entry.action) {
                    replay.done += 1;
                    self.replay = Some(replay);
                } else {
                    let (number, first) =
                        (replay.done + 1, line.lines().next().unwrap_or_default());
                    self.replay_stopped = Some(format!(
                        "Line {number} of {} does not apply here: `{first}`. {}",
                        replay.of,
                        were_run(replay.done)
                    ));
                }
            }
        }
    }

    fn replay_line(&mut self, action: Action) -> bool {
        match action {
            Action::Blank | Action::Comment(_) => true,
            Action::Predict { id, value } => self.predict(&id, &value).is_ok(),
            Action::Run { command, stdin } if stdin.is_empty() => {
                let tab = self.free_tab();
                self.begin_live(tab, &command)
            }
            action => {
                let tab = self.free_tab();
                self.begin(tab, action, None)
            }
        }
    }

    fn advance_check(&mut self, go_on: &mut dyn FnMut() -> bool) -> Result<(), String> {
        let Some(mut grading) = self.grading.take() else { return Ok(()) };
        if grading.advance(&mut self.run, go_on)? {
            let lines: Vec<String> = self
                .run
                .history()
                .iter()
                .filter(|line| line.action.is_changing())
                .map(|line| line.action.to_string())
                .collect();
            let report = grading.report(&lines);
            self.said.push(match &report.first_failure {
                None => "Passed: every seed holds.".to_owned(),
                Some(first) => format!("Check failed: {}", first.failure.message),
            });
            self.passed |= report.passed;
            self.checked = Some((grading, report));
        } else {
            self.grading = Some(grading);
        }
        Ok(())
    }

    /// Ends what has come to its end in each terminal.
    fn poll(&mut self) {
        if poll(&mut self.run, &mut self.tabs) {
            self.note_input();
        }
    }

    /// Takes in what has happened.
    pub(crate) fn observe(&mut self) {
        for tab in &mut self.tabs.tabs {
            tab.pump(&self.run.workspace.cluster);
        }
        self.run.observe();
        self.follow.observe(&self.run.workspace.cluster);
        self.said.append(&mut self.follow.said);
        self.judge();
    }

    fn judge(&mut self) {
        let verdicts = self.run.verdicts(false);
        let level = self.run.level();
        for (assert, (before, after)) in
            level.asserts.iter().zip(self.verdicts.iter().zip(&verdicts))
        {
            let goal = assert.check.sentence(assert.when, level);
            match (before.holds(), after) {
                (false, Verdict::Holds { .. }) => self.said.push(format!("Goal holds: {goal}")),
                (true, Verdict::Fails(failure)) => {
                    self.said.push(format!("Goal fails: {}", failure.message))
                }
                (_, Verdict::Open { .. } | Verdict::Holds { .. } | Verdict::Fails(_)) => {}
            }
        }
        self.verdicts = verdicts;
        if level.trials.is_empty() && self.verdicts.iter().all(Verdict::holds) {
            self.passed = true;
        }
    }

    pub(crate) fn running_block(&self) -> Option<&str> {
        let live = self.tabs.tabs.iter().find_map(|t| t.live.as_ref()?.label.as_deref());
        live.or_else(|| self.queue.front().and_then(|(_, line)| line.label()))
    }

    pub(crate) fn now(&self) -> Time {
        Time(self.run.cluster().now_us())
    }
}

/// Ends what has come to its end in each terminal. Whether there was something.
pub(crate) fn poll(run: &mut Run, tabs: &mut Tabs) -> bool {
    let mut ended = false;
    for tab in &mut tabs.tabs {
        let Some(live) = &mut tab.live else { continue };
        let Some(outcome) = run.workspace.poll(&mut live.running) else { continue };
        let now = Time(run.workspace.cluster.now_us());
        tab.pump(&run.workspace.cluster);
        let exit = show(tab, &outcome, now);
        tab.ended(exit, now);
        run.ended();
        ended = true;
    }
    ended
}

/// Shows what a command without a process printed, and the playground's own word. The exit code.
fn show(tab: &mut crate::tabs::Tab, outcome: &Outcome, now: Time) -> Option<i32> {
    let exit = outcome.output.as_ref().and_then(|o| o.exit);
    if let (None, Some(output)) = (outcome.process, &outcome.output) {
        for line in output.stdout.lines() {
            tab.line(TermLineKind::Stdout, line, now);
        }
        for line in output.stderr.lines() {
            tab.line(TermLineKind::Stderr, line, now);
        }
    }
    if let Some(hint) = &outcome.hint {
        tab.line(TermLineKind::Hint, hint, now);
    }
    exit
}
