//! Which partition a record goes to: murmur2 for keys, uniform sticky without (`BuiltInPartitioner`,
//! KIP-480, KIP-794).
//!
//! Not modelled: `partitioner.adaptive.partitioning.enable` (weights by queue length) and
//! `partitioner.availability.timeout.ms`; the sticky partition is drawn uniformly.

use logbrook_sorted::SortedMap;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::config::invalid;
use crate::error::KafkaError;
use crate::metadata::TopicMetadata;

/// Which partitioner a producer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionerKind {
    /// Java's default: murmur2 of the key, uniform sticky without a key.
    BuiltIn,
    /// `RoundRobinPartitioner`: in turn, keys or not.
    RoundRobin,
    /// librdkafka's `consistent_random` (its default, and so Python's): CRC-32 of the key; an empty or
    /// missing key goes to a random partition.
    ConsistentRandom,
    /// librdkafka's `murmur2_random`: murmur2 of the key, a random partition without one.
    Murmur2Random,
}

impl PartitionerKind {
    /// By `partitioner.class`, or by librdkafka's name.
    pub fn by_class(class: Option<&str>) -> Result<Self, KafkaError> {
        match class {
            None => Ok(Self::BuiltIn),
            Some("org.apache.kafka.clients.producer.RoundRobinPartitioner") => Ok(Self::RoundRobin),
            Some("consistent_random") => Ok(Self::ConsistentRandom),
            Some("murmur2_random") => Ok(Self::Murmur2Random),
            Some(other) => Err(invalid(
                "partitioner.class",
                other,
                &format!("Class {other} could not be found."),
            )),
        }
    }
}

/// `Utils.murmur2`: 32 bits, seed `0x9747b28c`, over the bytes of a key.
pub fn murmur2(data: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let mut h = SEED ^ data.len() as u32;
    let chunks = data.chunks_exact(4);
    let rest = chunks.remainder();
    for chunk in chunks {
        let mut k = chunk.iter().rev().fold(0u32, |k, byte| (k << 8) | u32::from(*byte));
        k = k.wrapping_mul(M);
        k ^= k >> R;
        k = k.wrapping_mul(M);
        h = h.wrapping_mul(M);
        h ^= k;
    }
    if !rest.is_empty() {
        h ^= rest.iter().rev().fold(0u32, |k, byte| (k << 8) | u32::from(*byte));
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^= h >> 15;
    h as i32
}

/// `Utils.toPositive`: the sign bit cleared (not the absolute value).
pub fn to_positive(number: i32) -> i32 {
    number & 0x7fff_ffff
}

/// `BuiltInPartitioner.partitionForKey`. `partitions` is at least 1.
pub fn partition_for_key(key: &[u8], partitions: usize) -> i32 {
    let partitions = i32::try_from(partitions).unwrap_or(i32::MAX).max(1);
    to_positive(murmur2(key)) % partitions
}

/// CRC-32 (zlib's), as librdkafka's consistent partitioners take it of a key.
pub fn crc32(data: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// The sticky partition of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sticky {
    partition: i32,
    produced_bytes: usize,
}

/// A producer's partitioner with its state for every topic.
#[derive(Clone, Debug)]
pub(crate) struct Partitioner {
    kind: PartitionerKind,
    ignore_keys: bool,
    sticky_batch_size: usize,
    sticky: SortedMap<String, Sticky>,
    round_robin: SortedMap<String, usize>,
    random: Pcg32,
}

/// The choice for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) partition: i32,
    /// The sticky partition: report the bytes with [`Partitioner::appended`].
    pub(crate) sticky: bool,
}

impl Partitioner {
    pub(crate) fn new(
        kind: PartitionerKind,
        ignore_keys: bool,
        batch_size: usize,
        random: Pcg32,
    ) -> Self {
        Self {
            kind,
            ignore_keys,
            sticky_batch_size: batch_size,
            sticky: SortedMap::new(),
            round_robin: SortedMap::new(),
            random,
        }
    }

    /// The partition of a record without one of its own.
    pub(crate) fn partition(
        &mut self,
        topic: &str,
        metadata: &TopicMetadata,
        key: Option<&[u8]>,
    ) -> Choice {
        let count = metadata.partitions.len();
        let fixed = |partition| Choice { partition, sticky: false };
        match (self.kind, key) {
            (PartitionerKind::BuiltIn, Some(key)) if !self.ignore_keys => {
                fixed(partition_for_key(key, count))
            }
            (PartitionerKind::BuiltIn, _) => {
                let partition = match self.sticky.get(topic) {
                    Some(sticky) => sticky.partition,
                    None => self.switch(topic, metadata),
                };
                Choice { partition, sticky: true }
            }
            (PartitionerKind::RoundRobin, _) => {
                let next = self.round_robin.entry(topic.to_owned()).or_insert(0);
                let turn = *next;
                *next = next.wrapping_add(1);
                fixed(pick(&available(metadata), turn))
            }
            (PartitionerKind::ConsistentRandom, Some(key)) if !key.is_empty() => {
                fixed((crc32(key) % u32::try_from(count).unwrap_or(u32::MAX).max(1)) as i32)
            }
            (PartitionerKind::Murmur2Random, Some(key)) => fixed(partition_for_key(key, count)),
            (PartitionerKind::ConsistentRandom | PartitionerKind::Murmur2Random, _) => {
                let draw = self.draw();
                fixed(pick(&available(metadata), draw))
            }
        }
    }

    fn draw(&mut self) -> usize {
        to_positive(self.random.next_u32() as i32) as usize
    }

    fn switch(&mut self, topic: &str, metadata: &TopicMetadata) -> i32 {
        let draw = self.draw();
        let partition = pick(&available(metadata), draw);
        self.sticky.insert(topic.to_owned(), Sticky { partition, produced_bytes: 0 });
        partition
    }

    /// `updatePartitionInfo`: after `batch.size` bytes the next partition is drawn, but not while a
    /// batch is being filled (`enable_switch`), and at twice the size in any case.
    pub(crate) fn appended(
        &mut self,
        topic: &str,
        metadata: &TopicMetadata,
        bytes: usize,
        enable_switch: bool,
    ) {
        let Some(sticky) = self.sticky.get_mut(topic) else { return };
        sticky.produced_bytes += bytes;
        let produced = sticky.produced_bytes;
        if (produced >= self.sticky_batch_size && enable_switch)
            || produced >= self.sticky_batch_size * 2
        {
            self.switch(topic, metadata);
        }
    }
}

/// Partitions with a leader, or all of them where none has one.
fn available(metadata: &TopicMetadata) -> Vec<i32> {
    let led: Vec<i32> = metadata
        .partitions
        .iter()
        .filter(|(_, partition)| partition.leader.is_some())
        .map(|(index, _)| *index)
        .collect();
    if led.is_empty() { metadata.partitions.keys().copied().collect() } else { led }
}

fn pick(partitions: &[i32], turn: usize) -> i32 {
    partitions.get(turn % partitions.len().max(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_equals_kafkas_test_vectors() {
        // UtilsTest.testMurmur2
        let cases: [(&[u8], i32); 7] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
            (b"", 275_646_681),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key), hash, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn a_negative_hash_loses_its_sign_bit_only() {
        assert_eq!(to_positive(-973_932_308), 1_173_551_340);
        assert_eq!(partition_for_key(b"21", 3), 1_173_551_340 % 3);
        assert_eq!(to_positive(i32::MIN), 0);
    }

    #[test]
    fn crc32_equals_zlibs() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    fn topic(partitions: i32) -> TopicMetadata {
        use crate::metadata::PartitionMetadata;
        let partition = || PartitionMetadata { leader: Some(1), leader_epoch: 0, online: vec![1] };
        TopicMetadata {
            id: uuid::Uuid::nil(),
            internal: false,
            partitions: (0..partitions).map(|index| (index, partition())).collect(),
        }
    }

    #[test]
    fn without_keys_a_partition_keeps_batch_size_bytes_then_another_is_drawn() {
        let topic = topic(100);
        let random = crate::backoff::generator(1, 2);
        let mut partitioner = Partitioner::new(PartitionerKind::BuiltIn, false, 1000, random);
        let first = partitioner.partition("t", &topic, None);
        assert!(first.sticky);
        partitioner.appended("t", &topic, 999, true);
        assert_eq!(partitioner.partition("t", &topic, None), first);
        partitioner.appended("t", &topic, 1, false);
        assert_eq!(partitioner.partition("t", &topic, None), first, "a batch is being filled");
        partitioner.appended("t", &topic, 10, true);
        assert_ne!(partitioner.partition("t", &topic, None), first);
    }
}
