//! Operations at random on a consumer group by members that behave as Kafka's consumers do, some
//! badly: no partition is held twice, epochs never fall, stale commits are refused, what the log says
//! is what lives, and at rest everything is assigned.

use std::sync::Arc;

use logbrook_group::*;
use logbrook_sorted::{SortedMap, SortedSet};
use proptest::prelude::*;

const GROUP: &str = "g";
const TOPICS: [(&str, u8); 2] = [("orders", 1), ("payments", 2)];
const SESSION_MS: i64 = 45_000;
const REBALANCE_MS: i32 = 60_000;

#[derive(Clone, Debug)]
enum Operation {
    /// A heartbeat that owns what it was told to own.
    Beat(usize),
    /// A heartbeat that has not given anything up yet.
    Reluctant(usize),
    /// With the epoch before, as after a lost answer.
    Again(usize),
    Leave(usize),
    /// Forgets all, and joins anew under the same id.
    Rejoin(usize),
    Subscribe(usize, u8),
    Commit(usize, i32),
    AddPartitions(usize),
    Pass(i64),
    Reload,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let member = 0..4_usize;
    proptest::collection::vec(
        prop_oneof![
            10 => member.clone().prop_map(Operation::Beat),
            3 => member.clone().prop_map(Operation::Reluctant),
            1 => member.clone().prop_map(Operation::Again),
            1 => member.clone().prop_map(Operation::Leave),
            1 => member.clone().prop_map(Operation::Rejoin),
            2 => (member.clone(), 0..4_u8).prop_map(|(m, s)| Operation::Subscribe(m, s)),
            2 => (member, -1..3_i32).prop_map(|(m, e)| Operation::Commit(m, e)),
            1 => (0..2_usize).prop_map(Operation::AddPartitions),
            3 => prop_oneof![Just(1_i64), 0..50_000_i64].prop_map(Operation::Pass),
            1 => Just(Operation::Reload),
        ],
        1..80,
    )
}

type Owned = SortedMap<TopicId, SortedSet<i32>>;

#[derive(Clone, Debug, Default)]
struct Member {
    epoch: i32,
    previous_epoch: i32,
    owned: Owned,
    /// What it was told to own.
    told: Owned,
    /// Which topics, as bits; 4 is both by regular expression.
    subscribed: u8,
    is_changed: bool,
}

struct World {
    groups: Groups,
    now: i64,
    log: Vec<GroupRecord>,
    members: Vec<Member>,
    partitions: [usize; 2],
    version: i64,
    highest_epoch: i32,
}

fn topic_id(index: usize) -> TopicId {
    [TOPICS[index].1; 16]
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            groups: Groups::new(config()),
            now: 1_700_000_000_000,
            log: Vec::new(),
            members: (0..4)
                .map(|m| Member { subscribed: 1 + m % 3, ..Member::default() })
                .collect(),
            partitions: [3, 2],
            version: 0,
            highest_epoch: 0,
        };
        world.tell_topics();
        world
    }

    fn tell_topics(&mut self) {
        self.version += 1;
        let topics = (0..2).map(|index| {
            let metadata = TopicMetadata::new(topic_id(index), self.partitions[index]);
            (TOPICS[index].0.to_owned(), metadata)
        });
        self.groups.on_metadata_update(Arc::new(TopicsImage::new(self.version, topics.collect())));
    }

    fn apply(&mut self, decision: Decision) {
        for record in &decision.records {
            let (key, value) = (record.encode_key(), record.encode_value());
            let read = GroupRecord::decode(&key, value.as_deref()).expect("a record reads back");
            assert_eq!(read, *record);
            self.groups.replay(&read);
            self.log.push(read);
        }
        self.groups.consumer_groups().for_each(ConsumerGroup::assert_valid);
        let mut reloaded = Groups::new(config());
        self.log.iter().for_each(|record| reloaded.replay(record));
        assert_eq!(reloaded.durable(), self.groups.durable(), "the log says all");
        if let Some(group) = self.groups.consumer_group(GROUP) {
            assert!(group.group_epoch() >= self.highest_epoch, "the epoch never falls");
            self.highest_epoch = group.group_epoch();
        }
        if let Some(refresh) = decision.regex_refresh {
            let all: SortedSet<String> = TOPICS.iter().map(|(name, _)| (*name).into()).collect();
            let matches = refresh.regexes.into_iter().map(|regex| (regex, all.clone())).collect();
            let resolved =
                self.groups.regular_expressions_resolved(self.now, &refresh.group_id, matches);
            self.apply(resolved);
        }
    }

    fn beat(&mut self, at: usize, epoch: i32, owned: &Owned) {
        let member = &self.members[at];
        let tells_all = epoch == 0 || member.is_changed;
        let by_regex = member.subscribed & 4 != 0;
        let names = (0..2).filter(|index| !by_regex && member.subscribed & (1 << index) != 0);
        let request = ConsumerGroupHeartbeat {
            group_id: GROUP.into(),
            member_id: format!("m{at}"),
            member_epoch: epoch,
            instance_id: None,
            rack_id: None,
            rebalance_timeout_ms: if epoch == 0 { REBALANCE_MS } else { -1 },
            subscribed_topic_names: tells_all
                .then(|| names.map(|index| TOPICS[index].0.to_owned()).collect()),
            subscribed_topic_regex: tells_all
                .then(|| if by_regex { ".*".to_owned() } else { String::new() }),
            invalid_regex: None,
            server_assignor: None,
            topic_partitions: Some(if epoch == 0 {
                Vec::new()
            } else {
                owned.iter().map(|(id, all)| (*id, all.iter().copied().collect())).collect()
            }),
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            requires_member_id: true,
            new_member_uuid: 0,
        };
        let decided = self.groups.consumer_group_heartbeat(self.now, &request);
        self.apply(decided.decision);
        let member = &mut self.members[at];
        match decided.response {
            Ok(reply) => {
                assert!(reply.member_epoch >= epoch, "a member's epoch never falls");
                if reply.member_epoch != member.epoch {
                    member.previous_epoch = member.epoch;
                }
                member.epoch = reply.member_epoch;
                member.is_changed = false;
                if let Some(assignment) = reply.assignment {
                    member.told = assignment
                        .into_iter()
                        .map(|(id, partitions)| (id, partitions.into_iter().collect()))
                        .collect();
                }
            }
            Err(failure) => {
                assert!(
                    [
                        GroupError::FencedMemberEpoch,
                        GroupError::UnknownMemberId,
                        GroupError::GroupIdNotFound
                    ]
                    .contains(&failure.error),
                    "{failure:?}"
                );
                let subscribed = member.subscribed;
                *member = Member { subscribed, ..Member::default() };
            }
        }
    }

    fn run(&mut self, operation: Operation) {
        match operation {
            Operation::Beat(at) => {
                let told = self.members[at].told.clone();
                self.members[at].owned = told.clone();
                self.beat(at, self.members[at].epoch, &told);
            }
            Operation::Reluctant(at) => {
                let owned = self.members[at].owned.clone();
                self.beat(at, self.members[at].epoch, &owned);
            }
            Operation::Again(at) => {
                let owned = self.members[at].owned.clone();
                self.beat(at, self.members[at].previous_epoch, &owned);
            }
            Operation::Leave(at) => {
                if self.members[at].epoch > 0 {
                    let request = leave_request(at);
                    let decided = self.groups.consumer_group_heartbeat(self.now, &request);
                    self.apply(decided.decision);
                    let subscribed = self.members[at].subscribed;
                    self.members[at] = Member { subscribed, ..Member::default() };
                }
            }
            Operation::Rejoin(at) => {
                let subscribed = self.members[at].subscribed;
                self.members[at] = Member { subscribed, ..Member::default() };
                self.beat(at, 0, &Owned::new());
            }
            Operation::Subscribe(at, topics) => {
                self.members[at].subscribed = topics + 1;
                self.members[at].is_changed = true;
            }
            Operation::Commit(at, ahead) => self.commit(at, ahead),
            Operation::AddPartitions(index) => {
                self.partitions[index] += 1;
                self.tell_topics();
            }
            Operation::Pass(ms) => self.pass(ms),
            Operation::Reload => {
                let mut groups = Groups::new(config());
                self.log.iter().for_each(|record| groups.replay(record));
                let decision = groups.on_loaded(self.now);
                self.groups = groups;
                self.tell_topics();
                self.apply(decision);
            }
        }
    }

    /// A commit is taken in the member's epoch, or in an older one in which it had the partition.
    fn commit(&mut self, at: usize, ahead: i32) {
        let group = self.groups.consumer_group(GROUP);
        let known = group.and_then(|group| group.members().get(&format!("m{at}"))).cloned();
        let epoch = known.as_ref().map_or(1, |member| member.member_epoch()) + ahead;
        let request = OffsetCommit {
            group_id: GROUP.into(),
            generation_id: epoch,
            member_id: format!("m{at}"),
            group_instance_id: None,
            knows_group_id_not_found: true,
            retention_time_ms: None,
            offsets: vec![OffsetToCommit {
                partition: TopicPartition::new("orders", 0),
                topic_id: topic_id(0),
                offset: 7,
                leader_epoch: -1,
                metadata: String::new(),
            }],
        };
        let decided = self.groups.offset_commit(self.now, &request);
        let has_had = known.as_ref().is_some_and(|member| {
            let held = [member.assigned_partitions(), member.partitions_pending_revocation()];
            held.into_iter()
                .filter_map(|partitions| partitions.get(&topic_id(0))?.get(&0).copied())
                .any(|since| since <= epoch)
        });
        let may = known.is_some() && (ahead == 0 || (ahead < 0 && has_had));
        if epoch >= 0 {
            assert_eq!(decided.response.is_ok(), may, "{:?} of {known:?}", decided.response);
        }
        self.apply(decided.decision);
    }

    fn pass(&mut self, ms: i64) {
        let end = self.now + ms;
        while let Some(at) = self.groups.next_wakeup().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let decision = self.groups.tick(self.now);
            self.apply(decision);
        }
        self.now = end;
    }

    /// Everybody behaves for a while: then each partition that somebody subscribes to is owned once.
    fn settle(&mut self) {
        for _ in 0..30 {
            for at in 0..self.members.len() {
                self.run(Operation::Beat(at));
            }
            self.pass(SESSION_MS / 20);
        }
        let group = self.groups.consumer_group(GROUP).expect("there are members");
        assert_eq!(group.state(), ConsumerGroupState::Stable);
        let mut owned: SortedMap<(TopicId, i32), usize> = SortedMap::new();
        for member in &self.members {
            assert_eq!(member.epoch, group.group_epoch());
            for (id, partitions) in &member.owned {
                for partition in partitions {
                    *owned.entry((*id, *partition)).or_default() += 1;
                }
            }
        }
        assert!(owned.values().all(|owners| *owners == 1), "{owned:?}");
        let subscribed = self.members.iter().fold(0, |all, member| all | member.subscribed);
        let expected: usize = (0..2)
            .filter(|index| subscribed & (1 << index) != 0 || subscribed & 4 != 0)
            .map(|index| self.partitions[index])
            .sum();
        assert_eq!(owned.len(), expected, "everything is assigned");
    }
}

fn leave_request(at: usize) -> ConsumerGroupHeartbeat {
    ConsumerGroupHeartbeat {
        group_id: GROUP.into(),
        member_id: format!("m{at}"),
        member_epoch: -1,
        instance_id: None,
        rack_id: None,
        rebalance_timeout_ms: -1,
        subscribed_topic_names: None,
        subscribed_topic_regex: None,
        invalid_regex: None,
        server_assignor: None,
        topic_partitions: None,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        requires_member_id: true,
        new_member_uuid: 0,
    }
}

fn config() -> GroupConfig {
    GroupConfig::default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn members_that_come_and_go_never_share_a_partition(operations in operations()) {
        let mut world = World::new();
        for operation in operations {
            world.run(operation);
        }
        world.settle();
    }
}
