//! The terminals: what was written in each, and what runs in it.

use std::sync::Arc;

use logbrook_cluster::{Cluster, ProcessId};
use logbrook_shell::workspace::Running;

use crate::view::{Completion, Foreground, Input, TermLine, TermLineKind, TermTab, Terminal, Time};

/// Lines kept in a terminal; older ones are let go, as a real terminal does.
const KEPT: usize = 2_000;

/// All terminals of a run.
#[derive(Clone)]
pub(crate) struct Tabs {
    pub(crate) tabs: Vec<Tab>,
    pub(crate) active: u32,
    next_id: u32,
}

/// One terminal.
#[derive(Clone)]
pub(crate) struct Tab {
    pub(crate) id: u32,
    /// A name that `@feed`, `@close` and `@stop` know it by.
    pub(crate) name: String,
    lines: Arc<Vec<TermLine>>,
    dropped: u64,
    /// The stream whose last line has no newline yet.
    open: Option<TermLineKind>,
    pub(crate) live: Option<Live>,
    exit: Option<i32>,
    pub(crate) input: Input,
    history: Vec<String>,
    browsing: Option<usize>,
    pub(crate) completions: Vec<Completion>,
    pub(crate) chosen: usize,
    pub(crate) ghost: String,
}

/// What runs in a terminal.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) running: Running,
    pub(crate) process: Option<ProcessId>,
    /// The tool's name, or the lab verb.
    pub(crate) title: String,
    /// Whether its standard input is open to the keyboard.
    pub(crate) reads: bool,
    pub(crate) label: Option<String>,
    /// Its place in the history, when it was typed.
    pub(crate) line: Option<usize>,
    stdout_seen: usize,
    stderr_seen: usize,
}

impl Live {
    pub(crate) fn new(running: Running, title: String, reads: bool) -> Self {
        let process = running.process();
        Self {
            running,
            process,
            title,
            reads,
            label: None,
            line: None,
            stdout_seen: 0,
            stderr_seen: 0,
        }
    }
}

impl Tabs {
    pub(crate) fn new() -> Self {
        let mut tabs = Self { tabs: Vec::new(), active: 0, next_id: 1 };
        tabs.open("Terminal".to_owned());
        tabs
    }

    /// Opens a terminal and brings it to the front.
    pub(crate) fn open(&mut self, name: String) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        self.tabs.push(Tab::new(id, name));
        self.active = id;
        id
    }

    pub(crate) fn get(&mut self, id: u32) -> Option<&mut Tab> {
        self.tabs.iter_mut().find(|t| t.id == id)
    }

    /// Name for the next terminal that a person opens.
    pub(crate) fn next_name(&self) -> String {
        format!("t{}", self.next_id)
    }

    pub(crate) fn alive(&self) -> bool {
        self.tabs.iter().any(|t| t.live.is_some())
    }

    /// Takes a terminal away. The last one stays.
    pub(crate) fn close(&mut self, id: u32) {
        if self.tabs.len() > 1 {
            self.tabs.retain(|t| t.id != id);
            if self.active == id {
                self.active = self.tabs.last().map_or(0, |t| t.id);
            }
        }
    }

    /// Takes over what is being typed in the same terminals elsewhere, and which is in front.
    pub(crate) fn keep_inputs(&mut self, typed: &Tabs) {
        for from in &typed.tabs {
            if let Some(tab) = self.get(from.id) {
                tab.input.clone_from(&from.input);
                tab.completions.clone_from(&from.completions);
                tab.chosen = from.chosen;
                tab.ghost.clone_from(&from.ghost);
                tab.history.clone_from(&from.history);
                tab.browsing = from.browsing;
            }
        }
        if self.tabs.iter().any(|tab| tab.id == typed.active) {
            self.active = typed.active;
        }
        self.next_id = self.next_id.max(typed.next_id);
    }

    pub(crate) fn view(&self) -> Terminal {
        let many = self.tabs.len() > 1;
        Terminal {
            tabs: self.tabs.iter().map(|t| Arc::new(t.view(many))).collect(),
            active: self.active,
        }
    }
}

impl Tab {
    fn new(id: u32, name: String) -> Self {
        Self {
            id,
            name,
            lines: Arc::default(),
            dropped: 0,
            open: None,
            live: None,
            exit: None,
            input: Input::default(),
            history: Vec::new(),
            browsing: None,
            completions: Vec::new(),
            chosen: 0,
            ghost: String::new(),
        }
    }

    /// Writes one line.
    pub(crate) fn line(&mut self, kind: TermLineKind, text: &str, time: Time) {
        self.open = None;
        self.push(TermLine { kind, text: text.to_owned(), time });
    }

    fn push(&mut self, line: TermLine) {
        let lines = Arc::make_mut(&mut self.lines);
        lines.push(line);
        if lines.len() > KEPT {
            let extra = lines.len() - KEPT;
            lines.drain(..extra);
            self.dropped += extra as u64;
        }
    }

    /// Writes a piece of a stream; a piece need not end at a line's end.
    fn stream(&mut self, kind: TermLineKind, text: &str, time: Time) {
        let mut pieces = text.split('\n').peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            if last && piece.is_empty() {
                self.open = None;
                return;
            }
            let lines = Arc::make_mut(&mut self.lines);
            match lines.last_mut() {
                Some(line) if self.open == Some(kind) && line.kind == kind => {
                    line.text.push_str(piece)
                }
                _begins_a_line => self.push(TermLine { kind, text: piece.to_owned(), time }),
            }
            self.open = if last { Some(kind) } else { None };
        }
    }

    /// Shows what the process in front has written since the last call, in the order of time.
    pub(crate) fn pump(&mut self, cluster: &Cluster) {
        let Some(live) = &mut self.live else { return };
        let Some(process) = live.process.and_then(|p| cluster.process(p)) else { return };
        let mut chunks: Vec<_> = process
            .stdout
            .iter_from(live.stdout_seen)
            .map(|c| (c.time_us, TermLineKind::Stdout, c.text.clone()))
            .collect();
        live.stdout_seen = process.stdout.len();
        let errors = process.stderr.iter_from(live.stderr_seen);
        chunks.extend(errors.map(|c| (c.time_us, TermLineKind::Stderr, c.text.clone())));
        live.stderr_seen = process.stderr.len();
        logbrook_sorted::sort_by_key(&mut chunks, |(time, ..)| *time);
        for (time, kind, text) in chunks {
            self.stream(kind, &text, Time(time));
        }
    }

    /// The process in front is gone.
    pub(crate) fn ended(&mut self, exit: Option<i32>, time: Time) {
        self.live = None;
        self.open = None;
        self.exit = exit;
        if let Some(code) = exit.filter(|code| *code != 0) {
            self.push(TermLine { kind: TermLineKind::Exit, text: format!("exit {code}"), time });
        }
    }

    pub(crate) fn clear(&mut self) {
        self.dropped += self.lines.len() as u64;
        self.lines = Arc::default();
        self.open = None;
    }

    /// Puts text into the field.
    pub(crate) fn put_in(&mut self, text: &str) {
        self.input.text = text.to_owned();
        self.input.cursor = text.chars().count();
        self.input.rev += 1;
    }

    /// Keeps a line for `Up`.
    pub(crate) fn remember(&mut self, line: &str) {
        if self.history.last().map(String::as_str) != Some(line) {
            self.history.push(line.to_owned());
        }
        self.browsing = None;
    }

    /// `Up` and `Down`.
    pub(crate) fn browse(&mut self, older: bool) {
        let at = match (self.browsing, older) {
            (None, true) => self.history.len().checked_sub(1),
            (None, false) => None,
            (Some(at), true) => Some(at.saturating_sub(1)),
            (Some(at), false) => Some(at + 1).filter(|at| *at < self.history.len()),
        };
        let text = at.and_then(|at| self.history.get(at)).cloned().unwrap_or_default();
        if at.is_some() || self.browsing.is_some() {
            self.put_in(&text);
        }
        self.browsing = at;
    }

    fn view(&self, many: bool) -> TermTab {
        let foreground = match &self.live {
            None => Foreground::Idle,
            Some(live) => Foreground::Running { name: live.title.clone(), reads: live.reads },
        };
        let prompt = match &self.live {
            None => "$",
            Some(live) if live.reads => ">",
            Some(_) => "",
        };
        let title = match &self.live {
            Some(live) if many => live.title.clone(),
            Some(_) | None => self.name.clone(),
        };
        TermTab {
            id: self.id,
            title,
            lines: Arc::clone(&self.lines),
            dropped: self.dropped,
            foreground,
            prompt: prompt.to_owned(),
            exit: self.exit,
            input: self.input.clone(),
            completions: self.completions.clone(),
            chosen: self.chosen,
            ghost: self.ghost.clone(),
            closable: many,
        }
    }
}
