//! One broker behind a listener. The task that runs the server owns the broker: connections send it
//! their requests, it hands each response to the connection of its request, and it sleeps until the
//! broker's next timer.

use logbrook_sorted::SortedMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use logbrook_broker::wire::ResponseFrame;
use logbrook_broker::{Broker, BrokerConfig, ClientInfo, ConnectionId, Effects};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::config::{ServeConfig, ServeError};
use crate::connection::{FromConnection, Limits, carry};

/// Requests read from all connections and not yet handled: beyond that, connections are not read.
const WAITING_REQUESTS: usize = 64;
/// How long responses under way may take when the server stops.
const STOP: Duration = Duration::from_secs(2);
/// Pause after a failed accept (out of file descriptors, say), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where lines of the log go.
pub type LogSink = Box<dyn Fn(&str)>;

/// A bound server. Connections are accepted once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    broker: Broker,
    clock: Clock,
    limits: Limits,
    max_connections: usize,
    log: LogSink,
    peers: SortedMap<ConnectionId, Peer>,
    carriers: JoinSet<Option<String>>,
    next_connection: u64,
}

struct Peer {
    client: ClientInfo,
    responses: mpsc::UnboundedSender<ResponseFrame>,
}

impl Server {
    /// Binds the address and starts an empty broker.
    ///
    /// # Errors
    /// An address that may not or cannot be bound, a property with an invalid value.
    pub async fn bind(config: &ServeConfig, log: LogSink) -> Result<Server, ServeError> {
        let wanted = config.address()?;
        let fail = |error| ServeError::Listen { listen: config.listen.clone(), error };
        let listener = TcpListener::bind(wanted).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let (broker, unread) = config.broker(address)?;
        for name in unread {
            log(&format!("--config {name}: this broker does not read it; it is without effect"));
        }
        if !address.ip().is_loopback() {
            log(&format!(
                "{address} can be reached from other machines, without authentication or encryption"
            ));
        }
        let mut clock = Clock::default();
        let count = |name| usize::try_from(broker.number(name)).unwrap_or(0);
        // Negative: never, as in Kafka.
        let idle_ms = broker.number("connections.max.idle.ms");
        let idle_ms = u64::try_from(idle_ms).unwrap_or(i64::MAX as u64);
        Ok(Server {
            listener,
            address,
            limits: Limits {
                request_bytes: count("socket.request.max.bytes"),
                idle: Duration::from_millis(idle_ms),
            },
            max_connections: count("max.connections"),
            broker: Broker::new(broker, config.seed, clock.now_ms()),
            clock,
            log,
            peers: SortedMap::new(),
            carriers: JoinSet::new(),
            next_connection: 0,
        })
    }

    /// The bound address: its port is the real one where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The broker's configuration.
    pub fn config(&self) -> &BrokerConfig {
        self.broker.config()
    }

    /// Serves until `stop` is ready. Then no connection is accepted and no request handled any more;
    /// responses under way are written, for at most two seconds.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let (requests, mut incoming) = mpsc::channel(WAITING_REQUESTS);
        let mut stop = pin!(stop);
        loop {
            let wakeup = self.broker.next_wakeup().map(|at| self.clock.until(at));
            tokio::select! {
                () = &mut stop => break,
                Some(message) = incoming.recv() => self.hear(message),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer, requests.clone()),
                    Err(error) => {
                        (self.log)(&format!("accept: {error}"));
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = self.carriers.join_next() => {
                    if let Ok(Some(line)) = ended {
                        (self.log)(&line);
                    }
                }
                () = sleep(wakeup.unwrap_or_default()), if wakeup.is_some() => {
                    let now = self.clock.now_ms();
                    let effects = self.broker.tick(now);
                    self.apply(effects);
                }
            }
        }
        // Without its sender each connection writes what it has, and closes.
        self.peers.clear();
        drop(incoming);
        let all = async {
            while let Some(ended) = self.carriers.join_next().await {
                if let Ok(Some(line)) = ended {
                    (self.log)(&line);
                }
            }
        };
        let _ = timeout(STOP, all).await;
    }

    fn accept(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        requests: mpsc::Sender<FromConnection>,
    ) {
        if self.peers.len() >= self.max_connections {
            let max = self.max_connections;
            (self.log)(&format!("{peer}: connection refused: {max} are open (max.connections)"));
            return;
        }
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        let (sender, responses) = mpsc::unbounded_channel();
        let client = ClientInfo { connection: id, host: java_address(peer.ip()) };
        self.peers.insert(id, Peer { client, responses: sender });
        self.carriers.spawn(carry(stream, id, peer, self.limits, requests, responses));
    }

    fn hear(&mut self, message: FromConnection) {
        let now = self.clock.now_ms();
        let effects = match message {
            FromConnection::Request(id, frame) => match self.peers.get(&id) {
                Some(peer) => self.broker.handle(now, &peer.client, *frame),
                // Closed by the broker, with this one already on its way.
                None => return,
            },
            FromConnection::Closed(id) => {
                self.peers.remove(&id);
                self.broker.disconnect(now, id)
            }
        };
        self.apply(effects);
    }

    fn apply(&mut self, effects: Effects) {
        for (id, response) in effects.responses {
            if let Some(peer) = self.peers.get(&id) {
                // A connection that is just closing tells so itself.
                let _ = peer.responses.send(response);
            }
        }
        for id in effects.disconnects {
            self.peers.remove(&id);
        }
    }
}

/// `InetAddress.toString` of an address without a name.
fn java_address(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => format!("/{v4}"),
        IpAddr::V6(v6) => {
            let groups: Vec<String> = v6.segments().iter().map(|s| format!("{s:x}")).collect();
            format!("/{}", groups.join(":"))
        }
    }
}
