//! `GET /metrics` and nothing else: one small request a connection, one response, closed.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

/// A request's line and headers.
const HEAD_BYTES: usize = 8 * 1024;
/// Time for one request and its response.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; those beyond wait to be accepted.
const CONNECTIONS: usize = 16;

/// Where to send the text.
pub(crate) type Ask = oneshot::Sender<String>;

/// Answers scrapes until the other end of `asks` is gone.
pub(crate) async fn serve(listener: TcpListener, asks: mpsc::Sender<Ask>) {
    let room = std::sync::Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = std::sync::Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let asks = asks.clone();
                tokio::spawn(async move {
                    // A scrape that is too slow is its own loss.
                    let _ = timeout(PATIENCE, answer(stream, asks)).await;
                    drop(place);
                });
            }
            Err(error) => {
                log::warn!("Metrics: accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream, asks: mpsc::Sender<Ask>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = (&mut stream).take(1024).read_buf(&mut head).await?;
        if read == 0 || head.len() > HEAD_BYTES {
            return Ok(());
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let (status, body) = match words.as_slice() {
        [b"GET" | b"HEAD", b"/metrics", version] if version.starts_with(b"HTTP/1.") => {
            let (ask, text) = oneshot::channel();
            let asked = asks.send(ask).await.is_ok();
            match text.await {
                Ok(text) if asked => ("200 OK", text),
                _stopping => return Ok(()),
            }
        }
        [b"GET" | b"HEAD", _, _] => ("404 Not Found", "Only /metrics is here.\n".to_owned()),
        _other => ("405 Method Not Allowed", "Only GET is answered.\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    if words.first() != Some(&&b"HEAD"[..]) {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}
