//! The cases of Kafka's `PartitionReassignmentReplicasTest` and `PartitionReassignmentRevertTest`.

use super::*;

#[track_caller]
fn between(current: &[i32], target: &[i32], removing: &[i32], adding: &[i32], replicas: &[i32]) {
    let expected = ReassignmentReplicas {
        removing: removing.to_vec(),
        adding: adding.to_vec(),
        replicas: replicas.to_vec(),
    };
    assert_eq!(ReassignmentReplicas::between(current, target), expected);
}

#[test]
fn a_target_says_what_comes_and_what_goes() {
    between(&[3, 2, 1], &[3, 2, 1], &[], &[], &[3, 2, 1]);
    between(&[3, 2, 1], &[3, 6, 2, 1, 5], &[], &[5, 6], &[3, 6, 2, 1, 5]);
    between(&[3, 2, 1, 0], &[3, 1], &[0, 2], &[], &[3, 1, 0, 2]);
    between(&[3, 2, 1, 0], &[7, 3, 1, 9], &[0, 2], &[7, 9], &[7, 3, 1, 9, 0, 2]);
    between(&[3, 2, 1, 0], &[0, 1, 3, 2], &[], &[], &[0, 1, 3, 2]);
}

/// From, to, the ISR meanwhile; replicas and ISR afterwards, where that completes it.
#[track_caller]
fn completes(current: &[i32], target: &[i32], isr: &[i32], expected: Option<(&[i32], &[i32])>) {
    let completed = ReassignmentReplicas::between(current, target).complete(isr);
    let completed = completed.map(|completed| (completed.replicas, completed.isr));
    assert_eq!(completed, expected.map(|(replicas, isr)| (replicas.to_vec(), isr.to_vec())));
}

#[test]
fn a_reassignment_waits_for_all_that_come() {
    completes(&[0, 1, 2], &[0, 1, 2], &[0, 1, 2], None);
    completes(&[0, 1, 2], &[3, 4, 5], &[0, 1, 2, 3, 4], None);
    completes(&[0, 1, 2], &[3, 4, 5], &[0, 1, 2, 3, 4, 5], Some((&[3, 4, 5], &[3, 4, 5])));
    completes(&[0, 1, 2], &[0, 1, 3], &[0, 1, 2, 3], Some((&[0, 1, 3], &[0, 1, 3])));
    completes(&[0, 1, 2], &[0, 1, 3], &[0, 1, 2], None);
}

#[test]
fn a_reassignment_does_not_wait_for_those_that_stay() {
    completes(&[0, 1, 2], &[0, 1, 3], &[0, 2, 3], Some((&[0, 1, 3], &[0, 3])));
    completes(&[0, 1, 2], &[0, 1, 3], &[2, 3], Some((&[0, 1, 3], &[3])));
    let grown: (&[i32], &[i32]) = (&[1, 2, 3, 4, 5], &[1, 2, 4, 5]);
    completes(&[0, 1, 2, 3], &[1, 2, 3, 4, 5], &[0, 1, 2, 4, 5], Some(grown));
    completes(&[0, 1, 2, 3], &[1, 2, 3, 4, 5], &[0, 1, 2, 3, 5], None);
}

#[test]
fn fewer_replicas_must_all_be_in_sync() {
    completes(&[0, 1, 2, 3, 4], &[2, 3, 4, 5], &[0, 1, 2, 3, 5], None);
    completes(&[0, 1, 2, 3, 4], &[2, 3, 4, 5], &[0, 1, 2, 3, 4], None);
}

#[test]
fn a_reassignment_is_taken_back() {
    let revert = |replicas: &[i32], isr: &[i32], removing: &[i32], adding: &[i32]| {
        let partition = PartitionRegistration {
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
            removing_replicas: removing.to_vec(),
            adding_replicas: adding.to_vec(),
            ..PartitionRegistration::default()
        };
        Revert::of(&partition).map(|revert| (revert.replicas, revert.isr, revert.unclean))
    };
    let is = |isr: &[i32], unclean| Ok((vec![3, 2, 1], isr.to_vec(), unclean));
    assert_eq!(revert(&[3, 2, 1], &[3, 2], &[], &[]), is(&[3, 2], false));
    assert_eq!(revert(&[3, 2, 1], &[3, 2], &[2, 1], &[]), is(&[3, 2], false));
    assert_eq!(revert(&[4, 5, 3, 2, 1], &[4, 5, 2], &[], &[4, 5]), is(&[2], false));
    assert_eq!(revert(&[4, 5, 3, 2, 1], &[4, 5, 2], &[2], &[4, 5]), is(&[2], false));
    // Only those in sync that came: the first of the others is taken.
    assert_eq!(revert(&[4, 5, 3, 2, 1], &[4, 5], &[2], &[4, 5]), is(&[3], true));
    assert!(revert(&[4, 5], &[4, 5], &[], &[4, 5]).is_err());
}
