//! Which links are ways out rather than interest, and which nobody can see.

/// The parameter that marks a link nobody can see.
const HIDDEN: &str = "enishi_hidden";

/// Words of an address that say "unsubscribe" or "preferences" by themselves.
const WORDS: &[&str] = &[
    "unsubscribe",
    "unsubscribes",
    "unsub",
    "optout",
    "preference",
    "preferences",
];

/// Two words in a row that say it together.
const PAIRS: &[(&str, &str)] = &[
    ("opt", "out"),
    ("manage", "subscription"),
    ("manage", "subscriptions"),
    ("email", "settings"),
];

/// The same in Japanese and Chinese, as written and as it travels in an address.
const PHRASES: &[&str] = &[
    "配信停止",
    "%e9%85%8d%e4%bf%a1%e5%81%9c%e6%ad%a2",
    "配信解除",
    "%e9%85%8d%e4%bf%a1%e8%a7%a3%e9%99%a4",
    "退订",
    "%e9%80%80%e8%ae%a2",
    "退訂",
    "%e9%80%80%e8%a8%82",
];

/// Whether `url` looks like an unsubscribe or preference link. Such clicks are left out of the click
/// rate (definitions, "Click rate": "unsubscribe and preference links excluded"). Only what the
/// address itself says can be recognised: a link rewritten to an opaque token cannot.
pub fn is_way_out(url: &str) -> bool {
    let url = url.to_lowercase();
    if PHRASES.iter().any(|phrase| url.contains(phrase)) {
        return true;
    }
    let mut previous = "";
    for word in url.split(|c: char| !c.is_ascii_alphanumeric()) {
        if WORDS.contains(&word) || PAIRS.contains(&(previous, word)) {
            return true;
        }
        previous = word;
    }
    false
}

/// Whether `url` is marked as that of a link nobody can see, which only a program follows. Definitions,
/// "Scanner clicks": "hidden-link hit".
pub fn is_hidden(url: &str) -> bool {
    let (_, parameters) = url.split_once('?').unwrap_or_default();
    let mut names = parameters
        .split(['&', '#'])
        .filter_map(|part| part.split('=').next());
    names.any(|name| name == HIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_are_recognised_by_their_words() {
        for url in [
            "https://example.com/unsubscribe?u=1",
            "https://unsubscribe.example.com/abc",
            "https://example.com/email/opt-out",
            "https://example.com/u/Email_Preferences",
            "https://example.com/manage-subscription",
            "https://example.com/%E9%85%8D%E4%BF%A1%E5%81%9C%E6%AD%A2",
            "https://example.com/配信停止",
        ] {
            assert!(is_way_out(url), "{url}");
        }
    }

    #[test]
    fn hidden_links_are_marked_by_a_parameter() {
        for url in [
            "https://example.com/?enishi_hidden",
            "https://example.com/a?b=1&enishi_hidden=1#c",
        ] {
            assert!(is_hidden(url), "{url}");
        }
        for url in [
            "https://example.com/enishi_hidden",
            "https://example.com/?a=enishi_hidden",
            "https://example.com/?not_enishi_hidden=1",
            "",
        ] {
            assert!(!is_hidden(url), "{url}");
        }
    }

    #[test]
    fn other_links_are_not() {
        for url in [
            "https://example.com/pricing",
            "https://example.com/subscription",
            "https://example.com/stopout",
            "https://example.com/opt/in/out",
            "",
        ] {
            assert!(!is_way_out(url), "{url}");
        }
    }
}
