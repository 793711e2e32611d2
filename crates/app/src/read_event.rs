//! Reads an event back from a record's value.

use core::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// An event as its reader sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadEvent {
    /// Its id.
    pub id: String,
    /// Its entity.
    pub entity: String,
    /// The entity's counter.
    pub n: u64,
    /// Its `amount`; 0 where it has none.
    pub amount: i64,
    /// What is wrong with it, where it parses all the same.
    pub defect: Option<Defect>,
}

/// What is wrong with an event that parses: its field `defect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It breaks a rule of the business: it is refused, today and tomorrow.
    Invalid,
    /// The work on it takes so much longer.
    Slow {
        /// How much, in ms.
        ms: u64,
    },
    /// It ends the process that works on it.
    Fatal,
    /// It is refused until a time: the other side is busy with it.
    BusyUntil {
        /// In ms since the Unix epoch.
        ms: i64,
    },
}

impl Defect {
    /// Reads the field `defect`: `invalid`, `slow:30000`, `fatal`, `busy-until:1767225693000`.
    fn read(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "invalid" => Some(Self::Invalid),
            None if text == "fatal" => Some(Self::Fatal),
            Some(("slow", ms)) => ms.parse().ok().map(|ms| Self::Slow { ms }),
            Some(("busy-until", ms)) => ms.parse().ok().map(|ms| Self::BusyUntil { ms }),
            None | Some(_) => None,
        }
    }
}

/// The text of one field of an event: what a key is made of.
pub fn field_of(value: &[u8], name: &str) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(value);
    reader.deserialize_map(Field(name)).ok()?
}

struct Field<'a>(&'a str);

impl<'de> Visitor<'de> for Field<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = Some(map.next_value::<Scalar>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A string without its quotes, or a whole number: what generators write.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a whole number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar(number.to_string()))
    }
}

impl ReadEvent {
    /// Reads a record's value. The error says what is wrong with it.
    pub fn read(value: &[u8]) -> Result<Self, String> {
        let event: ReadEvent = serde_json::from_slice(value)
            .map_err(|error| format!("cannot parse the value as an event: {error}"))?;
        if event.id.is_empty() {
            return Err("cannot parse the value as an event: no field `id`".to_owned());
        }
        Ok(event)
    }
}

impl<'de> Deserialize<'de> for ReadEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Visits the members in the order in which they stand: the one after `id` is the entity.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = ReadEvent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `id`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReadEvent, A::Error> {
        let mut event = ReadEvent::default();
        let mut entity_is_next = false;
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "id" => {
                    event.id = map.next_value()?;
                    entity_is_next = true;
                    continue;
                }
                "n" => event.n = map.next_value()?,
                "amount" => event.amount = map.next_value()?,
                "defect" => event.defect = Defect::read(&map.next_value::<String>()?),
                _ if entity_is_next => event.entity = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            entity_is_next = false;
        }
        Ok(event)
    }
}
