//! `store_equals`: the outside store equals the fold of each acknowledged event of an app, once.

use logbrook_sorted::SortedMap;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;

use logbrook_client::process::AppEvent;
use logbrook_record::Offset;

use super::{Finding, Found, Moment, Stamp, Watch};
use crate::level::{FieldDef, Level};
use crate::read;
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct StoreEquals {
    store: String,
    /// `app/` prefix of the producer.
    app: String,
    /// The event field shown as a row's value: the running sum where there is one.
    field: Option<String>,
    /// Event id to entity and counter, of what was sent.
    sent: SortedMap<String, (String, u64)>,
    /// Entity to its newest acknowledged event.
    last: SortedMap<String, Last>,
}

/// An entity's newest acknowledged event.
#[derive(Clone)]
struct Last {
    n: u64,
    id: String,
    acked: Stamp,
    topic: String,
    place: (i32, Offset),
}

impl StoreEquals {
    pub(super) fn new(level: &Level, store: &str, from: &str) -> Self {
        let app = level.apps.iter().find(|a| a.name == from);
        let fields = app.and_then(|a| a.events.as_ref()).map(|e| &e.fields);
        let field = fields.and_then(|fields| {
            let running = |rule: &FieldDef| matches!(rule, FieldDef::Rule(r) if r == "running");
            fields.iter().find(|(_, rule)| running(rule)).map(|(name, _)| name.clone())
        });
        Self {
            store: store.to_owned(),
            app: format!("{from}/"),
            field,
            sent: SortedMap::new(),
            last: SortedMap::new(),
        }
    }

    fn shown(&self, json: Option<&str>, n: u64) -> String {
        let member = json.zip(self.field.as_deref()).and_then(|(json, name)| member(json, name));
        member.unwrap_or_else(|| format!("n={n}"))
    }
}

impl Watch for StoreEquals {
    fn app(&mut self, at: Stamp, who: &str, event: &AppEvent) {
        if !who.starts_with(&self.app) {
            return;
        }
        match event {
            AppEvent::Sent { id, entity, n, .. } => {
                self.sent.insert(id.clone(), (entity.clone(), *n));
            }
            AppEvent::Acked { id, topic, partition, offset } => {
                let Some((entity, n)) = self.sent.remove(id) else { return };
                if self.last.get(&entity).is_none_or(|last| n > last.n) {
                    let (id, topic) = (id.clone(), topic.clone());
                    let last = Last { n, id, acked: at, topic, place: (partition.0, *offset) };
                    self.last.insert(entity, last);
                }
            }
            _neither => {}
        }
    }

    fn find(&self, now: &Moment<'_>) -> Finding {
        if self.last.is_empty() {
            let message = "Nothing has been acknowledged yet.".to_owned();
            return Finding::NotYet(Found { message, ..Found::default() });
        }
        let rows = read::rows(now.cluster, &self.store);
        for (entity, last) in &self.last {
            let row = rows.get(entity);
            if row.is_some_and(|row| row.id == last.id) {
                continue;
            }
            let want = read::value_at(now.cluster, &last.topic, last.place);
            let got = match row {
                Some(row) => self.shown(Some(&row.value), row.n),
                None => "nothing".to_owned(),
            };
            let values = Values::from([
                ("key", entity.clone()),
                ("got", got),
                ("want", self.shown(want.as_deref(), last.n)),
                ("id", last.id.clone()),
            ]);
            let message =
                "{key} ends at {got} in the store; its last event said {want}.".to_owned();
            return Finding::NotYet(Found { message, values, at: Some(last.acked) });
        }
        Finding::Holds(format!("{} rows, all equal", self.last.len()))
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}

/// One member of a flat event, as text: what a `serde_json::Value` would say, at a tenth of its
/// code.
fn member(json: &str, name: &str) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(json.as_bytes());
    reader.deserialize_map(Member(name)).ok()?
}

struct Member<'a>(&'a str);

impl<'de> Visitor<'de> for Member<'_> {
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
