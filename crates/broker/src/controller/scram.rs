//! SCRAM credentials of users: `ScramControlManager` and `ScramImage` (KIP-554). They are kept; no listener
//! here authenticates anybody.

use bytes::Bytes;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

/// How passwords are hashed (`ScramMechanism`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramMechanism {
    /// `SCRAM-SHA-256`
    Sha256,
    /// `SCRAM-SHA-512`
    Sha512,
}

impl ScramMechanism {
    /// `ScramMechanism.fromType`; `None` for one that is not known.
    pub fn from_type(number: i8) -> Option<ScramMechanism> {
        match number {
            1 => Some(ScramMechanism::Sha256),
            2 => Some(ScramMechanism::Sha512),
            _ => None,
        }
    }

    /// The number in requests and records.
    pub fn type_number(self) -> i8 {
        match self {
            ScramMechanism::Sha256 => 1,
            ScramMechanism::Sha512 => 2,
        }
    }

    /// The fewest iterations that are taken.
    pub fn min_iterations(self) -> i32 {
        4096
    }

    fn hash(self, bytes: &[u8]) -> Bytes {
        match self {
            ScramMechanism::Sha256 => Bytes::copy_from_slice(&Sha256::digest(bytes)),
            ScramMechanism::Sha512 => Bytes::copy_from_slice(&Sha512::digest(bytes)),
        }
    }

    fn hmac(self, key: &[u8], text: &[u8]) -> Bytes {
        fn code<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &[u8]) -> Bytes {
            // A key of any length will do.
            let Ok(mac) = <M as Mac>::new_from_slice(key) else { return Bytes::new() };
            Bytes::copy_from_slice(&mac.chain_update(text).finalize().into_bytes())
        }
        match self {
            ScramMechanism::Sha256 => code::<Hmac<Sha256>>(key, text),
            ScramMechanism::Sha512 => code::<Hmac<Sha512>>(key, text),
        }
    }
}

/// What a server keeps of a password (RFC 5802).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields of UserScramCredentialRecord
pub struct ScramCredential {
    pub salt: Bytes,
    pub stored_key: Bytes,
    pub server_key: Bytes,
    pub iterations: i32,
}

impl ScramCredential {
    /// Of a password that its owner has salted (`ScramFormatter`).
    pub(crate) fn of_salted_password(
        mechanism: ScramMechanism,
        salt: Bytes,
        salted_password: &[u8],
        iterations: i32,
    ) -> ScramCredential {
        let client_key = mechanism.hmac(salted_password, b"Client Key");
        ScramCredential {
            salt,
            stored_key: mechanism.hash(&client_key),
            server_key: mechanism.hmac(salted_password, b"Server Key"),
            iterations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// The exchange of RFC 7677: `user`, `pencil`, 4096 iterations. The server key signs it as the RFC says.
    #[test]
    fn keys_are_those_of_the_rfc() {
        let salted = bytes("c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
        let mechanism = ScramMechanism::Sha256;
        let credential =
            ScramCredential::of_salted_password(mechanism, Bytes::new(), &salted, 4096);
        let stored = bytes("586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6");
        assert_eq!(credential.stored_key, stored);
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let exchange = format!(
            "n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,\
             r={nonce}"
        );
        let signature = mechanism.hmac(&credential.server_key, exchange.as_bytes());
        assert_eq!(
            signature,
            bytes("eabae24d1062db75a9451ff0b6ea7e98c8546549ff741e672d3251b2397de46e")
        );
    }
}
