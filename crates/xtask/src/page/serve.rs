//! A static server on 127.0.0.1 for one folder: brotli where the browser takes it, 404.html where
//! there is nothing, never a stale copy.

use crate::say::{Doing, Result, failure};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Where the port is looked for when none is asked for.
const FIRST_PORT: u16 = 8030;
const PORTS_TRIED: u16 = 20;
/// A browser that opens a connection and says nothing is let go after this.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where a watched page listens for a rebuild.
const RELOAD: &str = "/__reload";
const RELOAD_SCRIPT: &str =
    "<script>new EventSource(\"/__reload\").onmessage = () => location.reload();</script>";

/// Counts rebuilds; pages that watch are told of each.
#[derive(Clone, Default)]
pub(crate) struct Rebuilds(Arc<(Mutex<u64>, Condvar)>);

impl Rebuilds {
    /// Tells every open page to load again.
    pub(crate) fn announce(&self) {
        let (count, changed) = &*self.0;
        *count.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
        changed.notify_all();
    }

    /// Waits for one more than `seen`; answers with the count, after at most `patience`.
    fn after(&self, seen: u64, patience: Duration) -> u64 {
        let (count, changed) = &*self.0;
        let count = count.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match changed.wait_timeout_while(count, patience, |count| *count == seen) {
            Ok((count, _)) => *count,
            Err(poisoned) => *poisoned.into_inner().0,
        }
    }

    fn now(&self) -> u64 {
        *self.0.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A bound server, not yet answering.
pub(crate) struct Server {
    listener: TcpListener,
    address: String,
}

/// Takes the asked port, or the first free one.
pub(crate) fn bind(asked: Option<u16>) -> Result<Server> {
    let listener = match asked {
        Some(port) => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|why| {
            if why.kind() == std::io::ErrorKind::AddrInUse {
                failure(format!("port {port} is in use; give another with --port, or none and a free one is taken."))
            } else {
                failure(format!("port {port} cannot be listened on: {why}"))
            }
        })?,
        None => (FIRST_PORT..FIRST_PORT + PORTS_TRIED)
            .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
            .ok_or_else(|| {
                let last = FIRST_PORT + PORTS_TRIED - 1;
                failure(format!("the ports {FIRST_PORT} to {last} are all in use; give a free one with --port."))
            })?,
    };
    let port = listener.local_addr().doing("the server's address")?.port();
    Ok(Server { listener, address: format!("http://127.0.0.1:{port}/") })
}

impl Server {
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Answers until the program ends. With `rebuilds`, pages load again after each.
    pub(crate) fn serve(self, dist: &Path, rebuilds: Option<&Rebuilds>) {
        let site = Arc::new(Site { dist: dist.to_path_buf(), rebuilds: rebuilds.cloned() });
        for connection in self.listener.incoming().flatten() {
            let site = Arc::clone(&site);
            // A browser that goes away in the middle of an answer is no news.
            thread::spawn(move || drop(site.talk(connection)));
        }
    }
}

struct Site {
    dist: PathBuf,
    rebuilds: Option<Rebuilds>,
}

/// What is needed of a request.
struct Asked {
    method: String,
    path: String,
    brotli: bool,
}

struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Site {
    /// Requests of one connection, one after the other.
    fn talk(&self, connection: TcpStream) -> std::io::Result<()> {
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_nodelay(true)?;
        let mut reader = BufReader::new(connection.try_clone()?);
        let mut writer = connection;
        while let Some(asked) = read_request(&mut reader)? {
            if let (Some(rebuilds), RELOAD) = (&self.rebuilds, asked.path.as_str()) {
                return tell_rebuilds(&mut writer, rebuilds);
            }
            let answer = self.answer(&asked);
            let mut head = format!(
                "HTTP/1.1 {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
                answer.status,
                answer.body.len()
            );
            for (name, value) in &answer.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            writer.write_all(head.as_bytes())?;
            if asked.method != "HEAD" {
                writer.write_all(&answer.body)?;
            }
            writer.flush()?;
        }
        Ok(())
    }

    fn answer(&self, asked: &Asked) -> Answer {
        if asked.method != "GET" && asked.method != "HEAD" {
            return Answer {
                status: "405 Method Not Allowed",
                headers: vec![("Allow", "GET, HEAD".into())],
                body: Vec::new(),
            };
        }
        let Some(under) = safe(&asked.path) else {
            return self.not_found(asked);
        };
        let file = self.dist.join(&under);
        if file.is_dir() {
            if !asked.path.ends_with('/') {
                let to = format!("{}/", asked.path);
                return Answer {
                    status: "301 Moved Permanently",
                    headers: vec![("Location", to)],
                    body: Vec::new(),
                };
            }
            return self
                .file(&file.join("index.html"), "200 OK", asked)
                .unwrap_or_else(|| self.not_found(asked));
        }
        self.file(&file, "200 OK", asked).unwrap_or_else(|| self.not_found(asked))
    }

    fn not_found(&self, asked: &Asked) -> Answer {
        self.file(&self.dist.join("404.html"), "404 Not Found", asked).unwrap_or_else(|| Answer {
            status: "404 Not Found",
            headers: Vec::new(),
            body: b"Not found\n".to_vec(),
        })
    }

    fn file(&self, file: &Path, status: &'static str, asked: &Asked) -> Option<Answer> {
        let extension = file.extension()?.to_str()?;
        let mut headers = vec![
            ("Content-Type", mime(extension).to_owned()),
            ("Vary", "Accept-Encoding".to_owned()),
        ];
        let packed = file.with_extension(format!("{extension}.br"));
        if asked.brotli && self.rebuilds.is_none() && packed.is_file() {
            headers.push(("Content-Encoding", "br".to_owned()));
            return Some(Answer { status, headers, body: fs::read(packed).ok()? });
        }
        let mut body = fs::read(file).ok()?;
        if extension == "html" && self.rebuilds.is_some() {
            body.extend_from_slice(RELOAD_SCRIPT.as_bytes());
        }
        Some(Answer { status, headers, body })
    }
}

/// Reads one request's head; none when the connection has ended.
fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let path = target.split(['?', '#']).next().unwrap_or_default().to_owned();
    let mut brotli = false;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            return Ok(Some(Asked { method, path, brotli }));
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("accept-encoding")
        {
            brotli = value.split(',').any(|coding| coding.trim().split(';').next() == Some("br"));
        }
    }
}

/// Server-sent events: one message for each rebuild, a comment now and then to notice a closed tab.
fn tell_rebuilds(writer: &mut TcpStream, rebuilds: &Rebuilds) -> std::io::Result<()> {
    writer.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n\r\n",
    )?;
    let mut seen = rebuilds.now();
    loop {
        let now = rebuilds.after(seen, PATIENCE);
        let message =
            if now == seen { ": still here\n\n".to_owned() } else { format!("data: {now}\n\n") };
        seen = now;
        writer.write_all(message.as_bytes())?;
        writer.flush()?;
    }
}

/// The request's path as a path under dist, or none when it leads out of it.
fn safe(path: &str) -> Option<PathBuf> {
    let decoded = percent_decoded(path)?;
    let relative = Path::new(decoded.strip_prefix('/')?);
    relative.components().all(|c| matches!(c, Component::Normal(_))).then(|| relative.to_path_buf())
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let text = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(text, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn mime(extension: &str) -> &'static str {
    match extension {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" | "session" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn site() -> (String, PathBuf) {
        let dist = std::env::temp_dir().join(format!(
            "logbrook-serve-{}-{:?}",
            std::process::id(),
            thread::current().id()
        ));
        fs::create_dir_all(dist.join("basics")).expect("folder");
        for (name, text) in [
            ("index.html", "home"),
            ("404.html", "none"),
            ("a.js", "plain"),
            ("a.js.br", "packed"),
            ("basics/index.html", "b"),
        ] {
            fs::write(dist.join(name), text).expect("file");
        }
        let server = bind(Some(0)).expect("a free port");
        let at = server.address().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let folder = dist.clone();
        thread::spawn(move || server.serve(&folder, None));
        (at, dist)
    }

    fn ask(at: &str, request: &str) -> String {
        let mut connection = TcpStream::connect(at).expect("connects");
        connection.write_all(request.as_bytes()).expect("writes");
        connection.shutdown(std::net::Shutdown::Write).expect("half closed");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("reads");
        answer
    }

    #[test]
    fn a_browser_gets_what_it_takes_and_nothing_outside_the_folder() {
        let (at, dist) = site();
        let packed = ask(&at, "GET /a.js HTTP/1.1\r\nAccept-Encoding: gzip, br\r\n\r\n");
        assert!(packed.contains("Content-Encoding: br") && packed.ends_with("packed"), "{packed}");
        assert!(packed.contains("text/javascript") && packed.contains("no-store"), "{packed}");
        assert!(ask(&at, "GET /a.js HTTP/1.1\r\n\r\n").ends_with("plain"));
        assert!(ask(&at, "GET /basics HTTP/1.1\r\n\r\n").contains("Location: /basics/"));
        assert!(ask(&at, "GET /?x=1 HTTP/1.1\r\n\r\n").ends_with("home"));
        for out in ["/../secret", "/%2e%2e/secret", "/nowhere", "//etc/passwd", "/%zz"] {
            let answer = ask(&at, &format!("GET {out} HTTP/1.1\r\n\r\n"));
            assert!(
                answer.starts_with("HTTP/1.1 404") && answer.ends_with("none"),
                "{out}: {answer}"
            );
        }
        assert!(ask(&at, "POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        let two = ask(&at, "HEAD / HTTP/1.1\r\n\r\nGET /basics/ HTTP/1.1\r\n\r\n");
        assert_eq!(two.matches("HTTP/1.1 200").count(), 2, "{two}");
        fs::remove_dir_all(dist).expect("cleaned");
    }

    #[test]
    fn a_taken_port_is_one_clear_sentence() {
        let first = bind(Some(0)).expect("a free port");
        let port = first.listener.local_addr().expect("address").port();
        let why = bind(Some(port)).err().expect("refused").to_string();
        assert_eq!(
            why,
            format!(
                "port {port} is in use; give another with --port, or none and a free one is taken."
            )
        );
    }
}
