//! Random produces, fetches, list-offsets and deletes, against a list of what was produced.

mod common;

use common::*;
use logbrook_broker::messages::DeleteRecordsRequest;
use logbrook_broker::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use proptest::prelude::*;

const PARTITIONS: i32 = 2;

#[derive(Clone, Debug)]
enum Operation {
    Produce { partition: i32, records: usize, size: usize, step_ms: i64 },
    Fetch { partition: i32, back: i64, max_bytes: i32 },
    ByTime { partition: i32, back_ms: i64 },
    DeleteRecords { partition: i32, back: i64 },
    Tick { ms: i64 },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let partition = 0..PARTITIONS;
    prop_oneof![
        4 => (partition.clone(), 1..5usize, 0..300usize, 0..50i64).prop_map(
            |(partition, records, size, step_ms)| Produce { partition, records, size, step_ms }
        ),
        4 => (partition.clone(), 0..20i64, 0..2000i32).prop_map(
            |(partition, back, max_bytes)| Fetch { partition, back, max_bytes }
        ),
        2 => (partition.clone(), 0..200i64).prop_map(
            |(partition, back_ms)| ByTime { partition, back_ms }
        ),
        1 => (partition, 0..20i64).prop_map(
            |(partition, back)| DeleteRecords { partition, back }
        ),
        1 => (0..400_000i64).prop_map(|ms| Tick { ms }),
    ]
}

/// What was produced to one partition: timestamp and value by offset.
type Model = Vec<(i64, String)>;

fn assert_offsets_in_order(node: &Node, models: &[Model]) {
    for (index, model) in (0..).zip(models) {
        let log = node.broker.partition("orders", index).unwrap().log();
        let start = log.log_start_offset();
        assert!(start <= log.last_stable_offset());
        assert!(log.last_stable_offset() <= log.high_watermark());
        assert!(log.high_watermark() <= log.log_end_offset());
        assert_eq!(log.log_end_offset().0, model.len() as i64);
    }
}

fn run(operations: Vec<Operation>) {
    let mut node = Node::new();
    // Small segments and short retention, so that both happen.
    let configs = [("internal.segment.bytes", "3000"), ("retention.ms", "1000000")];
    assert_eq!(node.create("orders", PARTITIONS, &configs), "ok");
    let mut models: Vec<Model> = vec![Vec::new(); PARTITIONS as usize];
    let mut produced = 0;
    for operation in operations {
        match operation {
            Operation::Produce { partition, records, size, step_ms } => {
                node.now += step_ms;
                let model = &mut models[partition as usize];
                let values: Vec<String> = (0..records)
                    .map(|_| {
                        produced += 1;
                        format!("{produced}-{}", "x".repeat(size))
                    })
                    .collect();
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                let response = node.produce("orders", partition, batch_at(&values, node.now));
                assert_eq!(response.error_code, 0);
                assert_eq!(response.base_offset, model.len() as i64);
                model.extend(values.iter().map(|value| (node.now, (*value).to_owned())));
            }
            Operation::Fetch { partition, back, max_bytes } => {
                let model = &models[partition as usize];
                let from = model.len() as i64 - back;
                let start = node.list_offsets("orders", partition, -2).offset;
                let mut request = Node::fetch_request("orders", partition, from)
                    .with_max_bytes(max_bytes)
                    .with_max_wait_ms(0);
                request.topics[0].partitions[0].partition_max_bytes = max_bytes;
                let (_, effects) = node.send(3, 12, request.into());
                let (_, frame) = &effects.responses[0];
                let logbrook_broker::wire::Response::Fetch(response) = &frame.body else {
                    panic!()
                };
                let data = &response.responses[0].partitions[0];
                if from < start {
                    assert_eq!(error(data.error_code), "OFFSET_OUT_OF_RANGE");
                    continue;
                }
                assert_eq!(error(data.error_code), "ok");
                let got = records(data.records.as_ref().unwrap());
                assert!(back == 0 || !got.is_empty(), "there were records at {from}");
                if let Some((first, _)) = got.first() {
                    assert!(*first <= from, "the first batch holds {from}, not {first}");
                }
                for (at, (offset, value)) in got.iter().enumerate() {
                    assert_eq!(*offset, got[0].0 + at as i64, "no gaps");
                    assert_eq!(value, &model[*offset as usize].1);
                }
            }
            Operation::ByTime { partition, back_ms } => {
                let timestamp = node.now - back_ms;
                let start = node.list_offsets("orders", partition, -2).offset;
                let found = node.list_offsets("orders", partition, timestamp);
                // Kafka looks into one segment only, the first whose largest timestamp reaches;
                // where DeleteRecords has passed its matching records, it answers that there is none
                // (`UnifiedLog.searchOffsetInLocalLog`), until the segment is gone.
                let log = node.broker.partition("orders", partition).unwrap().log();
                let segment = log
                    .segments()
                    .into_iter()
                    .find(|segment| segment.max_timestamp >= timestamp)
                    .map(|segment| segment.base_offset.0..segment.next_offset.0);
                let expected = models[partition as usize]
                    .iter()
                    .zip(0i64..)
                    .filter(|(_, offset)| segment.as_ref().is_some_and(|s| s.contains(offset)))
                    .find(|((at, _), offset)| *offset >= start && *at >= timestamp)
                    .map_or((-1, -1), |((at, _), offset)| (offset, *at));
                assert_eq!((found.offset, found.timestamp), expected);
            }
            Operation::DeleteRecords { partition, back } => {
                let offset = (models[partition as usize].len() as i64 - back).max(0);
                let wanted = DeleteRecordsPartition::default()
                    .with_partition_index(partition)
                    .with_offset(offset);
                let topic = DeleteRecordsTopic::default()
                    .with_name(name("orders"))
                    .with_partitions(vec![wanted]);
                node.latest(DeleteRecordsRequest::default().with_topics(vec![topic]));
                assert!(node.list_offsets("orders", partition, -2).offset >= offset);
            }
            Operation::Tick { ms } => {
                node.now += ms;
                node.broker.tick(node.now);
            }
        }
        assert_offsets_in_order(&node, &models);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_produced_is_what_is_fetched(operations in prop::collection::vec(operation(), 1..60)) {
        run(operations);
    }
}
