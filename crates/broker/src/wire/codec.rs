//! Frames as bytes: for the native server, tests and the inspector. The simulated network passes
//! [`RequestFrame`] and [`ResponseFrame`] as they are and never comes here.
//!
//! A frame here is what follows the four bytes of length: header, then body.

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::bounded_buf::BoundedBuf;
use super::{Request, RequestFrame, Response, ResponseFrame, ServedApi};
use super::{fetch_response, request_schema};

/// Why a frame could not be read or written: where, what stood there, what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// Fewer bytes than the fixed start of a header (api key, version, correlation id).
    TooShort {
        /// Bytes present.
        len: usize,
        /// Bytes needed.
        needed: usize,
    },
    /// An API key without a variant in [`Request`]. Kafka closes the connection.
    UnservedApi {
        /// The number on the wire.
        api_key: i16,
    },
    /// A version outside the range served. Kafka closes the connection, except for ApiVersions,
    /// which it answers with `UNSUPPORTED_VERSION` in version 0.
    UnsupportedVersion {
        /// The API asked for.
        api: &'static ServedApi,
        /// The version asked for.
        version: i16,
        /// The correlation id, for the answer to ApiVersions.
        correlation_id: i32,
    },
    /// The header or the body does not follow the schema of its version.
    Malformed {
        /// `request header`, `Produce request version 9: topic_data[0].name`…
        what: String,
        /// Offset into the frame where reading stopped.
        at: usize,
        /// What the decoder said.
        reason: String,
    },
    /// The response was read, and bytes were left over. After a request they are no error.
    TrailingBytes {
        /// `Produce response version 9`…
        what: String,
        /// Bytes left.
        left: usize,
    },
    /// The message cannot be written in this version (a field that the version does not have).
    Unencodable {
        /// `Produce response version 9`…
        what: String,
        /// What the encoder said.
        reason: String,
    },
}

impl core::fmt::Display for CodecError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            CodecError::TooShort { len, needed } => {
                write!(f, "frame: {len} bytes, expected at least {needed} for its header")
            }
            CodecError::UnservedApi { api_key } => {
                write!(f, "request header: api key {api_key} is not served")
            }
            CodecError::UnsupportedVersion { api, version, .. } => write!(
                f,
                "request header: {} version {version}, expected {} to {}",
                api.name, api.min_version, api.max_version
            ),
            CodecError::Malformed { what, at, reason } => {
                write!(f, "{what}: malformed at byte {at}: {reason}")
            }
            CodecError::TrailingBytes { what, left } => {
                write!(f, "{what}: {left} bytes left over, expected the end of the frame")
            }
            CodecError::Unencodable { what, reason } => {
                write!(f, "{what}: cannot be written: {reason}")
            }
        }
    }
}

impl std::error::Error for CodecError {}

/// API key, version, correlation id: how every request begins, whatever its version.
pub(super) const FIXED_HEADER: usize = 8;

/// Reads a request frame (without its four bytes of length). Its bytes and texts are slices of it.
pub fn decode_request(frame: Bytes) -> Result<RequestFrame, CodecError> {
    let len = frame.len();
    let Some(&[k0, k1, v0, v1, c0, c1, c2, c3]) = frame.get(..FIXED_HEADER) else {
        return Err(CodecError::TooShort { len, needed: FIXED_HEADER });
    };
    let key = i16::from_be_bytes([k0, k1]);
    let version = i16::from_be_bytes([v0, v1]);
    let correlation_id = i32::from_be_bytes([c0, c1, c2, c3]);
    let api = ApiKey::try_from(key)
        .ok()
        .and_then(ServedApi::find)
        .ok_or(CodecError::UnservedApi { api_key: key })?;
    if version < api.min_version || version > api.max_version {
        return Err(CodecError::UnsupportedVersion { api, version, correlation_id });
    }
    let what = || format!("{} request version {version}", api.name);
    request_schema::check(api, version, &frame).map_err(|error| CodecError::Malformed {
        what: format!("{}: {}", what(), error.field),
        at: error.at,
        reason: error.message,
    })?;
    let mut buf = frame;
    let header = RequestHeader::decode(&mut buf, api.key.request_header_version(version)).map_err(
        |error| CodecError::Malformed {
            what: "request header".into(),
            at: len - buf.len(),
            reason: error.to_string(),
        },
    )?;
    let mut body = Request::decode_body(api.key, version, &mut buf)
        .ok_or(CodecError::UnservedApi { api_key: key })?
        .map_err(|reason| CodecError::Malformed { what: what(), at: len - buf.len(), reason })?;
    // What is left over is left alone (`RequestContext.parseRequest`): librdkafka 2.12 writes three
    // bytes more than Metadata version 13 has.
    if let Request::Produce(produce) = &mut body {
        // The log keeps a batch in the buffer of its frame if nobody else holds that.
        let own = |text: &StrBytes| StrBytes::from_string(text.to_string());
        produce.transactional_id = produce.transactional_id.as_ref().map(|id| own(id).into());
        for topic in &mut produce.topic_data {
            topic.name = own(&topic.name).into();
        }
    }
    Ok(RequestFrame {
        api_version: version,
        correlation_id: header.correlation_id,
        client_id: header.client_id.map(|id| id.to_string()),
        body,
    })
}

/// Writes a request frame (without its four bytes of length).
pub fn encode_request(frame: &RequestFrame) -> Result<Bytes, CodecError> {
    let api = frame.body.api_key();
    let unencodable = |reason| CodecError::Unencodable {
        what: format!("{} request version {}", frame.body.name(), frame.api_version),
        reason,
    };
    let header = RequestHeader::default()
        .with_request_api_key(api as i16)
        .with_request_api_version(frame.api_version)
        .with_correlation_id(frame.correlation_id)
        .with_client_id(frame.client_id.clone().map(StrBytes::from_string));
    let mut buf = BytesMut::new();
    header
        .encode(&mut buf, api.request_header_version(frame.api_version))
        .map_err(|error| unencodable(error.to_string()))?;
    frame.body.encode_body(frame.api_version, &mut buf).map_err(unencodable)?;
    Ok(buf.freeze())
}

/// Writes a response frame (without its four bytes of length) as pieces that stand one after the
/// other. The records of a fetch response are not copied. `rest` is its entry in
/// [`crate::Effects::scattered`]; without one the records are whole in the response.
pub fn encode_response_pieces(
    frame: ResponseFrame,
    rest: Vec<Vec<Bytes>>,
) -> Result<Vec<Bytes>, CodecError> {
    let ResponseFrame { api_version, correlation_id, body } = frame;
    match body {
        Response::Fetch(body) if fetch_response::is_plain(&body) => {
            let api = ApiKey::Fetch;
            let unencodable = |reason| CodecError::Unencodable {
                what: format!("Fetch response version {api_version}"),
                reason,
            };
            let mut buf = BytesMut::with_capacity(256);
            ResponseHeader::default()
                .with_correlation_id(correlation_id)
                .encode(&mut buf, api.response_header_version(api_version))
                .map_err(|error| unencodable(error.to_string()))?;
            let mut out = Vec::new();
            fetch_response::encode(body, api_version, rest, buf, &mut out).map_err(unencodable)?;
            Ok(out)
        }
        mut body => {
            if let Response::Fetch(body) = &mut body {
                let partitions = body.responses.iter_mut().flat_map(|topic| &mut topic.partitions);
                for (data, more) in partitions.zip(rest) {
                    let first = data.records.take().unwrap_or_default();
                    let pieces: Vec<Bytes> = core::iter::once(first).chain(more).collect();
                    data.records = Some(pieces.concat().into());
                }
            }
            Ok(vec![encode_response(&ResponseFrame { api_version, correlation_id, body })?])
        }
    }
}

/// Writes a response frame (without its four bytes of length).
pub fn encode_response(frame: &ResponseFrame) -> Result<Bytes, CodecError> {
    let unencodable = |reason| CodecError::Unencodable {
        what: format!("{} response version {}", frame.body.name(), frame.api_version),
        reason,
    };
    let mut buf = BytesMut::new();
    ResponseHeader::default()
        .with_correlation_id(frame.correlation_id)
        .encode(&mut buf, frame.body.api_key().response_header_version(frame.api_version))
        .map_err(|error| unencodable(error.to_string()))?;
    frame.body.encode_body(frame.api_version, &mut buf).map_err(unencodable)?;
    Ok(buf.freeze())
}

/// Reads a response frame (without its four bytes of length). `api` and `version` are those of
/// the request with the same correlation id: a response does not say them.
pub fn decode_response(
    api: ApiKey,
    version: i16,
    frame: Bytes,
) -> Result<ResponseFrame, CodecError> {
    let len = frame.len();
    let mut buf = frame;
    let served = ServedApi::find(api).ok_or(CodecError::UnservedApi { api_key: api as i16 })?;
    let what = || format!("{} response version {version}", served.name);
    let header = ResponseHeader::decode(&mut buf, api.response_header_version(version)).map_err(
        |error| CodecError::Malformed {
            what: "response header".into(),
            at: len - buf.len(),
            reason: error.to_string(),
        },
    )?;
    let mut first = BoundedBuf::new(buf.clone());
    if let Some(Err(reason)) = Response::decode_body(api, version, &mut first) {
        return Err(CodecError::Malformed { what: what(), at: len - first.remaining(), reason });
    }
    let body = Response::decode_body(api, version, &mut buf)
        .ok_or(CodecError::UnservedApi { api_key: api as i16 })?
        .map_err(|reason| CodecError::Malformed { what: what(), at: len - buf.len(), reason })?;
    if !buf.is_empty() {
        return Err(CodecError::TrailingBytes { what: what(), left: buf.len() });
    }
    Ok(ResponseFrame { api_version: version, correlation_id: header.correlation_id, body })
}
