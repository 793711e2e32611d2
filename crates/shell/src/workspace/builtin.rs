//! What a shell answers itself: `cat`, `ls`, `echo`, `help`.

use logbrook_sorted::SortedMap;

use super::Outcome;
use crate::action::Output;
use crate::tools::{self, ToolNotFound};

/// Runs a word of the shell's own; none if the command is no such word.
pub(super) fn run(argv: &[String], files: &SortedMap<String, String>) -> Option<Outcome> {
    let (name, arguments) = argv.split_first()?;
    let output = match name.as_str() {
        "echo" => stdout(format!("{}\n", arguments.join(" "))),
        "ls" => stdout(files.keys().map(|name| format!("{name}\n")).collect()),
        "cat" => cat(arguments, files),
        "help" => return Some(Outcome { hint: Some(overview()), ..Outcome::default() }),
        _a_tool => return None,
    };
    Some(Outcome { output: Some(output), ..Outcome::default() })
}

fn stdout(text: String) -> Output {
    Output { stdout: text, stderr: String::new(), exit: Some(0) }
}

fn cat(names: &[String], files: &SortedMap<String, String>) -> Output {
    let mut out = Output { exit: Some(0), ..Output::default() };
    for name in names {
        match files.get(name) {
            Some(text) => out.stdout.push_str(text),
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
