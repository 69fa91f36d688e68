//! Tells people from machines among the opens, clicks and replies of one email.
//!
//! The rules are those of the definitions, "Machine opens and bot clicks". The provider's own verdict
//! comes first; without one, the user agent, the link, the time since delivery and what came from the
//! same agent or address before are judged. An event is kept whatever the verdict, and the verdict
//! always has a reason. A verdict is about one event: a later click that shows no sign of a machine
//! counts as a person's, so it restores the human status of an email that a scanner was at before.
//!
//! The verdicts depend on the whole set of an email's events and not on the order in which they
//! arrived: a delivery that is told late can turn a click into a scanner's.
//!
//! Two signs of the definitions are not judged. No provider says by which method a link was asked for (HEAD),
//! and nobody publishes which networks are those of scanners. Whoever knows says it with the event: a verdict
//! that is told also counts as a trip.

use std::collections::HashMap;

use async_graphql::Enum;
use chrono::{DateTime, TimeDelta, Utc};
use entity::kind::{EmailEventKind, EmailEventOrigin};
use serde::{Deserialize, Serialize};

use super::{fold::UnitEvent, link};

/// "Within seconds of delivery", for fetches through an image proxy and for clicks.
const AT_DELIVERY: TimeDelta = TimeDelta::seconds(5);
/// "Several distinct links of one message within about 10 s".
const BURST: TimeDelta = TimeDelta::seconds(10);
/// "Once a send trips, later clicks from the same IP or agent for 15 minutes count too".
const AFTER_TRIP: TimeDelta = TimeDelta::minutes(15);

/// What Apple's mail privacy relays call themselves, and nothing else.
const PRIVACY_AGENT: &str = "mozilla/5.0";
/// Image proxies that also fetch for people.
const PROXY_AGENTS: &[&str] = &["googleimageproxy", "ggpht.com", "yahoomailproxy"];
/// Security products, libraries and crawlers.
const SCANNER_AGENTS: &[&str] = &[
    "barracuda",
    "proofpoint",
    "urldefense",
    "mimecast",
    "messagelabs",
    "symantec",
    "ironport",
    "fireeye",
    "trendmicro",
    "trend micro",
    "bitdefender",
    "sophos",
    "zscaler",
    "headlesschrome",
    "phantomjs",
    "python-requests",
    "python-urllib",
    "go-http-client",
    "libwww-perl",
    "curl/",
    "wget/",
    "bot/",
    "crawler",
    "spider",
    "bingpreview",
];

/// Who caused an event, and how we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Who or what.
    pub origin: EmailEventOrigin,
    /// Why it is taken for that.
    pub reason: Reason,
}

impl Verdict {
    /// Whether it counts as a person's: so does what shows no sign of a machine.
    pub fn is_human(self) -> bool {
        is_human(self.origin)
    }
}

/// Whether what was caused so counts as a person's: so does what shows no sign of a machine.
pub fn is_human(origin: EmailEventOrigin) -> bool {
    matches!(origin, EmailEventOrigin::Human | EmailEventOrigin::Unknown)
}

/// Whether a program that calls itself so follows links before people do, or instead of them: a security
/// product, a library or a crawler.
pub(crate) fn is_scanner(user_agent: &str) -> bool {
    names_any(&user_agent.trim().to_lowercase(), SCANNER_AGENTS)
}

/// Whether a machine may cause this in the recipient's place.
pub fn may_be_a_machines(kind: EmailEventKind) -> bool {
    matches!(
        kind,
        EmailEventKind::Opened | EmailEventKind::Clicked | EmailEventKind::Replied
    )
}

/// Why an event is taken for a person's or a machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[graphql(name = "EmailOriginReason")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// The provider said so.
    ProviderVerdict,
    /// The user agent is the bare one of a mail privacy service.
    PrivacyAgent,
    /// The user agent is that of a scanner, a library or a crawler.
    ScannerAgent,
    /// A link was followed that nobody can see: its address has the parameter `enishi_hidden`.
    HiddenLink,
    /// An image proxy fetched within seconds of delivery.
    ProxyAtDelivery,
    /// A link was followed within seconds of delivery.
    ClickAtDelivery,
    /// Several different links were followed within ten seconds.
    SeveralLinks,
    /// The same agent, or the same IP address, was found to be a scanner's less than 15 minutes before.
    AfterScanner,
    /// Nothing speaks for a machine.
    NoSign,
}

/// Judges the events of one email, which are in the order of their times. One verdict each.
pub fn classify(events: &[&UnitEvent]) -> Vec<Verdict> {
    let first = |kind| events.iter().find(|event| event.kind == kind);
    // An email is delivered after it is sent: what comes within seconds of sending comes within
    // seconds of delivery too.
    let delivered = first(EmailEventKind::Delivered)
        .or_else(|| first(EmailEventKind::Sent))
        .map(|event| event.occurred_at);
    let at_delivery = |event: &UnitEvent| {
        delivered.is_some_and(|at| (event.occurred_at - at).abs() <= AT_DELIVERY)
    };
    let bursts = bursts(events);
    let direct: Vec<Verdict> = events
        .iter()
        .zip(bursts)
        .map(|(event, in_burst)| match event.kind {
            _ if event.origin != EmailEventOrigin::Unknown => Verdict {
                origin: event.origin,
                reason: Reason::ProviderVerdict,
            },
            EmailEventKind::Opened => judge_open(event, at_delivery(event)),
            EmailEventKind::Clicked => judge_click(event, at_delivery(event), in_burst),
            _ => NO_SIGN,
        })
        .collect();
    let trips = trips(events, &direct);
    events
        .iter()
        .zip(direct)
        .map(|(event, verdict)| {
            if verdict == NO_SIGN && follows_a_trip(event, &trips) {
                scanner(Reason::AfterScanner)
            } else {
                verdict
            }
        })
        .collect()
}

const NO_SIGN: Verdict = Verdict {
    origin: EmailEventOrigin::Unknown,
    reason: Reason::NoSign,
};

fn scanner(reason: Reason) -> Verdict {
    Verdict {
        origin: EmailEventOrigin::Scanner,
        reason,
    }
}

/// A fetch through an image proxy is a real open most of the time, because the proxy fetches when
/// the person reads: only one that comes with the delivery is held against it.
fn judge_open(event: &UnitEvent, at_delivery: bool) -> Verdict {
    let agent = agent(event);
    if agent == PRIVACY_AGENT {
        return Verdict {
            origin: EmailEventOrigin::MachinePrivacy,
            reason: Reason::PrivacyAgent,
        };
    }
    if names_any(&agent, PROXY_AGENTS) {
        return if at_delivery {
            Verdict {
                origin: EmailEventOrigin::Proxy,
                reason: Reason::ProxyAtDelivery,
            }
        } else {
            NO_SIGN
        };
    }
    if names_any(&agent, SCANNER_AGENTS) {
        return scanner(Reason::ScannerAgent);
    }
    NO_SIGN
}

fn judge_click(event: &UnitEvent, at_delivery: bool, in_burst: bool) -> Verdict {
    if names_any(&agent(event), SCANNER_AGENTS) {
        scanner(Reason::ScannerAgent)
    } else if event.url.as_deref().is_some_and(link::is_hidden) {
        scanner(Reason::HiddenLink)
    } else if at_delivery {
        scanner(Reason::ClickAtDelivery)
    } else if in_burst {
        scanner(Reason::SeveralLinks)
    } else {
        NO_SIGN
    }
}

/// What tells that two clicks are of one program.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mark<'e> {
    Agent(&'e str),
    Address(&'e str),
}

fn marks(event: &UnitEvent) -> impl Iterator<Item = Mark<'_>> {
    let agent = event.user_agent.as_deref().map(Mark::Agent);
    let address = event.ip_hash.as_deref().map(Mark::Address);
    agent.into_iter().chain(address)
}

/// For each agent and address that was caught following links, when, in order.
type Trips<'e> = HashMap<Mark<'e>, Vec<DateTime<Utc>>>;

fn trips<'e>(events: &[&'e UnitEvent], direct: &[Verdict]) -> Trips<'e> {
    let mut trips = Trips::new();
    for (&event, verdict) in events.iter().zip(direct) {
        if event.kind == EmailEventKind::Clicked && verdict.origin == EmailEventOrigin::Scanner {
            for mark in marks(event) {
                trips.entry(mark).or_default().push(event.occurred_at);
            }
        }
    }
    trips
}

/// Whether `event` is a click of an agent, or from an address, that was caught at the same time or shortly
/// before. What followed a trip does not trip again, or a busy reader behind a scanner would never be seen.
fn follows_a_trip(event: &UnitEvent, trips: &Trips<'_>) -> bool {
    let is_shortly_after = |times: &Vec<DateTime<Utc>>| {
        let earlier = times.partition_point(|&time| time <= event.occurred_at);
        earlier > 0 && event.occurred_at - times[earlier - 1] <= AFTER_TRIP
    };
    event.kind == EmailEventKind::Clicked
        && marks(event).any(|mark| trips.get(&mark).is_some_and(is_shortly_after))
}

/// For each event, whether it is a click with a click on another link within ten seconds of it.
/// Clicks the provider vouches for are left out.
fn bursts(events: &[&UnitEvent]) -> Vec<bool> {
    let mut marked = vec![false; events.len()];
    let forwards: Vec<usize> = (0..events.len())
        .filter(|&index| {
            events[index].kind == EmailEventKind::Clicked
                && events[index].origin != EmailEventOrigin::Human
                && events[index].url.is_some()
        })
        .collect();
    let backwards: Vec<usize> = forwards.iter().rev().copied().collect();
    // In each direction, the nearest click on another link is the neighbour, or else the
    // neighbour's own nearest: everything in between is on the same link.
    for clicks in [forwards, backwards] {
        let mut nearest: Option<usize> = None;
        let mut previous: Option<usize> = None;
        for index in clicks {
            if let Some(neighbour) = previous
                && events[neighbour].url != events[index].url
            {
                nearest = Some(neighbour);
            }
            marked[index] |= nearest.is_some_and(|other| {
                (events[other].occurred_at - events[index].occurred_at).abs() <= BURST
            });
            previous = Some(index);
        }
    }
    marked
}

fn agent(event: &UnitEvent) -> String {
    event
        .user_agent
        .as_deref()
        .unwrap_or_default()
        .trim()
        .to_lowercase()
}

fn names_any(agent: &str, names: &[&str]) -> bool {
    names.iter().any(|name| agent.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::fold::sample::{at, click, event, open};

    const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/140.0";
    const GOOGLE: &str =
        "Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)";

    #[track_caller]
    fn check(events: &[UnitEvent], expected: &[Reason]) {
        let sorted: Vec<&UnitEvent> = events.iter().collect();
        let reasons: Vec<Reason> = classify(&sorted).iter().map(|v| v.reason).collect();
        assert_eq!(reasons, expected);
    }

    #[test]
    fn the_provider_is_believed_before_any_heuristic() {
        let mut human = click(1, "a", BROWSER);
        human.origin = EmailEventOrigin::Human;
        let mut machine = open(9_999, BROWSER);
        machine.origin = EmailEventOrigin::MachinePrivacy;
        let events = [event(0, EmailEventKind::Delivered), human, machine];
        check(
            &events,
            &[
                Reason::NoSign,
                Reason::ProviderVerdict,
                Reason::ProviderVerdict,
            ],
        );
    }

    #[test]
    fn opens_are_judged_by_agent_and_a_proxy_only_at_delivery() {
        let events = [
            event(0, EmailEventKind::Delivered),
            open(2, GOOGLE),
            open(3, BROWSER),
            open(60, GOOGLE),
            open(61, "Mozilla/5.0"),
            open(62, "BarracudaCentral"),
        ];
        check(
            &events,
            &[
                Reason::NoSign,
                Reason::ProxyAtDelivery,
                Reason::NoSign,
                Reason::NoSign,
                Reason::PrivacyAgent,
                Reason::ScannerAgent,
            ],
        );
    }

    #[test]
    fn several_links_within_ten_seconds_are_a_scanner_and_one_link_twice_is_not() {
        let two = [click(100, "a", BROWSER), click(110, "b", BROWSER)];
        check(&two, &[Reason::SeveralLinks, Reason::SeveralLinks]);
        let slow = [click(100, "a", BROWSER), click(111, "b", BROWSER)];
        check(&slow, &[Reason::NoSign, Reason::NoSign]);
        let same = [click(100, "a", BROWSER), click(101, "a", BROWSER)];
        check(&same, &[Reason::NoSign, Reason::NoSign]);
    }

    #[test]
    fn after_a_scanner_its_agent_is_not_believed_for_fifteen_minutes() {
        let events = [
            event(0, EmailEventKind::Sent),
            click(4, "a", BROWSER),
            click(900, "b", BROWSER),
            click(901, "b", "another"),
            click(905, "b", BROWSER),
        ];
        check(
            &events,
            &[
                Reason::NoSign,
                Reason::ClickAtDelivery,
                Reason::AfterScanner,
                Reason::NoSign,
                Reason::NoSign,
            ],
        );
        assert_eq!(events[4].occurred_at, at(905));
    }

    #[test]
    fn after_a_scanner_its_address_is_not_believed_either() {
        let from = |second, agent, address: &str| UnitEvent {
            ip_hash: Some(address.to_owned()),
            ..click(second, "a", agent)
        };
        let events = [
            event(0, EmailEventKind::Sent),
            from(4, BROWSER, "scanner"),
            from(60, "another", "scanner"),
            from(61, "another", "home"),
            from(905, "another", "scanner"),
        ];
        check(
            &events,
            &[
                Reason::NoSign,
                Reason::ClickAtDelivery,
                Reason::AfterScanner,
                Reason::NoSign,
                Reason::NoSign,
            ],
        );
    }

    #[test]
    fn whoever_follows_a_link_that_nobody_sees_is_a_scanner() {
        let events = [
            event(0, EmailEventKind::Sent),
            click(100, "?enishi_hidden", BROWSER),
            click(200, "a", BROWSER),
            click(2_000, "a", BROWSER),
        ];
        check(
            &events,
            &[
                Reason::NoSign,
                Reason::HiddenLink,
                Reason::AfterScanner,
                Reason::NoSign,
            ],
        );
    }
}
