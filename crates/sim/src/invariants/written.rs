//! What stands in the leaders' logs in the end: each event with what became of its transaction.

use logbrook_broker::Partition;
use logbrook_cluster::Cluster;
use logbrook_log::Log;
use logbrook_record::{EndTransactionMarker, Offset};
use logbrook_sorted::SortedMap;

use super::Invariant;
use super::replication::{Key, Replication};
use crate::coverage::Coverage;

/// `Topic.TRANSACTION_STATE_TOPIC_NAME`.
const TRANSACTION_STATE_TOPIC_NAME: &str = "__transaction_state";

/// What became of the transaction of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in none.
    Plain,
    Committed,
    Aborted,
    Open,
}

/// An event in a log.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) id: String,
    pub(crate) fate: Fate,
}

impl Written {
    /// Whether it counts for readers of committed records.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.fate, Fate::Plain | Fate::Committed)
    }
}

/// A transaction: transactions v2 give each a producer epoch of its own (KIP-890).
type TransactionKey = (i64, i16);

/// The events in the leaders' logs.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) events: SortedMap<Key, SortedMap<i64, Written>>,
    transactions: SortedMap<TransactionKey, SortedMap<Key, Fate>>,
}

impl Logs {
    pub(crate) fn of(cluster: &Cluster) -> Logs {
        let mut logs = Logs::default();
        let Some(metadata) = cluster.metadata() else { return logs };
        for topic in metadata.topics().values() {
            for (index, registration) in &topic.partitions {
                let broker = cluster.broker(registration.leader);
                let log = broker.and_then(|b| b.partition(&topic.name, *index)).map(Partition::log);
                if let Some(log) = log {
                    logs.take_in((topic.name.clone(), *index), log);
                }
            }
        }
        logs
    }

    fn take_in(&mut self, key: Key, log: &Log) {
        let mut open: SortedMap<TransactionKey, Vec<i64>> = SortedMap::new();
        let mut events: SortedMap<i64, Written> = SortedMap::new();
        for batch in log.batches(log.log_start_offset(), log.log_end_offset()) {
            let header = batch.header();
            let producer = header.producer_id.0;
            if header.attributes.is_control() {
                let Ok(Some((marker, _))) = EndTransactionMarker::read(&batch) else { continue };
                let fate = if marker.committed { Fate::Committed } else { Fate::Aborted };
                let ended: Vec<TransactionKey> =
                    open.keys().filter(|(id, _)| *id == producer).copied().collect();
                for transaction in ended {
                    for offset in open.remove(&transaction).unwrap_or_default() {
                        if let Some(written) = events.get_mut(&offset) {
                            written.fate = fate;
                        }
                    }
                    let of = self.transactions.entry(transaction).or_default();
                    of.insert(key.clone(), fate);
                }
                continue;
            }
            let is_transactional = header.attributes.is_transactional();
            let transaction = (producer, header.producer_epoch.0);
            if is_transactional {
                open.entry(transaction).or_default();
            }
            if key.0.starts_with("__") {
                continue;
            }
            for record in batch.records().unwrap_or_default() {
                let Some(id) = record.value.as_deref().and_then(id_of) else { continue };
                let fate = if is_transactional { Fate::Open } else { Fate::Plain };
                events.insert(record.offset.0, Written { id, fate });
                if let Some(offsets) = open.get_mut(&transaction) {
                    offsets.push(record.offset.0);
                }
            }
        }
        for transaction in open.keys() {
            self.transactions.entry(*transaction).or_default().insert(key.clone(), Fate::Open);
        }
        if !key.0.starts_with("__") {
            self.events.insert(key, events);
        }
    }

    pub(crate) fn at(&self, key: &Key, offset: i64) -> Option<&Written> {
        self.events.get(key)?.get(&offset)
    }

    /// Each transaction has ended, in the same way everywhere.
    pub(crate) fn check_transactions(
        &self,
        replication: &Replication,
        coverage: &mut Coverage,
    ) -> Result<(), (Invariant, String)> {
        // Who is to write the markers is lost with what an unclean election loses of that.
        let coordinators = |key: &Key| key.0 == TRANSACTION_STATE_TOPIC_NAME;
        if replication.unclean.iter().any(coordinators) {
            return Ok(());
        }
        for ((producer, epoch), fates) in &self.transactions {
            if fates.keys().any(|key| replication.unclean.contains(key)) {
                continue;
            }
            coverage.risked(Invariant::TransactionsEnd);
            let name = |key: &Key| format!("{}-{}", key.0, key.1);
            let of = |wanted| fates.iter().find(|(_, fate)| **fate == wanted).map(|(key, _)| key);
            let transaction = format!("transaction {epoch} of producer {producer}");
            if let Some(open) = of(Fate::Open) {
                let what = format!("{transaction} is open in {}", name(open));
                return Err((Invariant::TransactionsEnd, what));
            }
            if fates.len() > 1 {
                coverage.risked(Invariant::WholeTransactions);
            }
            if let (Some(committed), Some(aborted)) = (of(Fate::Committed), of(Fate::Aborted)) {
                let (committed, aborted) = (name(committed), name(aborted));
                let what =
                    format!("{transaction} is committed in {committed} and aborted in {aborted}");
                return Err((Invariant::WholeTransactions, what));
            }
        }
        Ok(())
    }
}

/// What a reader of committed records may know of the record at an offset now: the marker of its
/// transaction, in any replica. `None` where no replica has the record.
pub(crate) fn fate_now(cluster: &Cluster, key: &Key, offset: Offset) -> Option<Fate> {
    let replicas = cluster.broker_ids().filter_map(|node| cluster.broker(node));
    let logs = replicas.filter_map(|broker| broker.partition(&key.0, key.1)).map(Partition::log);
    let mut known = None;
    for log in logs {
        match fate_in(log, offset) {
            Some(Fate::Open) => known = Some(Fate::Open),
            Some(fate) => return Some(fate),
            None => {}
        }
    }
    known
}

fn fate_in(log: &Log, offset: Offset) -> Option<Fate> {
    let end = log.log_end_offset();
    let header = log.headers(offset, end).next().filter(|header| header.base_offset <= offset)?;
    if !header.attributes.is_transactional() {
        return Some(Fate::Plain);
    }
    let control = |batch: &logbrook_record::Batch| {
        batch.header().attributes.is_control() && batch.header().producer_id == header.producer_id
    };
    let Some(marker) = log.batches(header.next_offset(), end).find(control) else {
        return Some(Fate::Open);
    };
    let marker = EndTransactionMarker::read(&marker).ok().flatten();
    Some(match marker {
        Some((marker, _)) if marker.committed => Fate::Committed,
        Some(_) => Fate::Aborted,
        None => Fate::Open,
    })
}

/// The id of an event: the first member of its JSON.
fn id_of(value: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(value).ok()?;
    let rest = text.strip_prefix("{\"id\":\"")?;
    Some(rest.split('"').next()?.to_owned())
}
