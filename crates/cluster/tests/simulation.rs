//! The machine under the programs: connections, stores, pauses, faults, forks.

use std::any::Any;

use logbrook_app::{StoreKind, StoreSpec};
use logbrook_broker::messages::ApiVersionsRequest;
use logbrook_broker::wire::RequestFrame;
use logbrook_client::process::{Input, Io, Process, Signal, StoreOp};
use logbrook_client::{Channel, Endpoint, NetEvent, Outgoing};
use logbrook_cluster::{Cluster, ClusterConfig, ClusterError, EventId, ProcessId, TraceKind};

/// Does what its standard input says and prints what happens to it, with the time in ms.
#[derive(Clone)]
struct Script {
    started_ms: i64,
    next_id: i32,
}

impl Script {
    fn spawn(cluster: &mut Cluster, name: &str) -> ProcessId {
        let script = Script { started_ms: 0, next_id: 0 };
        cluster.spawn(name, "/127.0.0.1", Box::new(script))
    }

    fn obey(&mut self, line: &str, io: &mut Io) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["send", host, port] => {
                self.next_id += 1;
                let body = ApiVersionsRequest::default().into();
                io.send(Outgoing {
                    to: Endpoint::new(*host, port.parse().unwrap()),
                    channel: Channel::node(-1),
                    frame: RequestFrame::latest(self.next_id, None, body),
                });
            }
            ["wake", ms] => io.wake_at(io.now + ms.parse::<i64>().unwrap()),
            ["put", store, value] => {
                let op = StoreOp::PutCursor { name: "c".into(), value: value.parse().unwrap() };
                io.store(store, 1, op);
            }
            ["exit", code] => io.exit(code.parse().unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

impl Process for Script {
    fn handle(&mut self, input: Input, io: &mut Io) {
        let what = match input {
            Input::Start => {
                self.started_ms = io.now;
                "start".to_owned()
            }
            Input::Stdin(line) => {
                self.obey(&line, io);
                return;
            }
            Input::Wake if io.now == i64::MAX => return,
            Input::Wake => "wake".to_owned(),
            Input::StdinClosed => "eof".to_owned(),
            Input::Signal(signal) => format!("{signal:?}"),
            Input::Store(reply) => format!("store {:?}", reply.result),
            Input::Net(NetEvent::Response { frame, .. }) => {
                format!("response {}", frame.correlation_id)
            }
            Input::Net(NetEvent::Disconnected { .. }) => "disconnected".to_owned(),
            Input::Net(NetEvent::ConnectFailed { to, .. }) => format!("refused {to}"),
        };
        io.stdout(&format!("{} {what}\n", io.now - self.started_ms));
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

const SECOND_US: i64 = 1_000_000;

fn cluster() -> Cluster {
    Cluster::new(ClusterConfig { latency_us: (1_000, 1_000), seed: 1, ..ClusterConfig::default() })
}

fn output(cluster: &Cluster, process: ProcessId) -> String {
    cluster.process(process).unwrap().stdout_text()
}

fn count(cluster: &Cluster, matches: impl Fn(&TraceKind) -> bool) -> usize {
    cluster.trace().iter().filter(|event| matches(&event.kind)).count()
}

#[test]
fn a_first_frame_opens_the_connection_in_one_round_trip_and_arrives_after_it() {
    let mut cluster = cluster();
    let process = Script::spawn(&mut cluster, "p");
    cluster.stdin(process, "send localhost 9092");
    cluster.stdin(process, "send broker-1 9092");
    cluster.run_for_us(SECOND_US);
    let times: Vec<_> = cluster
        .trace()
        .iter()
        .filter_map(|event| match &event.kind {
            TraceKind::Connected { .. } => Some(("connected", event.time_us)),
            TraceKind::RequestHandled { .. } => Some(("handled", event.time_us)),
            _ => None,
        })
        .collect();
    assert_eq!(
        times,
        [("connected", 2_000), ("connected", 2_000), ("handled", 3_000), ("handled", 3_000)]
    );
    assert_eq!(output(&cluster, process), "0 start\n4 response 1\n4 response 2\n");
}

#[test]
fn where_no_broker_answers_the_connection_is_refused() {
    let mut cluster = cluster();
    let process = Script::spawn(&mut cluster, "p");
    cluster.stdin(process, "send localhost 9094");
    cluster.run_for_us(SECOND_US);
    assert!(cluster.kill_node(1));
    assert!(!cluster.kill_node(1));
    cluster.stdin(process, "send localhost 9092");
    cluster.run_for_us(SECOND_US);
    assert_eq!(
        output(&cluster, process),
        "0 start\n2 refused localhost:9094\n1002 refused localhost:9092\n"
    );
    assert!(cluster.start_node(1));
    cluster.stdin(process, "send localhost 9092");
    cluster.run_for_us(SECOND_US);
    assert!(output(&cluster, process).ends_with("2004 response 3\n"));
}

#[test]
fn a_broker_that_stops_closes_its_connections() {
    let mut cluster = cluster();
    let process = Script::spawn(&mut cluster, "p");
    cluster.stdin(process, "send localhost 9092");
    cluster.run_for_us(SECOND_US);
    cluster.kill_node(1);
    cluster.run_for_us(SECOND_US);
    assert!(output(&cluster, process).ends_with("1001 disconnected\n"));
}

#[test]
fn the_broker_hears_that_a_process_has_ended() {
    for end in ["exit", "kill"] {
        let mut cluster = cluster();
        let process = Script::spawn(&mut cluster, "p");
        cluster.stdin(process, "send localhost 9092");
        cluster.run_for_us(SECOND_US);
        match end {
            "exit" => cluster.stdin(process, "exit 7"),
            _ => cluster.signal(process, Signal::Kill),
        }
        cluster.stdin(process, "wake 1");
        cluster.run_for_us(SECOND_US);
        let exit = cluster.process(process).unwrap().exit;
        assert_eq!(exit, Some(if end == "exit" { 7 } else { 137 }));
        assert_eq!(
            count(&cluster, |kind| matches!(kind, TraceKind::Disconnected { .. })),
            2,
            "both ends"
        );
        assert!(!output(&cluster, process).contains("Kill"), "a killed process hears nothing");
    }
}

#[test]
fn the_last_wake_asked_for_counts() {
    let mut cluster = cluster();
    let process = Script::spawn(&mut cluster, "p");
    cluster.stdin(process, "wake 50");
    cluster.stdin(process, "wake 20");
    cluster.run_for_us(SECOND_US);
    assert_eq!(output(&cluster, process), "0 start\n20 wake\n");
}

#[test]
fn a_paused_process_gets_everything_afterwards_in_order() {
    let mut cluster = cluster();
    let process = Script::spawn(&mut cluster, "p");
    cluster.run_for_us(SECOND_US);
    cluster.stdin(process, "send localhost 9092");
    cluster.run_for_us(500);
    cluster.pause(process, 2 * SECOND_US);
    cluster.close_stdin(process);
    cluster.signal(process, Signal::Int);
    cluster.run_for_us(4 * SECOND_US);
    // The frame waited for the connection, which the paused process could not see.
    assert_eq!(output(&cluster, process), "0 start\n3000 eof\n3000 Int\n3002 response 1\n");
}

#[test]
fn a_store_answers_after_its_latency_and_not_at_all_while_it_is_down() {
    let mut cluster = cluster();
    cluster.add_store(StoreSpec { latency_ms: 30, ..StoreSpec::new("db", StoreKind::Rows) });
    let process = Script::spawn(&mut cluster, "p");
    cluster.stdin(process, "put db 7");
    cluster.stdin(process, "put other 7");
    cluster.run_for_us(SECOND_US);
    assert!(cluster.set_store_down("db", true));
    assert!(!cluster.set_store_down("other", true));
    cluster.stdin(process, "put db 8");
    cluster.run_for_us(SECOND_US);
    assert_eq!(
        output(&cluster, process),
        "0 start\n2 store Err(UnknownStore)\n32 store Ok(Done)\n1032 store Err(Unavailable)\n"
    );
}

#[test]
fn every_event_leads_back_to_the_action_behind_it() {
    let mut cluster = cluster();
    let action = cluster.action("$ script");
    let process = Script::spawn(&mut cluster, "p");
    cluster.stdin(process, "send localhost 9092");
    cluster.run_for_us(SECOND_US);
    for event in cluster.trace().iter() {
        let chain = cluster.trace().chain(event.id);
        assert_eq!(chain.last(), Some(&action), "{event:?}");
    }
    let last = EventId(cluster.trace().len() as u64 - 1);
    assert_eq!(
        cluster
            .trace()
            .chain(last)
            .iter()
            .map(|id| format!("{:?}", cluster.trace().get(*id).unwrap().kind))
            .map(|kind| kind.split(' ').next().unwrap().to_owned())
            .collect::<Vec<_>>(),
        [
            "Stdout",
            "ResponseReceived",
            "ResponseSent",
            "RequestHandled",
            "RequestSent",
            "Stdin",
            "Action"
        ]
    );
}

#[test]
fn a_fork_goes_its_own_way_and_the_same_way_gives_the_same_hash() {
    let mut original = Cluster::new(ClusterConfig { seed: 9, ..ClusterConfig::default() });
    let process = Script::spawn(&mut original, "p");
    original.stdin(process, "send localhost 9092");
    original.run_for_us(700);
    let (mut same, mut other) = (original.clone(), original.clone());
    other.stdin(process, "wake 3");
    for cluster in [&mut original, &mut same, &mut other] {
        cluster.run_for_us(SECOND_US);
    }
    assert_eq!(original.trace().hash(), same.trace().hash());
    assert_ne!(original.trace().hash(), other.trace().hash());
    assert!(!output(&original, process).contains("wake"));
}

#[test]
fn another_process_does_not_shift_what_a_seed_draws_for_this_one() {
    let run = |with_another: bool| {
        let mut cluster = Cluster::new(ClusterConfig { seed: 4, ..ClusterConfig::default() });
        if with_another {
            let other = Script::spawn(&mut cluster, "other");
            cluster.stdin(other, "send localhost 9092");
        }
        let process = Script::spawn(&mut cluster, "p");
        cluster.stdin(process, "send localhost 9092");
        cluster.run_for_us(SECOND_US);
        let mine = |event: &&logbrook_cluster::TraceEvent| {
            event.actor == logbrook_cluster::Actor::Process(process)
        };
        cluster.trace().iter().filter(mine).map(|event| event.time_us).collect::<Vec<_>>()
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn a_run_that_cannot_end_stops_with_a_reason() {
    /// Asks to be woken at once, for ever.
    #[derive(Clone)]
    struct Restless;
    impl Process for Restless {
        fn handle(&mut self, _: Input, io: &mut Io) {
            io.wake_at(io.now);
        }
        fn clone_box(&self) -> Box<dyn Process> {
            Box::new(Restless)
        }
        fn as_any(&self) -> &dyn Any {
            self
        }
    }
    let mut cluster = cluster();
    cluster.spawn("restless", "/127.0.0.1", Box::new(Restless));
    cluster.run_for_us(SECOND_US);
    assert!(matches!(cluster.error(), Some(ClusterError::TimeStandsStill { time_us: 0, .. })));

    let mut cluster = Cluster::new(ClusterConfig { max_steps: 1_000, ..ClusterConfig::default() });
    cluster.spawn("restless", "/127.0.0.1", Box::new(Restless));
    cluster.run_for_us(SECOND_US);
    assert_eq!(
        cluster.error(),
        Some(&ClusterError::TooManyEvents { max_steps: 1_000, time_us: 0 })
    );
    assert!(!cluster.step());
}
