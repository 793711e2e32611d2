//! The task column: prose with live blocks, goals, trials, hints.

use super::{Moment, Rich, Row, Table, Time};
use serde::Serialize;
use std::sync::Arc;

/// What is asked, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// `Replication, 5 of 13`.
    pub place: String,
    /// Kind.
    pub kind: LevelKind,
    /// Expected time.
    pub minutes: u32,
    /// The title.
    pub title: String,
    /// The README in its order. A challenge's brief is here too.
    pub blocks: Vec<Block>,
    /// One for each `[[assert]]`, in the order of the file.
    pub goals: Vec<Goal>,
    /// `2 hold, 1 fails, 1 open`.
    pub goals_summary: String,
    /// `as of 00:15.118` while looking back.
    pub as_of: Option<Time>,
    /// Trials, if the level has some.
    pub trials: Vec<Trial>,
    /// What stands under the trials: `16 hidden seeds, not checked yet`.
    pub trials_note: String,
    /// The ladder; empty when there are no hints.
    pub hints: Vec<Hint>,
    /// The check button; none for a level without trials.
    pub check: Option<Check>,
    /// Filled once passed.
    pub passed: Option<Passed>,
}

/// What sort of level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum LevelKind {
    /// Prose with live blocks.
    #[default]
    Lesson,
    /// A need, and trials.
    Challenge,
    /// A pager message.
    Drill,
    /// Questions.
    Interview,
}

impl LevelKind {
    /// `lesson`, as the level's file has it.
    pub fn name(self) -> &'static str {
        match self {
            LevelKind::Lesson => "lesson",
            LevelKind::Challenge => "challenge",
            LevelKind::Drill => "drill",
            LevelKind::Interview => "interview",
        }
    }
}

/// A block of the prose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Block {
    /// Prose, rendered at build time from the level's own Markdown (trusted: it is in the build).
    Html(Arc<str>),
    /// A ```` ```run ```` block.
    Run(RunBlock),
    /// A ```` ```predict ```` block.
    Predict(Predict),
    /// A ```` ```show ```` block.
    Show(Show),
    /// Where the ```` ```goal ```` block stands. The goals are [`Task::goals`].
    Goals,
}

/// Lines that a button types into the terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunBlock {
    /// Its label in the README, for [`crate::Event::RunBlock`].
    pub label: String,
    /// The lines as they will stand in the terminal: commands (`$ …`, `@…`) and stdin (`< …`).
    pub lines: Vec<String>,
    /// How it stands.
    pub state: RunState,
    /// Why it cannot run now, if it cannot: `Answer the question first.`
    pub blocked: Option<String>,
}

/// Of a run block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum RunState {
    /// Not run yet.
    #[default]
    Ready,
    /// Its lines are in the terminal now.
    Running,
    /// Run at least once.
    Done,
}

/// A question before the run answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Predict {
    /// Its id in the README.
    pub id: String,
    /// The question.
    pub question: Rich,
    /// Choices; empty when a number is asked for.
    pub options: Vec<PredictOption>,
    /// What the learner answered: then it is locked. `Some("")` is a skip.
    pub answer: Option<String>,
    /// What the run says, once revealed.
    pub revealed: Option<String>,
    /// Label of the run block that *Run and see* starts, if it is the one that reveals.
    pub runs: Option<String>,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PredictOption {
    /// What is stored and compared.
    pub value: String,
    /// What is shown.
    pub text: Rich,
}

/// A small live view in the prose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Show {
    /// `strip`, `keys`, `group`, …
    pub view: String,
    /// What it shows, in words: `orders`.
    pub title: String,
    /// The recorded text drawing, shown until the run has something to show.
    pub text: Arc<str>,
    /// The view at this point of the run.
    pub live: Option<ShowLive>,
}

/// What a show block draws.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ShowLive {
    /// Strips, as on the stage. Offsets from 0 on.
    Strips(Vec<Arc<Row>>),
    /// A table.
    Table(Table),
}

/// One assertion of the level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Goal {
    /// Its id in the level's file.
    pub id: String,
    /// How it stands.
    pub status: GoalStatus,
    /// What must hold.
    pub sentence: Rich,
    /// What was measured, what is missing, `say` filled in, or why it cannot be decided.
    pub evidence: Rich,
    /// Of a known wrong answer that the run matches.
    pub because: Rich,
    /// The event that turned it, for *Show the moment*.
    pub moment: Option<Moment>,
}

/// How a goal stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum GoalStatus {
    /// Not decided yet.
    #[default]
    Open,
    /// Holds.
    Holds,
    /// Fails.
    Fails,
    /// Cannot be decided.
    Undecidable,
}

impl GoalStatus {
    /// The word that a screen reader says before the sentence.
    pub fn word(self) -> &'static str {
        match self {
            GoalStatus::Open => "open",
            GoalStatus::Holds => "holds",
            GoalStatus::Fails => "fails",
            GoalStatus::Undecidable => "cannot be decided",
        }
    }
}

/// One trial: a box a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// Its name in the level's file.
    pub name: String,
    /// One a hidden seed.
    pub seeds: Vec<SeedState>,
    /// Of the first seed that failed: which goal, and the evidence.
    pub failure: Option<Rich>,
    /// What a known wrong answer adds to that.
    pub because: Rich,
}

/// Of one seed of a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum SeedState {
    /// Not checked.
    #[default]
    Empty,
    /// Being run.
    Running,
    /// Every goal held.
    Passed,
    /// A goal failed.
    Failed,
}

/// One rung of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hint {
    /// What the rung is: `Where to look`, `The idea`, `The shape of the commands`, `The solution`.
    pub label: String,
    /// The hint, once open.
    pub text: Option<Rich>,
    /// The solution's lines, on the last rung, once open.
    pub lines: Vec<String>,
    /// Whether it is the one to open next.
    pub next: bool,
}

/// The check button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `Check 16 seeds`; while running `Checking 5 of 16`.
    pub label: String,
    /// Whether the trials run now.
    pub running: bool,
    /// Said beside the button: `Your own run already fails; the trials run anyway.`
    pub note: Rich,
}

/// The card of a passed level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// `Passed, with 16 of 16 seeds`.
    pub headline: String,
    /// Margin, lines, hints, shortest known.
    pub text: Rich,
    /// Seeds, for the row of boxes; 0 draws none.
    pub seeds: u32,
    /// The next level: track, slug, title.
    pub next: Option<(String, String, String)>,
    /// What is unlocked after a drill, rendered at build time.
    pub debrief: Option<Arc<str>>,
}
