//! What one seed draws: a cluster, topics, applications, faults.

use logbrook_app::{
    AppSpec, Code, Entities, EventSpec, Key, Pick, Random, Rate, Role, Transaction,
};
use logbrook_cluster::ClusterConfig;
use logbrook_shell::action::Action;
use logbrook_sorted::SortedMap;

use crate::draw_faults::draw_faults;
use crate::fault::Fault;

/// So many brokers at most: the next node id is the controller's.
pub const MAX_BROKERS: i32 = 99;
/// So many faults at most: a run looks at everything after each.
pub const MAX_FAULTS: usize = 1_000;

/// A topic of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// How many replicas each has.
    pub replication_factor: u32,
    /// `min.insync.replicas`.
    pub min_insync_replicas: u32,
    /// `unclean.leader.election.enable`.
    pub unclean: bool,
    /// `index.interval.bytes`.
    pub index_interval_bytes: u64,
}

/// Everything that a run is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Drawn from this; it also seeds the network.
    pub seed: u64,
    /// How many brokers.
    pub brokers: i32,
    /// `broker.rack` of each; may be empty.
    pub racks: Vec<String>,
    /// Of every broker, by Kafka's names.
    pub properties: SortedMap<String, String>,
    /// What is created first.
    pub topics: Vec<TopicPlan>,
    /// Who writes and reads.
    pub apps: Vec<AppSpec>,
    /// By time.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Plan {
        let mut random = Random::new(seed, "sim", "cluster");
        let brokers = [1, 3, 3, 3, 3, 4, 5][random.below(7) as usize];
        let racks = match random.below(3) {
            0 if brokers > 1 => (0..brokers)
                .map(|at| format!("rack-{}", ["a", "b", "c"][at as usize % 3]))
                .collect(),
            _ => Vec::new(),
        };
        let properties = [
            ("broker.session.timeout.ms", random.between(3_000, 9_000)),
            ("broker.heartbeat.interval.ms", random.between(500, 1_500)),
            ("replica.lag.time.max.ms", random.between(3_000, 15_000)),
            ("offsets.topic.num.partitions", random.between(1, 3)),
            ("transaction.state.log.num.partitions", random.between(1, 3)),
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_string()));
        let topics = draw_topics(seed, brokers);
        let apps = draw_apps(seed, &topics);
        let faults = draw_faults(seed, brokers, &racks, &topics, &apps);
        Plan { seed, brokers, racks, properties: properties.into(), topics, apps, faults }
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// What cannot be, and what could.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=MAX_BROKERS).contains(&self.brokers) {
            return Err(format!("found {} brokers, expected 1 to {MAX_BROKERS}", self.brokers));
        }
        if self.faults.len() > MAX_FAULTS {
            return Err(format!(
                "found {} faults, expected at most {MAX_FAULTS}",
                self.faults.len()
            ));
        }
        self.faults.iter().try_for_each(|fault| fault.check(self))
    }

    /// The cluster to run it on.
    pub fn cluster_config(&self) -> ClusterConfig {
        ClusterConfig {
            brokers: self.brokers,
            racks: self.racks.clone(),
            broker_properties: self.properties.clone(),
            seed: self.seed,
            ..ClusterConfig::default()
        }
    }

    /// The command line that creates a topic.
    pub fn create_line(topic: &TopicPlan) -> String {
        format!(
            "$ kafka-topics.sh --bootstrap-server localhost:9092 --create --topic {} --partitions {} \
             --replication-factor {} --config min.insync.replicas={} \
             --config unclean.leader.election.enable={} --config index.interval.bytes={}",
            topic.name,
            topic.partitions,
            topic.replication_factor,
            topic.min_insync_replicas,
            topic.unclean,
            topic.index_interval_bytes
        )
    }

    /// The line that adds an application.
    pub fn app_line(app: &AppSpec) -> String {
        Action::App { name: app.name.clone(), words: app.to_words() }.to_string()
    }

    /// The plan in the words of the action language, as `logbrook session` runs it.
    pub fn script(&self) -> String {
        let set: Vec<String> =
            self.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut lines = vec![format!("@cluster {} SET='{}'", self.brokers, set.join(";"))];
        if !self.racks.is_empty() {
            lines.push(format!("# broker.rack {}", self.racks.join(",")));
        }
        lines.extend(self.topics.iter().map(Plan::create_line));
        lines.extend(self.apps.iter().map(Plan::app_line));
        lines.extend(self.faults.iter().map(Fault::to_string));
        lines.join("\n")
    }
}

fn draw_topics(seed: u64, brokers: i32) -> Vec<TopicPlan> {
    let mut random = Random::new(seed, "sim", "topics");
    let most = u64::try_from(brokers).unwrap_or(1).min(3);
    let count = random.between(1, 2);
    let topic = |at: u64| {
        // Three times out of four as many replicas as there can be.
        let factor = if random.below(4) > 0 { most } else { random.between(1, most) };
        let min_insync = if factor > 1 && random.below(4) > 0 { 2 } else { 1 };
        TopicPlan {
            name: format!("t{at}"),
            partitions: random.between(1, 3) as u32,
            replication_factor: factor as u32,
            min_insync_replicas: min_insync,
            unclean: random.below(6) == 0,
            index_interval_bytes: [256, 1024, 4096][random.below(3) as usize],
        }
    };
    let mut topics: Vec<TopicPlan> = (1..=count).map(topic).collect();
    if random.below(3) == 0 {
        topics.push(TopicPlan { name: OUTPUT.to_owned(), ..topics[0].clone() });
    }
    topics
}

/// Written by a processor, where one is drawn.
const OUTPUT: &str = "out";

fn draw_apps(seed: u64, topics: &[TopicPlan]) -> Vec<AppSpec> {
    let mut random = Random::new(seed, "sim", "apps");
    let mut apps = Vec::new();
    for topic in topics {
        let is_output = topic.name == OUTPUT;
        if is_output {
            apps.push(draw_processor(&mut random, topic));
        } else {
            for number in 1..=random.between(1, 2) {
                apps.push(draw_producer(&mut random, topic, number));
            }
        }
        for number in 1..=random.between(1, 2) {
            apps.push(draw_consumer(&mut random, topic, number));
        }
    }
    apps
}

/// Reads the first topic and writes the last, each record once.
fn draw_processor(random: &mut Random, output: &TopicPlan) -> AppSpec {
    let mut config = SortedMap::new();
    config.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
    config.insert("isolation.level".to_owned(), "read_committed".to_owned());
    config.insert("transaction.timeout.ms".to_owned(), random.between(4_000, 20_000).to_string());
    if random.below(2) == 0 {
        config.insert("group.protocol".to_owned(), "consumer".to_owned());
    }
    let transaction = if random.below(4) == 0 { Transaction::Each } else { Transaction::Batch };
    AppSpec {
        instances: random.between(1, 2) as u32,
        group: Some("copier".to_owned()),
        topics: vec!["t1".to_owned()],
        output: Some(output.name.clone()),
        config,
        code: Code { transaction, ..Code::default() },
        ..AppSpec::new("copier", Role::Processor)
    }
}

fn draw_producer(random: &mut Random, topic: &TopicPlan, number: u64) -> AppSpec {
    let name = format!("{}-writer{number}", topic.name);
    let entities = Entities { prefix: "e".into(), numbers: Some((1, 6)), suffix: String::new() };
    let mut config = SortedMap::new();
    let mut set = |name: &str, value: String| config.insert(name.to_owned(), value);
    let kind = random.below(10);
    let replicated_and_idempotent = kind > 1;
    match kind {
        0 => {
            set("acks", "1".into());
            set("enable.idempotence", "false".into());
        }
        1 => {
            set("acks", "all".into());
            set("enable.idempotence", "false".into());
        }
        _ => {
            set("acks", "all".into());
        }
    }
    if random.below(3) == 0 {
        set("linger.ms", random.between(0, 50).to_string());
    }
    if random.below(4) == 0 {
        set("request.timeout.ms", random.between(1_000, 5_000).to_string());
    }
    // Each event has a partition of its own, so that a transaction has several.
    let mut code = Code::default();
    if replicated_and_idempotent && random.below(3) == 0 {
        code.transaction =
            if random.below(4) == 0 { Transaction::Each } else { Transaction::Batch };
        code.key = Key::Id;
        set("transaction.timeout.ms", random.between(4_000, 20_000).to_string());
    }
    if random.below(4) == 0 {
        set("compression.type", ["gzip", "snappy", "lz4"][random.below(3) as usize].into());
    }
    AppSpec {
        topic: Some(topic.name.clone()),
        rate: Some(Rate::per_second(random.between(5, 60))),
        count: Some(random.between(60, 400)),
        events: Some(EventSpec {
            entity: entities,
            field: "entity".into(),
            pick: Pick::Uniform,
            fields: Vec::new(),
            bytes: random.between(0, 300) as usize,
        }),
        config,
        code,
        ..AppSpec::new(&name, Role::Producer)
    }
}

fn draw_consumer(random: &mut Random, topic: &TopicPlan, number: u64) -> AppSpec {
    let name = format!("{}-reader{number}", topic.name);
    let mut config = SortedMap::new();
    let mut set = |name: &str, value: &str| config.insert(name.to_owned(), value.to_owned());
    set("auto.offset.reset", "earliest");
    match random.below(3) {
        0 => {
            set("group.protocol", "consumer");
        }
        1 => {
            let assignor = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
            set("partition.assignment.strategy", assignor);
        }
        _ => {}
    }
    if random.below(2) == 0 {
        set("isolation.level", "read_committed");
    }
    if random.below(3) == 0 {
        set("metadata.max.age.ms", "5000");
    }
    AppSpec {
        instances: random.between(1, 3) as u32,
        group: Some(name.clone()),
        topics: vec![topic.name.clone()],
        config,
        ..AppSpec::new(&name, Role::Consumer)
    }
}
