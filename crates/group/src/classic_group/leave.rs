//! LeaveGroup.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{ClassicGroup, ClassicGroupState, Context};
use crate::{GroupError, GroupEvent, LeavingMember, LeftMember};

impl ClassicGroup {
    pub(crate) fn leave(
        &mut self,
        cx: &mut Context<'_>,
        leaving: &[LeavingMember],
    ) -> Result<Vec<LeftMember>, GroupError> {
        if self.state == ClassicGroupState::Dead {
            return Err(GroupError::CoordinatorNotAvailable);
        }
        let left: Vec<LeftMember> = leaving
            .iter()
            .map(|member| LeftMember {
                member_id: member.member_id.clone(),
                group_instance_id: member.group_instance_id.clone(),
                error: self.leave_one(cx, member).err(),
            })
            .collect();
        let valid: Vec<&str> = left
            .iter()
            .filter(|member| member.error.is_none())
            .map(|member| member.member_id.as_str())
            .collect();
        if !valid.is_empty() {
            let reason =
                format!("explicit `LeaveGroup` request for ({}) members.", valid.join(", "));
            match self.state {
                ClassicGroupState::Stable | ClassicGroupState::CompletingRebalance => {
                    self.prepare_rebalance_or_complete_join(cx, reason);
                }
                ClassicGroupState::PreparingRebalance => self.maybe_complete_join_phase(cx),
                ClassicGroupState::Empty | ClassicGroupState::Dead => {}
            }
        }
        Ok(left)
    }

    fn leave_one(
        &mut self,
        cx: &mut Context<'_>,
        leaving: &LeavingMember,
    ) -> Result<(), GroupError> {
        let instance = leaving.group_instance_id.as_deref();
        let member_id: String = if leaving.member_id.is_empty() {
            // kafka-consumer-groups and the admin client remove static members by their instance.
            instance
                .and_then(|instance| self.static_member_id(instance))
                .ok_or(GroupError::UnknownMemberId)?
                .to_string()
        } else if self.is_pending_member(&leaving.member_id) {
            leaving.member_id.clone()
        } else {
            self.validate_member(&leaving.member_id, instance)?;
            leaving.member_id.clone()
        };
        if self.is_pending_member(&member_id) {
            self.remove(&member_id);
        } else {
            self.take_out(cx, &member_id);
        }
        cx.out.events.push(GroupEvent::MemberLeft {
            group_id: self.group_id.clone(),
            member_id,
            reason: leaving.reason.clone(),
        });
        Ok(())
    }
}
