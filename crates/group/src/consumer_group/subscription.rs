//! What the members subscribe to, by name and by regular expression.

use alloc::string::String;
use alloc::vec::Vec;
use logbrook_sorted::{SortedMap, SortedSet};

use super::metadata_hash::metadata_hash;
use super::{ConsumerGroup, ConsumerGroupMember, ResolvedRegularExpression};
use crate::TopicsImage;
use crate::classic_group::java_hash_map_bucket;

/// Whether all members subscribe to the same topics (`SubscriptionType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionType {
    /// They do.
    Homogeneous,
    /// They do not.
    Heterogeneous,
}

/// Who subscribes to a topic (`SubscriptionCount`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct SubscriptionCount {
    /// Members that name it.
    by_name: usize,
    /// Regular expressions that match it.
    by_regex: usize,
}

/// The members' subscriptions, as they are or as they would be after a change.
pub(crate) struct SubscriptionChange<'a> {
    members: Vec<&'a ConsumerGroupMember>,
    resolved: Vec<(&'a str, &'a ResolvedRegularExpression)>,
}

impl<'a> SubscriptionChange<'a> {
    fn counts(&self) -> SortedMap<&'a str, SubscriptionCount> {
        let mut counts: SortedMap<&str, SubscriptionCount> = SortedMap::new();
        for topic in self.members.iter().flat_map(|member| member.subscribed_topic_names.iter()) {
            counts.entry(topic.as_str()).or_default().by_name += 1;
        }
        for topic in self.resolved.iter().flat_map(|(_, resolved)| resolved.topics.iter()) {
            counts.entry(topic.as_str()).or_default().by_regex += 1;
        }
        counts
    }

    /// The hash of the topics subscribed to.
    pub(crate) fn metadata_hash(&self, image: &TopicsImage) -> i64 {
        metadata_hash(self.counts().keys().copied(), image)
    }

    /// `ConsumerGroup.subscriptionType`.
    pub(crate) fn subscription_type(&self) -> SubscriptionType {
        let members = self.members.len();
        let mut regexes: SortedMap<&str, usize> = SortedMap::new();
        for regex in self.members.iter().filter_map(|member| member.regex()) {
            *regexes.entry(regex).or_default() += 1;
        }
        let counts = self.counts();
        let is_homogeneous = match regexes.values().next() {
            None => counts.values().all(|count| count.by_name == members),
            Some(subscribers) if *subscribers == members => {
                counts.values().all(|count| count.by_regex == 1 && count.by_name == 0)
            }
            Some(_) => false,
        };
        if is_homogeneous { SubscriptionType::Homogeneous } else { SubscriptionType::Heterogeneous }
    }

    /// The server side assignor that most members ask for.
    pub(crate) fn preferred_server_assignor(&self) -> Option<&'a str> {
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for name in self.members.iter().filter_map(|member| member.server_assignor.as_deref()) {
            match votes.iter_mut().find(|(voted, _)| *voted == name) {
                Some((_, count)) => *count += 1,
                None => votes.push((name, 1)),
            }
        }
        // Java's stream goes through a HashMap, and keeps the first of equals.
        logbrook_sorted::sort_by_key(&mut votes, |(name, _)| java_hash_map_bucket(name));
        let most = votes.iter().map(|(_, count)| *count).max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| *name)
    }

    /// The members, sorted by id.
    pub(crate) fn members(&self) -> &[&'a ConsumerGroupMember] {
        &self.members
    }
}

impl ConsumerGroup {
    /// The subscriptions as they are.
    pub(crate) fn subscriptions(&self) -> SubscriptionChange<'_> {
        SubscriptionChange {
            members: self.members.values().collect(),
            resolved: self.resolved().collect(),
        }
    }

    fn resolved(&self) -> impl Iterator<Item = (&str, &ResolvedRegularExpression)> {
        self.resolved_regular_expressions.iter().map(|(regex, value)| (regex.as_str(), value))
    }

    /// The subscriptions with a member that is new, has changed, or takes a static member's place.
    /// A regular expression that only the member before subscribed to is gone.
    pub(crate) fn subscriptions_with<'a>(
        &'a self,
        old: &ConsumerGroupMember,
        updated: &'a ConsumerGroupMember,
    ) -> SubscriptionChange<'a> {
        let is_same = |member: &ConsumerGroupMember| {
            member.member_id == updated.member_id
                || (updated.instance_id.is_some() && member.instance_id == updated.instance_id)
        };
        let mut members: Vec<&ConsumerGroupMember> =
            self.members.values().filter(|member| !is_same(member)).collect();
        let at = members.partition_point(|member| member.member_id < updated.member_id);
        members.insert(at, updated);
        let dropped = old
            .regex()
            .filter(|regex| updated.regex() != Some(*regex))
            .filter(|regex| self.num_subscribed_members(regex) == 1);
        SubscriptionChange {
            members,
            resolved: self.resolved().filter(|(regex, _)| Some(*regex) != dropped).collect(),
        }
    }

    /// The subscriptions without some members, and without regular expressions that only they
    /// subscribed to.
    pub(crate) fn subscriptions_without(
        &self,
        removed: &SortedSet<String>,
        removed_regexes: &SortedSet<String>,
    ) -> SubscriptionChange<'_> {
        SubscriptionChange {
            members: self
                .members
                .values()
                .filter(|member| !removed.contains(&member.member_id))
                .collect(),
            resolved: self
                .resolved()
                .filter(|(regex, _)| !removed_regexes.contains(*regex))
                .collect(),
        }
    }

    /// The subscriptions with regular expressions resolved anew.
    pub(crate) fn subscriptions_resolved<'a>(
        &'a self,
        new: &'a SortedMap<String, ResolvedRegularExpression>,
    ) -> SubscriptionChange<'a> {
        let kept = self.resolved().filter(|(regex, _)| !new.contains_key(*regex));
        let new = new.iter().map(|(regex, value)| (regex.as_str(), value));
        SubscriptionChange {
            members: self.members.values().collect(),
            resolved: kept.chain(new).collect(),
        }
    }

    /// How many members subscribe to a regular expression.
    pub(crate) fn num_subscribed_members(&self, regex: &str) -> usize {
        self.members.values().filter(|member| member.regex() == Some(regex)).count()
    }

    /// Whether a member subscribes to a topic, by name or by a resolved regular expression.
    pub fn is_subscribed_to_topic(&self, topic: &str) -> bool {
        self.members.values().any(|member| member.subscribed_topic_names.contains(topic))
            || self.resolved_regular_expressions.values().any(|r| r.topics.contains(topic))
    }

    /// The assignor that most members ask for.
    pub(crate) fn preferred_server_assignor(&self) -> Option<String> {
        self.subscriptions().preferred_server_assignor().map(String::from)
    }
}
