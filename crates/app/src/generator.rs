//! Makes up the events of a workload.

use core::fmt::Write as _;

use logbrook_sorted::SortedMap;

use crate::events::{EventSpec, FieldSpec, Pick};
use crate::poison::{Poison, PoisonKind};
use crate::random::Random;

/// One event, as its producer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `<app>-00017`.
    pub id: String,
    /// Such as `acc-3`.
    pub entity: String,
    /// The entity's counter, from 1.
    pub n: u64,
    /// Its fields as text, for keys.
    pub fields: Vec<(String, String)>,
    /// The record's value.
    pub value: String,
    /// What is wrong with it.
    pub poison: Option<PoisonKind>,
    /// Its number among the application's events, from 1.
    pub number: u64,
    /// When it happened, in ms since the Unix epoch; known to whoever sends it.
    pub time_ms: i64,
}

impl Event {
    /// The text of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, text)| text.as_str())
    }
}

/// Makes up an application's events, one after another. A clone goes on with the same ones.
#[derive(Clone, Debug)]
pub struct Generator {
    app: String,
    spec: EventSpec,
    poison: Vec<Poison>,
    random: Random,
    /// Cumulative weights of the entities; empty when each is equally likely.
    weights: Vec<u64>,
    counters: Vec<u64>,
    sums: Vec<i64>,
    made: u64,
    poison_next: Vec<(PoisonKind, Option<String>)>,
    /// What was asked for on the way, by the event's number: the same event made again is bad again.
    poisoned: SortedMap<u64, PoisonKind>,
}

/// Where a source goes on: what its file says. The events before it are not made again, those after it
/// come out as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// So many events are done with.
    pub done: u64,
    poisoned: SortedMap<u64, PoisonKind>,
    poison_next: Vec<(PoisonKind, Option<String>)>,
}

impl Generator {
    /// A cursor behind the event of number `done`.
    pub fn cursor(&self, done: u64) -> Cursor {
        Cursor { done, poisoned: self.poisoned.clone(), poison_next: self.poison_next.clone() }
    }

    /// Goes on behind a cursor. To be called on a generator that has made nothing yet.
    pub fn resume(&mut self, cursor: &Cursor) {
        self.poisoned = cursor.poisoned.clone();
        while self.made < cursor.done {
            self.next_event(0);
        }
        self.poison_next = cursor.poison_next.clone();
    }

    /// The generator of the application `app` under a seed.
    pub fn new(app: &str, spec: EventSpec, poison: Vec<Poison>, seed: u64) -> Self {
        let entities = spec.entity.len();
        let weights = match spec.pick {
            Pick::Uniform => Vec::new(),
            Pick::Zipf { exponent_milli } => {
                cumulative((1..=entities as u64).map(|k| zipf_weight(k, exponent_milli)))
            }
            Pick::Hot { share_milli } => {
                let others = (entities as u64 - 1).max(1);
                let hot = u64::from(share_milli) * others;
                let cold = u64::from(1000 - share_milli);
                cumulative((0..entities).map(|index| if index == 0 { hot } else { cold }))
            }
        };
        Self {
            app: app.to_owned(),
            random: Random::new(seed, "events", app),
            weights,
            counters: vec![0; entities],
            sums: vec![0; entities],
            made: 0,
            poison_next: Vec::new(),
            poisoned: SortedMap::new(),
            spec,
            poison,
        }
    }

    /// How many events it has made.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// The next event (of `entity`, if given) is bad.
    pub fn poison_next(&mut self, kind: PoisonKind, entity: Option<String>) {
        self.poison_next.push((kind, entity));
    }

    /// Makes the next event, which happened at `time_ms` (since the Unix epoch).
    pub fn next_event(&mut self, time_ms: i64) -> Event {
        let index = self.pick();
        self.made += 1;
        self.counters[index] += 1;
        let entity = self.spec.entity.name(index);
        let id = format!("{}-{:05}", self.app, self.made);
        let n = self.counters[index];

        let mut value = String::with_capacity(self.spec.bytes.max(64));
        value.push('{');
        member(&mut value, "id", &quoted(&id));
        member(&mut value, &self.spec.field, &quoted(&entity));
        member(&mut value, "n", &n.to_string());
        let mut fields =
            vec![(self.spec.field.clone(), entity.clone()), ("n".to_owned(), n.to_string())];

        let mut amount = None;
        if self.spec.draws_amount() {
            let drawn = self.random.between(1, 100) as i64;
            amount = Some(drawn);
            member(&mut value, "amount", &drawn.to_string());
            fields.push(("amount".to_owned(), drawn.to_string()));
        }
        // A running sum needs this event's amount, so every field is drawn before any is written.
        let mut drawn = Vec::with_capacity(self.spec.fields.len());
        for (name, spec) in &self.spec.fields {
            drawn.push(match spec {
                FieldSpec::OneOf(choices) => {
                    let at = self.random.below(choices.len() as u64) as usize;
                    choices.get(at).cloned().unwrap_or_default()
                }
                FieldSpec::Between(min, max) => {
                    let number =
                        min.wrapping_add(self.random.between(0, max.abs_diff(*min)) as i64);
                    if name == "amount" {
                        amount = Some(number);
                    }
                    number.to_string()
                }
                FieldSpec::Running => String::new(),
            });
        }
        self.sums[index] = self.sums[index].wrapping_add(amount.unwrap_or(0));
        for ((name, spec), text) in self.spec.fields.iter().zip(drawn) {
            let text =
                if *spec == FieldSpec::Running { self.sums[index].to_string() } else { text };
            match spec {
                FieldSpec::OneOf(_) => member(&mut value, name, &quoted(&text)),
                FieldSpec::Between(..) | FieldSpec::Running => member(&mut value, name, &text),
            }
            fields.push((name.clone(), text));
        }
        let poison = self.poison_of(&entity);
        match poison {
            Some(PoisonKind::Invalid) => member(&mut value, "defect", "\"invalid\""),
            Some(PoisonKind::Fatal) => member(&mut value, "defect", "\"fatal\""),
            Some(PoisonKind::Slow { ms }) => {
                member(&mut value, "defect", &format!("\"slow:{ms}\""));
            }
            Some(PoisonKind::Busy { min_ms, max_ms }) => {
                let ms = self.random.between(min_ms, max_ms);
                let until = time_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
                member(&mut value, "defect", &format!("\"busy-until:{until}\""));
            }
            Some(PoisonKind::Malformed) | None => {}
        }
        let unpadded = value.len() + r#","pad":""}"#.len();
        if self.spec.bytes > unpadded {
            member(&mut value, "pad", &format!("\"{}\"", ".".repeat(self.spec.bytes - unpadded)));
        }
        value.push('}');

        if poison == Some(PoisonKind::Malformed) {
            // Cut off in the middle, as by a writer that died.
            value.truncate(value.floor_char_boundary(value.len() / 2));
        }
        Event { id, entity, n, fields, value, poison, number: self.made, time_ms }
    }

    fn poison_of(&mut self, entity: &str) -> Option<PoisonKind> {
        if let Some(kind) = self.poisoned.get(&self.made) {
            return Some(*kind);
        }
        let asked = self
            .poison_next
            .iter()
            .position(|(_, only)| only.as_deref().is_none_or(|only| only == entity));
        if let Some(at) = asked {
            let (kind, _) = self.poison_next.remove(at);
            self.poisoned.insert(self.made, kind);
            return Some(kind);
        }
        self.poison.iter().find(|poison| poison.meets(self.made)).map(|poison| poison.kind)
    }

    fn pick(&mut self) -> usize {
        match self.weights.last() {
            None | Some(0) => self.random.below(self.counters.len() as u64) as usize,
            Some(total) => {
                let at = self.random.below(*total);
                self.weights.partition_point(|upper| *upper <= at)
            }
        }
    }
}

fn cumulative(weights: impl Iterator<Item = u64>) -> Vec<u64> {
    weights
        .scan(0_u64, |sum, weight| {
            *sum = sum.saturating_add(weight);
            Some(*sum)
        })
        .collect()
}

/// 1/k^s scaled to 2^32, at least 1. Only additions, multiplications and divisions of `f64`, whose
/// results IEEE 754 fixes to the bit: `powf` differs between a native and a wasm library.
fn zipf_weight(k: u64, exponent_milli: u32) -> u64 {
    let logarithm = natural_log(k as f64);
    let power = exponential(-(f64::from(exponent_milli) / 1000.0) * logarithm);
    ((power * 4_294_967_296.0) as u64).max(1)
}

/// ln(x) for x >= 1: powers of two taken out, then the series of artanh.
fn natural_log(x: f64) -> f64 {
    const LN_2: f64 = core::f64::consts::LN_2;
    let (mut rest, mut twos) = (x, 0.0);
    while rest >= 2.0 {
        rest /= 2.0;
        twos += 1.0;
    }
    let t = (rest - 1.0) / (rest + 1.0);
    let (mut power, mut sum, mut divisor) = (t, 0.0, 1.0);
    for _ in 0..30 {
        sum += power / divisor;
        power *= t * t;
        divisor += 2.0;
    }
    twos * LN_2 + 2.0 * sum
}

/// e^x for x <= 0: halved until small, then the power series, then squared back.
fn exponential(x: f64) -> f64 {
    let (mut small, mut halvings) = (x, 0);
    while small < -0.5 {
        small /= 2.0;
        halvings += 1;
    }
    let (mut term, mut sum) = (1.0, 1.0);
    for i in 1..20 {
        term *= small / f64::from(i);
        sum += term;
    }
    for _ in 0..halvings {
        sum *= sum;
    }
    sum
}

fn member(out: &mut String, name: &str, value: &str) {
    if out.len() > 1 {
        out.push(',');
    }
    out.push_str(&quoted(name));
    out.push(':');
    out.push_str(value);
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Entities;
    use crate::poison::PoisonWhen;
    use crate::read_event::ReadEvent;

    fn movements(pick: &str) -> Generator {
        let spec = EventSpec {
            entity: Entities::read("acc-{1..8}").unwrap(),
            field: "account".into(),
            pick: Pick::read(pick).unwrap(),
            fields: vec![
                ("branch".into(), FieldSpec::OneOf(vec!["north".into(), "south".into()])),
                ("balance".into(), FieldSpec::read("running").unwrap()),
            ],
            bytes: 160,
        };
        Generator::new("bank", spec, vec![], 3)
    }

    #[test]
    fn events_have_unique_ids_counters_per_entity_and_a_running_balance() {
        let mut generator = movements("uniform");
        let (mut counters, mut balances) = (SortedMap::new(), SortedMap::new());
        for number in 1..=500 {
            let event = generator.next_event(0);
            assert_eq!(event.id, format!("bank-{number:05}"));
            let counter = counters.entry(event.entity.clone()).or_insert(0);
            *counter += 1;
            assert_eq!(event.n, *counter);
            assert_eq!(event.value.len(), 160);
            let read = ReadEvent::read(event.value.as_bytes()).unwrap();
            assert_eq!((&read.id, &read.entity, read.n), (&event.id, &event.entity, event.n));
            let balance = balances.entry(event.entity.clone()).or_insert(0);
            *balance += read.amount;
            assert_eq!(event.field("balance"), Some(balance.to_string().as_str()));
            assert!(matches!(event.field("branch"), Some("north" | "south")));
        }
        assert_eq!(counters.len(), 8);
    }

    #[test]
    fn the_same_seed_makes_the_same_events_also_in_a_clone() {
        let (mut a, mut b) = (movements("zipf:1.1"), movements("zipf:1.1"));
        for _ in 0..20 {
            assert_eq!(a.next_event(0), b.next_event(0));
        }
        let mut c = a.clone();
        assert_eq!(a.next_event(0), c.next_event(0));
    }

    #[test]
    fn picks_have_their_shares() {
        let first_of = |pick| {
            let mut generator = movements(pick);
            (0..4_000).filter(|_| generator.next_event(0).entity == "acc-1").count()
        };
        assert!((400..600).contains(&first_of("uniform")));
        // 1 / (1 + 1/2 + ... + 1/8) = 0.368
        assert!((1_370..1_570).contains(&first_of("zipf:1.0")));
        assert!((3_120..3_280).contains(&first_of("hot:0.8")));
    }

    #[test]
    fn poison_meets_the_events_named() {
        let mut generator = movements("uniform");
        generator.poison = vec![
            Poison {
                when: PoisonWhen::Every { every: 3, count: Some(2) },
                kind: PoisonKind::Malformed,
            },
            Poison { when: PoisonWhen::At(8), kind: PoisonKind::Malformed },
        ];
        let bad: Vec<_> = (1..=12)
            .filter(|_| ReadEvent::read(generator.next_event(0).value.as_bytes()).is_err())
            .collect();
        assert_eq!(bad, [3, 6, 8]);
    }

    #[test]
    fn what_is_not_an_event_is_refused_with_a_reason() {
        for value in ["", "7", "[]", "{}", r#"{"id":7}"#, r#"{"n":1}"#, "\u{fffd}"] {
            assert!(
                ReadEvent::read(value.as_bytes()).unwrap_err().starts_with("cannot parse"),
                "{value}"
            );
        }
        for text in ["", "a{", "a}", "a{1}", "a{2..1}", "a{1..2}{3..4}", "a{x..y}"] {
            assert!(Entities::read(text).is_err(), "{text}");
        }
        for text in ["", "zipf", "zipf:x", "hot:1.5", "hot:0.8000", "zipf:1.", "often"] {
            assert!(Pick::read(text).is_err(), "{text}");
        }
    }
}
