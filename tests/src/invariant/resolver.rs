//! How resolvers are written: whoever adds one and forgets its box pays with the time to compile all others.

use crate::support::repository::{code, rust_files};

/// The one async resolver that awaits nothing: an interface asks its types for it in one way.
const OF_AN_INTERFACE: &str = "async fn id(";

/// Lines of a file of which each is followed by what belongs to it, up to the bracket that closes it.
fn blocks<'a>(lines: &'a [&'a str], begins: impl Fn(&str) -> bool) -> Vec<(usize, &'a [&'a str])> {
    let starts = (0..lines.len()).filter(|&at| begins(lines[at]));
    let block = |at: usize| {
        let line = lines[at];
        let indent = &line[..line.len() - line.trim_start().len()];
        let closing = format!("{indent}}}");
        let end = lines[at..].iter().position(|line| *line == closing);
        (at, &lines[at..at + end.unwrap_or(0)])
    };
    starts.map(block).collect()
}

/// What is wrong with the async resolvers of a file.
fn wrong(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut is_resolved = false;
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let word = line.trim_start();
        if word.starts_with("#[Object") || word.starts_with("#[ComplexObject") {
            is_resolved = true;
        }
        if !(is_resolved && word.starts_with("impl")) {
            continue;
        }
        is_resolved = false;
        let Some((_, body)) = blocks(&lines[at..], |line| line.trim_start().starts_with("impl"))
            .into_iter()
            .next()
        else {
            continue;
        };
        for (from, resolver) in blocks(body, |line| line.trim_start().starts_with("async fn ")) {
            let name = resolver.first().map_or("", |line| line.trim());
            let awaits = resolver.iter().any(|line| code(line).contains(".await"));
            let is_boxed = body[..from]
                .last()
                .is_some_and(|line| line.trim() == "#[boxed]");
            if name.starts_with(OF_AN_INTERFACE) || (awaits && is_boxed) {
                continue;
            }
            let what = if awaits {
                "wants #[boxed] in front of it"
            } else {
                "awaits nothing: make it a plain fn"
            };
            found.push(format!("{}: `{name}` {what}", at + from + 1));
        }
    }
    found
}

#[test]
fn a_resolver_that_awaits_is_boxed_and_no_other_is_async() {
    let mut found = Vec::new();
    for (path, text) in rust_files("api/src/graphql") {
        found.extend(
            wrong(&text)
                .into_iter()
                .map(|what| format!("{path}:{what}")),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn both_mistakes_are_seen() {
    let text = "\
#[Object]
impl Thing {
    #[boxed]
    async fn right(&self) -> i32 {
        self.ask().await
    }

    async fn unboxed(&self) -> i32 {
        self.ask().await
    }

    async fn idle(&self) -> i32 {
        1
    }

    async fn id(&self) -> ID {
        self.0.into()
    }
}

impl Thing {
    async fn helper(&self) -> i32 {
        self.ask().await
    }
}
";
    assert_eq!(
        wrong(text),
        [
            "8: `async fn unboxed(&self) -> i32 {` wants #[boxed] in front of it",
            "12: `async fn idle(&self) -> i32 {` awaits nothing: make it a plain fn",
        ]
    );
}
