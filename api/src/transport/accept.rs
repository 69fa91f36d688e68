//! Which media type to answer in: `Accept` with its q-values.

/// The media types this door can answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/json`: the older form, where a failed request still answers 200.
    Json,
    /// `application/graphql-response+json`: the status tells whether the request failed.
    GraphqlResponse,
    /// `text/event-stream`.
    EventStream,
    /// `multipart/mixed`.
    Multipart,
    /// `text/html`: a person with a browser.
    Html,
}

/// What queries and mutations can be answered in. The first is taken when the client has no
/// preference at all.
pub(crate) const FOR_RESULTS: [Media; 4] = [
    Media::Json,
    Media::GraphqlResponse,
    Media::EventStream,
    Media::Multipart,
];

/// What subscriptions can be answered in.
pub(crate) const FOR_STREAMS: [Media; 2] = [Media::EventStream, Media::Multipart];

/// What failures can be told in.
pub(crate) const FOR_FAILURES: [Media; 2] = [Media::Json, Media::GraphqlResponse];

impl Media {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::EventStream => "text/event-stream; charset=utf-8",
            Self::Multipart => "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\"",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application", "json"),
            Self::GraphqlResponse => ("application", "graphql-response+json"),
            Self::EventStream => ("text", "event-stream"),
            Self::Multipart => ("multipart", "mixed"),
            Self::Html => ("text", "html"),
        }
    }
}

/// The offer the client likes best: the highest q-value, then the earliest in its header, then the
/// earliest offer. `None` if it accepts none of them.
pub(crate) fn choose(accept: Option<&str>, offers: &[Media]) -> Option<Media> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return offers.first().copied();
    };
    let mut best: Option<(Media, Match)> = None;
    for &offer in offers {
        let Some(found) = best_range(accept, offer).filter(|found| found.quality > 0) else {
            continue;
        };
        let is_better = best.is_none_or(|(_, best)| {
            (found.quality, std::cmp::Reverse(found.place))
                > (best.quality, std::cmp::Reverse(best.place))
        });
        if is_better {
            best = Some((offer, found));
        }
    }
    best.map(|(offer, _)| offer)
}

/// How a header's range fits an offer.
#[derive(Debug, Clone, Copy)]
struct Match {
    /// 0 for `*/*`, 1 for `type/*`, 2 for the type itself.
    precision: u8,
    /// In thousandths.
    quality: u16,
    place: usize,
}

/// The most precise range of the header that covers `offer`.
fn best_range(accept: &str, offer: Media) -> Option<Match> {
    let mut best: Option<Match> = None;
    for (place, range) in accept.split(',').enumerate() {
        let mut pieces = range.split(';').map(str::trim);
        let Some(precision) = pieces.next().and_then(|name| covers(name, offer)) else {
            continue;
        };
        if best.is_none_or(|best| precision > best.precision) {
            best = Some(Match {
                precision,
                quality: quality(pieces),
                place,
            });
        }
    }
    best
}

fn covers(name: &str, offer: Media) -> Option<u8> {
    let (kind, subtype) = name.split_once('/')?;
    let (offer_kind, offer_subtype) = offer.parts();
    if kind == "*" && subtype == "*" {
        Some(0)
    } else if !kind.eq_ignore_ascii_case(offer_kind) {
        None
    } else if subtype == "*" {
        Some(1)
    } else {
        subtype.eq_ignore_ascii_case(offer_subtype).then_some(2)
    }
}

fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let value = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    match value.map(str::parse::<f32>) {
        None => 1000,
        Some(Ok(value)) if (0.0..=1.0).contains(&value) => (value * 1000.0) as u16,
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Media::*, *};

    #[test]
    fn the_clients_preference_decides() {
        for (accept, expected) in [
            (None, Some(Json)),
            (Some("*/*"), Some(Json)),
            (Some("application/*"), Some(Json)),
            (
                Some("application/graphql-response+json"),
                Some(GraphqlResponse),
            ),
            (
                Some("application/graphql-response+json, application/json;q=0.9"),
                Some(GraphqlResponse),
            ),
            (
                Some("application/graphql-response+json;q=0.5, application/json;q=0.9"),
                Some(Json),
            ),
            (
                Some(
                    "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                ),
                Some(GraphqlResponse),
            ),
            (
                Some("*/*;q=0.1, application/json;q=0"),
                Some(GraphqlResponse),
            ),
            (Some("text/event-stream"), Some(EventStream)),
            (
                Some(
                    "multipart/mixed;boundary=\"graphql\";subscriptionSpec=1.0,application/json;q=0.9",
                ),
                Some(Multipart),
            ),
            (Some("APPLICATION/JSON"), Some(Json)),
            (Some("image/png"), None),
            (Some("application/json;q=2"), None),
            (Some("nonsense"), None),
        ] {
            assert_eq!(choose(accept, &FOR_RESULTS), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_subscription_is_not_answered_in_json() {
        assert_eq!(choose(Some("application/json"), &FOR_STREAMS), None);
        assert_eq!(
            choose(Some("text/event-stream, application/json"), &FOR_STREAMS),
            Some(EventStream)
        );
    }
}
