//! A real broker, clients, and a network of 1 ms between them, in virtual time.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its part")]

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_broker::messages::CreateTopicsRequest;
use logbrook_broker::messages::create_topics_request::CreatableTopic;
use logbrook_broker::wire::{Request, RequestFrame, Response, ResponseFrame};
use logbrook_broker::{Broker, BrokerConfig, ClientInfo, ConnectionId};
use logbrook_client::admin::AdminOutput;
use logbrook_client::consumer::{CommitId, Subscription};
use logbrook_client::{
    Admin, AdminConfig, CallId, Channel, Consumer, ConsumerConfig, ConsumerOutput, ConsumerRecord,
    Endpoint, KafkaError, LogLine, NetEvent, Outgoing, Producer, ProducerConfig, ProducerOutput,
    ProducerRecord, RecordMetadata, SendId, Target, TopicPartition, TransactionCall,
};

pub const EPOCH_MS: i64 = 1_700_000_000_000;
const LATENCY_MS: i64 = 1;

/// What happens to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    /// The request is handled, the connection breaks before the response arrives.
    ResponseLost,
    /// The connection breaks before the request arrives.
    RequestLost,
    /// Arrives so many ms later.
    Late(i64),
}

pub enum Item {
    ToBroker(usize, Channel, RequestFrame, bool),
    ToClient(usize, NetEvent),
}

#[allow(clippy::large_enum_variant, reason = "a handful of them")]
pub enum Client {
    Producer(Producer),
    Consumer(Consumer),
    Admin(Admin),
}

/// What a client reported, in order.
#[derive(Default, Debug)]
pub struct Seen {
    pub completed: Vec<(SendId, Result<RecordMetadata, KafkaError>)>,
    pub records: Vec<ConsumerRecord>,
    /// `assigned [t-0]`, `revoked [t-0]`, …
    pub rebalances: Vec<String>,
    pub commits: Vec<(Option<CommitId>, Result<(), KafkaError>)>,
    pub errors: Vec<KafkaError>,
    pub logs: Vec<LogLine>,
    pub answers: SortedMap<CallId, Result<Response, KafkaError>>,
    pub transactions: Vec<(TransactionCall, Result<(), KafkaError>)>,
    pub closed: bool,
}

type Weather = Box<dyn FnMut(&RequestFrame) -> Fate>;

pub struct World {
    pub broker: Broker,
    pub now: i64,
    pub clients: Vec<Option<Client>>,
    pub seen: Vec<Seen>,
    queue: SortedMap<(i64, u64), Item>,
    sequence: u64,
    connections: SortedMap<(usize, Channel), ConnectionId>,
    next_connection: u64,
    lost: SortedMap<(ConnectionId, i32), ()>,
    /// Connections that broke, of which the client has not heard yet: what it sends is lost.
    broken: SortedSet<(usize, Channel)>,
    /// A connection keeps the order of its frames, late or not.
    last_arrival: SortedMap<(usize, Channel), i64>,
    pub weather: Weather,
    /// No broker listens.
    pub broker_down: bool,
    /// Consumers that commit synchronously in their revoked callback.
    pub commits_on_revoke: Vec<usize>,
    /// Consumers that do not call `fetch_records` by themselves.
    pub busy: Vec<usize>,
}

fn properties(pairs: &[(&str, &str)]) -> SortedMap<String, String> {
    let mut all: SortedMap<String, String> =
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    all.entry("bootstrap.servers".to_owned()).or_insert_with(|| "localhost:9092".to_owned());
    all
}

impl World {
    pub fn new() -> Self {
        Self::with_broker_properties(&[])
    }

    pub fn with_broker_properties(pairs: &[(&str, &str)]) -> Self {
        let mut config = BrokerConfig::default();
        // As the levels scale them for one broker.
        config.properties.insert("offsets.topic.replication.factor".to_owned(), "1".to_owned());
        config.properties.insert("group.initial.rebalance.delay.ms".to_owned(), "0".to_owned());
        for (name, value) in pairs {
            config.properties.insert((*name).to_owned(), (*value).to_owned());
        }
        Self {
            broker: Broker::new(config, 7, EPOCH_MS),
            now: EPOCH_MS,
            clients: Vec::new(),
            seen: Vec::new(),
            queue: SortedMap::new(),
            sequence: 0,
            connections: SortedMap::new(),
            next_connection: 0,
            lost: SortedMap::new(),
            broken: SortedSet::new(),
            last_arrival: SortedMap::new(),
            weather: Box::new(|_| Fate::Delivered),
            broker_down: false,
            commits_on_revoke: Vec::new(),
            busy: Vec::new(),
        }
    }

    fn add(&mut self, client: Client) -> usize {
        self.clients.push(Some(client));
        self.seen.push(Seen::default());
        self.clients.len() - 1
    }

    pub fn producer(&mut self, pairs: &[(&str, &str)]) -> usize {
        let config = ProducerConfig::from_properties(&properties(pairs)).expect("valid");
        let seed = self.clients.len() as u64;
        self.add(Client::Producer(Producer::new(config, seed)))
    }

    pub fn admin(&mut self) -> usize {
        let config = AdminConfig::from_properties(&properties(&[])).expect("valid");
        self.add(Client::Admin(Admin::new(config, 5)))
    }

    pub fn consumer(&mut self, pairs: &[(&str, &str)]) -> usize {
        let config = ConsumerConfig::from_properties(&properties(pairs)).expect("valid");
        let seed = self.clients.len() as u64;
        self.add(Client::Consumer(Consumer::new(config, seed)))
    }

    pub fn subscribed(&mut self, topic: &str, pairs: &[(&str, &str)]) -> usize {
        let consumer = self.consumer(pairs);
        let now = self.now;
        let topics = Subscription::Topics(vec![topic.to_owned()]);
        self.c(consumer).subscribe(now, topics).expect("subscribes");
        self.read(consumer);
        consumer
    }

    pub fn assigned(&mut self, partitions: &[TopicPartition], pairs: &[(&str, &str)]) -> usize {
        let consumer = self.consumer(pairs);
        let now = self.now;
        self.c(consumer).assign(now, partitions).expect("assigns");
        self.read(consumer);
        consumer
    }

    pub fn p(&mut self, id: usize) -> &mut Producer {
        match self.clients[id].as_mut() {
            Some(Client::Producer(producer)) => producer,
            _ => panic!("client {id} is no producer"),
        }
    }

    pub fn c(&mut self, id: usize) -> &mut Consumer {
        match self.clients[id].as_mut() {
            Some(Client::Consumer(consumer)) => consumer,
            _ => panic!("client {id} is no consumer"),
        }
    }

    pub fn a(&mut self, id: usize) -> &mut Admin {
        match self.clients[id].as_mut() {
            Some(Client::Admin(admin)) => admin,
            _ => panic!("client {id} is no admin"),
        }
    }

    pub fn create_topic(&mut self, name: &str, partitions: i32) {
        let admin = self.admin();
        let topic = CreatableTopic::default()
            .with_name(kafka_protocol::messages::TopicName(
                kafka_protocol::protocol::StrBytes::from_string(name.to_owned()),
            ))
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request =
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
        let now = self.now;
        let id = self.a(admin).call(now, Request::CreateTopics(request), Target::Controller);
        self.run_until(|world| world.seen[admin].answers.contains_key(&id));
        let Some(Ok(Response::CreateTopics(response))) = self.seen[admin].answers.get(&id) else {
            panic!("{:?}", self.seen[admin].answers);
        };
        assert_eq!(response.topics[0].error_code, 0, "{response:?}");
        self.clients[admin] = None;
    }

    pub fn send(&mut self, producer: usize, topic: &str, key: Option<&str>, value: &str) -> SendId {
        let now = self.now;
        self.p(producer).send(
            now,
            ProducerRecord {
                topic: topic.to_owned(),
                key: key.map(|key| key.as_bytes().to_vec().into()),
                value: Some(value.as_bytes().to_vec().into()),
                ..Default::default()
            },
        )
    }

    /// The application calls `fetch_records` until there is nothing.
    pub fn read(&mut self, consumer: usize) {
        loop {
            let now = self.now;
            let records = self.c(consumer).fetch_records(now, usize::MAX);
            if records.is_empty() {
                return;
            }
            self.seen[consumer].records.extend(records);
        }
    }

    fn push(&mut self, at: i64, item: Item) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), item);
    }

    fn transmit(&mut self, client: usize, outgoing: Outgoing) {
        let at = self.now + LATENCY_MS;
        let channel = outgoing.channel;
        if self.broker_down {
            let to = outgoing.to;
            self.push(at, Item::ToClient(client, NetEvent::ConnectFailed { to, channel }));
            return;
        }
        if self.broken.contains(&(client, channel)) {
            return;
        }
        let fate = (self.weather)(&outgoing.frame);
        let last = self.last_arrival.entry((client, channel)).or_insert(at);
        let at = at.max(*last);
        *last = match fate {
            Fate::Late(ms) => at + ms,
            Fate::Delivered | Fate::ResponseLost | Fate::RequestLost => at,
        };
        match fate {
            Fate::Delivered => {
                self.push(at, Item::ToBroker(client, channel, outgoing.frame, false));
            }
            Fate::Late(ms) => {
                self.push(at + ms, Item::ToBroker(client, channel, outgoing.frame, false));
            }
            Fate::ResponseLost => {
                self.push(at, Item::ToBroker(client, channel, outgoing.frame, true));
            }
            Fate::RequestLost => self.cut(client, channel),
        }
    }

    /// The connection breaks; the client hears of it.
    fn cut(&mut self, client: usize, channel: Channel) {
        self.close_connection(client, channel);
        self.broken.insert((client, channel));
        let from = Endpoint::new("localhost", 9092);
        let at = self.now + LATENCY_MS;
        self.push(at, Item::ToClient(client, NetEvent::Disconnected { from, channel }));
    }

    /// What is under way on the connection is lost with it.
    fn close_connection(&mut self, client: usize, channel: Channel) {
        if let Some(connection) = self.connections.remove(&(client, channel)) {
            let effects = self.broker.disconnect(self.now, connection);
            self.answer(effects.responses);
        }
        self.queue.retain(|_, item| match item {
            Item::ToBroker(c, ch, _, _) => (*c, *ch) != (client, channel),
            Item::ToClient(c, event) => (*c, event.channel()) != (client, channel),
        });
    }

    fn answer(&mut self, responses: Vec<(ConnectionId, ResponseFrame)>) {
        for (connection, frame) in responses {
            let Some(((client, channel), _)) =
                self.connections.iter().find(|(_, id)| **id == connection)
            else {
                continue;
            };
            let (client, channel) = (*client, *channel);
            if self.lost.remove(&(connection, frame.correlation_id)).is_some() {
                self.cut(client, channel);
                continue;
            }
            let from = Endpoint::new("localhost", 9092);
            let at = self.now + LATENCY_MS;
            self.push(at, Item::ToClient(client, NetEvent::Response { from, channel, frame }));
        }
    }

    fn deliver(&mut self, item: Item) {
        if std::env::var_os("TRACE_FRAMES").is_some() {
            match &item {
                Item::ToBroker(client, channel, frame, _) => {
                    eprintln!("{} {client} {} -> {:?}", self.now, channel.node, frame.body);
                }
                Item::ToClient(client, event) => eprintln!("{} {client} <- {event:?}", self.now),
            }
        }
        match item {
            Item::ToBroker(client, channel, frame, lose_response) => {
                let next = &mut self.next_connection;
                let connection = *self.connections.entry((client, channel)).or_insert_with(|| {
                    *next += 1;
                    ConnectionId(*next)
                });
                if lose_response {
                    self.lost.insert((connection, frame.correlation_id), ());
                }
                let info = ClientInfo { connection, host: "/127.0.0.1".to_owned() };
                let effects = self.broker.handle(self.now, &info, frame);
                self.answer(effects.responses);
            }
            Item::ToClient(client, event) => {
                let now = self.now;
                if matches!(event, NetEvent::Disconnected { .. }) {
                    self.broken.remove(&(client, event.channel()));
                }
                match self.clients[client].as_mut() {
                    Some(Client::Producer(producer)) => producer.handle(now, event),
                    Some(Client::Consumer(consumer)) => consumer.handle(now, event),
                    Some(Client::Admin(admin)) => admin.handle(now, event),
                    None => {}
                }
            }
        }
    }

    /// Ends a client without a word.
    pub fn kill(&mut self, client: usize) {
        self.clients[client] = None;
        let channels: Vec<Channel> =
            self.connections.keys().filter(|(c, _)| *c == client).map(|(_, ch)| *ch).collect();
        for channel in channels {
            self.cut(client, channel);
        }
    }

    /// Polls every client until nothing more comes.
    pub fn poll_clients(&mut self) {
        for id in 0..self.clients.len() {
            for round in 0.. {
                assert!(round < 1000, "client {id} never comes to rest");
                if !self.poll_client(id) {
                    break;
                }
            }
        }
    }

    fn poll_client(&mut self, id: usize) -> bool {
        let now = self.now;
        match self.clients[id].as_mut() {
            None => false,
            Some(Client::Producer(producer)) => {
                let outputs = producer.poll(now);
                let any = !outputs.is_empty();
                for output in outputs {
                    match output {
                        ProducerOutput::Request(outgoing) => self.transmit(id, outgoing),
                        ProducerOutput::Disconnect { channel, .. } => {
                            self.close_connection(id, channel)
                        }
                        ProducerOutput::Completed { id: send, result } => {
                            self.seen[id].completed.push((send, result));
                        }
                        ProducerOutput::Log(line) => self.seen[id].logs.push(line),
                        ProducerOutput::TransactionCompleted { call, result } => {
                            self.seen[id].transactions.push((call, result));
                        }
                        ProducerOutput::Closed => self.seen[id].closed = true,
                    }
                }
                any
            }
            Some(Client::Admin(admin)) => {
                let outputs = admin.poll(now);
                let any = !outputs.is_empty();
                for output in outputs {
                    match output {
                        AdminOutput::Request(outgoing) => self.transmit(id, outgoing),
                        AdminOutput::Disconnect { channel, .. } => {
                            self.close_connection(id, channel)
                        }
                        AdminOutput::Completed { id: call, result } => {
                            self.seen[id].answers.insert(call, *result);
                        }
                        AdminOutput::Log(line) => self.seen[id].logs.push(line),
                    }
                }
                any
            }
            Some(Client::Consumer(consumer)) => {
                let outputs = consumer.poll(now);
                let any = !outputs.is_empty();
                for output in outputs {
                    let seen = &mut self.seen[id];
                    match output {
                        ConsumerOutput::Request(outgoing) => self.transmit(id, outgoing),
                        ConsumerOutput::Disconnect { channel, .. } => {
                            self.close_connection(id, channel)
                        }
                        ConsumerOutput::RecordsReady => {
                            if !self.busy.contains(&id) {
                                self.read(id);
                            }
                        }
                        ConsumerOutput::Assigned(p) => seen.rebalances.push(event("assigned", &p)),
                        ConsumerOutput::Revoked(p) => {
                            seen.rebalances.push(event("revoked", &p));
                            if self.commits_on_revoke.contains(&id) {
                                self.c(id).commit(now, true, None);
                            }
                        }
                        ConsumerOutput::Lost(p) => seen.rebalances.push(event("lost", &p)),
                        ConsumerOutput::Committed { id: commit, result, .. } => {
                            seen.commits.push((commit, result));
                        }
                        ConsumerOutput::Offsets { .. } => {}
                        ConsumerOutput::Error(error) => seen.errors.push(error),
                        ConsumerOutput::Log(line) => seen.logs.push(line),
                        ConsumerOutput::Closed => seen.closed = true,
                    }
                }
                any
            }
        }
    }

    /// Goes to the next thing that happens, at most to `limit`; false if that is `limit`.
    pub fn step(&mut self, limit: i64) -> bool {
        self.poll_clients();
        let wakeups = self.clients.iter().flatten().filter_map(|client| match client {
            Client::Producer(producer) => producer.next_wakeup(),
            Client::Consumer(consumer) => consumer.next_wakeup(),
            Client::Admin(admin) => admin.next_wakeup(),
        });
        let queued = self.queue.keys().next().map(|(at, _)| *at);
        let next = wakeups.chain(queued).chain(self.broker.next_wakeup()).min().unwrap_or(limit);
        let next = next.max(self.now);
        if next > limit {
            self.now = limit;
            return false;
        }
        self.now = next;
        while let Some(key) = self.queue.keys().next().copied().filter(|(at, _)| *at <= next) {
            if let Some(item) = self.queue.remove(&key) {
                self.deliver(item);
            }
        }
        let effects = self.broker.tick(self.now);
        self.answer(effects.responses);
        self.poll_clients();
        true
    }

    pub fn run_for(&mut self, ms: i64) {
        let limit = self.now + ms;
        let mut steps = 0u32;
        while self.step(limit) {
            steps += 1;
            assert!(steps < 2_000_000, "time does not go on: {} of {limit}", self.now);
        }
    }

    /// Runs until it holds, at most ten virtual minutes.
    pub fn run_until(&mut self, holds: impl Fn(&World) -> bool) {
        let limit = self.now + 600_000;
        let mut steps = 0u32;
        while !holds(self) {
            steps += 1;
            assert!(steps < 2_000_000, "time does not go on at {}", self.now);
            assert!(self.step(limit), "it never holds; seen: {:#?}", self.summary());
        }
    }

    pub fn summary(&self) -> Vec<String> {
        self.seen
            .iter()
            .map(|seen| {
                format!(
                    "{} completed, {} records, {:?}, errors {:?}, logs {:?}",
                    seen.completed.len(),
                    seen.records.len(),
                    seen.rebalances,
                    seen.errors,
                    seen.logs.iter().rev().take(5).collect::<Vec<_>>()
                )
            })
            .collect()
    }

    pub fn idle(&mut self, producer: usize) {
        let limit = self.now + 600_000;
        while !self.p(producer).is_idle() {
            assert!(self.step(limit), "the producer never comes to rest: {:#?}", self.summary());
        }
    }

    pub fn values(&self, consumer: usize) -> Vec<String> {
        self.seen[consumer].records.iter().map(value).collect()
    }
}

pub fn value(record: &ConsumerRecord) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
}

fn event(what: &str, partitions: &[TopicPartition]) -> String {
    let names: Vec<String> = partitions.iter().map(ToString::to_string).collect();
    format!("{what} [{}]", names.join(", "))
}

/// Sends the numbers from `from` on, under fifty keys, and waits until they are there.
pub fn produce(world: &mut World, topic: &str, from: usize, count: usize) {
    let producer = world.producer(&[]);
    for n in from..from + count {
        world.send(producer, topic, Some(&format!("k{}", n % 50)), &format!("{n}"));
    }
    world.idle(producer);
}

/// The numbers that these consumers were given.
pub fn sorted_values(world: &World, consumers: &[usize]) -> Vec<usize> {
    let mut values: Vec<usize> = consumers
        .iter()
        .flat_map(|consumer| world.values(*consumer))
        .map(|value| value.parse().expect("a number"))
        .collect();
    values.sort_unstable();
    values
}
