//! What can be seen of transactional ids: DescribeTransactions and ListTransactions.

use logbrook_sorted::SortedSet;
use regex_lite::Regex;

use super::partition_of;
use super::state_manager;
use super::transaction_metadata::TransactionMetadata;
use super::transaction_state::{TRANSIENT_STATE_NAMES, TransactionState};
use crate::{Broker, Effects, ErrorCode};

/// The metadata of a transactional id, with the partitions that still lack their marker where its
/// outcome is decided (`handleDescribeTransactions`).
pub(crate) fn describe(
    broker: &mut Broker,
    now: i64,
    transactional_id: &str,
    effects: &mut Effects,
) -> Result<TransactionMetadata, ErrorCode> {
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let mut metadata = state_manager::get(broker, now, transactional_id, effects)?
        .ok_or(ErrorCode::TransactionalIdNotFound)?;
    let index = partition_of(broker, transactional_id);
    let shard = broker.transaction_coordinator.shards.get(&index);
    if let Some(pending) = shard.and_then(|shard| shard.pending.get(transactional_id)) {
        metadata.topic_partitions = pending.remaining.clone();
    }
    Ok(metadata)
}

/// Which transactional ids to list; an empty filter lets everything through.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListFilters {
    pub(crate) producer_ids: SortedSet<i64>,
    /// Names of states, also such as nothing can be in.
    pub(crate) states: Vec<String>,
    /// Open for longer than this; below 0 for any.
    pub(crate) duration_ms: i64,
    /// A regular expression for the whole id.
    pub(crate) transactional_id_pattern: Option<String>,
}

/// One transactional id of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedTransaction {
    pub(crate) transactional_id: String,
    pub(crate) producer_id: i64,
    pub(crate) state: TransactionState,
}

/// The transactional ids that this broker coordinates, and the names of states that nobody knows
/// (`listTransactionStates`).
pub(crate) fn list(
    broker: &mut Broker,
    now: i64,
    filters: &ListFilters,
    effects: &mut Effects,
) -> Result<(Vec<ListedTransaction>, Vec<String>), ErrorCode> {
    state_manager::load_all(broker, now, effects);
    let pattern = match filters.transactional_id_pattern.as_deref() {
        None | Some("") => None,
        Some(pattern) => {
            let whole = Regex::new(&format!("^(?:{pattern})$"));
            Some(whole.map_err(|_| ErrorCode::InvalidRegularExpression)?)
        }
    };
    let unknown = filters
        .states
        .iter()
        .filter(|name| {
            TransactionState::from_name(name).is_none()
                && !TRANSIENT_STATE_NAMES.contains(&name.as_str())
        })
        .cloned()
        .collect();
    let included = |id: &str, metadata: &TransactionMetadata| {
        let open_ms = now.saturating_sub(metadata.txn_start_timestamp);
        (filters.producer_ids.is_empty() || filters.producer_ids.contains(&metadata.producer_id))
            && (filters.states.is_empty()
                || filters.states.iter().any(|name| name == metadata.state.name()))
            && !(filters.duration_ms >= 0 && open_ms <= filters.duration_ms)
            && pattern.as_ref().is_none_or(|pattern| pattern.is_match(id))
    };
    let listed = broker
        .transaction_coordinator
        .transactions()
        .filter(|(id, metadata)| included(id, metadata))
        .map(|(id, metadata)| ListedTransaction {
            transactional_id: id.to_owned(),
            producer_id: metadata.producer_id,
            state: metadata.state,
        })
        .collect();
    Ok((listed, unknown))
}
