//! A mock interview: a mixed set of questions for a given time, drawn by a seed. Two who have the same seed
//! have the same interview.

use super::{Entry, Kind, Questions};
use crate::seed::Draws;

/// How long an interview takes, in minutes.
pub const MINUTES: u32 = 30;

/// The questions of an interview, as slugs in the order in which they are asked: one of each kind where
/// there is one that fits, then whatever else the time is enough for, all shuffled. The sum of their
/// minutes is no more than `minutes`.
#[must_use]
pub fn draw(questions: &Questions, seed: u64, minutes: u32) -> Vec<String> {
    let mut draws = Draws::new(seed);
    let mut shuffled: Vec<&Entry> = questions.all().collect();
    shuffle(&mut shuffled, &mut draws);
    let mut left = minutes;
    let mut set: Vec<&Entry> = Vec::new();
    for kind in Kind::ALL {
        let fits = |entry: &&&Entry| entry.kind == kind && entry.minutes <= left;
        if let Some(entry) = shuffled.iter().find(fits) {
            left -= entry.minutes;
            set.push(entry);
        }
    }
    for entry in shuffled {
        if entry.minutes <= left && !set.iter().any(|there| there.slug == entry.slug) {
            left -= entry.minutes;
            set.push(entry);
        }
    }
    shuffle(&mut set, &mut draws);
    set.into_iter().map(|entry| entry.slug.clone()).collect()
}

/// Fisher and Yates, from the end.
fn shuffle<T>(list: &mut [T], draws: &mut Draws) {
    for last in (1..list.len()).rev() {
        let at = draws.between(0, i64::try_from(last).unwrap_or(0));
        list.swap(last, usize::try_from(at).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Round;

    fn questions() -> Questions {
        let entry = |number: usize| Entry {
            slug: format!("q{number}"),
            title: String::new(),
            ask: String::new(),
            kind: Kind::ALL[number % 4],
            minutes: 3 + u32::try_from(number % 5).unwrap_or(0),
            difficulty: 1,
            points: Vec::new(),
        };
        let round = |slug: &str, range: std::ops::Range<usize>| Round {
            slug: slug.to_owned(),
            title: String::new(),
            questions: range.map(entry).collect(),
        };
        Questions { rounds: vec![round("a", 0..13), round("b", 13..25)] }
    }

    #[test]
    fn an_interview_has_every_kind_no_question_twice_and_fits_its_time() {
        let questions = questions();
        let find = |slug: &String| questions.all().find(|e| e.slug == *slug).cloned();
        for seed in 0..200 {
            let set = draw(&questions, seed, MINUTES);
            let entries: Vec<Entry> = set.iter().filter_map(find).collect();
            assert_eq!(entries.len(), set.len());
            let minutes: u32 = entries.iter().map(|e| e.minutes).sum();
            assert!(minutes <= MINUTES, "seed {seed}: {minutes}");
            for kind in Kind::ALL {
                assert!(entries.iter().any(|e| e.kind == kind), "seed {seed}: {kind:?}");
            }
            let mut sorted = set.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), set.len(), "seed {seed}");
        }
    }

    #[test]
    fn the_seed_decides() {
        let questions = questions();
        assert_eq!(draw(&questions, 7, 30), draw(&questions, 7, 30));
        let sets: std::collections::BTreeSet<_> =
            (0..50).map(|seed| draw(&questions, seed, 30)).collect();
        assert!(sets.len() > 40, "{}", sets.len());
    }
}
