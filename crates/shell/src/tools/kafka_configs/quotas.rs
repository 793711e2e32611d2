//! Quotas of users, clients and addresses in `kafka-configs.sh` (`alterQuotaConfigs`, `describeQuotaConfigs`).

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::{AlterClientQuotasRequest, DescribeClientQuotasRequest};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_client::admin::Target;

use super::super::admin_calls::{Stop, check, expect};
use super::super::java::{Throwable, double_text, hash_order, hash_order_by, string_hash};
use super::super::script::Stage;

/// `DescribeClientQuotasRequest.MATCH_TYPE_EXACT` and its siblings.
const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;

/// What quotas are of: the types as the tool calls them, and names as far as they are given. An empty one is
/// the default.
#[derive(Clone, Debug)]
pub(super) struct Quotas {
    pub(super) types: Vec<String>,
    pub(super) names: Vec<String>,
}

/// One entity with quotas: types and names of it, and its quotas by name, in the order of Java's maps.
type Described = (Vec<(String, Option<String>)>, Vec<(String, f64)>);

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// `ClientQuotaEntity.USER` and its siblings.
fn entity_type(kind: &str) -> &'static str {
    match kind {
        "users" => "user",
        "clients" => "client-id",
        _ips => "ip",
    }
}

impl Quotas {
    /// `getAllClientQuotasConfigs`.
    fn all(&self, stage: &mut Stage<'_>) -> Result<Vec<Described>, Stop> {
        if self.names.len() > self.types.len() {
            let message = "More entity names specified than entity types";
            return Err(Throwable::illegal_argument(message).into());
        }
        let components = self.types.iter().enumerate().map(|(at, kind)| {
            let component = ComponentData::default().with_entity_type(text(entity_type(kind)));
            match self.names.get(at).map(String::as_str) {
                Some("") => component.with_match_type(DEFAULT).with_match(None),
                Some(name) => component.with_match_type(EXACT).with_match(Some(text(name))),
                None => component.with_match_type(SPECIFIED).with_match(None),
            }
        });
        let request = DescribeClientQuotasRequest::default()
            .with_components(components.collect())
            .with_strict(true);
        let answer = stage.call(request.into(), Target::Any)?;
        let response = expect(answer, |r| match r {
            Response::DescribeClientQuotas(body) => Some(body),
            _ => None,
        })
        .map_err(|thrown| Throwable::execution(&thrown))?;
        check(response.error_code, response.error_message.as_ref())
            .map_err(|thrown| Throwable::execution(&thrown))?;
        let described = response.entries.unwrap_or_default().into_iter().map(|entry| {
            let entity = entry.entity.iter().map(|part| {
                (part.entity_type.to_string(), part.entity_name.as_ref().map(|n| n.to_string()))
            });
            // `new HashMap<>(entryData.values().size())`
            let names = entry.values.iter().map(|value| value.key.to_string());
            let names = hash_order(names, entry.values.len());
            let value = |name: &String| {
                entry.values.iter().find(|v| v.key.as_str() == name).map_or(0.0, |v| v.value)
            };
            let values = names.iter().map(|name| (name.clone(), value(name)));
            (entity.collect(), values.collect())
        });
        // The answer is kept in a hash map by entity: `Objects.hash` of a map of strings.
        Ok(hash_order_by(described, 16, |(entity, _): &Described| {
            let hash = |part: &(String, Option<String>)| {
                string_hash(&part.0) ^ part.1.as_deref().map_or(0, string_hash)
            };
            entity.iter().map(hash).fold(0_u32, u32::wrapping_add).wrapping_add(31)
        }))
    }

    /// `describeQuotaConfigs`.
    pub(super) fn describe(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        for (entity, values) in self.all(stage)? {
            let part = |(kind, word): (&str, &str)| {
                let (_, name) = entity.iter().find(|(found, _)| found == kind)?;
                Some(match name {
                    Some(name) => format!("{word} '{name}'"),
                    None => format!("the default {word}"),
                })
            };
            let words = [("user", "user-principal"), ("client-id", "client-id"), ("ip", "ip")];
            let parts: Vec<String> = words.into_iter().filter_map(part).collect();
            let values: Vec<String> = values
                .iter()
                .map(|(name, value)| format!("{name}={}", double_text(*value)))
                .collect();
            stage.out(format!(
                "Quota configs for {} are {}\n",
                parts.join(", "),
                values.join(", ")
            ));
        }
        Ok(())
    }

    /// `alterQuotaConfigs`.
    pub(super) fn alter(
        &self,
        stage: &mut Stage<'_>,
        add: &[(String, String)],
        delete: &[String],
    ) -> Result<(), Stop> {
        let old = self.all(stage)?.into_iter().next().map(|(_, values)| values).unwrap_or_default();
        let unknown: Vec<&str> = delete
            .iter()
            .filter(|key| !old.iter().any(|(name, _)| name == *key))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            let message = format!("Invalid config(s): {}", unknown.join(","));
            let class = "org.apache.kafka.common.errors.InvalidConfigurationException";
            return Err(Throwable::new(class, message).into());
        }
        let mut ops = Vec::new();
        for (key, value) in add {
            let number: f64 = value.parse().map_err(|_| {
                let message = format!("Cannot parse quota configuration value for {key}: {value}");
                Throwable::illegal_argument(message)
            })?;
            ops.push(OpData::default().with_key(text(key)).with_value(number));
        }
        ops.extend(
            delete.iter().map(|key| OpData::default().with_key(text(key)).with_remove(true)),
        );
        let entity = self.types.iter().zip(&self.names).map(|(kind, name)| {
            let name = (!name.is_empty()).then(|| text(name));
            EntityData::default().with_entity_type(text(entity_type(kind))).with_entity_name(name)
        });
        let entry = EntryData::default().with_entity(entity.collect()).with_ops(ops);
        let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
        let answer = stage.call(request.into(), Target::Controller)?;
        let response = expect(answer, |r| match r {
            Response::AlterClientQuotas(body) => Some(body),
            _ => None,
        })
        .map_err(|thrown| Throwable::execution(&thrown))?;
        for entry in &response.entries {
            check(entry.error_code, entry.error_message.as_ref())
                .map_err(|thrown| Throwable::execution(&thrown))?;
        }
        Ok(())
    }
}
