//! The text form of the views that prose shows: what a `show` block holds, and a screen reader reads.

use logbrook_sorted::{SortedMap, SortedSet};
use std::str::FromStr;

use logbrook_app::ReadEvent;
use logbrook_broker::Broker;
use logbrook_cluster::Cluster;
use logbrook_lab::duration::Millis;
use logbrook_lab::run::Run;
use logbrook_log::Log;
use logbrook_record::Record;

/// Cells of a strip, as many as the page's strip in the prose has.
const CELLS: usize = 10;
/// Letters of a cell.
const LETTERS: usize = 32;

/// Why there is no text.
pub(crate) enum NotShown {
    /// The view has no text form here yet.
    View,
    /// A parameter is missing or wrong.
    Params(String),
}

/// The view now, or with `at=10s` in a run that has gone on for so long by itself.
pub(crate) fn text(
    run: &Run,
    view: &str,
    params: &SortedMap<&str, &str>,
) -> Result<String, NotShown> {
    let wrong = |message: String| NotShown::Params(format!("show {view}: {message}"));
    let draw: fn(&Cluster, &str, &SortedMap<&str, &str>) -> Option<String> = match view {
        "strip" => strip,
        "keys" => keys,
        _no_text_form => return Err(NotShown::View),
    };
    let topic = params.get("topic").ok_or_else(|| wrong("expected topic=NAME".to_owned()))?;
    let mut run = run.clone();
    if let Some(at) = params.get("at") {
        let span = Millis::from_str(at).map_err(|e| wrong(format!("at: {e}")))?;
        run.pass_until_us(span.0.saturating_mul(1_000));
    }
    Ok(draw(run.cluster(), topic, params).unwrap_or_else(|| format!("{topic}: no records\n")))
}

/// Each partition with its leader's log.
fn logs<'a>(cluster: &'a Cluster, topic: &str) -> Option<Vec<(i32, &'a Log)>> {
    let brokers: Vec<&Broker> = cluster.broker_ids().filter_map(|id| cluster.broker(id)).collect();
    let image = brokers.first()?.metadata().topic(topic)?;
    let leader = |index: &i32| {
        let mut replicas = brokers.iter().filter_map(|b| b.partition(topic, *index));
        Some((*index, replicas.find(|p| p.is_leader())?.log()))
    };
    Some(image.partitions.keys().filter_map(leader).collect())
}

/// What readers can get of a log, oldest first.
fn records(log: &Log) -> impl Iterator<Item = Record> {
    let (start, end) = (log.log_start_offset(), log.high_watermark());
    log.batches(start, end)
        .filter(|batch| !batch.header().attributes.is_control())
        .flat_map(|batch| batch.records().unwrap_or_default())
        .filter(move |record| (start..end).contains(&record.offset))
}

/// `orders-2 | 0 order 1: two coffees | 1 order 2: one tea |`
fn strip(cluster: &Cluster, topic: &str, _params: &SortedMap<&str, &str>) -> Option<String> {
    let mut out = String::new();
    for (partition, log) in logs(cluster, topic)? {
        out.push_str(&format!("{topic}-{partition} |"));
        let mut records = records(log);
        for record in records.by_ref().take(CELLS) {
            let value = record.value.as_deref().map(String::from_utf8_lossy);
            let value = value.map_or_else(|| "null".to_owned(), |v| short(&v));
            out.push_str(&format!(" {} {value} |", record.offset.0));
        }
        if records.next().is_some() {
            out.push_str(" …");
        }
        out.push('\n');
    }
    Some(out)
}

/// One line, and not a long one.
fn short(value: &str) -> String {
    let mut letters = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut out: String = letters.by_ref().take(LETTERS).collect();
    if letters.next().is_some() {
        out.push('…');
    }
    out
}

/// `acc-1  -> partitions 0 1 2`: where a key's records are, or with `by` an entity's events.
fn keys(cluster: &Cluster, topic: &str, params: &SortedMap<&str, &str>) -> Option<String> {
    let mut places: SortedMap<String, SortedSet<i32>> = SortedMap::new();
    for (partition, log) in logs(cluster, topic)? {
        for record in records(log) {
            let name = if params.contains_key("by") {
                record.value.as_deref().and_then(|v| ReadEvent::read(v).ok()).map(|e| e.entity)
            } else {
                record.key.as_deref().map(|k| String::from_utf8_lossy(k).into_owned())
            };
            if let Some(name) = name {
                places.entry(name).or_default().insert(partition);
            }
        }
    }
    let width = places.keys().map(|name| name.chars().count()).max()?;
    let line = |(name, at): (&String, &SortedSet<i32>)| {
        let at: Vec<String> = at.iter().map(i32::to_string).collect();
        let word = if at.len() == 1 { "partition " } else { "partitions" };
        format!("{name:<width$}  -> {word} {}\n", at.join(" "))
    };
    Some(places.iter().map(line).collect())
}
