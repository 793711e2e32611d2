//! One broker behind a listener. The task that runs the server owns the broker: connections send it
//! their requests, it hands each response to the connection of its request, and it sleeps until the
//! broker's next timer.

use logbrook_sorted::SortedMap;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logbrook_broker::{Broker, BrokerConfig, ClientInfo, ConnectionId, Effects};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock::Clock;
use crate::config::{ServeConfig, ServeError};
use crate::connection::{FromConnection, Limits, Outgoing, carry, has_response};
use crate::connection_quotas::ConnectionQuotas;
use crate::disk::Disk;
use crate::metrics::{Metrics, http};

/// How long responses under way may take when the server stops.
const STOP: Duration = Duration::from_secs(2);
/// Pause after a failed accept (out of file descriptors, say), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound server. Connections are accepted once it runs.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    broker: Broker,
    clock: Clock,
    limits: Limits,
    /// `queued.max.requests`: read from all connections and not yet handled. Beyond that, connections
    /// are not read.
    queued_requests: usize,
    quotas: ConnectionQuotas,
    metrics: Metrics,
    metrics_listener: Option<TcpListener>,
    peers: SortedMap<ConnectionId, Peer>,
    carriers: JoinSet<()>,
    next_connection: u64,
}

struct Peer {
    client: ClientInfo,
    ip: IpAddr,
    responses: mpsc::UnboundedSender<Outgoing>,
    /// API and arrival of the requests that have no response yet, in their order.
    due: VecDeque<(&'static str, Instant)>,
}

impl Server {
    /// Binds the address and starts an empty broker.
    ///
    /// # Errors
    /// An address that may not or cannot be bound, a property with an invalid value.
    pub async fn bind(config: &ServeConfig) -> Result<Server, ServeError> {
        let wanted = config.address()?;
        let fail = |error| ServeError::Listen { listen: config.listen.clone(), error };
        let listener = TcpListener::bind(wanted).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let (broker, unread) = config.broker(address)?;
        for name in unread {
            log::warn!(property = name.as_str(); "--config {name}: this broker does not read it; it is without effect");
        }
        if !address.ip().is_loopback() {
            log::warn!(
                "{address} can be reached from other machines, without authentication or encryption"
            );
        }
        let metrics_listener = match &config.metrics {
            Some(wanted) => Some(config.bind_metrics(wanted).await?),
            None => None,
        };
        let mut clock = Clock::default();
        let count = |name| usize::try_from(broker.number(name)).unwrap_or(0);
        // Negative: never, as in Kafka.
        let idle_ms = broker.number("connections.max.idle.ms");
        let idle_ms = u64::try_from(idle_ms).unwrap_or(i64::MAX as u64);
        let limits = Limits {
            request_bytes: count("socket.request.max.bytes"),
            idle: Duration::from_millis(idle_ms),
        };
        let quotas =
            ConnectionQuotas::new(count("max.connections"), count("max.connections.per.ip"));
        let queued_requests = count("queued.max.requests").max(1);
        let mut broker = start(broker, config, clock.now_ms())?;
        broker.scatter_records();
        Ok(Server {
            listener,
            address,
            limits,
            queued_requests,
            quotas,
            metrics: Metrics::default(),
            metrics_listener,
            broker,
            clock,
            peers: SortedMap::new(),
            carriers: JoinSet::new(),
            next_connection: 0,
        })
    }

    /// The bound address: its port is the real one where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` is, if it is served.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// The broker's configuration.
    pub fn config(&self) -> &BrokerConfig {
        self.broker.config()
    }

    /// Serves until `stop` is ready. Then no connection is accepted and nothing read any more; requests
    /// that were read are handled, and responses under way are written, for at most two seconds. A fetch
    /// that waits for records goes unanswered, as when Kafka stops.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let (requests, mut incoming) = mpsc::channel(self.queued_requests);
        let (asks, mut asked) = mpsc::channel(1);
        let scrapes =
            self.metrics_listener.take().map(|listener| tokio::spawn(http::serve(listener, asks)));
        let mut stop = pin!(stop);
        loop {
            let wakeup = self.broker.next_wakeup().map(|at| self.clock.until(at));
            tokio::select! {
                () = &mut stop => break,
                Some(message) = incoming.recv() => {
                    self.hear(message);
                    // Setting up the waiting costs more than a request: not for each.
                    for _ in 1..self.queued_requests {
                        let Ok(message) = incoming.try_recv() else { break };
                        self.hear(message);
                    }
                }
                accepted = self.listener.accept(), if self.quotas.has_slot() => match accepted {
                    Ok((stream, peer)) => self.accept(stream, peer, requests.clone()),
                    Err(error) => {
                        log::error!("Accept: {error}");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_ended) = self.carriers.join_next() => {}
                Some(ask) = asked.recv() => {
                    // Who asked may have gone.
                    let _ = ask.send(self.metrics.render(&self.broker, self.quotas.open()));
                }
                () = sleep(wakeup.unwrap_or_default()), if wakeup.is_some() => {
                    let now = self.clock.now_ms();
                    let effects = self.broker.tick(now);
                    self.apply(effects);
                }
            }
        }
        log::info!("Stopping: {} connections", self.quotas.open());
        if let Some(scrapes) = scrapes {
            scrapes.abort();
        }
        while let Ok(message) = incoming.try_recv() {
            self.hear(message);
        }
        let Server { listener, mut carriers, peers, mut broker, mut clock, .. } = self;
        drop(listener);
        // Without its sender each connection writes what it has, and closes.
        drop(peers);
        drop(incoming);
        let all = async { while carriers.join_next().await.is_some() {} };
        let _ = timeout(STOP, all).await;
        broker.close(clock.now_ms());
        tell_storage_remarks(&mut broker);
    }

    fn accept(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        requests: mpsc::Sender<FromConnection>,
    ) {
        let ip = peer.ip();
        if !self.quotas.inc(ip) {
            self.metrics.connections_rejected += 1;
            let max = self.quotas.max_per_ip();
            log::info!(
                peer:% = peer;
                "Rejected connection from {}, address already has the configured maximum of {max} connections.",
                java_address(ip)
            );
            return;
        }
        self.metrics.connections_accepted += 1;
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        let (sender, responses) = mpsc::unbounded_channel();
        let client = ClientInfo { connection: id, host: java_address(ip) };
        self.peers.insert(id, Peer { client, ip, responses: sender, due: VecDeque::new() });
        self.carriers.spawn(carry(stream, id, peer, self.limits, requests, responses));
    }

    fn hear(&mut self, message: FromConnection) {
        let now = self.clock.now_ms();
        let effects = match message {
            FromConnection::Request(id, frame, bytes) => match self.peers.get_mut(&id) {
                Some(peer) => {
                    let api = frame.body.name();
                    self.metrics.request(api, frame.api_version, bytes);
                    if has_response(&frame.body) {
                        peer.due.push_back((api, Instant::now()));
                    } else {
                        self.metrics.answered(api, Duration::ZERO);
                    }
                    self.broker.handle(now, &peer.client, *frame)
                }
                // Closed by the broker, with this one already on its way.
                None => return,
            },
            FromConnection::Closed(id) => {
                self.forget(id);
                self.broker.disconnect(now, id)
            }
        };
        self.apply(effects);
    }

    fn forget(&mut self, id: ConnectionId) {
        if let Some(peer) = self.peers.remove(&id) {
            self.quotas.dec(peer.ip);
        }
    }

    fn apply(&mut self, effects: Effects) {
        tell_storage_remarks(&mut self.broker);
        for event in &effects.events {
            self.metrics.event(event);
        }
        let mut scattered = effects.scattered.into_iter().peekable();
        for (index, (id, frame)) in effects.responses.into_iter().enumerate() {
            let rest = scattered.next_if(|(at, _)| *at == index).map(|(_, rest)| rest);
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            if let Some((api, arrived)) = peer.due.pop_front() {
                self.metrics.answered(api, arrived.elapsed());
            }
            let rest = rest.unwrap_or_default();
            self.metrics.response(&self.broker, &frame.body, &rest);
            // A connection that is just closing tells so itself.
            let _ = peer.responses.send(Outgoing { frame, rest });
        }
        for id in effects.disconnects {
            self.forget(id);
        }
    }
}

/// Into the log: what was found in the files, or went wrong with them.
fn tell_storage_remarks(broker: &mut Broker) {
    for line in broker.take_storage_remarks() {
        log::warn!("{line}");
    }
}

/// The broker, in memory or on its log directory.
fn start(broker: BrokerConfig, config: &ServeConfig, now: i64) -> Result<Broker, ServeError> {
    let Some(path) = &config.data else { return Ok(Broker::new(broker, config.seed, now)) };
    let failed = |error: &dyn fmt::Display| ServeError::Data {
        path: path.clone(),
        message: error.to_string(),
    };
    let disk = Disk::open(path).map_err(|error| failed(&error))?;
    Broker::open(broker, config.seed, now, Arc::new(disk)).map_err(|error| failed(&error))
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
