//! Sets of events that an assertion speaks of: `"all of shop but poison after start"`, or ids.

use std::fmt;
use std::str::FromStr;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Which events.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(try_from = "Written", into = "Written")]
pub enum Selection {
    /// Every record of the topic, whoever wrote it.
    #[default]
    All,
    /// Events of an app.
    Of {
        /// The producing app.
        app: String,
        /// Good ones, bad ones, or both.
        part: Part,
        /// Those handed to the producer before or after the level's (or the trial's) start.
        time: Time,
    },
    /// These.
    Ids(Vec<String>),
}

/// Good events, bad events, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize)]
pub enum Part {
    /// `all of APP`
    All,
    /// `poison of APP`: those that no reader can ever process.
    Poison,
    /// `all of APP but poison`
    Good,
}

/// Events of any time, or of one side of the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize)]
pub enum Time {
    /// Any.
    Any,
    /// `after start`
    AfterStart,
    /// `before start`
    BeforeStart,
}

/// As it stands in `level.toml`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Ids(Vec<String>),
}

impl TryFrom<Written> for Selection {
    type Error = String;
    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => text.parse(),
            Written::Ids(ids) => Ok(Self::Ids(ids)),
        }
    }
}

impl From<Selection> for Written {
    fn from(selection: Selection) -> Self {
        match selection {
            Selection::Ids(ids) => Self::Ids(ids),
            Selection::All | Selection::Of { .. } => Self::Text(selection.to_string()),
        }
    }
}

impl FromStr for Selection {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, time) =
            match (text.strip_suffix(" after start"), text.strip_suffix(" before start")) {
                (Some(rest), _) => (rest, Time::AfterStart),
                (None, Some(rest)) => (rest, Time::BeforeStart),
                (None, None) => (text, Time::Any),
            };
        let of = |app: &str, part| {
            let app = app.trim().to_owned();
            (!app.is_empty() && !app.contains(' ')).then_some(Self::Of { app, part, time })
        };
        let found = match (rest.strip_prefix("all of "), rest.strip_prefix("poison of ")) {
            (Some(app), _) => match app.strip_suffix(" but poison") {
                Some(app) => of(app, Part::Good),
                None => of(app, Part::All),
            },
            (None, Some(app)) => of(app, Part::Poison),
            (None, None) if text == "all" => Some(Self::All),
            (None, None) => None,
        };
        found.ok_or_else(|| {
            format!(
                "found {text:?}, expected \"all\", \"all of APP\", \"poison of APP\" or \"all of APP but poison\", \
                 each of an APP with or without \"after start\" or \"before start\", or a list of ids"
            )
        })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Ids(ids) => f.write_str(&ids.join(", ")),
            Self::Of { app, part, time } => {
                match part {
                    Part::All => write!(f, "all of {app}")?,
                    Part::Poison => write!(f, "poison of {app}")?,
                    Part::Good => write!(f, "all of {app} but poison")?,
                }
                match time {
                    Time::Any => Ok(()),
                    Time::AfterStart => f.write_str(" after start"),
                    Time::BeforeStart => f.write_str(" before start"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_print_as_they_were_written() {
        for text in [
            "all",
            "all of shop",
            "poison of shop after start",
            "all of shop but poison before start",
        ] {
            assert_eq!(text.parse::<Selection>().unwrap().to_string(), text);
        }
        for text in ["", "some", "all of", "all of a b", "poison of  after start"] {
            assert!(text.parse::<Selection>().is_err(), "{text}");
        }
    }
}
