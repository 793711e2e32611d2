//! Simulated applications with their knobs, and the run as lines.

use super::{Act, MemberMark, Rich, Time, Tone};
use serde::Serialize;

/// An application of the level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct App {
    /// `bank`.
    pub name: String,
    /// `producer to movements`, `consumer of movements, group ledger`.
    pub about: String,
    /// Instances with their mark and how they are: `ledger/1`, `running`.
    pub instances: Vec<(String, Option<MemberMark>, Tone, String)>,
    /// `40 events a second`.
    pub rate: String,
    /// `none`, or how many and the newest.
    pub errors: String,
    /// Short for the dock's tab: `bank key=none`.
    pub chip: String,
    /// Settings, those that may change first.
    pub knobs: Vec<Knob>,
    /// Restart, scale; each is a line.
    pub acts: Vec<Act>,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Knob {
    /// `key`, `acks`.
    pub name: String,
    /// Its value now.
    pub value: String,
    /// How it is changed.
    pub control: KnobControl,
    /// Why it is fixed or follows from another; empty when free.
    pub why: String,
    /// What a refused value was answered with, in Kafka's words.
    pub error: Option<Rich>,
}

/// How a knob is changed. A change is the line `@deploy APP NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum KnobControl {
    /// One of these.
    Choice(Vec<String>),
    /// Any text; the client's own check answers.
    Text,
    /// Cannot be changed here.
    Fixed,
}

/// The run as a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// In the order they were run.
    pub lines: Vec<HistoryLine>,
    /// How many of them change state.
    pub changing: u32,
    /// Changing lines of the shortest known answer; shown once passed.
    pub par: Option<u32>,
}

/// A line of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryLine {
    /// When it was run.
    pub time: Time,
    /// As typed, with its `$` or `@`.
    pub text: String,
    /// Whether it changes state.
    pub changing: bool,
}
