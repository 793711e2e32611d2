//! AlterUserScramCredentials, version 0 (KIP-554): `ScramControlManager.alterCredentials`. Kafka's results come
//! in the order of a hash map, ours by user.

use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_sorted::SortedMap;

use super::Deciding;
use crate::api_error::ApiError;
use crate::controller::{ControllerResult, MetadataRecord, ScramCredential, ScramMechanism};
use crate::{ErrorCode, MetadataImage};

/// `ScramControlManager.MAX_ITERATIONS`.
const MAX_ITERATIONS: i32 = 16384;

type Decided = Result<MetadataRecord, ApiError>;

pub(super) fn decide(
    deciding: &mut Deciding<'_>,
    request: AlterUserScramCredentialsRequest,
) -> ControllerResult<AlterUserScramCredentialsResponse> {
    let mut users: SortedMap<StrBytes, Decided> = SortedMap::new();
    let mut decide = |user: StrBytes, decided: Decided| {
        match users.get(&user) {
            None => users.insert(user, decided),
            Some(Ok(_)) => users.insert(user, Err(altered_twice())),
            // The first error stays.
            Some(Err(_)) => None,
        };
    };
    for deletion in request.deletions {
        decide(deletion.name.clone(), delete(deciding.image, &deletion));
    }
    for upsertion in request.upsertions {
        decide(upsertion.name.clone(), upsert(upsertion));
    }
    let mut records = Vec::new();
    let results = users.into_iter().map(|(user, decided)| {
        let result = AlterUserScramCredentialsResult::default().with_user(user);
        match decided {
            Ok(record) => {
                records.push(record);
                result.with_error_message(None)
            }
            Err(error) => {
                result.with_error_code(error.code.code()).with_error_message(error.wire_message())
            }
        }
    });
    let results = results.collect();
    let response = AlterUserScramCredentialsResponse::default().with_results(results);
    ControllerResult { records, response }
}

fn altered_twice() -> ApiError {
    let message = "A user credential cannot be altered twice in the same request";
    ApiError::new(ErrorCode::DuplicateResource, message)
}

/// `validateScramUsernameAndMechanism`.
fn mechanism(user: &str, number: i8) -> Result<ScramMechanism, ApiError> {
    if user.is_empty() {
        return Err(ApiError::new(ErrorCode::UnacceptableCredential, "Username must not be empty"));
    }
    ScramMechanism::from_type(number).ok_or_else(|| {
        ApiError::new(ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism")
    })
}

fn delete(image: &MetadataImage, deletion: &ScramCredentialDeletion) -> Decided {
    let mechanism = mechanism(&deletion.name, deletion.mechanism)?;
    let user = deletion.name.to_string();
    if !image.scram_credentials().contains_key(&(user.clone(), mechanism)) {
        let message = "Attempt to delete a user credential that does not exist";
        return Err(ApiError::new(ErrorCode::ResourceNotFound, message));
    }
    Ok(MetadataRecord::RemoveUserScramCredential { user, mechanism })
}

fn upsert(upsertion: ScramCredentialUpsertion) -> Decided {
    let mechanism = mechanism(&upsertion.name, upsertion.mechanism)?;
    let unacceptable = |message| Err(ApiError::new(ErrorCode::UnacceptableCredential, message));
    if upsertion.iterations < mechanism.min_iterations() {
        return unacceptable("Too few iterations");
    }
    if upsertion.iterations > MAX_ITERATIONS {
        return unacceptable("Too many iterations");
    }
    let credential = ScramCredential::of_salted_password(
        mechanism,
        upsertion.salt,
        &upsertion.salted_password,
        upsertion.iterations,
    );
    let user = upsertion.name.to_string();
    Ok(MetadataRecord::UserScramCredential { user, mechanism, credential })
}
