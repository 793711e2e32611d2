//! `cargo xtask bench --peers`: one client against this broker, Apache Kafka, Tansu and franz-go's
//! kfake, one after the other on this machine. Reported are the client's rate and the broker's own CPU
//! time, which a busy machine disturbs less.
//!
//! | concept | file |
//! |---|---|
//! | getting each by its package's name, into `target/peers` | `install.rs` |
//! | starting one and telling when it serves | `broker.rs` |
//! | librdkafka's `rdkafka_performance` | `load.rs` |

mod broker;
mod install;
mod load;

use std::fmt::Write;

use serde_json::{Value, json};

use crate::say::{Result, step};
use broker::Peer;
use load::{Figure, Load};

/// How much is measured, and of whom.
pub(crate) struct Plan {
    /// Each count divided by this: 1 for figures to publish.
    pub(crate) divisor: u64,
    /// Names of the peers, all where none is named.
    pub(crate) only: Vec<String>,
}

/// A phase's share of the best peer's CPU time that this broker may have.
const GOAL: f64 = 1.0 / 3.0;

/// What all of them did.
pub(crate) struct Figures(Vec<(Peer, Vec<Figure>)>);

pub(crate) fn measure(plan: &Plan) -> Result<Figures> {
    let chosen: Vec<Peer> = Peer::ALL.iter().copied().filter(|peer| plan.wants(*peer)).collect();
    let client = install::client()?;
    for peer in &chosen {
        install::peer(*peer)?;
    }
    touch_memory();
    let load = Load::new(client, plan.divisor);
    let mut figures = Vec::new();
    for peer in chosen {
        let running = broker::start(peer)?;
        if peer == Peer::Kafka {
            let warming = step("warming up Apache Kafka");
            load.warm_up(&running)?;
            warming.done();
        }
        let measuring = step(format!("measuring {}", peer.name()));
        figures.push((peer, load.run(&running)?));
        measuring.done();
    }
    Ok(Figures(figures))
}

/// What all of them together keep in memory, and some more.
const TOUCHED_BYTES: usize = 3 << 30;

/// A virtual machine gets a page from its host when it is first written to, which costs more than all that a
/// broker does with it. So that this does not fall to whoever comes first, it is done before.
fn touch_memory() {
    let touching = step("touching the memory");
    let pages = vec![1_u8; TOUCHED_BYTES];
    std::hint::black_box(&pages);
    touching.done();
}

impl Plan {
    fn wants(&self, peer: Peer) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == peer.name())
    }
}

impl Figures {
    /// One object for each peer and phase.
    pub(crate) fn json(&self) -> Value {
        let rows = self.0.iter().flat_map(|(peer, figures)| {
            figures.iter().map(|figure| {
                json!({
                    "peer": peer.name(),
                    "phase": figure.phase,
                    "messages": figure.messages,
                    "messages_per_second": figure.rate,
                    "broker_cpu_seconds_per_million": figure.cpu_seconds_per_million,
                })
            })
        });
        Value::Array(rows.collect())
    }

    /// The same as rows, and what this broker takes of the best of the others.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from(
            "rate seen by the client; CPU seconds of the broker per million messages\n\n",
        );
        let _ = write!(out, "{:<10}", "");
        for phase in load::PHASES {
            let _ = write!(out, "{:>26}", phase.label);
        }
        out.push('\n');
        for (peer, figures) in &self.0 {
            let _ = write!(out, "{:<10}", peer.name());
            for figure in figures {
                let cell = format!("{}/s {:8.3} s", figure.rate, figure.cpu_seconds_per_million);
                let _ = write!(out, "{cell:>26}");
            }
            out.push('\n');
        }
        let own = self.0.iter().find(|(peer, _)| *peer == Peer::Logbrook);
        if let Some((_, own)) = own
            && self.0.len() > 1
        {
            let _ = write!(out, "{:<10}", "of best");
            for (index, figure) in own.iter().enumerate() {
                let others = self.0.iter().filter(|(peer, _)| *peer != Peer::Logbrook);
                let best = others
                    .filter_map(|(_, figures)| figures.get(index))
                    .map(|figure| figure.cpu_seconds_per_million)
                    .fold(f64::INFINITY, f64::min);
                let share = figure.cpu_seconds_per_million / best;
                let verdict = if share <= GOAL { "held" } else { "missed" };
                let cell = format!("{:.0} % (goal {:.0} % {verdict})", share * 100.0, GOAL * 100.0);
                let _ = write!(out, "{cell:>26}");
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_of_the_best_peer_is_used() {
        let figure = |phase, cpu_seconds_per_million| Figure {
            phase,
            messages: 1000,
            rate: 500,
            cpu_seconds_per_million,
        };
        let of = |a, b, c| {
            let phases = load::PHASES.iter().map(|phase| phase.label);
            phases.zip([a, b, c]).map(|(phase, cpu)| figure(phase, cpu)).collect::<Vec<_>>()
        };
        let figures = Figures(vec![
            (Peer::Logbrook, of(0.1, 1.0, 0.05)),
            (Peer::Kafka, of(0.4, 3.0, 0.1)),
            (Peer::Kfake, of(0.3, 4.0, 0.2)),
        ]);
        let table = figures.table();
        assert!(
            table.contains("33 % (goal 33 % missed)") || table.contains("33 % (goal 33 % held)"),
            "{table}"
        );
        assert!(table.contains("50 % (goal 33 % missed)"), "{table}");
        assert_eq!(figures.json().as_array().map(Vec::len), Some(9));
    }
}
