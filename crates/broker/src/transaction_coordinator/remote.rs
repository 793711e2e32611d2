//! Asking a transaction coordinator on another broker about the partitions of a transaction:
//! `AddPartitionsToTxnManager` (KIP-890). The request that needs the answer waits, and is carried out
//! anew with it.

use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};
use logbrook_group::TopicPartition;
use logbrook_sorted::{SortedMap, SortedSet};

use super::{ProducerIdAndEpoch, TRANSACTION_STATE_TOPIC_NAME, partition_of};
use crate::api::{Reply, RequestContext, text, topic_name};
use crate::peers::{PeerChannel, Purpose};
use crate::wire::Request;
use crate::{Broker, Effects, ErrorCode};

/// What has to be asked before a request can go on.
#[derive(Clone, Debug)]
pub(crate) struct AskCoordinator {
    pub(super) transactional_id: String,
    pub(super) producer: ProducerIdAndEpoch,
    pub(super) partitions: SortedSet<TopicPartition>,
    /// The client has added them, or should have; nothing is added now.
    pub(super) verify_only: bool,
}

/// What the coordinator said.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// For each partition asked about: added or known, or why not.
    partitions: SortedMap<TopicPartition, ErrorCode>,
}

impl Told {
    pub(super) fn of(&self, partition: &TopicPartition) -> Result<(), ErrorCode> {
        match self.partitions.get(partition) {
            Some(ErrorCode::None) => Ok(()),
            Some(error) => Err(*error),
            None => Err(ErrorCode::NetworkException),
        }
    }
}

impl AskCoordinator {
    /// Whether this broker is not the coordinator.
    pub(super) fn is_elsewhere(&self, broker: &Broker) -> bool {
        broker.membership.is_some() && self.coordinator(broker) != Some(broker.config.node_id)
    }

    fn coordinator(&self, broker: &Broker) -> Option<i32> {
        let index = partition_of(broker, &self.transactional_id);
        let topic = broker.image.topic(TRANSACTION_STATE_TOPIC_NAME)?;
        let leader = topic.partitions.get(&index)?.leader;
        (leader >= 0).then_some(leader)
    }

    fn all(&self, error: ErrorCode) -> Told {
        Told { partitions: self.partitions.iter().map(|p| (p.clone(), error)).collect() }
    }

    fn request(&self) -> AddPartitionsToTxnRequest {
        let mut topics: SortedMap<&str, Vec<i32>> = SortedMap::new();
        for partition in &self.partitions {
            topics.entry(&partition.topic).or_default().push(partition.partition);
        }
        let topics = topics.into_iter().map(|(topic, indexes)| {
            AddPartitionsToTxnTopic::default().with_name(topic_name(topic)).with_partitions(indexes)
        });
        let transaction = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(text(self.transactional_id.clone()).into())
            .with_producer_id(self.producer.producer_id.into())
            .with_producer_epoch(self.producer.producer_epoch)
            .with_verify_only(self.verify_only)
            .with_topics(topics.collect());
        AddPartitionsToTxnRequest::default().with_transactions(vec![transaction])
    }
}

impl Broker {
    /// Lets a request wait until the coordinator has answered.
    pub(crate) fn ask_coordinator(
        &mut self,
        ctx: &RequestContext,
        body: Request,
        ask: AskCoordinator,
        effects: &mut Effects,
    ) -> Reply {
        let Some(coordinator) = ask.coordinator(self) else {
            let told = ask.all(ErrorCode::CoordinatorNotAvailable);
            let ctx = RequestContext { told: Some(told), ..ctx.clone() };
            return self.dispatch(&ctx, body, effects);
        };
        let to = (coordinator, PeerChannel::Transactions);
        let timeout_ms = self.config.number("request.timeout.ms");
        let request = ask.request();
        let purpose = Purpose::Verify(Box::new((ctx.clone(), body, ask)));
        self.send(ctx.now, to, request.into(), timeout_ms, purpose, effects);
        Reply::Later
    }

    /// The coordinator answered, or (without a response) did not: the request goes on.
    pub(crate) fn coordinator_told(
        &mut self,
        now: i64,
        (ctx, body, ask): (RequestContext, Request, AskCoordinator),
        response: Option<&AddPartitionsToTxnResponse>,
        effects: &mut Effects,
    ) {
        let told = match response {
            None => ask.all(ErrorCode::NetworkException),
            Some(response) if response.error_code != ErrorCode::None.code() => ask.all(
                ErrorCode::from_code(response.error_code).unwrap_or(ErrorCode::UnknownServerError),
            ),
            Some(response) => {
                let topics =
                    response.results_by_transaction.iter().flat_map(|result| &result.topic_results);
                let partitions = topics.flat_map(|topic| {
                    topic.results_by_partition.iter().map(|result| {
                        let partition =
                            TopicPartition::new(topic.name.to_string(), result.partition_index);
                        let error = ErrorCode::from_code(result.partition_error_code);
                        (partition, error.unwrap_or(ErrorCode::UnknownServerError))
                    })
                });
                Told { partitions: partitions.collect() }
            }
        };
        let ctx = RequestContext { now, told: Some(told), ..ctx };
        self.resume(&ctx, body, effects);
    }
}
