//! Where a link leads: the URL that is stored, and the utm parameters that are added to it. Pure.

use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use crate::{
    error::{UserError, UserErrorCode},
    text,
};

/// Bytes a URL may have.
const URL_LIMIT: usize = 2_000;
/// Characters a utm parameter may have.
const UTM_LIMIT: usize = 200;

/// What web analytics are told of where a visitor comes from. What is left out is not added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Utm {
    /// `utm_source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// `utm_campaign`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// `utm_term`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    /// `utm_content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl Utm {
    /// Those that are there, with their names in the query string.
    fn pairs(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("utm_source", &self.source),
            ("utm_medium", &self.medium),
            ("utm_campaign", &self.campaign),
            ("utm_term", &self.term),
            ("utm_content", &self.content),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .collect()
    }

    /// The same as it is stored: without what is empty. Everything wrong goes into `errors`.
    pub(super) fn clean(self, errors: &mut Vec<UserError>) -> Self {
        let mut clean = |value: Option<String>, field: &str| {
            let value = text::short_text(&value?, &["utm", field], UTM_LIMIT)
                .map_err(|error| errors.push(error))
                .ok()?;
            (!value.is_empty()).then_some(value)
        };
        Self {
            source: clean(self.source, "source"),
            medium: clean(self.medium, "medium"),
            campaign: clean(self.campaign, "campaign"),
            term: clean(self.term, "term"),
            content: clean(self.content, "content"),
        }
    }
}

/// A URL that links may lead to, as it is stored. `links` is where links themselves are, if that is known.
pub(super) fn check(raw: &str, links: Option<&Url>) -> Result<String, UserError> {
    let refuse = |code, message: &str| Err(UserError::new(&["targetUrl"], code, message));
    let raw = raw.trim();
    if raw.is_empty() {
        return refuse(UserErrorCode::Required, "Give the URL the link leads to.");
    }
    let Ok(url) = Url::parse(raw) else {
        let message = "This is not a URL. Begin it with https://.";
        return refuse(UserErrorCode::Invalid, message);
    };
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        let message = "A link leads to an address that begins with https:// or http://.";
        return refuse(UserErrorCode::Invalid, message);
    }
    if !url.username().is_empty() || url.password().is_some() {
        let message = "Leave the user and the password out: everybody who follows sees them.";
        return refuse(UserErrorCode::Invalid, message);
    }
    if links.is_some_and(|links| is_below(&url, links)) {
        let message = "This is itself a tracked link. Give the URL it leads to.";
        return refuse(UserErrorCode::Invalid, message);
    }
    if url.as_str().len() > URL_LIMIT {
        let message = format!("Use at most {URL_LIMIT} characters.");
        return refuse(UserErrorCode::TooLong, &message);
    }
    Ok(url.into())
}

fn is_below(url: &Url, links: &Url) -> bool {
    let rest = url.path().strip_prefix(links.path());
    url.origin() == links.origin() && rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Where somebody who follows a link is sent: the URL that was stored, with the utm parameters in place of
/// its own of the same names. Nothing if what was stored is no URL.
pub fn destination(target: &str, utm: &Utm) -> Option<String> {
    let mut url = Url::parse(target).ok()?;
    let given = utm.pairs();
    if given.is_empty() {
        return Some(url.into());
    }
    let is_replaced = |part: &str| {
        let name = form_urlencoded::parse(part.as_bytes()).next();
        name.is_some_and(|(name, _)| given.iter().any(|(given, _)| *given == name))
    };
    // The rest stays letter by letter: some sites do not read their own queries in another spelling.
    let kept = url.query().unwrap_or_default().split('&');
    let mut parts: Vec<String> = kept
        .filter(|part| !part.is_empty() && !is_replaced(part))
        .map(str::to_owned)
        .collect();
    let added = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&given)
        .finish();
    parts.push(added);
    url.set_query(Some(&parts.join("&")));
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utm(source: &str, campaign: &str) -> Utm {
        Utm {
            source: Some(source.to_owned()),
            campaign: Some(campaign.to_owned()),
            ..Utm::default()
        }
    }

    #[test]
    fn links_lead_to_the_web_and_not_to_themselves() {
        use UserErrorCode::{Invalid, Required, TooLong};
        let links: Url = "https://enishi.example/base/l".parse().unwrap();
        let long = format!("https://shop.example/{}", "a".repeat(2_000));
        for (raw, expected) in [
            ("https://shop.example", Ok("https://shop.example/")),
            (
                " HTTP://Shop.example/a?b#c ",
                Ok("http://shop.example/a?b#c"),
            ),
            (
                "https://日本.example/春",
                Ok("https://xn--wgv71a.example/%E6%98%A5"),
            ),
            (
                "https://enishi.example/base/lists",
                Ok("https://enishi.example/base/lists"),
            ),
            ("https://enishi.example/base/l/abc", Err(Invalid)),
            ("https://user:secret@shop.example/", Err(Invalid)),
            ("https://user@shop.example/", Err(Invalid)),
            ("javascript:alert(1)", Err(Invalid)),
            ("data:text/html,x", Err(Invalid)),
            ("ftp://shop.example/", Err(Invalid)),
            ("//shop.example/", Err(Invalid)),
            ("shop.example", Err(Invalid)),
            ("/spring", Err(Invalid)),
            ("https://", Err(Invalid)),
            ("", Err(Required)),
            (long.as_str(), Err(TooLong)),
        ] {
            let found = check(raw, Some(&links)).map_err(|error| error.code);
            assert_eq!(found, expected.map(str::to_owned), "{raw:?}");
        }
    }

    #[test]
    fn utm_parameters_are_added_and_the_rest_stays() {
        for (target, utm, expected) in [
            ("https://a.example/", Utm::default(), "https://a.example/"),
            (
                "https://a.example/?x=%20&y#part",
                Utm::default(),
                "https://a.example/?x=%20&y#part",
            ),
            (
                "https://a.example/",
                utm("line", "春 & co"),
                "https://a.example/?utm_source=line&utm_campaign=%E6%98%A5+%26+co",
            ),
            (
                "https://a.example/?x=%20&y&utm_source=old&utm_medium=mail#part",
                utm("line", "spring"),
                "https://a.example/?x=%20&y&utm_medium=mail&utm_source=line&utm_campaign=spring#part",
            ),
            (
                "https://a.example/?next=https://b.example/?utm_source=old",
                utm("line", "spring"),
                "https://a.example/?next=https://b.example/?utm_source=old&utm_source=line\
                 &utm_campaign=spring",
            ),
        ] {
            let found = destination(target, &utm);
            assert_eq!(found.as_deref(), Some(expected), "{target} {utm:?}");
        }
        assert_eq!(destination("nonsense", &Utm::default()), None);
    }

    #[test]
    fn empty_utm_parameters_are_none_and_long_ones_are_refused() {
        let mut errors = Vec::new();
        let clean = utm(" ", " spring ").clean(&mut errors);
        assert_eq!(
            (clean.source, clean.campaign.as_deref()),
            (None, Some("spring"))
        );
        assert!(errors.is_empty());
        utm("line", &"a".repeat(201)).clean(&mut errors);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].path, ["utm", "campaign"]);
    }

    #[test]
    fn what_is_stored_keeps_decoding() {
        let stored = serde_json::json!({ "source": "line", "later": true });
        let read: Utm = serde_json::from_value(stored).unwrap();
        assert_eq!(read.source.as_deref(), Some("line"));
        assert_eq!(
            serde_json::to_value(Utm::default()).unwrap(),
            serde_json::json!({})
        );
    }
}
