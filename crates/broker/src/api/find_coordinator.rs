//! FindCoordinator, versions 0 to 6.
//!
//! Of groups and transactions. The first question creates `__consumer_offsets` or
//! `__transaction_state` and is answered `COORDINATOR_NOT_AVAILABLE`, as Kafka's: the client asks
//! again. Several keys from version 4 on (KIP-699). Different from Kafka 4.4: there is no coordinator
//! of share groups; asking for one is an `INVALID_REQUEST`.

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse};

use super::{Reply, RequestContext, now, text};
use crate::controller::BrokerRegistration;
use crate::coordinator::{self, GROUP_METADATA_TOPIC_NAME};
use crate::transaction_coordinator::{self, TRANSACTION_STATE_TOPIC_NAME};
use crate::{Broker, Effects, ErrorCode};

/// `CoordinatorType.GROUP`.
const GROUP: i8 = 0;
/// `CoordinatorType.TRANSACTION`.
const TRANSACTION: i8 = 1;
const SEVERAL_KEYS_VERSION: i16 = 4;

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: FindCoordinatorRequest,
    effects: &mut Effects,
) -> Reply {
    if ctx.version() >= SEVERAL_KEYS_VERSION {
        let mut coordinators = Vec::new();
        for key in request.coordinator_keys {
            let found = find(broker, ctx, request.key_type, key.as_str(), effects);
            let coordinator = Coordinator::default().with_key(key).with_error_message(None);
            coordinators.push(match found {
                Ok(node) => coordinator
                    .with_node_id(BrokerId(node.broker_id))
                    .with_host(text(node.host))
                    .with_port(i32::from(node.port)),
                Err(error) => coordinator
                    .with_error_code(error.code())
                    .with_node_id(BrokerId(-1))
                    .with_port(-1),
            });
        }
        return now(FindCoordinatorResponse::default()
            .with_error_message(None)
            .with_coordinators(coordinators));
    }
    let found = find(broker, ctx, request.key_type, request.key.as_str(), effects);
    let response = FindCoordinatorResponse::default();
    now(match found {
        Ok(node) => response
            .with_error_message(Some(text("NONE")))
            .with_node_id(BrokerId(node.broker_id))
            .with_host(text(node.host))
            .with_port(i32::from(node.port)),
        Err(error) => response
            .with_error_code(error.code())
            .with_error_message(Some(text(error.message())))
            .with_node_id(BrokerId(-1))
            .with_port(-1),
    })
}

fn find(
    broker: &mut Broker,
    ctx: &RequestContext,
    key_type: i8,
    key: &str,
    effects: &mut Effects,
) -> Result<BrokerRegistration, ErrorCode> {
    let internal_topic = match key_type {
        GROUP => GROUP_METADATA_TOPIC_NAME,
        TRANSACTION => TRANSACTION_STATE_TOPIC_NAME,
        _ => return Err(ErrorCode::InvalidRequest),
    };
    if broker.image.topic(internal_topic).is_none() {
        let names = [internal_topic.to_owned()];
        broker.auto_create_topics(ctx.now, &names, ctx.cause(), effects);
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    let index = match key_type {
        TRANSACTION => transaction_coordinator::partition_of(broker, key),
        _ => coordinator::partition_of(broker, key),
    };
    let topic = broker.image.topic(internal_topic);
    let leader = topic.and_then(|topic| topic.partitions.get(&index)).map(|found| found.leader);
    leader
        .and_then(|leader| broker.image.brokers().get(&leader))
        .cloned()
        .ok_or(ErrorCode::CoordinatorNotAvailable)
}
