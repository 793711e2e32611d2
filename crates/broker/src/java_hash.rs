//! The order of Java's hash maps: some messages and tables of Kafka print them as they come.

/// `String.hashCode`.
#[must_use]
pub fn string_hash(text: &str) -> u32 {
    text.encode_utf16().fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)))
}

/// The order in which `java.util.HashMap` gives back string keys that were put in this order.
///
/// `initial` is the constructor's argument, 16 without one. Some tools print maps as they come, so
/// this order is part of their output.
pub fn hash_order(keys: impl IntoIterator<Item = String>, initial: usize) -> Vec<String> {
    hash_order_by(keys, initial, |key| string_hash(key))
}

/// The order of `new HashMap<>(map)`: as large as its entries need, not 16.
pub fn hash_copy_order(keys: impl IntoIterator<Item = String>) -> Vec<String> {
    let keys: Vec<String> = keys.into_iter().collect();
    // `HashMap.putMapEntries`: the size over the load factor of 3/4, and one.
    let initial = keys.len() * 4 / 3 + 1;
    hash_order(keys, initial)
}

/// [`hash_order`] for keys of another class, whose `hashCode` is given.
pub fn hash_order_by<K: PartialEq>(
    keys: impl IntoIterator<Item = K>,
    initial: usize,
    hash_code: impl Fn(&K) -> u32,
) -> Vec<K> {
    let mut unique: Vec<K> = Vec::new();
    for key in keys {
        if !unique.contains(&key) {
            unique.push(key);
        }
    }
    let mut capacity = initial.max(1).next_power_of_two();
    while unique.len() > capacity * 3 / 4 {
        capacity *= 2;
    }
    // The sort is stable: within a bucket the order of insertion stays.
    logbrook_sorted::sort_by_key(&mut unique, |key| {
        let hash = hash_code(key);
        (hash ^ (hash >> 16)) as usize & (capacity - 1)
    });
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_come_back_in_javas_order() {
        let words = ["billing", "orders", "payments", "a", "b", "shop.dlq", "zz"];
        let order = hash_order(words.map(String::from), 16);
        // Recorded with java.util.HashMap of OpenJDK 17.
        assert_eq!(order, ["zz", "a", "b", "payments", "shop.dlq", "orders", "billing"]);
        // A smaller table has another order.
        let words = ["one", "two", "three"];
        assert_eq!(hash_order(words.map(String::from), 16), ["one", "two", "three"]);
        assert_eq!(hash_copy_order(words.map(String::from)), ["two", "three", "one"]);
    }
}
