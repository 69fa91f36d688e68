//! Secret URLs as they may be shown.

use url::{Host, Url};

/// Hosts that give out secret URLs whose first path part only names the kind of hook, and whose
/// second names the customer's workspace.
const KNOWN_HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// Enough of a secret URL to recognise it, and nothing that helps to call it:
/// `https://hooks.slack.com/services/T…/•••`. Elsewhere than at known hosts any part may be the
/// secret, so only the origin is shown.
pub fn mask_url(url: &Url) -> String {
    let Some(host) = url.host() else {
        return format!("{}:•••", url.scheme());
    };
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let origin = format!("{}://{host}{port}", url.scheme());
    let nothing_more = matches!(url.path(), "" | "/") && url.query().is_none();
    if nothing_more && url.fragment().is_none() {
        return format!("{origin}/");
    }
    let known = matches!(host, Host::Domain(name) if KNOWN_HOSTS.contains(&name));
    let mut parts = url.path_segments().into_iter().flatten();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(kind @ ("services" | "workflows" | "triggers")), Some(workspace), Some(_))
            if known =>
        {
            let initial = workspace
                .chars()
                .next()
                .map(String::from)
                .unwrap_or_default();
            format!("{origin}/{kind}/{initial}…/•••")
        }
        _ => format!("{origin}/•••"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_url_shows_where_it_goes_and_not_how_to_call_it() {
        for (url, expected) in [
            (
                "https://hooks.slack.com/services/T012AB3CD/B012AB3CD/s3cr3t",
                "https://hooks.slack.com/services/T…/•••",
            ),
            (
                "https://hooks.slack.com/workflows/T012AB3CD/A01/2/s3cr3t?x=y",
                "https://hooks.slack.com/workflows/T…/•••",
            ),
            (
                "https://hooks.slack.com/s3cr3t/a/b",
                "https://hooks.slack.com/•••",
            ),
            (
                "https://hooks.slack.com/services/s3cr3t",
                "https://hooks.slack.com/•••",
            ),
            ("https://user:s3cr3t@example.com/", "https://example.com/"),
            (
                "https://example.com:8443/services/T1/B1/s3cr3t",
                "https://example.com:8443/•••",
            ),
            ("https://example.com?s3cr3t", "https://example.com/•••"),
            ("https://example.com/#s3cr3t", "https://example.com/•••"),
            ("http://[2606:4700::1]/s3cr3t", "http://[2606:4700::1]/•••"),
            ("mailto:s3cr3t@example.com", "mailto:•••"),
        ] {
            assert_eq!(mask_url(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
