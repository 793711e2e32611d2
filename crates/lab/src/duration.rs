//! Times, spans and rates as a level writes them: `"500ms"`, `"30s"`, `"10m"`, `"8s..20s"`, `"40/s"`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of virtual time in milliseconds, written with its unit.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    borsh::BorshDeserialize,
    borsh::BorshSerialize,
)]
pub struct Millis(pub i64);

/// A moment, or a range from which a seed draws one: `"10s"` or `"8s..20s"`. Both ends in
/// milliseconds, the end included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, borsh::BorshDeserialize, borsh::BorshSerialize)]
pub struct Moment {
    /// Earliest, in milliseconds after the start.
    pub from_ms: i64,
    /// Latest, in milliseconds after the start.
    pub to_ms: i64,
}

/// Events a second of virtual time, written `"40/s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, borsh::BorshDeserialize, borsh::BorshSerialize)]
pub struct Rate(pub u32);

/// What a text that should have been a time, a range or a rate is instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError {
    found: String,
    expected: &'static str,
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {:?}, expected {}", self.found, self.expected)
    }
}

impl std::error::Error for UnitError {}

const A_SPAN: &str =
    "a whole number with a unit, such as \"500ms\", \"30s\", \"10m\", \"2h\" or \"8d\"";
const A_MOMENT: &str =
    "a time such as \"10s\", or a range such as \"8s..20s\" that does not run backwards";
const A_RATE: &str = "a rate such as \"40/s\", from 1 to 100000 a second";
/// A hundred years: beyond that an addition of two spans could leave `i64` microseconds.
const LONGEST_MS: i64 = 100 * 365 * 86_400_000;

impl FromStr for Millis {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { found: text.to_owned(), expected: A_SPAN };
        let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '-').ok_or_else(error)?;
        let (number, unit) = text.split_at(unit_at);
        let number: i64 = number.parse().map_err(|_| error())?;
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _other => return Err(error()),
        };
        let ms =
            number.checked_mul(factor).filter(|ms| ms.abs() <= LONGEST_MS).ok_or_else(error)?;
        Ok(Self(ms))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(ms) = *self;
        for (factor, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
            if ms != 0 && ms % factor == 0 {
                return write!(f, "{}{unit}", ms / factor);
            }
        }
        write!(f, "{ms}ms")
    }
}

impl FromStr for Moment {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { found: text.to_owned(), expected: A_MOMENT };
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let from: Millis = from.parse().map_err(|_| error())?;
        let to: Millis = to.parse().map_err(|_| error())?;
        if from.0 < 0 || to < from {
            return Err(error());
        }
        Ok(Self { from_ms: from.0, to_ms: to.0 })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Millis(self.from_ms))?;
        if self.to_ms != self.from_ms {
            write!(f, "..{}", Millis(self.to_ms))?;
        }
        Ok(())
    }
}

impl FromStr for Rate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError { found: text.to_owned(), expected: A_RATE };
        let number = text.strip_suffix("/s").ok_or_else(error)?;
        match number.parse::<u32>() {
            Ok(rate @ 1..=100_000) => Ok(Self(rate)),
            _out_of_range_or_no_number => Err(error()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

macro_rules! as_text {
    ($($t:ty),*) => {$(
        impl Serialize for $t {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $t {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
as_text!(Millis, Moment, Rate);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_printed() {
        for text in ["500ms", "30s", "10m", "2h", "8d", "-2h", "0ms"] {
            assert_eq!(text.parse::<Millis>().unwrap().to_string(), text);
        }
        for text in ["10s", "8s..20s", "500ms..1s"] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        }
        assert_eq!("40/s".parse::<Rate>().unwrap().to_string(), "40/s");
    }

    #[test]
    fn what_is_no_time_says_what_was_expected() {
        for text in
            ["", "5", "s", "5 s", "1.5s", "99999999999999999999s", "9223372036854775807d", "5x"]
        {
            let error = text.parse::<Millis>().unwrap_err().to_string();
            assert!(error.contains("expected a whole number with a unit"), "{error}");
        }
        for text in ["20s..8s", "-1s", "1s..", "..", "1s..2s..3s"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        for text in ["40", "0/s", "-1/s", "1e9/s", "4/m"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
