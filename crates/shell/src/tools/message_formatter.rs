//! Records into text (`org.apache.kafka.tools.consumer.DefaultMessageFormatter`).

use logbrook_sorted::SortedMap;

use logbrook_client::ConsumerRecord;
use logbrook_record::TimestampType;

use super::java::Throwable;

/// `java.lang.Double.toString` and the like are not needed: these are the deserializers whose
/// text is plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deserializer {
    String,
    Short,
    Integer,
    Long,
}

impl Deserializer {
    fn of(class: &str) -> Option<Deserializer> {
        match class.strip_prefix("org.apache.kafka.common.serialization.")? {
            "StringDeserializer" => Some(Deserializer::String),
            "ShortDeserializer" => Some(Deserializer::Short),
            "IntegerDeserializer" => Some(Deserializer::Integer),
            "LongDeserializer" => Some(Deserializer::Long),
            _ => None,
        }
    }

    fn read(self, bytes: &[u8]) -> Result<String, Throwable> {
        let wrong = |name: &str, size: usize| {
            Throwable::new(
                "org.apache.kafka.common.errors.SerializationException",
                format!("Size of data received by {name}Deserializer is not {size}"),
            )
        };
        match self {
            Deserializer::String => Ok(String::from_utf8_lossy(bytes).into_owned()),
            Deserializer::Short => bytes
                .try_into()
                .map(|b| i16::from_be_bytes(b).to_string())
                .map_err(|_| wrong("Short", 2)),
            Deserializer::Integer => bytes
                .try_into()
                .map(|b| i32::from_be_bytes(b).to_string())
                .map_err(|_| wrong("Integer", 4)),
            Deserializer::Long => bytes
                .try_into()
                .map(|b| i64::from_be_bytes(b).to_string())
                .map_err(|_| wrong("Long", 8)),
        }
    }
}

/// What the console consumer shows of a record; its `--formatter-property` settings.
#[derive(Clone, Debug)]
pub(crate) struct MessageFormatter {
    timestamp: bool,
    key: bool,
    value: bool,
    partition: bool,
    offset: bool,
    delivery: bool,
    epoch: bool,
    headers: bool,
    key_separator: String,
    line_separator: String,
    headers_separator: String,
    null_literal: String,
    key_deserializer: Option<Deserializer>,
    value_deserializer: Option<Deserializer>,
    headers_deserializer: Option<Deserializer>,
    /// `NoOpMessageFormatter`.
    silent: bool,
}

impl MessageFormatter {
    /// `configure`, and the names of the deserializers that there are no classes for.
    pub(crate) fn new(properties: &SortedMap<String, String>) -> (MessageFormatter, Vec<String>) {
        let flag = |name: &str, default: bool| {
            properties.get(name).map_or(default, |v| v.trim().eq_ignore_ascii_case("true"))
        };
        let text = |name: &str, default: &str| {
            properties.get(name).cloned().unwrap_or_else(|| default.to_string())
        };
        let mut unknown = Vec::new();
        let mut deserializer = |name: &str| {
            let class = properties.get(name)?;
            let found = Deserializer::of(class);
            if found.is_none() {
                unknown.push(class.clone());
            }
            found
        };
        let formatter = MessageFormatter {
            timestamp: flag("print.timestamp", false),
            key: flag("print.key", false),
            value: flag("print.value", true),
            partition: flag("print.partition", false),
            offset: flag("print.offset", false),
            delivery: flag("print.delivery", false),
            epoch: flag("print.epoch", false),
            headers: flag("print.headers", false),
            key_separator: text("key.separator", "\t"),
            line_separator: text("line.separator", "\n"),
            headers_separator: text("headers.separator", ","),
            null_literal: text("null.literal", "null"),
            key_deserializer: deserializer("key.deserializer"),
            value_deserializer: deserializer("value.deserializer"),
            headers_deserializer: deserializer("headers.deserializer"),
            silent: false,
        };
        (formatter, unknown)
    }

    /// The formatter that prints nothing.
    pub(crate) fn silent() -> MessageFormatter {
        let (formatter, _) = MessageFormatter::new(&SortedMap::new());
        MessageFormatter { silent: true, ..formatter }
    }

    /// `writeTo`.
    pub(crate) fn format(&self, record: &ConsumerRecord) -> Result<String, Throwable> {
        if self.silent {
            return Ok(String::new());
        }
        // Each column is followed by the key separator if another follows, else by the line's end.
        let mut columns: Vec<String> = Vec::new();
        if self.timestamp {
            columns.push(match record.timestamp_type {
                TimestampType::CreateTime => format!("CreateTime:{}", record.timestamp),
                TimestampType::LogAppendTime => format!("LogAppendTime:{}", record.timestamp),
            });
        }
        if self.partition {
            columns.push(format!("Partition:{}", record.partition.0));
        }
        if self.offset {
            columns.push(format!("Offset:{}", record.offset.0));
        }
        // The console consumer hands records over without delivery count and leader epoch.
        if self.delivery {
            columns.push("Delivery:NOT_PRESENT".to_string());
        }
        if self.epoch {
            columns.push("Epoch:NOT_PRESENT".to_string());
        }
        if self.headers {
            let mut headers = Vec::new();
            for (key, value) in &record.headers {
                let value = self.text(value.as_deref(), self.headers_deserializer)?;
                headers.push(format!("{key}:{value}"));
            }
            columns.push(match headers.is_empty() {
                true => "NO_HEADERS".to_string(),
                false => headers.join(&self.headers_separator),
            });
        }
        if self.key {
            columns.push(self.text(record.key.as_deref(), self.key_deserializer)?);
        }
        if self.value {
            columns.push(self.text(record.value.as_deref(), self.value_deserializer)?);
        }
        if columns.is_empty() {
            return Ok(String::new());
        }
        Ok(columns.join(&self.key_separator) + &self.line_separator)
    }

    fn text(
        &self,
        bytes: Option<&[u8]>,
        deserializer: Option<Deserializer>,
    ) -> Result<String, Throwable> {
        let bytes = bytes.unwrap_or(self.null_literal.as_bytes());
        deserializer.unwrap_or(Deserializer::String).read(bytes)
    }
}
