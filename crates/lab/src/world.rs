//! From a level's definitions to the engine's own specifications.

use logbrook_app::{AppSpec, ClientLibrary, Poison, PoisonKind, PoisonWhen, Rate, Role as AppRole};
use logbrook_app::{Entities, EventSpec, FieldSpec, Pick};
use logbrook_app::{StoreKind as AppStoreKind, StoreSpec};

use crate::level::{
    AppDef, Client, EventsDef, FieldDef, PoisonDef, Role, StoreDef, StoreKind, Unique,
};

/// The application that a definition describes, with its settings checked by the client it uses.
///
/// # Errors
/// The setting that is not allowed, what was found and what was expected.
pub fn app_spec(def: &AppDef) -> Result<AppSpec, String> {
    let role = match def.role {
        Role::Producer => AppRole::Producer,
        Role::Consumer => AppRole::Consumer,
        Role::Processor => AppRole::Processor,
        Role::Relay => AppRole::Relay,
    };
    let mut spec = AppSpec::new(&def.name, role);
    if def.instances == 0 {
        return Err("instances: found 0, expected at least 1".to_owned());
    }
    spec.instances = def.instances;
    spec.client = match def.client {
        Client::Java => ClientLibrary::Java,
        Client::Librdkafka => ClientLibrary::Librdkafka,
        Client::Python => ClientLibrary::Python,
    };
    spec.output.clone_from(&def.output);
    spec.start_ms = def.start.map_or(0, |at| at.0);
    spec.stop_ms = def.stop.map(|at| at.0);
    spec.poison = def.poison.iter().map(poison).collect::<Result<_, _>>()?;
    spec.topics.clone_from(&def.topics);
    spec.topic.clone_from(&def.topic);
    spec.group.clone_from(&def.group);
    spec.store.clone_from(&def.store);
    spec.count = def.count;
    spec.rate = def.rate.map(|rate| Rate::per_second(u64::from(rate.0)));
    spec.events = def.events.as_ref().map(event_spec).transpose()?;
    let config: Vec<_> = def.config.iter().map(|(k, v)| (k.as_str(), v.text())).collect();
    let code: Vec<_> = def.code.iter().map(|(k, v)| (k.as_str(), v.text())).collect();
    let all = config.iter().chain(&code).map(|(k, v)| (*k, v.as_str()));
    spec.with_all(all).map_err(|e| e.to_string())
}

fn poison(def: &PoisonDef) -> Result<Poison, String> {
    let when = match (def.at, def.every) {
        (Some(at), None) if def.count.is_none() => PoisonWhen::At(at),
        (None, Some(every)) => PoisonWhen::Every { every, count: def.count },
        (Some(_), _) | (None, None) => {
            return Err("poison: expected `at`, or `every` with or without `count`".to_owned());
        }
    };
    let kind = PoisonKind::read(&def.kind)
        .map_err(|expected| format!("poison.kind: found {:?}, expected {expected}", def.kind))?;
    Ok(Poison { when, kind })
}

fn event_spec(def: &EventsDef) -> Result<EventSpec, String> {
    let mut fields = Vec::new();
    for (name, field) in &def.fields {
        let spec = match field {
            FieldDef::OneOf(values) => FieldSpec::OneOf(values.clone()),
            FieldDef::Rule(rule) => {
                FieldSpec::read(rule).map_err(|e| format!("events.fields.{name}: {e}"))?
            }
        };
        fields.push((name.clone(), spec));
    }
    Ok(EventSpec {
        entity: Entities::read(&def.entity).map_err(|e| format!("events.entity: {e}"))?,
        field: def.field.clone(),
        pick: Pick::read(&def.pick).map_err(|e| format!("events.pick: {e}"))?,
        fields,
        bytes: def.bytes.unwrap_or(0) as usize,
    })
}

/// The store that a definition describes.
#[must_use]
pub fn store_spec(def: &StoreDef) -> StoreSpec {
    let kind = match def.kind {
        StoreKind::Rows => AppStoreKind::Rows,
        StoreKind::Ledger => AppStoreKind::Ledger,
        StoreKind::Log => AppStoreKind::Log,
        StoreKind::Outbox => AppStoreKind::Outbox,
    };
    let mut spec = StoreSpec::new(&def.name, kind);
    spec.latency_ms = u64::from(def.latency_ms);
    spec.unique_id = def.unique == Some(Unique::Id);
    spec
}
