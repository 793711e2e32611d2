//! The producer inside a service that reads: its outputs, its dead letters, its retries.

use bytes::Bytes;
use logbrook_client::net::NetEvent;
use logbrook_client::process::{AppEvent, Io};
use logbrook_client::producer::{SendId, TransactionCall};
use logbrook_client::{
    KafkaError, Producer, ProducerConfig, ProducerOutput, ProducerRecord, RecordMetadata,
};
use logbrook_sorted::SortedMap;

use crate::client_config::{producer_properties, refused};
use crate::code_values::Transaction;
use crate::instance::{Instance, log};
use crate::read_event::ReadEvent;
use crate::spec::{AppSpec, SettingError};

/// The number of this client among those of its process; the consumer's is 0.
pub(crate) const WRITER: u16 = 1;

/// A producer, and what is known of what was sent with it.
#[derive(Clone)]
pub(crate) struct Writer {
    client: Producer,
    transactional: bool,
    /// Sent, not yet answered: the event's id where it is one of the application's outputs.
    waiting: SortedMap<SendId, Sent>,
    /// Answered inside the open transaction.
    written: Vec<(String, RecordMetadata)>,
    /// Not written, and why.
    failed: Vec<(Sent, KafkaError)>,
    /// The last blocking call that returned.
    returned: Option<(TransactionCall, Result<(), KafkaError>)>,
}

/// A record that was handed over.
#[derive(Clone)]
pub(crate) struct Sent {
    /// The event's id, where the record is an output.
    pub(crate) id: Option<String>,
    pub(crate) record: ProducerRecord,
}

impl Writer {
    pub(crate) fn new(spec: &AppSpec, instance: &Instance) -> Result<Self, SettingError> {
        let config = ProducerConfig::from_properties(&producer_properties(spec, instance))
            .map_err(|error| refused(spec, error))?;
        let mut client = Producer::new(config, instance.own_seed("writer", &spec.name));
        client.set_client_number(WRITER);
        Ok(Self {
            client,
            transactional: spec.code.transaction != Transaction::Off,
            waiting: SortedMap::new(),
            written: Vec::new(),
            failed: Vec::new(),
            returned: None,
        })
    }

    pub(crate) fn client(&mut self) -> &mut Producer {
        &mut self.client
    }

    /// Hands over an output of the application.
    pub(crate) fn send_output(&mut self, io: &mut Io, event: &ReadEvent, record: ProducerRecord) {
        io.event(AppEvent::Sent {
            id: event.id.clone(),
            entity: event.entity.clone(),
            n: event.n,
            topic: record.topic.clone(),
        });
        self.send(io.now, Some(event.id.clone()), record);
    }

    /// Hands over a record.
    pub(crate) fn send(&mut self, now: i64, id: Option<String>, record: ProducerRecord) {
        let send = self.client.send(now, record.clone());
        self.waiting.insert(send, Sent { id, record });
    }

    /// Everything that was handed over is answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What was not written since the last call.
    pub(crate) fn take_failed(&mut self) -> Vec<(Sent, KafkaError)> {
        core::mem::take(&mut self.failed)
    }

    /// How a blocking call ended, once it has.
    pub(crate) fn take_returned(
        &mut self,
        call: TransactionCall,
    ) -> Option<Result<(), KafkaError>> {
        self.returned.take_if(|(ended, _)| *ended == call).map(|(_, result)| result)
    }

    /// The transaction has committed, or was aborted: what was written in it counts, or not.
    pub(crate) fn transaction_ended(&mut self, io: &mut Io, committed: bool) {
        let failed = core::mem::take(&mut self.failed);
        for (id, metadata) in core::mem::take(&mut self.written) {
            if committed {
                io.event(acked(id, metadata));
            } else {
                let error = "the transaction was aborted".to_owned();
                io.event(AppEvent::SendFailed { id, topic: metadata.topic, error });
            }
        }
        for (sent, error) in failed {
            if let Some(id) = sent.id {
                let (topic, error) = (sent.record.topic, error.to_string());
                io.event(AppEvent::SendFailed { id, topic, error });
            }
        }
    }

    pub(crate) fn handle(&mut self, now: i64, event: NetEvent) {
        self.client.handle(now, event);
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.client.next_wakeup()
    }

    /// Carries out what the client wants. Whether a send or a call ended.
    pub(crate) fn poll(&mut self, io: &mut Io) -> bool {
        let mut ended = false;
        for output in self.client.poll(io.now) {
            match output {
                ProducerOutput::Request(mut outgoing) => {
                    outgoing.channel = outgoing.channel.within(WRITER);
                    io.send(outgoing);
                }
                ProducerOutput::Disconnect { to, channel } => {
                    io.disconnect(to, channel.within(WRITER));
                }
                ProducerOutput::Log(line) => log(io, &line),
                ProducerOutput::Closed => {}
                ProducerOutput::TransactionCompleted { call, result } => {
                    ended = true;
                    self.returned = Some((call, result));
                }
                ProducerOutput::Completed { id, result } => {
                    ended = true;
                    let Some(sent) = self.waiting.remove(&id) else { continue };
                    match (result, sent.id) {
                        (Ok(metadata), Some(id)) if self.transactional => {
                            self.written.push((id, metadata));
                        }
                        (Ok(metadata), Some(id)) => io.event(acked(id, metadata)),
                        (Ok(_), None) => {}
                        (Err(error), id) => {
                            let sent = Sent { id, record: sent.record };
                            self.failed.push((sent, error));
                        }
                    }
                }
            }
        }
        ended
    }
}

fn acked(id: String, metadata: RecordMetadata) -> AppEvent {
    let RecordMetadata { topic, partition, offset, .. } = metadata;
    AppEvent::Acked { id, topic, partition, offset }
}

/// A value that says who made it of what it read: `,"by":"pricer"` before the closing brace.
pub(crate) fn transformed(value: &[u8], by: &str) -> Bytes {
    match value.strip_suffix(b"}") {
        Some(open) => [open, b",\"by\":\"", by.as_bytes(), b"\"}"].concat().into(),
        None => Bytes::copy_from_slice(value),
    }
}
