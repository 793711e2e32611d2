//! Any operations leave what the trees of std have after the same.

use std::collections::{BTreeMap, BTreeSet};

use logbrook_sorted::{SortedMap, SortedSet};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Op {
    Insert(u8, u16),
    Remove(u8),
    AddTo(u8, u16),
    Change(u8, u16),
    KeepBelow(u16),
    PopFirst,
    PopLast,
    Append(Vec<(u8, u16)>),
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0_u8..24;
    let value = 0_u16..50;
    prop_oneof![
        4 => (key.clone(), value.clone()).prop_map(|(k, v)| Op::Insert(k, v)),
        2 => key.clone().prop_map(Op::Remove),
        2 => (key.clone(), value.clone()).prop_map(|(k, v)| Op::AddTo(k, v)),
        1 => (key.clone(), value.clone()).prop_map(|(k, v)| Op::Change(k, v)),
        1 => value.clone().prop_map(Op::KeepBelow),
        1 => Just(Op::PopFirst),
        1 => Just(Op::PopLast),
        1 => prop::collection::vec((key, value), 0..12).prop_map(Op::Append),
    ]
}

proptest! {
    #[test]
    fn a_map_is_as_the_tree(
        ops in prop::collection::vec(op(), 0..60), from in 0_u8..24, to in 0_u8..24,
    ) {
        let mut map = SortedMap::new();
        let mut tree = BTreeMap::new();
        for op in ops {
            match op {
                Op::Insert(k, v) => prop_assert_eq!(map.insert(k, v), tree.insert(k, v)),
                Op::Remove(k) => prop_assert_eq!(map.remove(&k), tree.remove(&k)),
                Op::AddTo(k, v) => {
                    *map.entry(k).or_default() += v;
                    *tree.entry(k).or_default() += v;
                }
                Op::Change(k, v) => {
                    prop_assert_eq!(map.get_mut(&k).map(|now| *now = v).is_some(), tree.contains_key(&k));
                    tree.entry(k).and_modify(|now| *now = v);
                }
                Op::KeepBelow(most) => {
                    map.retain(|_, v| *v < most);
                    tree.retain(|_, v| *v < most);
                }
                Op::PopFirst => prop_assert_eq!(map.pop_first(), tree.pop_first()),
                Op::PopLast => prop_assert_eq!(map.pop_last(), tree.pop_last()),
                Op::Append(more) => {
                    map.append(&mut more.iter().copied().collect());
                    tree.append(&mut more.into_iter().collect());
                }
            }
            prop_assert!(map.iter().eq(&tree));
        }
        prop_assert_eq!(map.len(), tree.len());
        prop_assert_eq!(map.first_key_value(), tree.first_key_value());
        prop_assert_eq!(map.last_key_value(), tree.last_key_value());
        prop_assert_eq!(map.get(&from), tree.get(&from));
        prop_assert_eq!(map.get_key_value(&from), tree.get_key_value(&from));
        prop_assert_eq!(format!("{map:?}"), format!("{tree:?}"));
        let (low, high) = (from.min(to), from.max(to));
        prop_assert!(map.range(low..high).eq(tree.range(low..high)));
        prop_assert!(map.range(low..=high).eq(tree.range(low..=high)));
        prop_assert!(map.range(..=high).rev().eq(tree.range(..=high).rev()));
        prop_assert!(map.range(high..low).next().is_none());
        prop_assert!(map.into_iter().eq(tree));
    }

    #[test]
    fn a_set_is_as_the_tree(
        one in prop::collection::vec(0_u8..12, 0..12), other in prop::collection::vec(0_u8..12, 0..12),
    ) {
        let (a, b): (SortedSet<u8>, SortedSet<u8>) =
            (one.iter().copied().collect(), other.iter().copied().collect());
        let (x, y): (BTreeSet<u8>, BTreeSet<u8>) = (one.into_iter().collect(), other.into_iter().collect());
        prop_assert!(a.iter().eq(&x));
        prop_assert!(a.union(&b).eq(x.union(&y)));
        prop_assert!(a.intersection(&b).eq(x.intersection(&y)));
        prop_assert!(a.difference(&b).eq(x.difference(&y)));
        prop_assert_eq!(a.is_subset(&b), x.is_subset(&y));
        prop_assert_eq!(a.is_disjoint(&b), x.is_disjoint(&y));
        prop_assert_eq!(a == b, x == y);
    }
}

proptest! {
    #[test]
    fn sorting_is_stable(items in prop::collection::vec((0_u8..6, 0_u16..50), 0..40)) {
        let (mut ours, mut theirs) = (items.clone(), items);
        logbrook_sorted::sort_by_key(&mut ours, |(key, _)| *key);
        theirs.sort_by_key(|(key, _)| *key);
        prop_assert_eq!(&ours, &theirs);
        logbrook_sorted::sort_by(&mut ours, |a, b| b.1.cmp(&a.1));
        theirs.sort_by_key(|entry| std::cmp::Reverse(entry.1));
        prop_assert_eq!(&ours, &theirs);
        logbrook_sorted::sort(&mut ours);
        theirs.sort();
        prop_assert_eq!(ours, theirs);
    }
}
