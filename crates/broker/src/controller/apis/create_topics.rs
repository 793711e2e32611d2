//! CreateTopics, versions 2 to 7. What is decided, and its errors, is in `controller/create_topics.rs`.
//!
//! Different from Kafka 4.4: no policies and quotas; the request's timeout is without effect, since
//! nothing waits.

use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};

use super::Deciding;
use crate::api::{text, topic_name};
use crate::config_entry::{ConfigEntry, describe_topic};
use crate::controller::ControllerResult;

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: &CreateTopicsRequest,
) -> ControllerResult<CreateTopicsResponse> {
    let config = deciding.config;
    let result = deciding.controller.create_topics(deciding.image, config, request);
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
                let configs = describe_topic(config, &own);
                response
                    .with_topic_id(created.topic_id)
                    .with_num_partitions(created.num_partitions)
                    .with_replication_factor(created.replication_factor)
                    .with_configs(Some(configs.iter().map(config_entry).collect()))
            }
            Err(error) => response
                .with_error_code(error.code.code())
                .with_error_message(error.wire_message())
                .with_num_partitions(-1)
                .with_replication_factor(-1)
                .with_configs(Some(Vec::new())),
        }
    });
    let response = CreateTopicsResponse::default().with_topics(topics.collect());
    ControllerResult { records: result.records, response }
}

fn config_entry(entry: &ConfigEntry) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(text(entry.name.clone()))
        .with_value(entry.value.clone().map(text))
        .with_read_only(false)
        .with_config_source(entry.source().id())
        .with_is_sensitive(entry.is_sensitive())
}
