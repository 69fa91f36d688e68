//! Who follows a link, as far as the request says: somebody known, a visitor, or a machine. Pure.

use entity::id::ContactId;

use crate::email::origin;

/// What apps call themselves that look at a link to show what is behind it.
const PREVIEW_AGENTS: &[&str] = &[
    "facebookexternalhit",
    "facebot",
    "line-poker",
    "slackbot",
    "telegrambot",
    "whatsapp/",
    "skypeuripreview",
    "embedly",
    "iframely",
    "mastodon/",
    "vkshare",
];

/// What a request says about who made it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signs<'a> {
    /// Whether only the head of the answer is wanted.
    pub is_head: bool,
    /// What the headers say it is for: `Purpose`, `Sec-Purpose`, `X-Purpose`, `X-Moz`.
    pub purposes: &'a [&'a str],
    /// What the program calls itself.
    pub user_agent: Option<&'a str>,
}

/// Whether a machine looks at the link and nobody follows it: a browser that fetches ahead, an app that shows
/// a preview, a scanner, a crawler or a library. Browsers of people say what they are.
pub fn is_machine(signs: &Signs<'_>) -> bool {
    let ahead = |purpose: &&str| {
        let purpose = purpose.to_ascii_lowercase();
        purpose.contains("prefetch") || purpose.contains("preview")
    };
    let agent = signs.user_agent.unwrap_or_default().trim().to_lowercase();
    signs.is_head
        || signs.purposes.iter().any(ahead)
        || agent.is_empty()
        || origin::is_scanner(&agent)
        || PREVIEW_AGENTS.iter().any(|one| agent.contains(one))
}

/// Whom a request is counted for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Visitor {
    /// Nobody who is known.
    #[default]
    Unknown,
    /// A contact, by a token of ours.
    Contact(ContactId),
    /// A visitor by an id that their site gave them.
    Anonymous(String),
}

impl Visitor {
    /// Whom a request is counted for, by the contact of its token and by the id of a visitor. A token of ours
    /// goes before what anybody can write.
    pub fn of(token: Option<ContactId>, anonymous_id: Option<String>) -> Self {
        match (token, anonymous_id) {
            (Some(contact), _) => Self::Contact(contact),
            (None, Some(id)) => Self::Anonymous(id),
            (None, None) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const BROWSER: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";

    #[test]
    fn machines_are_told_by_what_they_ask_and_call_themselves() {
        for (is_head, purposes, user_agent, expected) in [
            (false, &[][..], Some(BROWSER), false),
            (false, &["navigate"][..], Some(BROWSER), false),
            (true, &[][..], Some(BROWSER), true),
            (false, &["prefetch"][..], Some(BROWSER), true),
            (false, &["prefetch;prerender"][..], Some(BROWSER), true),
            (false, &["", "Preview"][..], Some(BROWSER), true),
            (false, &[][..], None, true),
            (false, &[][..], Some(" "), true),
            (false, &[][..], Some("curl/8.5.0"), true),
            (
                false,
                &[][..],
                Some("Googlebot/2.1 (+http://www.google.com/bot.html)"),
                true,
            ),
            (
                false,
                &[][..],
                Some("facebookexternalhit/1.1;line-poker/1.0"),
                true,
            ),
            (false, &[][..], Some("Slackbot-LinkExpanding 1.0"), true),
            (
                false,
                &[][..],
                Some("Mozilla/5.0 (Linux; Android 14) Line/14.0.0"),
                false,
            ),
        ] {
            let signs = Signs {
                is_head,
                purposes,
                user_agent,
            };
            assert_eq!(is_machine(&signs), expected, "{signs:?}");
        }
    }

    #[test]
    fn a_token_goes_before_what_anybody_can_write() {
        let contact = ContactId(Uuid::from_u128(1));
        let id = || Some("visitor-1".to_owned());
        assert_eq!(Visitor::of(Some(contact), id()), Visitor::Contact(contact));
        assert_eq!(
            Visitor::of(None, id()),
            Visitor::Anonymous("visitor-1".to_owned())
        );
        assert_eq!(Visitor::of(None, None), Visitor::Unknown);
    }
}
