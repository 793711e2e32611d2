//! An application as words, and back.

use logbrook_app::AppSpec;

fn read(name: &str, text: &str) -> Result<AppSpec, String> {
    let words: Vec<(&str, &str)> =
        text.split(' ').filter_map(|word| word.split_once('=')).collect();
    AppSpec::from_words(name, words).map_err(|e| e.to_string())
}

#[test]
fn words_are_read_as_they_are_written() {
    for text in [
        "role=producer topic=orders rate=20/s count=500 entity=c-{1..8} field=customer pick=hot:0.800 \
         bytes=120 fields.amount=1..100 fields.branch=north|south fields.only=|one fields.sum=running \
         poison=malformed@137,slow:30000ms/50x5 key=customer acks=1",
        "role=producer instances=2 topic=t rate=3/10s start=500 stop=9000 entity=one field=entity \
         linger.ms=0",
        "role=consumer client=librdkafka topics=a,b group=g process_ms=10..30 commit=after-each \
         auto.offset.reset=earliest",
        "role=processor instances=3 topics=a group=g output=b transaction=batch",
    ] {
        let spec = read("app", text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let said: Vec<String> =
            spec.to_words().iter().map(|(word, value)| format!("{word}={value}")).collect();
        assert_eq!(said.join(" "), text);
    }
}

#[test]
fn what_cannot_be_is_named() {
    for (text, said) in [
        (
            "topic=t",
            "app a: role: found `nothing`, expected one of producer, consumer, processor, relay",
        ),
        (
            "role=producer topic=t rate=20 entity=e",
            "app a: rate: found `20`, expected a rate such as 20/s or 3/10s",
        ),
        (
            "role=producer topic=t rate=1/0s entity=e",
            "app a: rate: found `1/0s`, expected a rate such as 20/s or 3/10s",
        ),
        (
            "role=producer topic=t rate=1/s",
            "app a: events: found `nothing`, expected the generator of its events",
        ),
        (
            "role=consumer topics=a, group=g",
            "app a: topics: found `a,`, expected the topics that it reads, with commas between them",
        ),
        (
            "role=consumer topics=a",
            "app a: group: found `nothing`, expected the group that it reads as",
        ),
        (
            "role=consumer instances=0 topics=a group=g",
            "app a: instances: found `0`, expected a whole number from 1",
        ),
        ("role=consumer topics=a group=g commit=never", "app a: commit: found `never`, expected "),
        (
            "role=consumer topics=a group=g colour=red",
            "app a: unknown setting `colour`, expected one of ",
        ),
    ] {
        let error = read("a", text).expect_err(text);
        assert!(error.starts_with(said), "{text}: {error}");
    }
}
