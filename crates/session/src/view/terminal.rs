//! The terminal: tabs, output, prompt, completion.

use super::Time;
use serde::Serialize;
use std::sync::Arc;

/// All tabs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Terminal {
    /// Tabs in order; never empty in a workbench.
    pub tabs: Vec<Arc<TermTab>>,
    /// Id of the one in front.
    pub active: u32,
}

/// One terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TermTab {
    /// Never used again in the same session.
    pub id: u32,
    /// `Terminal`, or the tool that runs in it.
    pub title: String,
    /// What was written, oldest first. The engine keeps the newest few thousand.
    pub lines: Arc<Vec<TermLine>>,
    /// How many older lines were let go; the first of `lines` has this number.
    pub dropped: u64,
    /// Whether something runs in it.
    pub foreground: Foreground,
    /// Before the field: `$`, or what the process in front prints for its own (`>`), or nothing.
    pub prompt: String,
    /// Exit code of the last command, shown in the prompt when it is not 0.
    pub exit: Option<i32>,
    /// The field.
    pub input: Input,
    /// What could stand next; the first is taken by `Tab`.
    pub completions: Vec<Completion>,
    /// Which one is chosen.
    pub chosen: usize,
    /// Grey text after the cursor: the rest of the chosen completion, or the level's first command.
    pub ghost: String,
    /// Whether it may be closed.
    pub closable: bool,
}

/// What runs in a tab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Foreground {
    /// Nothing: the field takes commands.
    #[default]
    Idle,
    /// A process.
    Running {
        /// Its name: `kafka-console-producer.sh`.
        name: String,
        /// Whether it reads lines: then the field feeds it, and Ctrl-D ends its input.
        reads: bool,
    },
}

/// The text field of a tab. The page owns the text while it is typed and tells each change by
/// [`crate::Event::Input`]; the engine sets it (history, completion) by raising `rev`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Input {
    /// The text.
    pub text: String,
    /// The cursor, in characters (Unicode scalar values).
    pub cursor: usize,
    /// Raised whenever the engine has set `text`; the page then takes it over.
    pub rev: u64,
}

/// A line in the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TermLine {
    /// What sort.
    pub kind: TermLineKind,
    /// Without the line break.
    pub text: String,
    /// When.
    pub time: Time,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TermLineKind {
    /// A command after `$`.
    Command,
    /// A lab line; the text has no `@`.
    Lab,
    /// A line that was typed into a process; shown after its prompt.
    Stdin,
    /// Output.
    Stdout,
    /// Errors and logs, byte for byte Kafka's.
    Stderr,
    /// The playground's own word on what to do instead.
    Hint,
    /// An exit code other than 0.
    Exit,
}

/// One completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Completion {
    /// What is shown and put in.
    pub text: String,
    /// In the words of the tool's own help.
    pub about: String,
    /// Why the level does not allow it; then it is grey.
    pub denied: Option<String>,
}
