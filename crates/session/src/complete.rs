//! Completion in a terminal's field.

use crate::play::Play;
use crate::view::Completion;

impl Play {
    /// The field's text has changed: what could stand next?
    pub(crate) fn input(&mut self, tab: u32, text: &str, cursor: usize) {
        let Some(terminal) = self.tabs.get(tab) else { return };
        terminal.input.text = text.to_owned();
        terminal.input.cursor = cursor;
        if terminal.live.is_some() {
            terminal.completions.clear();
            terminal.ghost.clear();
            return;
        }
        let found =
            logbrook_shell::completion::complete(text, byte_at(text, cursor), &self.run.workspace);
        let level = self.run.level().clone();
        let typed: usize =
            found.first().map_or(0, |c| byte_at(text, cursor).saturating_sub(c.from));
        let ghost = found.first().and_then(|c| c.text.get(typed..)).unwrap_or_default().to_owned();
        let completion = |c: &logbrook_shell::completion::Completion| Completion {
            text: c.text.clone(),
            about: c.description.clone(),
            denied: denied(&level, &c.text),
        };
        let completions = found.iter().map(completion).collect();
        if let Some(terminal) = self.tabs.get(tab) {
            terminal.completions = completions;
            terminal.chosen = 0;
            terminal.ghost = if text.is_empty() { String::new() } else { ghost };
        }
    }

    /// Puts a completion into the field.
    pub(crate) fn complete(&mut self, tab: u32, index: Option<usize>) {
        let Some(terminal) = self.tabs.get(tab) else { return };
        let (text, cursor) = (terminal.input.text.clone(), terminal.input.cursor);
        let at = byte_at(&text, cursor);
        let chosen = index.unwrap_or(terminal.chosen);
        let found = logbrook_shell::completion::complete(&text, at, &self.run.workspace);
        let Some(completion) = found.get(chosen) else { return };
        let whole =
            format!("{}{} {}", &text[..completion.from], completion.text, text[at..].trim_start());
        let cursor = text[..completion.from].chars().count() + completion.text.chars().count() + 1;
        if let Some(terminal) = self.tabs.get(tab) {
            terminal.put_in(&whole);
            terminal.input.cursor = cursor;
        }
        self.input(tab, &whole, cursor);
    }
}

fn byte_at(text: &str, cursor: usize) -> usize {
    text.char_indices().nth(cursor).map_or(text.len(), |(at, _)| at)
}

fn denied(level: &logbrook_lab::level::Level, word: &str) -> Option<String> {
    let action = logbrook_shell::Action::parse(&match word.strip_prefix('@') {
        Some(_) => return denied_verb(level, word),
        None => format!("$ {word}"),
    });
    logbrook_lab::permission::check(level, &action.ok()?).err().map(|refused| refused.why)
}

fn denied_verb(level: &logbrook_lab::level::Level, word: &str) -> Option<String> {
    let verb = word.trim_start_matches('@');
    let free = ["at", "until", "predict", "note", "feed", "expect", "close", "wait", "file"];
    let allowed = free.contains(&verb) || level.may.lab.iter().any(|v| v == verb);
    let why = level.may.why.get(verb).cloned().unwrap_or_else(|| "not in this level".to_owned());
    (!allowed).then_some(why)
}
