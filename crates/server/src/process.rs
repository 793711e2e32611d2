//! A client process on real sockets: what the simulated cluster is to it elsewhere.
//!
//! The process names an endpoint and a channel; the first frame for such a pair opens a connection,
//! as [`logbrook_client::net`] says.

use logbrook_sorted::SortedMap;
use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use logbrook_broker::wire::RequestFrame;
use logbrook_broker::wire::codec::{decode_response, encode_request};
use logbrook_client::process::{StoreError, StoreReply};
use logbrook_client::{
    Channel, Endpoint, Input, Io, IoAction, NetEvent, Outgoing, Process, Signal,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::connection::has_response;
use crate::frame::{FrameReader, size_of};

/// `socket.connection.setup.timeout.ms`.
const CONNECT: Duration = Duration::from_secs(10);
/// `connections.max.idle.ms` of a client.
const IDLE: Duration = Duration::from_secs(540);
/// A fetch response may be as large as `fetch.max.bytes` and one batch more; Kafka's clients take
/// any size.
const RESPONSE_BYTES: usize = i32::MAX as usize;
/// How long what the process sent last may take once it has ended: it leaves its group so.
const LINGER: Duration = Duration::from_secs(2);

/// What a terminal says to the process in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalInput {
    /// A line of standard input, without its newline.
    Line(String),
    /// Its end (Ctrl-D).
    Closed,
    /// Ctrl-C and the like.
    Signal(Signal),
}

/// Where a process prints. Newlines are in the text.
pub trait Output {
    /// Standard output.
    ///
    /// # Errors
    /// Nobody reads it any more: the process ends.
    fn stdout(&mut self, text: &str) -> io::Result<()>;
    /// Standard error.
    ///
    /// # Errors
    /// As for standard output.
    fn stderr(&mut self, text: &str) -> io::Result<()>;
}

/// Runs a process until it exits; returns its exit code. Once `terminal`'s sender is dropped the
/// process hears nothing more from there, which is not the end of its standard input.
pub async fn run_process(
    process: Box<dyn Process>,
    mut terminal: mpsc::Receiver<TerminalInput>,
    output: &mut dyn Output,
) -> i32 {
    let (sender, mut events) = mpsc::unbounded_channel();
    let mut host = Host {
        process,
        output,
        clock: Clock::default(),
        wake_at: None,
        lines: SortedMap::new(),
        carriers: JoinSet::new(),
        opened: 0,
        events: sender,
    };
    let mut input = Some(Input::Start);
    let mut listening = true;
    let code = loop {
        if let Some(input) = input.take()
            && let Some(code) = host.give(input)
        {
            break code;
        }
        let wake = host.wake_at.map(|at| host.clock.until(at));
        input = tokio::select! {
            Some((line, event)) = events.recv() => host.hear(line, event).map(Input::Net),
            said = terminal.recv(), if listening => match said {
                Some(TerminalInput::Line(line)) => Some(Input::Stdin(line)),
                Some(TerminalInput::Closed) => Some(Input::StdinClosed),
                Some(TerminalInput::Signal(signal)) => Some(Input::Signal(signal)),
                None => {
                    listening = false;
                    None
                }
            },
            () = sleep(wake.unwrap_or_default()), if wake.is_some() => Some(Input::Wake),
        };
    };
    // Without its sender each connection writes what it has, and closes.
    host.lines.clear();
    let all = async { while host.carriers.join_next().await.is_some() {} };
    let _ = timeout(LINGER, all).await;
    code
}

/// The name of a connection for the process; a number tells it from its successors.
type Line = (Endpoint, Channel);

struct Host<'a> {
    process: Box<dyn Process>,
    output: &'a mut dyn Output,
    clock: Clock,
    wake_at: Option<i64>,
    lines: SortedMap<Line, (u64, mpsc::UnboundedSender<RequestFrame>)>,
    carriers: JoinSet<()>,
    opened: u64,
    events: mpsc::UnboundedSender<(u64, NetEvent)>,
}

impl Host<'_> {
    /// One input; the exit code if the process ends by it.
    fn give(&mut self, input: Input) -> Option<i32> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut io = Io::new(self.clock.now_ms());
            self.process.handle(input, &mut io);
            let (actions, wake_at) = io.finish();
            self.wake_at = wake_at;
            for action in actions {
                let printed = match action {
                    IoAction::Send(outgoing) => {
                        self.send(outgoing);
                        Ok(())
                    }
                    IoAction::Disconnect { to, channel } => {
                        self.lines.remove(&(to, channel));
                        Ok(())
                    }
                    IoAction::Stdout(text) => self.output.stdout(&text),
                    IoAction::Stderr(text) => self.output.stderr(&text),
                    // There are no outside stores here.
                    IoAction::Store(request) => {
                        let result = Err(StoreError::UnknownStore);
                        let (store, token) = (request.store, request.token);
                        inputs.push_back(Input::Store(StoreReply { store, token, result }));
                        Ok(())
                    }
                    IoAction::Event(_for_graders) => Ok(()),
                    IoAction::Exit(code) => return Some(code),
                };
                if printed.is_err() {
                    // As a shell shows a process that ended by SIGPIPE.
                    return Some(141);
                }
            }
        }
        None
    }

    fn send(&mut self, outgoing: Outgoing) {
        let Outgoing { to, channel, frame } = outgoing;
        let line = (to, channel);
        let (_, frames) = self.lines.entry(line.clone()).or_insert_with(|| {
            self.opened += 1;
            let (sender, frames) = mpsc::unbounded_channel();
            self.carriers.spawn(carry(self.opened, line, frames, self.events.clone()));
            (self.opened, sender)
        });
        // One that has just failed says so by its event.
        let _ = frames.send(frame);
    }

    /// An event of a connection, unless the process has closed it.
    fn hear(&mut self, number: u64, event: NetEvent) -> Option<NetEvent> {
        let (endpoint, over) = match &event {
            NetEvent::Response { from, .. } => (from, false),
            NetEvent::Disconnected { from, .. } => (from, true),
            NetEvent::ConnectFailed { to, .. } => (to, true),
        };
        let line = (endpoint.clone(), event.channel());
        if self.lines.get(&line).is_none_or(|(current, _)| *current != number) {
            return None;
        }
        if over {
            self.lines.remove(&line);
        }
        Some(event)
    }
}

/// A response that is due: what a response does not say itself.
struct Due {
    api: ApiKey,
    version: i16,
    correlation_id: i32,
}

async fn carry(
    number: u64,
    (endpoint, channel): Line,
    frames: mpsc::UnboundedReceiver<RequestFrame>,
    events: mpsc::UnboundedSender<(u64, NetEvent)>,
) {
    let tell = |event| {
        // The process has ended: nobody to tell.
        let _ = events.send((number, event));
    };
    let connect = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
    let Ok(Ok(stream)) = timeout(CONNECT, connect).await else {
        return tell(NetEvent::ConnectFailed { to: endpoint, channel });
    };
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let due = Mutex::new(VecDeque::new());
    let closed_here = tokio::select! {
        closed_here = write_requests(write, frames, &due) => closed_here,
        () = read_responses(read, &due, |frame| {
            tell(NetEvent::Response { from: endpoint.clone(), channel, frame });
        }) => false,
    };
    if !closed_here {
        tell(NetEvent::Disconnected { from: endpoint, channel });
    }
}

fn lock(due: &Mutex<VecDeque<Due>>) -> MutexGuard<'_, VecDeque<Due>> {
    due.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True where the process closed the connection.
async fn write_requests(
    mut stream: OwnedWriteHalf,
    mut frames: mpsc::UnboundedReceiver<RequestFrame>,
    due: &Mutex<VecDeque<Due>>,
) -> bool {
    while let Some(request) = frames.recv().await {
        // What cannot be written in its version cannot be answered either; the client sees the
        // connection close, as Java's does when a request does not serialise.
        let Ok(frame) = encode_request(&request) else { return false };
        let Some(size) = size_of(frame.len()) else { return false };
        if has_response(&request.body) {
            lock(due).push_back(Due {
                api: request.body.api_key(),
                version: request.api_version,
                correlation_id: request.correlation_id,
            });
        }
        let mut bytes = bytes::Buf::chain(&size[..], frame);
        if stream.write_all_buf(&mut bytes).await.is_err() {
            return false;
        }
    }
    let _ = stream.shutdown().await;
    true
}

async fn read_responses(
    stream: OwnedReadHalf,
    due: &Mutex<VecDeque<Due>>,
    mut tell: impl FnMut(logbrook_broker::wire::ResponseFrame),
) {
    let mut frames = FrameReader::new(stream, RESPONSE_BYTES, IDLE);
    // Every error is the end of the connection to the client.
    while let Ok(Some(frame)) = frames.next().await {
        let Some(Due { api, version, correlation_id }) = lock(due).pop_front() else { return };
        let Ok(response) = decode_response(api, version, frame) else { return };
        if response.correlation_id != correlation_id {
            return;
        }
        tell(response);
    }
}
