//! What the applications of a run have done, kept once for all assertions: events sent and
//! acknowledged, records processed and shown.

use logbrook_sorted::SortedMap;

use logbrook_client::process::{AppEvent, Outcome, RecordRef};

use crate::watch::Stamp;

/// The part of a run's history that assertions about events and records share.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    /// By event id.
    pub(crate) sent: SortedMap<String, SentEvent>,
    /// Event ids in the order in which they were handed to their producers.
    pub(crate) order: Vec<String>,
    /// The event that stands at a place.
    pub(crate) places: SortedMap<(String, i32, i64), String>,
    /// Every try of every record, in order.
    pub(crate) tries: Vec<Try>,
    /// When what counts as present began, in µs: the level's start, or that of a trial that goes on
    /// from the learner's cluster.
    pub(crate) start_us: i64,
}

/// An event that an app handed to its producer.
#[derive(Clone)]
pub(crate) struct SentEvent {
    /// The app, without the instance's number.
    pub(crate) app: String,
    pub(crate) topic: String,
    pub(crate) sent: Stamp,
    /// When the first acknowledgement came, and for which place; the offset is -1 with acks=0.
    pub(crate) acked: Option<(Stamp, i32, i64)>,
    /// When the producer gave it up, and why.
    pub(crate) failed: Option<(Stamp, String)>,
}

/// One time that an app's code was done with a record, or a tool showed it.
#[derive(Clone)]
pub(crate) struct Try {
    pub(crate) at: Stamp,
    /// The instance, such as `ledger/2`; of a tool its process's name.
    pub(crate) who: String,
    pub(crate) record: RecordRef,
    pub(crate) id: Option<String>,
    /// None where a tool showed it.
    pub(crate) outcome: Option<Outcome>,
}

impl Try {
    /// Whether the record took effect.
    pub(crate) fn took_effect(&self) -> bool {
        matches!(self.outcome, None | Some(Outcome::Done | Outcome::Duplicate))
    }
}

impl Facts {
    pub(crate) fn observe(&mut self, at: Stamp, who: &str, event: &AppEvent) {
        match event {
            AppEvent::Sent { id, topic, .. } => {
                if self.sent.contains_key(id) {
                    return;
                }
                let app = who.split('/').next().unwrap_or(who).to_owned();
                let topic = topic.clone();
                let event = SentEvent { app, topic, sent: at, acked: None, failed: None };
                self.sent.insert(id.clone(), event);
                self.order.push(id.clone());
            }
            AppEvent::Acked { id, topic, partition, offset } => {
                self.places.insert((topic.clone(), partition.0, offset.0), id.clone());
                if let Some(sent) = self.sent.get_mut(id) {
                    sent.acked.get_or_insert((at, partition.0, offset.0));
                }
            }
            AppEvent::SendFailed { id, error, .. } => {
                if let Some(sent) = self.sent.get_mut(id) {
                    sent.failed.get_or_insert_with(|| (at, error.clone()));
                }
            }
            AppEvent::Processed { record, id, outcome, .. } => {
                let (who, record) = (who.to_owned(), record.clone());
                let id = id.clone();
                self.tries.push(Try { at, who, record, id, outcome: Some(*outcome) });
            }
            AppEvent::Displayed { record } => {
                let (who, record) = (who.to_owned(), record.clone());
                self.tries.push(Try { at, who, record, id: None, outcome: None });
            }
            AppEvent::Delivered { .. }
            | AppEvent::ProcessingStarted { .. }
            | AppEvent::Stored { .. }
            | AppEvent::Committed { .. }
            | AppEvent::Assigned { .. }
            | AppEvent::Revoked { .. }
            | AppEvent::Lost { .. }
            | AppEvent::Note { .. } => {}
        }
    }

    /// The id of the event at a place, where an app of the level wrote it and was told so.
    pub(crate) fn id_at(&self, topic: &str, partition: i32, offset: i64) -> Option<&str> {
        self.places.get(&(topic.to_owned(), partition, offset)).map(String::as_str)
    }
}
