//! Which protocol a generation uses, and what its members subscribe to.

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::SortedSet;

use super::{ClassicGroup, ClassicGroupState};
use crate::JoinGroupProtocol;
use crate::consumer_protocol::{PROTOCOL_TYPE, Subscription};

impl ClassicGroup {
    /// Whether a member with this protocol type and these protocols can be in the group: one of
    /// them must be supported by all who are.
    pub(super) fn supports_protocols(
        &self,
        protocol_type: &str,
        protocols: &[JoinGroupProtocol],
    ) -> bool {
        if self.state == ClassicGroupState::Empty {
            !protocol_type.is_empty() && !protocols.is_empty()
        } else {
            self.protocol_type.as_deref() == Some(protocol_type)
                && protocols.iter().any(|protocol| {
                    self.members.iter().all(|member| member.supports(&protocol.name))
                })
        }
    }

    /// The protocol with most votes: each member votes for the first in its list that all support.
    /// None without members, or where they have none in common.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for member in &self.members {
            let vote = member
                .protocols
                .iter()
                .map(|protocol| protocol.name.as_str())
                .find(|name| self.members.iter().all(|other| other.supports(name)))?;
            match votes.iter_mut().find(|(name, _)| *name == vote) {
                Some((_, count)) => *count += 1,
                None => votes.push((vote, 1)),
            }
        }
        // Java goes through a HashMap, and the first of equals wins. Protocol names do not change,
        // so neither does that order: it is worth keeping.
        logbrook_sorted::sort_by_key(&mut votes, |(name, _)| java_hash_map_bucket(name));
        let most = votes.iter().map(|(_, count)| *count).max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).into())
    }

    pub(crate) fn uses_consumer_group_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(PROTOCOL_TYPE)
    }

    /// Whether the group reads a topic; where that is not known, a group of consumers does.
    pub(crate) fn is_subscribed_to_topic(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_group_protocol(),
        }
    }

    /// `computeSubscribedTopics`: None where the members are no consumers, or one's bytes cannot
    /// be read.
    pub(super) fn compute_subscribed_topics(&self) -> Option<SortedSet<String>> {
        if !self.uses_consumer_group_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(SortedSet::new());
        }
        let protocol_name = self.protocol_name.as_deref()?;
        let mut topics = SortedSet::new();
        for member in &self.members {
            topics.extend(Subscription::decode_topics(member.metadata(protocol_name)?).ok()?);
        }
        Some(topics)
    }
}

/// The bucket of a key in a `java.util.HashMap` of the default 16 buckets.
pub(crate) fn java_hash_map_bucket(key: &str) -> u32 {
    let hash = key
        .encode_utf16()
        .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    (hash ^ (hash >> 16)) & 15
}
