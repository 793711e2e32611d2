//! How nodes and the ways between them are now, for views.

use crate::cluster::Cluster;
use crate::network_faults::End;

/// What is wrong with what reaches a node, or leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeNetwork {
    /// Whom it does not reach, or who does not reach it.
    pub cut_from: Vec<End>,
    /// The most that a message to it or from it takes longer, in ms.
    pub delay_ms: u64,
    /// The largest share of the messages to it or from it that is lost once, in percent.
    pub drop_percent: u32,
}

impl Cluster {
    /// Whether a node stands still, as in a long garbage collection.
    pub fn is_node_paused(&self, node: i32) -> bool {
        self.nodes.get(&node).is_some_and(|state| state.pause.is_some())
    }

    /// How far a node's wall clock is ahead, in ms.
    pub fn clock_skew_ms(&self, node: i32) -> i64 {
        self.nodes.get(&node).map_or(0, |state| state.clock_skew_ms)
    }

    /// Whether the controller runs; always, where it is no node of its own.
    pub fn is_controller_up(&self) -> bool {
        self.controller().is_none() || self.is_node_up(crate::CONTROLLER_NODE)
    }

    /// What is wrong with a node's network.
    pub fn node_network(&self, node: i32) -> NodeNetwork {
        let mut found = NodeNetwork::default();
        let this = End::Node(node);
        for ((from, to), fault) in &self.network_faults.ways {
            let other = match (*from == this, *to == this) {
                (true, _) => to,
                (false, true) => from,
                (false, false) => continue,
            };
            if fault.cut && !found.cut_from.contains(other) {
                found.cut_from.push(other.clone());
            }
            found.delay_ms = found.delay_ms.max(fault.delay_us / 1_000);
            found.drop_percent = found.drop_percent.max(fault.drop_percent);
        }
        found
    }
}
