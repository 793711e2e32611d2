//! What one seed draws: a cluster, topics, applications, faults.

use logbrook_app::{AppSpec, Entities, EventSpec, Pick, Random, Rate, Role};
use logbrook_cluster::{CONTROLLER_NODE, ClusterConfig};
use logbrook_sorted::SortedMap;

use crate::fault::{Fault, FaultKind};

/// When the first fault may come, in µs.
const FIRST_FAULT_US: u64 = 2_000_000;
/// Until when faults come, in µs; then everything is mended.
pub(crate) const LAST_FAULT_US: u64 = 25_000_000;

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
        ];
        let properties = properties.map(|(name, value)| (name.to_owned(), value.to_string()));
        let topics = draw_topics(seed, brokers);
        let apps = draw_apps(seed, &topics);
        let faults = draw_faults(seed, brokers, &racks, &apps);
        Plan { seed, brokers, racks, properties: properties.into(), topics, apps, faults }
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
             --config unclean.leader.election.enable={}",
            topic.name,
            topic.partitions,
            topic.replication_factor,
            topic.min_insync_replicas,
            topic.unclean
        )
    }

    /// The plan in the words of the action language, applications as remarks.
    pub fn script(&self) -> String {
        let set: Vec<String> =
            self.properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut lines = vec![format!("@cluster {} SET={}", self.brokers, set.join(";"))];
        lines.extend(self.topics.iter().map(Plan::create_line));
        for app in &self.apps {
            let config: Vec<String> =
                app.config.iter().map(|(name, value)| format!("{name}={value}")).collect();
            lines.push(format!(
                "# {} {} x{}: {}",
                app.role.as_str(),
                app.name,
                app.instances,
                config.join(" ")
            ));
        }
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
        }
    };
    (1..=count).map(topic).collect()
}

fn draw_apps(seed: u64, topics: &[TopicPlan]) -> Vec<AppSpec> {
    let mut random = Random::new(seed, "sim", "apps");
    let mut apps = Vec::new();
    for topic in topics {
        for number in 1..=random.between(1, 2) {
            apps.push(draw_producer(&mut random, topic, number));
        }
        for number in 1..=random.between(1, 2) {
            apps.push(draw_consumer(&mut random, topic, number));
        }
    }
    apps
}

fn draw_producer(random: &mut Random, topic: &TopicPlan, number: u64) -> AppSpec {
    let name = format!("{}-writer{number}", topic.name);
    let entities = Entities { prefix: "e".into(), numbers: Some((1, 6)), suffix: String::new() };
    let mut config = SortedMap::new();
    let mut set = |name: &str, value: String| config.insert(name.to_owned(), value);
    match random.below(10) {
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

fn draw_faults(seed: u64, brokers: i32, racks: &[String], apps: &[AppSpec]) -> Vec<Fault> {
    let mut random = Random::new(seed, "sim", "faults");
    let mut faults = Vec::new();
    for _ in 0..random.below(7) {
        let at_us = random.between(FIRST_FAULT_US, LAST_FAULT_US) as i64;
        // How long it lasts.
        let until_us = at_us + random.between(300_000, 12_000_000) as i64;
        let node = random.between(1, brokers as u64) as i32;
        let other = random.between(1, brokers as u64) as i32;
        let app = &apps[random.below(apps.len() as u64) as usize];
        let seconds = random.between(1, 15);
        let mut add = |at_us: i64, kind: FaultKind, line: String| {
            faults.push(Fault { at_us, kind, line });
        };
        match random.below(16) {
            0..=2 => {
                add(at_us, FaultKind::Kill, format!("@kill {node}"));
                add(until_us, FaultKind::Start, format!("@start {node}"));
            }
            3..=4 => {
                add(at_us, FaultKind::Term, format!("@term {node}"));
                add(until_us, FaultKind::Start, format!("@start {node}"));
            }
            5 => add(at_us, FaultKind::Pause, format!("@pause {node} {seconds}")),
            6..=7 if brokers > 1 => {
                let to = if node == other { "all".to_owned() } else { other.to_string() };
                add(at_us, FaultKind::Cut, format!("@cut {node} from {to}"));
                add(until_us, FaultKind::Heal, "@heal".to_owned());
            }
            8 => {
                add(
                    at_us,
                    FaultKind::Delay,
                    format!("@delay {node} all {}", random.between(5, 900)),
                );
                add(until_us, FaultKind::Heal, "@heal".to_owned());
            }
            9 => {
                add(at_us, FaultKind::Drop, format!("@drop all {node} {}", random.between(5, 60)));
                add(until_us, FaultKind::Heal, "@heal".to_owned());
            }
            10 => {
                let ms = random.between(5, 400);
                add(at_us, FaultKind::DiskSlow, format!("@disk {node} slow {ms}"));
                add(until_us, FaultKind::DiskSlow, format!("@disk {node} ok"));
            }
            11 => {
                add(at_us, FaultKind::DiskFull, format!("@disk {node} full"));
                add(until_us, FaultKind::DiskFull, format!("@disk {node} ok"));
                add(until_us + 1, FaultKind::Start, format!("@start {node}"));
            }
            12 if brokers > 1 => {
                add(at_us, FaultKind::Lose, format!("@lose {node}"));
                add(until_us, FaultKind::Start, format!("@start {node}"));
            }
            13 => {
                let skew = random.between(0, 20_000) as i64 - 10_000;
                add(at_us, FaultKind::Clock, format!("@clock {node} {skew}"));
            }
            14 if brokers > 1 => {
                add(at_us, FaultKind::KillController, format!("@kill {CONTROLLER_NODE}"));
                add(until_us, FaultKind::Start, format!("@start {CONTROLLER_NODE}"));
            }
            15 if !racks.is_empty() => {
                let rack = &racks[(node - 1) as usize];
                let there = (1..).zip(racks).filter(|(_, of)| *of == rack).map(|(id, _)| id);
                for id in there.collect::<Vec<i32>>() {
                    add(at_us, FaultKind::RackGone, format!("@kill {id}"));
                    add(until_us, FaultKind::Start, format!("@start {id}"));
                }
            }
            _ if app.role == Role::Consumer && random.below(2) == 0 => {
                add(at_us, FaultKind::KillApp, format!("@kill {}/1", app.name));
                add(until_us, FaultKind::StartApp, format!("@start {}/1", app.name));
            }
            _ => add(at_us, FaultKind::PauseApp, format!("@pause {}/1 {seconds}", app.name)),
        }
    }
    logbrook_sorted::sort_by_key(&mut faults, |fault| fault.at_us);
    faults
}
