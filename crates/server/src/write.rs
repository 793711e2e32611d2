//! Pieces of bytes onto a stream with few system calls (`writev`).

use std::io::{self, IoSlice};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Pieces handed to the system at once; it takes 1024 at most (`IOV_MAX`).
const SLICES: usize = 64;

/// Writes all pieces, one after the other. A reader that takes nothing for `idle` is an error of the
/// kind `TimedOut`.
pub(crate) async fn write_pieces<W: AsyncWrite + Unpin>(
    stream: &mut W,
    pieces: &[Bytes],
    idle: Duration,
) -> io::Result<()> {
    for window in pieces.chunks(SLICES) {
        let mut slices: Vec<IoSlice<'_>> = window.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut left = &mut slices[..];
        // Leaves out empty ones at the front.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let written =
                timeout(idle, stream.write_vectored(left)).await.map_err(|_elapsed| {
                    let idle_ms = idle.as_millis();
                    let text = format!("nothing read for {idle_ms} ms (connections.max.idle.ms)");
                    io::Error::new(io::ErrorKind::TimedOut, text)
                })??;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut left, written);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test);
    }

    #[test]
    fn many_pieces_arrive_in_order_through_a_narrow_stream() {
        run(async {
            let pieces: Vec<Bytes> = (0..200u8).map(|n| vec![n; usize::from(n)].into()).collect();
            let (mut here, mut there) = tokio::io::duplex(7);
            let write = async {
                write_pieces(&mut here, &pieces, Duration::from_secs(60)).await.expect("read");
                drop(here);
            };
            let mut read = Vec::new();
            let (_, all) = tokio::join!(write, there.read_to_end(&mut read));
            all.expect("read");
            assert_eq!(read, pieces.concat());
        });
    }

    #[test]
    fn a_reader_that_reads_nothing_is_given_up() {
        run(async {
            let (mut here, _there) = tokio::io::duplex(7);
            let pieces = [Bytes::from_static(b"0123456789")];
            let error = write_pieces(&mut here, &pieces, Duration::from_millis(20)).await;
            let said = error.expect_err("never read").to_string();
            assert_eq!(said, "nothing read for 20 ms (connections.max.idle.ms)");
        });
    }
}
