//! What a cluster of one broker without an authorizer answers to requests made for larger ones.

mod common;

use common::*;
use logbrook_broker::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use logbrook_broker::messages::create_acls_request::AclCreation;
use logbrook_broker::messages::delete_acls_request::DeleteAclsFilter;
use logbrook_broker::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;

/// `error, epoch, end offset`
fn end_of_epoch(
    node: &mut Node,
    topic: &str,
    current: i32,
    epoch: i32,
) -> (&'static str, i32, i64) {
    let partition = OffsetForLeaderPartition::default()
        .with_current_leader_epoch(current)
        .with_leader_epoch(epoch);
    let topic =
        OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
    match node.latest(OffsetForLeaderEpochRequest::default().with_topics(vec![topic])) {
        Response::OffsetForLeaderEpoch(body) => {
            let end = &body.topics[0].partitions[0];
            (error(end.error_code), end.leader_epoch, end.end_offset)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_epoch_ends_where_the_log_ends() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    assert_eq!(
        end_of_epoch(&mut node, "orders", -1, 0),
        ("ok", 0, 0),
        "a leader's epoch begins with it (`Partition.makeLeader`)"
    );
    node.produce("orders", 0, batch(&["a", "b"]));
    assert_eq!(end_of_epoch(&mut node, "orders", 0, 0), ("ok", 0, 2));
    assert_eq!(end_of_epoch(&mut node, "orders", -1, 1), ("ok", -1, -1), "an epoch to come");
    assert_eq!(end_of_epoch(&mut node, "orders", 1, 0).0, "UNKNOWN_LEADER_EPOCH");
    assert_eq!(end_of_epoch(&mut node, "nothing", -1, 0).0, "UNKNOWN_TOPIC_OR_PARTITION");
}

#[test]
fn acls_are_refused_where_nobody_reads_them() {
    let mut node = Node::new();
    let Response::DescribeAcls(body) = node.latest(DescribeAclsRequest::default()) else {
        panic!()
    };
    assert_eq!(error(body.error_code), "SECURITY_DISABLED");
    let said = body.error_message.map(|message| message.to_string());
    assert_eq!(said.as_deref(), Some("No Authorizer is configured on the broker"));

    let two = vec![AclCreation::default(); 2];
    let created = node.latest(CreateAclsRequest::default().with_creations(two));
    let Response::CreateAcls(body) = created else { panic!() };
    let each: Vec<_> = body.results.iter().map(|result| error(result.error_code)).collect();
    assert_eq!(each, ["SECURITY_DISABLED", "SECURITY_DISABLED"]);

    let one = vec![DeleteAclsFilter::default()];
    let deleted = node.latest(DeleteAclsRequest::default().with_filters(one));
    let Response::DeleteAcls(body) = deleted else { panic!() };
    let said = body.filter_results[0].error_message.as_ref().map(|message| message.to_string());
    assert_eq!(said.as_deref(), Some("No Authorizer is configured."));
}

#[test]
fn a_partition_moves_nowhere() {
    let mut node = Node::new();
    node.create("orders", 1, &[]);
    let before = node.broker.metadata_log().len();
    let mut reassign = |topic: &str, index, replicas: Option<&[i32]>| {
        let replicas = replicas.map(|ids| ids.iter().map(|id| BrokerId(*id)).collect());
        let partition =
            ReassignablePartition::default().with_partition_index(index).with_replicas(replicas);
        let topic =
            ReassignableTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
        let request = AlterPartitionReassignmentsRequest::default()
            .with_allow_replication_factor_change(false)
            .with_topics(vec![topic]);
        match node.latest(request) {
            Response::AlterPartitionReassignments(body) => {
                let partition = &body.responses[0].partitions[0];
                let message = partition.error_message.as_ref().map(|message| message.to_string());
                (error(partition.error_code), message.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    };
    let told = |code, message: &str| (code, message.to_owned());
    assert_eq!(reassign("orders", 0, Some(&[1])), told("ok", ""));
    assert_eq!(reassign("orders", 0, None), told("NO_REASSIGNMENT_IN_PROGRESS", ""));
    assert_eq!(
        reassign("orders", 0, Some(&[2])),
        told(
            "INVALID_REPLICA_ASSIGNMENT",
            "The manual partition assignment includes broker 2, but no such broker is registered."
        )
    );
    assert_eq!(
        reassign("orders", 0, Some(&[])),
        told(
            "INVALID_REPLICA_ASSIGNMENT",
            "The manual partition assignment includes an empty replica list."
        )
    );
    assert_eq!(
        reassign("orders", 7, Some(&[1])),
        told("UNKNOWN_TOPIC_OR_PARTITION", "Unable to find partition orders:7.")
    );
    assert_eq!(
        reassign("nothing", 0, Some(&[1])),
        told("UNKNOWN_TOPIC_OR_PARTITION", "Unable to find a topic named nothing.")
    );
    assert_eq!(node.broker.metadata_log().len(), before);
}
