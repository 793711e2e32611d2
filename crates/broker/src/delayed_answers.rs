//! Answers that wait until what was appended is replicated: `DelayedProduce` and its purgatory, and what
//! a coordinator's write holds back (`CoordinatorRuntime`: a response goes out once its records are below
//! the high watermark).

use kafka_protocol::messages::WriteTxnMarkersResponse;
use logbrook_record::Offset;
use logbrook_sorted::{SortedMap, SortedSet};
use uuid::Uuid;

use crate::api::ResponseTo;
use crate::coordinator_failure::fail_answer;
use crate::replica_manager::ReplicaManager;
use crate::wire::Response;
use crate::{ConnectionId, ErrorCode};

/// Something appended to a partition that is not known to be replicated yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreplicated {
    pub(crate) topic: String,
    pub(crate) topic_id: Uuid,
    pub(crate) index: i32,
    /// Replicated once the high watermark is here.
    pub(crate) required: Offset,
}

/// An answer that waits.
#[derive(Clone, Debug)]
pub(crate) struct DelayedAnswer {
    pub(crate) to: ResponseTo,
    pub(crate) body: Response,
    pub(crate) waits: Vec<Unreplicated>,
    /// When it is given up, in ms.
    pub(crate) deadline_ms: i64,
}

/// The answers that wait, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct DelayedAnswers {
    next_id: u64,
    waiting: SortedMap<u64, DelayedAnswer>,
    deadlines: SortedSet<(i64, u64)>,
    touched: SortedSet<u64>,
}

impl DelayedAnswers {
    pub(crate) fn park(&mut self, answer: DelayedAnswer) {
        let id = self.next_id;
        self.next_id += 1;
        self.deadlines.insert((answer.deadline_ms, id));
        self.waiting.insert(id, answer);
    }

    /// A partition's high watermark moved, or its leader or ISR changed.
    pub(crate) fn touch(&mut self, topic: &str, index: i32) {
        let waits = |answer: &DelayedAnswer| {
            answer.waits.iter().any(|wait| wait.topic == topic && wait.index == index)
        };
        let touched = self.waiting.iter().filter(|(_, answer)| waits(answer)).map(|(id, _)| *id);
        self.touched.extend(touched.collect::<Vec<_>>());
    }

    /// Anything may have changed.
    pub(crate) fn touch_all(&mut self) {
        self.touched.extend(self.waiting.keys().copied().collect::<Vec<_>>());
    }

    /// An answer to look at again: touched, or past its deadline.
    pub(crate) fn next_due(&mut self, now: i64) -> Option<u64> {
        if let Some(id) = self.touched.pop_first() {
            return Some(id);
        }
        let (deadline, id) = self.deadlines.first()?;
        (*deadline <= now).then_some(*id)
    }

    /// Takes an answer that waits no longer, with what became of it filled in.
    pub(crate) fn complete(
        &mut self,
        now: i64,
        id: u64,
        replicas: &ReplicaManager,
    ) -> Option<(ResponseTo, Response)> {
        let answer = self.waiting.get_mut(&id)?;
        let mut ends = Vec::new();
        answer.waits.retain(|wait| {
            let end = match replicas.partition(&wait.topic, wait.index) {
                None => Some(Err(ErrorCode::NotLeaderOrFollower)),
                Some(partition) => partition.replicated_up_to(wait.required),
            };
            let end =
                end.or((answer.deadline_ms <= now).then_some(Err(ErrorCode::RequestTimedOut)));
            ends.extend(end.and_then(Result::err).map(|error| (wait.clone(), error)));
            end.is_none()
        });
        for (wait, error) in ends {
            fail(&mut answer.body, &wait, error);
        }
        if !answer.waits.is_empty() {
            return None;
        }
        let answer = self.take(id)?;
        Some((answer.to, answer.body))
    }

    fn take(&mut self, id: u64) -> Option<DelayedAnswer> {
        let answer = self.waiting.remove(&id)?;
        self.deadlines.remove(&(answer.deadline_ms, id));
        self.touched.remove(&id);
        Some(answer)
    }

    /// Forgets what a connection waits for.
    pub(crate) fn disconnect(&mut self, connection: ConnectionId) {
        let of = |answer: &DelayedAnswer| answer.to.connection == connection;
        let gone = self.waiting.iter().filter(|(_, answer)| of(answer)).map(|(id, _)| *id);
        for id in gone.collect::<Vec<_>>() {
            self.take(id);
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }
}

/// Says in an answer what became of one of the appends that it tells of.
fn fail(body: &mut Response, wait: &Unreplicated, error: ErrorCode) {
    let body = match body {
        Response::Produce(body) => body,
        Response::WriteTxnMarkers(body) => return fail_markers(body, wait, error),
        body => return fail_answer(body, error),
    };
    let of_topic = body
        .responses
        .iter_mut()
        .filter(|topic| topic.topic_id == wait.topic_id || topic.name.as_str() == wait.topic);
    for partition in of_topic.flat_map(|topic| &mut topic.partition_responses) {
        if partition.index == wait.index {
            partition.error_code = error.code();
        }
    }
}

/// The coordinator tries markers again that were not replicated
/// (`TransactionMarkerRequestCompletionHandler`).
fn fail_markers(body: &mut WriteTxnMarkersResponse, wait: &Unreplicated, error: ErrorCode) {
    let topics = body.markers.iter_mut().flat_map(|marker| &mut marker.topics);
    let of_topic = topics.filter(|topic| topic.name.as_str() == wait.topic);
    for partition in of_topic.flat_map(|topic| &mut topic.partitions) {
        if partition.partition_index == wait.index && partition.error_code == 0 {
            partition.error_code = error.code();
        }
    }
}
