//! Sorting moments into periods inside a statement: a tree of `CASE`s, so that each moment costs a
//! handful of comparisons, whatever the number of periods, and the zone's rules stay in Rust.

use chrono::{DateTime, Utc};

use crate::store::Query;

/// An expression for how many of the ascending `bounds` lie at or before the moment `column`: 0
/// before the first, `bounds.len()` at or after the last.
pub(super) fn bucket(query: &mut Query, column: &str, bounds: &[DateTime<Utc>]) -> String {
    let arguments: Vec<String> = bounds.iter().map(|bound| query.arg(*bound)).collect();
    tree(column, &arguments, 0)
}

fn tree(column: &str, bounds: &[String], first: usize) -> String {
    if bounds.is_empty() {
        return first.to_string();
    }
    let middle = bounds.len() / 2;
    let (before, after) = bounds.split_at(middle);
    format!(
        "CASE WHEN {column} < {} THEN {} ELSE {} END",
        bounds[middle],
        tree(column, before, first),
        tree(column, &after[1..], first + middle + 1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_is_asked_once_and_every_bucket_is_there() {
        let bounds: Vec<String> = (0..5).map(|n| format!("${n}")).collect();
        let text = tree("x", &bounds, 0);
        for n in 0..5 {
            assert_eq!(text.matches(&format!("${n} ")).count(), 1, "{text}");
        }
        for n in 0..=5 {
            assert!(text.contains(&format!(" {n}")), "{n}: {text}");
        }
    }
}
