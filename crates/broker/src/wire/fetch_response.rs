//! A fetch response as the pieces to write one after the other: what stands between the records is
//! encoded, the records are shared with the log.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::FetchResponse;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::protocol::Encodable;

/// First version with compact lengths and tagged fields (KIP-482).
const FLEXIBLE: i16 = 12;
/// First version that names topics by id (KIP-516).
const TOPIC_ID_VERSION: i16 = 13;
/// First version with sessions and an error of the whole response (KIP-227).
const SESSION_VERSION: i16 = 7;
/// A piece shorter than this is copied: a part of a vectored write costs about as much.
const COPY_BELOW_BYTES: usize = 256;

/// Whether [`encode`] can write it: it knows no tagged fields.
pub(super) fn is_plain(response: &FetchResponse) -> bool {
    response.node_endpoints.is_empty()
        && response.unknown_tagged_fields.is_empty()
        && response.responses.iter().all(|topic| {
            topic.unknown_tagged_fields.is_empty() && !topic.partitions.iter().any(has_tags)
        })
}

fn has_tags(data: &PartitionData) -> bool {
    data.diverging_epoch != Default::default()
        || data.current_leader != Default::default()
        || data.snapshot_id != Default::default()
        || !data.unknown_tagged_fields.is_empty()
}

/// Appends the body to `out`; `buf` holds what stands before it. `rest`: for each partition the pieces
/// of records that follow the one in the response.
pub(super) fn encode(
    response: FetchResponse,
    version: i16,
    rest: Vec<Vec<Bytes>>,
    mut buf: BytesMut,
    out: &mut Vec<Bytes>,
) -> Result<(), String> {
    let mut rest = rest.into_iter();
    buf.put_i32(response.throttle_time_ms);
    if version >= SESSION_VERSION {
        buf.put_i16(response.error_code);
        buf.put_i32(response.session_id);
    }
    put_count(&mut buf, version, response.responses.len())?;
    for topic in response.responses {
        let FetchableTopicResponse { topic, topic_id, partitions, .. } = topic;
        if version >= TOPIC_ID_VERSION {
            buf.put_slice(topic_id.as_bytes());
        } else {
            put_text(&mut buf, version, &topic)?;
        }
        put_count(&mut buf, version, partitions.len())?;
        for data in partitions {
            let more = rest.next().unwrap_or_default();
            put_partition(&mut buf, version, data, more, out)?;
        }
        put_no_tags(&mut buf, version);
    }
    put_no_tags(&mut buf, version);
    out.push(buf.freeze());
    Ok(())
}

fn put_partition(
    buf: &mut BytesMut,
    version: i16,
    mut data: PartitionData,
    more: Vec<Bytes>,
    out: &mut Vec<Bytes>,
) -> Result<(), String> {
    let first = data.records.as_ref().map_or(0, Bytes::len);
    let size = first + more.iter().map(Bytes::len).sum::<usize>();
    if size == 0 {
        return data.encode(buf, version).map_err(|error| error.to_string());
    }
    let first = data.records.replace(Bytes::new()).unwrap_or_default();
    data.encode(buf, version).map_err(|error| error.to_string())?;
    // The length of no records, and no tagged fields, end a partition: they are written anew.
    let end = if version >= FLEXIBLE { 2 } else { 4 };
    buf.truncate(buf.len() - end);
    if version >= FLEXIBLE {
        let size = u32::try_from(size).ok().and_then(|size| size.checked_add(1));
        put_unsigned_varint(buf, size.ok_or("records of more than 4 GiB")?);
    } else {
        buf.put_i32(i32::try_from(size).map_err(|_| "records of more than 2 GiB")?);
    }
    for piece in core::iter::once(first).chain(more) {
        if piece.len() < COPY_BELOW_BYTES {
            buf.put_slice(&piece);
        } else {
            out.push(buf.split().freeze());
            out.push(piece);
        }
    }
    put_no_tags(buf, version);
    Ok(())
}

fn put_no_tags(buf: &mut BytesMut, version: i16) {
    if version >= FLEXIBLE {
        buf.put_u8(0);
    }
}

fn put_count(buf: &mut BytesMut, version: i16, count: usize) -> Result<(), String> {
    let count = i32::try_from(count).map_err(|_| "an array of more than 2^31 elements")?;
    if version >= FLEXIBLE {
        put_unsigned_varint(buf, count.unsigned_abs() + 1);
    } else {
        buf.put_i32(count);
    }
    Ok(())
}

fn put_text(buf: &mut BytesMut, version: i16, text: &str) -> Result<(), String> {
    let length = i16::try_from(text.len()).map_err(|_| "a topic name of more than 32767 bytes")?;
    if version >= FLEXIBLE {
        put_unsigned_varint(buf, u32::from(length.unsigned_abs()) + 1);
    } else {
        buf.put_i16(length);
    }
    buf.put_slice(text.as_bytes());
    Ok(())
}

/// `ByteUtils.writeUnsignedVarint`.
fn put_unsigned_varint(buf: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        buf.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    buf.put_u8(value as u8);
}
