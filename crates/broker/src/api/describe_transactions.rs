//! DescribeTransactions, version 0 (KIP-664).

use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, ProducerId,
};

use super::{Reply, RequestContext, now, text, topic_name};
use crate::transaction_coordinator;
use crate::{Broker, Effects};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: DescribeTransactionsRequest,
    effects: &mut Effects,
) -> Reply {
    let mut states = Vec::new();
    for id in request.transactional_ids {
        let found = transaction_coordinator::describe(broker, ctx.now, id.as_str(), effects);
        let state = TransactionState::default().with_transactional_id(id);
        states.push(match found {
            Ok(metadata) => {
                let mut topics: Vec<TopicData> = Vec::new();
                for partition in metadata.topic_partitions.iter() {
                    // Sorted: partitions of a topic come one after the other.
                    match topics.last_mut().filter(|topic| topic.topic.as_str() == partition.topic)
                    {
                        Some(topic) => topic.partitions.push(partition.partition),
                        None => topics.push(
                            TopicData::default()
                                .with_topic(topic_name(&partition.topic))
                                .with_partitions(vec![partition.partition]),
                        ),
                    }
                }
                state
                    .with_producer_id(ProducerId(metadata.producer_id))
                    .with_producer_epoch(metadata.producer_epoch)
                    .with_transaction_state(text(metadata.state.name()))
                    .with_transaction_timeout_ms(metadata.txn_timeout_ms)
                    .with_transaction_start_time_ms(metadata.txn_start_timestamp)
                    .with_topics(topics)
            }
            Err(error) => state.with_error_code(error.code()),
        });
    }
    now(DescribeTransactionsResponse::default().with_transaction_states(states))
}
