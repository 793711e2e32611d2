//! Envelopes (KIP-590): a client's request that a broker passes on to the controller, and the answer.
//!
//! On a socket the passed-on frame is a field of bytes. Between nodes that pass frames it is the frame itself,
//! as every message here is: only the [codec](super::codec) turns it into bytes, so the page needs no codec to
//! create a topic.

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, EnvelopeRequest, EnvelopeResponse};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{Decodable, Encodable};

use super::codec::{decode_request, encode_request, encode_response};
use super::{RequestFrame, ResponseFrame, ServedApi};

/// `EnvelopeRequest`: a client's request with who sent it and from where.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The request that is passed on.
    pub request: Embedded<RequestFrame>,
    /// Who sent it, as `DefaultKafkaPrincipalBuilder` writes it.
    pub principal: Option<Bytes>,
    /// The address it came from: four or sixteen bytes.
    pub client_host_address: Bytes,
}

/// `EnvelopeResponse`: the answer to what was passed on, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvelopeAnswer {
    /// Of the envelope; the passed-on request's own errors are in its answer.
    pub error_code: i16,
    /// The answer, in the version of the request that was passed on.
    pub response: Option<Embedded<ResponseFrame>>,
}

/// A frame within a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Embedded<F> {
    /// It has been read, or was never written.
    Frame(Box<F>),
    /// As it came over a socket: a request that cannot be read or is not one to pass on, or a response, whose API
    /// only the asker knows ([`decode_response`](super::codec::decode_response)).
    Bytes(Bytes),
}

impl<F> From<F> for Embedded<F> {
    fn from(frame: F) -> Self {
        Embedded::Frame(Box::new(frame))
    }
}

impl Envelope {
    pub(super) fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self, String> {
        let read = EnvelopeRequest::decode(buf, version).map_err(|error| error.to_string())?;
        Ok(Self {
            request: open(read.request_data),
            principal: read.request_principal,
            client_host_address: read.client_host_address,
        })
    }

    pub(super) fn encode<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<(), String> {
        let data = match &self.request {
            Embedded::Frame(frame) => encode_request(frame).map_err(|error| error.to_string())?,
            Embedded::Bytes(data) => data.clone(),
        };
        EnvelopeRequest::default()
            .with_request_data(data)
            .with_request_principal(self.principal.clone())
            .with_client_host_address(self.client_host_address.clone())
            .encode(buf, version)
            .map_err(|error| error.to_string())
    }
}

/// Reads what a broker may pass on. An envelope is not, so none is read within another.
fn open(data: Bytes) -> Embedded<RequestFrame> {
    let read = is_forwardable(&data).then(|| decode_request(data.clone()).ok()).flatten();
    read.map_or(Embedded::Bytes(data), Embedded::from)
}

/// Whether the API that a frame's first bytes name may be passed on.
pub(crate) fn is_forwardable(frame: &[u8]) -> bool {
    let Some(&[high, low]) = frame.get(..2) else { return false };
    let api = ApiKey::try_from(i16::from_be_bytes([high, low])).ok();
    api.and_then(ServedApi::find).is_some_and(ServedApi::is_forwardable)
}

impl EnvelopeAnswer {
    pub(super) fn decode<B: ByteBuf>(buf: &mut B, version: i16) -> Result<Self, String> {
        let read = EnvelopeResponse::decode(buf, version).map_err(|error| error.to_string())?;
        let response = read.response_data.map(Embedded::Bytes);
        Ok(Self { error_code: read.error_code, response })
    }

    pub(super) fn encode<B: ByteBufMut>(&self, buf: &mut B, version: i16) -> Result<(), String> {
        let data = match &self.response {
            Some(Embedded::Frame(frame)) => {
                Some(encode_response(frame).map_err(|error| error.to_string())?)
            }
            Some(Embedded::Bytes(data)) => Some(data.clone()),
            None => None,
        };
        EnvelopeResponse::default()
            .with_error_code(self.error_code)
            .with_response_data(data)
            .encode(buf, version)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Request;
    use kafka_protocol::messages::{DescribeQuorumRequest, MetadataRequest};

    fn passed_on(body: Request) -> Envelope {
        let request = RequestFrame::latest(3, Some("a".into()), body).into();
        Envelope { request, principal: None, client_host_address: Bytes::from_static(&[1; 4]) }
    }

    fn through_bytes(envelope: Envelope) -> Envelope {
        let frame = RequestFrame::latest(7, None, envelope.into());
        let read = decode_request(encode_request(&frame).unwrap()).unwrap();
        let Request::Envelope(envelope) = read.body else { panic!() };
        envelope
    }

    #[test]
    fn a_request_that_may_be_passed_on_is_read_and_nothing_else() {
        let asked = passed_on(DescribeQuorumRequest::default().into());
        assert_eq!(through_bytes(asked.clone()), asked);
        // Not forwardable, and one within another: their bytes are left alone.
        for body in [MetadataRequest::default().into(), asked.into()] {
            let outer = through_bytes(passed_on(body));
            let Embedded::Bytes(data) = &outer.request else { panic!("{outer:?}") };
            assert!(!is_forwardable(data));
            assert_eq!(through_bytes(outer.clone()), outer);
        }
    }
}
