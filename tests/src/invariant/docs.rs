//! The links of the documentation lead somewhere: to a file that is there, and to a heading in it.

use std::{collections::BTreeSet, path::Path};

use crate::support::repository::{read, root};

/// Every page for readers, by its path from the root.
fn pages() -> Vec<String> {
    let folder = root().join("docs");
    let entries = std::fs::read_dir(folder).expect("the folder of the documentation");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut pages: Vec<String> = names
        .map(|name| format!("docs/{}", name.to_string_lossy()))
        .filter(|path| {
            Path::new(path)
                .extension()
                .is_some_and(|extension| extension == "md")
        })
        .collect();
    pages.extend(
        [
            "ARCHITECTURE.md",
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "README.md",
            "SECURITY.md",
        ]
        .map(str::to_owned),
    );
    pages.sort();
    pages
}

/// The lines of a page that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// What a link to a heading says, as GitHub makes it of the heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|sign| sign.is_alphanumeric() || [' ', '-', '_'].contains(sign))
        .map(|sign| if sign == ' ' { '-' } else { sign })
        .collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// Where the links of a page lead, but for those to other sites.
fn links(text: &str) -> Vec<&str> {
    let starts = prose(text).flat_map(|line| line.split("](").skip(1));
    starts
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .filter(|target| !target.contains("://"))
        .collect()
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        let folder = if page.starts_with("docs/") {
            "docs/"
        } else {
            ""
        };
        for link in links(&text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                format!("{folder}{file}").replace("docs/../", "")
            };
            let is_there = root().join(&target).exists()
                && (heading.is_empty() || anchors(&read(&target)).contains(heading));
            if !is_there {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn anchors_are_those_of_github() {
    for (heading, expected) in [
        ("The secret key", "the-secret-key"),
        (
            "Orders, invoices, tickets, opportunities, survey answers",
            "orders-invoices-tickets-opportunities-survey-answers",
        ),
        ("SQLite: `enishi` alone", "sqlite-enishi-alone"),
    ] {
        assert_eq!(anchor(heading), expected);
    }
}
