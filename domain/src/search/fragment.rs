//! The pieces of text that are shown with what was found marked in them. Pure.

use std::ops::Range;

use super::{fold::fold_mapped, needle::Needle, source::Field};

/// Fragments shown of one thing.
const MAX_FRAGMENTS: usize = 3;
/// Characters shown before the first and after the last match.
const AROUND: usize = 40;
/// Characters a fragment has at most.
const MAX_CHARACTERS: usize = 200;

/// A piece of a field as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Which field it is of.
    pub field: Field,
    /// The text; an ellipsis stands where it was cut.
    pub text: String,
    /// The bytes of `text` that were found, in order, not overlapping.
    pub ranges: Vec<Range<usize>>,
}

/// The fragments of the fields in which words of `needle` stand: those with the most words first.
pub(super) fn fragments(needle: &Needle, fields: &[(Field, String)]) -> Vec<Fragment> {
    let mut found: Vec<(usize, Fragment)> = fields
        .iter()
        .filter_map(|(field, text)| {
            let (words, ranges) = matches(needle, *field, text);
            (words > 0).then(|| (words, cut(*field, text, &ranges)))
        })
        .collect();
    found.sort_by_key(|(words, _)| std::cmp::Reverse(*words));
    let fragments = found.into_iter().map(|(_, fragment)| fragment);
    fragments.take(MAX_FRAGMENTS).collect()
}

/// How many of the words stand in `text`, and where.
fn matches(needle: &Needle, field: Field, text: &str) -> (usize, Vec<Range<usize>>) {
    let mut folded = fold_mapped(text);
    let (mut words, mut ranges) = find_words(needle, &folded);
    if words == 0 && matches!(field, Field::Name | Field::Reading) {
        // Names and readings are also found without the spaces in them.
        folded.retain(|(character, _)| *character != ' ');
        (words, ranges) = find_words(needle, &folded);
    }
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    (words, joined)
}

fn find_words(needle: &Needle, folded: &[(char, Range<usize>)]) -> (usize, Vec<Range<usize>>) {
    let text: String = folded.iter().map(|(character, _)| character).collect();
    let starts: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
    let (mut words, mut ranges) = (0, Vec::new());
    for word in needle.words() {
        let before = ranges.len();
        let length = word.chars().count();
        for (start, _) in text.match_indices(word) {
            let first = starts.partition_point(|&known| known < start);
            if let (Some((_, from)), Some((_, to))) =
                (folded.get(first), folded.get(first + length - 1))
            {
                ranges.push(from.start..to.end);
            }
        }
        words += usize::from(ranges.len() > before);
    }
    (words, ranges)
}

/// The part of `text` around the matches that fits.
fn cut(field: Field, text: &str, ranges: &[Range<usize>]) -> Fragment {
    let first = ranges.first().map_or(0, |range| range.start);
    let from = text[..first]
        .char_indices()
        .rev()
        .take(AROUND)
        .last()
        .map_or(first, |(start, _)| start);
    let to = text[from..]
        .char_indices()
        .nth(MAX_CHARACTERS)
        .map_or(text.len(), |(end, _)| from + end);
    let shown: Vec<&Range<usize>> = ranges.iter().filter(|range| range.end <= to).collect();
    let last = shown.last().map_or(first, |range| range.end);
    let to = text[last..to]
        .char_indices()
        .nth(AROUND)
        .map_or(to, |(end, _)| last + end);
    let lead = if from > 0 { "…" } else { "" };
    let trail = if to < text.len() { "…" } else { "" };
    Fragment {
        field,
        text: format!("{lead}{}{trail}", &text[from..to]),
        ranges: shown
            .into_iter()
            .map(|range| range.start - from + lead.len()..range.end - from + lead.len())
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(query: &str, field: Field, text: &str) -> Option<String> {
        let needle = Needle::parse(query, &["query"]).unwrap().unwrap();
        let fragment = fragments(&needle, &[(field, text.to_owned())]).pop()?;
        let mut shown = fragment.text;
        for range in fragment.ranges.iter().rev() {
            shown.insert(range.end, ']');
            shown.insert(range.start, '[');
        }
        Some(shown)
    }

    #[test]
    fn what_was_found_is_marked_as_written() {
        for (query, text, expected) in [
            ("タナカ", "たなか ﾀﾅｶ", "[たなか] [ﾀﾅｶ]"),
            ("がが", "xｶﾞｶﾞx", "x[ｶﾞｶﾞ]x"),
            ("(株)", "㈱田中", "[㈱]田中"),
            ("aa", "aaaa", "[aaaa]"),
            ("b a", "a b", "[a] [b]"),
            ("田中太郎", "田中 太郎", "[田中 太郎]"),
        ] {
            assert_eq!(marked(query, Field::Name, text).as_deref(), Some(expected));
        }
        assert_eq!(marked("x", Field::Name, "y"), None);
    }

    #[test]
    fn long_texts_are_cut_around_the_matches() {
        let text = format!("{}東京{}東京", "あ".repeat(100), "い".repeat(500));
        let shown = marked("東京", Field::Body, &text).unwrap();
        let expected = format!("…{}[東京]{}…", "あ".repeat(40), "い".repeat(40));
        assert_eq!(shown, expected);
    }
}
