//! The timeline: transport, ticks, flags.

use std::sync::Arc;

use logbrook_cluster::Cluster;

use crate::follow::Follow;
use crate::pace::Pace;
use crate::view::{Actor, Moment, Speed, Time, Timeline, Transport, Verdict};

/// The axis grows by this much at a time, so that it does not move with every event.
const AXIS_STEP_US: i64 = 10_000_000;
/// Speeds to choose from, in tenths.
const SPEEDS: [u16; 6] = [1, 5, 10, 50, 100, 1_000];

pub(crate) fn timeline(
    cluster: &Cluster,
    follow: &Follow,
    pace: &Pace,
    shown: Option<Moment>,
    verdicts: Vec<Verdict>,
    alive: bool,
) -> Timeline {
    let now_us = cluster.now_us();
    let event = cluster.trace().len().saturating_sub(1) as u64;
    let now = Moment { event, time: Time(now_us) };
    let running = pace.playing() || alive;
    let mut actors = vec![Actor { name: "clients".to_owned(), down: Vec::new() }];
    actors.extend(cluster.broker_ids().map(|id| Actor {
        name: format!("broker {id}"),
        down: follow.nodes.get(&id).map(|node| node.down.clone()).unwrap_or_default(),
    }));
    Timeline {
        now,
        latest: now,
        end: Time((now_us.max(0) / AXIS_STEP_US + 1) * AXIS_STEP_US),
        bounded: false,
        playing: pace.playing(),
        chip: (!running).then(|| format!("Paused at event {event}")),
        can: Transport { play: true, step: true, back: false },
        speed: pace.speed(),
        speeds: SPEEDS.map(Speed).to_vec(),
        actors,
        ticks: Arc::new(follow.ticks().to_vec()),
        flags: follow.flags.clone(),
        moment: shown,
        verdicts,
    }
}
