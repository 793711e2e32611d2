//! An application in one line: `role=producer topic=orders rate=20/s entity=customer-{1..8} acks=1`. What a
//! level's `[[app]]` says in a table, `@app NAME k=v …` says in words; a share link and a run of the
//! simulator hold applications so.

use core::fmt::Display;

use crate::code::Code;
use crate::events::{Entities, EventSpec, FieldSpec, Pick};
use crate::poison::{Poison, PoisonKind, PoisonWhen};
use crate::spec::{AppSpec, ClientLibrary, Rate, Role, SettingError};

/// The words that are no setting of the code or of the client, and what follows each.
pub const WORDS: &[(&str, &str)] = &[
    ("role", "producer, consumer, processor or relay"),
    ("client", "java, librdkafka or python"),
    ("instances", "a whole number from 1"),
    ("topic", "the topic that it writes"),
    ("topics", "the topics that it reads, with commas between them"),
    ("group", "the group that it reads as"),
    ("output", "the topic that a processor writes"),
    ("store", "the store that processing writes to"),
    ("rate", "a rate such as 20/s or 3/10s"),
    ("count", "how many events it sends"),
    ("start", "when it starts to send, in ms"),
    ("stop", "when it stops sending, in ms"),
    ("entity", "a name, or a name with one range in braces such as acc-{1..8}"),
    ("field", "the name of the entity's field"),
    ("pick", "uniform, zipf:EXPONENT or hot:SHARE"),
    ("bytes", "the least length of a value"),
    ("poison", "KIND@NUMBER or KIND/EVERY or KIND/EVERYxCOUNT, with commas between them"),
];
/// `fields.amount=1..100`, `fields.branch=north|south`, `fields.sum=running`.
const FIELDS: &str = "fields.";

impl AppSpec {
    /// Reads an application from words, and checks it as a level's is checked.
    ///
    /// # Errors
    /// The word that is unknown or has a value that cannot be, and what was expected; `role` comes first
    /// or anywhere, but has to be there.
    pub fn from_words<'a>(
        name: &str,
        words: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Result<AppSpec, SettingError> {
        let wrong = |setting: &str, found: &str, expected: &str| SettingError::Invalid {
            app: name.to_owned(),
            setting: setting.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        let role = words.clone().into_iter().find(|(word, _)| *word == "role");
        let role = role.map_or("nothing", |(_, role)| role);
        let role = Role::read(role).map_err(|expected| wrong("role", role, &expected))?;
        let mut spec = AppSpec::new(name, role);
        let mut events = EventWords::default();
        let mut settings = Vec::new();
        for (word, value) in words {
            let expected = match WORDS.iter().find(|(known, _)| *known == word) {
                Some((_, expected)) => *expected,
                None => match word.strip_prefix(FIELDS) {
                    Some(field) => {
                        let rule = field_rule(value).map_err(|e| wrong(word, value, &e))?;
                        events.fields.push((field.to_owned(), rule));
                        continue;
                    }
                    None => {
                        settings.push((word, value));
                        continue;
                    }
                },
            };
            if spec.take(&mut events, word, value).is_none() {
                return Err(wrong(word, value, expected));
            }
        }
        spec.events = events.spec();
        spec.with_all(settings)
    }

    /// Takes one word; `None` where the value cannot be.
    fn take(&mut self, events: &mut EventWords, word: &str, value: &str) -> Option<()> {
        let name = || (!value.is_empty()).then(|| value.to_owned());
        match word {
            "client" => self.client = ClientLibrary::read(value).ok()?,
            "instances" => self.instances = value.parse().ok().filter(|count| *count > 0)?,
            "topic" => self.topic = Some(name()?),
            "topics" => {
                self.topics = value.split(',').map(str::to_owned).collect();
                self.topics.iter().all(|topic| !topic.is_empty()).then_some(())?;
            }
            "group" => self.group = Some(name()?),
            "output" => self.output = Some(name()?),
            "store" => self.store = Some(name()?),
            "rate" => self.rate = Some(read_rate(value)?),
            "count" => self.count = Some(value.parse().ok()?),
            "start" => self.start_ms = value.parse().ok()?,
            "stop" => self.stop_ms = Some(value.parse().ok()?),
            "entity" => events.entity = Some(Entities::read(value).ok()?),
            "field" => events.field = Some(name()?),
            "pick" => events.pick = Pick::read(value).ok()?,
            "bytes" => events.bytes = value.parse().ok()?,
            "poison" => {
                self.poison = value.split(',').map(read_poison).collect::<Option<_>>()?;
            }
            // `role` was read before.
            _ => {}
        }
        Some(())
    }

    /// The words that [`AppSpec::from_words`] reads it from again, without its name.
    pub fn to_words(&self) -> Vec<(String, String)> {
        let mut words = Vec::new();
        let mut say = |word: &str, value: &dyn Display| {
            words.push((word.to_owned(), value.to_string()));
        };
        say("role", &self.role.as_str());
        if self.client != ClientLibrary::default() {
            say("client", &self.client.as_str());
        }
        if self.instances != 1 {
            say("instances", &self.instances);
        }
        if !self.topics.is_empty() {
            say("topics", &self.topics.join(","));
        }
        let named = [
            ("topic", &self.topic),
            ("group", &self.group),
            ("output", &self.output),
            ("store", &self.store),
        ];
        for (word, value) in named {
            if let Some(value) = value {
                say(word, value);
            }
        }
        if let Some(rate) = self.rate {
            say("rate", &rate);
        }
        if let Some(count) = self.count {
            say("count", &count);
        }
        if self.start_ms != 0 {
            say("start", &self.start_ms);
        }
        if let Some(stop) = self.stop_ms {
            say("stop", &stop);
        }
        if let Some(events) = &self.events {
            say("entity", &events.entity);
            say("field", &events.field);
            if events.pick != Pick::Uniform {
                say("pick", &events.pick);
            }
            if events.bytes != 0 {
                say("bytes", &events.bytes);
            }
            for (field, rule) in &events.fields {
                say(&format!("{FIELDS}{field}"), rule);
            }
        }
        if !self.poison.is_empty() {
            let all: Vec<String> = self.poison.iter().map(Poison::to_string).collect();
            say("poison", &all.join(","));
        }
        let usual = Code::default();
        for setting in Code::NAMES {
            let value = self.code.get(setting);
            if value != usual.get(setting)
                && let Some(value) = value
            {
                say(setting, &value);
            }
        }
        for (setting, value) in &self.config {
            say(setting, value);
        }
        words
    }
}

/// The generator's words, as they come.
#[derive(Default)]
struct EventWords {
    entity: Option<Entities>,
    field: Option<String>,
    pick: Pick,
    bytes: usize,
    fields: Vec<(String, FieldSpec)>,
}

impl EventWords {
    /// The generator; none where nothing says what the events are about.
    fn spec(self) -> Option<EventSpec> {
        Some(EventSpec {
            entity: self.entity?,
            field: self.field.unwrap_or_else(|| "entity".to_owned()),
            pick: self.pick,
            fields: self.fields,
            bytes: self.bytes,
        })
    }
}

/// `north|south`, else what [`FieldSpec::read`] reads.
fn field_rule(text: &str) -> Result<FieldSpec, String> {
    if text.contains('|') {
        // One text alone has the mark before it.
        let texts = text.strip_prefix('|').unwrap_or(text);
        return Ok(FieldSpec::OneOf(texts.split('|').map(str::to_owned).collect()));
    }
    FieldSpec::read(text)
        .map_err(|_| "texts with | between them, a range such as 1..100, or running".to_owned())
}

/// `20/s`, `3/10s`, `1/250ms`.
fn read_rate(text: &str) -> Option<Rate> {
    let (events, span) = text.split_once('/')?;
    let (number, unit_us) = match span.strip_suffix("us") {
        Some(number) => (number, 1),
        None => match span.strip_suffix("ms") {
            Some(number) => (number, 1_000),
            None => (span.strip_suffix('s')?, 1_000_000),
        },
    };
    let number: u64 = if number.is_empty() { 1 } else { number.parse().ok()? };
    let per_us = number.checked_mul(unit_us).filter(|per| *per > 0)?;
    Some(Rate { events: events.parse().ok().filter(|events| *events > 0)?, per_us })
}

impl Display for Rate {
    /// As `rate=` reads it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.per_us {
            1_000_000 => write!(f, "{}/s", self.events),
            per if per.is_multiple_of(1_000_000) => {
                write!(f, "{}/{}s", self.events, per / 1_000_000)
            }
            per if per.is_multiple_of(1_000) => write!(f, "{}/{}ms", self.events, per / 1_000),
            per => write!(f, "{}/{per}us", self.events),
        }
    }
}

/// `malformed@137`, `invalid/50`, `slow:30s/50x5`.
fn read_poison(text: &str) -> Option<Poison> {
    let (kind, when) = match text.rsplit_once('@') {
        Some((kind, at)) => (kind, PoisonWhen::At(at.parse().ok()?)),
        None => {
            let (kind, rule) = text.rsplit_once('/')?;
            let (every, count) = match rule.split_once('x') {
                Some((every, count)) => (every, Some(count.parse().ok()?)),
                None => (rule, None),
            };
            (kind, PoisonWhen::Every { every: every.parse().ok()?, count })
        }
    };
    Some(Poison { when, kind: PoisonKind::read(kind).ok()? })
}

impl Display for Poison {
    /// As `poison=` reads it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.when {
            PoisonWhen::At(at) => write!(f, "{}@{at}", self.kind),
            PoisonWhen::Every { every, count: None } => write!(f, "{}/{every}", self.kind),
            PoisonWhen::Every { every, count: Some(count) } => {
                write!(f, "{}/{every}x{count}", self.kind)
            }
        }
    }
}

impl Display for Entities {
    /// As [`Entities::read`] reads it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.prefix)?;
        match self.numbers {
            Some((first, last)) => write!(f, "{{{first}..{last}}}{}", self.suffix),
            None => Ok(()),
        }
    }
}

impl Display for Pick {
    /// As [`Pick::read`] reads it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let decimal = |milli: u32| format!("{}.{:03}", milli / 1_000, milli % 1_000);
        match self {
            Pick::Uniform => f.write_str("uniform"),
            Pick::Zipf { exponent_milli } => write!(f, "zipf:{}", decimal(*exponent_milli)),
            Pick::Hot { share_milli } => write!(f, "hot:{}", decimal(*share_milli)),
        }
    }
}

impl Display for FieldSpec {
    /// As `fields.NAME=` reads it.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            FieldSpec::OneOf(choices) => match &choices[..] {
                [only] => write!(f, "|{only}"),
                _ => f.write_str(&choices.join("|")),
            },
            FieldSpec::Between(min, max) => write!(f, "{min}..{max}"),
            FieldSpec::Running => f.write_str("running"),
        }
    }
}
