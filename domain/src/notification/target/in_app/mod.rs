//! The list each member has: a title on one line, and a plain text below it.
//!
//! Plain text stays plain: whoever shows it must not read it as HTML or Markdown. What turns the
//! reading direction or cannot be seen is taken out.

use url::Url;

use crate::notification::notice::{Notice, clean_line, clean_text};

/// Characters a title has at most.
const TITLE_LIMIT: usize = 200;
/// Characters a text has at most.
const BODY_LIMIT: usize = 2_000;

/// What is put on a member's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is about, on one line.
    pub title: String,
    /// What it says; may be empty.
    pub body: String,
    /// Where to see more.
    pub link: Option<Url>,
}

/// The entry a notice makes.
pub fn entry(notice: &Notice) -> Entry {
    Entry {
        title: clean_line(&notice.title, TITLE_LIMIT),
        body: clean_text(&notice.plain(), BODY_LIMIT),
        link: notice.link.clone(),
    }
}
