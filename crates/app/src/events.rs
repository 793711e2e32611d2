//! The events of a workload: what a producer makes up, and how a consumer reads it back.
//!
//! An event is a JSON object: `{"id":"bank-00017","account":"acc-3","n":4,"branch":"north",…,"pad":"…"}`.
//! First its unique id, second its entity under the name that the level chose, third the entity's own
//! counter. A reader relies on that order: the member after `id` is the entity.

/// The entities that events are about, such as `acc-{1..8}`; a name without braces is one entity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entities {
    /// Before the number.
    pub prefix: String,
    /// The first and the last number; `None` for a single entity called `prefix`.
    pub numbers: Option<(u64, u64)>,
    /// After the number.
    pub suffix: String,
}

impl Entities {
    /// Reads `acc-{1..8}`.
    pub fn read(text: &str) -> Result<Self, String> {
        let expected =
            || "a name, or a name with one range in braces such as acc-{1..8}".to_owned();
        let Some((prefix, rest)) = text.split_once('{') else {
            return if text.is_empty() || text.contains('}') {
                Err(expected())
            } else {
                Ok(Self { prefix: text.to_owned(), numbers: None, suffix: String::new() })
            };
        };
        let (range, suffix) = rest.split_once('}').ok_or_else(expected)?;
        let (first, last) = range.split_once("..").ok_or_else(expected)?;
        let (first, last) = first.parse().ok().zip(last.parse().ok()).ok_or_else(expected)?;
        if first > last || last - first >= MAX_ENTITIES || suffix.contains(['{', '}']) {
            return Err(expected());
        }
        Ok(Self {
            prefix: prefix.to_owned(),
            numbers: Some((first, last)),
            suffix: suffix.to_owned(),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.map_or(1, |(first, last)| (last - first + 1) as usize)
    }

    /// Never: there is at least one.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The name of the entity at `index`, from 0.
    pub fn name(&self, index: usize) -> String {
        match self.numbers {
            None => self.prefix.clone(),
            Some((first, _)) => format!("{}{}{}", self.prefix, first + index as u64, self.suffix),
        }
    }
}

/// A generator keeps a counter for each entity; a million is plenty for a level.
const MAX_ENTITIES: u64 = 1_000_000;

/// How the entity of an event is picked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pick {
    /// Each equally often.
    #[default]
    Uniform,
    /// The k-th with a weight of 1/k^s.
    Zipf {
        /// The exponent s in thousandths.
        exponent_milli: u32,
    },
    /// The first with this share, the others equally often.
    Hot {
        /// The share in thousandths.
        share_milli: u32,
    },
}

impl Pick {
    /// Reads `uniform`, `zipf:1.1` or `hot:0.8`.
    pub fn read(text: &str) -> Result<Self, String> {
        let expected =
            || "uniform, zipf:EXPONENT such as zipf:1.1, or hot:SHARE such as hot:0.8".to_owned();
        match text.split_once(':') {
            None if text == "uniform" => Ok(Self::Uniform),
            Some(("zipf", number)) => match thousandths(number) {
                Some(exponent_milli @ 0..=10_000) => Ok(Self::Zipf { exponent_milli }),
                _ => Err(expected()),
            },
            Some(("hot", number)) => match thousandths(number) {
                Some(share_milli @ 0..=1_000) => Ok(Self::Hot { share_milli }),
                _ => Err(expected()),
            },
            _ => Err(expected()),
        }
    }
}

/// `1.25` as 1250: decimals without floating point.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u32 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(fraction)
}

/// One more field of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldSpec {
    /// One of these, each equally often.
    OneOf(Vec<String>),
    /// A whole number, both ends included.
    Between(i64, i64),
    /// The sum of the entity's `amount` so far, this event's included.
    Running,
}

impl FieldSpec {
    /// Reads `running` or `1..100`; a list is made by [`FieldSpec::OneOf`].
    pub fn read(text: &str) -> Result<Self, String> {
        let expected = || "a list of texts, a range such as 1..100, or running".to_owned();
        if text == "running" {
            return Ok(Self::Running);
        }
        let (min, max) = text.split_once("..").ok_or_else(expected)?;
        match (min.parse::<i64>(), max.parse::<i64>()) {
            (Ok(min), Ok(max)) if min <= max => Ok(Self::Between(min, max)),
            _ => Err(expected()),
        }
    }
}

/// The generator of a producer's events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventSpec {
    /// What the events are about.
    pub entity: Entities,
    /// The name of the entity's field.
    pub field: String,
    /// How an event's entity is picked.
    pub pick: Pick,
    /// More fields, in the order in which they are written.
    pub fields: Vec<(String, FieldSpec)>,
    /// The least length of a value in bytes; filled up with a field `pad`.
    pub bytes: usize,
}

impl EventSpec {
    /// Whether an event has a field of this name that can be a key.
    pub fn has_field(&self, name: &str) -> bool {
        name == self.field
            || name == "n"
            || self.draws_amount() && name == "amount"
            || self.fields.iter().any(|(field, _)| field == name)
    }

    /// `running` sums `amount`: where the level names no such field, it is drawn from 1..100.
    pub(crate) fn draws_amount(&self) -> bool {
        self.fields.iter().any(|(_, spec)| *spec == FieldSpec::Running)
            && !self.fields.iter().any(|(name, _)| name == "amount")
    }
}
