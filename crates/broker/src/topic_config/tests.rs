use super::*;

fn check(configs: &[(&str, &str)], expected: &str) {
    let got = match validate(configs.iter().copied()) {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.message(),
    };
    assert_eq!(got, expected, "{configs:?}");
}

#[test]
fn the_table_is_sorted_and_every_default_is_valid() {
    let names: Vec<&str> = table::KEYS.iter().map(|entry| entry.key.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    for entry in table::KEYS {
        if let Some(default) = entry.key.default {
            let value = entry.key.parse(default).unwrap();
            assert_eq!(value.to_string(), default, "{}", entry.key.name);
        }
    }
    assert_eq!(keys().count(), 37);
}

// Recorded from Kafka 4.4's LogConfig.validate.
#[test]
fn values_are_refused_in_kafkas_words() {
    check(&[("no.such.config", "1")], "Unknown topic config name: no.such.config");
    check(
        &[("message.format.version", "3.0")],
        "Unknown topic config name: message.format.version",
    );
    check(
        &[("segment.bytes", "10")],
        "Invalid value 10 for configuration segment.bytes: Value must be at least 1048576",
    );
    check(
        &[("retention.ms", "soon")],
        "Invalid value soon for configuration retention.ms: Not a number of type LONG",
    );
    check(
        &[("retention.ms", "-2")],
        "Invalid value -2 for configuration retention.ms: Value must be at least -1",
    );
    check(
        &[("cleanup.policy", "delete,shred")],
        "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete",
    );
    check(
        &[("cleanup.policy", "compact,,delete")],
        "Configuration 'cleanup.policy' values must not be empty.",
    );
    check(
        &[("compression.gzip.level", "0")],
        "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
    );
    check(
        &[("compression.zstd.level", "23")],
        "Invalid value 23 for configuration compression.zstd.level: Value must be no more than 22",
    );
    check(
        &[("max.message.bytes", "99999999999")],
        "Invalid value 99999999999 for configuration max.message.bytes: Not a number of type INT",
    );
    check(
        &[("preallocate", "yes")],
        "Invalid value yes for configuration preallocate: Expected value to be either true or false",
    );
    check(
        &[("min.cleanable.dirty.ratio", "2")],
        "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
    );
    check(
        &[("follower.replication.throttled.replicas", "a")],
        "Invalid value [a] for configuration follower.replication.throttled.replicas: \
         follower.replication.throttled.replicas must be the literal '*' or a list of replicas in \
         the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
    );
    check(
        &[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")],
        "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
    );
    check(
        &[("segment.bytes", "")],
        "Invalid value  for configuration segment.bytes: Not a number of type INT",
    );
}

#[test]
fn values_are_taken_as_kafka_takes_them() {
    check(&[("cleanup.policy", "")], "ok");
    check(&[("cleanup.policy", " compact , delete ")], "ok");
    check(&[("preallocate", "TRUE")], "ok");
    check(&[("segment.bytes", " 2000000 ")], "ok");
    check(&[("retention.ms", "+5")], "ok");
    check(&[("min.cleanable.dirty.ratio", "1e-2")], "ok");
    check(&[("follower.replication.throttled.replicas", "0:1,1:2")], "ok");
}
