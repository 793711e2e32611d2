//! One librdkafka client that writes and reads, and what the broker spent on it.

use std::path::PathBuf;

use super::broker::{PARTITIONS, Running, TOPIC};
use crate::env::command;
use crate::say::{Result, failure};

/// Something that all are asked to do.
pub(super) struct Phase {
    pub(super) label: &'static str,
    messages: u64,
    /// Bytes of a message to write; `None` reads.
    size: Option<u32>,
}

pub(super) const PHASES: [Phase; 3] = [
    Phase { label: "produce 100 B", messages: 3_000_000, size: Some(100) },
    Phase { label: "produce 1 KiB", messages: 500_000, size: Some(1024) },
    Phase { label: "consume", messages: 3_000_000, size: None },
];

/// Settings of a producer that fills its batches, as for throughput.
const PRODUCER: &[&str] = &[
    "linger.ms=10",
    "batch.num.messages=100000",
    "batch.size=1000000",
    "queue.buffering.max.messages=500000",
];

/// What a phase came to.
pub(super) struct Figure {
    pub(super) phase: &'static str,
    pub(super) messages: u64,
    /// Messages per second, as the client saw them.
    pub(super) rate: u64,
    pub(super) cpu_seconds_per_million: f64,
}

pub(super) struct Load {
    client: PathBuf,
    divisor: u64,
}

impl Load {
    pub(super) fn new(client: PathBuf, divisor: u64) -> Load {
        Load { client, divisor: divisor.max(1) }
    }

    /// A JVM is measured once it has compiled what is hot.
    pub(super) fn warm_up(&self, broker: &Running) -> Result<()> {
        PHASES.iter().try_for_each(|phase| self.phase(broker, phase).map(|_| ()))
    }

    pub(super) fn run(&self, broker: &Running) -> Result<Vec<Figure>> {
        PHASES.iter().map(|phase| self.phase(broker, phase)).collect()
    }

    fn phase(&self, broker: &Running, phase: &Phase) -> Result<Figure> {
        let messages = (phase.messages / self.divisor).max(1);
        let mut client = command::program(&self.client);
        let count = messages.to_string();
        match phase.size {
            Some(size) => {
                client.args(["-P", "-a", "-1", "-s", &size.to_string()]);
                client.args(PRODUCER.iter().flat_map(|setting| ["-X", setting]));
            }
            None => {
                client.args(["-C", "-o", "beginning", "-X", "queued.min.messages=1000000"]);
                client.args((0..PARTITIONS).flat_map(|p| ["-p".to_owned(), p.to_string()]));
            }
        }
        client.args(["-c", &count, "-b", &broker.address.to_string(), "-t", TOPIC, "-q"]);
        client.args(["-i", "100000"]);
        let before = broker.cpu_seconds()?;
        let said = command::output(&mut client)?;
        let spent = broker.cpu_seconds()? - before;
        let rate = rate(&said).ok_or_else(|| {
            failure(format!(
                "rdkafka_performance printed no rate in the phase `{}`: {said}",
                phase.label
            ))
        })?;
        let cpu_seconds_per_million = spent / messages as f64 * 1e6;
        Ok(Figure { phase: phase.label, messages, rate, cpu_seconds_per_million })
    }
}

/// The last `123456 msgs/s` of what it printed.
fn rate(said: &str) -> Option<u64> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let unit = words.iter().rposition(|word| *word == "msgs/s")?;
    words.get(unit.checked_sub(1)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_last_rate_counts() {
        let said = "% 1 messages: 5 msgs/s and 1 MB/s\n% 9 messages in 3ms: 317237 msgs/s and 31.72 MB/s, 0 failures\n";
        assert_eq!(super::rate(said), Some(317_237));
        assert_eq!(super::rate("% nothing"), None);
    }
}
