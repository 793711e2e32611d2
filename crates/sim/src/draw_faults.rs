//! The faults of a seed: who, what, when, and when it ends.

use logbrook_app::{AppSpec, Random, Role};
use logbrook_cluster::CONTROLLER_NODE;

use crate::fault::{Fault, FaultKind};
use crate::plan::TopicPlan;

/// When the first fault may come, in µs.
const FIRST_FAULT_US: u64 = 2_000_000;
/// Until when faults come, in µs; then everything is mended.
pub(crate) const LAST_FAULT_US: u64 = 25_000_000;
/// So many incidents are drawn, one less at most; each is one fault and its end.
const INCIDENTS: u64 = 8;

/// Draws from the purpose `faults` of the seed alone, so that another workload leaves them as they are.
pub(crate) fn draw_faults(
    seed: u64,
    brokers: i32,
    racks: &[String],
    topics: &[TopicPlan],
    apps: &[AppSpec],
) -> Vec<Fault> {
    let mut random = Random::new(seed, "sim", "faults");
    // Drawn beside the others, which stay as they were.
    let mut power = Random::new(seed, "sim", "power");
    let mut faults = Vec::new();
    for number in 0..random.below(INCIDENTS) {
        let at_us = random.between(FIRST_FAULT_US, LAST_FAULT_US) as i64;
        let until_us = at_us + random.between(300_000, 12_000_000) as i64;
        let mut incident = Incident { faults: &mut faults, power: &mut power, at_us, until_us };
        let who = draw_node(&mut random, brokers, topics, apps);
        incident.draw(&mut random, number, &who, brokers, racks, apps);
    }
    logbrook_sorted::sort_by_key(&mut faults, |fault| fault.at_us);
    faults
}

/// A node by its number, or by what it does when the fault comes.
fn draw_node(random: &mut Random, brokers: i32, topics: &[TopicPlan], apps: &[AppSpec]) -> String {
    let topic = &topics[random.below(topics.len() as u64) as usize];
    let index = random.below(u64::from(topic.partitions));
    let node = random.between(1, brokers as u64);
    let groups: Vec<&str> = apps.iter().filter_map(|app| app.group.as_deref()).collect();
    let group = groups[random.below(groups.len() as u64) as usize];
    match random.below(5) {
        0..=1 => format!("leader({}-{index})", topic.name),
        2 => format!("coordinator({group})"),
        _ => node.to_string(),
    }
}

struct Incident<'a> {
    faults: &'a mut Vec<Fault>,
    power: &'a mut Random,
    at_us: i64,
    until_us: i64,
}

impl Incident<'_> {
    fn add(&mut self, at_us: i64, kind: FaultKind, line: String) {
        self.faults.push(Fault { at_us, kind, line });
    }

    /// One that ends by itself.
    fn once(&mut self, kind: FaultKind, line: String) {
        self.add(self.at_us, kind, line);
    }

    /// One that lasts until somebody mends it.
    fn lasts(&mut self, kind: FaultKind, line: String, ends: (FaultKind, String)) {
        self.add(self.at_us, kind, line);
        self.add(self.until_us, ends.0, ends.1);
    }

    /// A node stops, by this verb, and is started again.
    fn stops(&mut self, kind: FaultKind, verb: &str, who: &str, number: u64) {
        let name = format!("node-{number}");
        let start = (FaultKind::Start, format!("@start {name}"));
        self.lasts(kind, format!("@{verb} {who} as {name}"), start);
    }

    fn draw(
        &mut self,
        random: &mut Random,
        number: u64,
        who: &str,
        brokers: i32,
        racks: &[String],
        apps: &[AppSpec],
    ) {
        let node = random.between(1, brokers as u64) as i32;
        let other = random.between(1, brokers as u64) as i32;
        let app = &apps[random.below(apps.len() as u64) as usize];
        let instance = random.between(1, u64::from(app.instances));
        let seconds = random.between(1, 15);
        let heal = (FaultKind::Heal, "@heal".to_owned());
        match random.below(26) {
            0..=3 if brokers > 1 && self.power.below(4) == 0 => {
                self.stops(FaultKind::Crash, "crash", who, number);
            }
            0..=3 => self.stops(FaultKind::Kill, "kill", who, number),
            4..=5 => self.stops(FaultKind::Term, "term", who, number),
            6..=7 => self.once(FaultKind::Pause, format!("@pause {who} {seconds}")),
            // Followers and clients still hear of it, the controller does not: it is fenced and goes on.
            8..=9 if brokers > 1 => {
                let line = format!("@cut {who} from {CONTROLLER_NODE}");
                self.lasts(FaultKind::CutController, line, heal);
            }
            10..=11 if brokers > 1 => {
                let to = if node == other { "all".to_owned() } else { other.to_string() };
                self.lasts(FaultKind::Cut, format!("@cut {node} from {to}"), heal);
            }
            12 => {
                let ms = random.between(5, 900);
                self.lasts(FaultKind::Delay, format!("@delay {node} all {ms}"), heal);
            }
            13 => {
                let percent = random.between(5, 60);
                self.lasts(FaultKind::Drop, format!("@drop all {node} {percent}"), heal);
            }
            14 => {
                let ms = random.between(5, 400);
                let ok = (FaultKind::DiskSlow, format!("@disk {node} ok"));
                self.lasts(FaultKind::DiskSlow, format!("@disk {node} slow {ms}"), ok);
            }
            15 => {
                let ok = (FaultKind::DiskFull, format!("@disk {node} ok"));
                self.lasts(FaultKind::DiskFull, format!("@disk {node} full"), ok);
                self.add(self.until_us + 1, FaultKind::Start, format!("@start {node}"));
            }
            16 if brokers > 1 => self.stops(FaultKind::Lose, "lose", who, number),
            17 => {
                let skew = random.between(0, 20_000) as i64 - 10_000;
                self.once(FaultKind::Clock, format!("@clock {node} {skew}"));
            }
            18 if brokers > 1 => {
                let start = (FaultKind::Start, format!("@start {CONTROLLER_NODE}"));
                self.lasts(FaultKind::KillController, format!("@kill {CONTROLLER_NODE}"), start);
            }
            19..=20 if !racks.is_empty() => {
                let rack = &racks[(node - 1) as usize];
                for (id, _) in (1..).zip(racks).filter(|(_, of)| *of == rack) {
                    let start = (FaultKind::Start, format!("@start {id}"));
                    self.lasts(FaultKind::RackGone, format!("@kill {id}"), start);
                }
            }
            // What a producer's process has not sent is gone with it: its events have no end then.
            21..=23 if app.role != Role::Producer => {
                let who = format!("{}/{instance}", app.name);
                let start = (FaultKind::StartApp, format!("@start {who}"));
                self.lasts(FaultKind::KillApp, format!("@kill {who}"), start);
            }
            _ => {
                self.once(FaultKind::PauseApp, format!("@pause {}/{instance} {seconds}", app.name))
            }
        }
    }
}
