//! The timeline: transport, ticks, flags.

use std::sync::Arc;

use logbrook_cluster::Cluster;

use crate::follow::Follow;
use crate::pace::Pace;
use crate::travel::Travel;
use crate::view::{Actor, Moment, Speed, Time, Timeline, Transport, Verdict};

/// The axis grows by this much at a time, so that it does not move with every event.
const AXIS_STEP_US: i64 = 10_000_000;
/// Speeds to choose from, in tenths.
const SPEEDS: [u16; 6] = [1, 5, 10, 50, 100, 1_000];

/// What the timeline is made of, beside the cluster at the playhead.
pub(crate) struct Source<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) follow: &'a Follow,
    pub(crate) pace: &'a Pace,
    /// The way back, where there is one.
    pub(crate) travel: Option<&'a Travel>,
    pub(crate) shown: Option<Moment>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) alive: bool,
}

pub(crate) fn timeline(source: Source<'_>) -> Timeline {
    let Source { cluster, follow, pace, travel, shown, verdicts, alive } = source;
    let now_us = cluster.now_us();
    let event = cluster.trace().len().saturating_sub(1) as u64;
    let now = Moment { event, time: Time(now_us) };
    let later = travel.and_then(Travel::latest);
    let latest = later.unwrap_or(now);
    let running = pace.playing() || (alive && later.is_none());
    let mut actors = vec![Actor { name: "clients".to_owned(), down: Vec::new() }];
    // What lies after the playhead stays on the axis.
    let whole = travel.and_then(Travel::newest_follow).unwrap_or(follow);
    actors.extend(cluster.broker_ids().map(|id| Actor {
        name: format!("broker {id}"),
        down: whole.nodes.get(&id).map(|node| node.down.clone()).unwrap_or_default(),
    }));
    let chip = match later {
        Some(latest) => format!("Looking back: event {event} of {}", latest.event),
        None => format!("Paused at event {event}"),
    };
    Timeline {
        now,
        latest,
        end: Time((latest.time.0.max(0) / AXIS_STEP_US + 1) * AXIS_STEP_US),
        bounded: false,
        playing: pace.playing(),
        chip: (!running).then_some(chip),
        can: Transport { play: true, step: true, back: travel.is_some() },
        speed: pace.speed(),
        speeds: SPEEDS.map(Speed).to_vec(),
        actors,
        ticks: Arc::new(whole.ticks().to_vec()),
        flags: whole.flags.clone(),
        moment: shown,
        verdicts,
        runs: travel.map(Travel::names).unwrap_or_default(),
    }
}
