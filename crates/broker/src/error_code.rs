//! Every error a Kafka server can put into a response, with Kafka's numbers, names and words.
//!
//! Source: `org.apache.kafka.common.protocol.Errors` of Kafka 4.4.

/// Whether a client may send the same request again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// The exception is not a `RetriableException`.
    Never,
    /// A `RetriableException`.
    Same,
    /// An `InvalidMetadataException`: retriable, once the metadata are learnt anew.
    AfterMetadata,
}

/// One row of `Errors.java`.
struct Row {
    code: ErrorCode,
    name: &'static str,
    /// Simple name of the exception class, empty for `NONE`.
    exception: &'static str,
    retry: Retry,
    message: &'static str,
}

// The whole of Errors.java stands once, below; the enum and the table are both made from it.
macro_rules! error_codes {
    ($($(#[$meta:meta])* $code:literal $variant:ident $name:literal $exception:literal $retry:ident $message:literal)*) => {
        /// An error of the Kafka protocol; `code()` is its number on the wire.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ErrorCode {
            $(
                #[doc = concat!("`", $name, "`: ", $message)]
                $(#[$meta])*
                $variant = $code,
            )*
        }

        /// In the order of the codes, starting at -1.
        static ROWS: &[Row] = &[
            $(Row { code: ErrorCode::$variant, name: $name, exception: $exception, retry: Retry::$retry, message: $message },)*
        ];
    };
}

const PACKAGE: &str = "org.apache.kafka.common.errors.";

impl ErrorCode {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The error with this number, or `None` for a number Kafka 4.4 does not know.
    /// (Java's client turns those into `UNKNOWN_SERVER_ERROR`.)
    pub fn from_code(code: i16) -> Option<ErrorCode> {
        let at = usize::try_from(i32::from(code) + 1).ok()?;
        ROWS.get(at).map(|row| row.code)
    }

    fn row(self) -> &'static Row {
        // Codes are contiguous from -1 (a test holds this).
        &ROWS[(self as i16 + 1) as usize]
    }

    /// Kafka's name, as `UNKNOWN_TOPIC_OR_PARTITION`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The default message of the exception. Empty for `NONE`.
    pub fn message(self) -> &'static str {
        self.row().message
    }

    /// Simple class name of the exception, as `UnknownTopicOrPartitionException`. Empty for `NONE`.
    pub fn exception(self) -> &'static str {
        let class = self.row().exception;
        class.rsplit('.').next().unwrap_or(class)
    }

    /// Full class name of the exception, as Java prints it. Empty for `NONE`.
    pub fn exception_class(self) -> String {
        match self {
            ErrorCode::None => String::new(),
            // One exception stands outside of the package of errors, and its row says where.
            error if error.row().exception.contains('.') => error.row().exception.to_owned(),
            error => format!("{PACKAGE}{}", error.exception()),
        }
    }

    /// Whether the exception is a `RetriableException`.
    pub fn is_retriable(self) -> bool {
        match self.row().retry {
            Retry::Never => false,
            Retry::Same | Retry::AfterMetadata => true,
        }
    }

    /// Whether the exception is an `InvalidMetadataException`: the client refreshes its metadata.
    pub fn refreshes_metadata(self) -> bool {
        match self.row().retry {
            Retry::Never | Retry::Same => false,
            Retry::AfterMetadata => true,
        }
    }

    /// Every error, in the order of the codes.
    pub fn all() -> impl Iterator<Item = ErrorCode> {
        ROWS.iter().map(|row| row.code)
    }
}

impl core::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

error_codes! {
    -1 UnknownServerError "UNKNOWN_SERVER_ERROR" "UnknownServerException" Never
        "The server experienced an unexpected error when processing the request."
    #[default]
    0 None "NONE" "" Never
        ""
    1 OffsetOutOfRange "OFFSET_OUT_OF_RANGE" "OffsetOutOfRangeException" Never
        "The requested offset is not within the range of offsets maintained by the server."
    2 CorruptMessage "CORRUPT_MESSAGE" "CorruptRecordException" Same
        "This message has failed its CRC checksum, exceeds the valid size, has a null key for a compacted topic, or is otherwise corrupt."
    3 UnknownTopicOrPartition "UNKNOWN_TOPIC_OR_PARTITION" "UnknownTopicOrPartitionException" AfterMetadata
        "This server does not host this topic-partition."
    4 InvalidFetchSize "INVALID_FETCH_SIZE" "InvalidFetchSizeException" Never
        "The requested fetch size is invalid."
    5 LeaderNotAvailable "LEADER_NOT_AVAILABLE" "LeaderNotAvailableException" AfterMetadata
        "There is no leader for this topic-partition as we are in the middle of a leadership election."
    6 NotLeaderOrFollower "NOT_LEADER_OR_FOLLOWER" "NotLeaderOrFollowerException" AfterMetadata
        "For requests intended only for the leader, this error indicates that the broker is not the current leader. For requests intended for any replica, this error indicates that the broker is not a replica of the topic partition."
    7 RequestTimedOut "REQUEST_TIMED_OUT" "TimeoutException" Same
        "The request timed out."
    8 BrokerNotAvailable "BROKER_NOT_AVAILABLE" "BrokerNotAvailableException" Never
        "The broker is not available."
    9 ReplicaNotAvailable "REPLICA_NOT_AVAILABLE" "ReplicaNotAvailableException" AfterMetadata
        "The replica is not available for the requested topic-partition. Produce/Fetch requests and other requests intended only for the leader or follower return NOT_LEADER_OR_FOLLOWER if the broker is not a replica of the topic-partition."
    10 MessageTooLarge "MESSAGE_TOO_LARGE" "RecordTooLargeException" Never
        "The request included a message larger than the max message size the server will accept."
    11 StaleControllerEpoch "STALE_CONTROLLER_EPOCH" "ControllerMovedException" Never
        "The controller moved to another broker."
    12 OffsetMetadataTooLarge "OFFSET_METADATA_TOO_LARGE" "OffsetMetadataTooLarge" Never
        "The metadata field of the offset request was too large."
    13 NetworkException "NETWORK_EXCEPTION" "NetworkException" AfterMetadata
        "The server disconnected before a response was received."
    14 CoordinatorLoadInProgress "COORDINATOR_LOAD_IN_PROGRESS" "CoordinatorLoadInProgressException" Same
        "The coordinator is loading and hence can't process requests."
    15 CoordinatorNotAvailable "COORDINATOR_NOT_AVAILABLE" "CoordinatorNotAvailableException" Same
        "The coordinator is not available."
    16 NotCoordinator "NOT_COORDINATOR" "NotCoordinatorException" Same
        "This is not the correct coordinator."
    17 InvalidTopicException "INVALID_TOPIC_EXCEPTION" "InvalidTopicException" Never
        "The request attempted to perform an operation on an invalid topic."
    18 RecordListTooLarge "RECORD_LIST_TOO_LARGE" "RecordBatchTooLargeException" Never
        "The request included message batch larger than the configured segment size on the server."
    19 NotEnoughReplicas "NOT_ENOUGH_REPLICAS" "NotEnoughReplicasException" Same
        "Messages are rejected since there are fewer in-sync replicas than required."
    20 NotEnoughReplicasAfterAppend "NOT_ENOUGH_REPLICAS_AFTER_APPEND" "NotEnoughReplicasAfterAppendException" Same
        "Messages are written to the log, but to fewer in-sync replicas than required."
    21 InvalidRequiredAcks "INVALID_REQUIRED_ACKS" "InvalidRequiredAcksException" Never
        "Produce request specified an invalid value for required acks."
    22 IllegalGeneration "ILLEGAL_GENERATION" "IllegalGenerationException" Never
        "Specified group generation id is not valid."
    23 InconsistentGroupProtocol "INCONSISTENT_GROUP_PROTOCOL" "InconsistentGroupProtocolException" Never
        "The group member's supported protocols are incompatible with those of existing members or first group member tried to join with empty protocol type or empty protocol list."
    24 InvalidGroupId "INVALID_GROUP_ID" "InvalidGroupIdException" Never
        "The group id is invalid."
    25 UnknownMemberId "UNKNOWN_MEMBER_ID" "UnknownMemberIdException" Never
        "The coordinator is not aware of this member."
    26 InvalidSessionTimeout "INVALID_SESSION_TIMEOUT" "InvalidSessionTimeoutException" Never
        "The session timeout is not within the range allowed by the broker (as configured by group.min.session.timeout.ms and group.max.session.timeout.ms)."
    27 RebalanceInProgress "REBALANCE_IN_PROGRESS" "RebalanceInProgressException" Never
        "The group is rebalancing, so a rejoin is needed."
    28 InvalidCommitOffsetSize "INVALID_COMMIT_OFFSET_SIZE" "InvalidCommitOffsetSizeException" Never
        "The committing offset data size is not valid."
    29 TopicAuthorizationFailed "TOPIC_AUTHORIZATION_FAILED" "TopicAuthorizationException" Never
        "Topic authorization failed."
    30 GroupAuthorizationFailed "GROUP_AUTHORIZATION_FAILED" "GroupAuthorizationException" Never
        "Group authorization failed."
    31 ClusterAuthorizationFailed "CLUSTER_AUTHORIZATION_FAILED" "ClusterAuthorizationException" Never
        "Cluster authorization failed."
    32 InvalidTimestamp "INVALID_TIMESTAMP" "InvalidTimestampException" Never
        "The timestamp of the message is out of acceptable range."
    33 UnsupportedSaslMechanism "UNSUPPORTED_SASL_MECHANISM" "UnsupportedSaslMechanismException" Never
        "The broker does not support the requested SASL mechanism."
    34 IllegalSaslState "ILLEGAL_SASL_STATE" "IllegalSaslStateException" Never
        "Request is not valid given the current SASL state."
    35 UnsupportedVersion "UNSUPPORTED_VERSION" "UnsupportedVersionException" Never
        "The version of API is not supported."
    36 TopicAlreadyExists "TOPIC_ALREADY_EXISTS" "TopicExistsException" Never
        "Topic with this name already exists."
    37 InvalidPartitions "INVALID_PARTITIONS" "InvalidPartitionsException" Never
        "Number of partitions is below 1."
    38 InvalidReplicationFactor "INVALID_REPLICATION_FACTOR" "InvalidReplicationFactorException" Never
        "Replication factor is below 1 or larger than the number of available brokers."
    39 InvalidReplicaAssignment "INVALID_REPLICA_ASSIGNMENT" "InvalidReplicaAssignmentException" Never
        "Replica assignment is invalid."
    40 InvalidConfig "INVALID_CONFIG" "InvalidConfigurationException" Never
        "Configuration is invalid."
    41 NotController "NOT_CONTROLLER" "NotControllerException" Same
        "This is not the correct controller for this cluster."
    42 InvalidRequest "INVALID_REQUEST" "InvalidRequestException" Never
        "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."
    43 UnsupportedForMessageFormat "UNSUPPORTED_FOR_MESSAGE_FORMAT" "UnsupportedForMessageFormatException" Never
        "The message format version on the broker does not support the request."
    44 PolicyViolation "POLICY_VIOLATION" "PolicyViolationException" Never
        "Request parameters do not satisfy the configured policy."
    45 OutOfOrderSequenceNumber "OUT_OF_ORDER_SEQUENCE_NUMBER" "OutOfOrderSequenceException" Never
        "The broker received an out of order sequence number."
    46 DuplicateSequenceNumber "DUPLICATE_SEQUENCE_NUMBER" "DuplicateSequenceException" Never
        "The broker received a duplicate sequence number."
    47 InvalidProducerEpoch "INVALID_PRODUCER_EPOCH" "InvalidProducerEpochException" Never
        "Producer attempted to produce with an old epoch."
    48 InvalidTxnState "INVALID_TXN_STATE" "InvalidTxnStateException" Never
        "The producer attempted a transactional operation in an invalid state."
    49 InvalidProducerIdMapping "INVALID_PRODUCER_ID_MAPPING" "InvalidPidMappingException" Never
        "The producer attempted to use a producer id which is not currently assigned to its transactional id."
    50 InvalidTransactionTimeout "INVALID_TRANSACTION_TIMEOUT" "InvalidTxnTimeoutException" Never
        "The transaction timeout is larger than the maximum value allowed by the broker (as configured by transaction.max.timeout.ms)."
    51 ConcurrentTransactions "CONCURRENT_TRANSACTIONS" "ConcurrentTransactionsException" Same
        "The producer attempted to update a transaction while another concurrent operation on the same transaction was ongoing."
    52 TransactionCoordinatorFenced "TRANSACTION_COORDINATOR_FENCED" "TransactionCoordinatorFencedException" Never
        "Indicates that the transaction coordinator sending a WriteTxnMarker is no longer the current coordinator for a given producer."
    53 TransactionalIdAuthorizationFailed "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" "TransactionalIdAuthorizationException" Never
        "Transactional Id authorization failed."
    54 SecurityDisabled "SECURITY_DISABLED" "SecurityDisabledException" Never
        "Security features are disabled."
    55 OperationNotAttempted "OPERATION_NOT_ATTEMPTED" "OperationNotAttemptedException" Never
        "The broker did not attempt to execute this operation. This may happen for batched RPCs where some operations in the batch failed, causing the broker to respond without trying the rest."
    56 KafkaStorageError "KAFKA_STORAGE_ERROR" "KafkaStorageException" AfterMetadata
        "Disk error when trying to access log file on the disk."
    57 LogDirNotFound "LOG_DIR_NOT_FOUND" "LogDirNotFoundException" Never
        "The user-specified log directory is not found in the broker config."
    58 SaslAuthenticationFailed "SASL_AUTHENTICATION_FAILED" "SaslAuthenticationException" Never
        "SASL Authentication failed."
    59 UnknownProducerId "UNKNOWN_PRODUCER_ID" "UnknownProducerIdException" Never
        "This exception is raised by the broker if it could not locate the producer metadata associated with the producerId in question. This could happen if, for instance, the producer's records were deleted because their retention time had elapsed. Once the last records of the producerId are removed, the producer's metadata is removed from the broker, and future appends by the producer will return this exception."
    60 ReassignmentInProgress "REASSIGNMENT_IN_PROGRESS" "ReassignmentInProgressException" Never
        "A partition reassignment is in progress."
    61 DelegationTokenAuthDisabled "DELEGATION_TOKEN_AUTH_DISABLED" "DelegationTokenDisabledException" Never
        "Delegation Token feature is not enabled."
    62 DelegationTokenNotFound "DELEGATION_TOKEN_NOT_FOUND" "DelegationTokenNotFoundException" Never
        "Delegation Token is not found on server."
    63 DelegationTokenOwnerMismatch "DELEGATION_TOKEN_OWNER_MISMATCH" "DelegationTokenOwnerMismatchException" Never
        "Specified Principal is not valid Owner/Renewer."
    64 DelegationTokenRequestNotAllowed "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED" "UnsupportedByAuthenticationException" Never
        "Delegation Token requests are not allowed on PLAINTEXT/1-way SSL channels and on delegation token authenticated channels."
    65 DelegationTokenAuthorizationFailed "DELEGATION_TOKEN_AUTHORIZATION_FAILED" "DelegationTokenAuthorizationException" Never
        "Delegation Token authorization failed."
    66 DelegationTokenExpired "DELEGATION_TOKEN_EXPIRED" "DelegationTokenExpiredException" Never
        "Delegation Token is expired."
    67 InvalidPrincipalType "INVALID_PRINCIPAL_TYPE" "InvalidPrincipalTypeException" Never
        "Supplied principalType is not supported."
    68 NonEmptyGroup "NON_EMPTY_GROUP" "GroupNotEmptyException" Never
        "The group is not empty."
    69 GroupIdNotFound "GROUP_ID_NOT_FOUND" "GroupIdNotFoundException" Never
        "The group id does not exist."
    70 FetchSessionIdNotFound "FETCH_SESSION_ID_NOT_FOUND" "FetchSessionIdNotFoundException" Same
        "The fetch session ID was not found."
    71 InvalidFetchSessionEpoch "INVALID_FETCH_SESSION_EPOCH" "InvalidFetchSessionEpochException" Same
        "The fetch session epoch is invalid."
    72 ListenerNotFound "LISTENER_NOT_FOUND" "ListenerNotFoundException" AfterMetadata
        "There is no listener on the leader broker that matches the listener on which metadata request was processed."
    73 TopicDeletionDisabled "TOPIC_DELETION_DISABLED" "TopicDeletionDisabledException" Never
        "Topic deletion is disabled."
    74 FencedLeaderEpoch "FENCED_LEADER_EPOCH" "FencedLeaderEpochException" AfterMetadata
        "The leader epoch in the request is older than the epoch on the broker."
    75 UnknownLeaderEpoch "UNKNOWN_LEADER_EPOCH" "UnknownLeaderEpochException" Same
        "The leader epoch in the request is newer than the epoch on the broker."
    76 UnsupportedCompressionType "UNSUPPORTED_COMPRESSION_TYPE" "UnsupportedCompressionTypeException" Never
        "The requesting client does not support the compression type of given partition."
    77 StaleBrokerEpoch "STALE_BROKER_EPOCH" "StaleBrokerEpochException" Never
        "Broker epoch has changed."
    78 OffsetNotAvailable "OFFSET_NOT_AVAILABLE" "OffsetNotAvailableException" Same
        "The leader high watermark has not caught up from a recent leader election so the offsets cannot be guaranteed to be monotonically increasing."
    79 MemberIdRequired "MEMBER_ID_REQUIRED" "MemberIdRequiredException" Never
        "The group member needs to have a valid member id before actually entering a consumer group."
    80 PreferredLeaderNotAvailable "PREFERRED_LEADER_NOT_AVAILABLE" "PreferredLeaderNotAvailableException" AfterMetadata
        "The preferred leader was not available."
    81 GroupMaxSizeReached "GROUP_MAX_SIZE_REACHED" "GroupMaxSizeReachedException" Never
        "The group has reached its maximum size."
    82 FencedInstanceId "FENCED_INSTANCE_ID" "FencedInstanceIdException" Never
        "The broker rejected this static consumer since another consumer with the same group.instance.id has registered with a different member.id."
    83 EligibleLeadersNotAvailable "ELIGIBLE_LEADERS_NOT_AVAILABLE" "EligibleLeadersNotAvailableException" AfterMetadata
        "Eligible topic partition leaders are not available."
    84 ElectionNotNeeded "ELECTION_NOT_NEEDED" "ElectionNotNeededException" AfterMetadata
        "Leader election not needed for topic partition."
    85 NoReassignmentInProgress "NO_REASSIGNMENT_IN_PROGRESS" "NoReassignmentInProgressException" Never
        "No partition reassignment is in progress."
    86 GroupSubscribedToTopic "GROUP_SUBSCRIBED_TO_TOPIC" "GroupSubscribedToTopicException" Never
        "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it."
    87 InvalidRecord "INVALID_RECORD" "org.apache.kafka.common.InvalidRecordException" Never
        "This record has failed the validation on broker and hence will be rejected."
    88 UnstableOffsetCommit "UNSTABLE_OFFSET_COMMIT" "UnstableOffsetCommitException" Same
        "There are unstable offsets that need to be cleared."
    89 ThrottlingQuotaExceeded "THROTTLING_QUOTA_EXCEEDED" "ThrottlingQuotaExceededException" Same
        "The throttling quota has been exceeded."
    90 ProducerFenced "PRODUCER_FENCED" "ProducerFencedException" Never
        "There is a newer producer with the same transactionalId which fences the current one."
    91 ResourceNotFound "RESOURCE_NOT_FOUND" "ResourceNotFoundException" Never
        "A request illegally referred to a resource that does not exist."
    92 DuplicateResource "DUPLICATE_RESOURCE" "DuplicateResourceException" Never
        "A request illegally referred to the same resource twice."
    93 UnacceptableCredential "UNACCEPTABLE_CREDENTIAL" "UnacceptableCredentialException" Never
        "Requested credential would not meet criteria for acceptability."
    94 InconsistentVoterSet "INCONSISTENT_VOTER_SET" "InconsistentVoterSetException" Never
        "Indicates that the either the sender or recipient of a voter-only request is not one of the expected voters."
    95 InvalidUpdateVersion "INVALID_UPDATE_VERSION" "InvalidUpdateVersionException" Never
        "The given update version was invalid."
    96 FeatureUpdateFailed "FEATURE_UPDATE_FAILED" "FeatureUpdateFailedException" Never
        "Unable to update finalized features due to an unexpected server error."
    97 PrincipalDeserializationFailure "PRINCIPAL_DESERIALIZATION_FAILURE" "PrincipalDeserializationException" Never
        "Request principal deserialization failed during forwarding. This indicates an internal error on the broker cluster security setup."
    98 SnapshotNotFound "SNAPSHOT_NOT_FOUND" "SnapshotNotFoundException" Never
        "Requested snapshot was not found."
    99 PositionOutOfRange "POSITION_OUT_OF_RANGE" "PositionOutOfRangeException" Never
        "Requested position is not greater than or equal to zero, and less than the size of the snapshot."
    100 UnknownTopicId "UNKNOWN_TOPIC_ID" "UnknownTopicIdException" AfterMetadata
        "This server does not host this topic ID."
    101 DuplicateBrokerRegistration "DUPLICATE_BROKER_REGISTRATION" "DuplicateBrokerRegistrationException" Never
        "This broker ID is already in use."
    102 BrokerIdNotRegistered "BROKER_ID_NOT_REGISTERED" "BrokerIdNotRegisteredException" Never
        "The given broker ID was not registered."
    103 InconsistentTopicId "INCONSISTENT_TOPIC_ID" "InconsistentTopicIdException" AfterMetadata
        "The log's topic ID did not match the topic ID in the request."
    104 InconsistentClusterId "INCONSISTENT_CLUSTER_ID" "InconsistentClusterIdException" Never
        "The clusterId in the request does not match that found on the server."
    105 TransactionalIdNotFound "TRANSACTIONAL_ID_NOT_FOUND" "TransactionalIdNotFoundException" Never
        "The transactionalId could not be found."
    106 FetchSessionTopicIdError "FETCH_SESSION_TOPIC_ID_ERROR" "FetchSessionTopicIdException" Same
        "The fetch session encountered inconsistent topic ID usage."
    107 IneligibleReplica "INELIGIBLE_REPLICA" "IneligibleReplicaException" Never
        "The new ISR contains at least one ineligible replica."
    108 NewLeaderElected "NEW_LEADER_ELECTED" "NewLeaderElectedException" Never
        "The AlterPartition request successfully updated the partition state but the leader has changed."
    109 OffsetMovedToTieredStorage "OFFSET_MOVED_TO_TIERED_STORAGE" "OffsetMovedToTieredStorageException" Never
        "The requested offset is moved to tiered storage."
    110 FencedMemberEpoch "FENCED_MEMBER_EPOCH" "FencedMemberEpochException" Never
        "The member epoch is fenced by the group coordinator. The member must abandon all its partitions and rejoin."
    111 UnreleasedInstanceId "UNRELEASED_INSTANCE_ID" "UnreleasedInstanceIdException" Never
        "The instance ID is still used by another member in the consumer group. That member must leave first."
    112 UnsupportedAssignor "UNSUPPORTED_ASSIGNOR" "UnsupportedAssignorException" Never
        "The assignor or its version range is not supported by the consumer group."
    113 StaleMemberEpoch "STALE_MEMBER_EPOCH" "StaleMemberEpochException" Never
        "The member epoch is stale. The member must retry after receiving its updated member epoch via the ConsumerGroupHeartbeat API."
    114 MismatchedEndpointType "MISMATCHED_ENDPOINT_TYPE" "MismatchedEndpointTypeException" Never
        "The request was sent to an endpoint of the wrong type."
    115 UnsupportedEndpointType "UNSUPPORTED_ENDPOINT_TYPE" "UnsupportedEndpointTypeException" Never
        "This endpoint type is not supported yet."
    116 UnknownControllerId "UNKNOWN_CONTROLLER_ID" "UnknownControllerIdException" Never
        "This controller ID is not known."
    117 UnknownSubscriptionId "UNKNOWN_SUBSCRIPTION_ID" "UnknownSubscriptionIdException" Never
        "Client sent a push telemetry request with an invalid or outdated subscription ID."
    118 TelemetryTooLarge "TELEMETRY_TOO_LARGE" "TelemetryTooLargeException" Never
        "Client sent a push telemetry request larger than the maximum size the broker will accept."
    119 InvalidRegistration "INVALID_REGISTRATION" "InvalidRegistrationException" Never
        "The controller has considered the broker registration to be invalid."
    120 TransactionAbortable "TRANSACTION_ABORTABLE" "TransactionAbortableException" Never
        "The server encountered an error with the transaction. The client can abort the transaction to continue using this transactional ID."
    121 InvalidRecordState "INVALID_RECORD_STATE" "InvalidRecordStateException" Never
        "The record state is invalid. The acknowledgement of delivery could not be completed."
    122 ShareSessionNotFound "SHARE_SESSION_NOT_FOUND" "ShareSessionNotFoundException" Same
        "The share session was not found."
    123 InvalidShareSessionEpoch "INVALID_SHARE_SESSION_EPOCH" "InvalidShareSessionEpochException" Same
        "The share session epoch is invalid."
    124 FencedStateEpoch "FENCED_STATE_EPOCH" "FencedStateEpochException" Never
        "The coordinator rejected the request because the state epoch did not match."
    125 InvalidVoterKey "INVALID_VOTER_KEY" "InvalidVoterKeyException" Never
        "The voter key doesn't match the receiving replica's key."
    126 DuplicateVoter "DUPLICATE_VOTER" "DuplicateVoterException" Never
        "The voter is already part of the set of voters."
    127 VoterNotFound "VOTER_NOT_FOUND" "VoterNotFoundException" Never
        "The voter is not part of the set of voters."
    128 InvalidRegularExpression "INVALID_REGULAR_EXPRESSION" "InvalidRegularExpression" Never
        "The regular expression is not valid."
    129 RebootstrapRequired "REBOOTSTRAP_REQUIRED" "RebootstrapRequiredException" Never
        "Client metadata is stale. The client should rebootstrap to obtain new metadata."
    130 StreamsInvalidTopology "STREAMS_INVALID_TOPOLOGY" "StreamsInvalidTopologyException" Never
        "The supplied topology is invalid."
    131 StreamsInvalidTopologyEpoch "STREAMS_INVALID_TOPOLOGY_EPOCH" "StreamsInvalidTopologyEpochException" Never
        "The supplied topology epoch is invalid."
    132 StreamsTopologyFenced "STREAMS_TOPOLOGY_FENCED" "StreamsTopologyFencedException" Never
        "The supplied topology epoch is outdated."
    133 ShareSessionLimitReached "SHARE_SESSION_LIMIT_REACHED" "ShareSessionLimitReachedException" Same
        "The limit of share sessions has been reached."
    134 GroupDeletionFailed "GROUP_DELETION_FAILED" "GroupDeletionFailedException" Never
        "DeleteGroups could not complete; see the error message on the per-group result for details."
    135 StreamsTopologyDescriptionUpdateFailed "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED" "StreamsTopologyDescriptionUpdateFailedException" Never
        "The broker could not process the topology description update; see the error message for details."
    136 ControllerIdNotRegistered "CONTROLLER_ID_NOT_REGISTERED" "ControllerIdNotRegisteredException" Never
        "The given controller ID was not registered."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_contiguous_from_minus_one_and_come_back_from_the_wire() {
        for (at, error) in ErrorCode::all().enumerate() {
            assert_eq!(i32::from(error.code()), at as i32 - 1, "{error}");
            assert_eq!(ErrorCode::from_code(error.code()), Some(error));
        }
        assert_eq!(ErrorCode::from_code(-2), None);
        assert_eq!(ErrorCode::from_code(i16::MAX), None);
        assert_eq!(ErrorCode::from_code(i16::MIN), None);
    }

    #[test]
    fn a_row_says_what_java_says() {
        let error = ErrorCode::NotLeaderOrFollower;
        assert_eq!(error.code(), 6);
        assert_eq!(error.name(), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(
            error.exception_class(),
            "org.apache.kafka.common.errors.NotLeaderOrFollowerException"
        );
        assert!(error.is_retriable() && error.refreshes_metadata());
        assert!(ErrorCode::RequestTimedOut.is_retriable());
        assert!(!ErrorCode::RequestTimedOut.refreshes_metadata());
        assert!(!ErrorCode::TopicAlreadyExists.is_retriable());
    }
}
