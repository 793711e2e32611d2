//! What an assertion says about a run so far, and how its message is filled in.

use logbrook_sorted::SortedMap;

use logbrook_cluster::EventId;
use serde::Serialize;

/// The state of one assertion.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not decided yet: what is missing.
    Open {
        /// What is missing, or when it is decided.
        missing: String,
    },
    /// It holds.
    Holds {
        /// What was measured.
        evidence: String,
    },
    /// It does not hold.
    Fails(Failure),
}

impl Verdict {
    /// Whether it holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::Holds { .. })
    }
}

/// A failed assertion with the event that shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// The level's own words, or the check's, with the placeholders filled in.
    pub message: String,
    /// The trace event that shows it, where one does.
    #[serde(serialize_with = "event_number")]
    pub event: Option<EventId>,
    /// Virtual time of that event in microseconds from the start of the run.
    pub time_us: i64,
}

fn event_number<S: serde::Serializer>(event: &Option<EventId>, s: S) -> Result<S::Ok, S::Error> {
    event.map(|e| e.0).serialize(s)
}

/// Placeholder values: name to text.
pub type Values = SortedMap<&'static str, String>;

/// Fills `{name}` placeholders.
///
/// # Errors
/// The first name that has no value.
pub fn fill(template: &str, values: &Values) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let close = after.find('}').ok_or_else(|| after.to_owned())?;
        let name = &after[..close];
        out.push_str(values.get(name).ok_or_else(|| name.to_owned())?);
        rest = &after[close + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Virtual time as the page shows it: `00:15.118`.
#[must_use]
pub fn clock(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let ms = us.unsigned_abs() / 1_000;
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let (seconds, millis) = (ms / 1_000 % 60, ms % 1_000);
    match hours {
        0 => format!("{sign}{minutes:02}:{seconds:02}.{millis:03}"),
        _some => format!("{sign}{hours}:{minutes:02}:{seconds:02}.{millis:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_unknown_ones_are_named() {
        let values = Values::from([("got", "2".to_owned()), ("topic", "orders".to_owned())]);
        assert_eq!(
            fill("`{topic}` holds {got} of 3.", &values),
            Ok("`orders` holds 2 of 3.".to_owned())
        );
        assert_eq!(fill("{got} {elsewhere}", &values), Err("elsewhere".to_owned()));
        assert_eq!(fill("{got", &values), Err("got".to_owned()));
    }

    #[test]
    fn clock_is_minutes_seconds_milliseconds() {
        assert_eq!(clock(15_118_000), "00:15.118");
        assert_eq!(clock(3_600_000_000), "1:00:00.000");
        assert_eq!(clock(-1_500_000), "-00:01.500");
    }
}
