//! The requests of a transactional producer, under transactions v2 and before.

use logbrook_broker::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use logbrook_broker::messages::find_coordinator_response::Coordinator;
use logbrook_broker::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use logbrook_broker::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use logbrook_broker::messages::*;
use logbrook_broker::wire::Response;
use logbrook_broker::{BrokerEventKind, ErrorCode};
use logbrook_record::BatchOptions;

use crate::common::*;

/// Which protocol a producer speaks: the versions of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Transactions v2 (KIP-890).
    V2,
    /// A client of Kafka 3.
    V1,
}

/// One transactional producer, as far as the broker sees it.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    pub(crate) id: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    /// Next sequence number of each partition of `t`.
    pub(crate) sequences: Vec<i32>,
}

pub(crate) const TIMEOUT_MS: i32 = 60_000;

pub(crate) fn node() -> Node {
    node_with(&[])
}

pub(crate) fn node_with(properties: &[(&str, &str)]) -> Node {
    let mut all = vec![
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.state.log.num.partitions", "2"),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "2"),
    ];
    all.extend_from_slice(properties);
    let mut node = Node::with(&all);
    assert_eq!(node.create("t", 2, &[]), "ok");
    // The first question makes the topics.
    find_coordinator(&mut node, 0, "g");
    find_coordinator(&mut node, 1, "p");
    node
}

pub(crate) fn find_coordinator(node: &mut Node, key_type: i8, key: &str) -> Coordinator {
    let request = FindCoordinatorRequest::default()
        .with_key_type(key_type)
        .with_coordinator_keys(vec![text(key)]);
    let Response::FindCoordinator(response) = node.latest(request) else { panic!() };
    response.coordinators[0].clone()
}

pub(crate) fn transactional_id(id: &str) -> TransactionalId {
    TransactionalId(text(id))
}

pub(crate) fn code(code: i16) -> Result<(), &'static str> {
    if code == 0 { Ok(()) } else { Err(error(code)) }
}

impl Producer {
    pub(crate) fn new(id: &'static str, protocol: Protocol) -> Producer {
        Producer { id, protocol, producer_id: -1, epoch: -1, sequences: vec![0; 2] }
    }

    /// A producer that has begun.
    pub(crate) fn begun(node: &mut Node, id: &'static str, protocol: Protocol) -> Producer {
        let mut producer = Producer::new(id, protocol);
        producer.init(node).unwrap();
        producer
    }

    fn version(&self, v2: i16, v1: i16) -> i16 {
        match self.protocol {
            Protocol::V2 => v2,
            Protocol::V1 => v1,
        }
    }

    /// InitProducerId of a new incarnation.
    pub(crate) fn init(&mut self, node: &mut Node) -> Result<(), &'static str> {
        self.init_with(node, -1, -1, TIMEOUT_MS)
    }

    pub(crate) fn init_with(
        &mut self,
        node: &mut Node,
        producer_id: i64,
        epoch: i16,
        timeout_ms: i32,
    ) -> Result<(), &'static str> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(transactional_id(self.id)))
            .with_transaction_timeout_ms(timeout_ms)
            .with_producer_id(ProducerId(producer_id))
            .with_producer_epoch(epoch);
        let Response::InitProducerId(response) = node.call(5, request) else { panic!() };
        code(response.error_code)?;
        self.set(response.producer_id.0, response.producer_epoch);
        Ok(())
    }

    fn set(&mut self, producer_id: i64, epoch: i16) {
        if (producer_id, epoch) != (self.producer_id, self.epoch) {
            self.sequences.fill(0);
        }
        self.producer_id = producer_id;
        self.epoch = epoch;
    }

    pub(crate) fn add_partition(&self, node: &mut Node, index: i32) -> Result<(), &'static str> {
        let topic =
            AddPartitionsToTxnTopic::default().with_name(name("t")).with_partitions(vec![index]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(transactional_id(self.id))
            .with_v3_and_below_producer_id(ProducerId(self.producer_id))
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let Response::AddPartitionsToTxn(response) = node.call(3, request) else { panic!() };
        let result = &response.results_by_topic_v3_and_below[0].results_by_partition[0];
        code(result.partition_error_code)
    }

    /// Produces values to `t`, without adding the partition.
    pub(crate) fn produce(
        &mut self,
        node: &mut Node,
        index: i32,
        values: &[&str],
    ) -> Result<i64, &'static str> {
        let version = self.version(12, 11);
        self.produce_version(node, version, index, values)
    }

    pub(crate) fn produce_version(
        &mut self,
        node: &mut Node,
        version: i16,
        index: i32,
        values: &[&str],
    ) -> Result<i64, &'static str> {
        let sequence = self.sequences[index as usize];
        let options = BatchOptions {
            producer_id: self.producer_id.into(),
            producer_epoch: self.epoch.into(),
            base_sequence: sequence,
            transactional: true,
            ..BatchOptions::default()
        };
        let records = batch_with(options, values, node.now);
        let request = Node::produce_request("t", index, -1, records)
            .with_transactional_id(Some(transactional_id(self.id)));
        let Response::Produce(response) = node.call(version, request) else { panic!() };
        let response = &response.responses[0].partition_responses[0];
        code(response.error_code)?;
        self.sequences[index as usize] += values.len() as i32;
        Ok(response.base_offset)
    }

    /// As a producer does it: adds the partition where its protocol asks for that, and produces.
    pub(crate) fn send(
        &mut self,
        node: &mut Node,
        index: i32,
        values: &[&str],
    ) -> Result<i64, &'static str> {
        if self.protocol == Protocol::V1 {
            self.add_partition(node, index)?;
        }
        self.produce(node, index, values)
    }

    /// Sends the offset `offset` of `t-0` for a group to the transaction.
    pub(crate) fn send_offsets(
        &mut self,
        node: &mut Node,
        group: &str,
        offset: i64,
    ) -> Result<(), &'static str> {
        if self.protocol == Protocol::V1 {
            let request = AddOffsetsToTxnRequest::default()
                .with_transactional_id(transactional_id(self.id))
                .with_producer_id(ProducerId(self.producer_id))
                .with_producer_epoch(self.epoch)
                .with_group_id(GroupId(text(group)));
            let Response::AddOffsetsToTxn(response) = node.call(3, request) else { panic!() };
            code(response.error_code)?;
        }
        self.txn_offset_commit(node, group, offset)
    }

    pub(crate) fn txn_offset_commit(
        &mut self,
        node: &mut Node,
        group: &str,
        offset: i64,
    ) -> Result<(), &'static str> {
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(0)
            .with_committed_offset(offset)
            .with_committed_metadata(Some(text("")));
        let topic = TxnOffsetCommitRequestTopic::default()
            .with_name(name("t"))
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(transactional_id(self.id))
            .with_group_id(GroupId(text(group)))
            .with_producer_id(ProducerId(self.producer_id))
            .with_producer_epoch(self.epoch)
            .with_generation_id(-1)
            .with_topics(vec![topic]);
        let version = self.version(5, 3);
        let Response::TxnOffsetCommit(response) = node.call(version, request) else { panic!() };
        code(response.topics[0].partitions[0].error_code)
    }

    /// EndTxn; under transactions v2 the producer goes on with what the answer says.
    pub(crate) fn end(&mut self, node: &mut Node, committed: bool) -> Result<(), &'static str> {
        let response = self.end_request(node, committed);
        code(response.error_code)?;
        if self.protocol == Protocol::V2 {
            self.set(response.producer_id.0, response.producer_epoch);
        }
        Ok(())
    }

    pub(crate) fn end_request(&self, node: &mut Node, committed: bool) -> EndTxnResponse {
        let request = EndTxnRequest::default()
            .with_transactional_id(transactional_id(self.id))
            .with_producer_id(ProducerId(self.producer_id))
            .with_producer_epoch(self.epoch)
            .with_committed(committed);
        let Response::EndTxn(response) = node.call(self.version(5, 4), request) else { panic!() };
        response
    }
}

/// What a consumer of committed records gets of a partition of `t`, as `CompletedFetch` filters it,
/// from offset 0 on.
pub(crate) fn read_committed(node: &mut Node, index: i32) -> Vec<(i64, String)> {
    let mut offset = 0;
    let mut read = Vec::new();
    loop {
        let request =
            Node::fetch_request("t", index, offset).with_isolation_level(1).with_max_wait_ms(0);
        let Response::Fetch(response) = node.call(12, request) else { panic!() };
        let data = &response.responses[0].partitions[0];
        assert_eq!(data.error_code, 0);
        let bytes = data.records.clone().unwrap_or_default();
        let mut aborted = data.aborted_transactions.clone().unwrap_or_default();
        aborted.sort_by_key(|aborted| aborted.first_offset);
        let mut aborted = std::collections::VecDeque::from(aborted);
        let mut open = std::collections::BTreeSet::new();
        let before = offset;
        for batch in logbrook_record::batches(&bytes) {
            let batch = batch.unwrap();
            let header = *batch.header();
            while aborted.front().is_some_and(|a| a.first_offset <= header.last_offset().0) {
                open.insert(aborted.pop_front().unwrap().producer_id.0);
            }
            offset = header.next_offset().0;
            if header.attributes.is_control() {
                let marker = logbrook_record::EndTransactionMarker::read(&batch).unwrap().unwrap();
                if !marker.0.committed {
                    open.remove(&header.producer_id.0);
                }
                continue;
            }
            if header.attributes.is_transactional() && open.contains(&header.producer_id.0) {
                continue;
            }
            read.extend(batch.records().unwrap().into_iter().map(|record| {
                let value = record.value.unwrap_or_default();
                (record.offset.0, String::from_utf8_lossy(&value).into_owned())
            }));
        }
        if offset == before {
            return read;
        }
    }
}

/// The values of [`read_committed`].
pub(crate) fn committed_values(node: &mut Node, index: i32) -> Vec<String> {
    read_committed(node, index).into_iter().map(|(_, value)| value).collect()
}

/// The offset of `t-0` that a group has committed: -1 for none, an error where it is unstable.
pub(crate) fn committed_offset(
    node: &mut Node,
    group: &str,
    require_stable: bool,
) -> Result<i64, &'static str> {
    let topic =
        OffsetFetchRequestTopics::default().with_name(name("t")).with_partition_indexes(vec![0]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(text(group)))
        .with_member_epoch(-1)
        .with_topics(Some(vec![topic]));
    let request =
        OffsetFetchRequest::default().with_require_stable(require_stable).with_groups(vec![group]);
    let Response::OffsetFetch(response) = node.call(9, request) else { panic!() };
    let partition = &response.groups[0].topics[0].partitions[0];
    code(partition.error_code)?;
    Ok(partition.committed_offset)
}

/// The state of a transactional id as DescribeTransactions tells it.
pub(crate) fn state(node: &mut Node, id: &str) -> String {
    let request =
        DescribeTransactionsRequest::default().with_transactional_ids(vec![transactional_id(id)]);
    let Response::DescribeTransactions(response) = node.latest(request) else { panic!() };
    let state = &response.transaction_states[0];
    match ErrorCode::from_code(state.error_code) {
        Some(ErrorCode::None) => {
            format!(
                "{} {}:{}",
                state.transaction_state.as_str(),
                state.producer_id.0,
                state.producer_epoch
            )
        }
        _ => error(state.error_code).to_owned(),
    }
}

/// Lets time pass; what happened to transactional ids meanwhile.
pub(crate) fn pass(node: &mut Node, ms: i64) -> Vec<String> {
    let end = node.now + ms;
    let mut seen = Vec::new();
    while let Some(at) = node.broker.next_wakeup().filter(|at| *at <= end) {
        node.now = at.max(node.now);
        let effects = node.broker.tick(node.now);
        for event in effects.events {
            if let BrokerEventKind::TransactionState { transactional_id, to, .. } = event.kind {
                seen.push(format!("{transactional_id} {to}"));
            }
        }
    }
    node.now = end;
    seen
}
