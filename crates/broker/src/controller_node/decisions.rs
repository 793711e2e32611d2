//! What the controller has decided, for whoever watches: brokers that are fenced and come back, and who leads
//! what from now on.

use crate::controller::{MetadataRecord, NO_LEADER};
use crate::{BrokerEvent, BrokerEventKind, MetadataImage};

/// What records mean, against the image before them. The brokers come last: what else is decided in the same
/// batch is because of them.
pub(super) fn decisions(image: &MetadataImage, records: &[MetadataRecord]) -> Vec<BrokerEvent> {
    let mut kinds = Vec::new();
    let (mut elections, mut offline) = (0_usize, 0_usize);
    for record in records {
        let MetadataRecord::PartitionChange { topic_id, partition_id, change } = record else {
            continue;
        };
        let Some(topic) = image.topic_by_id(*topic_id) else { continue };
        let Some(before) = topic.partitions.get(partition_id) else { continue };
        let after = before.merge(change);
        if after.leader != before.leader {
            elections += usize::from(after.leader != NO_LEADER);
            offline += usize::from(after.leader == NO_LEADER);
            let eligible = before.isr.contains(&after.leader) || before.elr.contains(&after.leader);
            kinds.push(BrokerEventKind::LeaderElected {
                topic: topic.name.clone(),
                partition: *partition_id,
                leader: after.leader,
                leader_epoch: after.leader_epoch,
                isr: after.isr,
                unclean: after.leader != NO_LEADER && !eligible,
            });
        } else if after.isr != before.isr {
            kinds.push(BrokerEventKind::IsrChanged {
                topic: topic.name.clone(),
                partition: *partition_id,
                isr: after.isr,
            });
        }
    }
    for record in records {
        let MetadataRecord::BrokerRegistrationChange {
            broker_id,
            fenced,
            in_controlled_shutdown,
            ..
        } = record
        else {
            continue;
        };
        let broker = *broker_id;
        kinds.push(match fenced {
            Some(true) => BrokerEventKind::BrokerFenced { broker, elections, offline },
            Some(false) => BrokerEventKind::BrokerUnfenced { broker },
            None if *in_controlled_shutdown => {
                BrokerEventKind::BrokerShutsDown { broker, elections }
            }
            None => continue,
        });
    }
    kinds.into_iter().map(|kind| BrokerEvent { cause: None, kind }).collect()
}
