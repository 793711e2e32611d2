//! `java.util.SplittableRandom`, as the performance tools draw their payloads from it.

/// A generator with the draws of Java's for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct SplittableRandom {
    seed: u64,
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl SplittableRandom {
    pub(crate) fn new(seed: u64) -> SplittableRandom {
        SplittableRandom { seed }
    }

    /// `nextInt()`.
    fn next(&mut self) -> u32 {
        self.seed = self.seed.wrapping_add(GOLDEN_GAMMA);
        let mut z = self.seed;
        z = (z ^ (z >> 33)).wrapping_mul(0x62a9_d9ed_7997_05f5);
        z = (z ^ (z >> 28)).wrapping_mul(0xcb24_d0a5_c88c_35b3);
        (z >> 32) as u32
    }

    /// `nextInt(bound)`: from 0 up to, not with, `bound`; 0 where that is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        if bound.is_power_of_two() || bound == 0 {
            return self.next() & bound.saturating_sub(1);
        }
        loop {
            let drawn = self.next() >> 1;
            let rest = drawn % bound;
            // Java's test is for an overflow of its int: the last, shorter row of multiples.
            if drawn - rest <= (i32::MAX as u32).wrapping_sub(bound - 1) {
                return rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `kafka-producer-perf-test.sh --record-size 10` of Kafka sends first.
    #[test]
    fn draws_are_those_of_java() {
        let mut random = SplittableRandom::new(0);
        let mut word =
            || -> String { (0..10).map(|_| char::from(b'A' + random.below(26) as u8)).collect() };
        assert_eq!([word(), word(), word()], ["YQHHNEBSEP", "DNSEIFGAMS", "UJXKOLTXSP"]);
    }
}
