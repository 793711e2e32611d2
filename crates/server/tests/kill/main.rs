//! `logbrook serve --data` is killed (SIGKILL) again and again under load: what it acknowledged is there exactly
//! once and in order, and committed offsets do not go back.
//!
//! `cargo xtask kill --times N` builds the binary and runs this; alone it needs `LOGBROOK_BIN`.

mod wire;

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use wire::{Connection, Lost};

const TOPIC: &str = "load";
const PARTITIONS: i32 = 3;
const GROUP: &str = "readers";

/// A small generator: which moments are tried is told by the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

struct Server {
    child: Child,
    port: u16,
    started_in: Duration,
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Server {
        let begun = Instant::now();
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            // Small segments: some are closed in every run.
            .args(["--config", "log.segment.bytes=1048576"])
            .args(["--config", "offsets.topic.num.partitions=4"])
            .args(["--config", "log.flush.offset.checkpoint.interval.ms=500"])
            .args(["--config", "replica.high.watermark.checkpoint.interval.ms=200"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.split([' ', ':']).nth(3).unwrap_or_default();
        let port = address.parse().unwrap_or_else(|_| panic!("no port in `{line}`"));
        Server { child, port, started_in: begun.elapsed() }
    }

    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is gone");
    }
}

/// What one partition's producer knows: batches of consecutive numbers, under idempotence.
#[derive(Default)]
struct Written {
    /// Numbers below this one were acknowledged.
    acknowledged: i64,
    /// Batches sent and not acknowledged, oldest first: first number and count.
    in_flight: Vec<(i64, i32)>,
}

/// What the consumer knows.
#[derive(Default)]
struct Read {
    /// Numbers below this one were read, in order.
    next: i64,
    /// Its commit was acknowledged.
    committed: i64,
}

#[derive(Default)]
struct World {
    producer_id: i64,
    written: Mutex<BTreeMap<i32, Written>>,
    read: Mutex<BTreeMap<i32, Read>>,
    topics: Mutex<Vec<String>>,
}

/// Up to five batches are under way; after a lost connection they are sent again as they were.
fn produce(
    world: &World,
    port: u16,
    partition: i32,
    seed: u64,
    stop: &AtomicBool,
) -> Result<(), Lost> {
    const MAX_IN_FLIGHT: usize = 5;
    let mut random = Random(seed);
    let mut connection = Connection::open(port)?;
    let take = |world: &World| {
        world.written.lock().expect("no panic").entry(partition).or_default().in_flight.clone()
    };
    for (first, count) in take(world) {
        connection.send_produce(TOPIC, partition, world.producer_id, first, count)?;
    }
    loop {
        let stopped = stop.load(Ordering::Relaxed);
        let under_way = take(world);
        if under_way.len() < MAX_IN_FLIGHT && !stopped {
            let count = 1 + i32::try_from(random.below(30)).expect("small");
            let first = {
                let mut written = world.written.lock().expect("no panic");
                let written = written.entry(partition).or_default();
                let last = written.in_flight.last().map(|(first, count)| first + i64::from(*count));
                let first = last.unwrap_or(written.acknowledged);
                written.in_flight.push((first, count));
                first
            };
            connection.send_produce(TOPIC, partition, world.producer_id, first, count)?;
            if random.below(3) > 0 {
                continue;
            }
        }
        if under_way.is_empty() && stopped {
            return Ok(());
        }
        connection.receive_produce()?;
        let mut written = world.written.lock().expect("no panic");
        let written = written.entry(partition).or_default();
        let (first, count) = written.in_flight.remove(0);
        written.acknowledged = first + i64::from(count);
    }
}

/// Reads on and commits; a number out of order is the end of the test.
fn consume(world: &World, port: u16, until: impl Fn(&World) -> bool) -> Result<(), Lost> {
    let mut connection = Connection::open(port)?;
    while !until(world) {
        for partition in 0..PARTITIONS {
            let from = world.read.lock().expect("no panic").entry(partition).or_default().next;
            let numbers = connection.fetch(TOPIC, partition, from)?;
            let mut next = from;
            for (offset, number) in numbers {
                assert_eq!(
                    (offset, number),
                    (next, next),
                    "partition {partition}: lost, twice or out of order"
                );
                next += 1;
            }
            world.read.lock().expect("no panic").entry(partition).or_default().next = next;
            connection.commit(GROUP, TOPIC, partition, next)?;
            world.read.lock().expect("no panic").entry(partition).or_default().committed = next;
        }
    }
    Ok(())
}

/// After a restart: nothing acknowledged is missing, and offsets are where they were or further.
fn check(world: &World, port: u16) {
    let mut connection = Connection::open(port).expect("it listens");
    for partition in 0..PARTITIONS {
        let acknowledged =
            world.written.lock().expect("no panic").entry(partition).or_default().acknowledged;
        let end = connection.end_offset(TOPIC, partition).expect("it answers");
        assert!(
            end >= acknowledged,
            "partition {partition} ends at {end}, {acknowledged} were acknowledged"
        );
        let committed =
            world.read.lock().expect("no panic").entry(partition).or_default().committed;
        let found = connection.committed(GROUP, TOPIC, partition).expect("it answers");
        assert!(found >= committed, "partition {partition}: committed {committed}, found {found}");
    }
    let topics = connection.topics().expect("it answers");
    for topic in world.topics.lock().expect("no panic").iter() {
        assert!(topics.contains(topic), "{topic} was created, found {topics:?}");
    }
}

#[test]
#[ignore = "minutes long, and it needs the binary: cargo xtask kill"]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let binary = PathBuf::from(env::var_os("LOGBROOK_BIN").expect("LOGBROOK_BIN names the binary"));
    let number = |name: &str, default: u64| {
        env::var(name).ok().map_or(default, |value| value.parse().expect("a number"))
    };
    let times = number("LOGBROOK_KILL_TIMES", 20);
    let seed = number("LOGBROOK_KILL_SEED", 1);
    let data = env::temp_dir().join(format!("logbrook-kill-{}", std::process::id()));
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);

    let mut world = World::default();
    let mut slowest = Duration::ZERO;
    let mut server = Server::start(&binary, &data);
    {
        let mut connection = Connection::open(server.port).expect("it listens");
        connection.create_topic(TOPIC, PARTITIONS).expect("created");
        world.producer_id = connection.init_producer_id().expect("an id");
        world.topics.lock().expect("no panic").push(TOPIC.to_owned());
    }
    for round in 0..times {
        let port = server.port;
        let stop = AtomicBool::new(false);
        let (world, stop) = (&world, &stop);
        let seeds: Vec<u64> = (0..PARTITIONS).map(|_| random.below(u64::MAX - 1) + 1).collect();
        let alive = Duration::from_micros(2_000 + random.below(250_000));
        thread::scope(|scope| {
            for (partition, seed) in (0..PARTITIONS).zip(seeds) {
                scope.spawn(move || produce(world, port, partition, seed, stop));
            }
            scope.spawn(move || consume(world, port, |_| stop.load(Ordering::Relaxed)));
            scope.spawn(move || {
                let name = format!("made-{round}");
                let created = Connection::open(port).and_then(|mut c| c.create_topic(&name, 1));
                if created.is_ok() {
                    world.topics.lock().expect("no panic").push(name);
                }
            });
            thread::sleep(alive);
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        server = Server::start(&binary, &data);
        slowest = slowest.max(server.started_in);
        check(world, server.port);
    }
    // Everything under way is sent again, and all of it read.
    let stop = AtomicBool::new(true);
    for partition in 0..PARTITIONS {
        produce(&world, server.port, partition, 1, &stop).expect("it serves");
    }
    let (read, written) = (&world.read, &world.written);
    consume(&world, server.port, |_| {
        let written = written.lock().expect("no panic");
        let read = read.lock().expect("no panic");
        written
            .iter()
            .all(|(p, written)| read.get(p).is_some_and(|r| r.next >= written.acknowledged))
    })
    .expect("it serves");
    check(&world, server.port);
    let records: i64 = written.lock().expect("no panic").values().map(|w| w.acknowledged).sum();
    server.kill();
    std::fs::remove_dir_all(&data).expect("removed");
    println!(
        "killed {times} times (seed {seed}): {records} records acknowledged, each there once and in order; \
         committed offsets kept; slowest start {} ms",
        slowest.as_millis()
    );
}
