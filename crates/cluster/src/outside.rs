//! How operations travel between processes and outside stores.

use logbrook_client::process::{StoreError, StoreOp, StoreReply, StoreRequest};

use crate::cluster::Cluster;
use crate::process_table::ProcessId;
use crate::queue::Item;
use crate::trace::{Actor, EventId, TraceKind};

impl Cluster {
    pub(crate) fn send_to_store(
        &mut self,
        process: ProcessId,
        request: StoreRequest,
        cause: Option<EventId>,
    ) {
        // An effect of a record is caused by the work on it, not by the timer that ended that work.
        let source = match &request.op {
            StoreOp::Apply(write)
            | StoreOp::OutboxInsert(write)
            | StoreOp::ApplyOnce { write, .. } => write.source.as_ref(),
            StoreOp::ApplyAll(writes) => writes.last().and_then(|write| write.source.as_ref()),
            StoreOp::OutboxRead { .. }
            | StoreOp::OutboxMark { .. }
            | StoreOp::PutCursor { .. }
            | StoreOp::GetCursor { .. } => None,
        };
        let cause = source.and_then(|record| self.last_about(process, record)).or(cause);
        let kind = TraceKind::StoreAsked { store: request.store.clone(), op: request.op.clone() };
        let Some(sent) = self.record_for(process, kind, cause) else { return };
        let arrives = self.now_us.saturating_add(self.latency_us(process));
        self.queue.push(arrives, Item::StoreRequest { process, request, sent });
    }

    /// A store applies what reached it, also if the process that asked has died since.
    pub(crate) fn store_request_arrives(
        &mut self,
        process: ProcessId,
        request: StoreRequest,
        sent: EventId,
    ) {
        let StoreRequest { store, token, op } = request;
        let (result, latency_ms) = match self.stores.get_mut(&store) {
            Some(state) => (state.apply(&op), state.latency_ms()),
            None => (Err(StoreError::UnknownStore), 0),
        };
        let kind = TraceKind::StoreApplied { process, op, result: result.clone() };
        let applied = self.record(Actor::Store(store.clone()), kind, Some(sent));
        let travel = self.latency_us(process);
        let arrives = self
            .now_us
            .saturating_add(travel)
            .saturating_add(i64::try_from(latency_ms.saturating_mul(1_000)).unwrap_or(i64::MAX));
        let reply = StoreReply { store, token, result };
        self.queue.push(arrives, Item::StoreReply { process, reply, sent: applied });
    }
}
