//! The values of each code setting; the first one of a closed set is its default.

use core::fmt;

/// Declares the values of one setting with their text; the first is the default.
macro_rules! setting {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident = $first_text:literal
        $(, $(#[$value_doc:meta])* $value:ident = $text:literal)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[$first_doc])* #[default] $first,
            $($(#[$value_doc])* $value),*
        }
        impl $name {
            /// Every value, the default first.
            pub const ALL: &'static [$name] = &[$name::$first $(, $name::$value)*];
            /// As a level writes it.
            pub fn as_str(self) -> &'static str {
                match self { $name::$first => $first_text $(, $name::$value => $text)* }
            }
            /// Reads a value's name; the error says what is allowed.
            pub fn read(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    format!("one of {}", names.join(", "))
                })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
    };
}

setting!(
    /// Whether the code waits for each acknowledgement.
    SendMode {
        /// `producer.send(record)`, with a callback.
        Async = "async",
        /// `producer.send(record).get()`: the next event waits for the acknowledgement.
        Sync = "sync",
    }
);
setting!(
    /// What the code does at an orderly stop.
    OnExit {
        /// `producer.close()`: everything buffered is still sent.
        Flush = "flush",
        /// `System.exit`: what is buffered is lost.
        Abrupt = "abrupt",
    }
);
setting!(
    /// What the code does when the producer gives up on a record.
    OnSendError {
        /// It logs the error and goes on.
        Drop = "drop",
        /// It holds the event and sends it again.
        Keep = "keep",
        /// It ends.
        Stop = "stop",
    }
);
setting!(
    /// Where a source goes on after a restart.
    Resume {
        /// A file that says which events are acknowledged, written once a second and at an orderly end.
        FromCursor = "from-cursor",
        /// A cursor inside the transaction.
        TransactionalCursor = "transactional-cursor",
        /// From its first event.
        FromStart = "from-start",
    }
);
setting!(
    /// Which timestamp a record gets.
    Timestamp {
        /// The producer's clock.
        Now = "now",
        /// The event's own time.
        Event = "event",
    }
);
setting!(
    /// When a consumer commits.
    Commit {
        /// It does not: that is left to `enable.auto.commit`.
        Auto = "auto",
        /// `commitSync()` when the records of a poll are processed.
        AfterBatch = "after-batch",
        /// `commitSync` of the record's offset + 1 after each record.
        AfterEach = "after-each",
        /// `commitSync()` before the records of a poll are processed.
        Before = "before",
        /// Never.
        None = "none",
        /// With a pool: up to the first record not yet done.
        LowestDone = "lowest-done",
        /// With a pool: up to the last record done, whatever is open before it.
        HighestDone = "highest-done",
    }
);
setting!(
    /// What the code does with a record that it cannot process.
    OnError {
        /// The exception ends the instance.
        Crash = "crash",
        /// It tries again, for ever.
        RetryForever = "retry-forever",
        /// It logs the record and goes on.
        Skip = "skip",
        /// It writes the record to a dead letter topic.
        Dlq = "dlq",
        /// It writes the record to a retry topic.
        RetryTopic = "retry-topic",
        /// It parks the record and what follows of its key.
        ParkKey = "park-key",
    }
);
setting!(
    /// How a pool hands out records.
    PoolOrder {
        /// Any worker takes any record.
        Any = "any",
        /// Records of one key go to one worker.
        Key = "key",
    }
);
setting!(
    /// What the code does in `onPartitionsRevoked`.
    OnRevoke {
        /// Nothing.
        Nothing = "nothing",
        /// `commitSync()` of what is processed.
        Commit = "commit",
    }
);
setting!(
    /// Transactions.
    Transaction {
        /// None.
        Off = "off",
        /// One for each event.
        Each = "each",
        /// One for each poll or batch.
        Batch = "batch",
    }
);
setting!(
    /// Whether the code remembers what it has seen.
    Dedupe {
        /// No.
        None = "none",
        /// It skips an id that it has seen: the store keeps the ids, in the same local transaction as the
        /// effect. Without a store the process remembers them.
        ById = "by-id",
        /// The process remembers the ids.
        InMemory = "in-memory",
        /// The store keeps topic, partition and offset of what it has.
        ByOffset = "by-offset",
    }
);
setting!(
    /// How a reader builds a table.
    Fold {
        /// The last value of a key wins.
        Last = "last",
        /// The first value of a key stays.
        First = "first",
        /// A second value of an id is refused.
        RefuseDuplicates = "refuse-duplicates",
    }
);
setting!(
    /// In which order a service writes its database and Kafka.
    WriteOrder {
        /// The database first.
        DbThenKafka = "db-then-kafka",
        /// Kafka first.
        KafkaThenDb = "kafka-then-db",
        /// Through an outbox table.
        Outbox = "outbox",
    }
);

/// What a record's key is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Key {
    /// No key: the producer's sticky partitioner decides.
    #[default]
    None,
    /// The event's unique id.
    Id,
    /// Eight random hex digits.
    Random,
    /// A field of the event.
    Field(String),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Key::None => "none",
            Key::Id => "id",
            Key::Random => "random",
            Key::Field(field) => field,
        })
    }
}

/// A whole number, or a range from which one is drawn, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

impl Span {
    /// Reads `25` or `10..30`.
    pub fn read(text: &str) -> Result<Self, String> {
        let expected = || "a whole number or a range such as 10..30".to_owned();
        let number = |part: &str| part.trim().parse::<u64>().map_err(|_| expected());
        let (min, max) = match text.split_once("..") {
            Some((min, max)) => (number(min)?, number(max)?),
            None => (number(text)?, number(text)?),
        };
        if min > max { Err(expected()) } else { Ok(Self { min, max }) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)
        } else {
            write!(f, "{}..{}", self.min, self.max)
        }
    }
}

/// A topic that holds failed records for a while.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RetryTopic {
    /// The topic.
    pub topic: String,
    /// How long a record waits in it, in ms.
    pub delay_ms: u64,
}
