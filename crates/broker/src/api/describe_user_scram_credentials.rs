//! DescribeUserScramCredentials, version 0 (KIP-554): `ScramImage.describe`.

use kafka_protocol::messages::describe_user_scram_credentials_response::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use kafka_protocol::messages::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
};

use super::{Reply, now, text};
use crate::java_hash::hash_order;
use crate::{Broker, ErrorCode};

pub(crate) fn handle(broker: &Broker, request: DescribeUserScramCredentialsRequest) -> Reply {
    let credentials = broker.image.scram_credentials();
    let named: Vec<String> =
        request.users.unwrap_or_default().iter().map(|user| user.name.to_string()).collect();
    let users = if named.is_empty() {
        credentials.keys().map(|(user, _)| user.clone()).collect()
    } else {
        named.clone()
    };
    let results = hash_order(users, 16).into_iter().map(|user| {
        let result = DescribeUserScramCredentialsResult::default()
            .with_user(text(user.clone()))
            .with_error_message(None);
        let refused = |error: ErrorCode, what: &str| {
            let message = Some(text(format!("{what}{user}")));
            result.clone().with_error_code(error.code()).with_error_message(message)
        };
        if named.iter().filter(|name| **name == user).count() > 1 {
            let what =
                "Cannot describe SCRAM credentials for the same user twice in a single request: ";
            return refused(ErrorCode::DuplicateResource, what);
        }
        let infos: Vec<CredentialInfo> = credentials
            .iter()
            .filter(|((name, _), _)| *name == user)
            .map(|((_, mechanism), credential)| {
                CredentialInfo::default()
                    .with_mechanism(mechanism.type_number())
                    .with_iterations(credential.iterations)
            })
            .collect();
        if infos.is_empty() {
            let what = "Attempt to describe a user credential that does not exist: ";
            return refused(ErrorCode::ResourceNotFound, what);
        }
        result.with_credential_infos(infos)
    });
    let response = DescribeUserScramCredentialsResponse::default().with_error_message(None);
    now(response.with_results(results.collect()))
}
