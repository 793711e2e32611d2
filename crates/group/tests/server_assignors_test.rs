//! The coordinator's assignors: cases of Kafka's `UniformHeterogeneousAssignmentBuilderTest` and
//! `RangeAssignorTest`, and what holds of every assignment.

use logbrook_group::server_assignors::{GroupSpec, MemberSpec};
use logbrook_group::{Assignment, ServerAssignor, SubscriptionType, TopicId};
use logbrook_sorted::{SortedMap, SortedSet};
use proptest::prelude::*;

/// `T1:0,1 T3:4`.
fn assignment(text: &str) -> Assignment {
    text.split_whitespace()
        .map(|topic| {
            let (name, partitions) = topic.split_once(':').expect("topic:partitions");
            (id(name), partitions.split(',').map(|p| p.parse().expect("a number")).collect())
        })
        .collect()
}

fn id(name: &str) -> TopicId {
    [name[1..].parse().expect("T1, T2..."); 16]
}

fn shown(assignment: &Assignment) -> String {
    let topics = assignment.iter().filter(|(_, partitions)| !partitions.is_empty());
    let topic = |(id, partitions): (&TopicId, &SortedSet<i32>)| {
        let partitions: Vec<String> = partitions.iter().map(ToString::to_string).collect();
        format!("T{}:{}", id[0], partitions.join(","))
    };
    topics.map(topic).collect::<Vec<_>>().join(" ")
}

/// Members as `id subscription assignment`, topics as `T1=3`; the assignment of each.
fn assign(
    assignor: ServerAssignor,
    kind: SubscriptionType,
    topics: &str,
    members: &[(&str, &str, &str)],
) -> Vec<String> {
    let partitions: SortedMap<TopicId, i32> = topics
        .split_whitespace()
        .map(|topic| {
            let (name, partitions) = topic.split_once('=').expect("topic=partitions");
            (id(name), partitions.parse().expect("a number"))
        })
        .collect();
    let members = members.iter().map(|(member_id, subscribed, before)| MemberSpec {
        member_id: (*member_id).into(),
        instance_id: None,
        subscribed_topic_ids: subscribed.split_whitespace().map(id).collect(),
        assignment: assignment(before),
    });
    let spec = GroupSpec {
        members: members.collect(),
        subscription_type: kind,
        partitions: &|topic| partitions.get(topic).copied(),
    };
    let targets = assignor.assign(&spec).expect("the topics exist");
    targets.values().map(shown).collect()
}

const UNEVEN: SubscriptionType = SubscriptionType::Heterogeneous;
const EVEN: SubscriptionType = SubscriptionType::Homogeneous;

#[test]
fn uniform_of_different_subscriptions_assigns_as_kafkas_tests_say() {
    let uniform = |topics: &str, members: &[(&str, &str, &str)]| {
        assign(ServerAssignor::Uniform, UNEVEN, topics, members)
    };
    assert_eq!(
        uniform("T1=3 T3=6", &[("A", "T1 T3", ""), ("B", "T3", "")]),
        ["T1:0,1,2 T3:4", "T3:0,1,2,3,5"]
    );
    assert_eq!(
        uniform("T3=1 T1=2", &[("A", "T3", ""), ("B", "T3", ""), ("C", "T1", "")]),
        ["T3:0", "", "T1:0,1"]
    );
    assert_eq!(
        uniform(
            "T1=6 T2=4 T3=4",
            &[
                ("A", "T1", "T1:0,1,2"),
                ("B", "T1 T2", "T1:3 T2:0"),
                ("C", "T1 T2 T3", "T1:4,5 T2:1,2,3 T3:0,1,2,3"),
            ]
        ),
        ["T1:0,1,2,5", "T1:3 T2:0,1,2,3", "T1:4 T3:0,1,2,3"]
    );
    assert_eq!(
        uniform(
            "T1=6 T2=5 T3=3 T4=3",
            &[("A", "T1 T3", "T1:0,1,2,3 T3:0,1"), ("B", "T1 T2 T3 T4", "T2:0,1,2 T4:0,1,2"),]
        ),
        ["T1:0,1,2,3,4,5 T3:0,1,2", "T2:0,1,2,3,4 T4:0,1,2"]
    );
    assert_eq!(
        uniform(
            "T1=6 T2=7",
            &[("A", "T1", "T1:0,2 T2:0"), ("B", "T1 T2", "T1:1 T2:1,2"), ("C", "T1 T2", ""),]
        ),
        ["T1:0,2,3,4,5", "T1:1 T2:1,2,6", "T2:0,3,4,5"]
    );
    assert_eq!(
        uniform("T1=3 T2=5", &[("A", "T1", "T1:0,2 T2:1,3"), ("B", "T1 T2", "T1:1 T2:0,2,4")]),
        ["T1:0,1,2", "T2:0,1,2,3,4"]
    );
}

#[test]
fn uniform_of_one_subscription_keeps_what_is_fair() {
    let uniform = |topics: &str, members: &[(&str, &str, &str)]| {
        assign(ServerAssignor::Uniform, EVEN, topics, members)
    };
    assert_eq!(uniform("T1=3", &[("A", "T1", ""), ("B", "T1", "")]), ["T1:0", "T1:1,2"]);
    assert_eq!(uniform("T1=3", &[("A", "T1", "T1:0,1,2"), ("B", "T1", "")]), ["T1:0,1", "T1:2"]);
    assert_eq!(
        uniform("T1=2 T2=2", &[("A", "T1 T2", "T1:0,1 T2:0,1"), ("B", "T1 T2", "")]),
        ["T1:0,1", "T2:0,1"]
    );
}

#[test]
fn range_gives_neighbours_of_each_topic() {
    let range = |topics: &str, members: &[(&str, &str, &str)]| {
        assign(ServerAssignor::Range, EVEN, topics, members)
    };
    let three = [("A", "T1 T2", ""), ("B", "T1 T2", ""), ("C", "T1 T2", "")];
    assert_eq!(range("T1=3 T2=3", &three), ["T1:0 T2:0", "T1:1 T2:1", "T1:2 T2:2"]);
    assert_eq!(range("T1=5 T2=2", &three), ["T1:0,1 T2:0", "T1:2,3 T2:1", "T1:4"]);
}

proptest! {
    /// Each partition that somebody subscribes to goes to one subscriber; and a second time, with the
    /// outcome as the start, nothing moves.
    #[test]
    fn everything_is_assigned_once_and_then_stays(
        partitions in proptest::collection::vec(0..9_i32, 1..5),
        subscriptions in proptest::collection::vec(0..16_usize, 1..7),
        is_uniform in any::<bool>(),
        moved in any::<bool>(),
    ) {
        let topics: Vec<TopicId> = (1..=partitions.len() as u8).map(|n| [n; 16]).collect();
        let count = |topic: &TopicId| partitions.get(usize::from(topic[0]) - 1).copied();
        let subscribed = |bits: usize| -> SortedSet<TopicId> {
            (0..topics.len()).filter(|n| bits & (1 << n) != 0).map(|n| topics[n]).collect()
        };
        let is_even = subscriptions.iter().all(|bits| subscribed(*bits) == subscribed(subscriptions[0]));
        let assignor = if is_uniform { ServerAssignor::Uniform } else { ServerAssignor::Range };
        let run = |before: &SortedMap<String, Assignment>| {
            let members = subscriptions.iter().enumerate().map(|(n, bits)| MemberSpec {
                member_id: format!("m{n}"),
                instance_id: None,
                subscribed_topic_ids: subscribed(*bits),
                assignment: before.get(&format!("m{n}")).cloned().unwrap_or_default(),
            });
            let spec = GroupSpec {
                members: members.collect(),
                subscription_type: if is_even { EVEN } else { UNEVEN },
                partitions: &count,
            };
            assignor.assign(&spec).expect("the topics exist")
        };
        // Something to start from: the first member has everything.
        let mut before = SortedMap::new();
        if moved {
            let all = topics.iter().map(|topic| (*topic, (0..count(topic).unwrap()).collect()));
            before.insert("m0".to_owned(), all.collect::<Assignment>());
        }
        let targets = run(&before);
        let mut owners: SortedMap<(TopicId, i32), usize> = SortedMap::new();
        for (member, target) in &targets {
            let at: usize = member[1..].parse().unwrap();
            for (topic, partitions) in target {
                prop_assert!(subscribed(subscriptions[at]).contains(topic), "{member} subscribes");
                for partition in partitions {
                    *owners.entry((*topic, *partition)).or_default() += 1;
                }
            }
        }
        prop_assert!(owners.values().all(|owners| *owners == 1));
        let wanted: usize = topics
            .iter()
            .filter(|topic| subscriptions.iter().any(|bits| subscribed(*bits).contains(*topic)))
            .map(|topic| count(topic).unwrap() as usize)
            .sum();
        prop_assert_eq!(owners.len(), wanted);
        if is_even && is_uniform {
            let sizes: Vec<usize> = (0..subscriptions.len())
                .map(|n| targets.get(&format!("m{n}")))
                .map(|target| target.map_or(0, |t| t.values().map(SortedSet::len).sum()))
                .collect();
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{sizes:?}");
        }
        let shown = |targets: &SortedMap<String, Assignment>| {
            targets.iter().map(|(id, target)| format!("{id} {}", self::shown(target))).collect::<Vec<_>>()
        };
        prop_assert_eq!(shown(&run(&targets)), shown(&targets));
    }
}
