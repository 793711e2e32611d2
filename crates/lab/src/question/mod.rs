//! Interview questions: what is asked, what a good answer contains, and the runs that prove it.
//!
//! ```text
//! lessons/interview/rounds.toml      the rounds, and their questions in order
//! lessons/interview/<slug>.toml      one question
//! ```
//!
//! A question is one of four kinds. Of each, every [`Point`] is proven: its claims hold in its run, under
//! several seeds, and each of them is false in some counter-run, where the thing that it names is left
//! out. The right answer of a [`Predict`] and the cause of a [`Diagnose`] are read off a run; a [`Design`]
//! is graded by trials, as a challenge is. No right answer is written down.

mod claim;
mod experiment;
pub mod mock;
pub mod proof;
mod sheet;

use borsh::{BorshDeserialize, BorshSerialize};
use logbrook_sorted::SortedMap;
use serde::{Deserialize, Serialize};

use crate::level::Level;
use crate::observable::Observable;
use crate::packed::{LEVEL, Packed, digest};

pub use claim::{Claim, Measured, Subject, Value, Want};
pub use experiment::{Experiment, Running, Said};
pub use sheet::{Grade, Sheet};

/// One question, complete.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Question {
    /// Its file's name without `.toml`.
    pub slug: String,
    /// What stands before the tables.
    pub head: Head,
    /// The clusters that its runs begin with, by name.
    pub worlds: SortedMap<String, Level>,
    /// What is asked for, by kind.
    pub part: Part,
    /// What a good answer contains, in the order in which it is shown.
    pub points: Vec<Point>,
    /// What an interviewer asks next.
    pub follow_ups: Vec<FollowUp>,
}

/// The keys before the first table.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Head {
    /// Raised by hand when the question changes.
    pub rev: u32,
    /// A few words, for lists.
    pub title: String,
    /// The question, a sentence or two; code in backticks.
    pub ask: String,
    /// What is known beforehand; empty where the question says all.
    pub given: String,
    /// How long an answer takes, in minutes.
    pub minutes: u32,
    /// 1 to 3.
    pub difficulty: u32,
    /// `track/slug` of levels where it can be practised.
    pub levels: Vec<String>,
    /// What of the study note it covers.
    pub seed_refs: Vec<String>,
}

/// The kind of a question, with what only that kind has.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Answered in words, marked against the points.
    Explain,
    /// What will this run show?
    Predict(Predict),
    /// What is wrong with this cluster?
    Diagnose(Box<Diagnose>),
    /// Choose settings for these needs.
    Design(Box<Design>),
}

/// A kind without its content.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    BorshDeserialize,
    BorshSerialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see Part")]
pub enum Kind {
    Explain,
    Predict,
    Diagnose,
    Design,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Explain, Self::Predict, Self::Diagnose, Self::Design];

    /// As the format writes it, and as it is shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Explain => "explain",
            Self::Predict => "predict",
            Self::Diagnose => "diagnose",
            Self::Design => "design",
        }
    }
}

impl Question {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.part {
            Part::Explain => Kind::Explain,
            Part::Predict(_) => Kind::Predict,
            Part::Diagnose(_) => Kind::Diagnose,
            Part::Design(_) => Kind::Design,
        }
    }

    /// The world of an experiment; its reader has made sure that there is one.
    #[must_use]
    pub fn world(&self, experiment: &Experiment) -> Option<&Level> {
        self.worlds.get(&experiment.world)
    }

    /// Every action line that its runs have.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        let runs = self.points.iter().flat_map(|point| {
            std::iter::once(&point.run).chain(point.counters.iter().map(|counter| &counter.run))
        });
        let (mut more, mut commands): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        match &self.part {
            Part::Explain => {}
            Part::Predict(predict) => more.push(&predict.run.lines),
            Part::Diagnose(diagnose) => {
                commands.extend(diagnose.evidence.iter().map(|e| e.command.as_str()));
                more.push(&diagnose.remedy);
            }
            Part::Design(design) => {
                let options = design.knobs.iter().flat_map(|knob| &knob.options);
                more.extend(options.map(|option| option.lines.as_str()));
            }
        }
        runs.map(|run| run.lines.as_str()).chain(more).chain(commands)
    }

    /// The weights of all points together.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.points.iter().map(|point| point.weight).sum()
    }
}

/// What a good answer contains.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Point {
    /// Its name in what is kept.
    pub id: String,
    /// The statement.
    pub text: String,
    /// 2 for what an interviewer waits for, else 1.
    pub weight: u32,
    /// The run that shows it.
    pub run: Experiment,
    /// What is true at the run's end.
    pub claims: Vec<Claim>,
    /// Runs in which it is not.
    pub counters: Vec<Counter>,
}

/// A run in which a point's claims do not all hold.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Counter {
    /// What is different in it.
    pub because: String,
    /// The run.
    pub run: Experiment,
}

/// A question after the question.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    /// The question.
    pub ask: String,
    /// What to listen for.
    pub listen_for: String,
}

/// `[predict]`.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Predict {
    /// The run that answers.
    pub run: Experiment,
    /// What it answers with.
    pub answer: Observable,
    /// What can be chosen; a number is asked for where there is nothing.
    pub options: Vec<Choice>,
}

/// One answer that can be chosen.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What the observable gives where this is right.
    pub is: String,
    /// As it is shown; `is` without.
    #[serde(default)]
    pub text: Option<String>,
    /// What it comes from, told to who chose it; of the right one, why it is so.
    #[serde(default)]
    pub because: Option<String>,
}

impl Choice {
    /// As it is shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.is)
    }
}

/// `[diagnose]`: a world that is broken already.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Diagnose {
    /// The world.
    pub world: String,
    /// What is wrong, as it can be measured.
    pub symptom: Vec<Claim>,
    /// What can be looked at.
    pub evidence: Vec<Evidence>,
    /// What it may come from.
    pub causes: Vec<Cause>,
    /// After these lines the symptom is gone.
    pub remedy: String,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Names what it prints in the causes' claims.
    pub id: String,
    /// What it tells.
    pub text: String,
    /// The command, without its `$`.
    pub command: String,
    /// So long is waited before it, in seconds of virtual time.
    #[serde(default)]
    pub wait_s: u32,
}

impl Evidence {
    /// The lines that look at it.
    #[must_use]
    pub fn lines(&self) -> String {
        let Self { id, command, wait_s, .. } = self;
        let wait = if *wait_s > 0 { format!("@sleep {wait_s}\n") } else { String::new() };
        format!("{wait}# label: {id}\n$ {command}\n")
    }
}

/// A cause among others.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Cause {
    /// Its name.
    pub id: String,
    /// The cause.
    pub text: String,
    /// What the evidence shows where it is this one. All of it holds for one cause only.
    pub shows: Vec<Claim>,
    /// Told afterwards: what speaks for it, or against it.
    pub because: String,
}

impl Diagnose {
    /// All evidence, in its order.
    #[must_use]
    pub fn look(&self) -> Experiment {
        let lines = self.evidence.iter().map(Evidence::lines).collect();
        Experiment { world: self.world.clone(), lines }
    }
}

/// `[design]`: settings for stated needs. The needs are the world's assertions, the attack is its trials.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Design {
    /// The world, with the default of every setting.
    pub world: String,
    /// What is chosen.
    pub knobs: Vec<Knob>,
    /// Choices that pass.
    pub answers: Vec<SortedMap<String, String>>,
    /// Choices that fail, and by what.
    pub wrong: Vec<WrongDesign>,
}

/// One setting of the sheet.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knob {
    /// Its name in `pick`.
    pub id: String,
    /// What it decides.
    pub text: String,
    /// What can be chosen; the first is what stands there already.
    pub options: Vec<Setting>,
}

/// One value of a setting.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name in `pick`.
    pub is: String,
    /// As it is shown; `is` without.
    #[serde(default)]
    pub text: Option<String>,
    /// The action lines that set it; none for what is so already.
    #[serde(default)]
    pub lines: String,
}

impl Setting {
    /// As it is shown.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.is)
    }
}

/// A sheet that does not pass.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrongDesign {
    /// What is chosen; of the rest, what stands there already.
    pub pick: SortedMap<String, String>,
    /// The assertion that fails first.
    pub fails: String,
    /// The trial in which it fails.
    #[serde(default)]
    pub trial: Option<String>,
    /// Told to who chose it.
    pub because: String,
}

/// A round of questions, as `rounds.toml` lists it.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Round {
    /// Its name.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its questions, in order.
    pub questions: Vec<Entry>,
}

/// A question in the list.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the address.
    pub slug: String,
    /// A few words.
    pub title: String,
    /// The question.
    pub ask: String,
    /// Its kind.
    pub kind: Kind,
    /// How long an answer takes.
    pub minutes: u32,
    /// 1 to 3.
    pub difficulty: u32,
    /// Its points' names, and their weights.
    pub points: Vec<(String, u32)>,
}

impl Entry {
    /// The entry of a question.
    #[must_use]
    pub fn of(question: &Question) -> Self {
        let Head { title, ask, minutes, difficulty, .. } = &question.head;
        Self {
            slug: question.slug.clone(),
            title: title.clone(),
            ask: ask.clone(),
            kind: question.kind(),
            minutes: *minutes,
            difficulty: *difficulty,
            points: question.points.iter().map(|p| (p.id.clone(), p.weight)).collect(),
        }
    }
}

/// All rounds. Read by the page from `lessons/interview.bin`.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
pub struct Questions {
    /// The rounds, in order.
    pub rounds: Vec<Round>,
}

impl Questions {
    /// Every question, in order.
    pub fn all(&self) -> impl Iterator<Item = &Entry> {
        self.rounds.iter().flat_map(|round| &round.questions)
    }
}

/// The shape of a [`Question`].
const QUESTION: u64 = LEVEL
    ^ digest(&[
        include_bytes!("mod.rs"),
        include_bytes!("claim.rs"),
        include_bytes!("experiment.rs"),
    ]);

impl Packed for Question {
    const SHAPE: u64 = QUESTION;
}

impl Packed for Questions {
    const SHAPE: u64 = QUESTION ^ 1;
}
