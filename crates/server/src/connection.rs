//! One client's connection: its requests on to the broker, the broker's responses back.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use kafka_protocol::messages::{ApiKey, ApiVersionsRequest};
use logbrook_broker::ConnectionId;
use logbrook_broker::wire::codec::{CodecError, decode_request, encode_response};
use logbrook_broker::wire::{Request, RequestFrame, ResponseFrame};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

use crate::frame::{FrameError, FrameReader, size_of};

/// Requests of one connection that may wait for their responses. Kafka reads one at a time; reading
/// a few ahead shows that a client is gone although a fetch of its waits. The order of responses is
/// the broker's doing. More than `max.in.flight.requests.per.connection` (5).
const IN_FLIGHT: usize = 8;
/// How long responses still due may take once a request could not be read.
const DRAIN: Duration = Duration::from_secs(5);

/// What a connection tells the task that owns the broker.
pub(crate) enum FromConnection {
    Request(ConnectionId, Box<RequestFrame>),
    Closed(ConnectionId),
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

/// Carries frames until either side closes. `Some`: what to write into the log.
pub(crate) async fn carry(
    stream: TcpStream,
    id: ConnectionId,
    peer: SocketAddr,
    limits: Limits,
    requests: mpsc::Sender<FromConnection>,
    responses: mpsc::UnboundedReceiver<ResponseFrame>,
) -> Option<String> {
    // A response is written at once: waiting for more to go with it (Nagle) costs 40 ms a request.
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let in_flight = Semaphore::new(IN_FLIGHT);
    let closed = tokio::select! {
        closed = read_requests(read, id, limits, &requests, &in_flight) => closed,
        closed = write_responses(write, responses, &in_flight) => closed,
    };
    // The broker's task outlives every connection, but for the end of the program.
    let _ = requests.send(FromConnection::Closed(id)).await;
    match closed {
        Closed::InOrder => None,
        // A client that ends without closing first is no news.
        Closed::Write(error) | Closed::Frame(FrameError::Io(error)) if is_reset(&error) => None,
        closed => Some(format!("{peer}: connection closed: {closed}")),
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
        let request = match decode(frame) {
            Ok(request) => request,
            Err(closed) => return drained(in_flight, closed).await,
        };
        if has_response(&request.body) {
            match in_flight.acquire().await {
                // Given back when the response is written.
                Ok(permit) => permit.forget(),
                Err(_closed) => return Closed::InOrder,
            }
        }
        if requests.send(FromConnection::Request(id, Box::new(request))).await.is_err() {
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

async fn write_responses(
    mut stream: OwnedWriteHalf,
    mut responses: mpsc::UnboundedReceiver<ResponseFrame>,
    in_flight: &Semaphore,
) -> Closed {
    while let Some(response) = responses.recv().await {
        let frame = match encode_response(&response) {
            Ok(frame) => frame,
            Err(error) => return Closed::Codec(error),
        };
        let Some(size) = size_of(&frame) else {
            let what = format!("{} response", response.body.name());
            let reason = format!("{} bytes are more than a frame can have", frame.len());
            return Closed::Codec(CodecError::Unencodable { what, reason });
        };
        let mut bytes = bytes::Buf::chain(&size[..], frame);
        if let Err(error) = stream.write_all_buf(&mut bytes).await {
            return Closed::Write(error);
        }
        in_flight.add_permits(1);
    }
    // The broker closed it, or the server stops.
    let _ = stream.shutdown().await;
    Closed::InOrder
}
