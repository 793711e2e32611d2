//! `kafka-producer-perf-test.sh` (`org.apache.kafka.tools.ProducerPerformance`): as many records as asked
//! for, as fast as they go or as fast as asked for, and what it took.
//!
//! Rates and latencies are of the cluster's own clock: what a machine needs to compute takes no time there.

mod options;
mod stats;

use std::any::Any;

use bytes::Bytes;
use logbrook_client::producer::{
    Producer, ProducerConfig, ProducerOutput, ProducerRecord, RecordMetadata, SendId,
    TransactionCall,
};
use logbrook_client::{Input, Io, KafkaError, Process};
use std::collections::BTreeMap;

use super::java::{self, Throwable};
use super::kafka_console_producer::constructor_error;
use super::options::OptionTable;
use super::script::exit_code;
use super::setup::{Early, ToolEnv, no_resolvable, resolvable, started};
use super::splittable_random::SplittableRandom;
use options::{Payload, Settings};
use stats::Stats;

pub(crate) const HELP: &str = include_str!("help/kafka-producer-perf-test.txt");

/// Reads the options and starts the producer.
pub(crate) fn start(
    _table: &'static OptionTable,
    argv: &[String],
    env: &ToolEnv,
) -> Box<dyn Process> {
    started(prepare(argv, env))
}

fn prepare(argv: &[String], env: &ToolEnv) -> Result<PerfProducer, Early> {
    let settings = options::read(argv, env)?;
    let uncaught = |thrown: Throwable| Early::uncaught(thrown).after(&settings.greeting);
    let config = ProducerConfig::from_properties(&settings.properties)
        .map_err(|error| uncaught(constructor_error("kafka producer", &error)))?;
    let servers = settings.properties.get("bootstrap.servers").map_or("", String::as_str);
    resolvable(servers).map_err(|unresolved| {
        uncaught(no_resolvable("Failed to construct kafka producer")).unresolved(unresolved)
    })?;
    Ok(PerfProducer {
        producer: Producer::new(config, env.seed),
        random: SplittableRandom::new(0),
        stats: Stats::new(0, settings.records, settings.reporting_interval_ms, false),
        steady: None,
        settings,
        started_ms: 0,
        sent: 0,
        open: BTreeMap::new(),
        transaction: Transaction::Outside,
        step: Step::Sending,
        ended: false,
    })
}

/// So many unanswered at a time: what `buffer.memory` holds of small records, about.
const MOST_OPEN: usize = 10_000;

#[derive(Clone)]
struct PerfProducer {
    producer: Producer,
    settings: Settings,
    random: SplittableRandom,
    stats: Stats,
    /// Of what comes after the warm-up.
    steady: Option<Stats>,
    started_ms: i64,
    sent: u64,
    /// Thousands come and go: those that were sent, until they are acknowledged.
    open: BTreeMap<SendId, Sent>,
    transaction: Transaction,
    step: Step,
    ended: bool,
}

/// A record on its way.
#[derive(Clone, Copy)]
struct Sent {
    at_ms: i64,
    bytes: u64,
    /// It was sent after the warm-up.
    is_steady: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transaction {
    Outside,
    /// `initTransactions` or `commitTransaction` waits.
    Waiting(TransactionCall),
    /// Begun then, in ms.
    Inside(i64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Sending,
    Closing,
}

impl PerfProducer {
    /// When the next record may go, by the throughput asked for.
    fn due_ms(&self) -> i64 {
        match self.settings.throughput {
            // Kafka's throttler sleeps for ever at 0.
            rate if rate == 0.0 && self.sent > 0 => i64::MAX,
            rate if rate > 0.0 => {
                let after_ms = self.sent as f64 * 1000.0 / rate;
                self.started_ms.saturating_add(after_ms as i64)
            }
            _ => self.started_ms,
        }
    }

    fn send(&mut self, io: &mut Io) -> Result<(), KafkaError> {
        while self.step == Step::Sending && self.open.len() < MOST_OPEN {
            if let Transaction::Waiting(_) = self.transaction {
                return Ok(());
            }
            if self.sent >= self.settings.records {
                if let Transaction::Inside(_) = self.transaction {
                    let call = self.producer.commit_transaction(io.now)?;
                    self.transaction = Transaction::Waiting(call);
                    return Ok(());
                }
                self.close(io.now);
                return Ok(());
            }
            if self.due_ms() > io.now {
                return Ok(());
            }
            self.send_one(io)?;
        }
        Ok(())
    }

    fn send_one(&mut self, io: &mut Io) -> Result<(), KafkaError> {
        if self.settings.is_transactional && self.transaction == Transaction::Outside {
            self.producer.begin_transaction()?;
            self.transaction = Transaction::Inside(io.now);
        }
        let warmup = self.settings.warmup_records;
        if warmup > 0 && self.sent == warmup {
            let left = self.settings.records - warmup;
            self.steady = Some(Stats::new(io.now, left, self.settings.reporting_interval_ms, true));
            self.stats.suppress();
        }
        let payload = self.payload();
        let sent =
            Sent { at_ms: io.now, bytes: payload.len() as u64, is_steady: self.steady.is_some() };
        let record = ProducerRecord {
            topic: self.settings.topic.clone(),
            partition: None,
            timestamp: None,
            key: None,
            value: Some(payload),
            headers: Vec::new(),
        };
        self.sent += 1;
        let id = self.producer.send(io.now, record);
        self.open.insert(id, sent);
        if let Transaction::Inside(since_ms) = self.transaction
            && io.now - since_ms >= self.settings.transaction_duration_ms
        {
            let call = self.producer.commit_transaction(io.now)?;
            self.transaction = Transaction::Waiting(call);
        }
        Ok(())
    }

    /// `generateRandomPayload`.
    fn payload(&mut self) -> Bytes {
        match &self.settings.payload {
            Payload::Lines(lines) => {
                let most = u32::try_from(lines.len()).unwrap_or(u32::MAX);
                let drawn = self.random.below(most) as usize;
                lines.get(drawn).cloned().map(Bytes::from).unwrap_or_default()
            }
            Payload::Letters(size) => {
                (0..*size).map(|_| b'A' + self.random.below(26) as u8).collect::<Vec<u8>>().into()
            }
            Payload::Number => Bytes::from(self.sent.to_string()),
        }
    }

    fn close(&mut self, now: i64) {
        self.step = Step::Closing;
        self.producer.close(now);
    }

    fn completed(&mut self, id: SendId, result: Result<RecordMetadata, KafkaError>, io: &mut Io) {
        let Some(sent) = self.open.remove(&id) else { return };
        if let Err(error) = result {
            io.stderr(&Throwable::from(&error).stack_trace());
            return;
        }
        let latency_ms = io.now - sent.at_ms;
        let printed = self.stats.record(io.now, latency_ms, sent.bytes);
        io.stdout(&printed);
        if let Some(steady) = self.steady.as_mut().filter(|_| sent.is_steady) {
            let printed = steady.record(io.now, latency_ms, sent.bytes);
            io.stdout(&printed);
        }
    }

    fn take(&mut self, output: ProducerOutput, io: &mut Io) -> Result<(), KafkaError> {
        match output {
            ProducerOutput::Request(outgoing) => io.send(outgoing),
            ProducerOutput::Disconnect { to, channel } => io.disconnect(to, channel),
            ProducerOutput::Completed { id, result } => self.completed(id, result, io),
            ProducerOutput::Log(line) => {
                if let Some(text) = java::client_log(io.now, &line) {
                    io.stderr(&text);
                }
            }
            ProducerOutput::TransactionCompleted { call, result } => {
                if self.transaction == Transaction::Waiting(call) {
                    self.transaction = Transaction::Outside;
                    result?;
                }
            }
            ProducerOutput::Closed => {
                io.stdout(&self.stats.total(io.now));
                if let Some(steady) = &self.steady {
                    io.stdout(&steady.total(io.now));
                }
                self.end(0, io);
            }
        }
        Ok(())
    }

    fn end(&mut self, code: i32, io: &mut Io) {
        self.ended = true;
        io.exit(code);
    }

    fn pump(&mut self, io: &mut Io) -> Result<(), KafkaError> {
        loop {
            self.send(io)?;
            let outputs = self.producer.poll(io.now);
            if outputs.is_empty() {
                break;
            }
            for output in outputs {
                self.take(output, io)?;
                if self.ended {
                    return Ok(());
                }
            }
        }
        let due = self.due_ms();
        let next = (self.step == Step::Sending && due > io.now && due < i64::MAX).then_some(due);
        if let Some(at) = [next, self.producer.next_wakeup()].into_iter().flatten().min() {
            io.wake_at(at);
        }
        Ok(())
    }

    fn handled(&mut self, input: Input, io: &mut Io) -> Result<(), KafkaError> {
        match input {
            Input::Start => {
                io.stdout(&self.settings.greeting);
                let (records, every_ms) =
                    (self.settings.records, self.settings.reporting_interval_ms);
                self.started_ms = io.now;
                self.stats = Stats::new(io.now, records, every_ms, false);
                if self.settings.is_transactional {
                    let call = self.producer.init_transactions(io.now)?;
                    self.transaction = Transaction::Waiting(call);
                }
            }
            Input::Net(event) => self.producer.handle(io.now, event),
            Input::Signal(signal) => {
                self.end(exit_code(signal), io);
                return Ok(());
            }
            Input::Stdin(_) | Input::StdinClosed | Input::Wake | Input::Store(_) => {}
        }
        self.pump(io)
    }
}

impl Process for PerfProducer {
    fn handle(&mut self, input: Input, io: &mut Io) {
        if self.ended {
            return;
        }
        // `main` lets an exception of a transaction through.
        if let Err(error) = self.handled(input, io) {
            let thrown = Throwable::from(&error).stack_trace();
            io.stderr(&format!("Exception in thread \"main\" {thrown}"));
            self.end(1, io);
        }
    }

    fn clone_box(&self) -> Box<dyn Process> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
