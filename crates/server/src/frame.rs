//! Frames on a stream: four bytes of length, big endian, then that many bytes (`NetworkReceive`).

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Bytes of the length.
const SIZE: usize = 4;
/// Room for small frames: read together, and handed out as slices of one buffer.
const READ_AHEAD_BYTES: usize = 4 * 1024;
/// A frame from here on gets a buffer of its own, of its size: then the log can keep a batch in it as
/// it came, and nothing else is kept with it.
const OWN_BUFFER_BYTES: usize = 16 * 1024;
/// Room made at once for such a frame: a length that promises more is believed as its bytes arrive.
const BELIEVED_BYTES: usize = 2 * 1024 * 1024;

/// Why no frame could be read.
#[derive(Debug)]
pub(crate) enum FrameError {
    Io(io::Error),
    /// A length that is negative or over the limit.
    Size {
        size: i32,
        max: usize,
    },
    /// The other side closed inside a frame.
    Cut {
        got: usize,
        expected: usize,
    },
    /// Not a byte for this long.
    Idle(Duration),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Size { size, max } => {
                write!(f, "frame: size {size}, expected 0 to {max} (socket.request.max.bytes)")
            }
            Self::Cut { got, expected } => {
                write!(f, "frame: closed after {got} bytes, expected {expected}")
            }
            Self::Idle(limit) => {
                write!(f, "no byte for {} ms (connections.max.idle.ms)", limit.as_millis())
            }
        }
    }
}

/// Reads frames off a stream.
pub(crate) struct FrameReader<R> {
    stream: R,
    buffer: BytesMut,
    /// A large frame that has begun, and its size.
    large: Option<(BytesMut, usize)>,
    max_bytes: usize,
    idle: Duration,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(stream: R, max_bytes: usize, idle: Duration) -> Self {
        Self { stream, buffer: BytesMut::new(), large: None, max_bytes, idle }
    }

    /// The next frame without its length; `None` where the other side closed between two frames.
    /// May be dropped and called again, also after [`FrameError::Idle`]: nothing read is lost.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            if self.large.is_some() {
                return self.rest_of_large().await.map(Some);
            }
            let size = match self.buffer.first_chunk::<SIZE>() {
                Some(size) => {
                    let size = i32::from_be_bytes(*size);
                    let in_range = usize::try_from(size).ok().filter(|s| *s <= self.max_bytes);
                    in_range.ok_or(FrameError::Size { size, max: self.max_bytes })?
                }
                None => 0,
            };
            let expected = SIZE + size;
            if self.buffer.len() >= expected {
                let mut frame = self.buffer.split_to(expected);
                frame.advance(SIZE);
                return Ok(Some(frame.freeze()));
            }
            if size >= OWN_BUFFER_BYTES {
                self.buffer.advance(SIZE);
                let mut large = BytesMut::with_capacity(size.min(BELIEVED_BYTES));
                large.extend_from_slice(&self.buffer);
                self.buffer.clear();
                self.large = Some((large, size));
                continue;
            }
            self.buffer.reserve((expected - self.buffer.len()).max(READ_AHEAD_BYTES));
            let read = timeout(self.idle, self.stream.read_buf(&mut self.buffer)).await;
            match read.map_err(|_elapsed| FrameError::Idle(self.idle))? {
                Ok(0) if self.buffer.is_empty() => return Ok(None),
                Ok(0) => return Err(FrameError::Cut { got: self.buffer.len(), expected }),
                Ok(_some) => {}
                Err(error) => return Err(FrameError::Io(error)),
            }
        }
    }

    async fn rest_of_large(&mut self) -> Result<Bytes, FrameError> {
        while let Some((frame, size)) = &mut self.large
            && frame.len() < *size
        {
            let left = *size - frame.len();
            if frame.capacity() == frame.len() {
                frame.reserve(left.min(frame.len()));
            }
            // Not a byte of the next frame.
            let mut stream = (&mut self.stream).take(left as u64);
            let read = timeout(self.idle, stream.read_buf(frame)).await;
            match read.map_err(|_elapsed| FrameError::Idle(self.idle))? {
                Ok(0) => {
                    let (got, expected) = (SIZE + frame.len(), SIZE + *size);
                    return Err(FrameError::Cut { got, expected });
                }
                Ok(_some) => {}
                Err(error) => return Err(FrameError::Io(error)),
            }
        }
        Ok(self.large.take().map(|(frame, _)| frame.freeze()).unwrap_or_default())
    }
}

/// The four bytes before a frame of so many bytes. `None` over 2 GiB, which no length can say.
pub(crate) fn size_of(len: usize) -> Option<[u8; SIZE]> {
    let size = i32::try_from(len).ok()?;
    let mut out = [0; SIZE];
    (&mut out[..]).put_i32(size);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_millis(20);

    fn read_all(bytes: &'static [u8], max_bytes: usize) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let mut reader = FrameReader::new(bytes, max_bytes, IDLE);
            let mut seen = Vec::new();
            loop {
                match reader.next().await {
                    Ok(Some(frame)) => seen.push(String::from_utf8_lossy(&frame).into_owned()),
                    Ok(None) => return seen,
                    Err(error) => {
                        seen.push(error.to_string());
                        return seen;
                    }
                }
            }
        })
    }

    #[test]
    fn frames_come_one_after_the_other() {
        assert_eq!(read_all(b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01c", 100), ["ab", "", "c"]);
    }

    #[test]
    fn a_cut_frame_says_how_much_is_missing() {
        let said = "frame: closed after 5 bytes, expected 6";
        assert_eq!(read_all(b"\0\0\0\x02a", 100), [said]);
        assert_eq!(read_all(b"\0\0", 100), ["frame: closed after 2 bytes, expected 4"]);
    }

    #[test]
    fn a_large_frame_has_a_buffer_of_its_own_and_takes_nothing_from_the_next() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            use tokio::io::AsyncWriteExt;
            let size = OWN_BUFFER_BYTES + BELIEVED_BYTES + 5;
            let mut bytes = (size as i32).to_be_bytes().to_vec();
            bytes.extend((0..size).map(|at| at as u8));
            let wanted = bytes[SIZE..].to_vec();
            bytes.extend(b"\0\0\0\x02ab");
            let (mut writer, stream) = tokio::io::duplex(100_000);
            let mut reader = FrameReader::new(stream, size, Duration::from_secs(60));
            let write = async {
                writer.write_all(&bytes).await.expect("read");
                writer.write_all(&(size as i32).to_be_bytes()).await.expect("read");
                drop(writer);
            };
            let read = async {
                let large = reader.next().await.expect("a frame").expect("not the end");
                assert!(large == wanted);
                let own = large.try_into_mut().expect("nobody else holds it");
                assert!(own.capacity() < 2 * size);
                assert_eq!(reader.next().await.expect("a frame").as_deref(), Some(&b"ab"[..]));
                let cut = reader.next().await.expect_err("cut").to_string();
                assert_eq!(cut, format!("frame: closed after 4 bytes, expected {}", size + SIZE));
            };
            tokio::join!(write, read);
        });
    }

    #[test]
    fn a_size_out_of_range_is_refused_before_anything_is_kept_for_it() {
        let of = |size| format!("frame: size {size}, expected 0 to 100 (socket.request.max.bytes)");
        assert_eq!(read_all(b"GET / HTTP/1.1\r\n", 100), [of(0x4745_5420)]);
        assert_eq!(read_all(b"\xff\xff\xff\xff", 100), [of(-1)]);
        assert_eq!(read_all(b"\0\0\0\x65", 100), [of(101)]);
    }

    #[test]
    fn silence_is_told_and_nothing_read_is_lost() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            use tokio::io::AsyncWriteExt;
            let (mut writer, stream) = tokio::io::duplex(64);
            let mut reader = FrameReader::new(stream, 100, IDLE);
            writer.write_all(b"\0\0\0\x02a").await.expect("room");
            assert!(matches!(reader.next().await, Err(FrameError::Idle(_))));
            writer.write_all(b"b").await.expect("room");
            assert_eq!(reader.next().await.expect("a frame").as_deref(), Some(&b"ab"[..]));
        });
    }
}
