//! The client's side of a fetch session (KIP-227, `FetchSessionHandler`): what the broker of one node
//! remembers, so that a fetch names only what changed.

use logbrook_sorted::{SortedMap, SortedSet};

use kafka_protocol::messages::FetchResponse;
use logbrook_broker::ErrorCode;
use logbrook_record::Offset;
use uuid::Uuid;

use super::FIRST_VERSION_WITH_TOPIC_IDS;
use crate::response_errors::code;
use crate::topic_partition::TopicPartition;

/// `FetchMetadata.INVALID_SESSION_ID`.
const INVALID_SESSION_ID: i32 = 0;
/// `FetchMetadata.INITIAL_EPOCH`: a full fetch, please remember it.
const INITIAL_EPOCH: i32 = 0;
/// `FetchMetadata.FINAL_EPOCH`: forget it.
const FINAL_EPOCH: i32 = -1;

/// The session's id and the epoch of the next request in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FetchMetadata {
    pub(super) session_id: i32,
    pub(super) epoch: i32,
}

impl FetchMetadata {
    const INITIAL: FetchMetadata =
        FetchMetadata { session_id: INVALID_SESSION_ID, epoch: INITIAL_EPOCH };

    fn is_full(self) -> bool {
        self.epoch == INITIAL_EPOCH || self.epoch == FINAL_EPOCH
    }

    fn close_existing_attempt_new(self) -> FetchMetadata {
        FetchMetadata { epoch: INITIAL_EPOCH, ..self }
    }

    /// The next request of a session: epochs go round, past the one that begins a session.
    fn incremental(session_id: i32, after: i32) -> FetchMetadata {
        let epoch = match after {
            ..0 => FINAL_EPOCH,
            i32::MAX => 1,
            _ => after + 1,
        };
        FetchMetadata { session_id, epoch }
    }
}

/// What a fetch asks of one partition (`FetchRequest.PartitionData`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PartitionData {
    pub(super) topic_id: Uuid,
    pub(super) fetch_offset: Offset,
    pub(super) max_bytes: i32,
    pub(super) current_leader_epoch: i32,
}

/// What to put into a request (`FetchRequestData`).
#[derive(Debug)]
pub(super) struct FetchRequestData {
    pub(super) to_send: Vec<(TopicPartition, PartitionData)>,
    /// No longer wanted, with the topic ids that the session knows them by.
    pub(super) to_forget: Vec<(Uuid, TopicPartition)>,
    /// Wanted under another topic id: to forget as well where topics are named by id.
    pub(super) to_replace: Vec<(Uuid, TopicPartition)>,
    pub(super) metadata: FetchMetadata,
}

/// The session with one node.
#[derive(Clone, Debug)]
pub(super) struct FetchSessionHandler {
    next_metadata: FetchMetadata,
    /// In the order in which they came into the session.
    partitions: Vec<(TopicPartition, PartitionData)>,
}

impl Default for FetchSessionHandler {
    fn default() -> Self {
        Self { next_metadata: FetchMetadata::INITIAL, partitions: Vec::new() }
    }
}

impl FetchSessionHandler {
    /// `FetchSessionHandler.Builder.build`: the next request for these partitions.
    pub(super) fn build(&mut self, next: Vec<(TopicPartition, PartitionData)>) -> FetchRequestData {
        let metadata = self.next_metadata;
        let (mut to_forget, mut to_replace) = (Vec::new(), Vec::new());
        if metadata.is_full() {
            self.partitions.clone_from(&next);
            return FetchRequestData { to_send: next, to_forget, to_replace, metadata };
        }
        let mut wanted: SortedMap<TopicPartition, PartitionData> = next.iter().cloned().collect();
        let mut altered = Vec::new();
        self.partitions.retain_mut(|(partition, before)| {
            let Some(now) = wanted.remove(partition) else {
                to_forget.push((before.topic_id, partition.clone()));
                return false;
            };
            if *before != now {
                let ids = (before.topic_id, now.topic_id);
                if ids.0 != ids.1 && !ids.0.is_nil() && !ids.1.is_nil() {
                    to_replace.push((ids.0, partition.clone()));
                }
                *before = now;
                altered.push((partition.clone(), now));
            }
            true
        });
        // What is left over is new to the session.
        let mut to_send = next;
        to_send.retain(|(partition, _)| wanted.contains_key(partition));
        self.partitions.extend(to_send.iter().cloned());
        to_send.append(&mut altered);
        FetchRequestData { to_send, to_forget, to_replace, metadata }
    }

    /// The offset asked for of every partition of the session: any may be in a response.
    pub(super) fn positions(&self) -> SortedMap<TopicPartition, Offset> {
        self.partitions.iter().map(|(p, data)| (p.clone(), data.fetch_offset)).collect()
    }

    /// The session's name of a topic id.
    pub(super) fn topic_name(&self, id: Uuid) -> Option<&str> {
        let found = self.partitions.iter().find(|(_, data)| data.topic_id == id);
        found.map(|(partition, _)| partition.topic.as_str())
    }

    /// `handleResponse`: whether what it brought may be taken.
    pub(super) fn handle_response(&mut self, response: &FetchResponse, version: i16) -> bool {
        let error = code(response.error_code);
        if error != ErrorCode::None {
            self.next_metadata = match error {
                ErrorCode::FetchSessionIdNotFound => FetchMetadata::INITIAL,
                _ => self.next_metadata.close_existing_attempt_new(),
            };
            return false;
        }
        let mut came = SortedSet::new();
        let mut strange = false;
        for topic in &response.responses {
            let name = if version >= FIRST_VERSION_WITH_TOPIC_IDS {
                self.topic_name(topic.topic_id)
            } else {
                Some(topic.topic.as_str())
            };
            let Some(name) = name else {
                strange = true;
                continue;
            };
            for data in &topic.partitions {
                came.insert(TopicPartition::new(name, data.partition_index));
            }
        }
        let known: SortedSet<TopicPartition> =
            self.partitions.iter().map(|(partition, _)| partition.clone()).collect();
        strange |= !came.is_subset(&known);
        if self.next_metadata.is_full() {
            // With KIP-219 an empty answer to a full fetch is a throttled one.
            if strange || came.len() != known.len() {
                self.next_metadata = FetchMetadata::INITIAL;
                return false;
            }
        } else if strange {
            self.next_metadata = self.next_metadata.close_existing_attempt_new();
            return false;
        }
        self.next_metadata = match response.session_id {
            // The broker remembers nothing, or not any more.
            INVALID_SESSION_ID => FetchMetadata::INITIAL,
            id if self.next_metadata.is_full() => FetchMetadata::incremental(id, INITIAL_EPOCH),
            _ => {
                let FetchMetadata { session_id, epoch } = self.next_metadata;
                FetchMetadata::incremental(session_id, epoch)
            }
        };
        true
    }

    /// `handleError`: the request or its response was lost.
    pub(super) fn handle_error(&mut self) {
        self.next_metadata = self.next_metadata.close_existing_attempt_new();
    }

    /// `notifyClose`: the next request, for no partition, ends the session.
    pub(super) fn notify_close(&mut self) {
        self.next_metadata.epoch = FINAL_EPOCH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData as Data};

    const ID: Uuid = Uuid::from_u128(7);

    fn partition(index: i32, offset: i64) -> (TopicPartition, PartitionData) {
        let data = PartitionData {
            topic_id: ID,
            fetch_offset: Offset(offset),
            max_bytes: 100,
            current_leader_epoch: 0,
        };
        (TopicPartition::new("orders", index), data)
    }

    fn response(session_id: i32, partitions: &[i32]) -> FetchResponse {
        let data = |index: &i32| Data::default().with_partition_index(*index);
        let topic = FetchableTopicResponse::default()
            .with_topic_id(ID)
            .with_partitions(partitions.iter().map(data).collect());
        FetchResponse::default().with_session_id(session_id).with_responses(vec![topic])
    }

    fn sent(request: &FetchRequestData) -> (i32, i32, Vec<(i32, i64)>, Vec<i32>) {
        let FetchMetadata { session_id, epoch } = request.metadata;
        let to_send =
            request.to_send.iter().map(|(p, data)| (p.partition.0, data.fetch_offset.0)).collect();
        let to_forget = request.to_forget.iter().map(|(_, p)| p.partition.0).collect();
        (session_id, epoch, to_send, to_forget)
    }

    #[test]
    fn a_session_begins_goes_on_with_what_changed_and_ends() {
        let mut session = FetchSessionHandler::default();
        let first = session.build(vec![partition(0, 0), partition(1, 10)]);
        assert_eq!(sent(&first), (0, 0, vec![(0, 0), (1, 10)], vec![]));
        assert!(session.handle_response(&response(123, &[0, 1]), 17));
        // One moved, one went, one came.
        let next = session.build(vec![partition(2, 0), partition(0, 5)]);
        assert_eq!(sent(&next), (123, 1, vec![(2, 0), (0, 5)], vec![1]));
        assert_eq!(session.positions().len(), 2);
        assert!(session.handle_response(&response(123, &[]), 17));
        let same = session.build(vec![partition(2, 0), partition(0, 5)]);
        assert_eq!(sent(&same), (123, 2, vec![], vec![]));
        assert!(session.handle_response(&response(123, &[0]), 17));
        session.notify_close();
        assert_eq!(sent(&session.build(vec![])), (123, FINAL_EPOCH, vec![], vec![]));
    }

    #[test]
    fn an_answer_that_does_not_fit_begins_anew() {
        let mut session = FetchSessionHandler::default();
        session.build(vec![partition(0, 0), partition(1, 0)]);
        assert!(!session.handle_response(&response(5, &[0]), 17), "a full one has all");
        session.build(vec![partition(0, 0)]);
        assert!(session.handle_response(&response(5, &[0]), 17));
        session.build(vec![partition(0, 0)]);
        assert!(!session.handle_response(&response(5, &[9]), 17), "nobody asked for 9");
        assert_eq!(sent(&session.build(vec![partition(0, 0)])), (5, 0, vec![(0, 0)], vec![]));
        assert!(session.handle_response(&response(6, &[0]), 17));
        let gone = response(0, &[]).with_error_code(ErrorCode::FetchSessionIdNotFound.code());
        session.build(vec![partition(0, 0)]);
        assert!(!session.handle_response(&gone, 17));
        assert_eq!(sent(&session.build(vec![partition(0, 1)])), (0, 0, vec![(0, 1)], vec![]));
        assert!(session.handle_response(&response(0, &[0]), 17), "the broker has no room");
        assert_eq!(session.build(vec![partition(0, 2)]).metadata, FetchMetadata::INITIAL);
    }

    #[test]
    fn a_topic_made_anew_replaces_the_old_one() {
        let mut session = FetchSessionHandler::default();
        session.build(vec![partition(0, 3)]);
        assert!(session.handle_response(&response(5, &[0]), 17));
        let (name, mut data) = partition(0, 0);
        data.topic_id = Uuid::from_u128(8);
        let next = session.build(vec![(name.clone(), data)]);
        assert_eq!(next.to_replace, [(ID, name.clone())]);
        assert_eq!(next.to_send, [(name, data)]);
    }
}
