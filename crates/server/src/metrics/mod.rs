//! What the server counts, under the names of Kafka's MBeans as Prometheus' JMX exporter writes them:
//! `kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec,topic=orders`, attribute `Count`, is
//! `kafka_server_BrokerTopicMetrics_Count{name="BytesInPerSec",topic="orders"}`. What has no MBean in
//! Kafka begins with `logbrook_`.
//!
//! | concept | file |
//! |---|---|
//! | the text format | `exposition.rs` |
//! | `GET /metrics` | `http.rs` |

mod exposition;
pub(crate) mod http;

use std::time::Duration;

use kafka_protocol::messages::{FetchResponse, ProduceResponse};
use logbrook_broker::wire::Response;
use logbrook_broker::{Broker, BrokerEvent, BrokerEventKind};
use logbrook_sorted::SortedMap;

use exposition::Exposition;

/// `BrokerTopicMetrics` of one topic, or of all.
#[derive(Clone, Debug, Default)]
struct TopicMetrics {
    messages_in: u64,
    bytes_in: u64,
    bytes_out: u64,
    produce_requests: u64,
    failed_produce_requests: u64,
    fetch_requests: u64,
    failed_fetch_requests: u64,
}

/// `RequestMetrics` of one API.
#[derive(Clone, Debug, Default)]
struct RequestMetrics {
    /// By version.
    requests: SortedMap<i16, u64>,
    /// From the whole request read to the response handed to the connection.
    total_time: Duration,
    max_time: Duration,
    /// Responses, and requests without one, that `total_time` is of.
    answered: u64,
    request_bytes: u64,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    all_topics: TopicMetrics,
    topics: SortedMap<String, TopicMetrics>,
    requests: SortedMap<&'static str, RequestMetrics>,
    pub(crate) connections_accepted: u64,
    pub(crate) connections_rejected: u64,
}

impl Metrics {
    /// A request was read.
    pub(crate) fn request(&mut self, api: &'static str, version: i16, bytes: usize) {
        let metrics = self.requests.entry(api).or_default();
        *metrics.requests.entry(version).or_default() += 1;
        metrics.request_bytes += bytes as u64;
    }

    /// It was answered, or needs no answer.
    pub(crate) fn answered(&mut self, api: &'static str, took: Duration) {
        let metrics = self.requests.entry(api).or_default();
        metrics.answered += 1;
        metrics.total_time += took;
        metrics.max_time = metrics.max_time.max(took);
    }

    /// What went out for each topic.
    pub(crate) fn response(
        &mut self,
        broker: &Broker,
        response: &Response,
        rest: &[Vec<bytes::Bytes>],
    ) {
        match response {
            Response::Produce(response) => self.produced(broker, response),
            Response::Fetch(response) => self.fetched(broker, response, rest),
            _other => {}
        }
    }

    /// Counts for a topic, and for all of them.
    fn count(&mut self, topic: &str, count: impl Fn(&mut TopicMetrics)) {
        count(&mut self.all_topics);
        match self.topics.get_mut(topic) {
            Some(metrics) => count(metrics),
            None => count(self.topics.entry(topic.to_owned()).or_default()),
        }
    }

    fn produced(&mut self, broker: &Broker, response: &ProduceResponse) {
        for topic in &response.responses {
            let by_id = broker.metadata().topic_by_id(topic.topic_id);
            let name = by_id.map_or(topic.name.as_str(), |topic| topic.name.as_str());
            // An unknown name is anybody's to make up: it is not counted by itself.
            if broker.topic(name).is_none() {
                continue;
            }
            let partitions = topic.partition_responses.len() as u64;
            let failed = topic.partition_responses.iter().filter(|p| p.error_code != 0).count();
            self.count(name, |metrics| {
                metrics.produce_requests += partitions;
                metrics.failed_produce_requests += failed as u64;
            });
        }
    }

    fn fetched(&mut self, broker: &Broker, response: &FetchResponse, rest: &[Vec<bytes::Bytes>]) {
        let mut rest = rest.iter();
        for topic in &response.responses {
            let (mut bytes, mut failed) = (0, 0);
            for data in &topic.partitions {
                let more = rest.next().map_or(0, |rest| rest.iter().map(bytes::Bytes::len).sum());
                bytes += data.records.as_ref().map_or(0, bytes::Bytes::len) + more;
                failed += u64::from(data.error_code != 0);
            }
            let by_id = broker.metadata().topic_by_id(topic.topic_id);
            let name = by_id.map_or(topic.topic.as_str(), |topic| topic.name.as_str());
            if broker.topic(name).is_none() {
                continue;
            }
            self.count(name, |metrics| {
                metrics.bytes_out += bytes as u64;
                metrics.fetch_requests += topic.partitions.len() as u64;
                metrics.failed_fetch_requests += failed;
            });
        }
    }

    /// What happened inside the broker.
    pub(crate) fn event(&mut self, event: &BrokerEvent) {
        match &event.kind {
            BrokerEventKind::Appended { topic, first, last, bytes, duplicate: false, .. } => {
                let messages = u64::try_from(last.saturating_sub(*first) + 1).unwrap_or(0);
                self.count(topic, |metrics| {
                    metrics.messages_in += messages;
                    metrics.bytes_in += *bytes as u64;
                });
            }
            BrokerEventKind::TopicDeleted { topic } => {
                self.topics.remove(topic);
            }
            // Everything else is read from the broker when it is asked for.
            _state => {}
        }
    }

    /// All of it as Prometheus reads it. `connections`: those open now.
    pub(crate) fn render(&self, broker: &Broker, connections: usize) -> String {
        let mut out = Exposition::default();
        self.render_topics(&mut out);
        self.render_requests(&mut out);
        render_broker(&mut out, broker);
        render_logs(&mut out, broker);
        render_groups(&mut out, broker);
        // There is one listener, and one thread that serves it.
        let labels = [("listener", "PLAINTEXT"), ("networkProcessor", "0")];
        let name = "kafka_server_socket_server_metrics_connection_count";
        out.gauge(name, &labels, connections as f64);
        let name = "kafka_server_socket_server_metrics_connection_creation_total";
        out.counter(name, &labels, self.connections_accepted as f64);
        let name = "logbrook_server_connections_rejected_total";
        out.counter(name, &[], self.connections_rejected as f64);
        out.finish()
    }

    fn render_topics(&self, out: &mut Exposition) {
        const NAME: &str = "kafka_server_BrokerTopicMetrics_Count";
        type Row = (&'static str, fn(&TopicMetrics) -> u64);
        const ROWS: &[Row] = &[
            ("MessagesInPerSec", |topic| topic.messages_in),
            ("BytesInPerSec", |topic| topic.bytes_in),
            ("BytesOutPerSec", |topic| topic.bytes_out),
            ("TotalProduceRequestsPerSec", |topic| topic.produce_requests),
            ("FailedProduceRequestsPerSec", |topic| topic.failed_produce_requests),
            ("TotalFetchRequestsPerSec", |topic| topic.fetch_requests),
            ("FailedFetchRequestsPerSec", |topic| topic.failed_fetch_requests),
        ];
        for (name, count) in ROWS {
            out.counter(NAME, &[("name", name)], count(&self.all_topics) as f64);
            for (topic, metrics) in &self.topics {
                out.counter(NAME, &[("name", name), ("topic", topic)], count(metrics) as f64);
            }
        }
    }

    fn render_requests(&self, out: &mut Exposition) {
        const PREFIX: &str = "kafka_network_RequestMetrics";
        let count = format!("{PREFIX}_Count");
        for (api, metrics) in &self.requests {
            for (version, requests) in &metrics.requests {
                let version = version.to_string();
                let labels =
                    [("name", "RequestsPerSec"), ("request", api), ("version", version.as_str())];
                out.counter(&count, &labels, *requests as f64);
            }
        }
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        for (api, metrics) in &self.requests {
            let labels = [("name", "TotalTimeMs"), ("request", *api)];
            out.counter(&count, &labels, metrics.answered as f64);
            let mean = ms(metrics.total_time) / (metrics.answered.max(1) as f64);
            out.gauge(&format!("{PREFIX}_Mean"), &labels, mean);
            out.gauge(&format!("{PREFIX}_Max"), &labels, ms(metrics.max_time));
        }
        for (api, metrics) in &self.requests {
            let requests = metrics.requests.values().sum::<u64>();
            let labels = [("name", "RequestBytes"), ("request", *api)];
            out.counter(&count, &labels, requests as f64);
            let mean = metrics.request_bytes as f64 / requests.max(1) as f64;
            out.gauge(&format!("{PREFIX}_Mean"), &labels, mean);
        }
    }
}

fn render_broker(out: &mut Exposition, broker: &Broker) {
    let partitions = || {
        broker.topics().flat_map(|topic| {
            let here = |index: &i32| broker.partition(&topic.name, *index);
            topic.partitions.keys().filter_map(here)
        })
    };
    let manager = |out: &mut Exposition, name, value: usize| {
        out.gauge("kafka_server_ReplicaManager_Value", &[("name", name)], value as f64);
    };
    manager(out, "PartitionCount", partitions().count());
    manager(out, "LeaderCount", partitions().filter(|partition| partition.is_leader()).count());
    let behind =
        |p: &&logbrook_broker::Partition| p.is_leader() && p.isr().len() < p.replicas().len();
    manager(out, "UnderReplicatedPartitions", partitions().filter(behind).count());
    manager(out, "OfflineReplicaCount", 0);
    let controller = |out: &mut Exposition, name, value: usize| {
        out.gauge("kafka_controller_KafkaController_Value", &[("name", name)], value as f64);
    };
    controller(out, "ActiveControllerCount", 1);
    controller(out, "ActiveBrokerCount", broker.metadata().brokers().len());
    controller(out, "GlobalTopicCount", broker.topics().count());
    controller(out, "GlobalPartitionCount", broker.topics().map(|t| t.partitions.len()).sum());
    let (sessions, partitions, evictions) = broker.fetch_session_counts();
    let cache = "kafka_server_FetchSessionCache_Value";
    out.gauge(cache, &[("name", "NumIncrementalFetchSessions")], sessions as f64);
    out.gauge(cache, &[("name", "NumIncrementalFetchPartitionsCached")], partitions as f64);
    let cache = "kafka_server_FetchSessionCache_Count";
    out.counter(cache, &[("name", "IncrementalFetchSessionEvictionsPerSec")], evictions as f64);
    let delayed = broker.parked_fetches() as f64;
    let labels = [("name", "PurgatorySize"), ("delayedOperation", "Fetch")];
    out.gauge("kafka_server_DelayedOperationPurgatory_Value", &labels, delayed);
}

fn render_logs(out: &mut Exposition, broker: &Broker) {
    type Row = (&'static str, fn(&logbrook_broker::Partition) -> f64);
    const ROWS: &[Row] = &[
        ("Size", |partition| partition.log().size_bytes() as f64),
        ("LogStartOffset", |partition| partition.log().log_start_offset().0 as f64),
        ("LogEndOffset", |partition| partition.log().log_end_offset().0 as f64),
        ("NumLogSegments", |partition| partition.log().segments().len() as f64),
    ];
    for (name, value) in ROWS {
        for topic in broker.topics() {
            for index in topic.partitions.keys() {
                let Some(partition) = broker.partition(&topic.name, *index) else { continue };
                let index = index.to_string();
                let labels = [
                    ("name", *name),
                    ("topic", topic.name.as_str()),
                    ("partition", index.as_str()),
                ];
                out.gauge("kafka_log_Log_Value", &labels, value(partition));
            }
        }
    }
}

/// `GroupCoordinatorMetrics`.
fn render_groups(out: &mut Exposition, broker: &Broker) {
    const NAME: &str = "kafka_coordinator_group_GroupMetadataManager_Value";
    const STATES: &[&str] =
        &["PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty"];
    let groups = broker.groups();
    out.gauge(NAME, &[("name", "NumGroups")], groups.len() as f64);
    for state in STATES {
        let count = groups.iter().filter(|group| group.state == *state).count();
        let name = format!("NumGroups{state}");
        out.gauge(NAME, &[("name", name.as_str())], count as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::MetadataRequest;
    use logbrook_broker::wire::RequestFrame;
    use logbrook_broker::{BrokerConfig, ClientInfo, ConnectionId};

    #[test]
    fn requests_and_topics_are_counted_under_kafkas_names() {
        let mut broker = Broker::new(BrokerConfig::default(), 1, 0);
        let client = ClientInfo { connection: ConnectionId(1), host: "/127.0.0.1".into() };
        let topic = kafka_protocol::messages::metadata_request::MetadataRequestTopic::default()
            .with_name(Some(kafka_protocol::messages::TopicName("orders".to_owned().into())));
        let request = MetadataRequest::default()
            .with_allow_auto_topic_creation(true)
            .with_topics(Some(vec![topic]));
        broker.handle(0, &client, RequestFrame::latest(1, None, request.into()));
        let mut metrics = Metrics::default();
        metrics.request("Metadata", 12, 40);
        metrics.answered("Metadata", Duration::from_millis(2));
        let kind = BrokerEventKind::Appended {
            topic: "orders".into(),
            partition: 0,
            first: 5,
            last: 9,
            bytes: 100,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            duplicate: false,
        };
        metrics.event(&BrokerEvent { cause: None, kind });
        let text = metrics.render(&broker, 3);
        for line in [
            "# TYPE kafka_server_BrokerTopicMetrics_Count counter",
            r#"kafka_server_BrokerTopicMetrics_Count{name="MessagesInPerSec"} 5"#,
            r#"kafka_server_BrokerTopicMetrics_Count{name="BytesInPerSec",topic="orders"} 100"#,
            r#"kafka_network_RequestMetrics_Count{name="RequestsPerSec",request="Metadata",version="12"} 1"#,
            r#"kafka_network_RequestMetrics_Mean{name="TotalTimeMs",request="Metadata"} 2"#,
            r#"kafka_log_Log_Value{name="LogEndOffset",topic="orders",partition="0"} 0"#,
            r#"kafka_server_ReplicaManager_Value{name="PartitionCount"} 1"#,
            r#"kafka_server_socket_server_metrics_connection_count{listener="PLAINTEXT",networkProcessor="0"} 3"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        // One TYPE line for each name, and all samples of a name together.
        let types = text.lines().filter(|line| line.starts_with("# TYPE"));
        let mut seen = std::collections::BTreeSet::new();
        assert!(types.into_iter().all(|line| seen.insert(line.to_owned())), "{text}");
    }
}
