//! One seed, many generators, so that a draw added in one place shifts no other place.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

/// A generator of its own for one purpose and one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random(Pcg32);

impl Random {
    /// The generator for `purpose` (such as `network`) of `name` (such as `ledger/2`) under `seed`.
    pub fn new(seed: u64, purpose: &str, name: &str) -> Self {
        let state = split_seed(seed, purpose, name);
        Self(Pcg32::new(state, splitmix(state ^ 0x5851_f42d_4c95_7f2d)))
    }

    /// A number below `bound`, each equally likely (Lemire's rejection); 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number from `min` to `max`, both included; `min` if the range is empty.
    pub fn between(&mut self, min: u64, max: u64) -> u64 {
        match max.checked_sub(min) {
            None | Some(0) => min,
            Some(u64::MAX) => self.0.next_u64(),
            Some(width) => min + self.below(width + 1),
        }
    }

    /// 64 equally likely bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}

/// The seed that belongs to a purpose and a name: SplitMix64 over the seed and the FNV-1a hashes of
/// both texts.
pub fn split_seed(seed: u64, purpose: &str, name: &str) -> u64 {
    splitmix(splitmix(splitmix(seed) ^ fnv1a(purpose.as_bytes())) ^ fnv1a(name.as_bytes()))
}

/// One step of SplitMix64 (Steele, Lea and Flood, 2014).
fn splitmix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_names_draw_apart_and_repeat() {
        let draw = |seed, purpose, name| Random::new(seed, purpose, name).next_u64();
        assert_eq!(draw(1, "network", "a"), draw(1, "network", "a"));
        assert_ne!(draw(1, "network", "a"), draw(1, "network", "b"));
        assert_ne!(draw(1, "network", "a"), draw(1, "events", "a"));
        assert_ne!(draw(1, "network", "a"), draw(2, "network", "a"));
    }

    #[test]
    fn between_reaches_both_ends_and_nothing_else() {
        let mut random = Random::new(7, "test", "");
        let mut seen = [0_u32; 4];
        for _ in 0..4_000 {
            seen[(random.between(10, 13) - 10) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
        assert_eq!(random.between(5, 5), 5);
        assert_eq!(random.between(9, 2), 9);
    }
}
