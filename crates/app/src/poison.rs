//! Bad events: which, and what is wrong with them.

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
}

impl PoisonKind {
    /// Reads `malformed`, `invalid`, `fatal` or `slow:30s`.
    pub fn read(text: &str) -> Result<Self, String> {
        let expected = || "malformed, invalid, slow:DURATION such as slow:30s, or fatal".to_owned();
        match text {
            "malformed" => Ok(Self::Malformed),
            "invalid" => Ok(Self::Invalid),
            "fatal" => Ok(Self::Fatal),
            _ => {
                let seconds = text.strip_prefix("slow:").ok_or_else(expected)?;
                let ms = match (seconds.strip_suffix("ms"), seconds.strip_suffix('s')) {
                    (Some(ms), _) => ms.parse().ok(),
                    (None, Some(s)) => s.parse::<u64>().ok().and_then(|s| s.checked_mul(1000)),
                    (None, None) => None,
                };
                ms.map(|ms| Self::Slow { ms }).ok_or_else(expected)
            }
        }
    }
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
