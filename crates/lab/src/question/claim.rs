//! Claims: what is true at the end of a run, as it is measured there.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::fmt;

use crate::observable::Observable;
use crate::run::Run;
use crate::verdict::Verdict;

/// One claim about a run.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Claim {
    /// What is measured, in words; empty where its name says it.
    pub say: String,
    /// What is measured.
    pub subject: Subject,
    /// What it is claimed to be.
    pub want: Want,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A scalar of the run.
    Observe(Observable),
    /// An assertion of the world, by its id.
    Assert(String),
}

/// What it is claimed to be.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// This.
    Is(Value),
    /// Something else.
    Not(Value),
    /// A number no less.
    AtLeast(Value),
    /// A number no more.
    AtMost(Value),
    /// The assertion holds.
    Holds,
    /// The assertion fails.
    Fails,
}

/// What a scalar is compared with.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A text or a number as it stands.
    Text(String),
    /// Another scalar of the same run.
    Of(Observable),
}

/// A claim as a run has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Whether it is true.
    pub holds: bool,
    /// What is measured, in words.
    pub what: String,
    /// What it is in this run.
    pub got: String,
    /// What was claimed, in words: `10`, `at least 3`.
    pub want: String,
}

impl Measured {
    /// `records read: 3, and 5 was claimed`.
    #[must_use]
    pub fn told(&self) -> String {
        let Self { what, got, want, holds } = self;
        match holds {
            true => format!("{what}: {got}"),
            false => format!("{what}: {got}, and {want} was claimed"),
        }
    }
}

impl Claim {
    /// Measures it in a run that is at its end. Call [`Run::observe`] before.
    #[must_use]
    pub fn measure(&self, run: &Run) -> Measured {
        match &self.subject {
            Subject::Observe(observable) => {
                let got = run.observable(observable);
                let what = match self.say.as_str() {
                    "" => format!("`{observable}`"),
                    say => say.to_owned(),
                };
                let (holds, want) = self.want.compare(&got, run);
                Measured { holds, what, got, want }
            }
            Subject::Assert(id) => self.judge(id, run),
        }
    }

    fn judge(&self, id: &str, run: &Run) -> Measured {
        let level = run.level();
        let at = level.asserts.iter().position(|assert| assert.id == id);
        let verdict = at.and_then(|at| run.verdicts(true).into_iter().nth(at));
        let sentence = at.map(|at| level.asserts[at].check.sentence(level.asserts[at].when, level));
        let (held, got) = match verdict {
            Some(Verdict::Holds { evidence }) => (true, format!("holds ({evidence})")),
            Some(Verdict::Fails(failure)) => (false, format!("fails: {}", failure.message)),
            Some(Verdict::Open { missing }) => (false, format!("open: {missing}")),
            None => (false, "not asserted".to_owned()),
        };
        let wanted = self.want != Want::Fails;
        let what = match self.say.as_str() {
            "" => sentence.unwrap_or_else(|| id.to_owned()),
            say => say.to_owned(),
        };
        Measured { holds: held == wanted, what, got, want: self.want.to_string() }
    }
}

impl Want {
    fn compare(&self, got: &str, run: &Run) -> (bool, String) {
        let value = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Of(observable) => run.observable(observable),
        };
        let number = |text: &str| text.parse::<i64>().ok();
        let (holds, wanted) = match self {
            Self::Is(wanted) => (got == value(wanted), Some(wanted)),
            Self::Not(wanted) => (got != value(wanted), Some(wanted)),
            Self::AtLeast(wanted) => {
                (number(got).zip(number(&value(wanted))).is_some_and(|(a, b)| a >= b), Some(wanted))
            }
            Self::AtMost(wanted) => {
                (number(got).zip(number(&value(wanted))).is_some_and(|(a, b)| a <= b), Some(wanted))
            }
            // A scalar neither holds nor fails; its reader refuses that.
            Self::Holds | Self::Fails => (false, None),
        };
        let told = match wanted {
            Some(Value::Of(_)) => format!("{self}, {}", wanted.map(value).unwrap_or_default()),
            Some(Value::Text(_)) | None => self.to_string(),
        };
        (holds, told)
    }
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => value.fmt(f),
            Self::Not(value) => write!(f, "anything but {value}"),
            Self::AtLeast(value) => write!(f, "at least {value}"),
            Self::AtMost(value) => write!(f, "at most {value}"),
            Self::Holds => f.write_str("that it holds"),
            Self::Fails => f.write_str("that it fails"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Of(observable) => write!(f, "`{observable}`"),
        }
    }
}
