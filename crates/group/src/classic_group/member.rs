//! A member of a classic group.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{JoinGroupProtocol, MemberDescription, Token};

/// A member of a classic group (`ClassicGroupMember`).
///
/// The requests that it has parked, and the time of its session, are volatile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassicGroupMember {
    pub(crate) member_id: String,
    pub(crate) group_instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<JoinGroupProtocol>,
    pub(crate) assignment: Bytes,
    pub(crate) awaiting_join: Option<Token>,
    pub(crate) awaiting_sync: Option<Token>,
    /// Joined and not yet part of a generation: a parked join does not stand for a heartbeat.
    pub(crate) is_new: bool,
    pub(crate) session_deadline: Option<i64>,
}

impl ClassicGroupMember {
    /// Its id.
    pub fn member_id(&self) -> &str {
        &self.member_id
    }

    /// Its `group.instance.id`.
    pub fn group_instance_id(&self) -> Option<&str> {
        self.group_instance_id.as_deref()
    }

    /// The client.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Its host, `/127.0.0.1`.
    pub fn client_host(&self) -> &str {
        &self.client_host
    }

    /// Its session timeout.
    pub fn session_timeout_ms(&self) -> i32 {
        self.session_timeout_ms
    }

    /// The bytes of its assignment: [`crate::consumer_protocol`].
    pub fn assignment(&self) -> &Bytes {
        &self.assignment
    }

    /// What it subscribes to under a protocol; None where it does not support that.
    pub fn metadata(&self, protocol_name: &str) -> Option<&Bytes> {
        self.protocols
            .iter()
            .find(|protocol| protocol.name == protocol_name)
            .map(|protocol| &protocol.metadata)
    }

    /// When it is removed unless it shows itself before.
    pub fn session_deadline(&self) -> Option<i64> {
        self.session_deadline
    }

    /// Whether its JoinGroup waits for the others.
    pub fn is_awaiting_join(&self) -> bool {
        self.awaiting_join.is_some()
    }

    /// Whether its SyncGroup waits for the leader's.
    pub fn is_awaiting_sync(&self) -> bool {
        self.awaiting_sync.is_some()
    }

    pub(crate) fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.is_awaiting_join() || self.is_awaiting_sync())
    }

    pub(crate) fn supports(&self, protocol_name: &str) -> bool {
        self.protocols.iter().any(|protocol| protocol.name == protocol_name)
    }

    pub(crate) fn describe(&self, protocol_name: Option<&str>) -> MemberDescription {
        MemberDescription {
            member_id: self.member_id.clone(),
            group_instance_id: self.group_instance_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            metadata: protocol_name
                .and_then(|name| self.metadata(name))
                .cloned()
                .unwrap_or_default(),
            assignment: self.assignment.clone(),
        }
    }

    /// The session starts anew.
    pub(crate) fn reschedule_heartbeat(&mut self, now: i64) {
        self.session_deadline = Some(now.saturating_add(i64::from(self.session_timeout_ms)));
    }
}
