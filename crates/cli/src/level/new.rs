//! `logbrook level new TRACK/SLUG`: a small level that reads, passes its proofs and explains itself.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use logbrook_lab::parse::read_level;

/// Files of the new level. `{title}` and `{topic}` are filled in.
const FILES: &[(&str, &str)] = &[
    ("level.toml", include_str!("template/level.toml")),
    ("README.md", include_str!("template/README.md")),
    ("solution.session", include_str!("template/solution.session")),
    ("wrong/one-partition.session", include_str!("template/one-partition.session")),
    ("wrong/no-guess.session", include_str!("template/no-guess.session")),
];
const INDEX: &str = "tracks.toml";

pub(crate) fn run(name: &str, lessons: &Path) -> Result<ExitCode, String> {
    let is_word = |w: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !w.is_empty() && w.bytes().all(fits)
    };
    let (track, slug) = name
        .split_once('/')
        .filter(|(track, slug)| is_word(track) && is_word(slug))
        .ok_or_else(|| {
            format!(
                "TRACK/SLUG: found `{name}`, expected two words of lower-case letters, digits and dashes, such as \
                 `groups/who-reads-what`"
            )
        })?;
    let folder = lessons.join(track).join(slug);
    if folder.exists() {
        return Err(format!("{}: exists already", folder.display()));
    }
    let index = lessons.join(INDEX);
    let tracks = fs::read_to_string(&index).map_err(|e| format!("{}: {e}", index.display()))?;
    let tracks = listed(&tracks, track, slug)
        .map_err(|message| format!("{}, {message}", index.display()))?;
    for (file, text) in FILES {
        let path = folder.join(file);
        let fail = |e: std::io::Error| format!("{}: {e}", path.display());
        fs::create_dir_all(path.parent().unwrap_or(&folder)).map_err(fail)?;
        let text = text.replace("{title}", &title(slug)).replace("{topic}", slug);
        fs::write(&path, text).map_err(fail)?;
    }
    // Listed last: a level that is not all there is not on the path.
    fs::write(&index, tracks).map_err(|e| format!("{}: {e}", index.display()))?;
    read_level(&folder).map_err(|e| format!("{}/{e}", folder.display()))?;
    println!("{} is written and listed in {}. Next:", folder.display(), index.display());
    println!("  logbrook level prove {name}    what it promises, held against the engine");
    println!("  logbrook level fmt {name}      the outputs in its README, from the engine");
    Ok(ExitCode::SUCCESS)
}

/// `who-reads-what` as `Who reads what`.
fn title(slug: &str) -> String {
    let words = slug.replace('-', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `tracks.toml` with the level as the last of its track; the track is made if it is not there. The
/// text is kept as it is, comments too.
fn listed(text: &str, track: &str, slug: &str) -> Result<String, String> {
    let head = format!("folder = \"{track}\"");
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) = lines.iter().position(|line| line.trim() == head) else {
        let title = title(track);
        let entry = format!("[[track]]\n{head}\ntitle = \"{title}\"\nlevels = [\"{slug}\"]\n");
        let before = match text.trim_end() {
            "" => String::new(),
            text => format!("{text}\n\n"),
        };
        return Ok(format!("{before}{entry}"));
    };
    let in_track = lines.iter().enumerate().skip(at).take_while(|(_, l)| l.trim() != "[[track]]");
    let list = in_track.map(|(i, l)| (i, *l)).find(|(_, l)| l.trim_start().starts_with("levels"));
    let expected =
        || format!("line {}: the track {track} has no `levels = [\"…\"]` on one line", at + 1);
    let (number, list) = list.ok_or_else(expected)?;
    let (before, _) = list.rsplit_once(']').ok_or_else(expected)?;
    let comma = if before.trim_end().ends_with('[') { "" } else { ", " };
    let longer = format!("{before}{comma}\"{slug}\"]");
    let line = |(i, l): (usize, &&str)| {
        if i == number { format!("{longer}\n") } else { format!("{l}\n") }
    };
    Ok(lines.iter().enumerate().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACKS: &str =
        "# The order.\n\n[[track]]\nfolder = \"basics\"\ntitle = \"Basics\"\nlevels = [\"one\"]\n";

    #[test]
    fn a_level_comes_last_in_its_track() {
        let longer = listed(TRACKS, "basics", "two").expect("lists");
        assert_eq!(longer, TRACKS.replace("[\"one\"]", "[\"one\", \"two\"]"));
    }

    #[test]
    fn a_new_track_comes_last() {
        let longer = listed(TRACKS, "night-shift", "pager").expect("lists");
        let entry = "\n[[track]]\nfolder = \"night-shift\"\ntitle = \"Night shift\"\nlevels = [\"pager\"]\n";
        assert_eq!(longer, format!("{TRACKS}{entry}"));
    }

    #[test]
    fn a_list_that_cannot_be_edited_is_an_error() {
        let text = TRACKS.replace("levels = [\"one\"]", "levels = [\n  \"one\",\n]");
        assert!(listed(&text, "basics", "two").is_err());
    }
}
