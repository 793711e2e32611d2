//! The cases of Kafka's `PartitionChangeBuilderTest`, with eligible leader replicas on.

use super::*;
use crate::controller::reassignment_replicas::Revert;
use crate::controller::{BrokerRegistration, MetadataRecord};
use crate::{ConfigResource, TopicImage};

const TOPIC_ID: Uuid = Uuid::from_u128(0xf00);
const UNASSIGNED: Uuid = Uuid::from_u128(1);

/// Two directories each, so that nobody can say where a new replica goes.
fn image(min_isr: usize) -> MetadataImage {
    let mut image = MetadataImage::default();
    let elr = "eligible.leader.replicas.version".to_owned();
    image.replay(&MetadataRecord::FeatureLevel { name: elr, level: 1 });
    for id in 0..6_u8 {
        image.replay(&MetadataRecord::RegisterBroker(BrokerRegistration {
            broker_id: id.into(),
            directories: vec![Uuid::from_u128(0x1000 + u128::from(id)), Uuid::from_u128(0x2000)],
            fenced: false,
            ..BrokerRegistration::default()
        }));
    }
    image.replay(&MetadataRecord::Topic { name: "t".into(), topic_id: TOPIC_ID });
    image.replay(&MetadataRecord::Config {
        resource: ConfigResource::topic("t"),
        name: "min.insync.replicas".into(),
        value: Some(min_isr.to_string()),
    });
    image
}

/// A partition, who is away, and what is asked of the builder.
fn build_with(
    partition: &PartitionRegistration,
    min_isr: usize,
    away: &[i32],
    ask: impl for<'a> FnOnce(PartitionChangeBuilder<'a>) -> PartitionChangeBuilder<'a>,
) -> Option<PartitionChange> {
    let image = image(min_isr);
    let topic: &TopicImage = image.topic("t").unwrap();
    let accepts = |id: i32| !away.contains(&id);
    let config = BrokerConfig::default();
    ask(PartitionChangeBuilder::new(&image, &config, topic, partition, accepts)).build()
}

fn partition(replicas: &[i32], isr: &[i32], leader: i32) -> PartitionRegistration {
    PartitionRegistration {
        replicas: replicas.to_vec(),
        directories: vec![UNASSIGNED; replicas.len()],
        isr: isr.to_vec(),
        leader,
        leader_epoch: 100,
        partition_epoch: 200,
        ..PartitionRegistration::default()
    }
}

fn foo() -> PartitionRegistration {
    partition(&[2, 1, 3], &[2, 1, 3], 1)
}

/// 4 comes for 1.
fn bar() -> PartitionRegistration {
    PartitionRegistration {
        removing_replicas: vec![1],
        adding_replicas: vec![4],
        ..partition(&[1, 2, 3, 4], &[1, 2, 3], 1)
    }
}

fn baz() -> PartitionRegistration {
    partition(&[2, 1, 3], &[1, 3], 3)
}

fn offline() -> PartitionRegistration {
    PartitionRegistration {
        elr: vec![3],
        last_known_elr: vec![2],
        ..partition(&[2, 1, 3], &[], -1)
    }
}

fn ids(ids: &[i32]) -> Option<Vec<i32>> {
    Some(ids.to_vec())
}

fn unassigned(count: usize) -> Option<Vec<Uuid>> {
    Some(vec![UNASSIGNED; count])
}

const NOTHING: PartitionChange = PartitionChange {
    isr: None,
    leader: None,
    replicas: None,
    removing_replicas: None,
    adding_replicas: None,
    leader_recovery_state: None,
    directories: None,
    elr: None,
    last_known_elr: None,
};

#[test]
fn nothing_changes_where_nothing_is_asked() {
    let check = |partition: &PartitionRegistration, away: &[i32], election: Election| {
        assert_eq!(build_with(partition, 2, away, |b| b.election(election)), None);
    };
    for election in [Election::Online, Election::Unclean] {
        check(&foo(), &[3], election);
        check(&bar(), &[3], election);
    }
    check(&baz(), &[], Election::Preferred);
}

#[test]
fn a_leader_is_elected() {
    let leader = |partition: &PartitionRegistration, away: &[i32], isr: &[i32], election| {
        let change =
            build_with(partition, 2, away, |b| b.target_isr(isr.to_vec()).election(election));
        let leads = partition.merge(&change.unwrap_or_default());
        (leads.leader, leads.leader_recovery_state == LeaderRecoveryState::Recovering)
    };
    let (preferred, online, unclean) = (Election::Preferred, Election::Online, Election::Unclean);
    let isr = [2, 1, 3];
    assert_eq!(leader(&foo(), &[3], &isr, preferred), (2, false));
    assert_eq!(leader(&foo(), &[3], &isr, online), (1, false));
    assert_eq!(leader(&foo(), &[3], &isr, unclean), (1, false));
    assert_eq!(leader(&foo(), &[3], &[1, 3], online), (1, false));
    assert_eq!(leader(&foo(), &[3], &[1, 3], unclean), (1, false));
    assert_eq!(leader(&foo(), &[3], &[3], online), (-1, false));
    assert_eq!(leader(&foo(), &[3], &[3], unclean), (2, true));
    for election in [preferred, online, unclean] {
        assert_eq!(leader(&baz(), &[], &[1, 3], election), (3, false));
    }
}

#[test]
fn an_isr_changes_without_a_new_epoch_of_the_leader() {
    let change = build_with(&foo(), 2, &[3], |b| b.target_isr(vec![2, 1]));
    assert_eq!(change, Some(PartitionChange { isr: ids(&[2, 1]), ..NOTHING }));
    let change = build_with(&foo(), 2, &[3], |b| b.target_isr(vec![2, 3]));
    assert_eq!(change, Some(PartitionChange { isr: ids(&[2, 3]), leader: Some(2), ..NOTHING }));
}

#[test]
fn a_reassignment_that_only_rearranges_is_complete_at_once() {
    let mut foo = foo();
    foo.directories = [10, 11, 12].map(Uuid::from_u128).into();
    let change = build_with(&foo, 2, &[3], |b| b.target_replicas(vec![3, 2, 1]));
    let directories = Some([12, 10, 11].map(Uuid::from_u128).to_vec());
    let expected = PartitionChange { replicas: ids(&[3, 2, 1]), directories, ..NOTHING };
    assert_eq!(change, Some(expected));
}

#[test]
fn an_isr_that_grows_completes_a_reassignment() {
    let change = build_with(&bar(), 2, &[3], |b| b.target_isr(vec![1, 2, 3, 4]));
    let expected = PartitionChange {
        replicas: ids(&[2, 3, 4]),
        directories: unassigned(3),
        isr: ids(&[2, 3, 4]),
        leader: Some(2),
        removing_replicas: ids(&[]),
        adding_replicas: ids(&[]),
        ..NOTHING
    };
    assert_eq!(change, Some(expected));
}

#[test]
fn a_reassignment_that_is_taken_back_raises_the_leader_epoch() {
    let revert = Revert::of(&bar()).unwrap();
    assert_eq!(
        (revert.replicas.as_slice(), revert.isr.as_slice()),
        (&[1, 2, 3][..], &[1, 2, 3][..])
    );
    let change = build_with(&bar(), 2, &[3], |b| {
        b.target_replicas(revert.replicas)
            .target_isr(revert.isr)
            .target_removing(Vec::new())
            .target_adding(Vec::new())
    });
    let expected = PartitionChange {
        replicas: ids(&[1, 2, 3]),
        directories: unassigned(3),
        leader: Some(1),
        removing_replicas: ids(&[]),
        adding_replicas: ids(&[]),
        ..NOTHING
    };
    assert_eq!(change, Some(expected));
}

#[test]
fn a_replica_is_taken_away() {
    let between = ReassignmentReplicas::between(&foo().replicas, &[1, 2]);
    assert_eq!(between.replicas, [1, 2, 3]);
    let change = build_with(&foo(), 2, &[3], |b| {
        b.target_replicas(between.replicas).target_removing(between.removing)
    });
    let expected = PartitionChange {
        replicas: ids(&[1, 2]),
        directories: unassigned(2),
        isr: ids(&[2, 1]),
        leader: Some(1),
        ..NOTHING
    };
    assert_eq!(change, Some(expected));
}

#[test]
fn a_replica_is_added() {
    let between = ReassignmentReplicas::between(&foo().replicas, &[1, 2, 3, 4]);
    let change = build_with(&foo(), 2, &[3], |b| {
        b.target_replicas(between.replicas).target_adding(between.adding)
    });
    let expected = PartitionChange {
        replicas: ids(&[1, 2, 3, 4]),
        directories: unassigned(4),
        adding_replicas: ids(&[4]),
        ..NOTHING
    };
    assert_eq!(change, Some(expected));
}

#[test]
fn an_unclean_election_leaves_the_leader_alone_in_the_isr() {
    let recovering = Some(LeaderRecoveryState::Recovering);
    let change = build_with(&foo(), 2, &[3], |b| b.election(Election::Unclean).target_isr(vec![3]));
    let expected = PartitionChange {
        isr: ids(&[2]),
        leader: Some(2),
        leader_recovery_state: recovering,
        ..NOTHING
    };
    assert_eq!(change, Some(expected));
    let expected = PartitionChange {
        isr: ids(&[1]),
        leader: Some(1),
        leader_recovery_state: recovering,
        elr: ids(&[]),
        last_known_elr: ids(&[]),
        ..NOTHING
    };
    for isr in [vec![], vec![2]] {
        let change =
            build_with(&offline(), 2, &[2, 3], |b| b.election(Election::Unclean).target_isr(isr));
        assert_eq!(change, Some(expected.clone()));
    }
}

#[test]
fn a_leader_that_goes_and_comes_is_still_recovering() {
    let mut partition = partition(&[1, 2, 3], &[1], 1);
    partition.leader_recovery_state = LeaderRecoveryState::Recovering;
    let away = build_with(&partition, 2, &[1, 2, 3], |b| b.target_isr(Vec::new())).unwrap();
    assert_eq!((away.leader, away.leader_recovery_state), (Some(-1), None));
    let partition = partition.merge(&away);
    assert_eq!((partition.isr.as_slice(), partition.elr.as_slice()), (&[][..], &[1][..]));
    let back = build_with(&partition, 2, &[], |b| b).unwrap();
    assert_eq!((back.leader, back.leader_recovery_state), (Some(1), None));
    assert_eq!(partition.merge(&back).leader_recovery_state, LeaderRecoveryState::Recovering);
}

#[test]
fn a_leader_that_is_taken_away_does_not_lead_on() {
    let partition = PartitionRegistration {
        removing_replicas: vec![0, 1],
        adding_replicas: vec![2, 3],
        ..partition(&[2, 3, 0, 1], &[0, 1], 0)
    };
    let change =
        build_with(&partition, 2, &[0, 1, 2, 3], |b| b.target_isr(vec![0, 1, 2, 3])).unwrap();
    assert_eq!(change.leader, Some(-1));
    assert_eq!((change.replicas, change.isr), (ids(&[2, 3]), ids(&[2, 3])));
}

#[test]
fn who_leaves_a_small_isr_is_eligible() {
    let four = partition(&[1, 2, 3, 4], &[1, 2, 3, 4], 1);
    let change = build_with(&four, 3, &[3], |b| b.target_isr(vec![1, 2]));
    let expected = PartitionChange { isr: ids(&[1, 2]), elr: ids(&[3, 4]), ..NOTHING };
    assert_eq!(change, Some(expected));
    // An ISR that is large enough: nobody needs to be.
    let small = PartitionRegistration { elr: vec![3], ..partition(&[1, 2, 3, 4], &[1, 2], 1) };
    let change = build_with(&small, 3, &[3], |b| b.target_isr(vec![1, 2, 3]));
    assert_eq!(change, Some(PartitionChange { isr: ids(&[1, 2, 3]), elr: ids(&[]), ..NOTHING }));
    // One who was not eligible comes in.
    let small = PartitionRegistration { elr: vec![3], ..partition(&[1, 2, 3, 4], &[1], 1) };
    let change = build_with(&small, 3, &[3], |b| b.target_isr(vec![1, 4]));
    assert_eq!(change, Some(PartitionChange { isr: ids(&[1, 4]), ..NOTHING }));
}

#[test]
fn who_may_have_lost_records_is_not_eligible() {
    let partition = PartitionRegistration { elr: vec![2, 3], ..partition(&[1, 2, 3, 4], &[1], 1) };
    let change = build_with(&partition, 3, &[3], |b| b.unclean_shutdown_replicas(vec![3]));
    assert_eq!(change, Some(PartitionChange { elr: ids(&[2]), ..NOTHING }));
}

#[test]
fn the_last_leader_is_known_when_nobody_leads() {
    let partition = PartitionRegistration { elr: vec![2], ..partition(&[1, 2, 3], &[1], 1) };
    let change = build_with(&partition, 3, &[1, 2, 3], |b| b.election(Election::Preferred));
    let expected = PartitionChange { leader: Some(-1), last_known_elr: ids(&[1]), ..NOTHING };
    assert_eq!(change, Some(expected));
}

#[test]
fn an_eligible_replica_leads_where_the_isr_is_empty() {
    let partition = PartitionRegistration { elr: vec![3], ..partition(&[1, 2, 3, 4], &[1], 1) };
    let change =
        build_with(&partition, 3, &[1], |b| b.election(Election::Preferred).target_isr(Vec::new()));
    let expected = PartitionChange { isr: ids(&[3]), elr: ids(&[1]), leader: Some(3), ..NOTHING };
    assert_eq!(change, Some(expected));
}

#[test]
fn an_isr_can_shrink_to_nobody() {
    let all = partition(&[1, 2, 3, 4], &[1, 2, 3, 4], 1);
    let change = build_with(&all, 3, &[1, 2, 3, 4], |b| b.target_isr(Vec::new())).unwrap();
    let expected = PartitionChange {
        isr: ids(&[]),
        leader: Some(-1),
        elr: ids(&[1, 2, 3, 4]),
        last_known_elr: ids(&[1]),
        ..NOTHING
    };
    assert_eq!(change, expected);
    // The last leader stays known while nobody leads.
    let nobody = all.merge(&change);
    let change = build_with(&nobody, 3, &[1, 2, 3, 4], |b| b.unclean_shutdown_replicas(vec![2]));
    assert_eq!(change, Some(PartitionChange { elr: ids(&[1, 3, 4]), ..NOTHING }));
}

#[test]
fn the_last_known_leader_leads_where_nobody_is_eligible() {
    let nobody =
        PartitionRegistration { last_known_elr: vec![1], ..partition(&[1, 2, 3, 4], &[], -1) };
    let change = build_with(&nobody, 3, &[], |b| b.election(Election::Preferred));
    let expected = PartitionChange {
        isr: ids(&[1]),
        leader: Some(1),
        leader_recovery_state: Some(LeaderRecoveryState::Recovering),
        last_known_elr: ids(&[]),
        ..NOTHING
    };
    assert_eq!(change, Some(expected));
    // Not while somebody is eligible, and not while it is away.
    let eligible = PartitionRegistration { elr: vec![3], ..nobody.clone() };
    assert_eq!(build_with(&eligible, 3, &[3], |b| b.election(Election::Preferred)), None);
    for election in [Election::Preferred, Election::Online, Election::Unclean] {
        assert_eq!(build_with(&nobody, 3, &[1, 2, 3, 4], |b| b.election(election)), None);
    }
}

#[test]
fn replicas_keep_their_directories() {
    let mut partition = partition(&[2, 1, 3], &[2, 1, 3], 1);
    partition.directories = [20, 10, 30].map(Uuid::from_u128).into();
    let change = build_with(&partition, 2, &[], |b| b.target_replicas(vec![3, 1, 5, 4])).unwrap();
    let directories = vec![Uuid::from_u128(30), Uuid::from_u128(10), UNASSIGNED, UNASSIGNED];
    assert_eq!(change.directories, Some(directories));
    // Not every replica of before is there.
    assert_eq!(change.leader, Some(1));
}
