//! Kafka's command line tools by their own names, over TCP: `logbrook kafka-topics.sh …`.

use std::fs;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::thread;

use logbrook_client::process::Signal;
use logbrook_server::{Output, TerminalInput, run_process};
use logbrook_shell::tools::{self, ToolEnv, kafka_dump_log};
use tokio::sync::mpsc;

use crate::serve::{runtime, seed};

/// Tools that read standard input. The others leave it to whatever runs after them in a script.
const READS_STDIN: &[&str] = &["kafka-console-producer.sh", "kafka-drive"];
/// Lines read ahead of a producer.
const LINES: usize = 1024;
/// A property file is far smaller.
const FILE_BYTES: u64 = 1024 * 1024;

/// The tool's own exit code; 2 where there is no such tool.
pub(crate) fn run(argv: &[String]) -> ExitCode {
    let env = ToolEnv { files: files(argv), disk: disk(argv), seed: seed() };
    let process = match tools::tool(argv, &env) {
        Ok(process) => process,
        Err(unknown) => {
            eprint!(
                "logbrook: `{}` is neither a subcommand nor a tool of this build",
                unknown.name
            );
            match unknown.nearest {
                Some(nearest) => eprintln!("; did you mean `{nearest}`?"),
                None => eprintln!(),
            }
            let names: Vec<&str> = tools::names().collect();
            eprintln!("Tools: {}. Subcommands: logbrook --help.", names.join(", "));
            return ExitCode::from(2);
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(message) => {
            eprintln!("logbrook: {message}");
            return ExitCode::from(2);
        }
    };
    let code = runtime.block_on(async {
        let (sender, terminal) = mpsc::channel(LINES);
        if argv.first().is_some_and(|name| READS_STDIN.contains(&name.as_str())) {
            let lines = sender.clone();
            thread::spawn(move || read_stdin(&lines));
        }
        tokio::spawn(signals(sender));
        run_process(process, terminal, &mut Terminal).await
    });
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The files that the command line names, as an option's value or after a `=`.
fn files(argv: &[String]) -> logbrook_sorted::SortedMap<String, String> {
    let words = argv.iter().skip(1).flat_map(|word| match word.split_once('=') {
        Some((_, value)) => vec![word.as_str(), value],
        None => vec![word.as_str()],
    });
    let read = |name: &str| {
        let known = fs::metadata(name).ok()?;
        let text =
            (known.is_file() && known.len() <= FILE_BYTES).then(|| fs::read(name).ok())??;
        Some((name.to_owned(), String::from_utf8_lossy(&text).into_owned()))
    };
    words.filter_map(read).collect()
}

/// The files of a broker that `kafka-dump-log.sh` is to read, whole.
fn disk(argv: &[String]) -> kafka_dump_log::Files {
    if argv.first().is_none_or(|name| name != "kafka-dump-log.sh") {
        return kafka_dump_log::Files::default();
    }
    let read = |path: String| {
        let bytes = fs::read(&path).ok()?;
        Some((path, bytes.into()))
    };
    kafka_dump_log::files_of(argv).into_iter().filter_map(read).collect()
}

fn read_stdin(lines: &mpsc::Sender<TerminalInput>) {
    let mut stdin = io::stdin().lock();
    let mut line = Vec::new();
    while stdin.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        // As BufferedReader.readLine takes a line's end.
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let text = String::from_utf8_lossy(text).into_owned();
        if lines.blocking_send(TerminalInput::Line(text)).is_err() {
            return;
        }
        line.clear();
    }
    let _ = lines.blocking_send(TerminalInput::Closed);
}

/// Ctrl-C and SIGTERM are the tool's to answer; a second Ctrl-C ends it whatever it does.
async fn signals(terminal: mpsc::Sender<TerminalInput>) {
    #[cfg(unix)]
    if let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        let terminal = terminal.clone();
        tokio::spawn(async move {
            while term.recv().await.is_some() {
                let _ = terminal.send(TerminalInput::Signal(Signal::Term)).await;
            }
        });
    }
    let mut asked = false;
    while tokio::signal::ctrl_c().await.is_ok() {
        if asked {
            std::process::exit(130);
        }
        asked = true;
        // Not awaited: a full channel must not keep a second Ctrl-C from ending the tool.
        let _ = terminal.try_send(TerminalInput::Signal(Signal::Int));
    }
}

struct Terminal;

impl Output for Terminal {
    fn stdout(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn stderr(&mut self, text: &str) -> io::Result<()> {
        io::stderr().lock().write_all(text.as_bytes())
    }
}
