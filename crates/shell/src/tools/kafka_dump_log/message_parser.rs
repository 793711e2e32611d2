//! What `--print-data-log` shows of a record: `DumpLogSegments.MessageParser` and its decoders.

use logbrook_record::Record;

use super::schema::{self, Json, Reader, Schemas};

/// How keys and values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageParser {
    /// By a decoder each.
    Decoders(Decoder, Decoder),
    /// `--offsets-decoder`.
    Offsets,
    /// `--transaction-log-decoder`.
    TransactionLog,
    /// `--cluster-metadata-decoder`.
    ClusterMetadata,
}

/// The decoders that come with Kafka (`org.apache.kafka.tools.api`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// UTF-8.
    String,
    /// The bytes, of which Java prints a number of its own.
    Default,
    /// Four bytes.
    Integer,
    /// Eight bytes.
    Long,
}

impl Decoder {
    /// The decoder of a Java class.
    pub fn of_class(class: &str) -> Option<Decoder> {
        match class.strip_prefix("org.apache.kafka.tools.api.")? {
            "StringDecoder" => Some(Decoder::String),
            "DefaultDecoder" => Some(Decoder::Default),
            "IntegerDecoder" => Some(Decoder::Integer),
            "LongDecoder" => Some(Decoder::Long),
            _ => None,
        }
    }

    fn decode(self, bytes: &[u8]) -> Result<String, String> {
        let underflow = || "java.nio.BufferUnderflowException".to_owned();
        match self {
            Decoder::String => Ok(String::from_utf8_lossy(bytes).into_owned()),
            // `Object.toString` of an array: its identity, which is another in each run.
            Decoder::Default => Ok("[B@0".to_owned()),
            Decoder::Integer => match bytes.first_chunk::<4>() {
                Some(bytes) => Ok(i32::from_be_bytes(*bytes).to_string()),
                None => Err(underflow()),
            },
            Decoder::Long => match bytes.first_chunk::<8>() {
                Some(bytes) => Ok(i64::from_be_bytes(*bytes).to_string()),
                None => Err(underflow()),
            },
        }
    }
}

/// Key and value, where there is something to show; the error is an exception that ends the tool.
pub(super) type Parsed = Result<(Option<String>, Option<String>), String>;

impl MessageParser {
    pub(super) fn parse(self, record: &Record) -> Parsed {
        match self {
            MessageParser::Decoders(key, value) => Ok((
                record.key.as_deref().map(|bytes| key.decode(bytes)).transpose()?,
                record.value.as_deref().map(|bytes| value.decode(bytes)).transpose()?,
            )),
            MessageParser::Offsets => coordinator_record(Schemas::Offsets, record),
            MessageParser::TransactionLog => coordinator_record(Schemas::Transactions, record),
            MessageParser::ClusterMetadata => {
                let shown = metadata_record(record.value.as_deref().unwrap_or_default());
                Ok((
                    None,
                    Some(shown.unwrap_or_else(|message| {
                        format!("Error at {}, skipping. {message}", record.offset.0)
                    })),
                ))
            }
        }
    }
}

/// `CoordinatorRecordMessageParser`.
fn coordinator_record(schemas: Schemas, record: &Record) -> Parsed {
    let offset = record.offset.0;
    let Some(key) = record.key.as_deref() else {
        return Err(format!(
            "java.lang.RuntimeException: Failed to decode message at offset {offset} using the \
             specified decoder (message had a missing key)"
        ));
    };
    let failed = |message: String| {
        Ok((Some(format!("Error at offset {offset}, skipping. {message}")), None))
    };
    let mut reader = Reader::new(key);
    let kind = match reader.i16() {
        Ok(kind) => kind,
        Err(message) => return failed(message),
    };
    let (Some(key_schema), Some(value_schema)) =
        (schema::find(schemas, kind, true), schema::find(schemas, kind, false))
    else {
        let shown = format!("Unknown record type {kind} at offset {offset}, skipping.");
        return Ok((Some(shown), None));
    };
    let data = match reader.message(key_schema, 0) {
        Ok(data) => data,
        Err(message) => return failed(message),
    };
    let mut shown = String::new();
    wrapped("type", Json::Text(kind.to_string()), data).print(&mut shown);
    let Some(value) = record.value.as_deref() else {
        return Ok((Some(shown), Some("<DELETE>".to_owned())));
    };
    let mut reader = Reader::new(value);
    let read = reader.i16().and_then(|version| {
        let data = reader.message(value_schema, version)?;
        Ok(wrapped("version", Json::Text(version.to_string()), data))
    });
    match read {
        Ok(mut value) => {
            if value_schema.name == "GroupMetadataValue" {
                open_member_fields(&mut value);
            }
            let mut text = String::new();
            value.print(&mut text);
            Ok((Some(shown), Some(text)))
        }
        Err(message) => failed(message),
    }
}

fn wrapped(name: &str, first: Json, data: Json) -> Json {
    Json::Object(vec![(name.to_owned(), first), ("data".to_owned(), data)])
}

fn member<'a>(json: &'a mut Json, name: &str) -> Option<&'a mut Json> {
    match json {
        Json::Object(members) => {
            members.iter_mut().find(|(own, _)| own == name).map(|(_, value)| value)
        }
        Json::Null | Json::Literal(_) | Json::Text(_) | Json::Bytes(_) | Json::Array(_) => None,
    }
}

/// Members of a classic consumer group: what they subscribe to and were assigned, out of its bytes.
fn open_member_fields(value: &mut Json) {
    let Some(data) = member(value, "data") else { return };
    if member(data, "protocolType") != Some(&mut Json::Text("consumer".to_owned())) {
        return;
    }
    let Some(Json::Array(members)) = member(data, "members") else { return };
    for one in members {
        for (field, schema) in [
            ("subscription", "ConsumerProtocolSubscription"),
            ("assignment", "ConsumerProtocolAssignment"),
        ] {
            let Some(found) = member(one, field) else { continue };
            let Json::Bytes(bytes) = &*found else { continue };
            let mut reader = Reader::new(bytes);
            let read =
                reader.i16().ok().zip(schema::named(schema)).and_then(|(version, schema)| {
                    // Bytes that make no sense stay as they are.
                    reader.message(schema, version).ok()
                });
            if let Some(read) = read {
                *found = read;
            }
        }
    }
}

/// `ClusterMetadataLogMessageParser`: a frame version, the record's type and version, then its fields.
fn metadata_record(value: &[u8]) -> Result<String, String> {
    let mut reader = Reader::new(value);
    let frame = reader.unsigned_varint()?;
    if frame != 1 {
        return Err(format!(
            "Could not deserialize metadata record due to unknown frame version {frame}(only frame \
             version 1 is supported)"
        ));
    }
    let number = |value: u32| i16::try_from(value).unwrap_or(i16::MAX);
    let kind = number(reader.unsigned_varint()?);
    let version = number(reader.unsigned_varint()?);
    let Some(schema) = schema::find(Schemas::Metadata, kind, false) else {
        return Err(format!("Unknown metadata id {kind}"));
    };
    let data = reader.message(schema, version)?;
    let shown = Json::Object(vec![
        ("type".to_owned(), Json::Text(constant_name(schema.name))),
        ("version".to_owned(), Json::Literal(version.to_string())),
        ("data".to_owned(), data),
    ]);
    let mut text = String::new();
    shown.print(&mut text);
    Ok(text)
}

/// `PartitionChangeRecord` as `PARTITION_CHANGE_RECORD`.
fn constant_name(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// What a control record of KRaft says, by its type (`ControlRecordType`): label and JSON.
pub(super) fn control_record(kind: i16, value: &[u8]) -> Option<(&'static str, String)> {
    let (label, name) = match kind {
        2 => ("LeaderChange: ", "LeaderChangeMessage"),
        3 => ("SnapshotHeader ", "SnapshotHeaderRecord"),
        4 => ("SnapshotFooter ", "SnapshotFooterRecord"),
        5 => ("KRaftVersion ", "KRaftVersionRecord"),
        6 => ("KRaftVoters ", "VotersRecord"),
        _ => return None,
    };
    let mut version = [0; 2];
    version.copy_from_slice(value.get(..2)?);
    // Each of them begins with its own version, which the message definition has as a field.
    let read =
        Reader::new(value).message(schema::named(name)?, i16::from_be_bytes(version)).ok()?;
    let mut text = String::new();
    read.print(&mut text);
    Some((label, text))
}
