//! A map of two vectors.

use alloc::vec;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::iter::Zip;
use core::ops::{Index, RangeBounds};
use core::slice;

use super::{find, places};

/// A map in key order. See the module for when to take it. Two are compared by their keys, then by their values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortedMap<K, V> {
    /// Sorted, each once.
    keys: Vec<K>,
    /// The value of the key at the same place.
    values: Vec<V>,
}

impl<K, V> SortedMap<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { keys: Vec::new(), values: Vec::new() }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }

    /// Entries by key.
    pub fn iter(&self) -> Zip<slice::Iter<'_, K>, slice::Iter<'_, V>> {
        self.keys.iter().zip(&self.values)
    }

    /// Entries by key, the values to change.
    pub fn iter_mut(&mut self) -> Zip<slice::Iter<'_, K>, slice::IterMut<'_, V>> {
        self.keys.iter().zip(&mut self.values)
    }

    /// The keys, sorted.
    pub fn keys(&self) -> slice::Iter<'_, K> {
        self.keys.iter()
    }

    /// The values by key.
    pub fn values(&self) -> slice::Iter<'_, V> {
        self.values.iter()
    }

    /// The values by key, to change.
    pub fn values_mut(&mut self) -> slice::IterMut<'_, V> {
        self.values.iter_mut()
    }

    /// The keys, sorted.
    pub fn into_keys(self) -> vec::IntoIter<K> {
        self.keys.into_iter()
    }

    /// The values by key.
    pub fn into_values(self) -> vec::IntoIter<V> {
        self.values.into_iter()
    }

    /// The entry with the least key.
    #[must_use]
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.keys.first().zip(self.values.first())
    }

    /// The entry with the greatest key.
    #[must_use]
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.keys.last().zip(self.values.last())
    }

    /// Takes the entry with the least key out. Moves all others.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| (self.keys.remove(0), self.values.remove(0)))
    }

    /// Takes the entry with the greatest key out.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.keys.pop().zip(self.values.pop())
    }

    /// Keeps only the entries that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let kept: Vec<bool> = self.iter_mut().map(|(k, v)| keep(k, v)).collect();
        let mut keys = kept.iter();
        self.keys.retain(|_| keys.next() == Some(&true));
        let mut values = kept.iter();
        self.values.retain(|_| values.next() == Some(&true));
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// The value of a key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        find(&self.keys, key).ok().and_then(|at| self.values.get(at))
    }

    /// The value of a key, to change.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        find(&self.keys, key).ok().and_then(|at| self.values.get_mut(at))
    }

    /// The key as it stands here, and its value.
    #[must_use]
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let at = find(&self.keys, key).ok()?;
        self.keys.get(at).zip(self.values.get(at))
    }

    /// Whether the key is here.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        find(&self.keys, key).is_ok()
    }

    /// Puts a value in; the value that it had before, if any. The key stays the earlier one.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match find(&self.keys, &key) {
            Ok(at) => self.values.get_mut(at).map(|old| core::mem::replace(old, value)),
            Err(at) => {
                self.keys.insert(at, key);
                self.values.insert(at, value);
                None
            }
        }
    }

    /// Takes a key out; its value, if it was here.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let at = find(&self.keys, key).ok()?;
        self.keys.remove(at);
        Some(self.values.remove(at))
    }

    /// The place of a key, filled or not.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        match find(&self.keys, &key) {
            Ok(at) => Entry::Occupied(&mut self.values[at]),
            Err(at) => Entry::Vacant(VacantEntry { map: self, at, key }),
        }
    }

    /// The entries whose keys are in a range. Unlike `BTreeMap` an upside down one is empty.
    pub fn range<Q: Ord + ?Sized>(
        &self,
        range: impl RangeBounds<Q>,
    ) -> Zip<slice::Iter<'_, K>, slice::Iter<'_, V>>
    where
        K: Borrow<Q>,
    {
        let places = places(&self.keys, &range);
        let keys = self.keys.get(places.clone()).unwrap_or_default();
        keys.iter().zip(self.values.get(places).unwrap_or_default())
    }

    /// Moves the entries of another map here; its values win.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(core::mem::take(other));
    }
}

/// The place of a key.
pub enum Entry<'a, K, V> {
    /// It has this value.
    Occupied(&'a mut V),
    /// It has none yet.
    Vacant(VacantEntry<'a, K, V>),
}

/// A key that has no value yet.
pub struct VacantEntry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    at: usize,
    key: K,
}

impl<'a, K, V> VacantEntry<'a, K, V> {
    /// Gives it one.
    pub fn insert(self, value: V) -> &'a mut V {
        let Self { map, at, key } = self;
        map.keys.insert(at, key);
        map.values.insert(at, value);
        &mut map.values[at]
    }
}

impl<'a, K, V> Entry<'a, K, V> {
    /// Its value; if it has none, what `make` makes.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        match self {
            Self::Occupied(value) => value,
            Self::Vacant(entry) => entry.insert(make()),
        }
    }

    /// Its value; if it has none, this one.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// Its value; if it has none, the default.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// For tests: panics where the key is not here, as that of `BTreeMap` does.
impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

/// As a `BTreeMap` of the same entries.
impl<K: Hash, V: Hash> Hash for SortedMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        for entry in self {
            entry.hash(state);
        }
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        // Those that do not come after all the others move them together, once, and not each for itself.
        let mut early: Vec<(K, V)> = Vec::new();
        for (key, value) in entries {
            match self.keys.last() {
                Some(last) if key <= *last => early.push((key, value)),
                Some(_) | None => {
                    self.keys.push(key);
                    self.values.push(value);
                }
            }
        }
        if early.len() > 1 {
            self.merge(early);
        } else {
            early.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
        }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Puts entries in their places, in one pass over the map. The later of two with the same key counts.
    fn merge(&mut self, mut entries: Vec<(K, V)>) {
        super::sort_by(&mut entries, |a, b| a.0.cmp(&b.0));
        let (keys, values) = (core::mem::take(&mut self.keys), core::mem::take(&mut self.values));
        self.keys.reserve(keys.len() + entries.len());
        self.values.reserve(values.len() + entries.len());
        let mut old = keys.into_iter().zip(values).peekable();
        for (key, value) in entries {
            while let Some((key, value)) = old.next_if(|(before, _)| *before <= key) {
                self.keys.push(key);
                self.values.push(value);
            }
            match (self.keys.last(), self.values.last_mut()) {
                // The key stays the earlier one.
                (Some(last), Some(known)) if *last == key => *known = value,
                _ => {
                    self.keys.push(key);
                    self.values.push(value);
                }
            }
        }
        for (key, value) in old {
            self.keys.push(key);
            self.values.push(value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = Zip<vec::IntoIter<K>, vec::IntoIter<V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.keys.into_iter().zip(self.values)
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Zip<slice::Iter<'a, K>, slice::Iter<'a, V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut SortedMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = Zip<slice::Iter<'a, K>, slice::IterMut<'a, V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// As `borsh` writes a map: the number of entries, then each key with its value.
#[cfg(feature = "borsh")]
mod binary {
    use borsh::io::{Read, Result, Write};
    use borsh::{BorshDeserialize, BorshSerialize};

    use alloc::vec::Vec;

    use super::SortedMap;

    impl<K: BorshSerialize, V: BorshSerialize> BorshSerialize for SortedMap<K, V> {
        fn serialize<W: Write>(&self, writer: &mut W) -> Result<()> {
            self.iter().collect::<Vec<_>>().serialize(writer)
        }
    }

    impl<K: BorshDeserialize + Ord, V: BorshDeserialize> BorshDeserialize for SortedMap<K, V> {
        fn deserialize_reader<R: Read>(reader: &mut R) -> Result<Self> {
            Ok(Vec::<(K, V)>::deserialize_reader(reader)?.into_iter().collect())
        }
    }
}

#[cfg(feature = "serde")]
mod serialized {
    use core::fmt;
    use core::marker::PhantomData;

    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    use serde::ser::{Serialize, Serializer};

    use super::SortedMap;

    impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self)
        }
    }

    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Entries(PhantomData))
        }
    }

    struct Entries<K, V>(PhantomData<(K, V)>);

    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
        type Value = SortedMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = SortedMap::new();
            while let Some((key, value)) = entries.next_entry()? {
                map.insert(key, value);
            }
            Ok(map)
        }
    }
}
