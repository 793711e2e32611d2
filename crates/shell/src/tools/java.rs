//! How Java and log4j print: exceptions, log lines, dates.

use logbrook_client::{KafkaError, Level, LogLine};
use uuid::Uuid;

use super::options::OptionError;

/// An exception as `printStackTrace` shows it, without its frames: they name lines of Java code
/// that do not exist here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Throwable {
    /// Class name with its package.
    pub(crate) class: String,
    /// `getMessage()`.
    pub(crate) message: Option<String>,
    /// `toString()` of the causes, outermost first.
    pub(crate) causes: Vec<String>,
    /// `toString()` of what was suppressed by it.
    pub(crate) suppressed: Vec<String>,
}

impl Throwable {
    pub(crate) fn new(class: impl Into<String>, message: impl Into<String>) -> Throwable {
        Throwable {
            class: class.into(),
            message: Some(message.into()),
            causes: Vec::new(),
            suppressed: Vec::new(),
        }
    }

    pub(crate) fn illegal_argument(message: impl Into<String>) -> Throwable {
        Throwable::new("java.lang.IllegalArgumentException", message)
    }

    pub(crate) fn caused_by(mut self, cause: &Throwable) -> Throwable {
        self.causes.push(cause.to_string());
        self.causes.extend(cause.causes.iter().cloned());
        self
    }

    /// `java.util.concurrent.ExecutionException` around a failed future.
    pub(crate) fn execution(cause: &Throwable) -> Throwable {
        Throwable::new("java.util.concurrent.ExecutionException", cause.to_string())
            .caused_by(cause)
    }

    /// The cause of an `ExecutionException`; any other exception itself.
    pub(crate) fn into_cause(mut self) -> Throwable {
        if !self.class.ends_with(".ExecutionException") || self.causes.is_empty() {
            return self;
        }
        let cause = self.causes.remove(0);
        let (class, message) = cause.split_once(": ").unwrap_or((&cause, "null"));
        Throwable { causes: self.causes, ..Throwable::new(class, message) }
    }

    /// What string concatenation makes of `getMessage()`.
    pub(crate) fn message_text(&self) -> &str {
        self.message.as_deref().unwrap_or("null")
    }

    /// What several tools' `main` prints of an exception: its message, and the whole of it.
    pub(crate) fn message_and_trace(&self) -> String {
        format!("{}\n{}\n", self.message_text(), self.stack_trace())
    }

    /// `Utils.stackTrace`, each line ended.
    pub(crate) fn stack_trace(&self) -> String {
        let mut text = format!("{self}\n");
        for suppressed in &self.suppressed {
            text.push_str(&format!("\tSuppressed: {suppressed}\n"));
        }
        for cause in &self.causes {
            text.push_str(&format!("Caused by: {cause}\n"));
        }
        text
    }
}

impl std::fmt::Display for Throwable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.class),
            None => f.write_str(&self.class),
        }
    }
}

impl From<&KafkaError> for Throwable {
    fn from(error: &KafkaError) -> Throwable {
        let thrown = Throwable::new(error.class.to_string(), error.message.clone());
        match error.cause {
            Some(cause) => {
                thrown.caused_by(&Throwable::new(cause.exception_class(), cause.message()))
            }
            None => thrown,
        }
    }
}

impl From<OptionError> for Throwable {
    fn from(error: OptionError) -> Throwable {
        Throwable { causes: error.causes, ..Throwable::new(error.class, error.message) }
    }
}

/// `[yyyy-MM-dd HH:mm:ss,SSS] LEVEL text (logger)`, as the tools' log4j prints it, newline included.
pub(crate) fn log_line(now: i64, level: Level, text: &str, logger: &str) -> String {
    format!("[{}] {level} {text} ({logger})\n", log_time(now))
}

/// A client's log line where the tools show it (WARN and above).
pub(crate) fn client_log(now: i64, line: &LogLine) -> Option<String> {
    (line.level >= Level::Warn).then(|| {
        let thrown = line.thrown.iter().map(|thrown| format!("{thrown}\n"));
        log_line(now, line.level, &line.text, line.logger) + &thrown.collect::<String>()
    })
}

/// log4j's date: `2026-11-23 15:31:46,123`, UTC.
pub(crate) fn log_time(now_ms: i64) -> String {
    let days = now_ms.div_euclid(86_400_000);
    let ms = now_ms.rem_euclid(86_400_000);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02},{:03}",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1_000 % 60,
        ms % 1_000
    )
}

/// Days since 1970-01-01 to a Gregorian date (Hinnant's algorithm).
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

pub(crate) use logbrook_broker::java_hash::{
    hash_copy_order, hash_order, hash_order_by, string_hash,
};

const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `Double.toString`.
pub(crate) fn double_text(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) || !size.is_finite() {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

/// `String.format("%.Nf")`: the digits that `Double.toString` has, rounded half up.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let shortest = format!("{value}");
    let (sign, digits) = match shortest.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", shortest.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let mut point = whole.len();
    let keep = point + decimals;
    let rounds_up = all.get(keep).is_some_and(|digit| *digit >= b'5');
    all.resize(keep, b'0');
    if rounds_up {
        match all.iter().rposition(|digit| *digit != b'9') {
            Some(at) => {
                all[at] += 1;
                all[at + 1..].fill(b'0');
            }
            None => {
                all.fill(b'0');
                all.insert(0, b'1');
                point += 1;
            }
        }
    }
    let text = String::from_utf8_lossy(&all);
    let (whole, fraction) = text.split_at(point);
    let dot = if decimals == 0 { "" } else { "." };
    format!("{sign}{whole}{dot}{fraction}")
}

/// `org.apache.kafka.common.Uuid.toString`: 22 characters of URL-safe base64.
pub(crate) fn uuid_text(id: Uuid) -> String {
    logbrook_broker::log_dir_files::topic_id_text(id)
}

/// `Uuid.fromString`.
pub(crate) fn uuid_of(text: &str) -> Result<Uuid, Throwable> {
    if text.chars().count() > 24 {
        let prefix: String = text.chars().take(24).collect();
        return Err(Throwable::illegal_argument(format!(
            "Input string with prefix `{prefix}` is too long to be decoded as a base64 UUID"
        )));
    }
    let body = text.trim_end_matches('=');
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for c in body.bytes() {
        let Some(value) = BASE64_URL.iter().position(|b| *b == c) else {
            return Err(Throwable::illegal_argument(format!("Illegal base64 character {c:x}")));
        };
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    if body.len() % 4 == 1 {
        return Err(Throwable::illegal_argument(
            "Last unit does not have enough valid bits".to_string(),
        ));
    }
    let length = bytes.len();
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => Ok(Uuid::from_bytes(bytes)),
        Err(_) => Err(Throwable::illegal_argument(format!(
            "Input string `{text}` decoded as {length} bytes, which is not equal to the expected \
             16 bytes of a base64-encoded UUID"
        ))),
    }
}

/// `%-Ns` for each column but the last, which is `%s`.
pub(crate) fn row(widths: &[usize], cells: &[&str]) -> String {
    let padded = cells.iter().enumerate().map(|(i, cell)| {
        let width = widths.get(i).copied().unwrap_or(0);
        format!("{cell:<width$}")
    });
    padded.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_rounded_half_up() {
        let shown = [(0.125, 2), (2.5, 0), (99.995, 2), (0.05, 1), (1e9, 1), (-0.004, 2)];
        assert_eq!(
            shown.map(|(value, decimals)| fixed(value, decimals)),
            ["0.13", "3", "100.00", "0.1", "1000000000.0", "-0.00"]
        );
        assert_eq!(fixed(f64::NAN, 1), "NaN");
    }

    #[test]
    fn topic_ids_are_url_safe_base64() {
        let id = uuid_of("AAAAAAAAAAAAAAAAAAAAAQ").unwrap();
        assert_eq!(id.as_u128(), 1);
        assert_eq!(uuid_text(id), "AAAAAAAAAAAAAAAAAAAAAQ");
        let id = Uuid::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(uuid_of(&uuid_text(id)), Ok(id));
        assert_eq!(
            uuid_of("AAAA").unwrap_err().message_text(),
            "Input string `AAAA` decoded as 3 bytes, which is not equal to the expected 16 bytes of a base64-encoded UUID"
        );
    }

    #[test]
    fn dates_are_those_of_log4j() {
        assert_eq!(super::log_time(0), "1970-01-01 00:00:00,000");
        assert_eq!(super::log_time(1_795_447_906_123), "2026-11-23 15:31:46,123");
        assert_eq!(super::log_time(951_782_400_000), "2000-02-29 00:00:00,000");
    }
}
