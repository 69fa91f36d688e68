//! Which URLs and which addresses this installation may call. Pure: no network, no clock.
//!
//! Called when a target is saved (as [`Reach`]), and twice for each request: [`Guard::check_url`]
//! before anything is sent, and [`Guard::permits`] on every resolved address at connect time, so that a name cannot be public
//! when it is checked and private when it is used. It never resolves a name itself.
//!
//! Anything not known to be a public unicast address is refused. An address that carries an IPv4
//! address inside is judged by the inner one where that form is in use (IPv4-mapped, NAT64), and
//! refused as a whole where it is not (6to4, Teredo, IPv4-compatible, ISATAP).
//!
//! To forbid another range: one line in `FORBIDDEN_V4` or `FORBIDDEN_V6`, and its URLs in the
//! test table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::port::{EgressError, Reach};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// IPv4 ranges that are not public receivers.
const FORBIDDEN_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),        // this network; 0.0.0.0 reaches the own host on Linux
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT; one cloud keeps its metadata here
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // Azure's host agent: looks public, answers inside
    v4(169, 254, 0, 0, 16),   // link-local, and most clouds' metadata service
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments; another cloud's metadata
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // 6to4 relays, withdrawn
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarking
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, and the limited broadcast address
];

/// The only IPv6 range from which public unicast addresses are given out. Everything outside it is
/// refused without a line of its own: unspecified, loopback, IPv4-compatible, discard-only,
/// unique-local, link-local, site-local, segment routing, multicast.
const PUBLIC_V6: Ipv6Net = v6(0x2000, 0, 3);

/// IPv6 ranges inside [`PUBLIC_V6`] that are not public receivers.
const FORBIDDEN_V6: &[Ipv6Net] = &[
    // Protocol assignments: Teredo, benchmarking, ORCHID and others.
    v6(0x2001, 0, 23),
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4: carries any IPv4 address
    v6(0x3ffe, 0, 16),     // the returned test network
    v6(0x3fff, 0, 20),     // documentation
];

/// NAT64: a host that has only IPv6 reaches every IPv4 receiver through it, so it is judged by the
/// IPv4 address in its last 32 bits.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// Ports of services that are not HTTP and that a forged request could speak to: remote shells,
/// mail, name and directory services, file shares, databases, caches, brokers, container engines.
///
/// Everything else is callable, since receivers do sit on ports such as 8443. The list holds on
/// allowed networks too, where the installation's own database and Redis are.
const FORBIDDEN_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 79, 110, 111, 113, 119,
    123, 135, 137, 138, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 548, 554, 563,
    587, 601, 636, 873, 993, 995, 1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3268, 3306, 3389,
    5060, 5061, 5432, 5672, 5900, 5984, 6000, 6379, 6380, 6432, 6566, 6665, 6666, 6667, 6668, 6669,
    6697, 9042, 9092, 10250, 10255, 11211, 16379, 26379, 27017,
];

/// Decides what may be called. Clone it freely; it is a short list.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Vec<IpNet>,
}

impl Guard {
    /// A guard that also permits the networks in `allow`, for installations whose receivers are
    /// inside. Each network permits exactly its own addresses, however they are written.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Checks everything that can be told from the URL alone: the scheme, the absence of
    /// credentials, the port, and the address when the host is one.
    pub fn check_url(&self, url: &Url) -> Result<(), EgressError> {
        let refuse = |why: &str| Err(EgressError::BadUrl(why.to_owned()));
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("only http and https are possible");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it contains a user name or password");
        }
        let port = url.port_or_known_default();
        if port.is_none_or(|port| FORBIDDEN_PORTS.contains(&port)) {
            return refuse("this port belongs to another service");
        }
        match url.host() {
            None => refuse("it has no host"),
            Some(Host::Domain(name)) => match name.trim_end_matches('.') {
                "" => refuse("it has no host"),
                name if is_own_host(name) => self.check_own_host(),
                // Any other name is judged by what it resolves to, when it is resolved.
                _ => Ok(()),
            },
            Some(Host::Ipv4(address)) => self.check_address(address.into()),
            Some(Host::Ipv6(address)) => self.check_address(address.into()),
        }
    }

    /// Whether a connection to `address` may be opened.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        let allowed = self.allow.iter().any(|network| network.contains(&address));
        allowed || is_public(address)
    }

    fn check_own_host(&self) -> Result<(), EgressError> {
        self.check_address(Ipv4Addr::LOCALHOST.into())
            .or_else(|_| self.check_address(Ipv6Addr::LOCALHOST.into()))
    }

    fn check_address(&self, address: IpAddr) -> Result<(), EgressError> {
        if self.permits(address) {
            Ok(())
        } else {
            Err(EgressError::Forbidden)
        }
    }
}

impl Reach for Guard {
    fn check(&self, url: &Url) -> Result<(), EgressError> {
        self.check_url(url)
    }
}

/// Names that stand for the own host wherever they are asked for (RFC 6761).
fn is_own_host(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The address that a packet to `address` reaches in the end.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return mapped.into();
    }
    if NAT64.contains(&v6) {
        return Ipv4Addr::from_bits(v6.to_bits() as u32).into();
    }
    address
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !FORBIDDEN_V4.iter().any(|network| network.contains(&v4)),
        IpAddr::V6(v6) => {
            PUBLIC_V6.contains(&v6)
                && !is_isatap(v6)
                && !FORBIDDEN_V6.iter().any(|network| network.contains(&v6))
        }
    }
}

/// ISATAP hides an IPv4 address in the interface part under any prefix.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., high, low, _, _] = address.segments();
    matches!((high, low), (0 | 0x200, 0x5efe))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

/// The network whose first 32 bits are `first` and `second`.
const fn v6(first: u16, second: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), prefix)
}

#[cfg(test)]
mod tests;
