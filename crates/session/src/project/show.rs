//! Small live views in the prose.

use logbrook_sorted::{SortedMap, SortedSet};
use std::sync::Arc;

use logbrook_app::ReadEvent;
use logbrook_cluster::Cluster;
use logbrook_record::Offset;

use super::stage::{self, CellCache, Chosen};
use crate::follow::Follow;
use crate::view::{CellText, Show, ShowLive, StageLayout, Table};

/// Cells of a strip in the prose: it is as wide as the column.
const CELLS: u32 = 10;

pub(crate) fn show(
    cluster: &Cluster,
    follow: &Follow,
    cache: &mut CellCache,
    view: &str,
    params: &SortedMap<String, String>,
    body: &str,
) -> Show {
    let topic = params.get("topic").map(String::as_str).unwrap_or_default();
    let live = match view {
        "strip" => strip(cluster, follow, cache, topic),
        "keys" => keys(cluster, cache, topic, params.get("by").map(String::as_str)),
        _text_only => None,
    };
    Show { view: view.to_owned(), title: topic.to_owned(), text: Arc::from(body), live }
}

fn strip(
    cluster: &Cluster,
    follow: &Follow,
    cache: &mut CellCache,
    topic: &str,
) -> Option<ShowLive> {
    let chosen = Chosen {
        topic: Some(topic.to_owned()),
        layout: Some(StageLayout::Partitions),
        cell_text: CellText::Value,
        first: Some(0),
        cells: CELLS,
        ..Chosen::default()
    };
    let stage = stage::stage(cluster, None, follow, &chosen, cache);
    if stage.topic.as_deref() != Some(topic) {
        return None;
    }
    // Of the leaders.
    Some(ShowLive::Strips(stage.partitions.iter().flat_map(|line| line.rows.clone()).collect()))
}

/// Which partitions hold a key, or an entity of the events: what `key decides order` looks like.
fn keys(
    cluster: &Cluster,
    cache: &mut CellCache,
    topic: &str,
    by: Option<&str>,
) -> Option<ShowLive> {
    let image = cluster.metadata()?.topic(topic)?;
    let mut places: SortedMap<String, SortedSet<i32>> = SortedMap::new();
    for (index, registration) in &image.partitions {
        let leader = cluster.broker(registration.leader).and_then(|b| b.partition(topic, *index));
        // What nobody leads is seen again once somebody does.
        let Some(log) = leader.map(logbrook_broker::Partition::log) else { continue };
        // The newest records tell how the design works now; all of them would grow without end.
        let from = (log.high_watermark().0 - 200).max(log.log_start_offset().0);
        for batch in log.batches(Offset(from), log.high_watermark()) {
            let names = cache.names(topic, *index, &batch, |record| match by {
                Some(_field) => {
                    ReadEvent::read(record.value.as_deref()?).ok().map(|event| event.entity)
                }
                None => Some(String::from_utf8_lossy(record.key.as_deref()?).into_owned()),
            });
            for name in names.iter() {
                places.entry(name.clone()).or_default().insert(*index);
            }
        }
    }
    if places.is_empty() {
        return None;
    }
    let row = |(name, at): (String, SortedSet<i32>)| {
        let at: Vec<String> = at.iter().map(i32::to_string).collect();
        vec![name, at.join(" ")]
    };
    let head = vec![by.unwrap_or("key").to_owned(), "partitions".to_owned()];
    Some(ShowLive::Table(Table {
        head,
        numeric: vec![false, false],
        rows: places.into_iter().map(row).collect(),
    }))
}
