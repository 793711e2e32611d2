//! Log directories of brokers (KIP-858): where a new replica goes, and whether that place works.

use uuid::Uuid;

use super::BrokerRegistration;

/// `DirectoryId.UNASSIGNED`: the broker picks the directory.
const UNASSIGNED: Uuid = Uuid::from_u128(1);
/// `DirectoryId.LOST`: a directory that is gone.
const LOST: Uuid = Uuid::from_u128(2);

/// Ids below a hundred name no directory (`DirectoryId.reserved`).
pub(super) fn is_reserved(id: Uuid) -> bool {
    id.as_u128() < 100
}

/// Where a new replica on a broker goes (`ClusterControlManager.defaultDir`).
pub(super) fn default_directory(broker: Option<&BrokerRegistration>) -> Uuid {
    match broker.map(|broker| broker.directories.as_slice()) {
        Some([]) => Uuid::nil(),
        Some([only]) => *only,
        Some(_) | None => UNASSIGNED,
    }
}

/// Whether a broker has this directory (`DirectoryId.isOnline`): also where it is not said which one it is.
pub(super) fn has_online_directory(broker: Option<&BrokerRegistration>, id: Uuid) -> bool {
    let Some(broker) = broker else { return false };
    match id {
        LOST => false,
        id if is_reserved(id) => true,
        id => broker.directories.is_empty() || broker.directories.contains(&id),
    }
}
