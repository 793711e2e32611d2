//! Clients' requests that the controller has to decide: a broker passes them on in an envelope
//! (`ForwardingManager`, KIP-590), and the answer goes back to the client.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::api::{RequestContext, ResponseTo};
use crate::peers::{PeerChannel, Purpose};
use crate::wire::{Embedded, Envelope, EnvelopeAnswer, Request, RequestFrame};
use crate::{Broker, Effects, ErrorCode};

/// `ForwardingManager`: how long a request is tried, in ms.
const RETRY_TIMEOUT_MS: i64 = 60_000;
/// `NodeToControllerRequestThread`: before another try, in ms.
const RETRY_BACKOFF_MS: i64 = 100;

/// A client's request on its way to the controller.
#[derive(Clone, Debug)]
pub(crate) struct Forwarded {
    to: ResponseTo,
    request: Box<RequestFrame>,
    host: String,
    /// When it is given up, in ms.
    deadline_ms: i64,
}

/// Requests that wait for the controller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forwarding {
    waiting: VecDeque<Forwarded>,
    retry_at: Option<i64>,
}

impl Forwarding {
    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        self.retry_at
    }

    /// The request has to be sent again.
    pub(crate) fn retry(&mut self, now: i64, forwarded: Forwarded) {
        if forwarded.deadline_ms > now {
            self.waiting.push_back(forwarded);
            self.retry_at = Some(now.saturating_add(RETRY_BACKOFF_MS));
        }
    }
}

impl Broker {
    /// Passes a client's request on. The answer comes later.
    pub(crate) fn forward(&mut self, ctx: &RequestContext, body: Request) {
        let Some(membership) = &mut self.membership else { return };
        let request = Box::new(RequestFrame {
            api_version: ctx.version(),
            correlation_id: ctx.to.correlation_id,
            client_id: ctx.client_id.clone(),
            body,
        });
        membership.forwarding.waiting.push_back(Forwarded {
            to: ctx.to,
            request,
            host: ctx.host.clone(),
            deadline_ms: ctx.now.saturating_add(RETRY_TIMEOUT_MS),
        });
    }

    /// Sends what waits for the controller.
    pub(crate) fn drive_forwarding(&mut self, now: i64, effects: &mut Effects) {
        let Some(membership) = &mut self.membership else { return };
        let forwarding = &mut membership.forwarding;
        if forwarding.retry_at.is_some_and(|at| at > now) {
            return;
        }
        forwarding.retry_at = None;
        let to = (membership.controller, PeerChannel::Forwarding);
        for forwarded in core::mem::take(&mut forwarding.waiting) {
            let body = Envelope {
                request: Embedded::Frame(forwarded.request.clone()),
                principal: Some(Bytes::from_static(ANONYMOUS)),
                client_host_address: client_address(&forwarded.host),
            };
            let timeout_ms = self.config.number("controller.socket.timeout.ms");
            self.send(now, to, body.into(), timeout_ms, Purpose::Forward(forwarded), effects);
        }
    }

    pub(crate) fn forwarded_answered(
        &mut self,
        now: i64,
        forwarded: Forwarded,
        answer: EnvelopeAnswer,
        effects: &mut Effects,
    ) {
        let answered = ErrorCode::from_code(answer.error_code) == Some(ErrorCode::None);
        match answer.response {
            Some(Embedded::Frame(frame)) if answered => {
                self.respond(forwarded.to, frame.body, effects)
            }
            _unanswered => {
                let Some(membership) = &mut self.membership else { return };
                membership.forwarding.retry(now, forwarded);
            }
        }
    }
}

/// `KafkaPrincipal.ANONYMOUS` as `DefaultKafkaPrincipalBuilder` writes it: version 0, `User`, `ANONYMOUS`, not
/// by a token.
const ANONYMOUS: &[u8] = b"\x00\x00\x05User\x0aANONYMOUS\x00\x00";

/// The address of `/127.0.0.1` in the bytes of `InetAddress`.
fn client_address(host: &str) -> Bytes {
    let address: Option<std::net::IpAddr> = host.trim_start_matches('/').parse().ok();
    match address {
        Some(std::net::IpAddr::V4(v4)) => Bytes::copy_from_slice(&v4.octets()),
        Some(std::net::IpAddr::V6(v6)) => Bytes::copy_from_slice(&v6.octets()),
        None => Bytes::new(),
    }
}
