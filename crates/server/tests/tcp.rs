//! The server over real sockets, with this project's own client and tools on the other side.

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest};
use logbrook_broker::messages::ApiKey;
use logbrook_broker::wire::codec::{decode_response, encode_request};
use logbrook_broker::wire::{RequestFrame, Response, ResponseFrame};
use logbrook_client::Signal;
use logbrook_server::{Listen, Output, ServeConfig, Server, TerminalInput, run_process};
use logbrook_shell::tools::{ToolEnv, tool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;
use tokio::time::timeout;

/// Nothing here takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local! {
    /// Each test has its server, and so its lines, in a thread of its own.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the lines from INFO on of whoever is in the same thread.
struct Capture;

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) && record.target().starts_with("logbrook_server") {
            LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// A server on a free port, in the test's own thread.
struct Running {
    port: u16,
    metrics: u16,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(properties: &[(&str, &str)]) -> Running {
        let config = ServeConfig {
            listen: Listen::parse("127.0.0.1:0").expect("an address"),
            advertised: None,
            open: false,
            metrics: Some(Listen::parse("127.0.0.1:0").expect("an address")),
            data: None,
            properties: properties.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            seed: 1,
        };
        static CAPTURE: Once = Once::new();
        CAPTURE.call_once(|| {
            log::set_boxed_logger(Box::new(Capture)).expect("the only one");
            log::set_max_level(log::LevelFilter::Info);
        });
        let server = Server::bind(&config).await.expect("a free port");
        let port = server.local_addr().port();
        let metrics = server.metrics_addr().expect("asked for").port();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::task::spawn_local(server.run(async {
            let _ = stopped.await;
        }));
        Running { port, metrics, stop, ended }
    }

    /// What it said, but for the stopping.
    async fn stop(self) -> Vec<String> {
        self.stop.send(()).expect("it runs");
        timeout(PATIENCE, self.ended).await.expect("it stops").expect("no panic");
        let mut lines = LINES.take();
        lines.retain(|line| !line.starts_with("Stopping"));
        lines
    }

    async fn scrape(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("open");
        let mut bytes = Vec::new();
        // Closed with something unread it may be a reset.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("in time");
        String::from_utf8(bytes).expect("UTF-8")
    }

    /// Begins a tool; `{b}` in its line is the server's address.
    fn tool(&self, line: &str) -> Tool {
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let server = format!("127.0.0.1:{}", self.port);
        let argv = [argv, vec!["--bootstrap-server".to_owned(), server]].concat();
        let process = tool(&argv, &ToolEnv::default()).expect("a tool");
        let (terminal, input) = mpsc::channel(16);
        let screen = Arc::new(Mutex::new(Screen::default()));
        let mut output = Shared(Arc::clone(&screen));
        let code =
            tokio::task::spawn_local(async move { run_process(process, input, &mut output).await });
        Tool { terminal, screen, code }
    }

    async fn run(&self, line: &str, stdin: &[&str]) -> (String, i32) {
        let tool = self.tool(line);
        for line in stdin {
            tool.say(TerminalInput::Line((*line).to_owned())).await;
        }
        tool.say(TerminalInput::Closed).await;
        tool.end().await
    }

    async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens"))
    }
}

#[derive(Default)]
struct Screen {
    stdout: String,
    stderr: String,
}

struct Shared(Arc<Mutex<Screen>>);

impl Output for Shared {
    fn stdout(&mut self, text: &str) -> io::Result<()> {
        self.0.lock().expect("no panic").stdout.push_str(text);
        Ok(())
    }

    fn stderr(&mut self, text: &str) -> io::Result<()> {
        self.0.lock().expect("no panic").stderr.push_str(text);
        Ok(())
    }
}

struct Tool {
    terminal: mpsc::Sender<TerminalInput>,
    screen: Arc<Mutex<Screen>>,
    code: tokio::task::JoinHandle<i32>,
}

impl Tool {
    async fn say(&self, input: TerminalInput) {
        // One that has ended reads nothing.
        let _ = self.terminal.send(input).await;
    }

    async fn shows(&self, text: &str) {
        let seen = async {
            while !self.screen.lock().expect("no panic").stdout.contains(text) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("`{text}` is not shown"));
    }

    async fn end(self) -> (String, i32) {
        let code = timeout(PATIENCE, self.code).await.expect("it ends").expect("no panic");
        let screen = self.screen.lock().expect("no panic");
        (screen.stdout.clone(), code)
    }
}

/// A connection as a client library has it.
struct Raw(TcpStream);

impl Raw {
    async fn write(&mut self, frame: &[u8]) {
        let size = i32::try_from(frame.len()).expect("short").to_be_bytes();
        self.0.write_all(&[&size[..], frame].concat()).await.expect("open");
    }

    async fn read(&mut self, api: ApiKey, version: i16) -> ResponseFrame {
        let read = async {
            let size = self.0.read_i32().await.expect("a response");
            let mut frame = vec![0; usize::try_from(size).expect("a size")];
            self.0.read_exact(&mut frame).await.expect("the whole response");
            Bytes::from(frame)
        };
        let frame = timeout(PATIENCE, read).await.expect("a response in time");
        decode_response(api, version, frame).expect("well formed")
    }

    /// Whether the server closes, without a byte more.
    async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        timeout(PATIENCE, read).await.is_ok_and(|read| read.is_err() || rest.is_empty())
    }
}

fn request(
    correlation_id: i32,
    api_version: i16,
    body: impl Into<logbrook_broker::wire::Request>,
) -> Bytes {
    let client_id = Some("test".to_owned());
    encode_request(&RequestFrame { api_version, correlation_id, client_id, body: body.into() })
        .expect("encodes")
}

fn story(story: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, story);
}

#[test]
fn a_topic_is_made_written_read_in_a_group_and_described() {
    story(async {
        let server = Running::start(&[]).await;
        let made = server.run("kafka-topics.sh --create --topic orders --partitions 3", &[]).await;
        assert_eq!(made, ("Created topic orders.\n".to_owned(), 0));
        let twice = server.run("kafka-topics.sh --create --topic orders", &[]).await;
        assert!(twice.0.contains("Topic 'orders' already exists."), "{}", twice.0);
        assert_eq!(twice.1, 1);

        let produce = "kafka-console-producer.sh --topic orders --reader-property parse.key=true --reader-property key.separator=:";
        assert_eq!(server.run(produce, &["k1:tea", "k2:coffee", "k1:cake"]).await.1, 0);
        let consume = "kafka-console-consumer.sh --topic orders --from-beginning --max-messages 3 --group kitchen";
        let (shown, code) = server.run(consume, &[]).await;
        let mut shown: Vec<_> = shown.lines().collect();
        shown.sort_unstable();
        assert_eq!((shown.as_slice(), code), (&["cake", "coffee", "tea"][..], 0));

        let (ends, _) = server.run("kafka-get-offsets.sh --topic orders", &[]).await;
        let total: i64 =
            ends.lines().filter_map(|l| l.rsplit(':').next()?.parse::<i64>().ok()).sum();
        assert_eq!(total, 3, "{ends}");
        let (groups, _) =
            server.run("kafka-consumer-groups.sh --describe --group kitchen", &[]).await;
        let lag = |row: &str| row.split_whitespace().nth(5).and_then(|lag| lag.parse().ok());
        let lags: Vec<i64> = groups.lines().filter_map(lag).collect();
        assert_eq!(lags, [0, 0, 0], "{groups}");
        assert!(server.stop().await.is_empty());
    });
}

#[test]
fn a_waiting_consumer_shows_a_record_as_it_is_written_and_leaves_its_group_on_ctrl_c() {
    story(async {
        let server = Running::start(&[]).await;
        server.run("kafka-topics.sh --create --topic orders", &[]).await;
        let consumer = server
            .tool("kafka-console-consumer.sh --topic orders --group kitchen --from-beginning");
        let producer = server.tool("kafka-console-producer.sh --topic orders");
        for line in ["tea", "coffee"] {
            producer.say(TerminalInput::Line(line.to_owned())).await;
            consumer.shows(&format!("{line}\n")).await;
        }
        consumer.say(TerminalInput::Signal(Signal::Int)).await;
        consumer.end().await;
        producer.say(TerminalInput::Closed).await;
        assert_eq!(producer.end().await.1, 0);
        // Left, not timed out: a session takes 45 s to expire.
        let (state, _) =
            server.run("kafka-consumer-groups.sh --describe --group kitchen --state", &[]).await;
        assert!(state.contains("Empty"), "{state}");
        server.stop().await;
    });
}

#[test]
fn responses_come_in_the_order_of_the_requests() {
    story(async {
        let server = Running::start(&[]).await;
        let mut raw = server.connect().await;
        for id in 0..20 {
            raw.write(&request(id, 12, MetadataRequest::default())).await;
        }
        for id in 0..20 {
            assert_eq!(raw.read(ApiKey::Metadata, 12).await.correlation_id, id);
        }
        server.stop().await;
    });
}

#[test]
fn a_newer_client_is_told_the_versions_in_version_0() {
    story(async {
        let server = Running::start(&[]).await;
        let mut raw = server.connect().await;
        // ApiVersions 99, correlation id 5, and a header that nobody here can know.
        raw.write(b"\0\x12\0\x63\0\0\0\x05\xff\xff\x01\x02\x03").await;
        let answer = raw.read(ApiKey::ApiVersions, 0).await;
        assert_eq!(answer.correlation_id, 5);
        let Response::ApiVersions(body) = answer.body else { panic!("another response") };
        assert_eq!(body.error_code, 35, "UNSUPPORTED_VERSION");
        assert!(body.api_keys.iter().any(|api| api.api_key == 18));
        // The connection is as good as new.
        raw.write(&request(6, 3, ApiVersionsRequest::default())).await;
        assert_eq!(raw.read(ApiKey::ApiVersions, 3).await.correlation_id, 6);
        server.stop().await;
    });
}

#[test]
fn a_frame_that_does_not_read_closes_its_connection_and_says_why() {
    story(async {
        let server = Running::start(&[("socket.request.max.bytes", "1000")]).await;
        let mut witness = server.connect().await;
        let hostile: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\n\r\n",                                   // not Kafka
            b"\xff\xff\xff\xff",                                         // a negative size
            b"\0\0\0\x02\0\x03",                                         // no header
            b"\0\0\0\x0a\x03\xe8\0\0\0\0\0\x01\xff\xff",                 // api key 1000
            b"\0\0\0\x0a\0\0\0\x63\0\0\0\x01\xff\xff",                   // Produce version 99
            b"\0\0\0\x0e\0\x03\0\x01\0\0\0\x07\xff\xff\x7f\xff\xff\xff", // two billion topics
        ];
        for bytes in hostile {
            let mut raw = server.connect().await;
            // A good request before it is answered first.
            raw.write(&request(1, 12, MetadataRequest::default())).await;
            raw.0.write_all(bytes).await.expect("open");
            raw.read(ApiKey::Metadata, 12).await;
            assert!(raw.is_closed().await, "{}", bytes.escape_ascii());
        }
        // The others go on.
        witness.write(&request(2, 12, MetadataRequest::default())).await;
        witness.read(ApiKey::Metadata, 12).await;
        let log: Vec<String> = server.stop().await;
        let said = |at: usize, text: &str| {
            assert!(log[at].contains(text), "{text}: {}", log[at]);
        };
        assert_eq!(log.len(), hostile.len(), "{log:#?}");
        said(0, "frame: size 1195725856, expected 0 to 1000 (socket.request.max.bytes)");
        said(1, "frame: size -1, expected 0 to 1000");
        said(2, "frame: 2 bytes, expected at least 8");
        said(3, "request header: api key 1000 is not served");
        said(4, "request header: Produce version 99, expected 3 to 13");
        said(
            5,
            "Metadata request version 1: topics: malformed at byte 14: found 2147483647 elements in 0 bytes",
        );
    });
}

#[test]
fn idle_connections_and_those_over_the_limit_of_an_address_are_closed() {
    story(async {
        let server =
            Running::start(&[("max.connections.per.ip", "1"), ("connections.max.idle.ms", "200")])
                .await;
        let mut first = server.connect().await;
        first.write(&request(1, 12, MetadataRequest::default())).await;
        first.read(ApiKey::Metadata, 12).await;
        let mut second = server.connect().await;
        assert!(second.is_closed().await, "one over the limit");
        assert!(first.is_closed().await, "idle");
        let log = server.stop().await;
        assert_eq!(
            log,
            [
                "Rejected connection from /127.0.0.1, address already has the configured maximum of 1 connections.",
                "Connection closed: no byte for 200 ms (connections.max.idle.ms)",
            ]
        );
    });
}

#[test]
fn with_max_connections_open_the_next_waits_until_one_closes() {
    story(async {
        let server = Running::start(&[("max.connections", "1")]).await;
        let mut first = server.connect().await;
        first.write(&request(1, 12, MetadataRequest::default())).await;
        first.read(ApiKey::Metadata, 12).await;
        let mut second = server.connect().await;
        second.write(&request(2, 12, MetadataRequest::default())).await;
        let early = timeout(Duration::from_millis(100), second.read(ApiKey::Metadata, 12)).await;
        assert!(early.is_err(), "not accepted yet");
        drop(first);
        let mut second = Raw(second.0);
        assert_eq!(second.read(ApiKey::Metadata, 12).await.correlation_id, 2);
        server.stop().await;
    });
}

#[test]
fn a_thousand_connections_at_once_are_served() {
    story(async {
        let _ = rlimit::increase_nofile_limit(rlimit::INFINITY);
        let server = Running::start(&[]).await;
        let mut open = Vec::new();
        for _ in 0..1000 {
            open.push(server.connect().await);
        }
        for raw in &mut open {
            raw.write(&request(7, 12, MetadataRequest::default())).await;
        }
        for raw in &mut open {
            assert_eq!(raw.read(ApiKey::Metadata, 12).await.correlation_id, 7);
        }
        let scrape = server.scrape("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let line = r#"socket_server_metrics_connection_count{listener="PLAINTEXT",networkProcessor="0"} 1000"#;
        assert!(scrape.contains(line), "{scrape}");
        drop(open);
        assert!(server.stop().await.is_empty());
    });
}

/// A fetch of everything in partition 0 of `orders`, by name.
fn fetch(correlation_id: i32) -> Bytes {
    use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
    let partition = FetchPartition::default()
        .with_current_leader_epoch(-1)
        .with_last_fetched_epoch(-1)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(kafka_protocol::messages::TopicName("orders".to_owned().into()))
        .with_partitions(vec![partition]);
    let fetch = kafka_protocol::messages::FetchRequest::default()
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    request(correlation_id, 12, fetch)
}

#[test]
fn a_client_that_does_not_read_holds_one_response_and_nobody_else_waits() {
    story(async {
        let server = Running::start(&[]).await;
        server.run("kafka-topics.sh --create --topic orders", &[]).await;
        let large = "x".repeat(500_000);
        let produce = "kafka-console-producer.sh --topic orders --sync --producer-property max.request.size=2000000";
        assert_eq!(server.run(produce, &[&large, &large]).await.1, 0);
        let mut slow = server.connect().await;
        for id in 0..200 {
            // What the server does not read fills the sockets, and then nothing is taken any more.
            let frame = fetch(id);
            let size = i32::try_from(frame.len()).expect("short").to_be_bytes();
            let bytes = [&size[..], &frame].concat();
            if timeout(Duration::from_millis(50), slow.0.write_all(&bytes)).await.is_err() {
                break;
            }
        }
        let mut other = server.connect().await;
        other.write(&request(1, 12, MetadataRequest::default())).await;
        other.read(ApiKey::Metadata, 12).await;
        let out = |scrape: &str| -> u64 {
            let name = r#"kafka_server_BrokerTopicMetrics_Count{name="BytesOutPerSec"} "#;
            let line = scrape.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|count| count.parse().ok()).expect("a count")
        };
        let made = out(&server.scrape("GET /metrics HTTP/1.0\r\n\r\n").await);
        // What lies in the sockets' buffers (a few MB), and one more: not 200 of a megabyte.
        assert!(made < 50 << 20, "{made}");
        // Once it reads, it has them all, in order.
        for id in 0..20 {
            let answer = slow.read(ApiKey::Fetch, 12).await;
            assert_eq!(answer.correlation_id, id);
            let Response::Fetch(body) = answer.body else { panic!("another response") };
            let records = body.responses[0].partitions[0].records.clone().expect("records");
            assert!(records.len() > 900_000, "{}", records.len());
        }
        server.stop().await;
    });
}

#[test]
fn a_client_that_dies_inside_a_request_is_forgotten() {
    story(async {
        let server = Running::start(&[]).await;
        for cut in [2, 4, 9, 20] {
            let frame = request(1, 12, MetadataRequest::default());
            let size = i32::try_from(frame.len()).expect("short").to_be_bytes();
            let mut raw = server.connect().await;
            let bytes = [&size[..], &frame].concat();
            raw.0.write_all(&bytes[..cut.min(bytes.len() - 1)]).await.expect("open");
        }
        let mut alive = server.connect().await;
        alive.write(&request(2, 12, MetadataRequest::default())).await;
        alive.read(ApiKey::Metadata, 12).await;
        let line = r#"connection_count{listener="PLAINTEXT",networkProcessor="0"} 1"#;
        let forgotten = async {
            while !server.scrape("GET /metrics HTTP/1.0\r\n\r\n").await.contains(line) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, forgotten).await.expect("all but one are gone");
        let log = server.stop().await;
        assert_eq!(log.len(), 4, "{log:#?}");
        assert!(log.iter().all(|line| line.contains("frame: closed after")), "{log:#?}");
    });
}

#[test]
fn metrics_are_at_their_path_and_nothing_else_is() {
    story(async {
        let server = Running::start(&[]).await;
        server.run("kafka-topics.sh --create --topic orders --partitions 2", &[]).await;
        server.run("kafka-console-producer.sh --topic orders", &["tea", "coffee"]).await;
        let scrape = server.scrape("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert!(scrape.starts_with("HTTP/1.1 200 OK\r\n"), "{scrape}");
        for line in [
            r#"kafka_server_BrokerTopicMetrics_Count{name="MessagesInPerSec",topic="orders"} 2"#,
            r#"kafka_server_ReplicaManager_Value{name="LeaderCount"} 2"#,
            r#"kafka_network_RequestMetrics_Count{name="RequestsPerSec",request="CreateTopics",version="7"} 1"#,
        ] {
            assert!(scrape.lines().any(|found| found == line), "{line}\n{scrape}");
        }
        let other = server.scrape("GET / HTTP/1.1\r\n\r\n").await;
        assert!(other.starts_with("HTTP/1.1 404 Not Found\r\n"), "{other}");
        let post = server.scrape("POST /metrics HTTP/1.1\r\n\r\n").await;
        assert!(post.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{post}");
        assert_eq!(server.scrape(&"x".repeat(10_000)).await, "", "no request");
        server.stop().await;
    });
}

#[test]
fn a_request_that_was_read_is_answered_before_the_server_stops() {
    story(async {
        let server = Running::start(&[]).await;
        let mut raw = server.connect().await;
        for id in 0..5 {
            raw.write(&request(id, 12, MetadataRequest::default())).await;
        }
        raw.read(ApiKey::Metadata, 12).await;
        let port = server.port;
        server.stop().await;
        for id in 1..5 {
            assert_eq!(raw.read(ApiKey::Metadata, 12).await.correlation_id, id);
        }
        assert!(raw.is_closed().await);
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    });
}

#[test]
fn a_stopped_server_closes_its_connections_and_its_port() {
    story(async {
        let server = Running::start(&[]).await;
        let port = server.port;
        let mut raw = server.connect().await;
        raw.write(&request(1, 12, MetadataRequest::default())).await;
        raw.read(ApiKey::Metadata, 12).await;
        server.stop().await;
        assert!(raw.is_closed().await);
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    });
}
