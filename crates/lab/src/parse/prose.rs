//! `README.md`: plain Markdown with four kinds of fenced block. Everything between them becomes
//! HTML here, once, so that the page needs no Markdown parser.

use logbrook_sorted::{SortedMap, SortedSet};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, html};

use super::LevelError;
use crate::level::Block;

/// The prose, in blocks, with what other files refer to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prose {
    /// The blocks in order.
    pub blocks: Vec<Block>,
    /// Labels of run blocks.
    pub labels: SortedSet<String>,
    /// Questions in order.
    pub questions: Vec<Question>,
}

/// The body of a `predict` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: String,
    /// Line of the block.
    pub line: usize,
    /// The question as written, on one line.
    pub text: String,
    /// The choices; empty when a number is asked for.
    pub options: Vec<String>,
}

/// Reads a README.
///
/// # Errors
/// A fenced block that is none of the four kinds, or one whose body does not fit its kind.
pub fn parse_prose(file: &str, text: &str) -> Result<Prose, LevelError> {
    let mut prose = Prose::default();
    let mut plain: Vec<Event<'_>> = Vec::new();
    let mut fence: Option<(String, String, usize)> = None;
    let mut heading = false;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        let line = text[..range.start].matches('\n').count() + 1;
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                fence = Some((info.to_string(), String::new(), line));
            }
            Event::Text(t) if fence.is_some() => {
                if let Some((_, body, _)) = &mut fence {
                    body.push_str(&t);
                }
            }
            Event::End(TagEnd::CodeBlock) if fence.is_some() => {
                if let Some((info, body, line)) = fence.take() {
                    flush(&mut plain, &mut prose.blocks);
                    fenced(file, line, &info, body, &mut prose)?;
                }
            }
            // The first heading repeats the title, which the page shows itself.
            Event::Start(Tag::Heading { level: pulldown_cmark::HeadingLevel::H1, .. }) => {
                heading = true
            }
            Event::End(TagEnd::Heading(pulldown_cmark::HeadingLevel::H1)) => heading = false,
            Event::Html(_) | Event::InlineHtml(_) => {
                return Err(LevelError::new(
                    file,
                    Some(line),
                    "HTML is not part of the prose; write Markdown",
                ));
            }
            _inside_heading if heading => {}
            other => plain.push(other),
        }
    }
    flush(&mut plain, &mut prose.blocks);
    Ok(prose)
}

fn flush(plain: &mut Vec<Event<'_>>, blocks: &mut Vec<Block>) {
    if !plain.is_empty() {
        let mut out = String::new();
        html::push_html(&mut out, plain.drain(..));
        blocks.push(Block::Html(out));
    }
}

fn fenced(
    file: &str,
    line: usize,
    info: &str,
    body: String,
    prose: &mut Prose,
) -> Result<(), LevelError> {
    let fail = |message: String| LevelError::new(file, Some(line), message);
    let mut words = info.split_whitespace();
    let block = match (words.next().unwrap_or_default(), words.next()) {
        ("run", label) => {
            super::answers::check_lines_at(file, line, &body)?;
            if let Some(label) = label
                && !prose.labels.insert(label.to_owned())
            {
                return Err(fail(format!("run: the label {label:?} is used twice")));
            }
            Block::Run { label: label.map(str::to_owned), body }
        }
        ("predict", Some(id)) => {
            prose.questions.push(question(id, line, &body).map_err(fail)?);
            Block::Predict(id.to_owned())
        }
        ("predict", None) => return Err(fail("predict: the block needs an id".to_owned())),
        ("show", Some(view)) => {
            const VIEWS: &[&str] = &["strip", "keys", "group", "lag", "apps", "store"];
            if !VIEWS.contains(&view) {
                return Err(fail(format!("show: found view {view:?}, expected one of {VIEWS:?}")));
            }
            let mut params = SortedMap::new();
            for word in words.by_ref() {
                let (k, v) = word
                    .split_once('=')
                    .ok_or_else(|| fail(format!("show: found {word:?}, expected name=value")))?;
                params.insert(k.to_owned(), v.to_owned());
            }
            Block::Show { view: view.to_owned(), params, body }
        }
        ("show", None) => return Err(fail("show: the block needs a view".to_owned())),
        ("goal", None) => Block::Goal,
        _other => {
            return Err(fail(format!(
                "found a block {info:?}, expected run, predict, show or goal"
            )));
        }
    };
    if let Some(extra) = words.next() {
        return Err(fail(format!("{info:?}: {extra:?} is one word too many")));
    }
    prose.blocks.push(block);
    Ok(())
}

fn question(id: &str, line: usize, body: &str) -> Result<Question, String> {
    let mut text = Vec::new();
    let mut options = Vec::new();
    let mut number = false;
    for l in body.lines() {
        match l.strip_prefix("- ") {
            Some(option) => options.push(option.trim().to_owned()),
            None if l.trim() == "number" => number = true,
            None if options.is_empty() => text.push(l),
            None => return Err(format!("predict {id}: found {l:?} after the options")),
        }
    }
    let fits = if number { options.is_empty() } else { (2..=5).contains(&options.len()) };
    if !fits {
        return Err(format!(
            "predict {id}: found {} options, expected 2 to 5 lines `- option`, or `number`",
            options.len()
        ));
    }
    Ok(Question { id: id.to_owned(), line, text: text.join(" ").trim().to_owned(), options })
}
