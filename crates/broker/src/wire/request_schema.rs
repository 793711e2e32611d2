//! The shape of every request that is served, to look a frame over before it is decoded.
//!
//! The generated decoders make room for as many elements as a frame says that there are: a list of
//! two billion in a frame of twenty bytes would end the server. Here each length is held against
//! the bytes that are there, and what does not fit is named by its field.

mod table;

use super::ServedApi;
use super::codec::FIXED_HEADER;
use kafka_protocol::messages::ApiKey;

/// One field of a request, in the versions that have it.
struct Field {
    name: &'static str,
    kind: Kind,
    /// First and last version.
    versions: (i16, i16),
}

/// A list in a tagged field at the end of a request.
struct TaggedList {
    tag: u32,
    name: &'static str,
    kind: Kind,
}

/// The types of Kafka's message definitions, as far as they differ in how long they are.
enum Kind {
    /// So many bytes: numbers, booleans, uuids.
    Fixed(usize),
    /// `string`.
    Text,
    /// `bytes`, `records`.
    Bytes,
    /// `[]T`.
    List(&'static Kind),
    /// Fields one after the other.
    Struct(&'static [Field]),
    /// A byte before the struct says whether it is there.
    NullableStruct(&'static [Field]),
}

/// Elements that all lists of one request may have together. A request of Kafka's clients has some
/// thousands; a decoded element takes up to a hundred times the room that it has in the frame, so a
/// frame of 100 MB full of empty names would take the memory of the machine.
const MAX_ELEMENTS: usize = 1_000_000;

/// Where a frame stops making sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShapeError {
    /// `topics[0].name`.
    pub(super) field: String,
    /// Offset into the frame.
    pub(super) at: usize,
    /// What stood there, and what was expected.
    pub(super) message: String,
}

/// Looks a request frame (without its size) over: one of a served API and version.
pub(super) fn check(api: &ServedApi, version: i16, frame: &[u8]) -> Result<(), ShapeError> {
    let fail =
        |at: usize, fault: Fault| ShapeError { field: fault.path, at, message: fault.message };
    let flexible = is_flexible(api.key, version);
    let mut walk =
        Walk { frame, at: FIXED_HEADER.min(frame.len()), version, flexible: false, elements: 0 };
    let header = walk.value(&Kind::Text).map_err(|fault| fault.inside("client_id"));
    header.map_err(|fault| fail(walk.at, fault))?;
    walk.flexible = flexible;
    walk.tags(&[]).map_err(|fault| fail(walk.at, fault.inside("header")))?;
    // A request without a schema here would be decoded unseen: there is none, a test says.
    let fields = table::fields(api.key).unwrap_or(&[]);
    walk.plain_fields(fields)
        .and_then(|()| walk.tags(table::tagged_lists(api.key)))
        .map_err(|fault| fail(walk.at, fault))
}

/// `flexibleVersions`: request header 2 belongs to them.
fn is_flexible(api: ApiKey, version: i16) -> bool {
    api.request_header_version(version) >= 2
}

/// What is wrong, and the path to it from the inside out.
struct Fault {
    path: String,
    message: String,
}

impl Fault {
    fn new(message: String) -> Self {
        Self { path: String::new(), message }
    }

    fn inside(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    fn element(self, index: usize) -> Self {
        self.inside(&format!("[{index}]"))
    }
}

struct Walk<'a> {
    frame: &'a [u8],
    at: usize,
    version: i16,
    flexible: bool,
    /// Elements of all lists so far.
    elements: usize,
}

impl Walk<'_> {
    fn left(&self) -> usize {
        self.frame.len() - self.at
    }

    fn skip(&mut self, len: usize) -> Result<(), Fault> {
        if len > self.left() {
            let left = self.left();
            return Err(Fault::new(format!("found {left} bytes, expected {len}")));
        }
        self.at += len;
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let start = self.at;
        self.skip(N)?;
        let mut out = [0; N];
        out.copy_from_slice(&self.frame[start..start + N]);
        Ok(out)
    }

    /// `ByteUtils.readUnsignedVarint`.
    fn unsigned_varint(&mut self) -> Result<u32, Fault> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::new("found a varint of more than 5 bytes".to_owned()))
    }

    /// A length: `None` is null. `wide`: four bytes rather than two, where it is not compact.
    fn length(&mut self, wide: bool) -> Result<Option<usize>, Fault> {
        let length = if self.flexible {
            i64::from(self.unsigned_varint()?) - 1
        } else if wide {
            i64::from(i32::from_be_bytes(self.take()?))
        } else {
            i64::from(i16::from_be_bytes(self.take()?))
        };
        match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if length == -1 => Ok(None),
            Err(_) => Err(Fault::new(format!("found length {length}, expected -1 or more"))),
        }
    }

    fn value(&mut self, kind: &Kind) -> Result<(), Fault> {
        match kind {
            Kind::Fixed(len) => self.skip(*len),
            Kind::Text => self.length(false)?.map_or(Ok(()), |len| self.skip(len)),
            Kind::Bytes => self.length(true)?.map_or(Ok(()), |len| self.skip(len)),
            Kind::List(element) => {
                let count = self.length(true)?.unwrap_or(0);
                // Each element has a byte at least.
                if count > self.left() {
                    let left = self.left();
                    return Err(Fault::new(format!("found {count} elements in {left} bytes")));
                }
                self.elements += count;
                if self.elements > MAX_ELEMENTS {
                    return Err(Fault::new(format!(
                        "found {} elements in the request, expected at most {MAX_ELEMENTS}",
                        self.elements
                    )));
                }
                (0..count).try_for_each(|i| self.value(element).map_err(|fault| fault.element(i)))
            }
            Kind::Struct(fields) => self.fields(fields),
            Kind::NullableStruct(fields) => match i8::from_be_bytes(self.take()?) {
                -1 => Ok(()),
                _there => self.fields(fields),
            },
        }
    }

    fn fields(&mut self, fields: &[Field]) -> Result<(), Fault> {
        self.plain_fields(fields)?;
        self.tags(&[])
    }

    fn plain_fields(&mut self, fields: &[Field]) -> Result<(), Fault> {
        for field in fields {
            let (first, last) = field.versions;
            if (first..=last).contains(&self.version) {
                self.value(&field.kind).map_err(|fault| fault.inside(field.name))?;
            }
        }
        Ok(())
    }

    /// Tagged fields (KIP-482). Of all but `lists` the size is enough: they hold no lists.
    fn tags(&mut self, lists: &[TaggedList]) -> Result<(), Fault> {
        if !self.flexible {
            return Ok(());
        }
        let count = self.unsigned_varint().map_err(|fault| fault.inside("tagged fields"))?;
        for _ in 0..count {
            let tag = self.unsigned_varint().map_err(|fault| fault.inside("tagged fields"))?;
            let name = format!("tagged field {tag}");
            let size = self.unsigned_varint().map_err(|fault| fault.inside(&name))?;
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            match lists.iter().find(|list| list.tag == tag) {
                // The decoder reads the list and does not look at the size.
                Some(list) => self.value(&list.kind).map_err(|fault| fault.inside(list.name))?,
                None => self.skip(size).map_err(|fault| fault.inside(&name))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Request;
    use crate::wire::codec::{decode_request, encode_request};
    use bytes::{BufMut, Bytes, BytesMut};

    const NAME: &str = "ab";

    /// A frame with every field of its version, lists with two elements.
    fn example(api: &ServedApi, version: i16) -> Bytes {
        let flexible = is_flexible(api.key, version);
        let mut out = BytesMut::new();
        out.put_i16(api.key as i16);
        out.put_i16(version);
        out.put_i32(7);
        write(&mut out, &Kind::Text, version, false);
        if flexible {
            out.put_u8(0);
        }
        let fields = table::fields(api.key).expect(api.name);
        write(&mut out, &Kind::Struct(fields), version, flexible);
        out.freeze()
    }

    fn write(out: &mut BytesMut, kind: &Kind, version: i16, flexible: bool) {
        let length = |out: &mut BytesMut, len: u8, wide: bool| match (flexible, wide) {
            (true, _) => out.put_u8(len + 1),
            (false, true) => out.put_i32(len.into()),
            (false, false) => out.put_i16(len.into()),
        };
        match kind {
            Kind::Fixed(len) => out.put_bytes(1, *len),
            Kind::Text | Kind::Bytes => {
                length(out, 2, matches!(kind, Kind::Bytes));
                out.put_slice(NAME.as_bytes());
            }
            Kind::List(element) => {
                length(out, 2, true);
                // A map in the decoder's types would want two names; lists they all are.
                (0..2).for_each(|_| write(out, element, version, flexible));
            }
            Kind::NullableStruct(fields) => {
                out.put_i8(1);
                write(out, &Kind::Struct(fields), version, flexible);
            }
            Kind::Struct(fields) => {
                for field in *fields {
                    if (field.versions.0..=field.versions.1).contains(&version) {
                        write(out, &field.kind, version, flexible);
                    }
                }
                if flexible {
                    out.put_u8(0);
                }
            }
        }
    }

    fn every_version() -> impl Iterator<Item = (&'static ServedApi, i16)> {
        ServedApi::ALL
            .iter()
            .flat_map(|api| (api.min_version..=api.max_version).map(move |v| (api, v)))
    }

    #[test]
    fn the_table_and_the_decoders_agree_on_every_version() {
        for (api, version) in every_version() {
            let frame = example(api, version);
            let place = format!("{} version {version}", api.name);
            assert_eq!(check(api, version, &frame), Ok(()), "{place}");
            let request = decode_request(frame.clone());
            let request = request.unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(encode_request(&request).as_ref(), Ok(&frame), "{place}");
        }
    }

    #[test]
    fn every_frame_cut_short_is_refused_by_its_field() {
        for (api, version) in every_version() {
            let frame = example(api, version);
            for len in 8..frame.len() {
                let error = check(api, version, &frame[..len]).expect_err(api.name);
                assert!(!error.field.is_empty(), "{error:?}");
            }
        }
    }

    #[test]
    fn a_list_longer_than_its_frame_never_reaches_the_decoder() {
        let said = |frame: &'static [u8]| {
            decode_request(Bytes::from_static(frame)).expect_err("refused").to_string()
        };
        assert_eq!(
            said(b"\0\x03\0\x01\0\0\0\x07\xff\xff\x7f\xff\xff\xff"),
            "Metadata request version 1: topics: malformed at byte 14: found 2147483647 elements in 0 bytes"
        );
        assert_eq!(
            said(b"\0\x03\0\x0c\0\0\0\x07\xff\xff\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09ab"),
            "Metadata request version 12: topics[0].name: malformed at byte 29: found 2 bytes, expected 8"
        );
    }

    #[test]
    fn a_list_in_a_tagged_field_is_looked_over_too() {
        let heartbeat = |tag: &'static [u8]| {
            let mut frame = BytesMut::new();
            frame.put_slice(b"\0\x3f\0\x01\0\0\0\x07\xff\xff\0");
            frame.put_i32(1);
            frame.put_i64(1);
            frame.put_i64(1);
            frame.put_slice(&[0, 0]);
            frame.put_slice(tag);
            decode_request(frame.freeze())
        };
        assert_eq!(
            heartbeat(b"\x01\0\x05\xff\xff\xff\x7f").expect_err("refused").to_string(),
            "BrokerHeartbeat request version 1: offline_log_dirs: malformed at byte 40: \
             found 268435454 elements in 0 bytes"
        );
        let one = heartbeat(b"\x01\0\x11\x020123456789abcdef").expect("a list of one");
        let Request::BrokerHeartbeat(body) = one.body else { panic!("{one:?}") };
        assert_eq!(body.offline_log_dirs.len(), 1);
    }

    #[test]
    fn a_frame_full_of_empty_elements_is_refused_before_room_is_made_for_them() {
        // Metadata version 1: names of no byte, two bytes each.
        let mut frame = BytesMut::from(&b"\0\x03\0\x01\0\0\0\x07\xff\xff\0\x0f\x42\x41"[..]);
        frame.put_bytes(0, 2 * 1_000_001);
        assert_eq!(
            decode_request(frame.freeze()).expect_err("refused").to_string(),
            "Metadata request version 1: topics: malformed at byte 14: found 1000001 elements in the request, \
             expected at most 1000000"
        );
    }

    #[test]
    fn what_the_table_lets_through_decodes_or_is_refused() {
        // Each byte of each example by itself, over values that lengths find hard.
        for (api, version) in every_version() {
            let frame = example(api, version);
            for at in 8..frame.len() {
                for value in [0, 1, 3, 0x7f, 0x80, 0xff] {
                    let mut bytes = BytesMut::from(&frame[..]);
                    bytes[at] = value;
                    let _ = decode_request(bytes.freeze());
                }
            }
        }
    }
}
