//! A KRaft controller as a node of its own: requests and time in, effects out, as for [`crate::Broker`].
//!
//! ```text
//!   RequestFrame --> ControllerNode::handle --> controller/apis/<request>.rs   records and an answer
//!                                                |
//!                     QuorumLog::append  <-------+    then the image, the heartbeats and the
//!                     MetadataImage::replay           fetches that wait follow
//! ```
//!
//! `QuorumController` with `ControllerApis` and the leader's part of `KafkaRaftClient`. Different from Kafka 4.4:
//! the quorum is this node, and no snapshots, `NoOpRecord`s and registrations of controllers are written.

mod decisions;
mod envelope;
mod metadata_fetch;
mod observers;
mod periodic_tasks;

use logbrook_log::{Log, StorageError};
use logbrook_record::Offset;
use logbrook_sorted::SortedMap;

use crate::api::describe_quorum::{self, Quorum};
use crate::api::{Reply, RequestContext, ResponseTo, api_versions, now as answer};
use crate::connections::Connections;
use crate::controller::apis::{self, Deciding};
use crate::controller::{
    BrokerHeartbeats, Controller, ControllerResult, MetadataRecord, Registering, format_records,
};
use crate::quorum_log::QuorumLog;
use crate::wire::{Request, RequestFrame, Response, ResponseFrame, ServedApi};
use crate::{
    BrokerConfig, BrokerEvent, ClientInfo, ConfigResourceType, ConnectionId, Effects, MetadataImage,
};
use decisions::decisions;
use metadata_fetch::ParkedFetches;
use observers::Observers;
use periodic_tasks::PeriodicTasks;

/// A controller, sans-IO. It answers brokers, and the requests of clients that brokers pass on.
///
/// `Clone` is a fork: the log's bytes are shared.
#[derive(Clone, Debug)]
pub struct ControllerNode {
    config: BrokerConfig,
    controller: Controller,
    log: QuorumLog,
    image: MetadataImage,
    heartbeats: BrokerHeartbeats,
    /// Offset of the record that registered each broker last.
    registered_at: SortedMap<i32, i64>,
    connections: Connections,
    fetches: ParkedFetches,
    observers: Observers,
    tasks: PeriodicTasks,
    /// What was decided in the call in hand.
    decided: Vec<BrokerEvent>,
}

/// The level of `kraft.version`: the quorum has no voters record.
const KRAFT_VERSION: i16 = 0;

impl ControllerNode {
    /// A controller that starts with an empty log at `now` (ms since the epoch). Of `config` count the node's id,
    /// the cluster's id, host and port of the controller's listener, and the server properties. `seed` is the only
    /// source of random choices (topic ids, where the placement of replicas begins).
    ///
    /// A property with an invalid value counts as not set; ask [`BrokerConfig::validate`] first.
    pub fn new(config: BrokerConfig, seed: u64, now: i64) -> ControllerNode {
        let log = QuorumLog::new(Log::new(QuorumLog::log_config(), Offset(0)));
        let image = MetadataImage::default();
        let mut node = ControllerNode {
            controller: Controller::new(seed),
            heartbeats: activate(&image, &config, now),
            tasks: PeriodicTasks::activate(&config, now),
            config,
            log,
            image,
            registered_at: SortedMap::new(),
            connections: Connections::default(),
            fetches: ParkedFetches::default(),
            observers: Observers::default(),
            decided: Vec::new(),
        };
        // A log in memory takes what is this small.
        let _ = node.log.begin_epoch(node.config.node_id, now);
        let format = format_records(&node.config);
        let _ = node.commit(now, &format);
        node
    }

    /// The process was killed and comes back, at `now`: a new epoch, with what the log says. When brokers were
    /// heard of last is not in it, so each has a whole session again.
    pub fn restart(&mut self, now: i64) {
        self.connections = Connections::default();
        self.fetches = ParkedFetches::default();
        self.observers = Observers::default();
        self.image = MetadataImage::default();
        self.registered_at = SortedMap::new();
        let records: Vec<(i64, MetadataRecord)> = self
            .log
            .records()
            .filter_map(|(offset, record)| Some((offset, record.ok()?)))
            .collect();
        for (offset, record) in &records {
            self.replay(*offset, record);
        }
        self.config.follow(&self.image);
        self.heartbeats = activate(&self.image, &self.config, now);
        self.tasks = PeriodicTasks::activate(&self.config, now);
        let _ = self.log.begin_epoch(self.config.node_id, now);
    }

    /// Makes the next clone cheap: what both would have to copy is shared from here on. Changes nothing else.
    pub fn seal(&mut self) {
        self.log.seal();
    }

    /// One request. The response is in the effects of this call, or of a later one.
    pub fn handle(&mut self, now: i64, client: &ClientInfo, frame: RequestFrame) -> Effects {
        let mut effects = Effects::default();
        self.connections.push(client, frame);
        self.run(now, &mut effects);
        effects
    }

    /// The connection is gone: what waits for it is dropped.
    pub fn disconnect(&mut self, now: i64, connection: ConnectionId) -> Effects {
        let mut effects = Effects::default();
        self.connections.remove(connection);
        self.fetches.disconnect(connection);
        self.run(now, &mut effects);
        effects
    }

    /// Time has come to `now`: brokers that are not heard of, elections that come by themselves, fetches that have
    /// waited long enough.
    pub fn tick(&mut self, now: i64) -> Effects {
        let mut effects = Effects::default();
        periodic_tasks::run(self, now);
        self.run(now, &mut effects);
        effects
    }

    /// When [`ControllerNode::tick`] has something to do next (ms since the epoch).
    pub fn next_wakeup(&self) -> Option<i64> {
        [Some(self.tasks.next_wakeup()), self.fetches.next_deadline()].into_iter().flatten().min()
    }

    /// The configuration it was started with, and what is set for the whole cluster.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// The cluster's metadata: of every record in the log.
    pub fn metadata(&self) -> &MetadataImage {
        &self.image
    }

    /// The metadata log, `__cluster_metadata-0`, in Kafka's bytes.
    pub fn log(&self) -> &Log {
        self.log.log()
    }

    /// The epoch in which this controller leads.
    pub fn leader_epoch(&self) -> i32 {
        self.log.epoch().0
    }

    /// Works until nothing is left to do at this moment.
    fn run(&mut self, now: i64, effects: &mut Effects) {
        loop {
            if let Some((id, host, frame)) = self.connections.next() {
                self.process(now, id, host, frame, effects);
            } else if let Some((to, response)) = metadata_fetch::next_due(self, now) {
                self.respond(to, response, effects);
            } else {
                break;
            }
        }
        effects.events.append(&mut self.decided);
    }

    fn process(
        &mut self,
        now: i64,
        id: ConnectionId,
        host: String,
        frame: RequestFrame,
        effects: &mut Effects,
    ) {
        let RequestFrame { api_version, correlation_id, client_id, body } = frame;
        let to = ResponseTo { connection: id, correlation_id, api_version };
        let ctx = RequestContext { now, to, client_id, host, told: None };
        let served = ServedApi::find(body.api_key()).filter(|api| api.is_on_controllers());
        let known = |api: &ServedApi| (api.min_version..=api.max_version).contains(&api_version);
        let reply = match body {
            Request::ApiVersions(_) if !served.is_some_and(known) => {
                // A client of an unknown version reads version 0 (KIP-511).
                let to = ResponseTo { api_version: 0, ..to };
                return self.reply(to, api_versions::unsupported_version(), effects);
            }
            _ if !served.is_some_and(known) => Reply::Close,
            body => self.dispatch(&ctx, body),
        };
        self.reply(to, reply, effects);
    }

    fn reply(&mut self, to: ResponseTo, reply: Reply, effects: &mut Effects) {
        match reply {
            Reply::Now(body) | Reply::Scattered(body, _) => self.respond(to, body, effects),
            Reply::Later => {}
            Reply::Silent => self.connections.unmute(to.connection),
            Reply::Close => {
                self.connections.remove(to.connection);
                effects.disconnects.push(to.connection);
            }
        }
    }

    fn respond(&mut self, to: ResponseTo, body: Response, effects: &mut Effects) {
        let ResponseTo { connection, correlation_id, api_version } = to;
        if self.connections.contains(connection) {
            let frame = ResponseFrame { api_version, correlation_id, body };
            effects.responses.push((connection, frame));
            self.connections.unmute(connection);
        }
    }

    fn dispatch(&mut self, ctx: &RequestContext, body: Request) -> Reply {
        match body {
            Request::ApiVersions(body) => {
                let finalized = api_versions::Finalized {
                    image: &self.image,
                    kraft_version: KRAFT_VERSION,
                    epoch: self.log.end_offset().saturating_sub(1),
                };
                api_versions::handle(ctx, body, &finalized, ServedApi::is_on_controllers)
            }
            Request::Fetch(body) => metadata_fetch::handle(self, ctx, &body),
            Request::DescribeQuorum(body) => {
                let quorum = Quorum {
                    config: &self.config,
                    port: self.config.port,
                    leader_epoch: self.log.epoch().0,
                    end_offset: self.log.end_offset(),
                    observers: self.observers.describe(ctx.now),
                };
                answer(describe_quorum::describe(ctx, &body, &quorum))
            }
            Request::Envelope(body) => envelope::handle(self, ctx, body),
            Request::BrokerRegistration(body) => {
                let registering = Registering {
                    image: &self.image,
                    config: &self.config,
                    version: ctx.version(),
                    new_epoch: self.log.end_offset(),
                    now: ctx.now,
                };
                let result = apis::broker_registration(registering, &mut self.heartbeats, &body);
                self.committed(ctx.now, result)
            }
            Request::BrokerHeartbeat(body) => {
                let (id, epoch) = (body.broker_id.0, body.broker_epoch);
                self.heartbeats.update_contact_time(id, epoch, ctx.now);
                let registered_at = self.registered_at.get(&id).copied();
                let ControllerResult { records, response } = apis::broker_heartbeat(
                    &self.image,
                    &self.config,
                    &mut self.heartbeats,
                    registered_at,
                    &body,
                );
                let (response, in_controlled_shutdown) = response;
                let reply = self.committed(ctx.now, ControllerResult { records, response });
                if in_controlled_shutdown {
                    let last = self.log.end_offset().saturating_sub(1);
                    self.heartbeats.begin_controlled_shutdown(id, last);
                }
                reply
            }
            body => {
                let mut deciding = Deciding {
                    kraft_version: KRAFT_VERSION,
                    controller: &mut self.controller,
                    image: &self.image,
                    config: &self.config,
                    version: ctx.version(),
                };
                match apis::decide_on_controller(&mut deciding, body) {
                    Some(result) => self.committed(ctx.now, result),
                    None => Reply::Close,
                }
            }
        }
    }

    /// The answer, once the records behind it are written. Where they cannot be, there is none.
    fn committed(&mut self, now: i64, result: ControllerResult<impl Into<Response>>) -> Reply {
        match self.commit(now, &result.records) {
            Ok(()) => Reply::Now(result.response.into()),
            Err(_no_log_no_answer) => Reply::Close,
        }
    }

    /// Writes records and follows them.
    fn commit(&mut self, now: i64, records: &[MetadataRecord]) -> Result<(), StorageError> {
        let base = self.log.end_offset();
        self.log.append(records, now)?;
        self.decided.extend(decisions(&self.image, records));
        for (offset, record) in (base..).zip(records) {
            self.replay(offset, record);
            self.heartbeats.replay(record, &self.image);
            if let MetadataRecord::Config { resource, .. } = record
                && resource.kind == ConfigResourceType::Broker
            {
                self.config.follow(&self.image);
            }
        }
        Ok(())
    }

    fn replay(&mut self, offset: i64, record: &MetadataRecord) {
        self.image.replay(record);
        if let MetadataRecord::RegisterBroker(registration) = record {
            self.registered_at.insert(registration.broker_id, offset);
        } else if let MetadataRecord::UnregisterBroker { broker_id, .. } = record {
            self.registered_at.remove(broker_id);
        }
    }
}

fn activate(image: &MetadataImage, config: &BrokerConfig, now: i64) -> BrokerHeartbeats {
    BrokerHeartbeats::activate(image, config.number("broker.session.timeout.ms"), now)
}
