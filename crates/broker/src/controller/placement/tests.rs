//! The cases of Kafka's `StripedReplicaPlacerTest`, with the draws of its `MockRandom`.

use std::convert::Infallible;

use rand_pcg::rand_core::TryRng;

use super::*;

/// `MockRandom`.
struct MockRandom(u64);

impl TryRng for MockRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.0 = self.0.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
        // `next(31)`, which is what is looked at.
        Ok(u32::try_from(self.0 >> 33).unwrap() << 1)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("nobody draws it")
    }

    fn try_fill_bytes(&mut self, _bytes: &mut [u8]) -> Result<(), Infallible> {
        unreachable!("nobody draws it")
    }
}

fn brokers(all: &[(i32, &str, bool)]) -> SortedMap<i32, BrokerRegistration> {
    let broker = |(id, rack, fenced): &(i32, &str, bool)| {
        let registration = BrokerRegistration {
            broker_id: *id,
            rack: (!rack.is_empty()).then(|| (*rack).to_owned()),
            fenced: *fenced,
            ..BrokerRegistration::default()
        };
        (*id, registration)
    };
    all.iter().map(broker).collect()
}

fn racks(all: &[(i32, &str, bool)]) -> (RackList, MockRandom) {
    let mut random = MockRandom(17);
    (RackList::new(&mut random, &brokers(all)), random)
}

#[test]
fn brokers_take_turns() {
    let mut list = BrokerList::default();
    assert_eq!(list.next(1), None);
    list.brokers = vec![0, 1, 2, 3];
    let mut round = |epoch| [(); 6].map(|()| list.next(epoch));
    assert_eq!(round(0), [Some(0), Some(1), Some(2), Some(3), None, None]);
    assert_eq!(round(1), [Some(1), Some(2), Some(3), Some(0), None, None]);
}

#[test]
fn a_fenced_broker_is_avoided() {
    let (mut racks, mut random) =
        racks(&[(3, "", false), (1, "", true), (0, "", false), (4, "", false), (2, "", false)]);
    assert_eq!((racks.total, racks.unfenced), (5, 4));
    assert_eq!(racks.place(&mut random, 4), [3, 4, 0, 2]);
    assert_eq!(racks.place(&mut random, 4), [4, 0, 2, 3]);
    assert_eq!(racks.place(&mut random, 4), [0, 2, 3, 4]);
    assert_eq!(racks.place(&mut random, 4), [2, 3, 4, 0]);
    assert_eq!(racks.place(&mut random, 4), [0, 4, 3, 2]);
}

#[test]
fn a_fenced_broker_is_taken_where_there_is_no_other() {
    let (mut racks, mut random) = racks(&[(3, "", false), (1, "", true), (2, "", false)]);
    assert_eq!(racks.place(&mut random, 3), [3, 2, 1]);
    assert_eq!(racks.place(&mut random, 3), [2, 3, 1]);
    assert_eq!(racks.place(&mut random, 3), [3, 2, 1]);
    assert_eq!(racks.place(&mut random, 3), [2, 3, 1]);
}

#[test]
fn racks_take_turns() {
    let (mut racks, mut random) = racks(&[
        (11, "1", false),
        (10, "1", false),
        (30, "3", false),
        (31, "3", false),
        (21, "2", false),
        (20, "2", true),
    ]);
    assert_eq!(racks.place(&mut random, 4), [11, 21, 31, 10]);
    assert_eq!(racks.place(&mut random, 4), [21, 30, 10, 20]);
    assert_eq!(racks.place(&mut random, 4), [31, 11, 21, 30]);
}

#[test]
fn a_rack_without_an_unfenced_broker_has_no_leader() {
    let (mut racks, mut random) = racks(&[
        (11, "1", false),
        (10, "1", false),
        (30, "3", true),
        (31, "3", true),
        (20, "2", true),
        (21, "2", true),
        (41, "4", false),
        (40, "4", true),
    ]);
    assert_eq!((racks.total, racks.unfenced), (8, 3));
    assert_eq!(racks.place(&mut random, 4), [41, 11, 21, 30]);
    assert_eq!(racks.place(&mut random, 4), [10, 20, 31, 41]);
    assert_eq!(racks.place(&mut random, 4), [41, 21, 30, 11]);
}

fn placed(
    partitions: usize,
    factor: i16,
    all: &[(i32, &str, bool)],
) -> Result<Vec<Vec<i32>>, String> {
    place(&mut MockRandom(17), &brokers(all), partitions, factor)
}

#[test]
fn partitions_are_striped_and_shuffled_after_a_round() {
    let four = [(0, "", false), (3, "", false), (2, "", false), (1, "", false)];
    let expected = [[2, 3, 0], [3, 0, 1], [0, 1, 2], [1, 2, 3], [1, 0, 2]];
    assert_eq!(placed(5, 3, &four), Ok(expected.map(Vec::from).into()));
    let mut counts: SortedMap<Vec<i32>, usize> = SortedMap::new();
    for replicas in placed(200, 2, &four).unwrap() {
        *counts.entry(replicas).or_default() += 1;
    }
    let counts: Vec<usize> = counts.into_values().collect();
    assert_eq!(counts, [14, 22, 14, 17, 17, 16, 13, 17, 20, 20, 19, 11]);
}

#[test]
fn a_single_unfenced_broker_has_every_partition() {
    let one = [(0, "", false), (1, "", true)];
    assert_eq!(placed(3, 1, &one), Ok(vec![vec![0]; 3]));
}

#[test]
fn what_cannot_be_placed_is_refused() {
    let two = [(11, "1", false), (10, "1", false)];
    assert_eq!(
        placed(1, 3, &two).unwrap_err(),
        "The target replication factor of 3 cannot be reached because only 2 broker(s) are \
         registered or some brokers have all their log directories cordoned."
    );
    for factor in [0, -1] {
        assert_eq!(
            placed(1, factor, &two).unwrap_err(),
            format!(
                "Invalid replication factor {factor}: the replication factor must be positive."
            )
        );
    }
    assert_eq!(
        placed(1, 1, &[(11, "1", true), (10, "1", true)]).unwrap_err(),
        "All brokers are currently fenced, or have all their log directories cordoned."
    );
}
