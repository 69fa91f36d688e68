//! Which address a request comes from: that of the connection or, behind reverse proxies that the settings
//! trust, the one they name. Every door that counts by address asks `of`; nothing else looks at the
//! connection or at these headers.

use std::{net::IpAddr, sync::Arc};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap, HeaderName},
};
use ipnet::IpNet;

/// The networks of the reverse proxies that are believed. It stands in the application's data; where it
/// does not, none is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl From<Vec<IpNet>> for TrustedProxies {
    fn from(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }
}

/// The address a request comes from; none where the connection has none, as in tests.
pub(crate) fn of(request: &HttpRequest) -> Option<IpAddr> {
    // A socket for both families names an address of the old one by one of the new.
    let connected = request.peer_addr()?.ip().to_canonical();
    match request.app_data::<TrustedProxies>() {
        Some(proxies) if proxies.contain(connected) => {
            Some(proxies.client(request.headers(), connected))
        }
        _ => Some(connected),
    }
}

impl TrustedProxies {
    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whom `proxy`, which is trusted, and the proxies before it say they speak for.
    fn client(&self, headers: &HeaderMap, proxy: IpAddr) -> IpAddr {
        let listed = joined(headers, &header::X_FORWARDED_FOR)
            .map(|text| self.nearest(proxy, &text.split(',').map(address).collect::<Vec<_>>()));
        let standard =
            joined(headers, &header::FORWARDED).map(|text| self.nearest(proxy, &forwarded(&text)));
        match (listed, standard) {
            // A proxy writes one of them and may pass on the other as the client made it up.
            (Some(one), Some(other)) if one != other => proxy,
            (Some(one), _) | (None, Some(one)) => one,
            (None, None) => proxy,
        }
    }

    /// The last hop that is no trusted proxy: everything to the left of it may be made up.
    fn nearest(&self, proxy: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
        let mut nearest = proxy;
        for hop in hops.iter().rev() {
            let Some(address) = *hop else { break };
            nearest = address;
            if !self.contain(address) {
                break;
            }
        }
        nearest
    }
}

/// All lines of a header as the one list that they are.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<_> = headers
        .get_all(name)
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// The hops of `Forwarded` (RFC 7239); nothing for one without exactly one address.
fn forwarded(text: &str) -> Vec<Option<IpAddr>> {
    match split(text, ',') {
        Some(hops) => hops.into_iter().map(hop).collect(),
        None => vec![None],
    }
}

fn hop(element: &str) -> Option<IpAddr> {
    let pairs = split(element, ';')?;
    let mut named = pairs.into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then_some(value.trim())
    });
    let value = named.next()?;
    if named.next().is_some() {
        return None;
    }
    let unquoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    address(unquoted.unwrap_or(value))
}

/// Splits where the separator is not between quotation marks; nothing when a quotation does not end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts: Vec<&str> = text
        .split(|next: char| {
            let is_end = next == separator && !is_quoted;
            if is_escaped {
                is_escaped = false;
            } else if next == '\\' {
                is_escaped = is_quoted;
            } else if next == '"' {
                is_quoted = !is_quoted;
            }
            is_end
        })
        .collect();
    (!is_quoted).then_some(parts)
}

/// An address as proxies write it, maybe with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        // One colon is before a port; an address of the new family has more.
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => host,
            _ => text,
        },
    };
    let address: IpAddr = bare.parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const LISTED: &str = "X-Forwarded-For";
    const STANDARD: &str = "Forwarded";

    fn came_from(connected: &str, headers: &[(&'static str, &str)]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse::<IpNet>().unwrap());
        let connected = std::net::SocketAddr::new(connected.parse().unwrap(), 4711);
        let mut request = TestRequest::default()
            .peer_addr(connected)
            .app_data(TrustedProxies::from(networks.to_vec()));
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        of(&request.to_http_request()).unwrap().to_string()
    }

    #[test]
    fn a_request_comes_from_the_last_address_that_is_no_trusted_proxy() {
        for (connected, headers, expected) in [
            ("10.0.0.1", &[][..], "10.0.0.1"),
            ("10.0.0.1", &[(LISTED, "203.0.113.7")], "203.0.113.7"),
            ("::ffff:10.0.0.1", &[(LISTED, "203.0.113.7")], "203.0.113.7"),
            ("fd00::1", &[(LISTED, "2001:db8::7")], "2001:db8::7"),
            // What stands before an address that is not trusted is what that one says.
            (
                "10.0.0.1",
                &[(LISTED, "198.51.100.9, 203.0.113.7,10.2.2.2")],
                "203.0.113.7",
            ),
            (
                "10.0.0.1",
                &[(LISTED, "198.51.100.9"), (LISTED, "203.0.113.7")],
                "203.0.113.7",
            ),
            ("10.0.0.1", &[(LISTED, "10.3.3.3, 10.2.2.2")], "10.3.3.3"),
            ("10.0.0.1", &[(LISTED, "203.0.113.7:4711")], "203.0.113.7"),
            ("10.0.0.1", &[(LISTED, "[2001:db8::7]:80")], "2001:db8::7"),
            (
                "10.0.0.1",
                &[(LISTED, "203.0.113.7, unknown, 10.2.2.2")],
                "10.2.2.2",
            ),
            ("10.0.0.1", &[(LISTED, "")], "10.0.0.1"),
            // Nobody else is believed.
            (
                "203.0.113.1",
                &[(LISTED, "198.51.100.9"), (STANDARD, "for=198.51.100.9")],
                "203.0.113.1",
            ),
        ] {
            assert_eq!(came_from(connected, headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotations() {
        for (text, expected) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("proto=https; For=\"203.0.113.7:80\" ;by=_x", "203.0.113.7"),
            (
                "for=198.51.100.9, for=\"[2001:db8::7]:80\";host=a.example, for=10.2.2.2",
                "2001:db8::7",
            ),
            ("for=_hidden", "10.0.0.1"),
            ("for=203.0.113.7;for=198.51.100.9", "10.0.0.1"),
            // A name that the client chose says nothing, whatever it has in it.
            (
                "for=203.0.113.7;host=\"x, for=198.51.100.9\"",
                "203.0.113.7",
            ),
            ("for=203.0.113.7;host=\"\\\", for=9.9.9.9\"", "203.0.113.7"),
            ("for=198.51.100.9, for=\", for=203.0.113.7", "10.0.0.1"),
        ] {
            assert_eq!(
                came_from("10.0.0.1", &[(STANDARD, text)]),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn two_headers_that_disagree_are_not_believed() {
        for (listed, expected) in [("203.0.113.7", "203.0.113.7"), ("9.9.9.9", "10.0.0.1")] {
            let headers = [(LISTED, listed), (STANDARD, "for=203.0.113.7")];
            assert_eq!(came_from("10.0.0.1", &headers), expected);
        }
    }

    #[test]
    fn without_the_setting_the_connection_says_it() {
        let request = TestRequest::default()
            .peer_addr("10.0.0.1:4711".parse().unwrap())
            .insert_header((LISTED, "203.0.113.7"))
            .to_http_request();
        assert_eq!(of(&request), Some("10.0.0.1".parse().unwrap()));
    }
}
