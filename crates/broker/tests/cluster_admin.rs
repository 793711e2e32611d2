//! What an operator changes of the cluster itself: feature levels, quotas, SCRAM credentials.

mod common;

use common::*;
use logbrook_broker::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use logbrook_broker::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use logbrook_broker::messages::describe_client_quotas_request::ComponentData;
use logbrook_broker::messages::describe_user_scram_credentials_request::UserName;
use logbrook_broker::messages::update_features_request::FeatureUpdateKey;
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;

fn update(node: &mut Node, version: i16, feature: &str, level: i16, kind: i8) -> String {
    let update = FeatureUpdateKey::default()
        .with_feature(text(feature))
        .with_max_version_level(level)
        .with_upgrade_type(kind);
    let request = UpdateFeaturesRequest::default().with_feature_updates(vec![update]);
    let Response::UpdateFeatures(response) = node.call(version, request) else { panic!() };
    let results = response.results.iter().map(|result| {
        format!(" {}={}", result.feature, result.error_message.as_ref().map_or("", |m| m.as_str()))
    });
    let message = response.error_message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
    format!("{}{message}{}", error(response.error_code), results.collect::<String>())
}

#[test]
fn a_level_is_finalized_and_told() {
    let mut node = Node::new();
    assert_eq!(update(&mut node, 2, "group.version", 0, SAFE_DOWNGRADE), "ok");
    assert_eq!(node.broker.metadata().feature_level("group.version"), 0);
    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("test"))
        .with_client_software_version(text("1"));
    let Response::ApiVersions(response) = node.latest(request.clone()) else { panic!() };
    let finalized = |name: &str| {
        let found = response.finalized_features.iter().find(|f| f.name.as_str() == name);
        found.map(|feature| feature.max_version_level)
    };
    assert_eq!(finalized("group.version"), None);
    assert_eq!(finalized("transaction.version"), Some(2));
    assert_eq!(finalized("kraft.version"), Some(1));
    // The epoch is the offset of the change.
    let epoch = response.finalized_features_epoch;
    assert_eq!(update(&mut node, 2, "group.version", 1, UPGRADE), "ok");
    let Response::ApiVersions(response) = node.latest(request) else { panic!() };
    assert_eq!(response.finalized_features_epoch, epoch + 1);
    // Before version 2 each feature has its answer.
    assert_eq!(update(&mut node, 1, "group.version", 1, UPGRADE), "ok group.version=NONE");
    let refused = "INVALID_UPDATE_VERSION: The update failed for all features since the following \
                   feature had an error: Invalid update version 1 for feature no.such. Local \
                   controller 1 does not support this feature.";
    assert_eq!(update(&mut node, 1, "no.such", 1, UPGRADE), refused);
    assert!(update(&mut node, 2, "group.version", 1, 7).ends_with("the given upgrade type."));
}

#[test]
fn without_group_version_there_are_no_consumer_groups() {
    let mut node = Node::new();
    update(&mut node, 2, "group.version", 0, SAFE_DOWNGRADE);
    let heartbeat = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(GroupId(text("modern")))
        .with_member_id(text("a"));
    let Response::ConsumerGroupHeartbeat(response) = node.latest(heartbeat) else { panic!() };
    assert_eq!(error(response.error_code), "UNSUPPORTED_VERSION");
    let describe =
        ConsumerGroupDescribeRequest::default().with_group_ids(vec![GroupId(text("modern"))]);
    let Response::ConsumerGroupDescribe(response) = node.latest(describe) else { panic!() };
    assert_eq!(error(response.groups[0].error_code), "UNSUPPORTED_VERSION");
}

fn alter_quotas(node: &mut Node, entity: &[(&str, Option<&str>)], ops: &[(&str, f64)]) -> String {
    let entity = entity.iter().map(|(kind, name)| {
        EntityData::default().with_entity_type(text(kind)).with_entity_name(name.map(text))
    });
    // A quota of NaN stands for its removal.
    let ops = ops.iter().map(|(key, value)| {
        OpData::default().with_key(text(key)).with_value(*value).with_remove(value.is_nan())
    });
    let entry = EntryData::default().with_entity(entity.collect()).with_ops(ops.collect());
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let Response::AlterClientQuotas(response) = node.latest(request) else { panic!() };
    let entry = &response.entries[0];
    let message = entry.error_message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
    format!("{}{message}", error(entry.error_code))
}

/// Entities and quotas as `client-id=a user=null: producer_byte_rate=1`.
fn quotas(node: &mut Node, components: &[(&str, i8, Option<&str>)], strict: bool) -> String {
    let components = components.iter().map(|(kind, match_type, name)| {
        ComponentData::default()
            .with_entity_type(text(kind))
            .with_match_type(*match_type)
            .with_match(name.map(text))
    });
    let request = DescribeClientQuotasRequest::default()
        .with_components(components.collect())
        .with_strict(strict);
    let Response::DescribeClientQuotas(response) = node.latest(request) else { panic!() };
    if let Some(message) = response.error_message {
        return format!("{}: {message}", error(response.error_code));
    }
    let entries = response.entries.unwrap_or_default();
    let entries = entries.iter().map(|entry| {
        let entity = entry.entity.iter().map(|part| {
            let name = part.entity_name.as_ref().map_or("null", |name| name.as_str());
            format!("{}={name}", part.entity_type)
        });
        let values = entry.values.iter().map(|value| format!("{}={}", value.key, value.value));
        format!(
            "{}: {}",
            entity.collect::<Vec<_>>().join(" "),
            values.collect::<Vec<_>>().join(" ")
        )
    });
    entries.collect::<Vec<_>>().join("; ")
}

#[test]
fn quotas_are_kept_by_entity() {
    let mut node = Node::new();
    let mut alter = |entity: &[_], ops: &[_]| alter_quotas(&mut node, entity, ops);
    assert_eq!(alter(&[("user", Some("u"))], &[("producer_byte_rate", 100.0)]), "ok");
    let both = [("user", Some("u")), ("client-id", None)];
    assert_eq!(alter(&both, &[("consumer_byte_rate", 7.0), ("request_percentage", 0.5)]), "ok");
    assert_eq!(alter(&[("ip", Some("10.0.0.1"))], &[("connection_creation_rate", 3.0)]), "ok");
    let invalid = |what: &str| format!("INVALID_REQUEST: {what}");
    for (entity, ops, what) in [
        (&[][..], &[][..], "Invalid empty client quota entity"),
        (&[("x", None)], &[], "Unhandled client quota entity type: x"),
        (&[("user", Some(""))], &[], "Empty user not supported"),
        (&[("ip", Some("nowhere"))], &[], "nowhere is not a valid IP or resolvable host."),
        (
            &[("ip", None), ("user", None)],
            &[],
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
        ),
        (&[("user", None)], &[("bytes", 1.0)], "Invalid configuration key bytes"),
        (
            &[("user", None)],
            &[("producer_byte_rate", 0.0)],
            "Quota producer_byte_rate must be greater than 0",
        ),
        (
            &[("user", None)],
            &[("producer_byte_rate", 1.5)],
            "producer_byte_rate cannot be a fractional value.",
        ),
        (
            &[("ip", None)],
            &[("connection_creation_rate", 1e10)],
            "Proposed value for connection_creation_rate is too large for an INT.",
        ),
    ] {
        assert_eq!(alter(entity, ops), invalid(what));
    }
    let of_u = "user=u: producer_byte_rate=100";
    let of_both = "client-id=null user=u: consumer_byte_rate=7 request_percentage=0.5";
    let exactly = quotas(&mut node, &[("user", 0, Some("u"))], true);
    assert_eq!(exactly, of_u);
    let at_least = quotas(&mut node, &[("user", 2, None)], false);
    assert_eq!(at_least, format!("{of_both}; {of_u}"));
    assert_eq!(quotas(&mut node, &[("client-id", 1, None), ("user", 2, None)], true), of_both);
    assert!(quotas(&mut node, &[("user", 2, None), ("user", 2, None)], true).contains("once"));
    assert!(quotas(&mut node, &[("user", 9, None)], true).ends_with("Unknown match type 9"));
    assert_eq!(
        alter_quotas(&mut node, &[("user", Some("u"))], &[("producer_byte_rate", f64::NAN)]),
        "ok"
    );
    assert_eq!(quotas(&mut node, &[("user", 0, Some("u"))], true), "");
}

fn alter_scram(node: &mut Node, upsert: &[(&str, i8, i32)], delete: &[(&str, i8)]) -> String {
    let upsertions = upsert.iter().map(|(user, mechanism, iterations)| {
        ScramCredentialUpsertion::default()
            .with_name(text(user))
            .with_mechanism(*mechanism)
            .with_iterations(*iterations)
    });
    let deletions = delete.iter().map(|(user, mechanism)| {
        ScramCredentialDeletion::default().with_name(text(user)).with_mechanism(*mechanism)
    });
    let request = AlterUserScramCredentialsRequest::default()
        .with_upsertions(upsertions.collect())
        .with_deletions(deletions.collect());
    let Response::AlterUserScramCredentials(response) = node.latest(request) else { panic!() };
    let results = response.results.iter().map(|result| {
        let message = result.error_message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
        format!("{} {}{message}", result.user, error(result.error_code))
    });
    results.collect::<Vec<_>>().join("; ")
}

#[test]
fn credentials_are_kept_by_user_and_mechanism() {
    let mut node = Node::new();
    let describe = |node: &mut Node, users: &[&str]| {
        let users = users.iter().map(|user| UserName::default().with_name(text(user)));
        let request =
            DescribeUserScramCredentialsRequest::default().with_users(Some(users.collect()));
        let Response::DescribeUserScramCredentials(response) = node.latest(request) else {
            panic!()
        };
        let results = response.results.iter().map(|result| {
            let infos = result.credential_infos.iter();
            let infos = infos.map(|info| format!(" {}:{}", info.mechanism, info.iterations));
            format!("{} {}{}", result.user, error(result.error_code), infos.collect::<String>())
        });
        results.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(describe(&mut node, &[]), "");
    assert_eq!(describe(&mut node, &["bob"]), "bob RESOURCE_NOT_FOUND");
    let mut alter = |upsert: &[_], delete: &[_]| alter_scram(&mut node, upsert, delete);
    assert_eq!(alter(&[("bob", 1, 4096), ("eve", 2, 16384)], &[]), "bob ok; eve ok");
    assert_eq!(alter(&[("bob", 2, 4096)], &[]), "bob ok");
    for (user, mechanism, iterations, what) in [
        ("", 1, 4096, " UNACCEPTABLE_CREDENTIAL: Username must not be empty"),
        ("u", 9, 4096, "u UNSUPPORTED_SASL_MECHANISM: Unknown SCRAM mechanism"),
        ("u", 1, 4095, "u UNACCEPTABLE_CREDENTIAL: Too few iterations"),
        ("u", 1, 16385, "u UNACCEPTABLE_CREDENTIAL: Too many iterations"),
    ] {
        assert_eq!(alter(&[(user, mechanism, iterations)], &[]), what);
    }
    let missing = "RESOURCE_NOT_FOUND: Attempt to delete a user credential that does not exist";
    assert_eq!(alter(&[], &[("eve", 1)]), format!("eve {missing}"));
    // Of an error and a second change of the same user the error counts.
    assert_eq!(alter(&[("eve", 1, 4096)], &[("eve", 1)]), format!("eve {missing}"));
    assert!(alter(&[("eve", 1, 4096)], &[("eve", 2)]).starts_with("eve DUPLICATE_RESOURCE"));
    assert_eq!(alter(&[], &[("eve", 2)]), "eve ok");
    assert_eq!(
        describe(&mut node, &["bob", "eve"]),
        "bob ok 1:4096 2:4096; eve RESOURCE_NOT_FOUND"
    );
    assert_eq!(describe(&mut node, &["bob", "bob"]), "bob DUPLICATE_RESOURCE");
}
