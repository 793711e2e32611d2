//! CreateTopics, versions 2 to 7. What is decided, and its errors, is in `controller/create_topics.rs`.
//!
//! Different from Kafka 4.4: no policies and quotas; the request's timeout is without effect, since
//! nothing waits.

use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use super::{Reply, RequestContext, now, text, topic_name};
use crate::config_entry::{ConfigEntry, describe_topic};
use crate::{Broker, Effects};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &RequestContext,
    request: CreateTopicsRequest,
    effects: &mut Effects,
) -> Reply {
    let result = broker.controller.create_topics(&broker.image, &broker.config, &request);
    broker.commit(ctx.now, result.records, ctx.cause(), effects);
    let topics = result.response.into_iter().map(|(name, created)| {
        let response =
            CreatableTopicResult::default().with_name(topic_name(&name)).with_error_message(None);
        match created {
            Ok(created) => {
                let own = request
                    .topics
                    .iter()
                    .find(|topic| topic.name.as_str() == name)
                    .into_iter()
                    .flat_map(|topic| &topic.configs)
                    .filter_map(|config| {
                        Some((config.name.to_string(), config.value.as_ref()?.to_string()))
                    })
                    .collect();
                let configs = describe_topic(&broker.config, &own);
                response
                    .with_topic_id(created.topic_id)
                    .with_num_partitions(created.num_partitions)
                    .with_replication_factor(created.replication_factor)
                    .with_configs(Some(configs.iter().map(config).collect()))
            }
            Err(error) => response
                .with_error_code(error.code.code())
                .with_error_message(error.wire_message())
                .with_num_partitions(-1)
                .with_replication_factor(-1)
                .with_configs(Some(Vec::new())),
        }
    });
    now(CreateTopicsResponse::default().with_topics(topics.collect()))
}

fn config(entry: &ConfigEntry) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(text(entry.name.clone()))
        .with_value(entry.value.clone().map(text))
        .with_read_only(false)
        .with_config_source(entry.source().id())
        .with_is_sensitive(entry.is_sensitive())
}
