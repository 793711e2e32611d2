//! Brokers that register, send heartbeats, follow the metadata log and change ISRs, and hold no records.

use logbrook_broker::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use logbrook_broker::messages::alter_partition_request::{
    BrokerState, PartitionData as AlterData, TopicData as AlterTopic,
};
use logbrook_broker::messages::broker_registration_request::{Feature, Listener};
use logbrook_broker::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use logbrook_broker::messages::elect_leaders_request::TopicPartitions;
use logbrook_broker::messages::fetch_request::{FetchPartition, FetchTopic, ReplicaState};
use logbrook_broker::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::{Request, RequestFrame, Response};
use logbrook_broker::{
    BrokerConfig, ControllerNode, Effects, MetadataImage, PartitionRegistration,
    decode_metadata_batches,
};
use uuid::Uuid;

use crate::common::{START_MS, client, error, name, text};

pub(crate) const CLUSTER_ID: &str = "MkU3OEVBNTcwNTJENDM2Qg";
/// `broker.heartbeat.interval.ms`.
pub(crate) const HEARTBEAT_MS: i64 = 2000;

/// A broker, as far as the controller sees it.
#[derive(Clone, Debug)]
pub(crate) struct SimBroker {
    pub(crate) alive: bool,
    pub(crate) epoch: i64,
    starts: u128,
    /// Its metadata, and the offset of the next record that it has not applied.
    pub(crate) image: MetadataImage,
    pub(crate) next_offset: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) controller: ControllerNode,
    pub(crate) now: i64,
    pub(crate) brokers: Vec<SimBroker>,
    correlation_id: i32,
}

pub(crate) fn config(properties: &[(&str, &str)]) -> BrokerConfig {
    let properties = properties.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    BrokerConfig {
        node_id: 100,
        cluster_id: CLUSTER_ID.into(),
        properties: properties.collect(),
        ..BrokerConfig::default()
    }
}

/// What a heartbeat was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) fenced: bool,
    pub(crate) should_shut_down: bool,
}

impl Cluster {
    /// A controller and three brokers that work.
    pub(crate) fn new(properties: &[(&str, &str)]) -> Cluster {
        let mut cluster = Cluster::without_brokers(properties);
        for id in [1, 2, 3] {
            cluster.start(id);
        }
        cluster
    }

    pub(crate) fn without_brokers(properties: &[(&str, &str)]) -> Cluster {
        let broker = SimBroker {
            alive: false,
            epoch: -1,
            starts: 0,
            image: MetadataImage::default(),
            next_offset: 0,
        };
        Cluster {
            controller: ControllerNode::new(config(properties), 7, START_MS),
            now: START_MS,
            brokers: vec![broker; 4],
            correlation_id: 0,
        }
    }

    pub(crate) fn broker(&mut self, id: i32) -> &mut SimBroker {
        &mut self.brokers[usize::try_from(id - 1).unwrap()]
    }

    pub(crate) fn send(&mut self, connection: u64, version: i16, body: Request) -> Effects {
        self.correlation_id += 1;
        let frame = RequestFrame {
            api_version: version,
            correlation_id: self.correlation_id,
            client_id: None,
            body,
        };
        self.controller.handle(self.now, &client(connection), frame)
    }

    /// The answer to a request that does not wait.
    pub(crate) fn ask(&mut self, body: impl Into<Request>) -> Response {
        let body = body.into();
        let effects = self.send(1000, body.latest_version(), body);
        let mine = |(to, frame)| (to == client(1000).connection).then_some(frame);
        let mut own = effects.responses.into_iter().filter_map(mine);
        own.next().expect("an answer").body
    }

    // Brokers.

    pub(crate) fn registration(&mut self, id: i32) -> BrokerRegistrationRequest {
        let starts = self.broker(id).starts;
        let features = [
            ("eligible.leader.replicas.version", 0, 1),
            ("group.version", 0, 1),
            ("metadata.version", 7, 33),
            ("share.version", 0, 2),
            ("streams.version", 0, 1),
            ("transaction.version", 0, 2),
        ];
        let feature = |(name, min, max)| {
            Feature::default()
                .with_name(text(name))
                .with_min_supported_version(min)
                .with_max_supported_version(max)
        };
        let listener = Listener::default()
            .with_name(text("PLAINTEXT"))
            .with_host(text("localhost"))
            .with_port(9090 + u16::try_from(id).unwrap());
        BrokerRegistrationRequest::default()
            .with_broker_id(BrokerId(id))
            .with_cluster_id(text(CLUSTER_ID))
            .with_incarnation_id(Uuid::from_u128(u128::from(id.unsigned_abs()) << 64 | starts))
            .with_listeners(vec![listener])
            .with_features(features.map(feature).into())
            .with_rack(None)
            .with_log_dirs(vec![directory(id)])
            .with_previous_broker_epoch(-1)
    }

    pub(crate) fn register(
        &mut self,
        request: BrokerRegistrationRequest,
    ) -> Result<i64, &'static str> {
        let Response::BrokerRegistration(response) = self.ask(request) else { panic!() };
        match error(response.error_code) {
            "ok" => Ok(response.broker_epoch),
            refused => Err(refused),
        }
    }

    /// A broker starts after `clean`, an orderly stop, or a crash: it registers and is unfenced.
    pub(crate) fn start_after(&mut self, id: i32, clean: bool) {
        self.broker(id).starts += 1;
        let previous = if clean { self.broker(id).epoch } else { -1 };
        let request = self.registration(id).with_previous_broker_epoch(previous);
        let epoch = self.register(request).expect("a registration");
        let broker = self.broker(id);
        broker.epoch = epoch;
        broker.alive = true;
        self.follow(id);
        assert_eq!(self.beat(id), Beat { fenced: false, should_shut_down: false });
        self.follow_all();
    }

    pub(crate) fn start(&mut self, id: i32) {
        self.start_after(id, false);
    }

    pub(crate) fn kill(&mut self, id: i32) {
        self.broker(id).alive = false;
    }

    pub(crate) fn heartbeat(
        &mut self,
        id: i32,
        fence: bool,
        shut_down: bool,
    ) -> Result<Beat, &'static str> {
        let broker = self.broker(id);
        let request = BrokerHeartbeatRequest::default()
            .with_broker_id(BrokerId(id))
            .with_broker_epoch(broker.epoch)
            .with_current_metadata_offset(broker.next_offset - 1)
            .with_want_fence(fence)
            .with_want_shut_down(shut_down);
        let Response::BrokerHeartbeat(response) = self.ask(request) else { panic!() };
        match error(response.error_code) {
            "ok" => {
                Ok(Beat { fenced: response.is_fenced, should_shut_down: response.should_shut_down })
            }
            refused => Err(refused),
        }
    }

    /// A broker tells that its log directory does not work any more.
    pub(crate) fn fail_directory(&mut self, id: i32) -> &'static str {
        let broker = self.broker(id);
        let request = BrokerHeartbeatRequest::default()
            .with_broker_id(BrokerId(id))
            .with_broker_epoch(broker.epoch)
            .with_current_metadata_offset(broker.next_offset - 1)
            .with_offline_log_dirs(vec![directory(id)]);
        let Response::BrokerHeartbeat(response) = self.ask(request) else { panic!() };
        error(response.error_code)
    }

    pub(crate) fn beat(&mut self, id: i32) -> Beat {
        self.heartbeat(id, false, false).expect("a heartbeat")
    }

    pub(crate) fn fetch_request(&mut self, id: i32, max_wait_ms: i32) -> FetchRequest {
        let epoch = self.controller.leader_epoch();
        let offset = self.broker(id).next_offset;
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_current_leader_epoch(epoch)
            .with_fetch_offset(offset)
            .with_replica_directory_id(directory(id))
            .with_last_fetched_epoch(if offset == 0 { 0 } else { self.epoch_before(offset) })
            .with_partition_max_bytes(0);
        let topic = FetchTopic::default()
            .with_topic_id(Uuid::from_u128(1))
            .with_partitions(vec![partition]);
        FetchRequest::default()
            .with_cluster_id(Some(text(CLUSTER_ID)))
            .with_replica_state(ReplicaState::default().with_replica_id(BrokerId(id)))
            .with_max_wait_ms(max_wait_ms)
            .with_max_bytes(8 * 1024 * 1024)
            .with_topics(vec![topic])
    }

    fn epoch_before(&self, offset: i64) -> i32 {
        let log = self.controller.log();
        let batches = log.batches(logbrook_record::Offset(offset - 1), log.log_end_offset());
        batches.take(1).map(|batch| batch.header().partition_leader_epoch.0).next().unwrap_or(0)
    }

    /// A broker applies what is new in the metadata log.
    pub(crate) fn follow(&mut self, id: i32) {
        let request = self.fetch_request(id, 0);
        let Response::Fetch(response) = self.ask(request) else { panic!() };
        let data = &response.responses[0].partitions[0];
        assert_eq!(error(data.error_code), "ok");
        let records = data.records.clone().unwrap_or_default();
        let decoded = decode_metadata_batches(&records).expect("records");
        let high_watermark = data.high_watermark;
        let broker = self.broker(id);
        for (offset, record) in decoded {
            if offset >= broker.next_offset {
                broker.image.replay(&record);
            }
        }
        broker.next_offset = high_watermark;
    }

    pub(crate) fn follow_all(&mut self) {
        for id in 1..=4 {
            if self.broker(id).alive {
                self.follow(id);
            }
        }
    }

    /// Time goes on; brokers that live send heartbeats and follow.
    pub(crate) fn advance(&mut self, ms: i64) {
        let end = self.now + ms;
        let mut next_beat = self.now + HEARTBEAT_MS;
        while self.now < end {
            let wakeup = self.controller.next_wakeup().unwrap_or(end);
            self.now = wakeup.min(next_beat).min(end).max(self.now);
            self.controller.tick(self.now);
            if self.now >= next_beat {
                for id in 1..=4 {
                    if self.broker(id).alive {
                        let _ = self.heartbeat(id, false, false);
                        self.follow(id);
                    }
                }
                next_beat = self.now + HEARTBEAT_MS;
            }
        }
        self.follow_all();
    }

    // Topics.

    /// A topic with one partition on these brokers.
    pub(crate) fn create(&mut self, topic: &str, replicas: &[i32], configs: &[(&str, &str)]) {
        let assignment = CreatableReplicaAssignment::default()
            .with_partition_index(0)
            .with_broker_ids(replicas.iter().map(|id| BrokerId(*id)).collect());
        let config = |(name, value): &(&str, &str)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        };
        let topic = CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_assignments(vec![assignment])
            .with_configs(configs.iter().map(config).collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]);
        let Response::CreateTopics(response) = self.ask(request) else { panic!() };
        assert_eq!(error(response.topics[0].error_code), "ok", "{:?}", response.topics[0]);
        self.follow_all();
    }

    pub(crate) fn partition(&self, topic: &str) -> &PartitionRegistration {
        &self.controller.metadata().topic(topic).expect("a topic").partitions[&0]
    }

    /// As `kafka-topics.sh --describe` has it, with the epochs.
    pub(crate) fn describe(&self, topic: &str) -> String {
        let p = self.partition(topic);
        let ids = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
        let mut line =
            format!("leader {} replicas {} isr {}", p.leader, ids(&p.replicas), ids(&p.isr));
        for (what, of) in [
            ("elr", &p.elr),
            ("last", &p.last_known_elr),
            ("adding", &p.adding_replicas),
            ("removing", &p.removing_replicas),
        ] {
            if !of.is_empty() {
                line += &format!(" {what} {}", ids(of));
            }
        }
        if p.leader_recovery_state.value() != 0 {
            line += " recovering";
        }
        line + &format!(" (epochs {}, {})", p.leader_epoch, p.partition_epoch)
    }

    pub(crate) fn alter_request(
        &mut self,
        topic: &str,
        isr: &[i32],
        recovering: bool,
    ) -> AlterPartitionRequest {
        let id = self.controller.metadata().topic(topic).expect("a topic").id;
        let partition = self.partition(topic).clone();
        let epochs: Vec<BrokerState> = isr
            .iter()
            .map(|id| {
                let epoch = self.broker(*id).epoch;
                BrokerState::default().with_broker_id(BrokerId(*id)).with_broker_epoch(epoch)
            })
            .collect();
        let data = AlterData::default()
            .with_partition_index(0)
            .with_leader_epoch(partition.leader_epoch)
            .with_new_isr_with_epochs(epochs)
            .with_leader_recovery_state(i8::from(recovering))
            .with_partition_epoch(partition.partition_epoch);
        let leader = partition.leader;
        let epoch = if leader > 0 { self.broker(leader).epoch } else { -1 };
        AlterPartitionRequest::default()
            .with_broker_id(BrokerId(leader))
            .with_broker_epoch(epoch)
            .with_topics(vec![AlterTopic::default().with_topic_id(id).with_partitions(vec![data])])
    }

    /// The leader says who is in sync.
    pub(crate) fn alter_isr(&mut self, topic: &str, isr: &[i32]) -> &'static str {
        let request = self.alter_request(topic, isr, false);
        self.alter(request)
    }

    pub(crate) fn alter(&mut self, request: AlterPartitionRequest) -> &'static str {
        let Response::AlterPartition(response) = self.ask(request) else { panic!() };
        match error(response.error_code) {
            "ok" => error(response.topics[0].partitions[0].error_code),
            refused => refused,
        }
    }

    pub(crate) fn elect(&mut self, topic: &str, unclean: bool) -> &'static str {
        let partitions =
            TopicPartitions::default().with_topic(name(topic)).with_partitions(vec![0]);
        let request = ElectLeadersRequest::default()
            .with_election_type(i8::from(unclean))
            .with_topic_partitions(Some(vec![partitions]));
        let Response::ElectLeaders(response) = self.ask(request) else { panic!() };
        error(response.replica_election_results[0].partition_result[0].error_code)
    }

    /// Moves the partition to these brokers; without any, what is under way is cancelled.
    pub(crate) fn reassign(&mut self, topic: &str, to: Option<&[i32]>) -> &'static str {
        let replicas = to.map(|ids| ids.iter().map(|id| BrokerId(*id)).collect());
        let partition =
            ReassignablePartition::default().with_partition_index(0).with_replicas(replicas);
        let topic =
            ReassignableTopic::default().with_name(name(topic)).with_partitions(vec![partition]);
        let request = AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]);
        let Response::AlterPartitionReassignments(response) = self.ask(request) else { panic!() };
        error(response.responses[0].partitions[0].error_code)
    }

    pub(crate) fn reassigning(&mut self) -> Vec<String> {
        let request = ListPartitionReassignmentsRequest::default().with_topics(None);
        let Response::ListPartitionReassignments(response) = self.ask(request) else { panic!() };
        let ids =
            |ids: &[BrokerId]| ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",");
        let mut lines = Vec::new();
        for topic in &response.topics {
            for p in &topic.partitions {
                lines.push(format!(
                    "{}-{} replicas {} adding {} removing {}",
                    topic.name.as_str(),
                    p.partition_index,
                    ids(&p.replicas),
                    ids(&p.adding_replicas),
                    ids(&p.removing_replicas)
                ));
            }
        }
        lines
    }

    /// Of a topic, or with no name of all brokers.
    pub(crate) fn set_config(&mut self, topic: &str, key: &str, value: Option<&str>) {
        let kind = if topic.is_empty() { 4 } else { 2 };
        let config = AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(i8::from(value.is_none()))
            .with_value(value.map(text));
        let resource = AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(topic))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let Response::IncrementalAlterConfigs(response) = self.ask(request) else { panic!() };
        assert_eq!(error(response.responses[0].error_code), "ok", "{response:?}");
    }

    pub(crate) fn unregister(&mut self, id: i32) -> &'static str {
        let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(id));
        let Response::UnregisterBroker(response) = self.ask(request) else { panic!() };
        error(response.error_code)
    }
}

pub(crate) fn directory(id: i32) -> Uuid {
    Uuid::from_u128(0xd000 + u128::from(id.unsigned_abs()))
}
