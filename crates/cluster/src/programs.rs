//! How processes run: their inputs, what they ask for, their end.

use logbrook_sorted::SortedMap;

use logbrook_app::Random;
use logbrook_client::process::{
    AppEvent, Input, Io, IoAction, Outcome, Process, RecordRef, Signal,
};

use crate::cluster::Cluster;
use crate::connection::Phase;
use crate::process_table::{OutputChunk, ProcessId, ProcessState, Wake};
use crate::queue::Item;
use crate::shared_vec::SharedVec;
use crate::trace::{Actor, EventId, TraceKind};

/// What a shell reports of a process that SIGKILL ended.
const KILLED: i32 = 137;

impl Cluster {
    pub(crate) fn input_now(&mut self, process: ProcessId, input: Input, cause: Option<EventId>) {
        if self.running(process).is_some() {
            self.queue.push(self.now_us, Item::Input { process, input, cause });
        }
    }

    pub(crate) fn spawn_because(
        &mut self,
        name: &str,
        host: &str,
        program: Box<dyn Process>,
        cause: Option<EventId>,
    ) -> ProcessId {
        let process = ProcessId(self.processes.len() as u32);
        let started = self.record(
            Actor::Process(process),
            TraceKind::ProcessStarted { name: name.to_owned() },
            cause,
        );
        self.processes.push(ProcessState {
            name: name.to_owned(),
            host: host.to_owned(),
            started_us: self.now_us,
            stdout: SharedVec::default(),
            stderr: SharedVec::default(),
            exit: None,
            started,
            program: Some(program),
            network: Random::new(self.config.seed, "network", name),
            wake: None,
            pause: None,
            records: SortedMap::new(),
        });
        self.queue
            .push(self.now_us, Item::Input { process, input: Input::Start, cause: Some(started) });
        process
    }

    pub(crate) fn signal_because(
        &mut self,
        process: ProcessId,
        signal: Signal,
        cause: Option<EventId>,
    ) {
        let Some(event) = self.record_for(process, TraceKind::Signal { signal }, cause) else {
            return;
        };
        match signal {
            Signal::Kill => self.end_process(process, KILLED, Some(event)),
            Signal::Int | Signal::Term => {
                self.queue.push(
                    self.now_us,
                    Item::Input { process, input: Input::Signal(signal), cause: Some(event) },
                );
            }
        }
    }

    /// What reaches a process or a node that stands still waits with it.
    pub(crate) fn hold_if_paused(&mut self, item: Item) -> Option<Item> {
        let pause = if let Some(process) = self.process_that_gets(&item) {
            self.running(process).and_then(|state| state.pause.as_mut())
        } else {
            let Some(node) = self.node_that_gets(&item) else { return Some(item) };
            self.nodes.get_mut(&node).and_then(|state| state.pause.as_mut())
        };
        match pause {
            Some(pause) => {
                pause.waiting.push_back(item);
                None
            }
            None => Some(item),
        }
    }

    pub(crate) fn resume(&mut self, process: ProcessId, cause: EventId) {
        let Some(pause) = self.running(process).and_then(|state| state.pause.take()) else {
            return;
        };
        self.record_for(process, TraceKind::Fault { what: "goes on".into() }, Some(cause));
        // All of it now, in order: put back in the queue it could be overtaken by what arrives now.
        for item in pause.waiting {
            self.carry_out(item);
        }
    }

    pub(crate) fn deliver(&mut self, process: ProcessId, input: Input, mut cause: Option<EventId>) {
        let now_ms = self.now_ms();
        let Some(state) = self.running(process) else { return };
        let Some(program) = state.program.as_mut() else { return };
        let mut io = Io::new(now_ms);
        program.handle(input, &mut io);
        let (actions, wake_at) = io.finish();
        for action in actions {
            match action {
                IoAction::Send(outgoing) => self.send(process, outgoing, cause),
                IoAction::Disconnect { to, channel } => {
                    if let Some(connection) = self.by_channel.get(&(process, to, channel)).copied()
                    {
                        self.close_at_process(connection, cause);
                    }
                }
                IoAction::Stdout(text) => {
                    self.record_for(process, TraceKind::Stdout { text: text.clone() }, cause);
                    let chunk = OutputChunk { time_us: self.now_us, text };
                    if let Some(state) = self.running(process) {
                        state.stdout.push(chunk);
                    }
                }
                IoAction::Stderr(text) => {
                    self.record_for(process, TraceKind::Stderr { text: text.clone() }, cause);
                    let chunk = OutputChunk { time_us: self.now_us, text };
                    if let Some(state) = self.running(process) {
                        state.stderr.push(chunk);
                    }
                }
                IoAction::Store(request) => self.send_to_store(process, request, cause),
                IoAction::Event(event) => {
                    let sends = matches!(event, AppEvent::Sent { .. });
                    let recorded = self.record_app_event(process, event, cause);
                    // What the client does next, now or when it has lingered, is because of it.
                    if sends && recorded.is_some() {
                        cause = recorded;
                    }
                }
                IoAction::Exit(code) => {
                    self.end_process(process, code, cause);
                    return;
                }
            }
        }
        self.set_wake(process, wake_at, cause);
    }

    /// A process's wake-up is the one that it asked for last, or none.
    pub(crate) fn set_wake(
        &mut self,
        process: ProcessId,
        wake_at: Option<i64>,
        cause: Option<EventId>,
    ) {
        let Some(state) = self.running(process) else { return };
        let earlier = state.wake.take();
        match (earlier, wake_at) {
            (None, None) => {}
            (Some(earlier), Some(at_ms)) if earlier.at_ms == at_ms => state.wake = Some(earlier),
            (earlier, wake_at) => {
                if let Some(earlier) = earlier {
                    self.queue.cancel(earlier.slot);
                }
                if let Some(at_ms) = wake_at {
                    let slot = self.queue.push(self.us_of(at_ms), Item::Wake { process });
                    if let Some(state) = self.running(process) {
                        state.wake = Some(Wake { at_ms, slot, cause });
                    }
                }
            }
        }
    }

    /// When the wall clock shows `at_ms`; now if that is past.
    pub(crate) fn us_of(&self, at_ms: i64) -> i64 {
        at_ms.saturating_sub(self.config.epoch_ms).saturating_mul(1_000).max(self.now_us)
    }

    /// What an application does with a record is caused by what it did with it before, from its
    /// delivery on; what it sends by itself is caused by its start.
    pub(crate) fn record_app_event(
        &mut self,
        process: ProcessId,
        event: AppEvent,
        cause: Option<EventId>,
    ) -> Option<EventId> {
        let record = match &event {
            AppEvent::Delivered { record, .. }
            | AppEvent::ProcessingStarted { record }
            | AppEvent::Processed { record, .. } => Some(record),
            AppEvent::Stored { record, .. } => record.as_ref(),
            AppEvent::Displayed { .. }
            | AppEvent::Sent { .. }
            | AppEvent::Acked { .. }
            | AppEvent::SendFailed { .. }
            | AppEvent::Committed { .. }
            | AppEvent::Assigned { .. }
            | AppEvent::Revoked { .. }
            | AppEvent::Lost { .. }
            | AppEvent::Note { .. } => None,
        };
        let key = record
            .map(|record: &RecordRef| (record.topic.clone(), record.partition.0, record.offset.0));
        let state = self.running(process)?;
        let cause = match &event {
            AppEvent::Sent { .. } => Some(state.started),
            AppEvent::ProcessingStarted { .. } | AppEvent::Processed { .. } => {
                key.as_ref().and_then(|key| state.records.get(key).copied()).or(cause)
            }
            _ => cause,
        };
        let is_last = match &event {
            AppEvent::Processed { outcome, .. } => *outcome != Outcome::Failed,
            _ => false,
        };
        let lets_go = matches!(event, AppEvent::Revoked { .. } | AppEvent::Lost { .. });
        let id = self.record(Actor::Process(process), TraceKind::App(event), cause);
        let state = self.running(process)?;
        if lets_go {
            state.records.clear();
        }
        match key {
            Some(key) if is_last => {
                state.records.remove(&key);
            }
            Some(key) => {
                state.records.insert(key, id);
            }
            None => {}
        }
        Some(id)
    }

    /// The last event about a record that a process has in its hands.
    pub(crate) fn last_about(&self, process: ProcessId, record: &RecordRef) -> Option<EventId> {
        let key = (record.topic.clone(), record.partition.0, record.offset.0);
        self.process(process)?.records.get(&key).copied()
    }

    pub(crate) fn end_process(&mut self, process: ProcessId, code: i32, cause: Option<EventId>) {
        let Some(event) = self.record_for(process, TraceKind::Exit { code }, cause) else { return };
        let open: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, c)| c.process == process)
            .map(|(id, _)| *id)
            .collect();
        for connection in open {
            // A killed program's frames for a connection that is not open yet die with it.
            let waiting = self.connections.get_mut(&connection).map(|c| &mut c.phase);
            if let (KILLED, Some(Phase::Opening { waiting })) = (code, waiting) {
                waiting.clear();
            }
            self.close_at_process(connection, Some(event));
        }
        let Some(state) = self.running(process) else { return };
        state.exit = Some(code);
        state.records.clear();
        let program = state.program.take();
        let (wake, pause) = (state.wake.take(), state.pause.take());
        for slot in wake.map(|wake| wake.slot).into_iter().chain(pause.map(|pause| pause.resume)) {
            self.queue.cancel(slot);
        }
        self.app_process_ended(process, program, event);
    }
}
