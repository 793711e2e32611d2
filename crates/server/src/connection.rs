//! One client's connection: its requests on to the broker, the broker's responses back.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};
use logbrook_broker::ConnectionId;
use logbrook_broker::wire::codec::{CodecError, decode_request, encode_response_pieces};
use logbrook_broker::wire::{Request, RequestFrame, ResponseFrame};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::frame::{FrameError, FrameReader, size_of};
use crate::write::write_pieces;

/// Requests of one connection that may wait for their responses. Kafka reads one at a time; reading
/// a few ahead shows that a client is gone although a fetch of its waits. The order of responses is
/// the broker's doing. More than `max.in.flight.requests.per.connection` (5).
///
/// A fetch takes them all, because its response may be large: it waits until those before it are
/// written, so a client that does not read holds one such response, however many it asks for.
const IN_FLIGHT: usize = 8;
/// How long responses still due may take once a request could not be read.
const DRAIN: Duration = Duration::from_secs(5);

/// What a connection tells the task that owns the broker.
pub(crate) enum FromConnection {
    /// A request, and the bytes that it had.
    Request(ConnectionId, Box<RequestFrame>, usize),
    Closed(ConnectionId),
}

/// A response, and where its records are in several pieces the others.
pub(crate) struct Outgoing {
    pub(crate) frame: ResponseFrame,
    pub(crate) rest: Vec<Vec<Bytes>>,
}

/// Limits of a connection, from the server properties of Kafka's names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// `socket.request.max.bytes`.
    pub(crate) request_bytes: usize,
    /// `connections.max.idle.ms`.
    pub(crate) idle: Duration,
}

/// Why a connection was closed from this side.
enum Closed {
    /// The client did, or the broker.
    InOrder,
    Frame(FrameError),
    Codec(CodecError),
    Write(io::Error),
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InOrder => Ok(()),
            Self::Frame(error) => error.fmt(f),
            Self::Codec(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

/// Carries frames until either side closes.
pub(crate) async fn carry(
    stream: TcpStream,
    id: ConnectionId,
    peer: SocketAddr,
    limits: Limits,
    requests: mpsc::Sender<FromConnection>,
    responses: mpsc::UnboundedReceiver<Outgoing>,
) {
    // A response is written at once: waiting for more to go with it (Nagle) costs 40 ms a request.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let in_flight = Semaphore::new(IN_FLIGHT);
    let closed = tokio::select! {
        closed = read_requests(read, id, limits, &requests, &in_flight) => closed,
        closed = write_responses(write, responses, limits, &in_flight) => closed,
    };
    // The broker's task outlives every connection, but for the end of the program.
    let _ = requests.send(FromConnection::Closed(id)).await;
    match &closed {
        Closed::InOrder => log::debug!(peer:% = peer; "Connection closed"),
        // A client that ends without closing first is no news.
        Closed::Write(error) | Closed::Frame(FrameError::Io(error)) if is_reset(error) => {
            log::debug!(peer:% = peer; "Connection closed: {error}");
        }
        Closed::Frame(FrameError::Idle(_)) => {
            log::info!(peer:% = peer; "Connection closed: {closed}");
        }
        Closed::Frame(_) | Closed::Codec(_) | Closed::Write(_) => {
            log::warn!(peer:% = peer; "Connection closed: {closed}");
        }
    }
}

fn is_reset(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

async fn read_requests(
    stream: OwnedReadHalf,
    id: ConnectionId,
    limits: Limits,
    requests: &mpsc::Sender<FromConnection>,
    in_flight: &Semaphore,
) -> Closed {
    let mut frames = FrameReader::new(stream, limits.request_bytes, limits.idle);
    loop {
        let frame = match frames.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return Closed::InOrder,
            // Silent because it waits for a response.
            Err(FrameError::Idle(_)) if in_flight.available_permits() < IN_FLIGHT => continue,
            Err(error) => return drained(in_flight, Closed::Frame(error)).await,
        };
        let size = frame.len();
        let request = match decode(frame) {
            Ok(request) => request,
            Err(closed) => return drained(in_flight, closed).await,
        };
        if has_response(&request.body) {
            match in_flight.acquire_many(permits(request.body.api_key())).await {
                // Given back when the response is written.
                Ok(permit) => permit.forget(),
                Err(_closed) => return Closed::InOrder,
            }
        }
        if requests.send(FromConnection::Request(id, Box::new(request), size)).await.is_err() {
            return Closed::InOrder;
        }
    }
}

/// Requests before the one that could not be read are answered first.
async fn drained(in_flight: &Semaphore, closed: Closed) -> Closed {
    let _ = timeout(DRAIN, in_flight.acquire_many(IN_FLIGHT as u32)).await;
    closed
}

fn decode(frame: bytes::Bytes) -> Result<RequestFrame, Closed> {
    match decode_request(frame) {
        // The broker answers it in version 0 with UNSUPPORTED_VERSION (KIP-511): a client that is
        // newer than the broker finds out so what it may use.
        Err(CodecError::UnsupportedVersion { api, version, correlation_id })
            if api.key == ApiKey::ApiVersions =>
        {
            Ok(RequestFrame {
                api_version: version,
                correlation_id,
                client_id: None,
                body: ApiVersionsRequest::default().into(),
            })
        }
        decoded => decoded.map_err(Closed::Codec),
    }
}

/// A produce with acks=0 has none.
pub(crate) fn has_response(request: &Request) -> bool {
    !matches!(request, Request::Produce(produce) if produce.acks == 0)
}

/// How many of [`IN_FLIGHT`] a request takes.
fn permits(api: ApiKey) -> u32 {
    match api {
        ApiKey::Fetch => IN_FLIGHT as u32,
        _small => 1,
    }
}

async fn write_responses(
    mut stream: OwnedWriteHalf,
    mut responses: mpsc::UnboundedReceiver<Outgoing>,
    limits: Limits,
    in_flight: &Semaphore,
) -> Closed {
    while let Some(Outgoing { frame, rest }) = responses.recv().await {
        let permits = permits(frame.body.api_key());
        let pieces = match encode(frame, rest) {
            Ok(pieces) => pieces,
            Err(error) => return Closed::Codec(error),
        };
        if let Err(error) = write_pieces(&mut stream, &pieces, limits.idle).await {
            return Closed::Write(error);
        }
        in_flight.add_permits(permits as usize);
    }
    // The broker closed it, or the server stops.
    let _ = stream.shutdown().await;
    Closed::InOrder
}

/// A response with its size before it.
fn encode(frame: ResponseFrame, rest: Vec<Vec<Bytes>>) -> Result<Vec<Bytes>, CodecError> {
    let name = frame.body.name();
    let mut pieces = encode_response_pieces(frame, rest)?;
    let len = pieces.iter().map(Bytes::len).sum();
    let size = size_of(len).ok_or_else(|| CodecError::Unencodable {
        what: format!("{name} response"),
        reason: format!("{len} bytes are more than a frame can have"),
    })?;
    pieces.insert(0, Bytes::copy_from_slice(&size));
    Ok(pieces)
}
