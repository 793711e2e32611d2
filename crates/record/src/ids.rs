//! Newtypes for the integers that are easily swapped.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $int);

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$int> for $name {
            fn from(value: $int) -> Self {
                Self(value)
            }
        }
    };
}

id! {
    /// The position of a record in its partition, counted in records from 0.
    Offset(i64)
}
id! {
    /// The term of a partition leader; -1 where none is known (KIP-101).
    LeaderEpoch(i32)
}
id! {
    /// The number of a partition within its topic, from 0.
    PartitionIndex(i32)
}
id! {
    /// The id given to an idempotent or transactional producer; -1 for a plain one (KIP-98).
    ProducerId(i64)
}
id! {
    /// The incarnation of a producer id; -1 for a plain producer (KIP-98).
    ProducerEpoch(i16)
}

impl Offset {
    /// The offset `records` further on. Stops at the ends of `i64` instead of wrapping.
    #[must_use]
    pub const fn plus(self, records: i64) -> Self {
        Self(self.0.saturating_add(records))
    }

    /// The offset of the record after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl LeaderEpoch {
    /// `RecordBatch.NO_PARTITION_LEADER_EPOCH`.
    pub const NONE: Self = Self(-1);
}

impl ProducerId {
    /// `RecordBatch.NO_PRODUCER_ID`: a producer without idempotence.
    pub const NONE: Self = Self(-1);
}

impl ProducerEpoch {
    /// `RecordBatch.NO_PRODUCER_EPOCH`.
    pub const NONE: Self = Self(-1);
}

/// `RecordBatch.NO_SEQUENCE`: the base sequence of a batch without a producer id.
pub const NO_SEQUENCE: i32 = -1;

/// `RecordBatch.NO_TIMESTAMP`: a record or batch without a timestamp.
pub const NO_TIMESTAMP: i64 = -1;

/// The sequence number `by` records after `sequence`; after `i32::MAX` comes 0
/// (`DefaultRecordBatch.incrementSequence`).
#[must_use]
pub const fn increment_sequence(sequence: i32, by: i32) -> i32 {
    let sum = sequence as i64 + by as i64;
    if sum > i32::MAX as i64 { (sum - i32::MAX as i64 - 1) as i32 } else { sum as i32 }
}

/// The sequence number `by` records before `sequence`; before 0 comes `i32::MAX`
/// (`DefaultRecordBatch.decrementSequence`).
#[must_use]
pub const fn decrement_sequence(sequence: i32, by: i32) -> i32 {
    let difference = sequence as i64 - by as i64;
    if difference < 0 { (difference + i32::MAX as i64 + 1) as i32 } else { difference as i32 }
}
