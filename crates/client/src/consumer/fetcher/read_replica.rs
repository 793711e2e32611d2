//! Reading from the nearest replica (KIP-392): the leader names one, and it is read until the lease is over,
//! another broker leads, or something is wrong with it (`AbstractFetch.selectReadReplica`,
//! `SubscriptionState`).

use crate::consumer::Consumer;
use crate::consumer::subscription_state::PreferredReadReplica;
use crate::topic_partition::TopicPartition;

impl Consumer {
    /// A response names another replica; -1 names none. The first word stands for `metadata.max.age.ms`.
    pub(super) fn learn_read_replica(&mut self, now: i64, partition: &TopicPartition, node: i32) {
        if node < 0 {
            return;
        }
        let metadata = &self.client.metadata;
        let Some(leader) = metadata.leader(partition) else { return };
        let learned = PreferredReadReplica {
            node,
            expires_ms: now.saturating_add(metadata.max_age_ms()),
            leader: (leader, metadata.leader_epoch(partition)),
        };
        if let Some(state) = self.subscriptions.state_mut(partition)
            && state.preferred_read_replica.is_none_or(|known| known.node != node)
        {
            state.preferred_read_replica = Some(learned);
        }
    }

    /// Back to the leader. Says whether another replica was read.
    pub(super) fn clear_read_replica(&mut self, partition: &TopicPartition) -> bool {
        let state = self.subscriptions.state_mut(partition);
        state.is_some_and(|state| state.preferred_read_replica.take().is_some())
    }

    /// Leaves replicas whose time is over: the lease has ended, another leads, or it is offline. For the last
    /// the metadata may be old: they are asked for again.
    pub(super) fn check_read_replicas(&mut self, now: i64) {
        let metadata = &self.client.metadata;
        let mut over = Vec::new();
        let mut offline = false;
        for (partition, state) in self.subscriptions.assigned() {
            let Some(preferred) = state.preferred_read_replica else { continue };
            let leader =
                metadata.leader(partition).map(|id| (id, metadata.leader_epoch(partition)));
            let is_online = metadata.is_online(partition, preferred.node);
            // A partition without a leader known keeps its replica until there is one.
            let moved = leader.is_some_and(|leader| leader != preferred.leader);
            if now > preferred.expires_ms || moved || !is_online {
                offline |= !is_online;
                over.push(partition.clone());
            }
        }
        for partition in over {
            self.clear_read_replica(&partition);
        }
        if offline {
            self.client.metadata.request_update(false);
        }
    }
}
