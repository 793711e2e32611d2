//! SCRAM credentials of users in `kafka-configs.sh` (`alterUserScramCredentialConfigs`, KIP-554).

use bytes::Bytes;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest,
};
use kafka_protocol::protocol::StrBytes;
use logbrook_broker::wire::Response;
use logbrook_broker::{ErrorCode, ScramMechanism};
use logbrook_client::admin::Target;
use sha2::{Digest, Sha256, Sha512};

use super::super::admin_calls::{Stop, check, expect};
use super::super::java::Throwable;
use super::super::script::Stage;

const DEFAULT_ITERATIONS: i32 = 4096;

/// Changes to the credentials of one user.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) upsertions: Vec<Upsertion>,
    pub(super) deletions: Vec<ScramMechanism>,
}

/// A new password, salted.
#[derive(Clone, Debug)]
pub(super) struct Upsertion {
    mechanism: ScramMechanism,
    iterations: i32,
    salt: Bytes,
    salted_password: Bytes,
}

/// `ScramMechanism.fromMechanismName`.
pub(super) fn mechanism(name: &str) -> Option<ScramMechanism> {
    match name {
        "SCRAM-SHA-256" => Some(ScramMechanism::Sha256),
        "SCRAM-SHA-512" => Some(ScramMechanism::Sha512),
        _ => None,
    }
}

fn name(mechanism: ScramMechanism) -> &'static str {
    match mechanism {
        ScramMechanism::Sha256 => "SCRAM-SHA-256",
        ScramMechanism::Sha512 => "SCRAM-SHA-512",
    }
}

impl Upsertion {
    /// Of `iterations=8192,password=secret`. The salt comes from the tool's seed.
    ///
    /// # Errors
    /// What the tool says of a text that is not of this form, or of too few iterations.
    pub(super) fn parse(
        mechanism: ScramMechanism,
        text: &str,
        seed: u64,
    ) -> Result<Upsertion, String> {
        let invalid = || {
            let constant = name(mechanism).replace('-', "_");
            format!("Invalid credential property {constant}={text}")
        };
        // `(?:iterations=(\-?[0-9]*),)?password=(.*)`
        let (iterations, rest) = match text.strip_prefix("iterations=") {
            Some(text) => {
                let (number, rest) = text.split_once(',').ok_or_else(invalid)?;
                let digits = number.strip_prefix('-').unwrap_or(number);
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(invalid());
                }
                let iterations = match number {
                    "-1" => DEFAULT_ITERATIONS,
                    number => {
                        number.parse().map_err(|_| format!("For input string: \"{number}\""))?
                    }
                };
                (iterations, rest)
            }
            None => (DEFAULT_ITERATIONS, text),
        };
        let password = rest.strip_prefix("password=").ok_or_else(invalid)?;
        let least = mechanism.min_iterations();
        if iterations < least {
            return Err(format!(
                "Iterations {iterations} is less than the minimum {least} required for {}",
                name(mechanism)
            ));
        }
        let mut drawn = Sha256::new_with_prefix(seed.to_be_bytes());
        drawn.update(name(mechanism));
        let salt = Bytes::copy_from_slice(&drawn.finalize());
        let rounds = iterations.unsigned_abs();
        let salted_password = match mechanism {
            ScramMechanism::Sha256 => {
                let mut key = [0; 32];
                pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, rounds, &mut key);
                Bytes::copy_from_slice(&key)
            }
            ScramMechanism::Sha512 => {
                let mut key = [0; 64];
                pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), &salt, rounds, &mut key);
                Bytes::copy_from_slice(&key)
            }
        };
        Ok(Upsertion { mechanism, iterations, salt, salted_password })
    }
}

impl Credentials {
    /// `Admin.alterUserScramCredentials`.
    pub(super) fn alter(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let user = || StrBytes::from_string(self.user.clone());
        let deletions = self.deletions.iter().map(|mechanism| {
            let number = mechanism.type_number();
            ScramCredentialDeletion::default().with_name(user()).with_mechanism(number)
        });
        let upsertions = self.upsertions.iter().map(|upsertion| {
            ScramCredentialUpsertion::default()
                .with_name(user())
                .with_mechanism(upsertion.mechanism.type_number())
                .with_iterations(upsertion.iterations)
                .with_salt(upsertion.salt.clone())
                .with_salted_password(upsertion.salted_password.clone())
        });
        let request = AlterUserScramCredentialsRequest::default()
            .with_deletions(deletions.collect())
            .with_upsertions(upsertions.collect());
        let answer = stage.call(request.into(), Target::Controller)?;
        let response = expect(answer, |r| match r {
            Response::AlterUserScramCredentials(body) => Some(body),
            _ => None,
        })
        .map_err(|thrown| Throwable::execution(&thrown))?;
        for result in &response.results {
            check(result.error_code, result.error_message.as_ref())
                .map_err(|thrown| Throwable::execution(&thrown))?;
        }
        Ok(())
    }
}

/// The credentials of some users, or of all.
pub(super) fn describe(stage: &mut Stage<'_>, users: &[String]) -> Result<(), Stop> {
    let users =
        users.iter().map(|user| UserName::default().with_name(StrBytes::from_string(user.clone())));
    let request = DescribeUserScramCredentialsRequest::default().with_users(Some(users.collect()));
    let answer = stage.call(request.into(), Target::Any)?;
    let response = expect(answer, |r| match r {
        Response::DescribeUserScramCredentials(body) => Some(body),
        _ => None,
    })
    .map_err(|thrown| Throwable::execution(&thrown))?;
    check(response.error_code, response.error_message.as_ref())
        .map_err(|thrown| Throwable::execution(&thrown))?;
    for result in &response.results {
        // Who has none is left out.
        if result.error_code == ErrorCode::ResourceNotFound.code() {
            continue;
        }
        let user = &result.user;
        if let Err(thrown) = check(result.error_code, result.error_message.as_ref()) {
            let outer = Throwable::execution(&thrown);
            stage.out(format!(
                "Error retrieving SCRAM credential configs for user-principal '{user}': \
                 ExecutionException: {}\n",
                outer.message_text()
            ));
            continue;
        }
        let infos = result.credential_infos.iter().map(|info| {
            let mechanism = ScramMechanism::from_type(info.mechanism).map_or("UNKNOWN", name);
            format!("{mechanism}=iterations={}", info.iterations)
        });
        let infos: Vec<String> = infos.collect();
        stage.out(format!(
            "SCRAM credential configs for user-principal '{user}' are {}\n",
            infos.join(", ")
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_read_as_kafka_reads_it() {
        let parse = |text| Upsertion::parse(ScramMechanism::Sha256, text, 1).map(|u| u.iterations);
        assert_eq!(parse("password=secret"), Ok(4096));
        assert_eq!(parse("iterations=8192,password="), Ok(8192));
        assert_eq!(parse("iterations=-1,password=a,b"), Ok(4096));
        let invalid = |text: &str| Err(format!("Invalid credential property SCRAM_SHA_256={text}"));
        for text in ["", "secret", "iterations=5000", "iterations=x,password=a"] {
            assert_eq!(parse(text), invalid(text));
        }
        let few = "Iterations 40 is less than the minimum 4096 required for SCRAM-SHA-256";
        assert_eq!(parse("iterations=40,password=a"), Err(few.to_owned()));
    }
}
