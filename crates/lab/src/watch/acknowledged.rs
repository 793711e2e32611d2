//! `no_acked_record_lost`, `all_sends_acked`, `write_stall_at_most`, `send_latency_at_most`: what
//! producers were promised, and how long they waited for it.
//!
//! An acknowledgement is worth what `acks` asked for: with `all`, every replica in sync has the record,
//! and `min.insync.replicas` says how few those may be.

use logbrook_cluster::Cluster;
use logbrook_sorted::SortedSet;

use super::{Finding, Found, Moment, Watch};
use crate::facts::{Facts, SentEvent};
use crate::read;
use crate::verdict::Values;

/// What is asked of an app's events.
#[derive(Clone)]
pub(super) enum Asked {
    /// Each that was acknowledged can be read.
    NoneLost,
    /// Each is acknowledged.
    AllAcked,
    /// None waits longer, in ms.
    StallAtMost(u64),
    /// 99 of 100 wait no longer, in ms.
    LatencyAtMost(u64),
}

#[derive(Clone)]
pub(super) struct Acknowledged {
    pub(super) app: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) asked: Asked,
}

impl Acknowledged {
    fn events<'a>(&'a self, now: &Moment<'a>) -> Vec<(&'a str, &'a SentEvent)> {
        let facts = now.facts;
        let event = |id: &'a String| facts.sent.get(id).map(|event| (id.as_str(), event));
        let counts = |(_, event): &(&str, &SentEvent)| {
            self.app.as_ref().is_none_or(|app| *app == event.app)
                && self.topic.as_ref().is_none_or(|topic| *topic == event.topic)
        };
        facts.order.iter().filter_map(event).filter(counts).collect()
    }

    fn none_lost(&self, now: &Moment<'_>) -> Finding {
        let events = self.events(now);
        let acked = events.iter().filter(|(_, event)| event.acked.is_some()).count();
        let all = lost(now.cluster, now.facts, &events);
        let Some((id, event)) = all.first() else {
            return match acked {
                0 => nothing("Nothing has been acknowledged yet."),
                _some => Finding::Holds(format!("{acked} acknowledged, none lost")),
            };
        };
        let (at, partition, offset) = event.acked.unwrap_or((event.sent, -1, -1));
        let reason = match read::leader_log(now.cluster, &event.topic, partition) {
            None => "Its partition has no leader.".to_owned(),
            Some(log) if log.log_end_offset().0 <= offset => {
                format!("Its partition now ends at offset {}.", log.log_end_offset().0)
            }
            Some(_) if offset < 0 => "With acks=0 nobody had said that it arrived.".to_owned(),
            // Below min.insync.replicas the high watermark stands, for acks=1 as well.
            Some(log) if log.high_watermark().0 <= offset => format!(
                "Its leader has it, but the high watermark stands at offset {}, and nobody is given what is \
                 above it.",
                log.high_watermark().0
            ),
            Some(_) => "Another record stands at its offset.".to_owned(),
        };
        let values = Values::from([
            ("count", all.len().to_string()),
            ("got", all.len().to_string()),
            ("want", "0".to_owned()),
            ("id", (*id).to_owned()),
            ("topic", event.topic.clone()),
            ("partition", partition.to_string()),
            ("offset", offset.to_string()),
            ("reason", reason),
        ]);
        let message = "{count} acknowledged records are not readable, the first of them {id} \
                       ({topic}-{partition}, offset {offset}). {reason}";
        Finding::NotYet(Found { message: message.to_owned(), values, at: Some(at) })
    }

    fn waits(&self, now: &Moment<'_>) -> Finding {
        let mut events = self.events(now);
        if matches!(self.asked, Asked::StallAtMost(_) | Asked::LatencyAtMost(_)) {
            // How long events of the past waited is not held against the level, or a trial that goes on from it.
            events.retain(|(_, event)| event.sent.time_us >= now.facts.start_us);
        }
        let now_us = now.cluster.now_us();
        let wait = |event: &SentEvent| {
            let failed = event.failed.as_ref().map(|(at, _)| at.time_us);
            let end = event.acked.map(|(at, ..)| at.time_us).or(failed).unwrap_or(now_us);
            u64::try_from((end - event.sent.time_us) / 1_000).unwrap_or(0)
        };
        let found = |(id, event): (&str, &SentEvent), got: u64, want: u64| {
            let reason = match (&event.failed, event.acked) {
                (_, Some(_)) => "then it came.".to_owned(),
                (Some((_, error)), None) => format!("{error}."),
                (None, None) => "it has not come yet.".to_owned(),
            };
            let span = |ms: u64| format!("{}.{:03} s", ms / 1_000, ms % 1_000);
            let values = Values::from([
                ("id", id.to_owned()),
                ("got", span(got)),
                ("want", span(want)),
                ("topic", event.topic.clone()),
                ("reason", reason),
            ]);
            let message = "{id} waited {got} for its ack; at most {want} was allowed: {reason}";
            Found { message: message.to_owned(), values, at: Some(event.sent) }
        };
        match self.asked {
            Asked::StallAtMost(ms) => {
                let longest = events.iter().map(|(_, event)| wait(event)).max();
                match events.iter().find(|(_, event)| wait(event) > ms) {
                    Some((id, event)) => Finding::Broken(found((id, event), wait(event), ms)),
                    None => match longest {
                        Some(longest) => Finding::Holds(format!("the longest wait: {longest} ms")),
                        None => nothing("Nothing has been sent yet."),
                    },
                }
            }
            Asked::LatencyAtMost(ms) => {
                let mut waits: Vec<_> =
                    events.iter().map(|(id, event)| (wait(event), *id, *event)).collect();
                logbrook_sorted::sort_by_key(&mut waits, |(wait, ..)| *wait);
                let at = (waits.len() * 99).div_ceil(100).saturating_sub(1);
                match waits.get(at) {
                    Some((got, id, event)) if *got > ms => {
                        Finding::NotYet(found((id, event), *got, ms))
                    }
                    Some((got, ..)) => Finding::Holds(format!("99 of 100 within {got} ms")),
                    None => nothing("Nothing has been sent yet."),
                }
            }
            Asked::NoneLost | Asked::AllAcked => {
                let open: Vec<_> =
                    events.iter().filter(|(_, event)| event.acked.is_none()).collect();
                match open.first() {
                    Some((id, event)) => {
                        let mut found = found((id, event), wait(event), 0);
                        let count = open.len();
                        found.values.insert("count", count.to_string());
                        found.values.insert("got", (events.len() - count).to_string());
                        found.values.insert("want", events.len().to_string());
                        found.message = "{got} of {want} events are acknowledged; {id} is not: \
                                         {reason}"
                            .to_owned();
                        Finding::NotYet(found)
                    }
                    None if events.is_empty() => nothing("Nothing has been sent yet."),
                    None => Finding::Holds(format!("all {} acknowledged", events.len())),
                }
            }
        }
    }
}

/// Of these events, by id, the acknowledged ones that no reader can get: with `acks=0` an event counts as acknowledged
/// once it was handed to the socket, as its producer is told.
pub(crate) fn lost<'a>(
    cluster: &Cluster,
    facts: &Facts,
    events: &[(&'a str, &'a SentEvent)],
) -> Vec<(&'a str, &'a SentEvent)> {
    let topics: SortedSet<&str> = events.iter().map(|(_, e)| e.topic.as_str()).collect();
    let mut readable = SortedSet::new();
    for topic in topics {
        for record in read::records(cluster, topic) {
            if let Some(id) = record.event_id() {
                readable.insert(id);
            } else if let Some(id) = facts.id_at(topic, record.partition.0, record.offset.0) {
                readable.insert(id.to_owned());
            }
        }
    }
    let is_lost = |(id, event): &&(&str, &SentEvent)| {
        event.acked.is_some_and(|(_, partition, offset)| {
            !readable.contains(*id) && !is_deleted(cluster, &event.topic, partition, offset)
        })
    };
    events.iter().filter(is_lost).copied().collect()
}

/// Whether a place lies before its log's start: it went by retention or by a deletion, not by loss.
fn is_deleted(cluster: &Cluster, topic: &str, partition: i32, offset: i64) -> bool {
    let log = read::leader_log(cluster, topic, partition);
    offset >= 0 && log.is_some_and(|log| offset < log.log_start_offset().0)
}

fn nothing(message: &str) -> Finding {
    Finding::NotYet(Found { message: message.to_owned(), ..Found::default() })
}

impl Watch for Acknowledged {
    fn find(&self, now: &Moment<'_>) -> Finding {
        match self.asked {
            Asked::NoneLost => self.none_lost(now),
            Asked::AllAcked | Asked::StallAtMost(_) | Asked::LatencyAtMost(_) => self.waits(now),
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
