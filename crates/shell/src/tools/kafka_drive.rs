//! `kafka-drive`: clients led by lines of standard input, for what no Kafka tool can do (exact
//! batches, fixed timestamps, several consumers in one terminal).
//!
//! ```text
//! producer P [k=v ...]            a producer (linger.ms is a minute: only flush ends a batch)
//! send P TOPIC PARTITION|- TIMESTAMP|- KEY VALUE [header=value ...]      queued, not yet sent
//! flush P                         sends; prints topic-partition@offset or the error of each record
//! close P
//! init P | begin P | commit P | abort P | offsets P GROUP TOPIC-PARTITION=OFFSET ...
//! consumer C [k=v ...] | subscribe C TOPIC ... | assign C TOPIC-PARTITION ... | seek C TOPIC-PARTITION OFFSET
//! poll C N [MS]                   prints up to N records, waiting at most MS (default 10000) in all
//! commit-sync C | positions C | leave C
//! say WORDS | sleep MS
//! ```
//!
//! Words are split at blanks, `"..."` keeps blanks, `\N` is null.

use logbrook_sorted::SortedMap;
use std::any::Any;
use std::collections::VecDeque;

use bytes::Bytes;
use logbrook_client::consumer::{CommitId, Subscription};
use logbrook_client::process::ProcessView;
use logbrook_client::producer::{ConsumerGroupMetadata, SendId, TransactionCall};
use logbrook_client::{
    Consumer, ConsumerConfig, ConsumerOutput, ConsumerRecord, Input, Io, KafkaError, NetEvent,
    Outgoing, Process, Producer, ProducerConfig, ProducerOutput, ProducerRecord, RecordMetadata,
    TopicPartition,
};
use logbrook_record::{Offset, PartitionIndex, TimestampType};

use super::java::{self, Throwable};
use super::options::OptionTable;
use super::script::exit_code;
use super::setup::ToolEnv;

/// Starts with nothing; the optional argument is the bootstrap server.
pub(crate) fn start(_: &'static OptionTable, argv: &[String], env: &ToolEnv) -> Box<dyn Process> {
    let bootstrap = argv.first().cloned().unwrap_or_else(|| "localhost:9092".to_string());
    Box::new(Drive { bootstrap, seed: env.seed, ..Drive::default() })
}

#[derive(Clone, Default)]
struct Drive {
    bootstrap: String,
    seed: u64,
    /// By the number that marks their connections.
    producers: SortedMap<u16, Producing>,
    consumers: SortedMap<u16, Consuming>,
    clients_made: u16,
    lines: VecDeque<String>,
    input_closed: bool,
    waiting: Option<Wait>,
    ended: bool,
}

#[derive(Clone)]
struct Producing {
    name: String,
    client: Producer,
    /// In the order sent; the result once it is known.
    queued: Vec<(SendId, Option<Result<RecordMetadata, KafkaError>>)>,
    /// The last transactional call that ended.
    transaction: Option<(TransactionCall, Result<(), KafkaError>)>,
    closed: bool,
}

#[derive(Clone)]
struct Consuming {
    name: String,
    client: Consumer,
    committed: Option<(CommitId, Result<(), KafkaError>)>,
    error: Option<KafkaError>,
    closed: bool,
}

/// What the next line waits for.
#[derive(Clone, Debug)]
enum Wait {
    Send(u16),
    Flush(u16),
    CloseProducer(u16),
    Transaction {
        producer: u16,
        call: TransactionCall,
        what: String,
    },
    Poll {
        consumer: u16,
        wanted: usize,
        got: usize,
        until: i64,
    },
    Commit(u16, CommitId),
    Positions(u16),
    Leave(u16),
    Sleep {
        until: i64,
    },
    /// At the end of the input: consumers leave their groups.
    End,
}

type Step = Result<Option<Wait>, Throwable>;

impl Drive {
    fn step(&mut self, w: &[String], io: &mut Io) -> Step {
        let word = |i: usize| w.get(i).map(String::as_str).unwrap_or_default();
        let now = io.now;
        match word(0) {
            "producer" => {
                let mut settings = self.settings(w);
                settings.entry("client.id".into()).or_insert_with(|| word(1).into());
                settings.entry("linger.ms".into()).or_insert_with(|| "60000".into());
                let config = ProducerConfig::from_properties(&settings).map_err(thrown)?;
                let id = self.next_client();
                let client = Producer::new(config, self.seed ^ u64::from(id));
                let made = Producing {
                    name: word(1).into(),
                    client,
                    queued: Vec::new(),
                    transaction: None,
                    closed: false,
                };
                self.producers.insert(id, made);
            }
            "consumer" => {
                let mut settings = self.settings(w);
                settings.entry("client.id".into()).or_insert_with(|| word(1).into());
                settings.entry("auto.offset.reset".into()).or_insert_with(|| "earliest".into());
                settings.entry("enable.auto.commit".into()).or_insert_with(|| "false".into());
                let config = ConsumerConfig::from_properties(&settings).map_err(thrown)?;
                let id = self.next_client();
                let client = Consumer::new(config, self.seed ^ u64::from(id));
                let name = word(1).into();
                let made = Consuming { name, client, committed: None, error: None, closed: false };
                self.consumers.insert(id, made);
            }
            "send" => {
                let record = record(w)?;
                let (producer, p) = self.producer(word(1))?;
                let id = p.client.send(now, record);
                p.queued.push((id, None));
                return Ok(Some(Wait::Send(producer)));
            }
            "flush" => {
                let (id, p) = self.producer(word(1))?;
                p.client.flush(now);
                return Ok(Some(Wait::Flush(id)));
            }
            "close" => {
                let (id, p) = self.producer(word(1))?;
                p.client.close(now);
                return Ok(Some(Wait::CloseProducer(id)));
            }
            "subscribe" => {
                let topics = w.get(2..).unwrap_or_default().to_vec();
                let (_, c) = self.consumer(word(1))?;
                c.client.subscribe(now, Subscription::Topics(topics)).map_err(thrown)?;
            }
            "assign" => {
                let partitions: Result<Vec<TopicPartition>, Throwable> =
                    w.get(2..).unwrap_or_default().iter().map(|s| partition(s)).collect();
                let (_, c) = self.consumer(word(1))?;
                c.client.assign(now, &partitions?).map_err(thrown)?;
            }
            "seek" => {
                let (tp, offset) = (partition(word(2))?, number(word(3))?);
                let (_, c) = self.consumer(word(1))?;
                c.client.seek(&tp, Offset(offset)).map_err(thrown)?;
            }
            "poll" => {
                let wanted = number(word(2))?.max(0) as usize;
                let ms = if w.len() > 3 { number(word(3))? } else { 10_000 };
                let (consumer, _) = self.consumer(word(1))?;
                return Ok(Some(Wait::Poll { consumer, wanted, got: 0, until: now + ms }));
            }
            "commit-sync" => {
                let (id, c) = self.consumer(word(1))?;
                let commit = c.client.commit(now, true, None);
                return Ok(Some(Wait::Commit(id, commit)));
            }
            "positions" => return Ok(Some(Wait::Positions(self.consumer(word(1))?.0))),
            "leave" => {
                let (id, c) = self.consumer(word(1))?;
                c.client.close(now);
                return Ok(Some(Wait::Leave(id)));
            }
            "say" => io.stdout(&format!("{}\n", w.get(1..).unwrap_or_default().join(" "))),
            "sleep" => return Ok(Some(Wait::Sleep { until: now + number(word(1))? })),
            "begin" => {
                let (_, p) = self.producer(word(1))?;
                p.client.begin_transaction().map_err(thrown)?;
            }
            "init" | "commit" | "abort" | "offsets" => {
                let offsets = w.get(3..).unwrap_or_default().iter().map(|s| offset(s));
                let offsets: Vec<(TopicPartition, Offset)> = offsets.collect::<Result<_, _>>()?;
                let (producer, p) = self.producer(word(1))?;
                let call = match word(0) {
                    "init" => p.client.init_transactions(now),
                    "commit" => p.client.commit_transaction(now),
                    "abort" => p.client.abort_transaction(now),
                    _ => {
                        let group = ConsumerGroupMetadata::new(word(2));
                        p.client.send_offsets_to_transaction(now, offsets, group)
                    }
                };
                let call = call.map_err(thrown)?;
                let what = format!("{} {}", word(0), word(1));
                return Ok(Some(Wait::Transaction { producer, call, what }));
            }
            _ => return Err(Throwable::illegal_argument("no such command")),
        }
        Ok(None)
    }

    fn settings(&self, w: &[String]) -> SortedMap<String, String> {
        let mut settings = super::setup::key_values(w.get(2..).unwrap_or_default());
        settings.entry("bootstrap.servers".into()).or_insert_with(|| self.bootstrap.clone());
        settings
    }

    fn next_client(&mut self) -> u16 {
        self.clients_made += 1;
        self.clients_made
    }

    fn producer(&mut self, name: &str) -> Result<(u16, &mut Producing), Throwable> {
        let found = self.producers.iter_mut().rev().find(|(_, p)| p.name == name && !p.closed);
        found
            .map(|(id, p)| (*id, p))
            .ok_or_else(|| Throwable::illegal_argument(format!("no producer {name}")))
    }

    fn consumer(&mut self, name: &str) -> Result<(u16, &mut Consuming), Throwable> {
        let found = self.consumers.iter_mut().rev().find(|(_, c)| c.name == name && !c.closed);
        found
            .map(|(id, c)| (*id, c))
            .ok_or_else(|| Throwable::illegal_argument(format!("no consumer {name}")))
    }

    /// Is what the line waits for there? Prints what it gives.
    fn is_over(&mut self, wait: &mut Wait, io: &mut Io) -> bool {
        match wait {
            Wait::Send(id) => self.producers.get(id).is_none_or(|p| !p.client.is_sending()),
            Wait::Flush(id) => {
                let Some(p) = self.producers.get_mut(id) else { return true };
                if p.queued.iter().any(|(_, result)| result.is_none()) {
                    return false;
                }
                for (_, result) in std::mem::take(&mut p.queued) {
                    match result {
                        Some(Ok(m)) => {
                            let at = match m.offset.0 {
                                -1 => "?".to_string(),
                                offset => offset.to_string(),
                            };
                            io.stdout(&format!("{}-{}@{at}\n", m.topic, m.partition.0));
                        }
                        Some(Err(e)) => io.stdout(&problem("send", &Throwable::from(&e))),
                        None => {}
                    }
                }
                true
            }
            Wait::Transaction { producer, call, what } => {
                let Some(p) = self.producers.get_mut(producer) else { return true };
                match p.transaction.take_if(|(ended, _)| ended == call) {
                    Some((_, result)) => {
                        if let Err(e) = result {
                            io.stdout(&problem(what, &Throwable::from(&e)));
                        }
                        true
                    }
                    None => false,
                }
            }
            Wait::CloseProducer(id) => self.producers.get(id).is_none_or(|p| p.closed),
            Wait::Poll { consumer, wanted, got, until } => {
                let Some(c) = self.consumers.get_mut(consumer) else { return true };
                if let Some(e) = c.error.take() {
                    io.stdout(&problem(&format!("poll {}", c.name), &Throwable::from(&e)));
                    return true;
                }
                while *got < *wanted && io.now < *until {
                    let records = c.client.fetch_records(io.now, usize::MAX);
                    if records.is_empty() {
                        return false;
                    }
                    *got += records.len();
                    for record in &records {
                        io.stdout(&shown_record(record));
                    }
                }
                if *got < *wanted {
                    c.client.leave_poll();
                    io.stdout(&format!("polled {got} of {wanted}\n"));
                }
                true
            }
            Wait::Commit(id, commit) => {
                let Some(c) = self.consumers.get_mut(id) else { return true };
                match c.committed.take_if(|(done, _)| done == commit) {
                    Some((_, result)) => {
                        if let Err(e) = result {
                            let what = format!("commit-sync {}", c.name);
                            io.stdout(&problem(&what, &Throwable::from(&e)));
                        }
                        true
                    }
                    None => false,
                }
            }
            Wait::Positions(id) => {
                let Some(c) = self.consumers.get(id) else { return true };
                let positions: Option<Vec<String>> = c
                    .client
                    .assignment()
                    .iter()
                    .map(|tp| Some(format!("{tp}@{}\n", c.client.position(tp)?.0)))
                    .collect();
                match positions {
                    Some(lines) => {
                        io.stdout(&lines.concat());
                        true
                    }
                    None => false,
                }
            }
            Wait::Leave(id) => self.consumers.get(id).is_none_or(|c| c.closed),
            Wait::Sleep { until } => io.now >= *until,
            Wait::End => {
                let over = self.consumers.values().all(|c| c.closed);
                if over {
                    self.ended = true;
                    io.exit(0);
                }
                over
            }
        }
    }

    /// Carries out lines until one has to wait. `true` if anything was done.
    fn advance(&mut self, io: &mut Io) -> bool {
        let mut moved = false;
        while !self.ended {
            if let Some(mut wait) = self.waiting.take() {
                if !self.is_over(&mut wait, io) {
                    self.waiting = Some(wait);
                    return moved;
                }
                moved = true;
                continue;
            }
            let Some(line) = self.lines.pop_front() else {
                if self.input_closed {
                    // Producers end without delivering what was not flushed (`close(ZERO)`).
                    for c in self.consumers.values_mut().filter(|c| !c.closed) {
                        c.client.close(io.now);
                    }
                    self.waiting = Some(Wait::End);
                    moved = true;
                    continue;
                }
                return moved;
            };
            moved = true;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let words = split(&line);
            match self.step(&words, io) {
                Ok(wait) => self.waiting = wait,
                Err(e) => {
                    let what = words.get(..2).unwrap_or(&words).join(" ");
                    io.stdout(&problem(&what, &e));
                }
            }
        }
        moved
    }

    /// Lets every client do what it has to. `true` if any did.
    fn poll_clients(&mut self, io: &mut Io) -> bool {
        let mut moved = false;
        let send = |io: &mut Io, id: u16, mut outgoing: Outgoing| {
            outgoing.channel = outgoing.channel.within(id);
            io.send(outgoing);
        };
        let log = |io: &mut Io, line| {
            if let Some(text) = java::client_log(io.now, &line) {
                io.stderr(&text);
            }
        };
        for (id, p) in &mut self.producers {
            for output in p.client.poll(io.now) {
                moved = true;
                match output {
                    ProducerOutput::Request(outgoing) => send(io, *id, outgoing),
                    ProducerOutput::Disconnect { to, channel } => {
                        io.disconnect(to, channel.within(*id));
                    }
                    ProducerOutput::Completed { id, result } => {
                        for (queued, slot) in &mut p.queued {
                            if *queued == id {
                                *slot = Some(result.clone());
                            }
                        }
                    }
                    ProducerOutput::TransactionCompleted { call, result } => {
                        p.transaction = Some((call, result));
                    }
                    ProducerOutput::Log(line) => log(io, line),
                    ProducerOutput::Closed => p.closed = true,
                }
            }
        }
        for (id, c) in &mut self.consumers {
            for output in c.client.poll(io.now) {
                moved = true;
                match output {
                    ConsumerOutput::Request(outgoing) => send(io, *id, outgoing),
                    ConsumerOutput::Disconnect { to, channel } => {
                        io.disconnect(to, channel.within(*id));
                    }
                    ConsumerOutput::Committed { id: Some(commit), result, .. } => {
                        c.committed = Some((commit, result));
                    }
                    ConsumerOutput::Error(error) => c.error = Some(error),
                    ConsumerOutput::Log(line) => log(io, line),
                    ConsumerOutput::Closed => c.closed = true,
                    ConsumerOutput::RecordsReady
                    | ConsumerOutput::Assigned(_)
                    | ConsumerOutput::Revoked(_)
                    | ConsumerOutput::Lost(_)
                    | ConsumerOutput::Committed { id: None, .. }
                    | ConsumerOutput::Offsets { .. } => {}
                }
            }
        }
        moved
    }

    fn route(&mut self, now: i64, mut event: NetEvent) {
        let number = event.channel().client;
        let (NetEvent::Response { channel, .. }
        | NetEvent::Disconnected { channel, .. }
        | NetEvent::ConnectFailed { channel, .. }) = &mut event;
        *channel = channel.within(0);
        if let Some(p) = self.producers.get_mut(&number) {
            p.client.handle(now, event);
        } else if let Some(c) = self.consumers.get_mut(&number) {
            c.client.handle(now, event);
        }
    }
}

impl Process for Drive {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        match input {
            Input::Net(event) => self.route(io.now, event),
            Input::Stdin(line) => self.lines.push_back(line),
            Input::StdinClosed => self.input_closed = true,
            Input::Signal(signal) => {
                self.ended = true;
                io.exit(exit_code(signal));
            }
            Input::Start | Input::Wake | Input::Store(_) => {}
        }
        while !self.ended && (self.poll_clients(io) | self.advance(io)) {}
        if self.ended {
            return;
        }
        let clients = self.producers.values().filter_map(|p| p.client.next_wakeup());
        for at in clients.chain(self.consumers.values().filter_map(|c| c.client.next_wakeup())) {
            io.wake_at(at);
        }
        if let Some(Wait::Sleep { until } | Wait::Poll { until, .. }) = &self.waiting {
            io.wake_at(*until);
        }
    }

    /// The newest consumer that is open: a stage shows one per process.
    fn view(&self) -> ProcessView {
        let open = self.consumers.values().rev().find(|c| !c.closed);
        open.map(|c| c.client.view()).unwrap_or_default()
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn thrown(error: KafkaError) -> Throwable {
    Throwable::from(&error)
}

fn problem(what: &str, e: &Throwable) -> String {
    let class = e.class.rsplit('.').next().unwrap_or(&e.class);
    format!("! {what}: {class}: {}\n", e.message_text())
}

fn number(text: &str) -> Result<i64, Throwable> {
    text.parse().map_err(|_| {
        let message = format!("For input string: \"{text}\"");
        Throwable::new("java.lang.NumberFormatException", message)
    })
}

fn partition(text: &str) -> Result<TopicPartition, Throwable> {
    let (topic, index) = text.rsplit_once('-').unwrap_or((text, ""));
    Ok(TopicPartition::new(topic, number(index)? as i32))
}

/// `topic-partition=offset`.
fn offset(text: &str) -> Result<(TopicPartition, Offset), Throwable> {
    let (place, offset) = text.split_once('=').unwrap_or((text, ""));
    Ok((partition(place)?, Offset(number(offset)?)))
}

fn nullable(text: &str) -> Option<Bytes> {
    (text != "\\N").then(|| Bytes::copy_from_slice(text.as_bytes()))
}

fn record(w: &[String]) -> Result<ProducerRecord, Throwable> {
    if w.len() < 7 {
        let message = "send P TOPIC PARTITION|- TIMESTAMP|- KEY VALUE [header=value ...]";
        return Err(Throwable::illegal_argument(message));
    }
    let optional = |text: &str| match text {
        "-" => Ok(None),
        _ => number(text).map(Some),
    };
    let headers = w[7..].iter().map(|header| {
        let (name, value) = header.split_once('=').unwrap_or((header, ""));
        (name.to_string(), nullable(value))
    });
    Ok(ProducerRecord {
        topic: w[2].clone(),
        partition: optional(&w[3])?.map(|p| PartitionIndex(p as i32)),
        timestamp: optional(&w[4])?,
        key: nullable(&w[5]),
        value: nullable(&w[6]),
        headers: headers.collect(),
    })
}

fn shown_record(r: &ConsumerRecord) -> String {
    let text =
        |bytes: &Option<Bytes>| bytes.as_ref().map(|b| String::from_utf8_lossy(b).into_owned());
    let quoted = |bytes| text(bytes).map_or("\\N".to_string(), |t| format!("\"{t}\""));
    let headers: Vec<String> = r
        .headers
        .iter()
        .map(|(name, value)| {
            format!(" {name}={}", text(value).unwrap_or_else(|| "\\N".to_string()))
        })
        .collect();
    let kind = match r.timestamp_type {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    };
    format!(
        "{}-{}@{} epoch={} {kind}={} key={} value={}{}\n",
        r.topic,
        r.partition.0,
        r.offset.0,
        r.leader_epoch.map_or("-".to_string(), |e| e.0.to_string()),
        r.timestamp,
        quoted(&r.key),
        quoted(&r.value),
        headers.concat()
    )
}

/// Words at blanks; `"` keeps blanks and is dropped.
fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
