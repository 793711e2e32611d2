//! What going back in time costs: a cluster of three brokers with a topic of 50 partitions and a million
//! records in it is cloned, and a long run is sought through.

use std::time::Instant;

use logbrook_cluster::{Checkpoints, Cluster, ClusterConfig, EventId};
use logbrook_shell::tools::{ToolEnv, tool};

/// One figure.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

const ROUNDS: usize = 21;
/// Events of the run that is sought through.
const LONG_RUN: u64 = 100_000;
/// Virtual time after which a tool is lost, in µs.
const PATIENCE_US: i64 = 600_000_000;

/// All figures. `allocated`, where there is one, says how many bytes are allocated now.
pub(crate) fn measure(allocated: Option<fn() -> usize>) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    let mut cluster = filled(1_000_000)?;
    let forks = (0..ROUNDS).map(|_| {
        let before = allocated.map(|allocated| allocated());
        let began = Instant::now();
        let mut fork = cluster.fork();
        let us = began.elapsed().as_secs_f64() * 1e6;
        let bytes =
            allocated.zip(before).map(|(allocated, before)| allocated().saturating_sub(before));
        // What the original pays for having been cloned, and what both then hold.
        let began = Instant::now();
        for _ in 0..100 {
            cluster.step();
            fork.step();
        }
        let after_us = began.elapsed().as_secs_f64() * 1e6;
        let later =
            allocated.zip(before).map(|(allocated, before)| allocated().saturating_sub(before));
        (us, after_us, bytes, later)
    });
    let forks: Vec<_> = forks.collect();
    figures.push(Figure {
        name: "travel/clone 3 brokers 50 partitions 1 M records/time",
        unit: "us",
        value: median(forks.iter().map(|fork| fork.0)),
    });
    figures.push(Figure {
        name: "travel/100 steps of both after it/time",
        unit: "us",
        value: median(forks.iter().map(|fork| fork.1)),
    });
    if allocated.is_some() {
        figures.push(Figure {
            name: "travel/clone 3 brokers 50 partitions 1 M records/memory",
            unit: "bytes",
            value: median(forks.iter().filter_map(|fork| Some(fork.2? as f64))),
        });
        figures.push(Figure {
            name: "travel/100 steps of both after it/memory",
            unit: "bytes",
            value: median(forks.iter().filter_map(|fork| Some(fork.3? as f64))),
        });
    }
    drop(cluster);
    figures.extend(seek()?);
    Ok(figures)
}

/// Three brokers, and so many records of 100 bytes in 50 partitions.
pub(crate) fn filled(records: u32) -> Result<Cluster, String> {
    let mut cluster = cluster();
    run(
        &mut cluster,
        "kafka-topics.sh --create --topic filled --partitions 50 --replication-factor 3",
    )?;
    run(
        &mut cluster,
        &format!(
            "kafka-producer-perf-test.sh --topic filled --num-records {records} --record-size 100 --throughput -1"
        ),
    )?;
    Ok(cluster)
}

/// A run of 100,000 events, and the slowest of many ways back into it.
fn seek() -> Result<Vec<Figure>, String> {
    let mut cluster = cluster();
    run(
        &mut cluster,
        "kafka-topics.sh --create --topic long --partitions 6 --replication-factor 3",
    )?;
    let mut checkpoints = Checkpoints::new(&mut cluster);
    let consumer = start(&mut cluster, "kafka-console-consumer.sh --topic long --group readers")?;
    checkpoints.after_input(&mut cluster);
    let line = "kafka-producer-perf-test.sh --topic long --num-records 1000000 --record-size 100 --throughput 200";
    let producer = start(&mut cluster, line)?;
    checkpoints.after_input(&mut cluster);
    let began = Instant::now();
    let first = cluster.trace().len() as u64;
    let steps = cluster.steps();
    while (cluster.trace().len() as u64) < first + LONG_RUN {
        if !cluster.step() {
            return Err("the long run stands still".to_owned());
        }
        checkpoints.on_the_way(&mut cluster);
    }
    let seconds = began.elapsed().as_secs_f64();
    let steps = cluster.steps() - steps;
    if [consumer, producer].iter().any(|p| cluster.process(*p).is_none_or(|p| !p.is_running())) {
        return Err("a process of the long run has ended".to_owned());
    }
    let mut slowest: f64 = 0.0;
    let mut back = Vec::new();
    for index in 0..50 {
        // Spread over the run, and never at a checkpoint by design.
        let event = EventId(first + (index * 7_919 + 613) % LONG_RUN);
        let began = Instant::now();
        let then =
            checkpoints.at_event(&cluster, event).ok_or("an event of the run is not found")?;
        slowest = slowest.max(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        let before = checkpoints.step_back(&then).ok_or("no way back")?;
        back.push(began.elapsed().as_secs_f64() * 1e3);
        if before.trace().len() >= then.trace().len() {
            return Err("a step back went nowhere".to_owned());
        }
    }
    Ok(vec![
        Figure {
            name: "travel/run with checkpoints/trace events",
            unit: "events/s",
            value: LONG_RUN as f64 / seconds,
        },
        Figure {
            name: "travel/run with checkpoints/steps",
            unit: "steps/s",
            value: steps as f64 / seconds,
        },
        Figure { name: "travel/seek in 100,000 events/slowest", unit: "ms", value: slowest },
        Figure {
            name: "travel/step back/slowest",
            unit: "ms",
            value: back.into_iter().fold(0.0, f64::max),
        },
    ])
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::new(ClusterConfig {
        brokers: 3,
        seed: 1,
        start_us: 0,
        max_steps: u64::MAX,
        ..ClusterConfig::default()
    });
    cluster.run_for_us(10_000_000);
    cluster
}

fn start(cluster: &mut Cluster, line: &str) -> Result<logbrook_cluster::ProcessId, String> {
    let mut argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
    argv.extend(["--bootstrap-server".to_owned(), "localhost:9092".to_owned()]);
    let process = tool(&argv, &ToolEnv::default()).map_err(|why| why.to_string())?;
    Ok(cluster.spawn(&argv[0], "127.0.0.1", process))
}

fn run(cluster: &mut Cluster, line: &str) -> Result<(), String> {
    let process = start(cluster, line)?;
    let limit = cluster.now_us() + PATIENCE_US;
    while cluster.process(process).is_some_and(|p| p.is_running()) {
        if cluster.now_us() > limit || !cluster.step() {
            return Err(format!("`{line}` does not end"));
        }
    }
    match cluster.process(process) {
        Some(state) if state.exit == Some(0) => Ok(()),
        Some(state) => Err(format!("`{line}`: {}{}", state.stdout_text(), state.stderr_text())),
        None => Err(format!("`{line}` is gone")),
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
