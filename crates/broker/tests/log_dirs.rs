//! The broker's log directories: what is in them, and moving replicas between them (KIP-113).

mod common;

use common::*;
use logbrook_broker::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;

const TWO: &[(&str, &str)] = &[("log.dirs", "/a,/b")];

/// `t-0: ok, t-1: LOG_DIR_NOT_FOUND` for a request of several directories.
fn alter(node: &mut Node, wanted: &[(&str, &str, &[i32])]) -> String {
    let dirs = wanted.iter().map(|(path, topic, partitions)| {
        let topic = AlterReplicaLogDirTopic::default()
            .with_name(name(topic))
            .with_partitions(partitions.to_vec());
        AlterReplicaLogDir::default().with_path(text(path)).with_topics(vec![topic])
    });
    let request = AlterReplicaLogDirsRequest::default().with_dirs(dirs.collect());
    let Response::AlterReplicaLogDirs(response) = node.latest(request) else { panic!() };
    let results = response.results.iter().flat_map(|topic| {
        let name = topic.topic_name.as_str();
        let result = move |index, code| format!("{name}-{index}: {}", error(code));
        topic.partitions.iter().map(move |p| result(p.partition_index, p.error_code))
    });
    results.collect::<Vec<_>>().join(", ")
}

/// `/a: t-0 t-2; /b: t-1`.
fn described(node: &mut Node) -> String {
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let Response::DescribeLogDirs(response) = node.latest(request) else { panic!() };
    let directories = response.results.iter().map(|directory| {
        let replicas = directory.topics.iter().flat_map(|topic| {
            let name = topic.name.as_str();
            topic.partitions.iter().map(move |p| format!(" {name}-{}", p.partition_index))
        });
        format!("{}:{}", directory.log_dir, replicas.collect::<String>())
    });
    directories.collect::<Vec<_>>().join("; ")
}

#[test]
fn with_one_directory_there_is_nowhere_to_go() {
    let mut node = Node::with(&[("log.dirs", "/a")]);
    node.create("t", 2, &[]);
    assert_eq!(alter(&mut node, &[("/a", "t", &[0, 1])]), "t-0: ok, t-1: ok");
    assert_eq!(alter(&mut node, &[("/b", "t", &[0])]), "t-0: LOG_DIR_NOT_FOUND");
    let unknown = "t-7: UNKNOWN_TOPIC_OR_PARTITION, u-0: UNKNOWN_TOPIC_OR_PARTITION";
    assert_eq!(alter(&mut node, &[("/a", "u", &[0]), ("/a", "t", &[7])]), unknown);
    assert_eq!(described(&mut node), "/a: t-0 t-1");
}

#[test]
fn new_replicas_go_where_the_fewest_are_and_move_when_asked() {
    let mut node = Node::with(TWO);
    node.create("t", 3, &[]);
    assert_eq!(described(&mut node), "/a: t-0 t-2; /b: t-1");
    node.produce("t", 0, batch(&["kept"]));
    assert_eq!(alter(&mut node, &[("/b", "t", &[0, 2])]), "t-0: ok, t-2: ok");
    assert_eq!(described(&mut node), "/a:; /b: t-0 t-1 t-2");
    assert_eq!(node.list_offsets("t", 0, -1).offset, 1);
    // Of two directories for one partition the last one counts.
    assert_eq!(alter(&mut node, &[("/b", "t", &[1]), ("/a", "t", &[1])]), "t-1: ok");
    assert_eq!(described(&mut node), "/a: t-1; /b: t-0 t-2");
}

#[test]
fn a_directory_can_be_chosen_before_the_replica_is_there() {
    let mut node = Node::with(TWO);
    assert_eq!(alter(&mut node, &[("/b", "t", &[0])]), "t-0: UNKNOWN_TOPIC_OR_PARTITION");
    node.create("t", 1, &[]);
    assert_eq!(described(&mut node), "/a:; /b: t-0");
}

#[test]
fn a_cordoned_directory_takes_no_more_replicas() {
    let mut node = Node::with(&[("log.dirs", "/a,/b"), ("cordoned.log.dirs", "/a")]);
    node.create("t", 2, &[]);
    assert_eq!(described(&mut node), "/a:; /b: t-0 t-1");
    assert_eq!(alter(&mut node, &[("/a", "t", &[0])]), "t-0: INVALID_REPLICA_ASSIGNMENT");
}
