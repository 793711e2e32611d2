//! What an application's own code does: the closed set of code settings and their values.

use core::fmt;

use crate::code_values::*;

/// Every code setting of an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// The record's key.
    pub key: Key,
    /// Whether each acknowledgement is awaited.
    pub send: SendMode,
    /// At an orderly stop.
    pub on_exit: OnExit,
    /// When the producer gives up.
    pub on_send_error: OnSendError,
    /// Where a source goes on.
    pub resume: Resume,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// How long one record takes, in ms.
    pub process_ms: Span,
    /// When offsets are committed.
    pub commit: Commit,
    /// A record that cannot be processed.
    pub on_error: OnError,
    /// How often a failed record is tried again before `on_error` applies.
    pub retries: u32,
    /// Between two tries, in ms.
    pub retry_backoff_ms: u64,
    /// The dead letter topic.
    pub dlq: Option<String>,
    /// Whether dead letters say where they came from.
    pub dlq_headers: bool,
    /// The retry topics, in order.
    pub retry_topics: Vec<RetryTopic>,
    /// Workers inside one instance.
    pub pool: u32,
    /// How they share records.
    pub pool_order: PoolOrder,
    /// In `onPartitionsRevoked`.
    pub on_revoke: OnRevoke,
    /// Transactions.
    pub transaction: Transaction,
    /// Memory of ids.
    pub dedupe: Dedupe,
    /// How a table is built.
    pub fold: Fold,
    /// Database and Kafka.
    pub write_order: WriteOrder,
}

impl Default for Code {
    fn default() -> Self {
        Self {
            key: Key::None,
            send: SendMode::Async,
            on_exit: OnExit::Flush,
            on_send_error: OnSendError::Drop,
            resume: Resume::FromCursor,
            timestamp: Timestamp::Now,
            process_ms: Span::default(),
            commit: Commit::Auto,
            on_error: OnError::Crash,
            retries: 0,
            retry_backoff_ms: 1000,
            dlq: None,
            dlq_headers: false,
            retry_topics: Vec::new(),
            pool: 1,
            pool_order: PoolOrder::Any,
            on_revoke: OnRevoke::Nothing,
            transaction: Transaction::Off,
            dedupe: Dedupe::None,
            fold: Fold::Last,
            write_order: WriteOrder::DbThenKafka,
        }
    }
}

/// What [`Code::set`] makes of a name and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// No code setting has this name.
    UnknownName,
    /// The value is not one of those allowed; says what is.
    BadValue {
        /// What is allowed.
        expected: String,
    },
}

impl Code {
    /// The names of all code settings, as the format lists them.
    pub const NAMES: &'static [&'static str] = &[
        "key",
        "send",
        "on_exit",
        "on_send_error",
        "resume",
        "timestamp",
        "process_ms",
        "commit",
        "on_error",
        "retries",
        "retry_backoff_ms",
        "dlq",
        "dlq_headers",
        "retry_topics",
        "pool",
        "pool_order",
        "on_revoke",
        "transaction",
        "dedupe",
        "fold",
        "write_order",
    ];

    /// Sets one setting from its text; an empty text takes it back to its default. A field name for
    /// `key` is not checked here: the fields are known to the events generator
    /// ([`AppSpec::validate`](crate::AppSpec::validate)).
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), CodeError> {
        if value.is_empty() {
            return self.reset(name);
        }
        let bad = |expected: String| CodeError::BadValue { expected };
        match name {
            "key" => {
                self.key = match value {
                    "none" => Key::None,
                    "id" => Key::Id,
                    "random" => Key::Random,
                    field => Key::Field(field.to_owned()),
                }
            }
            "send" => self.send = SendMode::read(value).map_err(bad)?,
            "on_exit" => self.on_exit = OnExit::read(value).map_err(bad)?,
            "on_send_error" => self.on_send_error = OnSendError::read(value).map_err(bad)?,
            "resume" => self.resume = Resume::read(value).map_err(bad)?,
            "timestamp" => self.timestamp = Timestamp::read(value).map_err(bad)?,
            "process_ms" => self.process_ms = Span::read(value).map_err(bad)?,
            "commit" => self.commit = Commit::read(value).map_err(bad)?,
            "on_error" => self.on_error = OnError::read(value).map_err(bad)?,
            "retries" => self.retries = whole(value).map_err(bad)?,
            "retry_backoff_ms" => self.retry_backoff_ms = whole(value).map_err(bad)?,
            "dlq" => self.dlq = Some(value.to_owned()),
            "dlq_headers" => self.dlq_headers = yes_or_no(value).map_err(bad)?,
            "retry_topics" => self.retry_topics = retry_topics(value).map_err(bad)?,
            "pool" => match whole(value).map_err(bad)? {
                0 => return Err(bad("a whole number from 1".to_owned())),
                workers => self.pool = workers,
            },
            "pool_order" => self.pool_order = PoolOrder::read(value).map_err(bad)?,
            "on_revoke" => self.on_revoke = OnRevoke::read(value).map_err(bad)?,
            "transaction" => self.transaction = Transaction::read(value).map_err(bad)?,
            "dedupe" => self.dedupe = Dedupe::read(value).map_err(bad)?,
            "fold" => self.fold = Fold::read(value).map_err(bad)?,
            "write_order" => self.write_order = WriteOrder::read(value).map_err(bad)?,
            _ => return Err(CodeError::UnknownName),
        }
        Ok(())
    }

    /// The setting's value as [`Code::set`] takes it; none for a name that is no code setting.
    pub fn get(&self, name: &str) -> Option<String> {
        let text = |s: &str| Some(s.to_owned());
        match name {
            "key" => Some(self.key.to_string()),
            "send" => text(self.send.as_str()),
            "on_exit" => text(self.on_exit.as_str()),
            "on_send_error" => text(self.on_send_error.as_str()),
            "resume" => text(self.resume.as_str()),
            "timestamp" => text(self.timestamp.as_str()),
            "process_ms" => Some(self.process_ms.to_string()),
            "commit" => text(self.commit.as_str()),
            "on_error" => text(self.on_error.as_str()),
            "retries" => Some(self.retries.to_string()),
            "retry_backoff_ms" => Some(self.retry_backoff_ms.to_string()),
            "dlq" => Some(self.dlq.clone().unwrap_or_default()),
            "dlq_headers" => Some(self.dlq_headers.to_string()),
            "retry_topics" => {
                let topics =
                    self.retry_topics.iter().map(|t| format!("{}@{}ms", t.topic, t.delay_ms));
                Some(topics.collect::<Vec<_>>().join(","))
            }
            "pool" => Some(self.pool.to_string()),
            "pool_order" => text(self.pool_order.as_str()),
            "on_revoke" => text(self.on_revoke.as_str()),
            "transaction" => text(self.transaction.as_str()),
            "dedupe" => text(self.dedupe.as_str()),
            "fold" => text(self.fold.as_str()),
            "write_order" => text(self.write_order.as_str()),
            _ => None,
        }
    }

    fn reset(&mut self, name: &str) -> Result<(), CodeError> {
        let default = Code::default();
        match name {
            "key" => self.key = default.key,
            "send" => self.send = default.send,
            "on_exit" => self.on_exit = default.on_exit,
            "on_send_error" => self.on_send_error = default.on_send_error,
            "resume" => self.resume = default.resume,
            "timestamp" => self.timestamp = default.timestamp,
            "process_ms" => self.process_ms = default.process_ms,
            "commit" => self.commit = default.commit,
            "on_error" => self.on_error = default.on_error,
            "retries" => self.retries = default.retries,
            "retry_backoff_ms" => self.retry_backoff_ms = default.retry_backoff_ms,
            "dlq" => self.dlq = default.dlq,
            "dlq_headers" => self.dlq_headers = default.dlq_headers,
            "retry_topics" => self.retry_topics = default.retry_topics,
            "pool" => self.pool = default.pool,
            "pool_order" => self.pool_order = default.pool_order,
            "on_revoke" => self.on_revoke = default.on_revoke,
            "transaction" => self.transaction = default.transaction,
            "dedupe" => self.dedupe = default.dedupe,
            "fold" => self.fold = default.fold,
            "write_order" => self.write_order = default.write_order,
            _ => return Err(CodeError::UnknownName),
        }
        Ok(())
    }

    /// The settings that this build knows but does not run, as `name=value`.
    pub(crate) fn not_supported(&self) -> Option<String> {
        let named = |name: &str, value: &dyn fmt::Display| Some(format!("{name}={value}"));
        match self.resume {
            Resume::FromCursor | Resume::FromStart => {}
            Resume::TransactionalCursor => return named("resume", &self.resume),
        }
        match self.on_error {
            OnError::Crash
            | OnError::RetryForever
            | OnError::Skip
            | OnError::Dlq
            | OnError::RetryTopic => {}
            OnError::ParkKey => return named("on_error", &self.on_error),
        }
        None
    }
}

fn whole<T: core::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "a whole number".to_owned())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "true or false".to_owned())
}

/// `orders.retry@5s,orders.retry-late@1m`
fn retry_topics(text: &str) -> Result<Vec<RetryTopic>, String> {
    text.split(',')
        .map(|part| {
            let (topic, delay) = part.split_once('@')?;
            let delay_ms = delay_ms(delay)?;
            (!topic.is_empty()).then(|| RetryTopic { topic: topic.to_owned(), delay_ms })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| "topic@delay, separated by commas, such as orders.retry@5s".to_owned())
}

fn delay_ms(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_and_resets_to_the_default() {
        for name in Code::NAMES {
            let mut code = Code::default();
            assert_eq!(code.set(name, ""), Ok(()), "{name}");
            assert_eq!(code, Code::default());
        }
        assert_eq!(Code::default().set("colour", "red"), Err(CodeError::UnknownName));
        assert_eq!(Code::default().set("colour", ""), Err(CodeError::UnknownName));
    }

    #[test]
    fn a_bad_value_says_what_is_allowed_and_changes_nothing() {
        let mut code = Code::default();
        let error = code.set("commit", "sometimes").unwrap_err();
        assert_eq!(
            error,
            CodeError::BadValue {
                expected:
                    "one of auto, after-batch, after-each, before, none, lowest-done, highest-done"
                        .into()
            }
        );
        assert!(code.set("process_ms", "70..40").is_err());
        assert!(code.set("process_ms", "-1").is_err());
        assert!(code.set("pool", "0").is_err());
        assert!(code.set("retry_topics", "a@5").is_err());
        assert_eq!(code, Code::default());
    }

    #[test]
    fn values_are_read() {
        let mut code = Code::default();
        for (name, value) in [
            ("key", "account"),
            ("process_ms", "40..70"),
            ("commit", "after-batch"),
            ("retry_topics", "a@5s,b@2m"),
        ] {
            code.set(name, value).unwrap();
        }
        assert_eq!(code.key, Key::Field("account".into()));
        assert_eq!(code.process_ms, Span { min: 40, max: 70 });
        assert_eq!(code.commit, Commit::AfterBatch);
        assert_eq!(code.retry_topics[1], RetryTopic { topic: "b".into(), delay_ms: 120_000 });
    }
}
