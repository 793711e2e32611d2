//! One Kafka node: requests and time in, effects out.

use std::sync::Arc;

use logbrook_log::{FileSystem, Log, StorageError};

use bytes::Bytes;
use uuid::Uuid;

use crate::api::{self, Reply, RequestContext, ResponseTo};
use crate::connections::Connections;
use crate::controller::apis::Deciding;
use crate::controller::{
    self, BrokerRegistration, Controller, ControllerResult, MetadataRecord, NO_LEADER,
    PartitionChange, ProducerIdBlock, supported_features,
};
use crate::coordinator::{self, GroupCoordinator};
use crate::delayed_answers::DelayedAnswer;
use crate::fetch_session::FetchSessionCache;
use crate::log_manager::LogManager;
use crate::membership::Membership;
use crate::partition::Partition;
use crate::peers::Peers;
use crate::replica_manager::ReplicaManager;
use crate::replication::{Fetchers, IsrChanges, ReplicationTimers};
use crate::storage::LogDirectory;
use crate::transaction_coordinator::{self, TransactionCoordinator};
use crate::wire::{Request, RequestFrame, Response, ResponseFrame, ServedApi};
use crate::{BrokerConfig, Effects, MetadataImage, TopicImage};

/// A connection to a broker, named by whoever carries the frames. Never used again after
/// [`Broker::disconnect`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ConnectionId(pub u64);

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The connection that the request came on: the response goes there.
    pub connection: ConnectionId,
    /// The client's address as Java prints it: `/127.0.0.1`. Groups show it.
    pub host: String,
}

/// One node of a Kafka cluster, sans-IO.
///
/// `Clone` is a fork: record bytes are shared.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) config: BrokerConfig,
    pub(crate) image: MetadataImage,
    pub(crate) controller: Controller,
    pub(crate) replica_manager: ReplicaManager,
    pub(crate) fetch_sessions: FetchSessionCache,
    /// The groups that this node coordinates.
    pub(crate) coordinator: GroupCoordinator,
    /// The transactional ids that this node coordinates.
    pub(crate) transaction_coordinator: TransactionCoordinator,
    pub(crate) producer_ids: ProducerIdBlock,
    pub(crate) scatters_records: bool,
    /// In a cluster whose controller is another node; `None` where this broker is its own.
    pub(crate) membership: Option<Membership>,
    /// This broker's own requests on their way.
    pub(crate) peers: Peers,
    /// What it follows as a replica.
    pub(crate) fetchers: Fetchers,
    /// What it asks of the controller as a leader.
    pub(crate) isr_changes: IsrChanges,
    pub(crate) replication_timers: ReplicationTimers,
    connections: Connections,
    log_manager: LogManager,
}

impl Broker {
    /// A started broker with an empty log directory, at `now` (ms since the epoch). `seed` is the
    /// only source of random choices (topic ids, where the placement of replicas begins).
    ///
    /// A property with an invalid value counts as not set; ask [`BrokerConfig::validate`] first.
    pub fn new(config: BrokerConfig, seed: u64, now: i64) -> Broker {
        let mut broker = Broker::unregistered(config, seed, now);
        let mut start = controller::format_records(&broker.config);
        start.push(broker.registration(start.len()));
        broker.commit(now, start, None, &mut Effects::default());
        broker
    }

    /// A broker started on the log directory behind `files`: an empty one is formatted, another one is
    /// read. What was found there is told by [`Broker::take_storage_remarks`]. Everything else as for
    /// [`Broker::new`]; the cluster's id is the directory's.
    ///
    /// # Errors
    /// The system's; a directory of another node.
    pub fn open(
        mut config: BrokerConfig,
        seed: u64,
        now: i64,
        files: Arc<dyn FileSystem>,
    ) -> Result<Broker, StorageError> {
        let mut image = MetadataImage::default();
        let (logs, existed) = LogDirectory::open(files, &mut config, &mut image, seed, now)?;
        config.follow(&image);
        let mut broker = Broker::unregistered(config, seed, now);
        broker.replica_manager.log_directory = Some(Box::new(logs));
        broker.image = image;
        broker.replica_manager.open_all(now, &broker.image, &broker.config);
        let mut start =
            if existed { Vec::new() } else { controller::format_records(&broker.config) };
        start.push(broker.registration(start.len()));
        if existed {
            start.extend(broker.elect_leaders());
        }
        let mut effects = Effects::default();
        broker.commit(now, start, None, &mut effects);
        coordinator::load_all(&mut broker, now, &mut effects);
        Ok(broker)
    }

    /// A broker of a cluster whose controller is another node, with an empty disk. It registers there, and
    /// answers no client before it has read the metadata. Everything else as for [`Broker::new`].
    pub fn member(config: BrokerConfig, controller: i32, seed: u64, now: i64) -> Broker {
        let mut broker = Broker::unregistered(config, seed, now);
        broker.membership = Some(Membership::new(controller, seed, now));
        broker
    }

    /// Makes the next clone cheap: what both would have to copy is shared from here on. Changes nothing else.
    pub fn seal(&mut self) {
        self.replica_manager.partitions_mut().for_each(|partition| partition.log_mut().seal());
    }

    /// Closes the files, so that the next [`Broker::open`] has nothing to recover. Nothing is to be asked of
    /// the broker afterwards. `now` in ms.
    pub fn close(&mut self, now: i64) {
        self.replica_manager.close_storage(now);
    }

    /// What was found in the files or went wrong with them since the last call, for a log that people read.
    pub fn take_storage_remarks(&mut self) -> Vec<String> {
        self.replica_manager.take_storage_remarks()
    }

    fn unregistered(config: BrokerConfig, seed: u64, now: i64) -> Broker {
        let log_manager = LogManager::new(&config, now);
        Broker {
            coordinator: GroupCoordinator::new(&config, seed),
            transaction_coordinator: TransactionCoordinator::new(&config, now),
            fetch_sessions: FetchSessionCache::new(
                config.number("max.incremental.fetch.session.cache.slots"),
                seed,
            ),
            config,
            image: MetadataImage::default(),
            controller: Controller::new(seed),
            replica_manager: ReplicaManager::default(),
            producer_ids: ProducerIdBlock::default(),
            scatters_records: false,
            membership: None,
            peers: Peers::default(),
            fetchers: Fetchers::default(),
            isr_changes: IsrChanges::default(),
            replication_timers: ReplicationTimers::default(),
            connections: Connections::default(),
            log_manager,
        }
    }

    /// This broker as it registers.
    pub(crate) fn own_registration(&self) -> BrokerRegistration {
        let logs = self.replica_manager.log_directory.as_ref();
        let features = supported_features().map(|(name, range)| (name.to_owned(), range));
        BrokerRegistration {
            broker_id: self.config.node_id,
            host: self.config.host.clone(),
            port: self.config.port,
            features: features.collect(),
            rack: self.config.rack.clone(),
            directories: vec![logs.map_or(self.config.directory_id(), |logs| logs.directory_id())],
            ..BrokerRegistration::default()
        }
    }

    /// This start of the broker, as the record that so many others go before in a batch. It serves at once;
    /// a broker that is no controller registers fenced.
    fn registration(&self, before: usize) -> MetadataRecord {
        let logs = self.replica_manager.log_directory.as_ref();
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        MetadataRecord::RegisterBroker(BrokerRegistration {
            epoch: self.metadata_end_offset().saturating_add(before),
            incarnation_id: logs.map_or(Uuid::nil(), |logs| logs.incarnation_id()),
            fenced: false,
            ..self.own_registration()
        })
    }

    /// Offset of the metadata log's next record; at a member the next that it reads.
    pub(crate) fn metadata_end_offset(&self) -> i64 {
        if let Some(membership) = &self.membership {
            return membership.metadata_end_offset();
        }
        let in_memory = i64::try_from(self.controller.log().len()).unwrap_or(i64::MAX);
        self.replica_manager
            .log_directory
            .as_ref()
            .map_or(in_memory, |logs| logs.metadata_end_offset())
    }

    /// The level of `kraft.version`. In memory the quorum has its voters from the start; the metadata log on
    /// a disk has no voters record.
    pub(crate) fn kraft_version(&self) -> i16 {
        i16::from(self.replica_manager.log_directory.is_none())
    }

    /// The only broker was away and is back: its partitions lost their leader and have it again, which are
    /// two terms (`ReplicationControlManager.handleBrokerFenced`, `handleBrokerUnfenced`).
    fn elect_leaders(&self) -> Vec<MetadataRecord> {
        let away = PartitionChange { leader: Some(NO_LEADER), ..PartitionChange::default() };
        // Kafka's last broker leaves the replicas in sync when it stops, for the eligible ones.
        let back = PartitionChange {
            leader: Some(self.config.node_id),
            isr: Some(vec![self.config.node_id]),
            elr: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
            ..PartitionChange::default()
        };
        let mut records = Vec::new();
        for change in [away, back] {
            for topic in self.image.topics().values() {
                records.extend(topic.partitions.keys().map(|partition_id| {
                    MetadataRecord::PartitionChange {
                        topic_id: topic.id,
                        partition_id: *partition_id,
                        change: change.clone(),
                    }
                }));
            }
        }
        records
    }

    /// One request. The response is in the effects of this call, or of a later one.
    pub fn handle(&mut self, now: i64, client: &ClientInfo, frame: RequestFrame) -> Effects {
        self.replication_timers.now = now;
        let mut effects = Effects::default();
        self.connections.push(client, frame);
        self.run(now, &mut effects);
        effects
    }

    /// From now on the records of a fetch response stay in the pieces that the log has them in, so that
    /// none is copied: the first is in the response, the others in [`Effects::scattered`].
    pub fn scatter_records(&mut self) {
        self.scatters_records = true;
    }

    /// The connection is gone: what waits for it is dropped.
    pub fn disconnect(&mut self, now: i64, connection: ConnectionId) -> Effects {
        self.replication_timers.now = now;
        let mut effects = Effects::default();
        self.connections.remove(connection);
        self.replica_manager.delayed_fetches.disconnect(connection);
        self.replica_manager.delayed_answers.disconnect(connection);
        coordinator::disconnect(self, now, connection, &mut effects);
        self.run(now, &mut effects);
        effects
    }

    /// Time has come to `now`: timeouts, retention, compaction, session expiry.
    pub fn tick(&mut self, now: i64) -> Effects {
        self.replication_timers.now = now;
        let mut effects = Effects::default();
        self.log_manager.tick(now, &self.config, &mut self.replica_manager, &mut effects);
        if !effects.events.is_empty() {
            self.replica_manager.touch_storage();
        }
        self.replica_manager.tick_storage(now);
        coordinator::tick(self, now, &mut effects);
        transaction_coordinator::tick(self, now, &mut effects);
        // What nobody waits for needs no answer.
        self.replica_manager.take_unreplicated();
        self.tick_peers(now, &mut effects);
        self.tick_replication(now, &mut effects);
        self.run(now, &mut effects);
        effects
    }

    /// When [`Broker::tick`] has something to do next (ms since the epoch), if ever.
    pub fn next_wakeup(&self) -> Option<i64> {
        let wakeups = [
            self.log_manager.next_wakeup(&self.replica_manager),
            self.replica_manager.delayed_fetches.next_wakeup(),
            self.replica_manager.delayed_answers.next_wakeup(),
            transaction_coordinator::next_wakeup(self),
            self.replica_manager.next_storage_wakeup(),
            self.coordinator.next_wakeup(),
            self.membership.as_ref().and_then(Membership::next_wakeup),
            self.peers.next_wakeup(),
            self.fetchers.next_wakeup(),
            self.isr_changes.next_wakeup(),
            self.replication_timers.next_wakeup(),
        ];
        wakeups.into_iter().flatten().min()
    }

    /// Fetch sessions kept, their partitions, and how many sessions were evicted so far.
    pub fn fetch_session_counts(&self) -> (usize, usize, u64) {
        self.fetch_sessions.counts()
    }

    /// Fetches that wait for records.
    pub fn parked_fetches(&self) -> usize {
        self.replica_manager.delayed_fetches.len()
    }

    /// The configuration it was started with.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// The value in force of a config of a topic, as `kafka-configs.sh --describe --all` shows it; `None` for a
    /// topic or a config that there is not.
    pub fn topic_config_in_force(&self, topic: &str, name: &str) -> Option<String> {
        self.image.topic(topic)?;
        let own = self.image.topic_config(topic);
        let entries = crate::config_entry::describe_topic(&self.config, &own);
        entries.into_iter().find(|entry| entry.name == name)?.value
    }

    /// The value in force of a config of this broker; `None` for one that there is not, or that has no value.
    pub fn broker_config_in_force(&self, name: &str) -> Option<String> {
        let entries = crate::config_entry::describe_broker(&self.config);
        entries.into_iter().find(|entry| entry.name == name)?.value
    }

    /// The cluster's metadata as this broker knows them.
    pub fn metadata(&self) -> &MetadataImage {
        &self.image
    }

    /// The metadata log: every change of the metadata, in order.
    pub fn metadata_log(&self) -> &[MetadataRecord] {
        self.controller.log()
    }

    /// The topics, by name.
    pub fn topics(&self) -> impl Iterator<Item = &TopicImage> {
        self.image.topics().values()
    }

    /// The topic of this name; its own configs are in [`MetadataImage::topic_config`].
    pub fn topic(&self, name: &str) -> Option<&TopicImage> {
        self.image.topic(name)
    }

    /// The names of all topics, sorted.
    pub fn topic_names(&self) -> Vec<String> {
        self.image.topics().keys().cloned().collect()
    }

    /// The replica of a partition that is on this broker.
    pub fn partition(&self, topic: &str, index: i32) -> Option<&Partition> {
        self.replica_manager.partition(topic, index)
    }

    /// The process comes back, at `now`, after [`Broker::crash`] or [`Broker::shut_down`]: what it knew
    /// besides its disk is lost.
    pub fn restart(&mut self, now: i64) {
        self.coordinator.forget();
        self.transaction_coordinator = TransactionCoordinator::new(&self.config, now);
        if let Some(membership) = &mut self.membership {
            membership.restart(now);
        }
    }

    /// The process is killed. What it had written stays on its disk.
    pub fn crash(&mut self) {
        self.connections = Connections::default();
        if self.membership.is_none() {
            return;
        }
        self.image = MetadataImage::default();
        self.config.follow(&self.image);
        self.coordinator.forget();
        self.fetch_sessions.clear();
        self.producer_ids = ProducerIdBlock::default();
        self.peers = Peers::default();
        self.fetchers.clear();
        self.isr_changes = IsrChanges::default();
        self.replication_timers = ReplicationTimers::default();
        self.replica_manager.crash();
    }

    /// The log of a replica as it lies on this broker's disk while the process is down, for views.
    pub fn stored_log(&self, topic: &str, index: i32) -> Option<&Log> {
        self.replica_manager.stored_log(topic, index)
    }

    /// Its disk is gone, while the process is down. Not for a broker that is its own controller: the cluster
    /// would be gone with it.
    pub fn lose_disk(&mut self) {
        if let Some(membership) = &mut self.membership {
            membership.forgets_its_epoch();
            self.replica_manager.forget_stored();
        }
    }

    /// The transactional ids that this broker coordinates, as far as they are loaded.
    pub fn transaction_coordinator(&self) -> &TransactionCoordinator {
        &self.transaction_coordinator
    }

    /// The machine has lost its power, and the process is gone: of its logs only what was flushed is left.
    /// `now` in ms.
    pub fn lose_power(&mut self, now: i64) {
        self.replica_manager.lose_unflushed(now);
    }

    /// The process ends in order: the logs are closed. `now` in ms.
    pub fn shut_down(&mut self, now: i64) {
        self.replica_manager.partitions_mut().for_each(|partition| partition.close(now));
        self.replica_manager.checkpoint_high_watermarks();
        if let Some(membership) = &mut self.membership {
            membership.ends_in_order();
        }
    }

    /// Every replica that is on this broker.
    pub fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.replica_manager.partitions()
    }

    /// Works until nothing is left to do at this moment.
    pub(crate) fn run(&mut self, now: i64, effects: &mut Effects) {
        let serves = self.membership.as_ref().is_none_or(Membership::serves);
        loop {
            if serves && let Some((connection, host, frame)) = self.connections.next() {
                self.process(now, connection, host, frame, effects);
            } else if let Some(id) = self.replica_manager.delayed_answers.next_due(now) {
                self.try_answer(now, id, effects);
            } else if let Some(id) = self.replica_manager.delayed_fetches.next_due(now) {
                api::fetch::try_complete(self, now, id, effects);
            } else if self.membership.is_none()
                || !transaction_coordinator::send_replicated(self, now, effects)
            {
                break;
            }
        }
        self.drive_membership(now, effects);
        self.drive_forwarding(now, effects);
        self.drive_fetchers(now, effects);
        self.drive_isr_changes(now, effects);
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
        let api = ServedApi::find(body.api_key())
            .filter(|api| api.is_on_brokers())
            .filter(|api| (api.min_version..=api.max_version).contains(&api_version));
        let served = api.is_some();
        let forwardable = api.is_some_and(ServedApi::is_forwardable);
        let ctx = RequestContext { now, to, client_id, host, told: None };
        let timeout = replication_timeout(&body);
        let reply = match body {
            Request::ApiVersions(_) if !served => api::api_versions::unsupported_version(),
            _ if !served => Reply::Close,
            body if self.membership.is_some() && forwardable => {
                self.forward(&ctx, body);
                Reply::Later
            }
            body => self.dispatch(&ctx, body, effects),
        };
        match reply {
            Reply::Now(Response::ApiVersions(body)) if !served => {
                // A client of an unknown version reads version 0 (KIP-511).
                self.respond(ResponseTo { api_version: 0, ..to }, body, effects);
            }
            reply => self.finish(now, to, reply, timeout, effects),
        }
    }

    /// Carries out a request that had to wait for another broker's word.
    pub(crate) fn resume(&mut self, ctx: &RequestContext, body: Request, effects: &mut Effects) {
        if self.connections.contains(ctx.to.connection) {
            let timeout = replication_timeout(&body);
            let reply = self.dispatch(ctx, body, effects);
            self.finish(ctx.now, ctx.to, reply, timeout, effects);
        }
    }

    /// Does what a handler says of its request. An answer waits until what was appended for it is replicated,
    /// so long at most.
    fn finish(
        &mut self,
        now: i64,
        to: ResponseTo,
        reply: Reply,
        timeout: Timeout,
        effects: &mut Effects,
    ) {
        let waits = self.replica_manager.take_unreplicated();
        match reply {
            Reply::Now(body) if waits.is_empty() => self.answer(to, body, effects),
            Reply::Now(body) => {
                let timeout_ms = match timeout {
                    Timeout::Ms(ms) => ms,
                    Timeout::Setting(name) => self.config.number(name),
                };
                let deadline_ms = now.saturating_add(timeout_ms);
                let answer = DelayedAnswer { to, body, waits, deadline_ms };
                self.replica_manager.delayed_answers.park(answer);
            }
            Reply::Scattered(body, rest) => self.respond_scattered(to, body, rest, effects),
            Reply::Later => {}
            Reply::Silent => self.connections.unmute(to.connection),
            Reply::Close => {
                self.connections.remove(to.connection);
                effects.disconnects.push(to.connection);
            }
        }
    }

    /// Looks again at an answer that waits.
    fn try_answer(&mut self, now: i64, id: u64, effects: &mut Effects) {
        let replicas = &mut self.replica_manager;
        let mut answers = core::mem::take(&mut replicas.delayed_answers);
        let answer = answers.complete(now, id, replicas);
        replicas.delayed_answers = answers;
        if let Some((to, body)) = answer {
            self.answer(to, body, effects);
        }
    }

    pub(crate) fn dispatch(
        &mut self,
        ctx: &RequestContext,
        body: Request,
        effects: &mut Effects,
    ) -> Reply {
        match body {
            Request::Produce(body) => api::produce::handle(self, ctx, body, effects),
            Request::Fetch(body) => api::fetch::handle(self, ctx, body, effects),
            Request::ListOffsets(body) => api::list_offsets::handle(self, ctx, body),
            Request::Metadata(body) => api::metadata::handle(self, ctx, body, effects),
            Request::ApiVersions(body) => {
                let finalized = api::api_versions::Finalized {
                    image: &self.image,
                    kraft_version: self.kraft_version(),
                    epoch: self.metadata_end_offset().saturating_sub(1),
                };
                api::api_versions::handle(ctx, body, &finalized, ServedApi::is_on_brokers)
            }
            Request::DeleteRecords(body) => api::delete_records::handle(self, ctx, body, effects),
            Request::InitProducerId(body) => {
                api::init_producer_id::handle(self, ctx, body, effects)
            }
            Request::OffsetForLeaderEpoch(body) => api::offset_for_leader_epoch::handle(self, body),
            Request::DescribeAcls(body) => api::describe_acls::handle(body),
            Request::CreateAcls(body) => api::create_acls::handle(body),
            Request::DeleteAcls(body) => api::delete_acls::handle(body),
            Request::DescribeConfigs(body) => api::describe_configs::handle(self, body),
            Request::DescribeClientQuotas(body) => api::describe_client_quotas::handle(self, body),
            Request::DescribeUserScramCredentials(body) => {
                api::describe_user_scram_credentials::handle(self, body)
            }
            Request::AlterReplicaLogDirs(body) => api::alter_replica_log_dirs::handle(self, body),
            Request::DescribeLogDirs(body) => api::describe_log_dirs::handle(self, body),
            Request::DescribeQuorum(body) => api::describe_quorum::handle(self, ctx, body),
            Request::AlterConfigs(body) => api::alter_configs::handle(self, ctx, body, effects),
            Request::ListConfigResources(body) => {
                api::list_config_resources::handle(self, ctx, body)
            }
            Request::IncrementalAlterConfigs(body) => {
                api::incremental_alter_configs::handle(self, ctx, body, effects)
            }
            Request::DescribeCluster(body) => api::describe_cluster::handle(self, ctx, body),
            Request::DescribeTopicPartitions(body) => {
                api::describe_topic_partitions::handle(self, body)
            }
            Request::OffsetCommit(body) => api::offset_commit::handle(self, ctx, body, effects),
            Request::OffsetFetch(body) => api::offset_fetch::handle(self, ctx, body, effects),
            Request::FindCoordinator(body) => {
                api::find_coordinator::handle(self, ctx, body, effects)
            }
            Request::JoinGroup(body) => api::join_group::handle(self, ctx, body, effects),
            Request::Heartbeat(body) => api::heartbeat::handle(self, ctx, body, effects),
            Request::LeaveGroup(body) => api::leave_group::handle(self, ctx, body, effects),
            Request::SyncGroup(body) => api::sync_group::handle(self, ctx, body, effects),
            Request::ConsumerGroupHeartbeat(body) => {
                api::consumer_group_heartbeat::handle(self, ctx, body, effects)
            }
            Request::ConsumerGroupDescribe(body) => {
                api::consumer_group_describe::handle(self, ctx, body, effects)
            }
            Request::DescribeGroups(body) => api::describe_groups::handle(self, ctx, body, effects),
            Request::ListGroups(body) => api::list_groups::handle(self, ctx, body, effects),
            Request::DeleteGroups(body) => api::delete_groups::handle(self, ctx, body, effects),
            Request::AddPartitionsToTxn(body) => {
                api::add_partitions_to_txn::handle(self, ctx, body, effects)
            }
            Request::AddOffsetsToTxn(body) => {
                api::add_offsets_to_txn::handle(self, ctx, body, effects)
            }
            Request::EndTxn(body) => api::end_txn::handle(self, ctx, body, effects),
            Request::WriteTxnMarkers(body) => {
                api::write_txn_markers::handle(self, ctx, body, effects)
            }
            Request::TxnOffsetCommit(body) => {
                api::txn_offset_commit::handle(self, ctx, body, effects)
            }
            Request::DescribeProducers(body) => api::describe_producers::handle(self, body),
            Request::DescribeTransactions(body) => {
                api::describe_transactions::handle(self, ctx, body, effects)
            }
            Request::ListTransactions(body) => {
                api::list_transactions::handle(self, ctx, body, effects)
            }
            Request::OffsetDelete(body) => api::offset_delete::handle(self, ctx, body, effects),
            Request::CreateTopics(_)
            | Request::DeleteTopics(_)
            | Request::CreatePartitions(_)
            | Request::ElectLeaders(_)
            | Request::AlterPartitionReassignments(_)
            | Request::ListPartitionReassignments(_)
            | Request::AlterClientQuotas(_)
            | Request::AlterUserScramCredentials(_)
            | Request::UpdateFeatures(_)
            | Request::UnregisterBroker(_) => self.decide(ctx, body, effects),
            // Not on a broker's listener.
            Request::AlterPartition(_)
            | Request::Envelope(_)
            | Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AllocateProducerIds(_) => Reply::Close,
        }
    }

    /// Has the controller, which is this node, decide a request, and writes what it decides.
    fn decide(&mut self, ctx: &RequestContext, body: Request, effects: &mut Effects) -> Reply {
        let kraft_version = self.kraft_version();
        let mut deciding = Deciding {
            kraft_version,
            controller: &mut self.controller,
            image: &self.image,
            config: &self.config,
            version: ctx.version(),
        };
        match controller::apis::decide(&mut deciding, body) {
            Some(ControllerResult { records, response }) => {
                self.commit(ctx.now, records, ctx.cause(), effects);
                Reply::Now(response)
            }
            None => Reply::Close,
        }
    }

    /// Answers a request, now or long after it came. Nothing happens if its connection is gone. While
    /// something that a coordinator has just written is not replicated, the answer waits for that.
    pub(crate) fn respond(
        &mut self,
        to: ResponseTo,
        body: impl Into<Response>,
        effects: &mut Effects,
    ) {
        let waits = self.replica_manager.unreplicated().to_vec();
        if waits.is_empty() {
            return self.answer(to, body.into(), effects);
        }
        let timeout_ms = self.config.number("offsets.commit.timeout.ms");
        let deadline_ms = self.replication_timers.now.saturating_add(timeout_ms);
        let answer = DelayedAnswer { to, body: body.into(), waits, deadline_ms };
        self.replica_manager.delayed_answers.park(answer);
    }

    fn answer(&mut self, to: ResponseTo, body: Response, effects: &mut Effects) {
        if !self.connections.contains(to.connection) {
            return;
        }
        let ResponseTo { connection, correlation_id, api_version } = to;
        let frame = ResponseFrame { api_version, correlation_id, body };
        effects.responses.push((connection, frame));
        self.connections.unmute(connection);
    }

    /// Answers a fetch; its records may be in several pieces. It tells of no write, so it waits for none: a
    /// follower's fetch that waited for what the same call has appended would wait for itself.
    pub(crate) fn respond_scattered(
        &mut self,
        to: ResponseTo,
        body: impl Into<Response>,
        rest: Vec<Vec<Bytes>>,
        effects: &mut Effects,
    ) {
        let index = effects.responses.len();
        self.answer(to, body.into(), effects);
        if effects.responses.len() > index && rest.iter().any(|pieces| !pieces.is_empty()) {
            effects.scattered.push((index, rest));
        }
    }
}

/// How long an answer may wait until what it tells of is replicated. A setting is looked up by who waits.
#[derive(Clone, Copy)]
enum Timeout {
    Ms(i64),
    Setting(&'static str),
}

fn replication_timeout(request: &Request) -> Timeout {
    match request {
        Request::Produce(body) => Timeout::Ms(i64::from(body.timeout_ms)),
        Request::WriteTxnMarkers(_) => Timeout::Setting("request.timeout.ms"),
        _ => Timeout::Setting("offsets.commit.timeout.ms"),
    }
}
