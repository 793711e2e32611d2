//! Kafka's own records by their message definitions: bytes to the JSON that the generated
//! `*JsonConverter` classes write.
//!
//! `schemas.txt` has a line for each message, `#LOG TYPE key|value NAME VERSIONS FLEXIBLE`, and one for
//! each of its fields, indented below the struct that it is in: `NAME TYPE VERSIONS`, then
//! `null=VERSIONS`, `tag=N@VERSIONS` and `default=VALUE` where they differ from none and zero.

use std::sync::OnceLock;

use uuid::Uuid;

use super::super::java::uuid_text;

/// Whose records: the part of `schemas.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schemas {
    /// `__consumer_offsets`.
    Offsets,
    /// `__transaction_state`.
    Transactions,
    /// `__cluster_metadata`.
    Metadata,
    /// Control records of KRaft, and what members of groups tell each other: found by name.
    Named,
}

impl Schemas {
    fn name(self) -> &'static str {
        match self {
            Schemas::Offsets => "offsets",
            Schemas::Transactions => "transactions",
            Schemas::Metadata => "metadata",
            Schemas::Named => "named",
        }
    }
}

/// First and last version, both with it.
type Versions = (i16, i16);

fn contains(versions: Versions, version: i16) -> bool {
    (versions.0..=versions.1).contains(&version)
}

/// One message.
#[derive(Debug)]
pub(super) struct Message {
    log: &'static str,
    kind: Option<i16>,
    is_key: bool,
    /// As `OffsetCommitValue`.
    pub(super) name: &'static str,
    versions: Versions,
    flexible: Option<Versions>,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    is_array: bool,
    kind: Kind,
    versions: Versions,
    nullable: Option<Versions>,
    tag: Option<(u32, Versions)>,
    default: Option<&'static str>,
}

#[derive(Debug)]
enum Kind {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Uint32,
    Int64,
    Float64,
    Text,
    Bytes,
    Uuid,
    Struct(Vec<Field>),
}

fn messages() -> &'static [Message] {
    static MESSAGES: OnceLock<Vec<Message>> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let mut lines = include_str!("schemas.txt").lines().peekable();
        let mut messages = Vec::new();
        while let Some(line) = lines.next() {
            let words: Vec<&'static str> = line.trim_start_matches('#').split(' ').collect();
            let [log, kind, part, name, valid, flexible] = words[..] else { continue };
            messages.push(Message {
                log,
                kind: kind.parse().ok(),
                is_key: part == "key",
                name,
                versions: versions(valid),
                flexible: (flexible != "none").then(|| versions(flexible)),
                fields: fields(&mut lines, 0),
            });
        }
        messages
    })
}

/// `3`, `0-4` or `2+`.
fn versions(text: &str) -> Versions {
    if let Some(first) = text.strip_suffix('+') {
        return (first.parse().unwrap_or(0), i16::MAX);
    }
    match text.split_once('-') {
        Some((first, last)) => (first.parse().unwrap_or(0), last.parse().unwrap_or(i16::MAX)),
        None => text.parse().map_or((0, -1), |version| (version, version)),
    }
}

type Lines = std::iter::Peekable<std::str::Lines<'static>>;

fn fields(lines: &mut Lines, depth: usize) -> Vec<Field> {
    let mut found = Vec::new();
    let indent = |line: &str| line.len() - line.trim_start().len();
    while let Some(line) = lines.next_if(|line| !line.starts_with('#') && indent(line) == depth * 2)
    {
        let mut words = line.trim_start().split(' ');
        let (Some(name), Some(kind), Some(valid)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        // A converter writes names in camel case.
        let mut name = name.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        let base = kind.strip_prefix("[]").unwrap_or(kind);
        let mut field = Field {
            name,
            is_array: kind.starts_with("[]"),
            kind: Kind::Bool,
            versions: versions(valid),
            nullable: None,
            tag: None,
            default: None,
        };
        for word in words {
            if let Some(text) = word.strip_prefix("null=") {
                field.nullable = Some(versions(text));
            } else if let Some((tag, text)) =
                word.strip_prefix("tag=").and_then(|text| text.split_once('@'))
            {
                field.tag = tag.parse().ok().map(|tag| (tag, versions(text)));
            } else if let Some(text) = word.strip_prefix("default=") {
                field.default = Some(text);
            }
        }
        field.kind = match base {
            "bool" => Kind::Bool,
            "i8" => Kind::Int8,
            "i16" => Kind::Int16,
            "u16" => Kind::Uint16,
            "i32" => Kind::Int32,
            "u32" => Kind::Uint32,
            "i64" => Kind::Int64,
            "f64" => Kind::Float64,
            "string" => Kind::Text,
            "bytes" => Kind::Bytes,
            "uuid" => Kind::Uuid,
            _ => Kind::Struct(fields(lines, depth + 1)),
        };
        found.push(field);
    }
    found
}

/// The message of a record type.
pub(super) fn find(schemas: Schemas, kind: i16, is_key: bool) -> Option<&'static Message> {
    messages().iter().find(|message| {
        message.log == schemas.name() && message.kind == Some(kind) && message.is_key == is_key
    })
}

/// The message of this name among those that have no type.
pub(super) fn named(name: &str) -> Option<&'static Message> {
    messages().iter().find(|message| message.log == Schemas::Named.name() && message.name == name)
}

/// A value as a converter has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    /// A number or a boolean, as it prints.
    Literal(String),
    Text(String),
    /// Prints as base 64.
    Bytes(Vec<u8>),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn print(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Literal(text) => out.push_str(text),
            Json::Text(text) => quote(text, out),
            Json::Bytes(bytes) => quote(&base64(bytes), out),
            Json::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.print(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    quote(name, out);
                    out.push(':');
                    value.print(out);
                }
                out.push('}');
            }
        }
    }
}

/// Jackson's escapes.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Bytes that are read from their front.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (front, rest) = self.bytes.split_at_checked(count).ok_or_else(|| {
            format!(
                "Error reading byte array of {count} byte(s): only {} byte(s) available",
                self.bytes.len()
            )
        })?;
        self.bytes = rest;
        Ok(front)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(super) fn i16(&mut self) -> Result<i16, String> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    pub(super) fn unsigned_varint(&mut self) -> Result<u32, String> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.fixed()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("Varint is too long, the most significant bit in the 5th byte is set".to_owned())
    }

    /// A length: one more than it is in flexible versions, where 0 is null.
    fn length(&mut self, flexible: bool, short: bool) -> Result<Option<usize>, String> {
        let length = if flexible {
            i64::from(self.unsigned_varint()?) - 1
        } else if short {
            i64::from(self.i16()?)
        } else {
            i64::from(i32::from_be_bytes(self.fixed()?))
        };
        Ok(usize::try_from(length).ok())
    }

    /// A message in a version of its own.
    pub(super) fn message(&mut self, message: &Message, version: i16) -> Result<Json, String> {
        if !contains(message.versions, version) {
            return Err(format!("Can't read version {version} of {}", message.name));
        }
        let flexible = message.flexible.is_some_and(|flexible| contains(flexible, version));
        self.fields(&message.fields, version, flexible)
    }

    fn fields(&mut self, fields: &[Field], version: i16, flexible: bool) -> Result<Json, String> {
        let present = |field: &&Field| contains(field.versions, version);
        let tagged = |field: &Field| {
            field.tag.filter(|(_, versions)| flexible && contains(*versions, version))
        };
        let mut read: Vec<Option<Json>> = Vec::new();
        for field in fields.iter().filter(present) {
            read.push(match tagged(field) {
                Some(_) => None,
                None => Some(self.field(field, version, flexible)?),
            });
        }
        if flexible {
            for _ in 0..self.unsigned_varint()? {
                let tag = self.unsigned_varint()?;
                let size = usize::try_from(self.unsigned_varint()?).unwrap_or(usize::MAX);
                let mut inner = Reader::new(self.take(size)?);
                let mut known = fields.iter().filter(present).zip(&mut read);
                let found =
                    known.find(|(field, _)| tagged(field).is_some_and(|(own, _)| own == tag));
                if let Some((field, slot)) = found {
                    let value = inner.field(field, version, flexible)?;
                    // What a converter finds to be the default it leaves out.
                    *slot = Some(value).filter(|value| !is_default(field, value));
                }
            }
        }
        let members = fields.iter().filter(present).zip(read);
        Ok(Json::Object(
            members.filter_map(|(field, value)| Some((field.name.clone(), value?))).collect(),
        ))
    }

    fn field(&mut self, field: &Field, version: i16, flexible: bool) -> Result<Json, String> {
        if !field.is_array {
            return self.value(field, version, flexible);
        }
        let Some(count) = self.length(flexible, false)? else { return Ok(Json::Null) };
        if count > self.bytes.len() {
            return Err(format!(
                "Tried to allocate a collection of size {count}, but there are only {} bytes \
                 remaining.",
                self.bytes.len()
            ));
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.value(field, version, flexible)?);
        }
        Ok(Json::Array(items))
    }

    fn value(&mut self, field: &Field, version: i16, flexible: bool) -> Result<Json, String> {
        let number = |value: i64| Json::Literal(value.to_string());
        Ok(match &field.kind {
            Kind::Bool => Json::Literal((self.fixed::<1>()? != [0]).to_string()),
            Kind::Int8 => number(i64::from(i8::from_be_bytes(self.fixed()?))),
            Kind::Int16 => number(i64::from(self.i16()?)),
            Kind::Uint16 => number(i64::from(u16::from_be_bytes(self.fixed()?))),
            Kind::Int32 => number(i64::from(i32::from_be_bytes(self.fixed()?))),
            Kind::Uint32 => number(i64::from(u32::from_be_bytes(self.fixed()?))),
            Kind::Int64 => number(i64::from_be_bytes(self.fixed()?)),
            Kind::Float64 => {
                let value = logbrook_broker::config_def::ConfigValue::Double(f64::from_be_bytes(
                    self.fixed()?,
                ));
                Json::Literal(value.to_string())
            }
            Kind::Uuid => Json::Text(uuid_text(Uuid::from_bytes(self.fixed()?))),
            Kind::Text => match self.length(flexible, true)? {
                Some(length) => {
                    Json::Text(String::from_utf8_lossy(self.take(length)?).into_owned())
                }
                None => Json::Null,
            },
            Kind::Bytes => match self.length(flexible, false)? {
                Some(length) => Json::Bytes(self.take(length)?.to_vec()),
                None => Json::Null,
            },
            Kind::Struct(fields) => {
                let nullable = field.nullable.is_some_and(|versions| contains(versions, version));
                if nullable && !field.is_array && self.fixed::<1>()? == [255] {
                    return Ok(Json::Null);
                }
                self.fields(fields, version, flexible)?
            }
        })
    }
}

fn is_default(field: &Field, value: &Json) -> bool {
    match (field.default, value) {
        (Some("null"), value) => *value == Json::Null,
        (Some(default), Json::Literal(text) | Json::Text(text)) => text == default,
        (None, Json::Literal(text)) => matches!(text.as_str(), "0" | "0.0" | "false"),
        (None, Json::Text(text)) => match field.kind {
            Kind::Uuid => text == "AAAAAAAAAAAAAAAAAAAAAA",
            _ => text.is_empty(),
        },
        (None, Json::Array(items)) => items.is_empty(),
        (None, Json::Bytes(bytes)) => bytes.is_empty(),
        (Some(_), Json::Null | Json::Array(_) | Json::Bytes(_) | Json::Object(_))
        | (None, Json::Null | Json::Object(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_schemas_is_understood() {
        let fields = include_str!("schemas.txt").lines().filter(|line| !line.starts_with('#'));
        fn count(fields: &[Field]) -> usize {
            let below = fields.iter().map(|field| match &field.kind {
                Kind::Struct(inner) => count(inner),
                _ => 0,
            });
            fields.len() + below.sum::<usize>()
        }
        assert_eq!(messages().iter().map(|m| count(&m.fields)).sum::<usize>(), fields.count());
        assert!(find(Schemas::Offsets, 1, true).is_some());
        assert_eq!(find(Schemas::Transactions, 0, false).unwrap().name, "TransactionLogValue");
    }

    #[test]
    fn bytes_are_base_64() {
        let all = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (text, expected) in all {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
