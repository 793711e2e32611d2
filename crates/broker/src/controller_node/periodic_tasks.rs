//! What a controller does from time to time (`PeriodicTaskControlManager` and the tasks of `QuorumController`).

use super::ControllerNode;
use crate::BrokerConfig;
use crate::controller::{balance_leaders, elect_unclean_leaders, fence_stale_broker};

/// `PeriodicTask.DEFAULT_IMMEDIATE_PERIOD_NS`: a task that was not done goes on after this.
const IMMEDIATE_PERIOD_MS: i64 = 10;
/// `QuorumController.maybeFenceStaleBrokerPeriodNs`: so often in a session.
const CHECKS_IN_A_SESSION: i64 = 8;

/// When each task is due next, in ms.
#[derive(Clone, Debug)]
pub(super) struct PeriodicTasks {
    fence_stale_broker: Task,
    elect_unclean: Task,
    /// With `auto.leader.rebalance.enable`.
    elect_preferred: Option<Task>,
}

#[derive(Clone, Copy, Debug)]
struct Task {
    period_ms: i64,
    due_ms: i64,
}

impl Task {
    fn new(period_ms: i64, now: i64) -> Task {
        let period_ms = period_ms.max(1);
        Task { period_ms, due_ms: now.saturating_add(period_ms) }
    }

    fn reschedule(&mut self, now: i64, more: bool) {
        let delay_ms = if more { IMMEDIATE_PERIOD_MS } else { self.period_ms };
        self.due_ms = now.saturating_add(delay_ms);
    }
}

impl PeriodicTasks {
    pub(super) fn activate(config: &BrokerConfig, now: i64) -> PeriodicTasks {
        let session_ms = config.number("broker.session.timeout.ms");
        let check_ms =
            config.number("leader.imbalance.check.interval.seconds").saturating_mul(1000);
        PeriodicTasks {
            fence_stale_broker: Task::new(session_ms / CHECKS_IN_A_SESSION, now),
            elect_unclean: Task::new(config.number("unclean.leader.election.interval.ms"), now),
            elect_preferred: config
                .flag("auto.leader.rebalance.enable")
                .then(|| Task::new(check_ms, now)),
        }
    }

    pub(super) fn next_wakeup(&self) -> i64 {
        let next = self.fence_stale_broker.due_ms.min(self.elect_unclean.due_ms);
        self.elect_preferred.map_or(next, |task| next.min(task.due_ms))
    }
}

/// Does what is due.
pub(super) fn run(node: &mut ControllerNode, now: i64) {
    if node.tasks.fence_stale_broker.due_ms <= now {
        let result = fence_stale_broker(&node.image, &node.config, &mut node.heartbeats, now);
        let _ = node.commit(now, &result.records);
        node.tasks.fence_stale_broker.reschedule(now, result.response);
    }
    if node.tasks.elect_unclean.due_ms <= now {
        let result = elect_unclean_leaders(&node.image, &node.config);
        let _ = node.commit(now, &result.records);
        node.tasks.elect_unclean.reschedule(now, result.response);
    }
    if node.tasks.elect_preferred.is_some_and(|task| task.due_ms <= now) {
        let result = balance_leaders(&node.image, &node.config);
        let _ = node.commit(now, &result.records);
        if let Some(task) = &mut node.tasks.elect_preferred {
            task.reschedule(now, result.response);
        }
    }
}
