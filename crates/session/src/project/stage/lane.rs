//! A broker: how it is, and what may be done to it.

use logbrook_cluster::{CONTROLLER_NODE, Cluster, Disk, End, NodeNetwork};
use logbrook_lab::level::Level;

use crate::follow::Follow;
use crate::view::{Act, Icon, Time, Up};

/// How a broker is, in words too.
pub(super) struct Condition {
    pub(super) up: Up,
    /// Empty where there is nothing to say.
    pub(super) status: String,
    /// Since when, if it is down or stands still.
    pub(super) since: Option<Time>,
}

pub(super) fn condition(cluster: &Cluster, follow: &Follow, node: i32) -> Condition {
    let noted = follow.nodes.get(&node);
    let alone = cluster.controller().is_none();
    // What the controller thinks of it; a broker alone is never fenced.
    let unfenced = alone || cluster.metadata().is_some_and(|image| image.is_unfenced(node));
    if !cluster.is_broker_up(node) {
        let how = noted.map_or("down", |noted| noted.how.as_str());
        let fenced = if unfenced && !alone { ", not fenced yet" } else { "" };
        let since = noted.map(|noted| noted.since);
        return Condition { up: Up::Down, status: format!("{how}{fenced}"), since };
    }
    let mut words = Vec::new();
    let mut up = Up::Up;
    if cluster.is_node_paused(node) {
        up = Up::Paused;
        words.push("stands still".to_owned());
    }
    let network = cluster.node_network(node);
    if !network.cut_from.is_empty() {
        up = if up == Up::Up { Up::Cut } else { up };
        words.push(format!("cut from {}", ends(&network)));
    }
    if !unfenced {
        up = if up == Up::Up { Up::Fenced } else { up };
        words.push("fenced".to_owned());
    }
    let slow = slowness(cluster, node, &network);
    if !slow.is_empty() {
        up = if up == Up::Up { Up::Slow } else { up };
        words.extend(slow);
    }
    Condition { up, status: words.join(", "), since: None }
}

/// `1, 3 and clients`.
fn ends(network: &NodeNetwork) -> String {
    let name = |end: &End| match end {
        End::Node(CONTROLLER_NODE) => "controller".to_owned(),
        End::Node(node) => node.to_string(),
        End::Client(name) => name.clone(),
        End::AllClients => "clients".to_owned(),
    };
    let names: Vec<String> = network.cut_from.iter().map(name).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

fn slowness(cluster: &Cluster, node: i32, network: &NodeNetwork) -> Vec<String> {
    let mut words = Vec::new();
    match cluster.disk(node) {
        Some(Disk::Slow(ms)) => words.push(format!("disk +{ms} ms")),
        Some(Disk::Full) => words.push("disk full".to_owned()),
        Some(Disk::Ok) | None => {}
    }
    if network.delay_ms > 0 {
        words.push(format!("network +{} ms", network.delay_ms));
    }
    if network.drop_percent > 0 {
        words.push(format!("loses {} %", network.drop_percent));
    }
    match cluster.clock_skew_ms(node) {
        0 => {}
        skew => words.push(format!("clock {skew:+} ms")),
    }
    words
}

/// What may be done to it: on its lane, and in its menu.
pub(super) fn acts(cluster: &Cluster, level: &Level, node: i32) -> (Vec<Act>, Vec<Act>) {
    let may = |verb: &str| level.may.lab.iter().any(|allowed| allowed == verb);
    let (mut acts, mut more) = (Vec::new(), Vec::new());
    let mut add = |verb: &str, to_menu: bool, icon, label: String, line: String| {
        if may(verb) {
            let list = if to_menu { &mut more } else { &mut acts };
            list.push(Act { label, icon, line });
        }
    };
    if !cluster.is_broker_up(node) {
        add("start", false, Icon::Power, format!("Start broker {node}"), format!("@start {node}"));
        if !is_alone(cluster) {
            add("lose", true, Icon::Cut, "Lose its disk".to_owned(), format!("@lose {node}"));
        }
        return (acts, more);
    }
    add("kill", false, Icon::Power, format!("Kill broker {node}"), format!("@kill {node}"));
    let network = cluster.node_network(node);
    if network == NodeNetwork::default() {
        let others: Vec<String> =
            cluster.broker_ids().filter(|id| *id != node).map(|id| id.to_string()).collect();
        let from = if others.is_empty() { "all".to_owned() } else { others.join(",") };
        let label = format!("Cut broker {node} from the others");
        add("cut", false, Icon::Cut, label, format!("@cut {node} from {from}"));
    } else {
        add("heal", false, Icon::Cut, "Heal the network".to_owned(), "@heal".to_owned());
    }
    if cluster.disk(node) == Some(Disk::Ok) {
        let label = format!("Slow the disk of broker {node}");
        add("disk", false, Icon::Slow, label, format!("@disk {node} slow 200"));
        add("disk", true, Icon::Slow, "Fill its disk".to_owned(), format!("@disk {node} full"));
    } else {
        let label = format!("Mend the disk of broker {node}");
        add("disk", false, Icon::Slow, label, format!("@disk {node} ok"));
    }
    add("term", true, Icon::Power, "Stop in order".to_owned(), format!("@term {node}"));
    add("pause", true, Icon::Pause, "Stand still for 20 s".to_owned(), format!("@pause {node} 20"));
    add("crash", true, Icon::Power, "Cut its power".to_owned(), format!("@crash {node}"));
    if !is_alone(cluster) {
        add("lose", true, Icon::Cut, "Lose it with its disk".to_owned(), format!("@lose {node}"));
    }
    if cluster.clock_skew_ms(node) == 0 {
        let line = format!("@clock {node} 60000");
        add("clock", true, Icon::Slow, "Put its clock a minute ahead".to_owned(), line);
    } else {
        add("clock", true, Icon::Slow, "Set its clock".to_owned(), format!("@clock {node} 0"));
    }
    (acts, more)
}

fn is_alone(cluster: &Cluster) -> bool {
    cluster.controller().is_none()
}
