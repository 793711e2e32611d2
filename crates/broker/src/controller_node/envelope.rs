//! Envelope, version 0 (KIP-590): a client's request that a broker passes on, as the client's bytes. The answer
//! goes back as bytes, in the version that the client asked for (`EnvelopeUtils`).

use bytes::{Buf, Bytes};
use kafka_protocol::messages::{ApiKey, DefaultPrincipalData, EnvelopeRequest, EnvelopeResponse};
use kafka_protocol::protocol::Decodable;

use super::ControllerNode;
use crate::ErrorCode;
use crate::api::{Reply, RequestContext, ResponseTo, now as answer};
use crate::wire::codec::{decode_request, encode_response};
use crate::wire::{RequestFrame, ResponseFrame};

pub(super) fn handle(
    node: &mut ControllerNode,
    ctx: &RequestContext,
    request: &EnvelopeRequest,
) -> Reply {
    match forwarded(node, ctx, request) {
        Ok(response) => answer(EnvelopeResponse::default().with_response_data(Some(response))),
        Err(error) => {
            let response = EnvelopeResponse::default().with_response_data(None);
            answer(response.with_error_code(error.code()))
        }
    }
}

fn forwarded(
    node: &mut ControllerNode,
    ctx: &RequestContext,
    request: &EnvelopeRequest,
) -> Result<Bytes, ErrorCode> {
    if !is_principal(request.request_principal.as_ref()) {
        return Err(ErrorCode::PrincipalDeserializationFailure);
    }
    let host = host(&request.client_host_address).ok_or(ErrorCode::InvalidRequest)?;
    // What cannot be read is told apart from an envelope that is wrong itself.
    let frame = decode_request(request.request_data.clone())
        .map_err(|_unreadable| ErrorCode::UnsupportedVersion)?;
    let RequestFrame { api_version, correlation_id, client_id, body } = frame;
    if !is_forwardable(body.api_key()) {
        return Err(ErrorCode::InvalidRequest);
    }
    let to = ResponseTo { api_version, correlation_id, ..ctx.to };
    let ctx = RequestContext { now: ctx.now, to, client_id, host, told: None };
    match node.dispatch(&ctx, body) {
        Reply::Now(body) => encode_response(&ResponseFrame { api_version, correlation_id, body })
            .map_err(|_unwritable| ErrorCode::UnknownServerError),
        // None of those that can be passed on waits.
        Reply::Scattered(..) | Reply::Later | Reply::Silent | Reply::Close => {
            Err(ErrorCode::UnknownServerError)
        }
    }
}

/// `ApiKeys.forwardable`, of the requests that a controller serves.
fn is_forwardable(api: ApiKey) -> bool {
    matches!(
        api,
        ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::CreatePartitions
            | ApiKey::AlterConfigs
            | ApiKey::IncrementalAlterConfigs
            | ApiKey::ElectLeaders
            | ApiKey::AlterPartitionReassignments
            | ApiKey::ListPartitionReassignments
            | ApiKey::UnregisterBroker
            | ApiKey::UpdateFeatures
            | ApiKey::AlterClientQuotas
            | ApiKey::AlterUserScramCredentials
            | ApiKey::AllocateProducerIds
            | ApiKey::DescribeQuorum
    )
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
