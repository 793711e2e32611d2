//! A broker's log directory: what [`crate::Broker::open`] reads and what is kept up while it runs.
//!
//! ```text
//! meta.properties                       whose directory it is
//! __cluster_metadata-0/                 the metadata log, and quorum-state beside it
//! <topic>-<partition>/                  a log; partition.metadata has the topic's id
//! <topic>-<partition>.<id>-delete/      a deleted one, removed after file.delete.delay.ms
//! recovery-point-offset-checkpoint      up to where each log is flushed
//! log-start-offset-checkpoint           where each log begins that begins inside a segment
//! replication-offset-checkpoint         high watermarks
//! cleaner-offset-checkpoint             up to where each log is compacted
//! .kafka_cleanshutdown                  there, if the broker was stopped and has not been started since
//! ```
//! As Apache Kafka writes it (`LogManager`, `MetaPropertiesEnsemble`, `KafkaRaftLog`), with one directory and one
//! node that is broker and controller.

mod log_directory;
mod meta_properties;
pub(crate) mod metadata_codec;
mod metadata_log;

pub(crate) use log_directory::LogDirectory;

use uuid::Uuid;

/// `Uuid.toString`: 22 characters of URL-safe base 64.
pub(crate) fn uuid_text(id: Uuid) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = u128::from_be_bytes(*id.as_bytes());
    // 128 bits are 21 characters and two bits.
    let whole = (0..21).map(|index| bits >> (122 - 6 * index) & 63);
    whole.chain([(bits & 3) << 4]).map(|six| char::from(ALPHABET[six as usize])).collect()
}

/// Reads it back; `None` for what is no such text.
fn uuid_from_text(text: &str) -> Option<Uuid> {
    if text.len() != 22 {
        return None;
    }
    let mut bits = 0_u128;
    for (index, c) in text.bytes().enumerate() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits =
            if index < 21 { bits << 6 | u128::from(six) } else { bits << 2 | u128::from(six >> 4) };
    }
    Some(Uuid::from_bytes(bits.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_kafka_prints_them() {
        let id = Uuid::from_bytes([
            0xed, 0x6c, 0x8a, 0x30, 0x92, 0x3c, 0x4a, 0xca, 0x7a, 0x4b, 0xf1, 0x2c, 0xcd, 0x9e,
            0xd9, 0x31,
        ]);
        let text = uuid_text(id);
        assert_eq!(text.len(), 22);
        assert_eq!(uuid_from_text(&text), Some(id));
        assert_eq!(uuid_text(Uuid::from_u128(1)), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(uuid_from_text("AAAAAAAAAAAAAAAAAAAAAQ"), Some(Uuid::from_u128(1)));
        assert_eq!(uuid_from_text("AAAA"), None);
    }
}
