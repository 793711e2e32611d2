//! Rules for topic names: `org.apache.kafka.common.internals.Topic`.

/// `Topic.MAX_NAME_LENGTH`: a directory is named `<topic>-<partition>`, and file names end at 255.
const MAX_NAME_LENGTH: usize = 249;

/// Topics that Kafka itself writes.
const INTERNAL_TOPICS: &[&str] =
    &["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// The topic of the metadata log. It is no topic to clients.
pub(crate) const CLUSTER_METADATA_TOPIC_NAME: &str = "__cluster_metadata";

/// Whether a name may be a topic's; the error is Kafka's message.
pub fn validate(name: &str) -> Result<(), String> {
    let reason = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.encode_utf16().count() > MAX_NAME_LENGTH {
        format!("the length of '{name}' is longer than the max allowed length {MAX_NAME_LENGTH}")
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' \
             and '-'"
        )
    } else {
        return Ok(());
    };
    Err(format!("Topic name is invalid: {reason}"))
}

/// Whether clients may not write to it (`Topic.isInternal`).
pub fn is_internal(name: &str) -> bool {
    INTERNAL_TOPICS.contains(&name)
}

/// `.` and `_` are the same in metric names (`Topic.hasCollision`).
pub fn has_collision(a: &str, b: &str) -> bool {
    a.replace('.', "_") == b.replace('.', "_")
}

/// `Topic.hasCollisionChars`.
pub fn has_collision_chars(name: &str) -> bool {
    name.contains(['.', '_'])
}
