//! A level's `[[app]]`, typed: who the application is, what it is configured with, what its code does.

use core::fmt;
use logbrook_sorted::SortedMap;

use crate::client_config::{self, Known, known};
use crate::code::{Code, CodeError};
use crate::code_values::{Commit, Key, OnError, Transaction, WriteOrder};
use crate::events::EventSpec;
use crate::poison::Poison;

/// What an application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Makes up events and sends them.
    Producer,
    /// Reads records and applies them.
    Consumer,
    /// Reads, transforms, writes.
    Processor,
    /// Reads an outbox store, writes.
    Relay,
}

impl Role {
    /// Reads a role's name.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "producer" => Ok(Self::Producer),
            "consumer" => Ok(Self::Consumer),
            "processor" => Ok(Self::Processor),
            "relay" => Ok(Self::Relay),
            _ => Err("one of producer, consumer, processor, relay".to_owned()),
        }
    }

    /// As a level writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
            Self::Processor => "processor",
            Self::Relay => "relay",
        }
    }
}

/// Whose client library the application uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientLibrary {
    /// Apache Kafka's own.
    #[default]
    Java,
    /// librdkafka.
    Librdkafka,
    /// kafka-python.
    Python,
}

impl ClientLibrary {
    /// Reads a library's name.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "java" => Ok(Self::Java),
            "librdkafka" => Ok(Self::Librdkafka),
            "python" => Ok(Self::Python),
            _ => Err("one of java, librdkafka, python".to_owned()),
        }
    }

    /// As a level writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Librdkafka => "librdkafka",
            Self::Python => "python",
        }
    }
}

/// Events over time: `events` in `per_us` microseconds. `40/s` is `{ 40, 1_000_000 }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many.
    pub events: u64,
    /// In how long; at least 1.
    pub per_us: u64,
}

impl Rate {
    /// So many in a second.
    pub fn per_second(events: u64) -> Self {
        Self { events, per_us: 1_000_000 }
    }

    /// When event number `index` (from 0) is due after the first, in µs.
    pub fn due_us(self, index: u64) -> u64 {
        let due = u128::from(index) * u128::from(self.per_us) / u128::from(self.events.max(1));
        u64::try_from(due).unwrap_or(u64::MAX)
    }
}

/// One application of a level.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppSpec {
    /// Its name; instances are `name/1`, `name/2`, …
    pub name: String,
    /// How many instances.
    pub instances: u32,
    /// What it does.
    pub role: Role,
    /// Its client library.
    pub client: ClientLibrary,
    /// What a consumer or processor reads.
    pub topics: Vec<String>,
    /// What a producer or relay writes.
    pub topic: Option<String>,
    /// Its consumer group.
    pub group: Option<String>,
    /// What a processor writes.
    pub output: Option<String>,
    /// Client settings by Kafka's names.
    pub config: SortedMap<String, String>,
    /// What its own code does.
    pub code: Code,
    /// How fast a producer sends; as fast as it can without one.
    pub rate: Option<Rate>,
    /// How many events it sends, over all of its instances.
    pub count: Option<u64>,
    /// When it starts to send, in ms from the level's start.
    pub start_ms: i64,
    /// When it stops sending, in ms from the level's start.
    pub stop_ms: Option<i64>,
    /// What it sends.
    pub events: Option<EventSpec>,
    /// Which of its events are bad.
    pub poison: Vec<Poison>,
    /// The store that processing writes to.
    pub store: Option<String>,
}

/// A setting of an application that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingError {
    /// Neither a code setting nor a client setting has this name.
    Unknown {
        /// The application.
        app: String,
        /// The name that was found.
        setting: String,
        /// What is allowed.
        expected: String,
    },
    /// The value is not allowed.
    Invalid {
        /// The application.
        app: String,
        /// The setting.
        setting: String,
        /// The value that was found.
        found: String,
        /// What is allowed.
        expected: String,
    },
    /// The format knows it; this build does not run it.
    NotSupported {
        /// The application.
        app: String,
        /// The setting with its value.
        setting: String,
    },
    /// The client refuses its configuration, in its own words.
    Client {
        /// The application.
        app: String,
        /// The exception's class name.
        class: String,
        /// Its message.
        message: String,
    },
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { app, setting, expected } => {
                write!(f, "app {app}: unknown setting `{setting}`, expected {expected}")
            }
            Self::Invalid { app, setting, found, expected } => {
                write!(f, "app {app}: {setting}: found `{found}`, expected {expected}")
            }
            Self::NotSupported { app, setting } => {
                write!(f, "app {app}: {setting} is not supported by this build")
            }
            Self::Client { app, class, message } => write!(f, "app {app}: {class}: {message}"),
        }
    }
}

impl core::error::Error for SettingError {}

impl AppSpec {
    /// An application with Kafka's and the format's defaults.
    pub fn new(name: &str, role: Role) -> Self {
        Self {
            name: name.to_owned(),
            instances: 1,
            role,
            client: ClientLibrary::Java,
            topics: Vec::new(),
            topic: None,
            group: None,
            output: None,
            config: SortedMap::new(),
            code: Code::default(),
            rate: None,
            count: None,
            start_ms: 0,
            stop_ms: None,
            events: None,
            poison: Vec::new(),
            store: None,
        }
    }

    /// The specification with one setting changed, as `@deploy app k=v` changes it: a code setting, or
    /// a client setting by Kafka's name. An empty value takes the setting back to its default. The
    /// result is validated, by the client too.
    pub fn with(&self, setting: &str, value: &str) -> Result<AppSpec, SettingError> {
        self.with_all([(setting, value)])
    }

    /// Like [`AppSpec::with`], several settings at once: only the result has to be valid, so that two
    /// that need each other can change together.
    pub fn with_all<'a>(
        &self,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<AppSpec, SettingError> {
        let mut spec = self.clone();
        for (setting, value) in settings {
            spec.set(setting, value)?;
        }
        spec.validate()?;
        Ok(spec)
    }

    fn set(&mut self, setting: &str, value: &str) -> Result<(), SettingError> {
        // Kafka's producer has a setting of the name of the code's own.
        let is_clients = setting == "retries" && matches!(self.role, Role::Producer | Role::Relay);
        let set =
            if is_clients { Err(CodeError::UnknownName) } else { self.code.set(setting, value) };
        match set {
            Ok(()) => return Ok(()),
            Err(CodeError::BadValue { expected }) => {
                return Err(self.invalid(setting, value, &expected));
            }
            Err(CodeError::UnknownName) => self.check_client_setting(setting)?,
        }
        if value.is_empty() {
            self.config.remove(setting);
        } else {
            self.config.insert(setting.to_owned(), value.to_owned());
        }
        Ok(())
    }

    fn check_client_setting(&self, setting: &str) -> Result<(), SettingError> {
        match known(self.role, setting) {
            Known::Honoured => Ok(()),
            Known::WithoutEffect => Err(self.not_supported(setting)),
            Known::No => {
                let client = match self.role {
                    Role::Producer | Role::Relay => "producer",
                    Role::Consumer => "consumer",
                    Role::Processor => "producer or consumer",
                };
                let names = Code::NAMES.join(", ");
                Err(SettingError::Unknown {
                    app: self.name.clone(),
                    setting: setting.to_owned(),
                    expected: format!("one of {names}, or a setting of Kafka's {client}"),
                })
            }
        }
    }

    /// Whether this build can run the application as specified: required parts are there, every
    /// setting is one that it runs, and the client takes its configuration.
    pub fn validate(&self) -> Result<(), SettingError> {
        if self.name.is_empty() || self.name.contains(['/', ' ']) {
            return Err(self.invalid("name", &self.name, "a name without `/` and spaces"));
        }
        match self.role {
            Role::Producer => self.validate_producer()?,
            Role::Consumer => self.validate_consumer()?,
            Role::Processor => {
                self.validate_consumer()?;
                if self.output.as_deref().is_none_or(str::is_empty) {
                    return Err(self.invalid("output", "nothing", "the topic that it writes"));
                }
            }
            Role::Relay => {
                return Err(self.not_supported(&format!("role={}", self.role.as_str())));
            }
        }
        if self.output.is_some() && self.role != Role::Processor {
            return Err(self.invalid("output", "a topic", "a processor, which alone has one"));
        }
        if let Some(setting) = self.code.not_supported() {
            return Err(self.not_supported(&setting));
        }
        self.config.keys().try_for_each(|setting| self.check_client_setting(setting))?;
        client_config::check(self)
    }

    fn validate_producer(&self) -> Result<(), SettingError> {
        if self.code.write_order != WriteOrder::DbThenKafka {
            return Err(self.not_supported(&format!("write_order={}", self.code.write_order)));
        }
        if self.topic.as_deref().is_none_or(str::is_empty) {
            return Err(self.invalid("topic", "nothing", "the topic that it writes"));
        }
        let Some(events) = &self.events else {
            return Err(self.invalid("events", "nothing", "the generator of its events"));
        };
        if self.rate.is_some_and(|rate| rate.events == 0 || rate.per_us == 0) {
            return Err(self.invalid("rate", "0", "a rate above 0, such as 20/s"));
        }
        // Without either it would send all events of all time at once.
        if self.rate.is_none() && self.count.is_none() {
            return Err(self.invalid("rate", "nothing", "a rate such as 20/s, or a count"));
        }
        for (name, spec) in &events.fields {
            if matches!(spec, crate::events::FieldSpec::OneOf(choices) if choices.is_empty()) {
                return Err(self.invalid(
                    &format!("events.fields.{name}"),
                    "an empty list",
                    "at least one value",
                ));
            }
        }
        if let Key::Field(field) = &self.code.key
            && !events.has_field(field)
        {
            let fields: Vec<_> = events.fields.iter().map(|(name, _)| name.as_str()).collect();
            let expected = format!(
                "one of none, id, random, or a field of the event: {}, n, {}",
                events.field,
                fields.join(", ")
            );
            return Err(self.invalid("key", field, expected.trim_end_matches(", ")));
        }
        Ok(())
    }

    fn validate_consumer(&self) -> Result<(), SettingError> {
        if self.topics.is_empty() {
            return Err(self.invalid("topics", "nothing", "the topics that it reads"));
        }
        if self.group.as_deref().is_none_or(str::is_empty) {
            return Err(self.invalid("group", "nothing", "the group that it reads as"));
        }
        let code = &self.code;
        let needs = |setting: &str, expected: &str| Err(self.invalid(setting, "nothing", expected));
        match code.on_error {
            OnError::Dlq if code.dlq.is_none() => {
                return needs("dlq", "the dead letter topic, for on_error=dlq");
            }
            OnError::RetryTopic if code.retry_topics.is_empty() => {
                return needs("retry_topics", "such as retry@30s, for on_error=retry-topic");
            }
            _ => {}
        }
        if code.transaction != Transaction::Off {
            if self.role != Role::Processor {
                let expected = "off: a consumer writes nothing to Kafka; a processor does";
                return Err(self.invalid("transaction", code.transaction.as_str(), expected));
            }
            if code.pool > 1 {
                return Err(self.invalid("pool", &code.pool.to_string(), "1 with a transaction"));
            }
        }
        if code.pool > 1 && code.on_error == OnError::RetryTopic {
            return Err(self.invalid(
                "pool",
                &code.pool.to_string(),
                "1 with on_error=retry-topic",
            ));
        }
        if code.pool == 1 && matches!(code.commit, Commit::LowestDone | Commit::HighestDone) {
            let expected = "after-batch or after-each, as there is no pool";
            return Err(self.invalid("commit", code.commit.as_str(), expected));
        }
        Ok(())
    }

    fn invalid(&self, setting: &str, found: &str, expected: &str) -> SettingError {
        SettingError::Invalid {
            app: self.name.clone(),
            setting: setting.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn not_supported(&self, setting: &str) -> SettingError {
        SettingError::NotSupported { app: self.name.clone(), setting: setting.to_owned() }
    }
}
