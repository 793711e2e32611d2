//! The assignors. Cases are those of Apache Kafka's RangeAssignorTest, RoundRobinAssignorTest,
//! AbstractStickyAssignorTest and CooperativeStickyAssignorTest, in our own form.

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_group::TopicPartition;
use logbrook_group::assignors::{
    Assignments, Assignor, GroupMember, PartitionsPerTopic, Subscriptions,
};
use logbrook_group::consumer_protocol::Subscription;
use proptest::prelude::*;

const STICKY: [Assignor; 2] = [Assignor::Sticky, Assignor::CooperativeSticky];

fn topics(topics: &[(&str, i32)]) -> PartitionsPerTopic {
    topics.iter().map(|(topic, partitions)| ((*topic).into(), *partitions)).collect()
}

fn member(topics: &str) -> GroupMember {
    GroupMember {
        subscription: Subscription::to(topics.split_whitespace()),
        group_instance_id: None,
    }
}

/// `"A: t1 t2"`: member A subscribes to t1 and t2. `"A=i1: t1"`: as the instance i1.
fn members(lines: &[&str]) -> Subscriptions {
    let parse = |line: &&str| {
        let (name, topics) = line.split_once(':').expect("name: topics");
        let (id, instance) = match name.split_once('=') {
            Some((id, instance)) => (id, Some(instance.to_string())),
            None => (name, None),
        };
        (id.to_string(), GroupMember { group_instance_id: instance, ..member(topics) })
    };
    lines.iter().map(parse).collect()
}

fn show(assignments: &Assignments) -> String {
    let member = |(id, partitions): (&String, &Vec<TopicPartition>)| {
        let partitions: Vec<String> = partitions.iter().map(ToString::to_string).collect();
        format!("{id}: {}", partitions.join(" "))
    };
    assignments.iter().map(member).collect::<Vec<_>>().join("; ")
}

fn check(assignor: Assignor, partitions: &[(&str, i32)], lines: &[&str], expected: &str) {
    assert_eq!(show(&assignor.assign(&topics(partitions), &members(lines))), expected);
}

#[test]
fn range_gives_neighbours_and_the_first_members_the_rest() {
    let range = Assignor::Range;
    check(range, &[], &["A: t1"], "A: ");
    check(range, &[("t1", 0)], &["A: t1"], "A: ");
    check(range, &[("t1", 3)], &["A: t1"], "A: t1-0 t1-1 t1-2");
    check(range, &[("t1", 3), ("t2", 3)], &["A: t1"], "A: t1-0 t1-1 t1-2");
    check(range, &[("t1", 1)], &["A: t1", "B: t1"], "A: t1-0; B: ");
    check(range, &[("t1", 2)], &["A: t1", "B: t1"], "A: t1-0; B: t1-1");
    check(
        range,
        &[("t1", 3), ("t2", 3)],
        &["A: t1 t2", "B: t1 t2"],
        "A: t1-0 t1-1 t2-0 t2-1; B: t1-2 t2-2",
    );
    check(
        range,
        &[("t1", 3), ("t2", 2)],
        &["A: t1", "B: t1 t2", "C: t1"],
        "A: t1-0; B: t1-1 t2-0 t2-1; C: t1-2",
    );
}

#[test]
fn range_and_round_robin_put_static_members_first_by_instance() {
    // The member ids are in the other order than the instances.
    let lines = ["B=i1: t1 t2", "A=i2: t1 t2", "0: t1 t2"];
    check(Assignor::Range, &[("t1", 2), ("t2", 3)], &lines, "0: t2-2; A: t1-1 t2-1; B: t1-0 t2-0");
    check(
        Assignor::RoundRobin,
        &[("t1", 2), ("t2", 3)],
        &lines,
        "0: t2-0; A: t1-1 t2-2; B: t1-0 t2-1",
    );
}

#[test]
fn round_robin_deals_in_turn_to_those_who_read_the_topic() {
    let robin = Assignor::RoundRobin;
    check(robin, &[("t1", 2)], &["A: t1", "B: t1"], "A: t1-0; B: t1-1");
    check(
        robin,
        &[("t1", 3), ("t2", 2)],
        &["A: t1", "B: t1 t2", "C: t1"],
        "A: t1-0; B: t1-1 t2-0 t2-1; C: t1-2",
    );
    check(
        robin,
        &[("t1", 3), ("t2", 3)],
        &["A: t1 t2", "B: t1 t2"],
        "A: t1-0 t1-2 t2-1; B: t1-1 t2-0 t2-2",
    );
}

#[test]
fn sticky_from_nothing_deals_in_turn() {
    for sticky in STICKY {
        check(sticky, &[], &["A: t1"], "A: ");
        check(sticky, &[("t1", 3)], &["A: t1"], "A: t1-0 t1-1 t1-2");
        check(sticky, &[("t1", 1)], &["A: t1", "B: t1"], "A: t1-0; B: ");
        check(
            sticky,
            &[("t1", 3), ("t2", 3)],
            &["A: t1 t2", "B: t1 t2"],
            "A: t1-0 t1-2 t2-1; B: t1-1 t2-0 t2-2",
        );
    }
}

/// One rebalance after another, as members come, go and change their minds.
struct Group {
    assignor: Assignor,
    partitions: PartitionsPerTopic,
    members: Subscriptions,
    generation: i32,
}

impl Group {
    fn new(assignor: Assignor, partitions: &[(&str, i32)], lines: &[&str]) -> Self {
        let (partitions, members) = (topics(partitions), members(lines));
        Self { assignor, partitions, members, generation: 0 }
    }

    /// A rebalance: each member tells what it has, and takes what it is given.
    fn rebalance(&mut self) -> Assignments {
        let assigned = self.assignor.assign(&self.partitions, &self.members);
        self.generation += 1;
        for (id, partitions) in &assigned {
            let subscription = &mut self.members.get_mut(id).unwrap().subscription;
            subscription.user_data =
                self.assignor.subscription_user_data(Some(partitions), self.generation);
            subscription.generation_id = self.generation;
            if self.assignor.is_cooperative() {
                subscription.owned_partitions = partitions.clone();
            }
        }
        assigned
    }

    /// Rebalances until nobody has to give anything up: twice with a cooperative assignor.
    fn settle(&mut self) -> Assignments {
        let first = self.rebalance();
        let second = self.rebalance();
        if self.assignor.is_cooperative() {
            assert_eq!(sets(&self.rebalance()), sets(&second), "two rebalances are enough");
        } else {
            assert_eq!(sets(&first), sets(&second), "a sticky assignment stays");
        }
        second
    }
}

fn sets(assignments: &Assignments) -> SortedMap<String, SortedSet<TopicPartition>> {
    assignments.iter().map(|(id, all)| (id.clone(), all.iter().cloned().collect())).collect()
}

/// `verifyValidityAndBalance` of Java's test: everyone reads only what it subscribes to, nothing is
/// read twice, and no partition could move to a reader that has two fewer.
fn assert_balanced(partitions: &PartitionsPerTopic, members: &Subscriptions, all: &Assignments) {
    assert_eq!(all.keys().collect::<Vec<_>>(), members.keys().collect::<Vec<_>>());
    let mut owners: SortedMap<&TopicPartition, &String> = SortedMap::new();
    for (id, assigned) in all {
        for partition in assigned {
            assert!(members[id].subscription.topics.contains(&partition.topic));
            assert!((0..partitions[&partition.topic]).contains(&partition.partition));
            assert!(owners.insert(partition, id).is_none(), "{partition} is read twice");
        }
    }
    for (topic, count) in partitions {
        let readers: Vec<&String> = members
            .iter()
            .filter(|(_, m)| m.subscription.topics.contains(topic))
            .map(|(id, _)| id)
            .collect();
        for index in 0..*count {
            let owner = owners.get(&TopicPartition::new(topic.clone(), index));
            assert_eq!(owner.is_some(), !readers.is_empty(), "{topic}-{index} is read");
            let Some(owner) = owner else { continue };
            for reader in &readers {
                assert!(
                    all[*owner].len() <= all[*reader].len() + 1,
                    "{topic}-{index} could move from {owner} to {reader}: {}",
                    show(all)
                );
            }
        }
    }
}

#[test]
fn sticky_members_keep_what_they_have_when_one_comes_and_goes() {
    for sticky in STICKY {
        let mut group = Group::new(sticky, &[("t", 3)], &["A: t"]);
        assert_eq!(show(&group.settle()), "A: t-0 t-1 t-2");
        group.members.insert("B".into(), member("t"));
        assert_eq!(show(&group.settle()), "A: t-0 t-1; B: t-2");
        group.members.remove("A");
        assert_eq!(show(&group.settle()), "B: t-0 t-1 t-2");
    }
}

#[test]
fn a_cooperative_member_first_gives_up_and_only_then_another_gets() {
    let mut group = Group::new(Assignor::CooperativeSticky, &[("t", 3)], &["A: t"]);
    group.rebalance();
    group.members.insert("B".into(), member("t"));
    assert_eq!(show(&group.rebalance()), "A: t-0 t-1; B: ");
    assert_eq!(show(&group.rebalance()), "A: t-0 t-1; B: t-2");
}

#[test]
fn a_cooperative_member_with_other_topics_too() {
    let mut group =
        Group::new(Assignor::CooperativeSticky, &[("t", 4), ("u", 2)], &["A: t u", "B: t"]);
    let before = group.settle();
    assert_balanced(&group.partitions, &group.members, &before);
    group.members.insert("C".into(), member("t u"));
    let first = group.rebalance();
    for (id, assigned) in &before {
        let kept = &first[id];
        assert!(kept.iter().all(|partition| assigned.contains(partition)), "nothing is taken over");
    }
    let settled = group.settle();
    assert_balanced(&group.partitions, &group.members, &settled);
}

#[test]
fn two_members_that_claim_the_same_in_one_generation_both_lose_it() {
    let mut members = members(&["A: t", "B: t"]);
    for member in members.values_mut() {
        member.subscription.owned_partitions = vec![TopicPartition::new("t", 0)];
        member.subscription.generation_id = 3;
    }
    let assigned = Assignor::CooperativeSticky.assign(&topics(&[("t", 3)]), &members);
    assert!(assigned.values().flatten().all(|partition| partition.partition != 0));
}

#[test]
fn of_two_claims_the_newer_generation_counts() {
    let mut members = members(&["A: t", "B: t"]);
    for (id, generation) in [("A", 3), ("B", 4)] {
        let subscription = &mut members.get_mut(id).unwrap().subscription;
        subscription.owned_partitions =
            vec![TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        subscription.generation_id = generation;
    }
    let assigned = Assignor::CooperativeSticky.assign(&topics(&[("t", 4)]), &members);
    assert_eq!(show(&assigned), "A: t-2 t-3; B: t-0 t-1");
}

#[test]
fn what_a_sticky_member_had_is_in_its_user_data() {
    let assigned = [TopicPartition::new("t", 1), TopicPartition::new("t", 0)];
    let bytes = Assignor::Sticky.subscription_user_data(Some(&assigned), 7).unwrap();
    assert_eq!(bytes, [0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(Assignor::Sticky.subscription_user_data(None, -1), None);
    let bytes = Assignor::CooperativeSticky.subscription_user_data(None, -1).unwrap();
    assert_eq!(bytes, [0xff; 4]);
    // What cannot be read counts as nothing.
    let mut members = members(&["A: t"]);
    members.get_mut("A").unwrap().subscription.user_data = Some(vec![9; 3]);
    let assigned = Assignor::Sticky.assign(&topics(&[("t", 1)]), &members);
    assert_eq!(show(&assigned), "A: t-0");
}

#[test]
fn the_names_are_kafkas() {
    for assignor in Assignor::ALL {
        assert_eq!(Assignor::by_name(assignor.name()), Some(assignor));
        assert_eq!(Assignor::by_class_name(assignor.class_name()), Some(assignor));
    }
    assert_eq!(Assignor::by_name("own"), None);
}

#[derive(Clone, Debug)]
enum Change {
    Join(usize, SortedSet<usize>),
    Leave(usize),
    Grow(usize),
    DeleteTopic(usize),
}

fn changes(same_topics: bool) -> impl Strategy<Value = Vec<Change>> {
    let subscription = if same_topics {
        Just((0..4).collect::<SortedSet<usize>>()).boxed()
    } else {
        // Not without any topic: where such a member comes first, Java takes all for equal.
        proptest::collection::btree_set(0..4_usize, 1..4)
            .prop_map(|topics| topics.into_iter().collect())
            .boxed()
    };
    let change = prop_oneof![
        4 => (0..6_usize, subscription).prop_map(|(id, topics)| Change::Join(id, topics)),
        2 => (0..6_usize).prop_map(Change::Leave),
        2 => (0..4_usize).prop_map(Change::Grow),
        1 => (0..4_usize).prop_map(Change::DeleteTopic),
    ];
    proptest::collection::vec(change, 1..12)
}

fn run(assignor: Assignor, changes: &[Change]) {
    let mut group = Group::new(assignor, &[("t0", 3), ("t1", 1), ("t2", 5), ("t3", 2)], &[]);
    for change in changes {
        match change {
            Change::Join(id, topics) => {
                let topics: Vec<String> = topics.iter().map(|topic| format!("t{topic}")).collect();
                group.members.insert(format!("m{id}"), member(&topics.join(" ")));
            }
            Change::Leave(id) => {
                group.members.remove(&format!("m{id}"));
            }
            Change::Grow(topic) => {
                *group.partitions.entry(format!("t{topic}")).or_insert(0) += 1;
            }
            Change::DeleteTopic(topic) => {
                group.partitions.remove(&format!("t{topic}"));
            }
        }
        let settled = group.settle();
        assert_balanced(&group.partitions, &group.members, &settled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sticky_groups_stay_balanced(changes in changes(false)) {
        for assignor in STICKY {
            run(assignor, &changes);
        }
    }

    #[test]
    fn sticky_groups_of_equal_members_stay_balanced(changes in changes(true)) {
        for assignor in STICKY {
            run(assignor, &changes);
        }
    }
}
