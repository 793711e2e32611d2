//! Clients' requests that the controller has to decide: a broker passes them on in an envelope
//! (`ForwardingManager`, KIP-590), and the answer goes back to the client.

use std::collections::VecDeque;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, EnvelopeRequest, EnvelopeResponse};

use crate::api::{RequestContext, ResponseTo};
use crate::peers::{PeerChannel, Purpose};
use crate::wire::{Request, RequestFrame, codec};
use crate::{Broker, Effects, ErrorCode};

/// `ForwardingManager`: how long a request is tried, in ms.
const RETRY_TIMEOUT_MS: i64 = 60_000;
/// `NodeToControllerRequestThread`: before another try, in ms.
const RETRY_BACKOFF_MS: i64 = 100;

/// A client's request on its way to the controller.
#[derive(Clone, Debug)]
pub(crate) struct Forwarded {
    to: ResponseTo,
    api: ApiKey,
    data: Bytes,
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

/// Whether the controller decides it.
pub(crate) fn is_forwarded(request: &Request) -> bool {
    matches!(
        request,
        Request::CreateTopics(_)
            | Request::DeleteTopics(_)
            | Request::CreatePartitions(_)
            | Request::AlterConfigs(_)
            | Request::IncrementalAlterConfigs(_)
            | Request::ElectLeaders(_)
            | Request::AlterPartitionReassignments(_)
            | Request::ListPartitionReassignments(_)
            | Request::UnregisterBroker(_)
    )
}

impl Broker {
    /// Passes a client's request on. The answer comes later.
    pub(crate) fn forward(&mut self, ctx: &RequestContext, body: Request) {
        let Some(membership) = &mut self.membership else { return };
        let frame = RequestFrame {
            api_version: ctx.version(),
            correlation_id: ctx.to.correlation_id,
            client_id: ctx.client_id.clone(),
            body,
        };
        // What was read from bytes can be written as bytes.
        let Ok(data) = codec::encode_request(&frame) else { return };
        membership.forwarding.waiting.push_back(Forwarded {
            to: ctx.to,
            api: frame.body.api_key(),
            data,
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
            let address = client_address(&forwarded.host);
            let body = EnvelopeRequest::default()
                .with_request_data(forwarded.data.clone())
                .with_request_principal(Some(Bytes::from_static(ANONYMOUS)))
                .with_client_host_address(address);
            let timeout_ms = self.config.number("controller.socket.timeout.ms");
            self.send(now, to, body.into(), timeout_ms, Purpose::Forward(forwarded), effects);
        }
    }

    pub(crate) fn forwarded_answered(
        &mut self,
        now: i64,
        forwarded: Forwarded,
        response: &EnvelopeResponse,
        effects: &mut Effects,
    ) {
        let Some(membership) = &mut self.membership else { return };
        let answered = ErrorCode::from_code(response.error_code) == Some(ErrorCode::None);
        let Some(data) = response.response_data.clone().filter(|_| answered) else {
            return membership.forwarding.retry(now, forwarded);
        };
        let ResponseTo { api_version, .. } = forwarded.to;
        let api = forwarded.api;
        if let Ok(frame) = codec::decode_response(api, api_version, data) {
            self.respond(forwarded.to, frame.body, effects);
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
