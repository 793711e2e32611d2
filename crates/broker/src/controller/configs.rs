//! Changing topic configs: `ConfigurationControlManager.incrementalAlterConfigs`.

use logbrook_sorted::SortedMap;

use super::MetadataRecord;
use crate::api_error::ApiError;
use crate::config_def::ConfigType;
use crate::{ErrorCode, MetadataImage, topic_config};

/// `AlterConfigOp.OpType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpType {
    Set,
    Delete,
    Append,
    Subtract,
}

impl OpType {
    fn from_id(id: i8) -> Option<OpType> {
        match id {
            0 => Some(OpType::Set),
            1 => Some(OpType::Delete),
            2 => Some(OpType::Append),
            3 => Some(OpType::Subtract),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            OpType::Set => "SET",
            OpType::Delete => "DELETE",
            OpType::Append => "APPEND",
            OpType::Subtract => "SUBTRACT",
        }
    }
}

/// Changes to one topic's configs: name, number of the operation, value.
pub(crate) struct AlterTopicConfigs<'a> {
    pub(crate) topic: &'a str,
    pub(crate) ops: Vec<(&'a str, i8, Option<&'a str>)>,
    /// The topic is created by the same request.
    pub(crate) newly_created: bool,
}

impl AlterTopicConfigs<'_> {
    /// The records of the change, or what is wrong with it.
    pub(crate) fn decide(&self, image: &MetadataImage) -> Result<Vec<MetadataRecord>, ApiError> {
        let topic = self.topic;
        let current = image.topic_config(topic);
        let mut all = current.clone();
        let mut records = Vec::new();
        for (name, op, value) in &self.ops {
            let Some(op) = OpType::from_id(*op) else {
                return Err(ApiError::new(
                    ErrorCode::InvalidRequest,
                    format!("Unknown operation type {op}."),
                ));
            };
            let new = new_value(name, op, *value, &current)?;
            if new.as_ref() == current.get(*name) {
                continue;
            }
            match &new {
                Some(value) => all.insert((*name).to_owned(), value.clone()),
                None => all.remove(*name),
            };
            records.push(MetadataRecord::TopicConfig {
                topic: topic.to_owned(),
                name: (*name).to_owned(),
                value: new,
            });
        }
        if topic.is_empty() {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                "Default topic resources are not allowed.",
            ));
        }
        crate::topic_name::validate(topic)
            .map_err(|message| ApiError::new(ErrorCode::InvalidTopicException, message))?;
        topic_config::validate(all.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .map_err(|error| ApiError::new(error.code(), error.message()))?;
        if !self.newly_created && image.topic(topic).is_none() {
            return Err(ApiError::new(
                ErrorCode::UnknownTopicOrPartition,
                format!("The topic '{topic}' does not exist."),
            ));
        }
        Ok(records)
    }
}

fn new_value(
    name: &str,
    op: OpType,
    value: Option<&str>,
    current: &SortedMap<String, String>,
) -> Result<Option<String>, ApiError> {
    let given = || {
        value.ok_or_else(|| {
            ApiError::new(
                ErrorCode::InvalidConfig,
                format!("Null value not supported for : {} {name}", op.name()),
            )
        })
    };
    match op {
        OpType::Set => Ok(Some(given()?.to_owned())),
        OpType::Delete => Ok(None),
        OpType::Append | OpType::Subtract => {
            let entry = topic_config::find(name);
            if entry.is_none_or(|entry| entry.key.kind != ConfigType::List) {
                return Err(ApiError::new(
                    ErrorCode::InvalidConfig,
                    format!("Can't {} to key {name} because its type is not LIST.", op.name()),
                ));
            }
            // Appending starts from the default where the topic has no value of its own.
            let old = current
                .get(name)
                .map(String::as_str)
                .or(entry.and_then(|entry| entry.key.default))
                .unwrap_or_default();
            let mut parts: Vec<&str> = old.split(',').filter(|part| !part.is_empty()).collect();
            for part in given()?.split(',') {
                match op {
                    OpType::Append if !parts.contains(&part) => parts.push(part),
                    OpType::Subtract => parts.retain(|old| *old != part),
                    OpType::Append | OpType::Set | OpType::Delete => {}
                }
            }
            Ok(Some(parts.join(",")))
        }
    }
}
