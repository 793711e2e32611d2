//! Bad events: which, and what is wrong with them.

use core::fmt;

/// What is wrong with a poisoned event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoisonKind {
    /// Bytes that do not parse.
    Malformed,
    /// Parses, and is refused by business rules.
    Invalid,
    /// Takes this long, in ms.
    Slow {
        /// How long.
        ms: u64,
    },
    /// Ends the process that reads it.
    Fatal,
    /// Refused for so long after it happened, in ms, drawn for each event: the other side is busy.
    Busy {
        /// At least.
        min_ms: u64,
        /// At most.
        max_ms: u64,
    },
}

impl PoisonKind {
    /// Reads `malformed`, `invalid`, `fatal`, `slow:30s`, `busy:30s` or `busy:1m..4m`.
    pub fn read(text: &str) -> Result<Self, String> {
        let expected = || {
            "malformed, invalid, fatal, slow:DURATION such as slow:30s, or busy:DURATION such as busy:1m..4m"
                .to_owned()
        };
        match text {
            "malformed" => return Ok(Self::Malformed),
            "invalid" => return Ok(Self::Invalid),
            "fatal" => return Ok(Self::Fatal),
            _ => {}
        }
        match text.split_once(':') {
            Some(("slow", time)) => {
                milliseconds(time).map(|ms| Self::Slow { ms }).ok_or_else(expected)
            }
            Some(("busy", span)) => {
                let (min, max) = span.split_once("..").unwrap_or((span, span));
                match (milliseconds(min), milliseconds(max)) {
                    (Some(min_ms), Some(max_ms)) if min_ms <= max_ms => {
                        Ok(Self::Busy { min_ms, max_ms })
                    }
                    _ => Err(expected()),
                }
            }
            None | Some(_) => Err(expected()),
        }
    }
}

/// As a level writes it.
impl fmt::Display for PoisonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("malformed"),
            Self::Invalid => f.write_str("invalid"),
            Self::Fatal => f.write_str("fatal"),
            Self::Slow { ms } => write!(f, "slow:{ms}ms"),
            Self::Busy { min_ms, max_ms } => write!(f, "busy:{min_ms}ms..{max_ms}ms"),
        }
    }
}

/// `500ms`, `30s`, `2m`.
fn milliseconds(text: &str) -> Option<u64> {
    let (number, unit_ms) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000)
    } else {
        (text.strip_suffix('m')?, 60_000)
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

/// Which events are poisoned, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Poison {
    /// Which.
    pub when: PoisonWhen,
    /// What is wrong with them.
    pub kind: PoisonKind,
}

/// Which events a [`Poison`] meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoisonWhen {
    /// The event of this number.
    At(u64),
    /// Every so many, at most `count` times.
    Every {
        /// The distance.
        every: u64,
        /// How often at most.
        count: Option<u64>,
    },
}

impl Poison {
    /// Whether the event of this number, from 1, is met.
    pub(crate) fn meets(&self, number: u64) -> bool {
        match self.when {
            PoisonWhen::At(at) => number == at,
            PoisonWhen::Every { every, count } => {
                every > 0
                    && number > 0
                    && number.is_multiple_of(every)
                    && count.is_none_or(|count| number / every <= count)
            }
        }
    }
}
