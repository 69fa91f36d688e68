//! Slack incoming webhooks.
//!
//! [`body`] builds the message, [`judge`] reads the answer. Whatever a customer wrote is shown as
//! they wrote it and can do nothing: it cannot mention a channel, carry a link whose text differs
//! from its address, or pass for one of our own lines.

mod answer;
mod text;

use serde_json::{Value, json};
use url::Url;

pub use answer::judge;
use text::{Shape, escape};

use crate::{
    locale::Locale,
    notification::notice::{Notice, NoticeKind},
};

/// Slack's limit for a header's text, in characters.
const HEADER_LIMIT: usize = 150;
/// Slack's limit for a section's text, in characters.
const SECTION_LIMIT: usize = 3_000;
/// Slack's limit for one field of a section, in characters.
const FIELD_LIMIT: usize = 2_000;
/// Slack's limit for the fields of one section.
const FIELDS_PER_SECTION: usize = 10;
/// How many lines a message shows. More would push the link out of sight; Slack's own limit of 50
/// blocks is far away.
const LINES_LIMIT: usize = 40;

/// What a team is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackNotice {
    /// The headline.
    pub title: String,
    /// Facts as label and value, in order. Those with an empty value are left out.
    pub lines: Vec<(String, String)>,
    /// A text with line breaks in place of facts and excerpt. Stars and underlines in it are read as
    /// Slack's own; what would be a link or a mention is not.
    pub text: Option<String>,
    /// The customer's own words, shown as a quotation.
    pub excerpt: Option<String>,
    /// Where the member can see more. Only `http` and `https` are shown.
    pub link: Option<Url>,
    /// The rule or playbook that asked for the notification.
    pub by: String,
    /// Whether that is a playbook.
    pub by_playbook: bool,
}

impl From<&Notice> for SlackNotice {
    fn from(notice: &Notice) -> Self {
        Self {
            title: notice.title.clone(),
            lines: notice.lines.clone(),
            text: notice.text.clone(),
            excerpt: notice.excerpt.clone(),
            link: notice.link.clone(),
            by: notice.by.clone(),
            by_playbook: notice.kind == NoticeKind::Said,
        }
    }
}

/// The JSON body of the call to the webhook.
pub fn body(notice: &SlackNotice, locale: Locale) -> Value {
    let wording = Wording::of(locale);
    let title = if text::is_blank(&notice.title) {
        wording.untitled
    } else {
        &notice.title
    };
    let headline = escape(title, HEADER_LIMIT, Shape::Line);
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": headline, "emoji": false },
    })];
    let shown = |text: &'_ Option<String>| text.clone().filter(|text| !text::is_blank(text));
    if let Some(said) = shown(&notice.text) {
        let said = escape(&said, SECTION_LIMIT, Shape::Text);
        blocks.push(json!({ "type": "section", "text": mrkdwn(&said) }));
    } else {
        blocks.extend(fact_blocks(&notice.lines, wording));
    }
    if notice.text.is_none()
        && let Some(excerpt) = shown(&notice.excerpt).as_deref()
    {
        let quoted = escape(excerpt, SECTION_LIMIT, Shape::Quote);
        blocks.push(json!({ "type": "section", "text": mrkdwn(&quoted) }));
    }
    let mut context = Vec::new();
    if !text::is_blank(&notice.by) {
        let name = escape(&notice.by, FIELD_LIMIT / 2, Shape::Line);
        let label = if notice.by_playbook {
            wording.playbook
        } else {
            wording.rule
        };
        context.push(mrkdwn(&format!("{label}{name}")));
    }
    if let Some(link) = notice.link.as_ref().and_then(link_target) {
        context.push(mrkdwn(&format!("<{link}|{}>", wording.open)));
    }
    if !context.is_empty() {
        blocks.push(json!({ "type": "context", "elements": context }));
    }
    json!({
        // Shown where blocks are not: in the system's notification and to screen readers.
        "text": headline,
        "mrkdwn": false,
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
}

fn fact_blocks(lines: &[(String, String)], wording: &Wording) -> Vec<Value> {
    let shown: Vec<_> = lines
        .iter()
        .filter(|(_, value)| !text::is_blank(value))
        .collect();
    let omitted = shown.len().saturating_sub(LINES_LIMIT);
    let fields: Vec<Value> = shown
        .iter()
        .take(LINES_LIMIT)
        .map(|line| field(line))
        .collect();
    let mut blocks: Vec<Value> = fields
        .chunks(FIELDS_PER_SECTION)
        .map(|fields| json!({ "type": "section", "fields": fields }))
        .collect();
    if omitted > 0 {
        let (before, after) = wording.omitted;
        let note = mrkdwn(&format!("{before}{omitted}{after}"));
        blocks.push(json!({ "type": "context", "elements": [note] }));
    }
    blocks
}

/// One fact. Each is a text of its own, so that markup inside one value ends with it.
fn field((label, value): &(String, String)) -> Value {
    const LABEL_LIMIT: usize = 150;
    // Two stars and a line break stand beside label and value.
    let value = escape(value, FIELD_LIMIT - LABEL_LIMIT - 3, Shape::Line);
    if text::is_blank(label) {
        return mrkdwn(&value);
    }
    let label = escape(label, LABEL_LIMIT, Shape::Line);
    mrkdwn(&format!("*{label}*\n{value}"))
}

/// A text object in which Slack turns nothing into a link or a mention by itself.
fn mrkdwn(text: &str) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// The URL as it may stand before the bar of a link, if it may be shown at all.
fn link_target(url: &Url) -> Option<String> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let target = url
        .as_str()
        .replace('|', "%7C")
        .replace('<', "%3C")
        .replace('>', "%3E")
        .replace('&', "&amp;");
    // A cut address would lead elsewhere.
    (text::length(&target) <= FIELD_LIMIT).then_some(target)
}

struct Wording {
    untitled: &'static str,
    rule: &'static str,
    playbook: &'static str,
    open: &'static str,
    omitted: (&'static str, &'static str),
}

impl Wording {
    fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::Ja => &Self {
                untitled: "通知",
                rule: "ルール：",
                playbook: "プレイブック：",
                open: "Enishi で開く",
                omitted: ("ほか ", " 件"),
            },
            Locale::En => &Self {
                untitled: "Notification",
                rule: "Rule: ",
                playbook: "Playbook: ",
                open: "Open in Enishi",
                omitted: ("and ", " more"),
            },
            Locale::Zh => &Self {
                untitled: "通知",
                rule: "规则：",
                playbook: "剧本：",
                open: "在 Enishi 中打开",
                omitted: ("另有 ", " 项"),
            },
        }
    }
}

#[cfg(test)]
mod tests;
