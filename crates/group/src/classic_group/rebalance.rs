//! From the first join to the next generation, and what the timers do.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use logbrook_planted::{Bug, planted};

use super::{
    ClassicGroup, ClassicGroupMember, ClassicGroupState, Context, InitialDelay, JoinTimer,
};
use crate::{GroupError, GroupEvent, JoinGroupReply, Reply};

impl ClassicGroup {
    pub(super) fn prepare_rebalance_or_complete_join(
        &mut self,
        cx: &mut Context<'_>,
        reason: String,
    ) {
        if ClassicGroupState::PreparingRebalance.valid_previous_states().contains(&self.state) {
            self.prepare_rebalance(cx, reason);
        } else {
            self.maybe_complete_join_phase(cx);
        }
    }

    pub(crate) fn prepare_rebalance(&mut self, cx: &mut Context<'_>, reason: String) {
        if self.state == ClassicGroupState::CompletingRebalance {
            self.fail_parked_syncs(cx, GroupError::RebalanceInProgress);
        }
        self.pending_sync_members.clear();
        self.sync_deadline = None;
        let is_initial = self.state == ClassicGroupState::Empty;
        self.transition_to(cx, ClassicGroupState::PreparingRebalance, reason);
        if is_initial {
            let delay_ms = cx.config.initial_rebalance_delay_ms;
            let remaining_ms = (self.rebalance_timeout_ms() - delay_ms).max(0);
            self.schedule_join(cx, delay_ms, Some(InitialDelay { delay_ms, remaining_ms }));
        } else if self.has_all_members_joined() {
            self.complete_join(cx);
        } else {
            self.schedule_join(cx, self.rebalance_timeout_ms(), None);
        }
    }

    fn schedule_join(&mut self, cx: &Context<'_>, after_ms: i32, initial: Option<InitialDelay>) {
        self.join_timer =
            Some(JoinTimer { at: cx.now.saturating_add(i64::from(after_ms)), initial });
    }

    pub(super) fn maybe_complete_join_phase(&mut self, cx: &mut Context<'_>) {
        if self.state == ClassicGroupState::PreparingRebalance
            && self.previous_state != ClassicGroupState::Empty
            && self.has_all_members_joined()
        {
            self.complete_join(cx);
        }
    }

    /// The joining is over: who has not joined is out, and the next generation begins.
    fn complete_join(&mut self, cx: &mut Context<'_>) {
        self.join_timer = None;
        let late: Vec<String> = self
            .members
            .iter()
            .filter(|member| !member.is_awaiting_join() && member.group_instance_id.is_none())
            .map(|member| member.member_id.clone())
            .collect();
        for member_id in late {
            self.remove(&member_id);
            self.expired(cx, member_id);
        }
        if !self.elect_joined_leader() && !self.members.is_empty() {
            // Only static members are left, and none is back: wait once more. A timeout of 0 would
            // wait here for ever at one moment.
            self.schedule_join(cx, self.rebalance_timeout_ms().max(1), None);
            return;
        }
        self.init_next_generation(cx);
        if self.state == ClassicGroupState::Empty {
            cx.out.records.push(self.metadata_record());
            return;
        }
        for at in 0..self.members.len() {
            let member = &mut self.members[at];
            let member_id = member.member_id.clone();
            let token = member.awaiting_join.take();
            member.is_new = false;
            member.reschedule_heartbeat(cx.now);
            self.pending_sync_members.insert(member_id.clone());
            if let Some(token) = token {
                let members = self.members_for(&member_id);
                let reply = self.joined_reply(&member_id, members, false);
                cx.out.replies.push((token, reply));
            }
        }
        self.sync_deadline = Some(cx.now.saturating_add(i64::from(self.rebalance_timeout_ms())));
    }

    /// Whether a member that joined leads; a leader that did not join is replaced by one that did.
    fn elect_joined_leader(&mut self) -> bool {
        let Some(leader) = &self.leader_id else { return false };
        if self.member(leader).is_some_and(ClassicGroupMember::is_awaiting_join) {
            return true;
        }
        let joined = self.members.iter().find(|member| member.is_awaiting_join());
        match joined.map(|member| member.member_id.clone()) {
            Some(member_id) => {
                self.leader_id = Some(member_id);
                true
            }
            None => false,
        }
    }

    fn init_next_generation(&mut self, cx: &mut Context<'_>) {
        let is_raised = self.generation_id == 0 || !planted(Bug::GenerationNotRaised);
        self.generation_id = self.generation_id.wrapping_add(i32::from(is_raised));
        self.protocol_name = self.select_protocol();
        self.subscribed_topics = self.compute_subscribed_topics();
        self.pending_sync_members.clear();
        self.new_member_added = false;
        if self.members.is_empty() {
            let reason = format!("generation {} has no members", self.generation_id);
            self.transition_to(cx, ClassicGroupState::Empty, reason);
        } else {
            let reason = format!(
                "stabilized generation {} with {} members",
                self.generation_id,
                self.members.len()
            );
            self.transition_to(cx, ClassicGroupState::CompletingRebalance, reason);
        }
    }

    fn expired(&self, cx: &mut Context<'_>, member_id: String) {
        cx.out
            .events
            .push(GroupEvent::MemberExpired { group_id: self.group_id.clone(), member_id });
    }

    /// Lets everything happen that is due.
    pub(crate) fn tick(&mut self, cx: &mut Context<'_>) {
        let now = cx.now;
        let due = move |at: i64| at <= now;
        while let Some(member_id) = self
            .pending_join_members
            .iter()
            .find(|(_, at)| due(**at))
            .map(|(member_id, _)| member_id.clone())
        {
            self.remove(&member_id);
            self.expired(cx, member_id);
            if self.state == ClassicGroupState::PreparingRebalance && self.has_all_members_joined()
            {
                self.complete_join(cx);
            }
        }
        while let Some(member_id) = self
            .members
            .iter()
            .find(|member| member.session_deadline.is_some_and(due))
            .map(|member| member.member_id.clone())
        {
            self.expire_session(cx, &member_id);
        }
        if let Some(JoinTimer { initial, .. }) = self.join_timer.filter(|timer| due(timer.at)) {
            match initial {
                // Members keep coming: wait a little longer, as long as the rebalance timeout lets.
                Some(delay) if self.new_member_added && delay.remaining_ms != 0 => {
                    self.new_member_added = false;
                    let delay_ms = cx.config.initial_rebalance_delay_ms.min(delay.remaining_ms);
                    let remaining_ms = (delay.remaining_ms - delay.delay_ms).max(0);
                    self.schedule_join(cx, delay_ms, Some(InitialDelay { delay_ms, remaining_ms }));
                }
                Some(_) | None => self.complete_join(cx),
            }
        }
        if self.sync_deadline.is_some_and(due) {
            self.expire_pending_sync(cx);
        }
    }

    fn expire_session(&mut self, cx: &mut Context<'_>, member_id: &str) {
        let Some(member) = self.member_mut(member_id) else { return };
        member.session_deadline = None;
        if member.has_satisfied_heartbeat() {
            return;
        }
        self.take_out(cx, member_id);
        self.expired(cx, member_id.into());
        let reason = format!("removing member {member_id} on heartbeat expiration.");
        match self.state {
            ClassicGroupState::Stable | ClassicGroupState::CompletingRebalance => {
                self.prepare_rebalance_or_complete_join(cx, reason);
            }
            ClassicGroupState::PreparingRebalance => {
                if self.has_all_members_joined() {
                    self.complete_join(cx);
                }
            }
            ClassicGroupState::Empty | ClassicGroupState::Dead => {}
        }
    }

    /// Removes a member, and answers what it has parked.
    pub(super) fn take_out(&mut self, cx: &mut Context<'_>, member_id: &str) {
        let Some(member) = self.remove(member_id) else { return };
        if let Some(token) = member.awaiting_join {
            let reply = JoinGroupReply::failed(GroupError::UnknownMemberId, "");
            cx.out.replies.push((token, Reply::JoinGroup(reply)));
        }
        if let Some(token) = member.awaiting_sync {
            let reply = crate::SyncGroupReply::failed(GroupError::UnknownMemberId);
            cx.out.replies.push((token, Reply::SyncGroup(reply)));
        }
    }

    /// Members that joined the generation and did not sync are out.
    fn expire_pending_sync(&mut self, cx: &mut Context<'_>) {
        self.sync_deadline = None;
        if self.pending_sync_members.is_empty() {
            return;
        }
        let pending: Vec<String> = self.pending_sync_members.iter().cloned().collect();
        for member_id in &pending {
            self.remove(member_id);
            self.expired(cx, member_id.clone());
        }
        let reason =
            format!("Removing [{}] on pending sync request expiration", pending.join(", "));
        self.prepare_rebalance(cx, reason);
    }

    /// The coordinator moves elsewhere: everything parked is answered so that the clients look
    /// for the new one (`onUnloaded`).
    pub(crate) fn unload(&mut self, cx: &mut Context<'_>) {
        for member in &mut self.members {
            if let Some(token) = member.awaiting_join.take() {
                let reply = JoinGroupReply::failed(GroupError::NotCoordinator, &member.member_id);
                cx.out.replies.push((token, Reply::JoinGroup(reply)));
            }
            if let Some(token) = member.awaiting_sync.take() {
                let reply = crate::SyncGroupReply::failed(GroupError::NotCoordinator);
                cx.out.replies.push((token, Reply::SyncGroup(reply)));
            }
        }
        self.transition_to(cx, ClassicGroupState::Dead, "the coordinator is unloaded");
    }

    /// A group that was loaded with more members than are allowed starts over.
    pub(crate) fn loaded(&mut self, cx: &mut Context<'_>) {
        if self.members.len() > cx.config.max_size {
            let reason = format!(
                "Freshly-loaded group {} (size {}) is over capacity {}. Rebalancing in order to \
                 give a chance for consumers to commit offsets",
                self.group_id,
                self.members.len(),
                cx.config.max_size
            );
            self.prepare_rebalance(cx, reason);
        }
    }
}
