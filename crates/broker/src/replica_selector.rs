//! Which replica a consumer should read (KIP-392): `ReplicaManager.findPreferredReadReplica` and
//! `RackAwareReplicaSelector`.

use core::cmp::Reverse;

use crate::metadata_image::MetadataImage;
use crate::partition::Partition;

/// The one selector that there is beside none; another class cannot be loaded here.
pub(crate) const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// The replica in the reader's rack that has most of the log, of those in sync that have the offset. `None`
/// where the leader is in that rack, or nobody is: the leader is never named. `now` in ms.
pub(crate) fn preferred_read_replica(
    partition: &Partition,
    image: &MetadataImage,
    rack: &str,
    fetch_offset: i64,
    now: i64,
) -> Option<i32> {
    if rack.is_empty() || !partition.is_leader() {
        return None;
    }
    let is_there = |id: i32| {
        let broker = image.broker(id).filter(|broker| !broker.fenced);
        broker.and_then(|broker| broker.rack.as_deref()) == Some(rack)
    };
    if is_there(partition.local_id()) {
        return None;
    }
    let readable = partition.in_sync_followers().filter(|(id, replica)| {
        is_there(*id)
            && replica.log_end_offset.0 >= fetch_offset
            && replica.log_start_offset.0 <= fetch_offset
    });
    // `ReplicaView.comparator`.
    readable
        .max_by_key(|(id, replica)| {
            (replica.log_end_offset, Reverse(replica.since_caught_up_ms(now)), *id)
        })
        .map(|(id, _)| id)
}
