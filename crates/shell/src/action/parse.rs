//! Lines into entries.

use super::{Action, ActionError, Entry, Output, Span, verb};

/// Reads a file, a history or an answer: every line of the language.
pub fn parse_entries(text: &str) -> Result<Vec<Entry>, ActionError> {
    let mut entries: Vec<Entry> = Vec::new();
    if text.is_empty() {
        return Ok(entries);
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for (i, line) in body.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let number = i + 1;
        match line.chars().next() {
            Some('<') => stdin(&mut entries, line),
            Some('|' | '!' | '=' | '%') => recorded(&mut entries, line),
            _ => head(line).map(|(at_us, action)| {
                entries.push(Entry { line: number, at_us, action, recorded: None });
            }),
        }
        .map_err(|e| e.at_line(number))?;
    }
    Ok(entries)
}

/// The line that opens an entry, with its virtual time.
fn head(line: &str) -> Result<(Option<i64>, Action), ActionError> {
    if let Some(rest) = line.strip_prefix('+') {
        let (time, rest) = rest.split_once(' ').ok_or_else(|| {
            ActionError::new(
                line,
                "a line after its time, such as `+12.345 $ kafka-topics.sh --list`",
            )
        })?;
        return Ok((Some(Span::parse(time)?.us()), action(rest)?));
    }
    Ok((None, action(line)?))
}

fn action(line: &str) -> Result<Action, ActionError> {
    if line.trim().is_empty() {
        return Ok(Action::Blank);
    }
    if let Some(text) = line.strip_prefix('#') {
        return Ok(Action::Comment(text.to_string()));
    }
    if let Some(text) = line.strip_prefix('@') {
        return verb::parse(text);
    }
    if let Some(command) = line.strip_prefix("$ ") {
        if command.trim().is_empty() {
            return Err(ActionError::new(line, "a command after `$`"));
        }
        return Ok(Action::Run { command: command.trim().to_string(), stdin: Vec::new() });
    }
    if let Some(rest) = line.strip_prefix("& ") {
        let wrong = || ActionError::new(line, "`& NAME COMMAND`");
        let (name, command) = rest.trim().split_once(' ').ok_or_else(wrong)?;
        if !super::target::is_name(name) {
            return Err(wrong());
        }
        let (name, command) = (name.to_string(), command.trim().to_string());
        return Ok(Action::Background { name, command, stdin: Vec::new() });
    }
    Err(ActionError::new(
        line,
        "`$ COMMAND`, `& NAME COMMAND`, `@verb …`, `# comment`, `< input`, or recorded output (`| `, `! `, `= `, `%no-newline`)",
    ))
}

fn stdin(entries: &mut [Entry], line: &str) -> Result<(), ActionError> {
    let text = line_text(line)?;
    let wrong = || ActionError::new(line, "`< text` only after `$`, `&` or `@file`");
    let entry = entries.last_mut().ok_or_else(wrong)?;
    if entry.recorded.is_some() {
        return Err(ActionError::new(line, "`< text` before the recorded output"));
    }
    match &mut entry.action {
        Action::Run { stdin, .. } | Action::Background { stdin, .. } => stdin.push(text),
        Action::File { lines, .. } => lines.push(text),
        _ => return Err(wrong()),
    }
    Ok(())
}

fn recorded(entries: &mut [Entry], line: &str) -> Result<(), ActionError> {
    let entry = entries
        .last_mut()
        .filter(|e| {
            matches!(
                e.action,
                Action::Run { .. } | Action::Close(_) | Action::Wait(_) | Action::Stop(_)
            )
        })
        .ok_or_else(|| {
            ActionError::new(line, "recorded output only after `$`, `@close`, `@wait` or `@stop`")
        })?;
    let output = entry.recorded.get_or_insert_with(Output::default);
    if output.exit.is_some() {
        return Err(ActionError::new(line, "nothing after the exit code"));
    }
    match line.as_bytes()[0] {
        b'|' => push_line(&mut output.stdout, &line_text(line)?, line),
        b'!' => push_line(&mut output.stderr, &line_text(line)?, line),
        b'=' => {
            let code = line_text(line)?;
            let code = code
                .trim()
                .parse()
                .map_err(|_| ActionError::new(line, "an exit code such as `= 0`"))?;
            output.exit = Some(code);
            Ok(())
        }
        _ => {
            let stream = match line {
                "%no-newline stdout" => &mut output.stdout,
                "%no-newline stderr" => &mut output.stderr,
                _ => {
                    return Err(ActionError::new(
                        line,
                        "`%no-newline stdout` or `%no-newline stderr`",
                    ));
                }
            };
            match stream.pop() {
                Some('\n') => Ok(()),
                _ => Err(ActionError::new(line, "lines of that stream above it")),
            }
        }
    }
}

fn push_line(stream: &mut String, text: &str, line: &str) -> Result<(), ActionError> {
    if !stream.is_empty() && !stream.ends_with('\n') {
        return Err(ActionError::new(line, "no more of a stream after its %no-newline"));
    }
    stream.push_str(text);
    stream.push('\n');
    Ok(())
}

/// What stands after the mark and one blank; the mark alone is an empty line.
fn line_text(line: &str) -> Result<String, ActionError> {
    let rest = &line[1..];
    match rest.strip_prefix(' ') {
        Some(text) => Ok(text.to_string()),
        None if rest.is_empty() => Ok(String::new()),
        None => Err(ActionError::new(line, "a blank after the first character")),
    }
}
