//! The digest of a trace: equal for equal runs on every platform.

use core::fmt::{self, Write as _};

use crate::trace::{Actor, TraceEvent, TraceKind};

/// FNV-1a over 64 bits, rolling: offset basis `cbf29ce484222325`, prime `100000001b3`.
///
/// What goes in, for each event in order: `time_us`, the actor's tag and id, the cause (all ones for
/// none), the kind's tag and its fields. Numbers as 8 bytes, little endian, sign-extended; texts as
/// their length and their bytes; what other crates define (broker events, application events, store
/// operations) as the text of its `Debug`. Nothing of it is an address, a float or of the platform's
/// word size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHash(u64);

impl Default for TraceHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl fmt::Write for TraceHash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

impl TraceHash {
    /// The digest so far.
    pub fn value(self) -> u64 {
        self.0
    }

    /// Adds one event.
    pub(crate) fn add(&mut self, event: &TraceEvent) {
        self.number(event.time_us);
        match &event.actor {
            Actor::Operator => self.number(0),
            Actor::Broker(node) => self.tagged(1, i64::from(*node)),
            Actor::Process(process) => self.tagged(2, i64::from(process.0)),
            Actor::Store(name) => {
                self.number(3);
                self.text(name);
            }
        }
        self.number(event.cause.map_or(-1, |cause| cause.0 as i64));
        self.kind(&event.kind);
    }

    fn kind(&mut self, kind: &TraceKind) {
        match kind {
            TraceKind::Action { line } => self.tagged_text(0, line),
            TraceKind::ProcessStarted { name } => self.tagged_text(1, name),
            TraceKind::Stdin { line: Some(line) } => self.tagged_text(2, line),
            TraceKind::Stdin { line: None } => self.number(3),
            TraceKind::Signal { signal } => self.tagged_debug(4, signal),
            TraceKind::Stdout { text } => self.tagged_text(5, text),
            TraceKind::Stderr { text } => self.tagged_text(6, text),
            TraceKind::Exit { code } => self.tagged(7, i64::from(*code)),
            TraceKind::Connected { connection, node } => {
                self.tagged(8, connection.0 as i64);
                self.number(i64::from(*node));
            }
            TraceKind::ConnectFailed { connection, to } => {
                self.tagged(9, connection.0 as i64);
                self.text(to);
            }
            TraceKind::Disconnected { connection } => self.tagged(10, connection.0 as i64),
            TraceKind::RequestSent { connection, node, request, api_version, correlation_id } => {
                self.tagged(11, connection.0 as i64);
                self.number(node.map_or(-1, i64::from));
                self.text(request);
                self.number(i64::from(*api_version));
                self.number(i64::from(*correlation_id));
            }
            TraceKind::RequestHandled { connection, process, request, correlation_id } => {
                self.message(12, connection.0, i64::from(process.0), request, *correlation_id);
            }
            TraceKind::Broker(event) => self.tagged_debug(13, event),
            TraceKind::ResponseSent { connection, process, request, correlation_id } => {
                self.message(14, connection.0, i64::from(process.0), request, *correlation_id);
            }
            TraceKind::ResponseReceived { connection, node, request, correlation_id } => {
                self.message(15, connection.0, i64::from(*node), request, *correlation_id);
            }
            TraceKind::App(event) => self.tagged_debug(16, event),
            TraceKind::StoreAsked { store, op } => {
                self.tagged_text(17, store);
                self.debug(op);
            }
            TraceKind::StoreApplied { process, op, result } => {
                self.tagged(18, i64::from(process.0));
                self.debug(op);
                self.debug(result);
            }
            TraceKind::StoreAnswered { store, ok } => {
                self.tagged_text(19, store);
                self.number(i64::from(*ok));
            }
            TraceKind::Fault { what } => self.tagged_text(20, what),
            TraceKind::Note { text } => self.tagged_text(21, text),
        }
    }

    fn message(
        &mut self,
        tag: i64,
        connection: u64,
        peer: i64,
        request: &str,
        correlation_id: i32,
    ) {
        self.tagged(tag, connection as i64);
        self.number(peer);
        self.text(request);
        self.number(i64::from(correlation_id));
    }

    fn tagged(&mut self, tag: i64, number: i64) {
        self.number(tag);
        self.number(number);
    }

    fn tagged_text(&mut self, tag: i64, text: &str) {
        self.number(tag);
        self.text(text);
    }

    fn tagged_debug(&mut self, tag: i64, value: &dyn fmt::Debug) {
        self.number(tag);
        self.debug(value);
    }

    fn debug(&mut self, value: &dyn fmt::Debug) {
        // Writing into a hash cannot fail.
        let _ = write!(self, "{value:?}");
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as i64);
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
