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
