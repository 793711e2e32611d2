//! What a shell answers itself: `cat`, `ls`, `echo`, `help`.

use logbrook_cluster::Cluster;
use logbrook_sorted::SortedMap;

use super::{Outcome, broker_files};
use crate::action::Output;
use crate::tools::{self, ToolNotFound};

/// Runs a word of the shell's own; none if the command is no such word.
pub(super) fn run(
    argv: &[String],
    files: &SortedMap<String, String>,
    cluster: &Cluster,
) -> Option<Outcome> {
    let (name, arguments) = argv.split_first()?;
    let output = match name.as_str() {
        "echo" => stdout(format!("{}\n", arguments.join(" "))),
        "ls" if !arguments.is_empty() => list(arguments, files, cluster),
        "ls" => stdout(files.keys().map(|name| format!("{name}\n")).collect()),
        "cat" => cat(arguments, files, cluster),
        "help" => return Some(Outcome { hint: Some(overview()), ..Outcome::default() }),
        _a_tool => return None,
    };
    Some(Outcome { output: Some(output), ..Outcome::default() })
}

fn stdout(text: String) -> Output {
    Output { stdout: text, stderr: String::new(), exit: Some(0) }
}

/// Files of the working directory, or what is in a log directory of a broker.
fn list(names: &[String], files: &SortedMap<String, String>, cluster: &Cluster) -> Output {
    let mut out = Output { exit: Some(0), ..Output::default() };
    for name in names {
        let found = match files.contains_key(name) {
            true => Some(vec![name.clone()]),
            false => broker_files::list(cluster, name),
        };
        match found {
            Some(names) => out.stdout.extend(names.into_iter().map(|name| name + "\n")),
            None => {
                out.stderr
                    .push_str(&format!("ls: cannot access '{name}': No such file or directory\n"));
                out.exit = Some(2);
            }
        }
    }
    out
}

fn cat(names: &[String], files: &SortedMap<String, String>, cluster: &Cluster) -> Output {
    let mut out = Output { exit: Some(0), ..Output::default() };
    for name in names {
        let text = files.get(name).cloned().or_else(|| {
            let bytes = broker_files::read(cluster, name)?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        });
        match text {
            Some(text) => out.stdout.push_str(&text),
            None => {
                out.stderr.push_str(&format!("cat: {name}: No such file or directory\n"));
                out.exit = Some(1);
            }
        }
    }
    out
}

/// What to type instead of a command that does not exist.
pub(super) fn help(unknown: &ToolNotFound) -> String {
    match unknown.nearest {
        Some(nearest) => format!("Did you mean {nearest}? `help` lists what there is."),
        None => overview(),
    }
}

fn overview() -> String {
    let tools: Vec<&str> = tools::names().collect();
    format!(
        "Kafka's tools: {}. Each explains itself with --help. Also cat, ls, echo, and lab lines that \
         begin with @, such as @sleep 5.",
        tools.join(", ")
    )
}
