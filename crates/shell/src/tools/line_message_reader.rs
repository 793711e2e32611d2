//! Lines of standard input into records (`org.apache.kafka.tools.LineMessageReader`).

use logbrook_sorted::SortedMap;

use bytes::Bytes;
use logbrook_client::ProducerRecord;
use regex_lite::Regex;

use super::java::Throwable;

/// How the console producer reads a line; its `--reader-property` settings.
#[derive(Clone, Debug)]
pub(crate) struct LineMessageReader {
    topic: String,
    parse_key: bool,
    key_separator: String,
    parse_headers: bool,
    headers_delimiter: String,
    headers_separator: String,
    /// Kafka takes the separator of headers as a regular expression.
    headers_separator_pattern: Option<Regex>,
    headers_key_separator: String,
    ignore_error: bool,
    null_marker: Option<String>,
    line_number: u64,
}

fn exception(message: impl Into<String>) -> Throwable {
    Throwable::new("org.apache.kafka.common.KafkaException", message)
}

impl LineMessageReader {
    /// `configure`.
    pub(crate) fn new(
        topic: &str,
        properties: &SortedMap<String, String>,
    ) -> Result<LineMessageReader, Throwable> {
        let text = |name: &str, default: &str| {
            properties.get(name).cloned().unwrap_or_else(|| default.to_string())
        };
        let flag = |name: &str| {
            properties.get(name).is_some_and(|v| v.trim().eq_ignore_ascii_case("true"))
        };
        let reader = LineMessageReader {
            topic: topic.to_string(),
            parse_key: flag("parse.key"),
            key_separator: text("key.separator", "\t"),
            parse_headers: flag("parse.headers"),
            headers_delimiter: text("headers.delimiter", "\t"),
            headers_separator: text("headers.separator", ","),
            headers_separator_pattern: Regex::new(&text("headers.separator", ",")).ok(),
            headers_key_separator: text("headers.key.separator", ":"),
            ignore_error: flag("ignore.error"),
            null_marker: properties.get("null.marker").cloned(),
            line_number: 0,
        };
        let delimiter = ("headers.delimiter", Some(&reader.headers_delimiter));
        let separator = ("headers.separator", Some(&reader.headers_separator));
        let key_separator = ("headers.key.separator", Some(&reader.headers_key_separator));
        let marker = ("null.marker", reader.null_marker.as_ref());
        for (a, b) in [
            (delimiter, separator),
            (delimiter, key_separator),
            (separator, key_separator),
            (marker, ("key.separator", Some(&reader.key_separator))),
            (marker, separator),
            (marker, delimiter),
            (marker, key_separator),
        ] {
            if a.1 == b.1 {
                return Err(exception(format!("{} and {} may not be equal", a.0, b.0)));
            }
        }
        Ok(reader)
    }

    /// The record of the next line.
    pub(crate) fn read(&mut self, line: &str) -> Result<ProducerRecord, Throwable> {
        self.line_number += 1;
        let (headers, rest) = self.parse(
            self.parse_headers,
            line,
            line,
            &self.headers_delimiter,
            "headers delimiter",
        )?;
        let (key, value) =
            self.parse(self.parse_key, line, rest, &self.key_separator, "key separator")?;
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let mut record = ProducerRecord {
            topic: self.topic.clone(),
            key: key.filter(|k| !self.is_null(k)).map(bytes),
            value: Some(value).filter(|v| !self.is_null(v)).map(bytes),
            ..ProducerRecord::default()
        };
        if let Some(headers) = headers.filter(|h| !self.is_null(h)) {
            record.headers = self.split_headers(headers)?;
        }
        Ok(record)
    }

    fn is_null(&self, text: &str) -> bool {
        self.null_marker.as_deref() == Some(text)
    }

    /// What stands before the separator, if this part is read at all, and what is left.
    fn parse<'a>(
        &self,
        enabled: bool,
        line: &str,
        rest: &'a str,
        separator: &str,
        name: &str,
    ) -> Result<(Option<&'a str>, &'a str), Throwable> {
        if !enabled {
            return Ok((None, rest));
        }
        match rest.split_once(separator) {
            Some((part, rest)) => Ok((Some(part), rest)),
            None if self.ignore_error => Ok((None, rest)),
            None => Err(exception(format!(
                "No {name} found on line number {}: '{line}'",
                self.line_number
            ))),
        }
    }

    fn split_headers(&self, headers: &str) -> Result<Vec<(String, Option<Bytes>)>, Throwable> {
        let mut pairs: Vec<&str> = match &self.headers_separator_pattern {
            Some(pattern) => pattern.split(headers).collect(),
            None => headers.split(&self.headers_separator).collect(),
        };
        // `Pattern.split` drops empty pieces at the end.
        while pairs.len() > 1 && pairs.last().is_some_and(|p| p.is_empty()) {
            pairs.pop();
        }
        let header = |pair: &str| match pair.split_once(&self.headers_key_separator) {
            Some((key, _)) if self.is_null(key) => Err(exception(format!(
                "Header keys should not be equal to the null marker '{key}' as they can't be null"
            ))),
            Some((key, value)) => {
                let value = Some(value).filter(|v| !self.is_null(v));
                Ok((key.to_string(), value.map(|v| Bytes::copy_from_slice(v.as_bytes()))))
            }
            None if self.ignore_error => Ok((pair.to_string(), None)),
            None => Err(exception(format!(
                "No header key separator found in pair '{pair}' on line number {}",
                self.line_number
            ))),
        };
        pairs.into_iter().map(header).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(properties: &str) -> Result<LineMessageReader, Throwable> {
        let pairs: Vec<String> = properties.split_whitespace().map(String::from).collect();
        LineMessageReader::new("t", &super::super::setup::key_values(&pairs))
    }

    fn shown(bytes: &Option<Bytes>) -> String {
        bytes.as_ref().map_or("null".into(), |b| String::from_utf8_lossy(b).into_owned())
    }

    #[test]
    fn a_line_is_headers_key_and_value() {
        let mut r =
            reader("parse.key=true parse.headers=true key.separator=: null.marker=NULL").unwrap();
        let record = r.read("a:1,b:NULL\tk:v:w").unwrap();
        assert_eq!((shown(&record.key), shown(&record.value)), ("k".into(), "v:w".into()));
        let headers: Vec<String> =
            record.headers.iter().map(|(k, v)| format!("{k}={}", shown(v))).collect();
        assert_eq!(headers, ["a=1", "b=null"]);
        let record = r.read("NULL\tNULL:NULL").unwrap();
        assert_eq!(record.headers, []);
        assert_eq!((record.key, record.value), (None, None));
    }

    #[test]
    fn errors_say_which_line() {
        let mut r = reader("parse.key=true").unwrap();
        r.read("k\tv").unwrap();
        assert_eq!(
            r.read("no separator").unwrap_err().message_text(),
            "No key separator found on line number 2: 'no separator'"
        );
        let mut r = reader("parse.key=true ignore.error=true").unwrap();
        assert_eq!(r.read("no separator").unwrap().key, None);
        assert_eq!(
            reader("null.marker=: ").unwrap_err().message_text(),
            "null.marker and headers.key.separator may not be equal"
        );
    }
}
