//! What log4j would print on stderr, as data.

use core::fmt;

/// log4j's levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Needs nobody.
    Info,
    /// Recoverable trouble.
    Warn,
    /// Trouble that reaches the application.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        })
    }
}

/// One line of a client's log. Kafka's tools print it through [`LogLine::render`], levels from WARN on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its level; `config/tools-log4j2.yaml` of Kafka shows WARN and above.
    pub level: Level,
    /// The class that logs, such as `org.apache.kafka.clients.NetworkClient`.
    pub logger: &'static str,
    /// The text, with its `[Producer clientId=…] ` prefix.
    pub text: String,
    /// The exception logged with it, as `class: message`.
    pub thrown: Option<String>,
}

impl LogLine {
    /// The line as Kafka's tools print it on stderr: `[ts] WARN text (logger)`, without a newline.
    pub fn render(&self, timestamp: &str) -> String {
        let thrown = self.thrown.as_ref().map(|thrown| format!("\n{thrown}")).unwrap_or_default();
        format!("[{timestamp}] {} {} ({}){thrown}", self.level, self.text, self.logger)
    }
}
