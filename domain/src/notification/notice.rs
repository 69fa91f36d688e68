//! What a notification says, before it is put into the form of its target.
//!
//! Built by [`super::deliver`] from a delivery's payload and the facts of the moment; read by every
//! module of [`super::target`]. Pure values: nothing here is safe for any target yet.

use entity::id::{DeliveryId, FiringId, PlaybookId, RuleId, WorkspaceId};
use unicode_segmentation::UnicodeSegmentation as _;
use url::Url;

use super::{template::Facts, trigger::Trigger};
use crate::{locale::Locale, text::counted};

/// How many notifications a digest tells one by one.
pub const ITEMS: usize = 20;
/// Characters of the customer's words that a notice shows.
pub const EXCERPT_CHARS: usize = 500;
/// Characters of one line of a digest.
const ITEM_CHARS: usize = 160;

/// What kind of thing is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NoticeKind {
    /// A rule fired.
    #[default]
    RuleFired,
    /// A playbook has something to say.
    Said,
    /// Several notifications, together.
    Digest,
    /// Nothing happened; somebody tries the target.
    Test,
}

/// What a team is told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notice {
    /// What kind of thing.
    pub kind: NoticeKind,
    /// The headline.
    pub title: String,
    /// The text of a template, in place of lines and excerpt.
    pub text: Option<String>,
    /// Facts as label and value, in order. Those with an empty value are left out.
    pub lines: Vec<(String, String)>,
    /// The customer's own words.
    pub excerpt: Option<String>,
    /// The rule or playbook that asked for it; may be empty.
    pub by: String,
    /// The workspace.
    pub workspace: Option<WorkspaceId>,
    /// The rule that asked for it, if one did.
    pub rule: Option<RuleId>,
    /// The playbook that asked for it, if one did; unknown of those of earlier releases.
    pub playbook: Option<PlaybookId>,
    /// The firing it belongs to, if a rule asked for it.
    pub firing: Option<FiringId>,
    /// What set the rule off.
    pub trigger: Option<Trigger>,
    /// What a digest tells one by one.
    pub items: Vec<Item>,
    /// How many more it leaves out.
    pub more: usize,
    /// Where the member can see more.
    pub link: Option<Url>,
    /// What is known.
    pub facts: Option<Facts>,
}

/// One line of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The delivery that is told here.
    pub delivery: DeliveryId,
    /// Its headline.
    pub title: String,
    /// Whom it is about and the beginning of what it says.
    pub text: String,
}

impl Item {
    /// The line for `notice`.
    pub fn of(delivery: DeliveryId, notice: &Notice) -> Self {
        let whom = notice.facts.as_ref().map(|facts| {
            if facts.contact.id.is_empty() {
                facts.account.name.clone()
            } else {
                facts.contact.name.clone()
            }
        });
        let said = notice.text.clone().or_else(|| notice.excerpt.clone());
        let parts: Vec<String> = [whom, said]
            .into_iter()
            .flatten()
            .map(|part| clean_line(&part, ITEM_CHARS))
            .filter(|part| !part.is_empty())
            .collect();
        Self {
            delivery,
            title: clean_line(&notice.title, ITEM_CHARS),
            text: clean_line(&parts.join(": "), ITEM_CHARS),
        }
    }
}

impl Notice {
    /// A notice for something a playbook says, or that a rule fired.
    pub fn about(
        kind: NoticeKind,
        title: String,
        by: String,
        facts: Facts,
        locale: Locale,
    ) -> Self {
        let [contact, account, inbox, subject] = match locale {
            Locale::Ja => ["コンタクト", "アカウント", "受信箱", "件名"],
            Locale::En => ["Contact", "Account", "Inbox", "Subject"],
            Locale::Zh => ["联系人", "客户公司", "收件箱", "主题"],
        };
        let one = &facts.contact;
        let person = if one.email.is_empty() || one.email == one.name {
            one.name.clone()
        } else {
            format!("{} ({})", one.name, one.email)
        };
        // Whoever is told of a person is told of them, and not of where they work.
        let company = if facts.contact.id.is_empty() {
            facts.account.name.clone()
        } else {
            String::new()
        };
        let links = [
            &facts.conversation.link,
            &facts.contact.link,
            &facts.account.link,
        ];
        let link = links.into_iter().find_map(|link| Url::parse(link).ok());
        Self {
            kind,
            title,
            lines: vec![
                (contact.to_owned(), person),
                (account.to_owned(), company),
                (inbox.to_owned(), facts.message.inbox.clone()),
                (subject.to_owned(), facts.message.subject.clone()),
            ],
            excerpt: (!facts.message.excerpt.is_empty()).then(|| facts.message.excerpt.clone()),
            by,
            link,
            facts: Some(facts),
            ..Self::default()
        }
    }

    /// A notice that tells several at once: `count` in all, of which `items` one by one. `folded`
    /// says that these are what was left over of too many.
    pub fn digest(items: Vec<Item>, count: usize, folded: bool, locale: Locale) -> Self {
        let title = match (locale, folded) {
            (Locale::Ja, false) => format!("{count} 件の通知"),
            (Locale::En, false) => counted(count, "notification"),
            (Locale::Zh, false) => format!("{count} 条通知"),
            (Locale::Ja, true) => format!("ほかに {count} 件の通知"),
            (Locale::En, true) => format!("And {}", counted(count, "more notification")),
            (Locale::Zh, true) => format!("另有 {count} 条通知"),
        };
        let more = count - items.len();
        let mut lines: Vec<String> = items
            .iter()
            .map(|item| {
                let colon = if item.text.is_empty() { "" } else { " — " };
                format!("• {}{colon}{}", item.title, item.text)
            })
            .collect();
        if more > 0 {
            lines.push(match locale {
                Locale::Ja => format!("ほか {more} 件"),
                Locale::En => format!("and {more} more"),
                Locale::Zh => format!("另有 {more} 条"),
            });
        }
        Self {
            kind: NoticeKind::Digest,
            title,
            text: Some(lines.join("\n")),
            items,
            more,
            ..Self::default()
        }
    }

    /// A notice that only shows that a target works.
    pub fn test(locale: Locale) -> Self {
        let [title, text] = match locale {
            Locale::Ja => ["テスト通知", "この通知先は正しく設定されています。"],
            Locale::En => ["Test notification", "This target is set up correctly."],
            Locale::Zh => ["测试通知", "该通知目标已正确设置。"],
        };
        Self {
            kind: NoticeKind::Test,
            title: title.to_owned(),
            text: Some(text.to_owned()),
            ..Self::default()
        }
    }

    /// Everything below the headline as plain text.
    pub fn plain(&self) -> String {
        if let Some(text) = &self.text {
            return text.clone();
        }
        let mut plain = String::new();
        for (label, value) in &self.lines {
            if !value.trim().is_empty() {
                plain.push_str(&format!("{label}: {}\n", clean_line(value, 1_000)));
            }
        }
        if let Some(excerpt) = &self.excerpt {
            plain.push_str(&format!("\n{excerpt}"));
        }
        plain.trim().to_owned()
    }
}

/// Control characters, and those that turn the reading direction and so disguise an address.
pub(super) fn is_dropped(char: char) -> bool {
    (char.is_control() && !char.is_whitespace())
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one line without what must not be seen, at most `limit` characters long.
pub(crate) fn clean_line(text: &str, limit: usize) -> String {
    shorten(&one_line(text), limit)
}

/// `text` on one line without what must not be seen, however long.
pub(super) fn one_line(text: &str) -> String {
    let kept: String = text.chars().filter(|char| !is_dropped(*char)).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` with its line breaks, without what must not be seen, at most `limit` characters long.
pub(crate) fn clean_text(text: &str, limit: usize) -> String {
    shorten(&trimmed_lines(text), limit)
}

/// `text` with its line breaks, without what must not be seen, however long.
pub(super) fn trimmed_lines(text: &str) -> String {
    let kept: String = text
        .replace("\r\n", "\n")
        .replace(
            ['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}'],
            "\n",
        )
        .chars()
        .filter(|char| !is_dropped(*char))
        .collect();
    kept.trim().to_owned()
}

/// At most `limit` characters (`char`), cut between what a person sees as characters.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit || text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 1;
    for grapheme in text.graphemes(true) {
        used += grapheme.chars().count();
        if used > limit {
            break;
        }
        shown.push_str(grapheme);
    }
    shown.push('…');
    shown
}
