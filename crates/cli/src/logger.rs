//! The server's log on standard error: a line an event, as Kafka's log4j writes it or as JSON.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use log::kv::{Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// `[2026-11-25 23:11:23,123] INFO Connection closed peer=127.0.0.1:5 (logbrook_server::server)`
    Text,
    /// One JSON object: timestamp, level, target, message, and what the event is about
    Json,
}

struct Logger {
    format: LogFormat,
    level: LevelFilter,
}

/// From now on what happens is written. The first call counts.
pub(crate) fn start(format: LogFormat, level: LevelFilter) {
    if log::set_boxed_logger(Box::new(Logger { format, level })).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let line = line(self.format, since_epoch.as_millis() as i64, record);
            // Nobody reads it: nothing to do about that.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}

fn line(format: LogFormat, now_ms: i64, record: &Record<'_>) -> String {
    let message = record.args().to_string();
    let mut fields = Fields::default();
    let _ = record.key_values().visit(&mut fields);
    let (day, time) = (now_ms.div_euclid(86_400_000), now_ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(day);
    let (hour, minute, second) = (time / 3_600_000, time / 60_000 % 60, time / 1000 % 60);
    let ms = time % 1000;
    match format {
        LogFormat::Text => {
            let mut line = format!(
                "[{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{ms:03}] {} {message}",
                record.level()
            );
            for (name, value) in &fields.0 {
                let _ = write!(line, " {name}={value}");
            }
            let _ = writeln!(line, " ({})", record.target());
            line
        }
        LogFormat::Json => {
            let mut object = serde_json::Map::new();
            let timestamp =
                format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z");
            object.insert("timestamp".into(), timestamp.into());
            object.insert("level".into(), record.level().as_str().into());
            object.insert("target".into(), record.target().into());
            object.insert("message".into(), message.into());
            object.extend(fields.0.into_iter().map(|(name, value)| (name, value.into())));
            format!("{}\n", serde_json::Value::Object(object))
        }
    }
}

/// Key and value of an event, as text.
#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        self.0.push((key.to_string(), value.to_string()));
        Ok(())
    }
}

/// Year, month and day of a day since the epoch (Howard Hinnant's algorithm): years begin in March,
/// eras have 400 of them.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_with_what_it_is_about() {
        let pairs = [("peer", "127.0.0.1:5")];
        let of = |format| {
            let arguments = format_args!("Connection closed: {}", "cut");
            let record = Record::builder()
                .level(log::Level::Warn)
                .target("logbrook_server::connection")
                .args(arguments)
                .key_values(&pairs)
                .build();
            line(format, 1_709_210_096_007, &record)
        };
        assert_eq!(
            of(LogFormat::Text),
            "[2024-02-29 12:34:56,007] WARN Connection closed: cut peer=127.0.0.1:5 (logbrook_server::connection)\n"
        );
        let json: serde_json::Value = serde_json::from_str(&of(LogFormat::Json)).expect("JSON");
        assert_eq!(json["timestamp"], "2024-02-29T12:34:56.007Z");
        assert_eq!((&json["level"], &json["peer"]), (&"WARN".into(), &"127.0.0.1:5".into()));
        assert_eq!(json["message"], "Connection closed: cut");
    }
}
