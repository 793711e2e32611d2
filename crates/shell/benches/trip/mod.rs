//! A line typed into a console producer until a console consumer shows it: tool, client, wire, broker,
//! log and back, as the page runs them. The figure is the median of the rounds, in real time.

use std::time::Instant;

use logbrook_cluster::{Cluster, ClusterConfig, ProcessId};
use logbrook_shell::tools::{ToolEnv, tool};

/// The figure's name.
pub(crate) const NAME: &str = "cluster/round trip/time";
/// Trips in one figure.
const TRIPS: u32 = 200;
const ROUNDS: usize = 9;
/// Virtual time after which a trip is lost, in µs.
const PATIENCE_US: i64 = 30_000_000;

/// Microseconds of one trip.
pub(crate) fn measure() -> Result<f64, String> {
    let mut trip = Trip::new()?;
    let mut figures = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        (0..TRIPS).try_for_each(|_| trip.once())?;
        figures.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(TRIPS));
    }
    figures.sort_by(f64::total_cmp);
    Ok(figures[ROUNDS / 2])
}

/// A cluster of one with a console producer and a console consumer running in it.
struct Trip {
    cluster: Cluster,
    producer: ProcessId,
    consumer: ProcessId,
    made: usize,
}

impl Trip {
    fn new() -> Result<Trip, String> {
        // As a single broker's server.properties has them.
        let properties =
            [("offsets.topic.replication.factor", "1"), ("group.initial.rebalance.delay.ms", "0")];
        let mut cluster = Cluster::new(ClusterConfig {
            broker_properties: properties.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            seed: 1,
            max_steps: u64::MAX,
            ..ClusterConfig::default()
        });
        let topics = start(&mut cluster, "kafka-topics.sh --create --topic trips --partitions 1")?;
        until(&mut cluster, "the topic is created", |cluster| {
            cluster.process(topics).is_some_and(|p| !p.is_running())
        })?;
        let consumer =
            start(&mut cluster, "kafka-console-consumer.sh --topic trips --from-beginning")?;
        let producer = start(&mut cluster, "kafka-console-producer.sh --topic trips")?;
        let mut trip = Trip { cluster, producer, consumer, made: 0 };
        // The first has the metadata, the producer id and the group to get.
        trip.once()?;
        Ok(trip)
    }

    fn once(&mut self) -> Result<(), String> {
        self.made += 1;
        let line = format!("trip {}", self.made);
        self.cluster.stdin(self.producer, &line);
        let consumer = self.consumer;
        until(&mut self.cluster, &format!("`{line}` is shown"), |cluster| {
            let last = cluster.process(consumer).and_then(|p| p.stdout.last());
            last.is_some_and(|chunk| chunk.text.trim_end().ends_with(&line))
        })
    }
}

fn start(cluster: &mut Cluster, line: &str) -> Result<ProcessId, String> {
    let mut argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
    argv.extend(["--bootstrap-server".to_owned(), "localhost:9092".to_owned()]);
    let process = tool(&argv, &ToolEnv::default()).map_err(|why| why.to_string())?;
    Ok(cluster.spawn(&argv[0], "127.0.0.1", process))
}

/// Steps until `done`; an error when virtual time runs away first.
fn until(cluster: &mut Cluster, what: &str, done: impl Fn(&Cluster) -> bool) -> Result<(), String> {
    let limit = cluster.now_us() + PATIENCE_US;
    while !done(cluster) {
        if cluster.now_us() > limit || !cluster.step() {
            return Err(format!(
                "{what}: not within {} s of virtual time",
                PATIENCE_US / 1_000_000
            ));
        }
    }
    Ok(())
}
