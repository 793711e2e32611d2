//! Requests and responses as this broker, its clients and the simulated network pass them around:
//! `kafka-protocol`'s message structs, never bytes (an envelope's content neither: [`Envelope`]). The native server turns bytes into these with
//! [`codec`].
//!
//! An API that is not served has no variant; a client sees that in ApiVersions and in
//! [`ServedApi::ALL`].

mod bounded_buf;
pub mod codec;
mod envelope;
mod fetch_response;
mod request_schema;

use kafka_protocol::messages::*;

pub(crate) use envelope::is_forwardable;
pub use envelope::{Embedded, Envelope, EnvelopeAnswer};

/// One API that a [`crate::Broker`] serves, and the versions it really handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedApi {
    /// The number of the API on the wire.
    pub key: ApiKey,
    /// Kafka's name, as `LIST_OFFSETS` is written in logs: `ListOffsets`.
    pub name: &'static str,
    /// The oldest version handled.
    pub min_version: i16,
    /// The newest version handled.
    pub max_version: i16,
}

// The one registry of served APIs: both enums, the version ranges and the codec's arms follow from it.
macro_rules! served_apis {
    ($($api:ident { $request:ident => $response:ident, $min:literal..=$max:literal })*) => {
        /// The body of a request: one variant for each API served.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $(
                #[doc = concat!("`", stringify!($request), "`, versions ", $min, " to ", $max, ".")]
                $api($request),
            )*
        }

        /// The body of a response: one variant for each API served.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $(
                #[doc = concat!("`", stringify!($response), "`, versions ", $min, " to ", $max, ".")]
                $api($response),
            )*
        }

        impl Request {
            /// The API this request belongs to.
            pub fn api_key(&self) -> ApiKey {
                match self {
                    $(Request::$api(_) => ApiKey::$api,)*
                }
            }

            fn decode_body<B: kafka_protocol::protocol::buf::ByteBuf>(
                api: ApiKey,
                version: i16,
                buf: &mut B,
            ) -> Option<Result<Request, String>> {
                use kafka_protocol::protocol::Decodable;
                let version = schema_version(api, version);
                match api {
                    $(ApiKey::$api => Some(
                        $request::decode(buf, version).map(Request::$api).map_err(|error| error.to_string()),
                    ),)*
                    _ => None,
                }
            }

            fn encode_body<B: kafka_protocol::protocol::buf::ByteBufMut>(
                &self,
                version: i16,
                buf: &mut B,
            ) -> Result<(), String> {
                use kafka_protocol::protocol::Encodable;
                let version = schema_version(self.api_key(), version);
                match self {
                    $(Request::$api(body) => body.encode(buf, version).map_err(|error| error.to_string()),)*
                }
            }
        }

        impl Response {
            /// The API this response belongs to.
            pub fn api_key(&self) -> ApiKey {
                match self {
                    $(Response::$api(_) => ApiKey::$api,)*
                }
            }

            fn decode_body<B: kafka_protocol::protocol::buf::ByteBuf>(
                api: ApiKey,
                version: i16,
                buf: &mut B,
            ) -> Option<Result<Response, String>> {
                use kafka_protocol::protocol::Decodable;
                let version = schema_version(api, version);
                match api {
                    $(ApiKey::$api => Some(
                        $response::decode(buf, version).map(Response::$api).map_err(|error| error.to_string()),
                    ),)*
                    _ => None,
                }
            }

            fn encode_body<B: kafka_protocol::protocol::buf::ByteBufMut>(
                &self,
                version: i16,
                buf: &mut B,
            ) -> Result<(), String> {
                use kafka_protocol::protocol::Encodable;
                let version = schema_version(self.api_key(), version);
                match self {
                    $(Response::$api(body) => body.encode(buf, version).map_err(|error| error.to_string()),)*
                }
            }
        }

        $(
            impl From<$request> for Request {
                fn from(body: $request) -> Request {
                    Request::$api(body)
                }
            }

            impl From<$response> for Response {
                fn from(body: $response) -> Response {
                    Response::$api(body)
                }
            }
        )*

        impl ServedApi {
            /// Every API served, in the order of the keys.
            pub const ALL: &[ServedApi] = &[
                $(ServedApi {
                    key: ApiKey::$api,
                    name: stringify!($api),
                    min_version: $min,
                    max_version: $max,
                },)*
            ];
        }
    };
}

served_apis! {
    Produce { ProduceRequest => ProduceResponse, 3..=13 }
    Fetch { FetchRequest => FetchResponse, 4..=17 }
    ListOffsets { ListOffsetsRequest => ListOffsetsResponse, 1..=11 }
    Metadata { MetadataRequest => MetadataResponse, 0..=13 }
    OffsetCommit { OffsetCommitRequest => OffsetCommitResponse, 2..=9 }
    OffsetFetch { OffsetFetchRequest => OffsetFetchResponse, 1..=9 }
    FindCoordinator { FindCoordinatorRequest => FindCoordinatorResponse, 0..=6 }
    JoinGroup { JoinGroupRequest => JoinGroupResponse, 0..=9 }
    Heartbeat { HeartbeatRequest => HeartbeatResponse, 0..=4 }
    LeaveGroup { LeaveGroupRequest => LeaveGroupResponse, 0..=5 }
    SyncGroup { SyncGroupRequest => SyncGroupResponse, 0..=5 }
    DescribeGroups { DescribeGroupsRequest => DescribeGroupsResponse, 0..=6 }
    ListGroups { ListGroupsRequest => ListGroupsResponse, 0..=5 }
    ApiVersions { ApiVersionsRequest => ApiVersionsResponse, 0..=4 }
    CreateTopics { CreateTopicsRequest => CreateTopicsResponse, 2..=7 }
    DeleteTopics { DeleteTopicsRequest => DeleteTopicsResponse, 1..=6 }
    DeleteRecords { DeleteRecordsRequest => DeleteRecordsResponse, 0..=2 }
    InitProducerId { InitProducerIdRequest => InitProducerIdResponse, 0..=5 }
    OffsetForLeaderEpoch { OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse, 2..=4 }
    AddPartitionsToTxn { AddPartitionsToTxnRequest => AddPartitionsToTxnResponse, 0..=5 }
    AddOffsetsToTxn { AddOffsetsToTxnRequest => AddOffsetsToTxnResponse, 0..=4 }
    EndTxn { EndTxnRequest => EndTxnResponse, 0..=5 }
    WriteTxnMarkers { WriteTxnMarkersRequest => WriteTxnMarkersResponse, 1..=1 }
    TxnOffsetCommit { TxnOffsetCommitRequest => TxnOffsetCommitResponse, 0..=5 }
    DescribeAcls { DescribeAclsRequest => DescribeAclsResponse, 1..=3 }
    CreateAcls { CreateAclsRequest => CreateAclsResponse, 1..=3 }
    DeleteAcls { DeleteAclsRequest => DeleteAclsResponse, 1..=3 }
    DescribeConfigs { DescribeConfigsRequest => DescribeConfigsResponse, 1..=4 }
    AlterConfigs { AlterConfigsRequest => AlterConfigsResponse, 0..=2 }
    AlterReplicaLogDirs { AlterReplicaLogDirsRequest => AlterReplicaLogDirsResponse, 1..=2 }
    DescribeLogDirs { DescribeLogDirsRequest => DescribeLogDirsResponse, 1..=4 }
    CreatePartitions { CreatePartitionsRequest => CreatePartitionsResponse, 0..=3 }
    DeleteGroups { DeleteGroupsRequest => DeleteGroupsResponse, 0..=2 }
    ElectLeaders { ElectLeadersRequest => ElectLeadersResponse, 0..=2 }
    IncrementalAlterConfigs { IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse, 0..=1 }
    AlterPartitionReassignments { AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse, 0..=1 }
    ListPartitionReassignments { ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse, 0..=0 }
    OffsetDelete { OffsetDeleteRequest => OffsetDeleteResponse, 0..=0 }
    DescribeClientQuotas { DescribeClientQuotasRequest => DescribeClientQuotasResponse, 0..=1 }
    AlterClientQuotas { AlterClientQuotasRequest => AlterClientQuotasResponse, 0..=1 }
    DescribeUserScramCredentials { DescribeUserScramCredentialsRequest => DescribeUserScramCredentialsResponse, 0..=0 }
    AlterUserScramCredentials { AlterUserScramCredentialsRequest => AlterUserScramCredentialsResponse, 0..=0 }
    DescribeQuorum { DescribeQuorumRequest => DescribeQuorumResponse, 0..=2 }
    AlterPartition { AlterPartitionRequest => AlterPartitionResponse, 2..=3 }
    UpdateFeatures { UpdateFeaturesRequest => UpdateFeaturesResponse, 0..=2 }
    Envelope { Envelope => EnvelopeAnswer, 0..=0 }
    DescribeCluster { DescribeClusterRequest => DescribeClusterResponse, 0..=2 }
    DescribeProducers { DescribeProducersRequest => DescribeProducersResponse, 0..=0 }
    BrokerRegistration { BrokerRegistrationRequest => BrokerRegistrationResponse, 0..=4 }
    BrokerHeartbeat { BrokerHeartbeatRequest => BrokerHeartbeatResponse, 0..=1 }
    UnregisterBroker { UnregisterBrokerRequest => UnregisterBrokerResponse, 0..=0 }
    DescribeTransactions { DescribeTransactionsRequest => DescribeTransactionsResponse, 0..=0 }
    ListTransactions { ListTransactionsRequest => ListTransactionsResponse, 0..=2 }
    AllocateProducerIds { AllocateProducerIdsRequest => AllocateProducerIdsResponse, 0..=0 }
    ConsumerGroupHeartbeat { ConsumerGroupHeartbeatRequest => ConsumerGroupHeartbeatResponse, 0..=1 }
    ConsumerGroupDescribe { ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse, 0..=1 }
    ListConfigResources { ListConfigResourcesRequest => ListConfigResourcesResponse, 0..=1 }
    DescribeTopicPartitions { DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse, 0..=0 }
}

/// The version whose schema a message has, where `kafka-protocol` does not know the version itself:
/// ListOffsets 11 (KIP-1023) only allows one more special timestamp.
fn schema_version(api: ApiKey, version: i16) -> i16 {
    match (api, version) {
        (ApiKey::ListOffsets, 11) => 10,
        _ => version,
    }
}

impl ServedApi {
    /// Whether brokers serve it on their listener: all but what brokers ask of the controller.
    pub fn is_on_brokers(&self) -> bool {
        !matches!(
            self.key,
            ApiKey::AlterPartition
                | ApiKey::Envelope
                | ApiKey::BrokerRegistration
                | ApiKey::BrokerHeartbeat
                | ApiKey::AllocateProducerIds
        )
    }

    /// Whether a controller of its own serves it ([`crate::ControllerNode`]).
    pub fn is_on_controllers(&self) -> bool {
        !self.is_on_brokers()
            || matches!(
                self.key,
                ApiKey::ApiVersions
                    | ApiKey::Fetch
                    | ApiKey::CreateTopics
                    | ApiKey::DeleteTopics
                    | ApiKey::CreatePartitions
                    | ApiKey::AlterConfigs
                    | ApiKey::IncrementalAlterConfigs
                    | ApiKey::ElectLeaders
                    | ApiKey::AlterPartitionReassignments
                    | ApiKey::ListPartitionReassignments
                    | ApiKey::UnregisterBroker
                    | ApiKey::UpdateFeatures
                    | ApiKey::AlterClientQuotas
                    | ApiKey::AlterUserScramCredentials
                    | ApiKey::DescribeCluster
                    | ApiKey::DescribeQuorum
            )
    }

    /// Whether a broker passes it on to the controller, when that is a node of its own
    /// (`ApiKeys.forwardable`).
    pub fn is_forwardable(&self) -> bool {
        matches!(
            self.key,
            ApiKey::CreateTopics
                | ApiKey::DeleteTopics
                | ApiKey::CreatePartitions
                | ApiKey::AlterConfigs
                | ApiKey::IncrementalAlterConfigs
                | ApiKey::ElectLeaders
                | ApiKey::AlterPartitionReassignments
                | ApiKey::ListPartitionReassignments
                | ApiKey::UnregisterBroker
                | ApiKey::UpdateFeatures
                | ApiKey::AlterClientQuotas
                | ApiKey::AlterUserScramCredentials
                | ApiKey::AllocateProducerIds
                | ApiKey::DescribeQuorum
        )
    }

    /// The entry of an API, or `None` where it is not served.
    pub fn find(key: ApiKey) -> Option<&'static ServedApi> {
        ServedApi::ALL.iter().find(|api| api.key == key)
    }
}

impl Request {
    /// Kafka's name of the API, as `ListOffsets`.
    pub fn name(&self) -> &'static str {
        api_name(self.api_key())
    }

    /// The newest version served: what a client of the same release sends.
    pub fn latest_version(&self) -> i16 {
        ServedApi::find(self.api_key()).map_or(0, |api| api.max_version)
    }
}

impl Response {
    /// Kafka's name of the API, as `ListOffsets`.
    pub fn name(&self) -> &'static str {
        api_name(self.api_key())
    }
}

fn api_name(key: ApiKey) -> &'static str {
    ServedApi::find(key).map_or("", |api| api.name)
}

/// A request with what the request header carries.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFrame {
    /// The version of the API that the body is to be read as.
    pub api_version: i16,
    /// Chosen by the client; the response carries it back.
    pub correlation_id: i32,
    /// The client's `client.id`, where it sent one.
    pub client_id: Option<String>,
    /// The message.
    pub body: Request,
}

impl RequestFrame {
    /// A frame of the newest version served.
    pub fn latest(correlation_id: i32, client_id: Option<String>, body: Request) -> RequestFrame {
        RequestFrame { api_version: body.latest_version(), correlation_id, client_id, body }
    }
}

/// A response with what the response header carries.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseFrame {
    /// The version of the request: the response is encoded in it.
    pub api_version: i16,
    /// The request's correlation id.
    pub correlation_id: i32,
    /// The message.
    pub body: Response,
}
