//! What a client may do with a resource, as bits (`AuthHelper.authorizedOperations`, KIP-430).
//!
//! Without an authorizer that is everything that can be done with it (`AclEntry.supportedOperations`).

use super::AUTHORIZED_OPERATIONS_OMITTED;

// `AclOperation`'s codes.
const READ: i32 = 1 << 3;
const WRITE: i32 = 1 << 4;
const CREATE: i32 = 1 << 5;
const DELETE: i32 = 1 << 6;
const ALTER: i32 = 1 << 7;
const DESCRIBE: i32 = 1 << 8;
const CLUSTER_ACTION: i32 = 1 << 9;
const DESCRIBE_CONFIGS: i32 = 1 << 10;
const ALTER_CONFIGS: i32 = 1 << 11;
const IDEMPOTENT_WRITE: i32 = 1 << 12;

/// Of a topic.
pub(crate) const TOPIC: i32 =
    READ | WRITE | CREATE | DESCRIBE | DELETE | ALTER | DESCRIBE_CONFIGS | ALTER_CONFIGS;

/// Of a group.
pub(crate) const GROUP: i32 = READ | DESCRIBE | DELETE | DESCRIBE_CONFIGS | ALTER_CONFIGS;

/// Of the cluster.
pub(crate) const CLUSTER: i32 = CREATE
    | CLUSTER_ACTION
    | DESCRIBE_CONFIGS
    | ALTER_CONFIGS
    | IDEMPOTENT_WRITE
    | ALTER
    | DESCRIBE;

/// `operations` where they were asked for.
pub(crate) const fn asked(included: bool, operations: i32) -> i32 {
    if included { operations } else { AUTHORIZED_OPERATIONS_OMITTED }
}
