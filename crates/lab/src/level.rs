//! A level as read from its folder: one typed value, the same natively and in the page.

use logbrook_sorted::SortedMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::duration::{Millis, Moment, Rate};
pub use crate::prediction::{Prediction, Reveal};

/// One level, complete: the world, what may be changed in it, what must hold, its prose and the
/// answers that prove it.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Level {
    /// Track folder, such as `basics`.
    pub track: String,
    /// Folder inside the track, such as `first-record`.
    pub slug: String,
    /// What `level.toml` says before its tables.
    pub head: Head,
    /// The brokers and their network.
    pub cluster: ClusterDef,
    /// Topics that exist at the start.
    pub topics: Vec<TopicDef>,
    /// Databases outside Kafka.
    pub stores: Vec<StoreDef>,
    /// Simulated applications.
    pub apps: Vec<AppDef>,
    /// What the learner may change.
    pub may: May,
    /// What happens in the run itself, at set times.
    pub events: Vec<EventDef>,
    /// What must hold, in the order in which the goals are shown.
    pub asserts: Vec<Assert>,
    /// Fresh runs under seeds that the learner has not seen.
    pub trials: Vec<TrialDef>,
    /// Questions asked before the run shows the answer, by id in the order of the prose.
    pub predictions: Vec<Prediction>,
    /// The prose in blocks.
    pub prose: Vec<Block>,
    /// `setup.session`, lived through before t = 0.
    pub setup: Option<String>,
    /// `solution.session`, `solution-2.session`, …: name and action lines.
    pub solutions: Vec<Solution>,
    /// `wrong/*.session`.
    pub wrong: Vec<WrongAnswer>,
    /// Other text files of the folder, readable in the terminal by `cat`.
    pub files: SortedMap<String, String>,
}

impl Level {
    /// `track/slug`, the level's name in links, in `after` and on the command line.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.track, self.slug)
    }

    /// Lines of the shortest known solution that change state; what a learner's lines are compared
    /// with.
    #[must_use]
    pub fn par(&self) -> usize {
        self.solutions.iter().map(|s| crate::answer::changing_lines(&s.lines)).min().unwrap_or(0)
    }
}

/// The keys before the first table.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The version of the format; 1.
    pub format: u32,
    /// Raised by hand when world or assertions change; share links carry it.
    pub rev: u32,
    /// Lesson, challenge, drill or interview.
    pub kind: Kind,
    /// Shown as the heading.
    pub title: String,
    /// The one idea, in one sentence.
    pub idea: String,
    /// Misconceptions that this level disproves, by id.
    pub kills: Vec<String>,
    /// Paths of levels that should be done before.
    pub after: Vec<String>,
    /// What the engine must be able to do.
    pub needs: Vec<Need>,
    /// 1 or 2.
    pub phase: u32,
    /// Expected time to solve, in minutes.
    pub minutes: u32,
    /// What of the study note it covers.
    pub seed_refs: Vec<String>,
    /// From where to look, over the idea, to the shape of the command.
    pub hints: Vec<String>,
    /// Whether time passes on its own.
    #[serde(default)]
    pub clock: Option<ClockMode>,
}

/// What sort of level it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Ends when the goal list is ticked.
    Lesson,
    /// States the need, not the setting; graded on trials.
    Challenge,
    /// A pager message and a broken past.
    Drill,
    /// A list of questions.
    Interview,
}

impl Kind {
    /// The word as shown.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Lesson => "lesson",
            Self::Challenge => "challenge",
            Self::Drill => "drill",
            Self::Interview => "interview",
        }
    }
}

/// A capability of the engine that a level needs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are the format's own")]
pub enum Need {
    Log,
    Compaction,
    Replication,
    Kraft,
    Txn,
    GroupClassic,
    #[serde(rename = "group-848")]
    Group848,
    Share,
    Quotas,
    Apps,
    Net,
    Fs,
    Connect,
    Streams,
    Registry,
    Monitoring,
    Code,
}

impl Need {
    /// Whether this build of the engine has it. A level that needs what is not here is refused
    /// when read, and is not on the map.
    #[must_use]
    pub fn is_built(self) -> bool {
        match self {
            Self::Log
            | Self::Compaction
            | Self::Replication
            | Self::Kraft
            | Self::Txn
            | Self::GroupClassic
            | Self::Group848
            | Self::Apps => true,
            Self::Share
            | Self::Quotas
            | Self::Net
            | Self::Fs
            | Self::Connect
            | Self::Streams
            | Self::Registry
            | Self::Monitoring
            | Self::Code => false,
        }
    }
}

/// Whether virtual time waits for the learner.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ClockMode {
    /// Time passes only with a command or `@sleep`.
    Step,
    /// One virtual second a real second, until paused.
    Live,
}

/// `[cluster]`.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterDef {
    /// 1 to 9.
    pub brokers: u32,
    /// 0: combined with broker 1, where that is the only one; else 1, a node of its own.
    #[serde(default)]
    pub controllers: Option<u32>,
    /// Broker properties by Kafka's names.
    #[serde(default)]
    pub config: SortedMap<String, String>,
    /// `broker.rack` of broker 1, 2, …; may be shorter than the number of brokers.
    #[serde(default)]
    pub racks: Vec<String>,
    /// The delay and the loss of messages.
    #[serde(default)]
    pub network: Option<NetworkDef>,
    /// Wall clock at t = 0, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub epoch: Option<i64>,
    /// The seed of the learner's own run.
    pub seed: u64,
    /// Time begins with the start of the brokers instead of after it, as in a run of the simulator. No
    /// level file says so.
    #[serde(skip)]
    pub cold: bool,
    /// So many steps a run or one seed of a trial may take: an answer that goes round without end is stopped.
    #[serde(skip, default = "most_steps")]
    pub most_steps: u64,
}

/// Twenty times what the longest level takes.
fn most_steps() -> u64 {
    2_000_000
}

/// `network = { latency_ms = [1, 3] }`.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkDef {
    /// Least and greatest one-way delay in milliseconds.
    #[serde(default = "usual_latency")]
    pub latency_ms: (u32, u32),
    /// Share of the messages that is lost once and sent again by TCP, from 0 to 1.
    #[serde(default)]
    pub loss: f64,
}

fn usual_latency() -> (u32, u32) {
    (1, 3)
}

/// `[[topic]]`.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicDef {
    /// Its name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor.
    pub replication: i16,
    /// Topic configurations by Kafka's names.
    #[serde(default)]
    pub config: SortedMap<String, String>,
    /// The replicas of each partition, the preferred leader first; placed by the cluster without.
    #[serde(default)]
    pub assignment: Vec<Vec<i32>>,
}

/// `[[store]]`: a database outside Kafka, which survives its apps.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreDef {
    /// Its name.
    pub name: String,
    /// What it keeps.
    pub kind: StoreKind,
    /// Time from a write to its answer, in milliseconds.
    #[serde(default)]
    pub latency_ms: u32,
    /// `"id"`: a second insert of an id is refused, in the local transaction of its effect.
    #[serde(default)]
    pub unique: Option<Unique>,
}

/// What a store does not take twice.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Unique {
    /// An event's id.
    Id,
}

/// What an outside store keeps of the events it is given.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// Entity to its last event.
    Rows,
    /// Key to the sum of `amount`.
    Ledger,
    /// Every effect, appended.
    Log,
    /// Business rows, and events that wait to be published, in one local transaction.
    Outbox,
}

/// `[[app]]`: a simulated application built on the real client state machines.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppDef {
    /// Its name; instances are `name/1`, `name/2`, ….
    pub name: String,
    /// Producer, consumer or processor.
    pub role: Role,
    /// Whose client library it uses; decides partitioner and defaults.
    #[serde(default)]
    pub client: Client,
    /// How many run.
    #[serde(default = "one")]
    pub instances: u32,
    /// What a producer writes to.
    #[serde(default)]
    pub topic: Option<String>,
    /// What a consumer reads.
    #[serde(default)]
    pub topics: Vec<String>,
    /// What a processor writes to.
    #[serde(default)]
    pub output: Option<String>,
    /// A consumer's group.
    #[serde(default)]
    pub group: Option<String>,
    /// The store that processing writes to.
    #[serde(default)]
    pub store: Option<String>,
    /// A producer's pace.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// How many events it produces; without it, until stopped.
    #[serde(default)]
    pub count: Option<u64>,
    /// When it begins to produce.
    #[serde(default)]
    pub start: Option<Millis>,
    /// When it has produced its last event.
    #[serde(default)]
    pub stop: Option<Millis>,
    /// Which of a producer's events are bad.
    #[serde(default)]
    pub poison: Vec<PoisonDef>,
    /// The generator of a producer's events.
    #[serde(default)]
    pub events: Option<EventsDef>,
    /// Client settings by Kafka's names.
    #[serde(default)]
    pub config: SortedMap<String, Setting>,
    /// What the application's own code does.
    #[serde(default)]
    pub code: SortedMap<String, Setting>,
}

fn one() -> u32 {
    1
}

/// What an app does with records.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Writes events.
    Producer,
    /// Reads them in a group and processes each.
    Consumer,
    /// Reads, transforms, writes.
    Processor,
    /// Reads an outbox store, writes.
    Relay,
}

/// Whose client library an app uses.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    BorshDeserialize,
    BorshSerialize,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// Apache Kafka's own.
    #[default]
    Java,
    /// librdkafka.
    Librdkafka,
    /// kafka-python.
    Python,
}

/// `{ at = 137, kind = "malformed" }` or `{ every = 50, kind = "invalid", count = 5 }`.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoisonDef {
    /// The event of this number, from 1.
    #[serde(default)]
    pub at: Option<u64>,
    /// Or every so many.
    #[serde(default)]
    pub every: Option<u64>,
    /// With `every`: at most so often.
    #[serde(default)]
    pub count: Option<u64>,
    /// `malformed`, `invalid`, `slow:30s`, `fatal`, `busy:1m..4m`.
    pub kind: String,
}

/// `events = { … }`: what a producer's events look like.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsDef {
    /// The entities, such as `acc-{1..8}`.
    pub entity: String,
    /// The JSON field that holds the entity.
    pub field: String,
    /// How an entity is drawn: `uniform`, `zipf:1.1`, `hot:0.8`.
    pub pick: String,
    /// More fields: a list to draw from, a range `"1..100"`, or `"running"`.
    #[serde(default)]
    pub fields: SortedMap<String, FieldDef>,
    /// Least size of an event's JSON in bytes; shorter ones are padded.
    #[serde(default)]
    pub bytes: Option<u32>,
}

/// One more field of an event.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldDef {
    /// One of these, drawn.
    OneOf(Vec<String>),
    /// `"1..100"` or `"running"`.
    Rule(String),
}

/// A setting's value; numbers and booleans may stand without quotes.
#[derive(Clone, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Setting {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A list, as `retry_topics` takes.
    List(Vec<String>),
}

impl Setting {
    /// The value as `@deploy APP name=value` would write it.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Bool(b) => b.to_string(),
            Self::Int(n) => n.to_string(),
            Self::Text(t) => t.clone(),
            Self::List(l) => l.join(","),
        }
    }
}

/// `[may]`.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct May {
    /// Which of Kafka's tools may be run.
    pub tools: Tools,
    /// Lab verbs, without `@`.
    #[serde(default = "only_sleep")]
    pub lab: Vec<String>,
    /// App to setting to what it may be set to.
    #[serde(default)]
    pub deploy: SortedMap<String, SortedMap<String, Allowed>>,
    /// Why something is not listed, by tool, verb or setting.
    #[serde(default)]
    pub why: SortedMap<String, String>,
}

fn only_sleep() -> Vec<String> {
    vec!["sleep".to_owned()]
}

impl Default for May {
    fn default() -> Self {
        Self {
            tools: Tools::Word(All::All),
            lab: only_sleep(),
            deploy: SortedMap::new(),
            why: SortedMap::new(),
        }
    }
}

/// `tools = "all"` or a list.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tools {
    /// Every tool.
    Word(All),
    /// These only.
    List(Vec<String>),
}

/// The word `all`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum All {
    /// Every one.
    All,
}

/// What a setting may be set to.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Allowed {
    /// `"any"`: whatever the client accepts.
    Word(Any),
    /// One of these.
    OneOf(Vec<Setting>),
}

/// The word `any`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Any {
    /// Whatever the client accepts.
    Any,
}

/// `[[event]]`, also in a trial: something that happens at a time.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDef {
    /// When, after the start; a range is drawn from the seed.
    pub at: Moment,
    /// An action line without its `@`, such as `restart any(ledger)`.
    #[serde(rename = "do")]
    pub action: String,
    /// Told to the learner.
    #[serde(default)]
    pub note: Option<String>,
}

/// `[[assert]]`.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Assert {
    /// Names the failure in wrong answers and links.
    pub id: String,
    /// What is asserted.
    pub check: Check,
    /// When it must hold; each check has its default.
    pub when: When,
    /// The trial it is judged in; every trial, or the run itself when there is none.
    pub trial: Option<String>,
    /// The level's own message, with placeholders in braces.
    pub say: Option<String>,
}

/// When an assertion must hold.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At the end of the run.
    End,
    /// At every event.
    Always,
}

/// `[[trial]]`.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialDef {
    /// Its name.
    pub name: String,
    /// What it starts with.
    #[serde(default = "from_design")]
    pub from: From,
    /// How many seeds.
    #[serde(default = "eight")]
    pub seeds: u32,
    /// How long it runs.
    pub run: Millis,
    /// Then producers stop, faults are healed, and this long is left to come to rest.
    pub settle: Millis,
    /// What happens in it.
    #[serde(default)]
    pub event: Vec<EventDef>,
}

fn from_design() -> From {
    From::Design
}
fn eight() -> u32 {
    8
}

/// What a trial starts with.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, BorshDeserialize, BorshSerialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// Topics, configurations, app settings and instance counts as they now are; logs empty.
    Design,
    /// A fork of the learner's present cluster.
    Now,
    /// The level's start; the learner's lines are issued again at their virtual times.
    Start,
}

/// A block of prose.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Markdown rendered to HTML when the level was read.
    Html(String),
    /// Lines with a button that runs them.
    Run {
        /// Names the block in `reveal` and in observables.
        label: Option<String>,
        /// The whole body: action lines, and the recorded output after them.
        body: String,
    },
    /// A question, by id.
    Predict(String),
    /// A live view.
    Show {
        /// `strip`, `keys`, ….
        view: String,
        /// Its parameters.
        params: SortedMap<String, String>,
        /// The text drawing of it.
        body: String,
    },
    /// The goal list.
    Goal,
}

/// A file of action lines that passes.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct Solution {
    /// `solution.session`, `solution-2.session`.
    pub file: String,
    /// Its lines.
    pub lines: String,
}

/// A file of action lines that must fail, with what it must fail by.
#[derive(Clone, Debug, PartialEq, BorshDeserialize, BorshSerialize, Serialize, Deserialize)]
pub struct WrongAnswer {
    /// File name in `wrong/`.
    pub file: String,
    /// The assertion that fails first.
    pub fails: String,
    /// The trial in which it fails; without it, the run itself.
    pub trial: Option<String>,
    /// A regular expression that the failure's message matches.
    pub says: Option<String>,
    /// Told to a learner whose failure is the same.
    pub because: Option<String>,
    /// Its lines.
    pub lines: String,
}
