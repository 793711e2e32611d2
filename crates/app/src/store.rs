//! A database outside Kafka, as a state machine. It survives its applications; the cluster applies
//! operations in the order in which they reach it.

use logbrook_sorted::{SortedMap, SortedSet};

use logbrook_client::process::{StoreAnswer, StoreError, StoreOp, StoreWrite};

/// What a store keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// Entity -> its last event.
    Rows,
    /// Key -> sum of `amount`.
    Ledger,
    /// Appended effects: e-mails, charges.
    Log,
    /// Business rows and pending events in one local transaction.
    Outbox,
}

impl StoreKind {
    /// Reads a kind's name.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "rows" => Ok(Self::Rows),
            "ledger" => Ok(Self::Ledger),
            "log" => Ok(Self::Log),
            "outbox" => Ok(Self::Outbox),
            _ => Err("one of rows, ledger, log, outbox".to_owned()),
        }
    }
}

/// A level's `[[store]]`, typed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreSpec {
    /// Its name.
    pub name: String,
    /// What it keeps.
    pub kind: StoreKind,
    /// How long an operation takes, in ms, beside the network.
    pub latency_ms: u64,
    /// `unique = "id"`: a second insert of an id is refused in the transaction of its effect.
    pub unique_id: bool,
}

impl StoreSpec {
    /// A store that answers at once and takes an id twice.
    pub fn new(name: &str, kind: StoreKind) -> Self {
        Self { name: name.to_owned(), kind, latency_ms: 0, unique_id: false }
    }
}

/// A store with what is in it.
#[derive(Clone, Debug)]
pub struct Store {
    /// What it was made from.
    pub spec: StoreSpec,
    down: bool,
    slow_ms: u64,
    rows: SortedMap<String, StoreWrite>,
    sums: SortedMap<String, i64>,
    log: Vec<StoreWrite>,
    ids: SortedSet<String>,
    outbox: Vec<StoreWrite>,
    published: u64,
    cursors: SortedMap<String, i64>,
}

impl Store {
    /// An empty store.
    pub fn new(spec: StoreSpec) -> Self {
        Self {
            spec,
            down: false,
            slow_ms: 0,
            rows: SortedMap::new(),
            sums: SortedMap::new(),
            log: Vec::new(),
            ids: SortedSet::new(),
            outbox: Vec::new(),
            published: 0,
            cursors: SortedMap::new(),
        }
    }

    /// `rows`: the last event of each entity.
    pub fn rows(&self) -> &SortedMap<String, StoreWrite> {
        &self.rows
    }

    /// `ledger`: the sum of each entity.
    pub fn sums(&self) -> &SortedMap<String, i64> {
        &self.sums
    }

    /// `log`: the effects in the order in which they were applied.
    pub fn log(&self) -> &[StoreWrite] {
        &self.log
    }

    /// `outbox`: the events in the order in which they were inserted, and how many of them are marked as
    /// published.
    pub fn outbox(&self) -> (&[StoreWrite], u64) {
        (&self.outbox, self.published)
    }

    /// Whether it is down.
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// Takes it down or up.
    pub fn set_down(&mut self, down: bool) {
        self.down = down;
    }

    /// Makes each operation take so much longer; 0 ends that.
    pub fn set_slow_ms(&mut self, slow_ms: u64) {
        self.slow_ms = slow_ms;
    }

    /// How long an operation takes now, in ms.
    pub fn latency_ms(&self) -> u64 {
        self.spec.latency_ms + self.slow_ms
    }

    /// Carries out one operation: all of it, or nothing and the reason.
    pub fn apply(&mut self, op: &StoreOp) -> Result<StoreAnswer, StoreError> {
        if self.down {
            return Err(StoreError::Unavailable);
        }
        match op {
            StoreOp::Apply(write) => self.write(core::slice::from_ref(write)),
            StoreOp::ApplyAll(writes) => self.write(writes),
            StoreOp::PutCursor { name, value } => {
                self.cursors.insert(name.clone(), *value);
                Ok(StoreAnswer::Done)
            }
            StoreOp::GetCursor { name } => Ok(StoreAnswer::Cursor(self.cursors.get(name).copied())),
            StoreOp::ApplyOnce { key, write } => {
                if self.ids.contains(key) {
                    return Err(StoreError::Duplicate { id: write.id.clone() });
                }
                let done = self.write(core::slice::from_ref(write))?;
                self.ids.insert(key.clone());
                Ok(done)
            }
            StoreOp::OutboxInsert(_) | StoreOp::OutboxRead { .. } | StoreOp::OutboxMark { .. }
                if self.spec.kind != StoreKind::Outbox =>
            {
                Err(StoreError::NotSupported)
            }
            StoreOp::OutboxInsert(write) => {
                self.rows.insert(write.entity.clone(), write.clone());
                self.outbox.push(write.clone());
                Ok(StoreAnswer::Done)
            }
            StoreOp::OutboxRead { after, max } => {
                let from = usize::try_from(*after).unwrap_or(usize::MAX);
                let pending = (*after + 1..).zip(self.outbox.iter().skip(from).cloned());
                Ok(StoreAnswer::Outbox(pending.take(*max).collect()))
            }
            StoreOp::OutboxMark { up_to } => {
                self.published = self.published.max(*up_to);
                Ok(StoreAnswer::Done)
            }
        }
    }

    fn write(&mut self, writes: &[StoreWrite]) -> Result<StoreAnswer, StoreError> {
        if self.spec.kind == StoreKind::Outbox {
            return Err(StoreError::NotSupported);
        }
        if self.spec.unique_id {
            let mut new = SortedSet::new();
            for write in writes {
                if self.ids.contains(&write.id) || !new.insert(&write.id) {
                    return Err(StoreError::Duplicate { id: write.id.clone() });
                }
            }
        }
        for write in writes {
            if self.spec.unique_id {
                self.ids.insert(write.id.clone());
            }
            match self.spec.kind {
                StoreKind::Rows => {
                    self.rows.insert(write.entity.clone(), write.clone());
                }
                StoreKind::Ledger => {
                    let sum = self.sums.entry(write.entity.clone()).or_default();
                    *sum = sum.wrapping_add(write.amount);
                }
                StoreKind::Log => self.log.push(write.clone()),
                StoreKind::Outbox => {}
            }
        }
        Ok(StoreAnswer::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(id: &str, entity: &str, n: u64, amount: i64) -> StoreWrite {
        StoreWrite {
            id: id.into(),
            entity: entity.into(),
            n,
            amount,
            value: String::new(),
            source: None,
        }
    }

    fn store(kind: StoreKind, unique_id: bool) -> Store {
        Store::new(StoreSpec { unique_id, ..StoreSpec::new("s", kind) })
    }

    #[test]
    fn rows_keep_what_was_applied_last_even_if_it_is_older() {
        let mut rows = store(StoreKind::Rows, false);
        for n in [1, 3, 2] {
            rows.apply(&StoreOp::Apply(write("x", "acc-1", n, 0))).unwrap();
        }
        assert_eq!(rows.rows()["acc-1"].n, 2);
    }

    #[test]
    fn a_ledger_counts_a_repeated_event_twice_unless_ids_are_unique() {
        for (unique, sum) in [(false, 14), (true, 7)] {
            let mut ledger = store(StoreKind::Ledger, unique);
            ledger.apply(&StoreOp::Apply(write("x", "acc-1", 1, 7))).unwrap();
            let again = ledger.apply(&StoreOp::Apply(write("x", "acc-1", 1, 7)));
            assert_eq!(again.is_err(), unique);
            assert_eq!(ledger.sums()["acc-1"], sum);
        }
    }

    #[test]
    fn a_transaction_is_applied_whole_or_not_at_all() {
        let mut log = store(StoreKind::Log, true);
        let writes = vec![write("a", "e", 1, 0), write("b", "e", 2, 0), write("a", "e", 3, 0)];
        assert_eq!(
            log.apply(&StoreOp::ApplyAll(writes)),
            Err(StoreError::Duplicate { id: "a".into() })
        );
        assert!(log.log().is_empty());
    }

    #[test]
    fn a_store_that_is_down_applies_nothing() {
        let mut rows = store(StoreKind::Rows, false);
        rows.set_down(true);
        assert_eq!(
            rows.apply(&StoreOp::Apply(write("x", "e", 1, 0))),
            Err(StoreError::Unavailable)
        );
        rows.set_down(false);
        assert!(rows.rows().is_empty());
    }
}
