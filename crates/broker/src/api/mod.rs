//! One file for each request served. Its head says the versions and what differs from Kafka 4.4.

pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod alter_configs;
pub(crate) mod alter_replica_log_dirs;
pub(crate) mod api_versions;
pub(crate) mod authorized_operations;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub(crate) mod create_acls;
pub(crate) mod delete_acls;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod describe_acls;
pub(crate) mod describe_client_quotas;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_quorum;
pub(crate) mod describe_topic_partitions;
pub(crate) mod describe_transactions;
pub(crate) mod describe_user_scram_credentials;
pub(crate) mod end_txn;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
pub(crate) mod heartbeat;
pub(crate) mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_transactions;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod sync_group;
pub(crate) mod txn_offset_commit;
pub(crate) mod write_txn_markers;

use bytes::Bytes;
use kafka_protocol::messages::{BrokerId, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::transaction_coordinator::Told;
use crate::wire::Response;
use crate::{Cause, ConnectionId};

/// Which request a response belongs to. Kept by whatever answers later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ResponseTo {
    pub(crate) connection: ConnectionId,
    pub(crate) correlation_id: i32,
    pub(crate) api_version: i16,
}

impl ResponseTo {
    pub(crate) fn cause(self) -> Cause {
        Cause { connection: self.connection, correlation_id: self.correlation_id }
    }
}

/// What a handler knows about the request besides its body.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    /// Ms since the epoch.
    pub(crate) now: i64,
    pub(crate) to: ResponseTo,
    pub(crate) client_id: Option<String>,
    /// As `/127.0.0.1`.
    pub(crate) host: String,
    /// What the transaction coordinator said of the partitions that the request writes to, where that had to
    /// be asked of another broker first.
    pub(crate) told: Option<Told>,
}

impl RequestContext {
    pub(crate) fn version(&self) -> i16 {
        self.to.api_version
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        Some(self.to.cause())
    }
}

/// How a handler leaves its request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// Answered.
    Now(Response),
    /// Answered, with the pieces of records that follow those in the response, for each of its
    /// partitions ([`crate::Effects::scattered`]).
    Scattered(Response, Vec<Vec<Bytes>>),
    /// Parked: `Broker::respond` is called with the context's [`ResponseTo`] later. The connection's next
    /// request waits until then, as Kafka mutes the channel.
    Later,
    /// Done, and by its nature without a response (acks=0).
    Silent,
    /// The connection is to be closed (an error where no response can carry it).
    Close,
}

/// A body that is ready.
pub(crate) fn now(body: impl Into<Response>) -> Reply {
    Reply::Now(body.into())
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

pub(crate) fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

pub(crate) fn broker_ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().map(|id| BrokerId(*id)).collect()
}

/// The schema's default of the bits that `includeAuthorizedOperations` asks for: nobody asked, or
/// there is nothing to say it of.
pub(crate) const AUTHORIZED_OPERATIONS_OMITTED: i32 = i32::MIN;

/// What CreateAcls and DeleteAcls are told without an authorizer.
pub(crate) const NO_AUTHORIZER: &str = "No Authorizer is configured.";
