//! What is selected, in detail.

use std::sync::Arc;

use logbrook_cluster::{Cluster, EventId};
use logbrook_record::{Batch, Offset};

use super::{bytes, cause};
use crate::follow::{Follow, moment};
use crate::view::{Bytes, Inspector, InspectorTab, KeyValue, Moment, Selected, ValueCard};

/// What the inspector looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A record, or a replica.
    Place(Selected),
    /// An event, with the sentence that it explains.
    Event { title: String, event: EventId },
    /// Another run beside the one in front, by its name.
    Run(String),
}

/// The batch that was looked at last, decoded: decoding it again in each frame would cost more than
/// the rest of the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct BytesCache(Option<Decoded>);

#[derive(Clone, Debug)]
struct Decoded {
    selected: Selected,
    crc: u32,
    /// Position of the batch in the log, and how many there are.
    number: (usize, usize),
    bytes: Arc<Bytes>,
}

impl BytesCache {
    fn get(&mut self, selected: &Selected, place: &bytes::Place<'_>) -> Arc<Bytes> {
        let crc = place.batch.header().crc;
        let is_same =
            |d: &&Decoded| d.selected == *selected && d.crc == crc && d.number == place.number;
        if let Some(same) = self.0.as_ref().filter(is_same) {
            return Arc::clone(&same.bytes);
        }
        let bytes = Arc::new(bytes::bytes(place));
        let (selected, number) = (selected.clone(), place.number);
        self.0 = Some(Decoded { selected, crc, number, bytes: Arc::clone(&bytes) });
        bytes
    }
}

pub(crate) fn inspector(
    cluster: &Cluster,
    follow: &Follow,
    subject: &Subject,
    tab: InspectorTab,
    cache: &mut BytesCache,
) -> Option<Inspector> {
    match subject {
        Subject::Event { title, event } => {
            let cause = Some(Arc::new(cause::cause(cluster, title, *event)));
            Some(Inspector {
                title: title.clone(),
                tab: InspectorTab::Cause,
                cause,
                ..Inspector::default()
            })
        }
        // Two runs are not looked into, they are compared.
        Subject::Run(_) => None,
        Subject::Place(selected) => place(cluster, follow, selected, tab, cache),
    }
}

fn place(
    cluster: &Cluster,
    follow: &Follow,
    selected: &Selected,
    tab: InspectorTab,
    cache: &mut BytesCache,
) -> Option<Inspector> {
    let Selected { topic, partition, broker, offset } = selected;
    let replica = cluster.broker(*broker)?.partition(topic, *partition)?;
    let log = replica.log();
    let name = format!("{topic}-{partition}");
    let state = ValueCard {
        title: format!("Partition {name} on broker {broker}"),
        rows: [
            ("leader", replica.leader().to_string()),
            ("leader_epoch", replica.leader_epoch().to_string()),
            ("replicas", ids(replica.replicas())),
            ("in_sync_replicas", ids(replica.isr())),
            ("log_start_offset", log.log_start_offset().0.to_string()),
            ("high_watermark", log.high_watermark().0.to_string()),
            ("last_stable_offset", log.last_stable_offset().0.to_string()),
            ("log_end_offset", log.log_end_offset().0.to_string()),
            ("segments", log.segments().len().to_string()),
            ("size", format!("{} bytes", log.size_bytes())),
        ]
        .map(|(name, value)| KeyValue { name: name.to_owned(), value })
        .to_vec(),
    };
    let state = Some(Arc::new(state));
    let Some(offset) = offset else {
        return Some(Inspector {
            title: name,
            tab: InspectorTab::State,
            state,
            ..Inspector::default()
        });
    };
    let bases: Vec<i64> = log
        .headers(log.log_start_offset(), log.log_end_offset())
        .map(|h| h.base_offset.0)
        .collect();
    let batch: Batch = log.batches(Offset(*offset), Offset(offset + 1)).next()?;
    let base = batch.header().base_offset.0;
    let written = follow.written(topic, *partition, base);
    let at = |event: EventId| -> Option<Moment> { cluster.trace().get(event).map(moment) };
    let number = bases.iter().position(|b| *b == base).map_or(1, |i| i + 1);
    let place = bytes::Place {
        partition: name.clone(),
        broker: *broker,
        number: (number, bases.len()),
        written: written.and_then(at),
        offset: *offset,
        batch: &batch,
    };
    Some(Inspector {
        title: format!("{name}, offset {offset}"),
        tab,
        cause: written
            .map(|event| Arc::new(cause::cause(cluster, "How this record came here", event))),
        bytes: Some(cache.get(selected, &place)),
        request: None,
        state,
    })
}

/// The first record of the batch after or before the one that is selected.
pub(crate) fn neighbour(cluster: &Cluster, selected: &Selected, after: bool) -> Option<Selected> {
    let replica =
        cluster.broker(selected.broker)?.partition(&selected.topic, selected.partition)?;
    let log = replica.log();
    let offset = selected.offset?;
    let headers: Vec<_> = log.headers(log.log_start_offset(), log.log_end_offset()).collect();
    let here = headers.iter().position(|h| h.last_offset().0 >= offset)?;
    let there = if after { here.checked_add(1)? } else { here.checked_sub(1)? };
    let offset = headers.get(there)?.base_offset.0;
    Some(Selected { offset: Some(offset), ..selected.clone() })
}

fn ids(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}
