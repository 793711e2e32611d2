//! Envelope, version 0 (KIP-590): a client's request that a broker passes on. The answer goes back in the version
//! that the client asked for (`EnvelopeUtils`).

use bytes::{Buf, Bytes};
use kafka_protocol::messages::DefaultPrincipalData;
use kafka_protocol::protocol::Decodable;

use super::ControllerNode;
use crate::ErrorCode;
use crate::api::{Reply, RequestContext, ResponseTo, now as answer};
use crate::wire::{
    Embedded, Envelope, EnvelopeAnswer, RequestFrame, ResponseFrame, ServedApi, is_forwardable,
};

pub(super) fn handle(node: &mut ControllerNode, ctx: &RequestContext, request: Envelope) -> Reply {
    let (error, response) = match forwarded(node, ctx, request) {
        Ok(response) => (ErrorCode::None, Some(Embedded::from(response))),
        Err(error) => (error, None),
    };
    answer(EnvelopeAnswer { error_code: error.code(), response })
}

fn forwarded(
    node: &mut ControllerNode,
    ctx: &RequestContext,
    request: Envelope,
) -> Result<ResponseFrame, ErrorCode> {
    if !is_principal(request.principal.as_ref()) {
        return Err(ErrorCode::PrincipalDeserializationFailure);
    }
    let host = host(&request.client_host_address).ok_or(ErrorCode::InvalidRequest)?;
    let frame = match request.request {
        Embedded::Frame(frame) => *frame,
        // What cannot be read is told apart from an envelope that is wrong itself.
        Embedded::Bytes(unread) if is_forwardable(&unread) => {
            return Err(ErrorCode::UnsupportedVersion);
        }
        Embedded::Bytes(_not_to_be_passed_on) => return Err(ErrorCode::InvalidRequest),
    };
    let RequestFrame { api_version, correlation_id, client_id, body } = frame;
    if !ServedApi::find(body.api_key()).is_some_and(ServedApi::is_forwardable) {
        return Err(ErrorCode::InvalidRequest);
    }
    let to = ResponseTo { api_version, correlation_id, ..ctx.to };
    let ctx = RequestContext { now: ctx.now, to, client_id, host, told: None };
    match node.dispatch(&ctx, body) {
        Reply::Now(body) => Ok(ResponseFrame { api_version, correlation_id, body }),
        // None of those that can be passed on waits.
        Reply::Scattered(..) | Reply::Later | Reply::Silent | Reply::Close => {
            Err(ErrorCode::UnknownServerError)
        }
    }
}

/// `DefaultKafkaPrincipalBuilder.deserialize`: a version, then who it is.
fn is_principal(bytes: Option<&Bytes>) -> bool {
    let Some(mut bytes) = bytes.cloned() else { return false };
    let version = bytes.try_get_i16();
    version == Ok(0) && DefaultPrincipalData::decode(&mut bytes, 0).is_ok()
}

/// An address of four or sixteen bytes, as Java prints it.
fn host(address: &[u8]) -> Option<String> {
    let ip = match address.len() {
        4 => std::net::IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        16 => std::net::IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        _ => return None,
    };
    Some(format!("/{ip}"))
}
