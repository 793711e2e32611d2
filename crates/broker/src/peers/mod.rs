//! Requests that a broker sends to other nodes, and what each of them was for.
//!
//! A request goes out in [`Effects::requests`]; its response comes back through
//! [`Broker::handle_response`], and the loss of its connection through [`Broker::peer_disconnected`].
//! On one channel the responses come in the order of the requests. A request that nobody answers in time
//! costs its connection, as in `NetworkClient.handleTimedOutRequests`.

use std::collections::VecDeque;

use logbrook_group::TopicPartition;
use logbrook_sorted::SortedMap;

use crate::api::RequestContext;
use crate::membership::Forwarded;
use crate::partition::IsrChange;
use crate::replication::{FetchedFrom, PartitionKey};
use crate::transaction_coordinator::{AskCoordinator, markers_answered};
use crate::wire::{Request, RequestFrame, Response, ResponseFrame};
use crate::{Broker, BrokerEvent, BrokerEventKind, Effects};

/// Which of a broker's own connections to a node a request goes over. Each of Kafka's clients inside a
/// broker has a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerChannel {
    /// `ReplicaFetcherThread`: a follower's fetches.
    ReplicaFetcher,
    /// `NodeToControllerChannelManager` of `AlterPartitionManager`.
    AlterPartition,
    /// `NodeToControllerChannelManager` of `BrokerLifecycleManager`: registration and heartbeats.
    Heartbeat,
    /// `NodeToControllerChannelManager` that forwards clients' requests and asks for producer ids.
    Forwarding,
    /// `KafkaRaftClient`: the metadata log.
    Metadata,
    /// `TransactionMarkerChannelManager` and `AddPartitionsToTxnManager`.
    Transactions,
}

impl PeerChannel {
    /// The client id that the requests carry, as Kafka's threads name themselves.
    fn client_id(self, node_id: i32) -> String {
        match self {
            PeerChannel::ReplicaFetcher => format!("broker-{node_id}-fetcher-0"),
            PeerChannel::AlterPartition | PeerChannel::Heartbeat | PeerChannel::Forwarding => {
                node_id.to_string()
            }
            PeerChannel::Metadata => format!("raft-client-{node_id}"),
            PeerChannel::Transactions => format!("broker-{node_id}-txn-marker-sender"),
        }
    }
}

/// A request to another node.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerRequest {
    /// The node.
    pub to: i32,
    /// Over which of the connections to it.
    pub channel: PeerChannel,
    /// The request.
    pub frame: RequestFrame,
}

/// What a request was for.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// A follower's fetch: what was asked of each partition.
    ReplicaFetch(Vec<(PartitionKey, FetchedFrom)>),
    /// Where the leader's log ends, or starts.
    LeaderOffset(PartitionKey),
    /// Changes of ISRs.
    AlterPartition(Vec<(PartitionKey, IsrChange)>),
    /// The registration with the controller.
    Registration,
    /// A heartbeat.
    Heartbeat,
    /// The next part of the metadata log.
    MetadataFetch,
    /// A client's request.
    Forward(Forwarded),
    /// Topics that somebody asked for and that were not there.
    AutoCreate(Vec<String>),
    /// A block of producer ids.
    ProducerIds,
    /// A transaction's markers.
    Markers { transactional_id: String, partitions: Vec<TopicPartition> },
    /// What a transactional write needs to know; the request waits.
    Verify(Box<(RequestContext, Request, AskCoordinator)>),
}

#[derive(Clone, Debug)]
struct InFlight {
    correlation_id: i32,
    deadline_ms: i64,
    purpose: Purpose,
}

/// The requests of this broker that are on their way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    channels: SortedMap<(i32, PeerChannel), Channel>,
}

#[derive(Clone, Debug, Default)]
struct Channel {
    next_correlation_id: i32,
    in_flight: VecDeque<InFlight>,
}

impl Peers {
    /// Whether a request is on its way there.
    pub(crate) fn is_busy(&self, node: i32, channel: PeerChannel) -> bool {
        self.channels.get(&(node, channel)).is_some_and(|channel| !channel.in_flight.is_empty())
    }

    /// When the next request has waited long enough, in ms.
    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        let first = |channel: &Channel| channel.in_flight.front().map(|first| first.deadline_ms);
        self.channels.values().filter_map(first).min()
    }

    fn send(&mut self, node: i32, channel: PeerChannel, deadline_ms: i64, purpose: Purpose) -> i32 {
        let channel = self.channels.entry((node, channel)).or_default();
        let correlation_id = channel.next_correlation_id;
        channel.next_correlation_id = correlation_id.wrapping_add(1);
        channel.in_flight.push_back(InFlight { correlation_id, deadline_ms, purpose });
        correlation_id
    }

    /// Takes what a response is for; `None` for one that nobody waits for.
    fn take(&mut self, node: i32, channel: PeerChannel, correlation_id: i32) -> Option<Purpose> {
        let in_flight = &mut self.channels.get_mut(&(node, channel))?.in_flight;
        let first = in_flight.pop_front_if(|first| first.correlation_id == correlation_id)?;
        Some(first.purpose)
    }

    /// Everything that was on its way there is lost.
    fn lose(&mut self, node: i32, channel: PeerChannel) -> Vec<Purpose> {
        let lost = self.channels.get_mut(&(node, channel));
        let lost = lost.map(|channel| core::mem::take(&mut channel.in_flight)).unwrap_or_default();
        lost.into_iter().map(|request| request.purpose).collect()
    }

    fn overdue(&self, now: i64) -> Vec<(i32, PeerChannel)> {
        let late = |channel: &Channel| {
            channel.in_flight.front().is_some_and(|first| first.deadline_ms <= now)
        };
        self.channels.iter().filter(|(_, channel)| late(channel)).map(|(key, _)| *key).collect()
    }
}

impl Broker {
    /// Sends a request of this broker's own. `timeout_ms` is how long it may take.
    pub(crate) fn send(
        &mut self,
        now: i64,
        (to, channel): (i32, PeerChannel),
        body: Request,
        timeout_ms: i64,
        purpose: Purpose,
        effects: &mut Effects,
    ) {
        let deadline_ms = now.saturating_add(timeout_ms);
        let correlation_id = self.peers.send(to, channel, deadline_ms, purpose);
        let client_id = Some(channel.client_id(self.config.node_id));
        let frame = RequestFrame::latest(correlation_id, client_id, body);
        effects.requests.push(PeerRequest { to, channel, frame });
    }

    /// The response to a request of [`Effects::requests`], from the node and over the channel that it went
    /// to. One that nobody waits for any more is not looked at.
    pub fn handle_response(
        &mut self,
        now: i64,
        from: i32,
        channel: PeerChannel,
        frame: ResponseFrame,
    ) -> Effects {
        let mut effects = Effects::default();
        self.replication_timers.now = now;
        if let Some(purpose) = self.peers.take(from, channel, frame.correlation_id) {
            self.answered(now, from, purpose, frame.body, &mut effects);
        }
        self.run(now, &mut effects);
        effects
    }

    /// A connection of this broker's to a node could not be opened, or is gone, with all requests that were
    /// on their way over it.
    pub fn peer_disconnected(&mut self, now: i64, node: i32, channel: PeerChannel) -> Effects {
        let mut effects = Effects::default();
        self.replication_timers.now = now;
        self.lost(now, node, channel, &mut effects);
        self.run(now, &mut effects);
        effects
    }

    /// Gives up the connections whose requests nobody answers.
    pub(crate) fn tick_peers(&mut self, now: i64, effects: &mut Effects) {
        for (node, channel) in self.peers.overdue(now) {
            effects.peer_disconnects.push((node, channel));
            let kind = BrokerEventKind::PeerTimedOut { node };
            effects.events.push(BrokerEvent { cause: None, kind });
            self.lost(now, node, channel, effects);
        }
    }

    fn answered(
        &mut self,
        now: i64,
        from: i32,
        purpose: Purpose,
        body: Response,
        effects: &mut Effects,
    ) {
        match (purpose, body) {
            (Purpose::ReplicaFetch(asked), Response::Fetch(body)) => {
                self.follower_fetched(now, from, &asked, body, effects);
            }
            (Purpose::LeaderOffset(partition), Response::ListOffsets(body)) => {
                self.leader_offset_told(now, from, &partition, &body);
            }
            (Purpose::AlterPartition(asked), Response::AlterPartition(body)) => {
                self.partitions_altered(now, asked, &body, effects);
            }
            (Purpose::Registration, Response::BrokerRegistration(body)) => {
                self.registration_answered(now, &body);
            }
            (Purpose::Heartbeat, Response::BrokerHeartbeat(body)) => {
                self.heartbeat_answered(now, &body, effects);
            }
            (Purpose::MetadataFetch, Response::Fetch(body)) => {
                self.metadata_fetched(now, body, effects);
            }
            (Purpose::Forward(forwarded), Response::Envelope(body)) => {
                self.forwarded_answered(now, forwarded, body, effects);
            }
            (Purpose::AutoCreate(names), Response::CreateTopics(_)) => self.auto_created(&names),
            (Purpose::ProducerIds, Response::AllocateProducerIds(body)) => {
                self.producer_ids_allocated(&body);
            }
            (
                Purpose::Markers { transactional_id, partitions },
                Response::WriteTxnMarkers(body),
            ) => {
                markers_answered(self, now, &transactional_id, &partitions, Some(&body), effects);
            }
            (Purpose::Verify(suspended), Response::AddPartitionsToTxn(body)) => {
                self.coordinator_told(now, *suspended, Some(&body), effects);
            }
            // The codec gives each request the response of its own API.
            (purpose, _) => self.failed(now, from, purpose, effects),
        }
    }

    fn lost(&mut self, now: i64, node: i32, channel: PeerChannel, effects: &mut Effects) {
        for purpose in self.peers.lose(node, channel) {
            self.failed(now, node, purpose, effects);
        }
    }

    fn failed(&mut self, now: i64, node: i32, purpose: Purpose, effects: &mut Effects) {
        match purpose {
            Purpose::ReplicaFetch(asked) => {
                let partitions = asked.into_iter().map(|(partition, _)| partition);
                self.fetchers.back_off(now, node, partitions, &self.config);
            }
            Purpose::LeaderOffset(partition) => {
                self.fetchers.back_off(now, node, [partition], &self.config);
            }
            Purpose::AlterPartition(asked) => self.isr_changes.retry(now, asked),
            Purpose::Registration | Purpose::Heartbeat => {
                if let Some(membership) = &mut self.membership {
                    membership.lifecycle_failed(now, &self.config);
                }
            }
            Purpose::MetadataFetch => {
                if let Some(membership) = &mut self.membership {
                    membership.metadata_failed(now, &self.config);
                }
            }
            Purpose::AutoCreate(names) => self.auto_created(&names),
            Purpose::ProducerIds => {
                if let Some(membership) = &mut self.membership {
                    membership.asking_for_producer_ids = false;
                }
            }
            Purpose::Markers { transactional_id, partitions } => {
                markers_answered(self, now, &transactional_id, &partitions, None, effects);
            }
            Purpose::Verify(suspended) => self.coordinator_told(now, *suspended, None, effects),
            Purpose::Forward(forwarded) => {
                if let Some(membership) = &mut self.membership {
                    membership.forwarding.retry(now, forwarded);
                }
            }
        }
    }
}
