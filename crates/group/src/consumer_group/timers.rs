//! The timers of a group: volatile, and started anew where the group is loaded.

use alloc::string::String;
use logbrook_sorted::SortedMap;

/// Why a member is to be fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimedOut {
    /// No heartbeat.
    Session,
    /// It did not give up partitions in time, and is still in this epoch.
    Rebalance { member_epoch: i32 },
    /// A classic member did not join again in time.
    Join,
    /// A classic member did not sync in time.
    Sync,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct MemberTimers {
    session: Option<i64>,
    rebalance: Option<(i64, i32)>,
    join: Option<i64>,
    sync: Option<i64>,
}

impl MemberTimers {
    fn next(&self) -> Option<i64> {
        let rebalance = self.rebalance.map(|(at, _)| at);
        [self.session, rebalance, self.join, self.sync].into_iter().flatten().min()
    }
}

/// The timers of one group's members, and when its topics are next looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupTimers {
    members: SortedMap<String, MemberTimers>,
    /// Until when, and at which group epoch, the topics are known to be looked at
    /// (`DeadlineAndEpoch`).
    metadata_refresh: (i64, i32),
}

/// Topics are looked at again after this long without news (`METADATA_REFRESH_INTERVAL_MS`).
const METADATA_REFRESH_INTERVAL_MS: i64 = i32::MAX as i64;

impl ConsumerGroupTimers {
    fn member(&mut self, member_id: &str) -> &mut MemberTimers {
        self.members.entry(member_id.into()).or_default()
    }

    pub(crate) fn schedule_session(&mut self, member_id: &str, now: i64, timeout_ms: i32) {
        self.member(member_id).session = Some(now.saturating_add(i64::from(timeout_ms)));
    }

    pub(crate) fn schedule_rebalance(
        &mut self,
        member_id: &str,
        now: i64,
        timeout_ms: i32,
        member_epoch: i32,
    ) {
        let at = now.saturating_add(i64::from(timeout_ms));
        self.member(member_id).rebalance = Some((at, member_epoch));
    }

    pub(crate) fn cancel_rebalance(&mut self, member_id: &str) {
        if let Some(timers) = self.members.get_mut(member_id) {
            timers.rebalance = None;
        }
    }

    pub(crate) fn schedule_join_if_absent(&mut self, member_id: &str, now: i64, timeout_ms: i32) {
        let at = now.saturating_add(i64::from(timeout_ms));
        self.member(member_id).join.get_or_insert(at);
    }

    pub(crate) fn cancel_join(&mut self, member_id: &str) {
        if let Some(timers) = self.members.get_mut(member_id) {
            timers.join = None;
        }
    }

    pub(crate) fn schedule_sync(&mut self, member_id: &str, now: i64, timeout_ms: i32) {
        self.member(member_id).sync = Some(now.saturating_add(i64::from(timeout_ms)));
    }

    pub(crate) fn cancel_sync(&mut self, member_id: &str) {
        if let Some(timers) = self.members.get_mut(member_id) {
            timers.sync = None;
        }
    }

    pub(crate) fn cancel_all(&mut self, member_id: &str) {
        self.members.remove(member_id);
    }

    /// When a member is removed unless it shows itself before.
    pub fn session_deadline(&self, member_id: &str) -> Option<i64> {
        self.members.get(member_id)?.session
    }

    /// When the earliest timer is due.
    pub(crate) fn next_deadline(&self) -> Option<i64> {
        self.members.values().filter_map(MemberTimers::next).min()
    }

    /// Takes one timer that is due.
    pub(crate) fn take_due(&mut self, now: i64) -> Option<(String, TimedOut)> {
        let (member_id, timers) = self
            .members
            .iter_mut()
            .find(|(_, timers)| timers.next().is_some_and(|at| at <= now))?;
        let due = |at: &mut Option<i64>| at.take_if(|at| *at <= now).is_some();
        let timed_out = if due(&mut timers.session) {
            TimedOut::Session
        } else if due(&mut timers.join) {
            TimedOut::Join
        } else if due(&mut timers.sync) {
            TimedOut::Sync
        } else {
            let (_, member_epoch) = timers.rebalance.take()?;
            TimedOut::Rebalance { member_epoch }
        };
        Some((member_id.clone(), timed_out))
    }

    pub(crate) fn schedule_metadata_refresh(&mut self, now: i64, group_epoch: i32) {
        self.metadata_refresh = (now.saturating_add(METADATA_REFRESH_INTERVAL_MS), group_epoch);
    }

    pub(crate) fn request_metadata_refresh(&mut self) {
        self.metadata_refresh = (0, 0);
    }

    /// Whether the topics must be looked at: it is time, something changed, or the record of the
    /// last look never reached the log.
    pub(crate) fn has_metadata_expired(&self, now: i64, group_epoch: i32) -> bool {
        let (deadline, epoch) = self.metadata_refresh;
        now >= deadline || group_epoch < epoch
    }
}
