//! `[predict.ID]`: a question asked before the run shows the answer.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// `[predict.ID]` with its question from the prose.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Prediction {
    /// Its id.
    pub id: String,
    /// The observable that answers it, evaluated in this very run.
    pub answer: crate::observable::Observable,
    /// When the answer is shown.
    pub reveal: Reveal,
    /// How far a number may be off to count as the same.
    pub tolerance: i64,
    /// The question, in Markdown as it stands in the README (one paragraph).
    pub question: String,
    /// The choices; empty when a number is asked for. `A to B` and `more than A` stand for numbers in that range.
    pub options: Vec<String>,
}

impl Prediction {
    /// What the run says, in the words of the choice that it falls under; as it is where there is none.
    #[must_use]
    pub fn in_its_words(&self, value: String) -> String {
        let Ok(number) = value.parse::<i64>() else { return value };
        let covers = |option: &&String| match option.strip_prefix("more than ") {
            Some(least) => least.parse().is_ok_and(|least: i64| number > least),
            None => option.split_once(" to ").is_some_and(|(from, to)| {
                let bounds = from.parse::<i64>().ok().zip(to.parse::<i64>().ok());
                bounds.is_some_and(|(from, to)| (from..=to).contains(&number))
            }),
        };
        self.options.iter().find(covers).cloned().unwrap_or(value)
    }
}

/// When a prediction's answer is shown.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reveal {
    /// Once the run block of this label has been run.
    After(String),
    /// When the answer is checked.
    Check,
}

#[cfg(test)]
mod tests {
    use super::{Prediction, Reveal};

    #[test]
    fn a_number_falls_under_the_choice_that_covers_it() {
        let options = ["0", "1 to 99", "more than 99"].map(str::to_owned).to_vec();
        let prediction = Prediction {
            id: "lost".to_owned(),
            answer: "lost(shop)".parse().unwrap(),
            reveal: Reveal::Check,
            tolerance: 0,
            question: "How many are lost?".to_owned(),
            options,
        };
        let words = |value: &str| prediction.in_its_words(value.to_owned());
        assert_eq!(words("0"), "0");
        assert_eq!(words("1"), "1 to 99");
        assert_eq!(words("99"), "1 to 99");
        assert_eq!(words("1000"), "more than 99");
        assert_eq!(words("none"), "none");
        assert_eq!(words("-1"), "-1");
    }
}
