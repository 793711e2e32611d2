//! What a level or `@deploy` may say of an application, and what is answered to the rest.

use expect_test::{Expect, expect};
use logbrook_app::{AppSpec, Entities, EventSpec, FieldSpec, Key, Pick, PoisonKind, Rate, Role};
use proptest::prelude::*;

fn producer() -> AppSpec {
    AppSpec {
        topic: Some("movements".into()),
        rate: Some(Rate::per_second(40)),
        events: Some(EventSpec {
            entity: Entities::read("acc-{1..8}").unwrap(),
            field: "account".into(),
            pick: Pick::Uniform,
            fields: vec![("branch".into(), FieldSpec::OneOf(vec!["north".into()]))],
            bytes: 0,
        }),
        ..AppSpec::new("bank", Role::Producer)
    }
}

fn consumer() -> AppSpec {
    AppSpec {
        group: Some("ledger".into()),
        topics: vec!["movements".into()],
        ..AppSpec::new("ledger", Role::Consumer)
    }
}

fn check(result: Result<AppSpec, logbrook_app::SettingError>, expected: Expect) {
    expected.assert_eq(&result.map_or_else(|error| error.to_string(), |_| "ok".to_owned()));
}

#[test]
fn a_deploy_changes_code_and_client_settings_and_takes_them_back() {
    let spec = producer()
        .with_all([
            ("key", "account"),
            ("acks", "1"),
            ("enable.idempotence", "false"),
            ("retries", "3"),
        ])
        .unwrap();
    assert_eq!(spec.code.key, Key::Field("account".into()));
    assert_eq!(spec.config["acks"], "1");
    assert_eq!(spec.config["retries"], "3", "a producer's retries are its client's");
    let back = spec
        .with_all([("key", ""), ("acks", ""), ("enable.idempotence", ""), ("retries", "")])
        .unwrap();
    assert_eq!(back, producer());
    assert_eq!(
        consumer().with("retries", "3").unwrap().code.retries,
        3,
        "a consumer's are its code's"
    );
}

#[test]
fn what_cannot_be_is_refused_with_what_can() {
    check(
        producer().with("key", "colour"),
        expect![
            "app bank: key: found `colour`, expected one of none, id, random, or a field of the event: account, n, branch"
        ],
    );
    check(
        producer().with("send", "later"),
        expect!["app bank: send: found `later`, expected one of async, sync"],
    );
    check(
        consumer().with("commit", "sometimes"),
        expect![
            "app ledger: commit: found `sometimes`, expected one of auto, after-batch, after-each, before, none, lowest-done, highest-done"
        ],
    );
    check(
        consumer().with("process_ms", "70..40"),
        expect![
            "app ledger: process_ms: found `70..40`, expected a whole number or a range such as 10..30"
        ],
    );
    check(
        consumer().with("acks", "1"),
        expect![
            "app ledger: unknown setting `acks`, expected one of key, send, on_exit, on_send_error, resume, timestamp, process_ms, commit, on_error, retries, retry_backoff_ms, dlq, dlq_headers, retry_topics, pool, pool_order, on_revoke, transaction, dedupe, fold, write_order, or a setting of Kafka's consumer"
        ],
    );
    check(
        AppSpec { topic: None, ..producer() }.with("key", "id"),
        expect!["app bank: topic: found `nothing`, expected the topic that it writes"],
    );
    check(
        AppSpec { rate: None, ..producer() }.with("key", "id"),
        expect!["app bank: rate: found `nothing`, expected a rate such as 20/s, or a count"],
    );
    check(
        AppSpec { group: None, ..consumer() }.with("commit", "none"),
        expect!["app ledger: group: found `nothing`, expected the group that it reads as"],
    );
}

#[test]
fn what_this_build_does_not_run_is_named() {
    let unsupported = [
        (consumer(), "on_error", "park-key"),
        (producer(), "write_order", "outbox"),
        (producer(), "resume", "transactional-cursor"),
        (producer(), "interceptor.classes", "com.example.Audit"),
    ];
    for (spec, setting, value) in unsupported {
        let error = spec.with(setting, value).unwrap_err().to_string();
        assert!(error.starts_with(&format!("app {}: {setting}", spec.name)), "{error}");
        assert!(error.ends_with("is not supported by this build"), "{error}");
    }
    let relay = AppSpec { role: Role::Relay, ..producer() };
    assert!(relay.validate().unwrap_err().to_string().ends_with("is not supported by this build"));
}

#[test]
fn the_client_refuses_in_its_own_words() {
    check(
        producer().with("acks", "2"),
        expect![
            "app bank: org.apache.kafka.common.config.ConfigException: Invalid value 2 for configuration acks: String must be one of: all, -1, 0, 1"
        ],
    );
    check(producer().with("acks", "1"), expect!["ok"]);
    check(
        producer().with_all([("acks", "1"), ("enable.idempotence", "true")]),
        expect![
            "app bank: org.apache.kafka.common.config.ConfigException: Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence."
        ],
    );
}

#[test]
fn an_event_is_due_by_its_rate_without_drift() {
    let rate = Rate::per_second(40);
    assert_eq!(rate.due_us(1_200), 30_000_000);
    assert_eq!(Rate::per_second(3).due_us(3_000_000_000), 1_000_000_000_000_000);
    assert_eq!(Rate { events: 1, per_us: u64::MAX }.due_us(u64::MAX), u64::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// No text is a panic, and what is refused changes nothing.
    #[test]
    fn any_text_is_taken_or_refused(
        settings in proptest::collection::vec(
            (prop_oneof![
                proptest::sample::select(logbrook_app::Code::NAMES).prop_map(str::to_owned),
                Just("acks".to_owned()), Just("linger.ms".to_owned()), "[a-z.]{0,12}",
            ], prop_oneof!["\\PC{0,12}", "-?[0-9]{1,20}(\\.\\.[0-9]{1,20})?", Just(String::new())]),
            0..4,
        )
    ) {
        for spec in [producer(), consumer()] {
            if let Ok(changed) = spec.with_all(settings.iter().map(|(k, v)| (k.as_str(), v.as_str()))) {
                prop_assert_eq!(changed.validate(), Ok(()));
                let names: Vec<_> = settings.iter().map(|(name, _)| (name.as_str(), "")).collect();
                prop_assert_eq!(changed.with_all(names), Ok(spec));
            }
        }
        for text in settings.iter().flat_map(|(name, value)| [name, value]) {
            let _ = (Entities::read(text), Pick::read(text), FieldSpec::read(text), PoisonKind::read(text));
        }
    }
}
