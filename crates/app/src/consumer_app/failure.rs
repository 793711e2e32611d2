//! What the code does with a record that it cannot process.

use bytes::Bytes;
use logbrook_client::process::{Io, Outcome};
use logbrook_client::{ConsumerRecord, KafkaError, ProducerRecord};

use super::record::{partition_of, report};
use super::{AfterFlush, ConsumerApp, EXIT_CRASH, Phase, Step};
use crate::code_values::OnError;
use crate::instance::timestamp;
use crate::read_event::ReadEvent;

/// Where a record came from first, on a record of a retry topic.
const ORIGIN: [&str; 3] = ["retry.topic", "retry.partition", "retry.offset"];

impl ConsumerApp {
    /// The code threw while it processed a record.
    pub(super) fn failed(
        &mut self,
        io: &mut Io,
        record: &ConsumerRecord,
        event: Option<&ReadEvent>,
        reason: &str,
    ) -> Step {
        let fate = self.fate(io, record, reason);
        match fate {
            Fate::Again => {
                let backoff_ms = i64::try_from(self.spec.code.retry_backoff_ms).unwrap_or(i64::MAX);
                report(io, record, event, Outcome::Failed);
                if self.transaction.as_ref().is_some_and(super::OpenTransaction::is_open) {
                    let error = KafkaError::client("java.lang.RuntimeException", reason.to_owned());
                    return self.abort(io, &error, backoff_ms);
                }
                if let Err(error) = self.seek_back(record) {
                    return self.crash(io, &error);
                }
                self.phase = Phase::Backoff { until_ms: io.now.saturating_add(backoff_ms) };
                Step::GoesOn
            }
            Fate::Skip => self.processed(io, record, event, Outcome::Skipped),
            Fate::End => {
                report(io, record, event, Outcome::Failed);
                io.exit(EXIT_CRASH);
                Step::Crashed
            }
            Fate::Aside(topic) => {
                let letter = self.aside(record, &topic, reason);
                let Some(writer) = &mut self.writer else { return Step::GoesOn };
                writer.send(io.now, None, letter);
                if self.transaction.is_some() {
                    return self.processed(io, record, event, Outcome::SetAside);
                }
                writer.client().flush(io.now);
                let (record, event) =
                    (Box::new(record.clone()), event.map(|event| Box::new(event.clone())));
                self.phase = Phase::Flushing { then: AfterFlush::SetAside { record, event } };
                Step::GoesOn
            }
        }
    }

    /// Counts the failure, and says in the log what follows.
    pub(super) fn fate(&mut self, io: &mut Io, record: &ConsumerRecord, reason: &str) -> Fate {
        let partition = partition_of(record);
        let at = format!("{partition} at offset {}", record.offset.0);
        let failures = self.failures.entry((partition, record.offset.0)).or_default();
        *failures = failures.saturating_add(1);
        let fate = if *failures <= self.spec.code.retries {
            Fate::Again
        } else {
            match self.spec.code.on_error {
                OnError::RetryForever => Fate::Again,
                OnError::Skip => Fate::Skip,
                OnError::Crash => Fate::End,
                OnError::Dlq => Fate::Aside(self.spec.code.dlq.clone().unwrap_or_default()),
                // Refused by AppSpec::validate.
                OnError::ParkKey => Fate::End,
                OnError::RetryTopic => Fate::Aside(self.next_stop(&record.topic)),
            }
        };
        let what = match &fate {
            Fate::Again => "tries again".to_owned(),
            Fate::Skip => "skips it".to_owned(),
            Fate::End => "ends".to_owned(),
            Fate::Aside(topic) => format!("writes it to {topic}"),
        };
        let time = timestamp(io.now);
        io.stderr(&format!("[{time}] ERROR [{}] {at}: {reason}; {what}\n", self.spec.name));
        fate
    }

    /// The retry topic behind `topic`; behind the last one the dead letter topic, or the last one again.
    fn next_stop(&self, topic: &str) -> String {
        let topics = &self.spec.code.retry_topics;
        let after = topics.iter().position(|retry| retry.topic == topic).map_or(0, |at| at + 1);
        let next = topics.get(after).map(|retry| retry.topic.clone());
        next.or_else(|| self.spec.code.dlq.clone())
            .or_else(|| topics.last().map(|retry| retry.topic.clone()))
            .unwrap_or_default()
    }

    /// The record as it is put aside: its bytes as they came, and where they came from.
    pub(super) fn aside(
        &self,
        record: &ConsumerRecord,
        topic: &str,
        reason: &str,
    ) -> ProducerRecord {
        let text = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
        let mut headers = record.headers.clone();
        let here =
            [record.topic.clone(), record.partition.0.to_string(), record.offset.0.to_string()];
        let origin = |name: &str| {
            let found = headers.iter().find(|(header, _)| header == name)?;
            found.1.as_deref().map(|value| String::from_utf8_lossy(value).into_owned())
        };
        let from: Vec<String> =
            ORIGIN.iter().zip(here).map(|(name, here)| origin(name).unwrap_or(here)).collect();
        if Some(topic) == self.spec.code.dlq.as_deref() {
            headers.retain(|(name, _)| !ORIGIN.contains(&name.as_str()));
            if self.spec.code.dlq_headers {
                for (name, value) in ["topic", "partition", "offset"].iter().zip(&from) {
                    headers.push((format!("dlq.{name}"), text(value)));
                }
                headers.push(("dlq.error".to_owned(), text(reason)));
            }
        } else {
            headers.retain(|(name, _)| !ORIGIN.contains(&name.as_str()));
            for (name, value) in ORIGIN.iter().zip(&from) {
                headers.push(((*name).to_owned(), text(value)));
            }
        }
        ProducerRecord {
            topic: topic.to_owned(),
            partition: None,
            timestamp: None,
            key: record.key.clone(),
            value: record.value.clone(),
            headers,
        }
    }

    // ---- retry topics ----

    /// What the application reads: its topics, and the retry topics that it fills.
    pub(super) fn subscribed(&self) -> Vec<String> {
        let mut topics = self.spec.topics.clone();
        if self.spec.code.on_error == OnError::RetryTopic {
            topics.extend(self.spec.code.retry_topics.iter().map(|retry| retry.topic.clone()));
        }
        topics
    }

    /// When a record of a retry topic may be tried.
    fn due_ms(&self, record: &ConsumerRecord) -> Option<i64> {
        let retry = self.spec.code.retry_topics.iter().find(|r| r.topic == record.topic)?;
        Some(record.timestamp.saturating_add(i64::try_from(retry.delay_ms).unwrap_or(i64::MAX)))
    }

    pub(super) fn is_not_due(&self, now: i64, record: &ConsumerRecord) -> bool {
        self.due_ms(record).is_some_and(|due| due > now)
    }

    /// The partition is paused (`consumer.pause`) until its next record is due: the others go on.
    pub(super) fn put_off(&mut self, now: i64, record: &ConsumerRecord) -> Result<(), KafkaError> {
        let partition = partition_of(record);
        self.batch.retain(|other| partition_of(other) != partition);
        self.consumer.seek(&partition, record.offset)?;
        self.consumer.pause(core::slice::from_ref(&partition))?;
        self.not_due.insert(partition, self.due_ms(record).unwrap_or(now));
        Ok(())
    }

    pub(super) fn resume_what_is_due(&mut self, now: i64) {
        let due: Vec<_> = self
            .not_due
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(partition, _)| partition.clone())
            .collect();
        for partition in due {
            self.not_due.remove(&partition);
            // One that was given away meanwhile is not ours to resume.
            if self.consumer.assignment().contains(&partition) {
                let _resumed = self.consumer.resume(core::slice::from_ref(&partition));
            }
        }
    }
}

/// What becomes of a record that failed.
pub(super) enum Fate {
    Again,
    Skip,
    End,
    /// It is written to this topic.
    Aside(String),
}
