//! Which way a message went, and who the customer is.
//!
//! An archive holds both sides of a conversation. What the workspace owns (addresses, or whole
//! domains) tells them apart; headers such as `Delivered-To` do not, since a copy to oneself has
//! them too.

use std::collections::HashSet;

use super::address::{AddressError, EmailAddress, normal_domain};
use super::automatic::AutomaticKind;
use super::parse::{Mail, Mailbox};

/// The workspace's own addresses and domains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnAddresses {
    addresses: HashSet<EmailAddress>,
    domains: HashSet<String>,
}

/// Whether the customer wrote or was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The customer wrote.
    Inbound,
    /// The workspace wrote.
    Outbound,
}

/// A message's direction and its customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which way it went.
    pub direction: Direction,
    /// The one outside: the sender, or the first recipient who is not the workspace's own. Of a bounce
    /// whose server names no address of its own, whoever it could not reach.
    pub customer: Mailbox,
}

/// Why a message belongs to no customer; reported and skipped, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplaced {
    /// Everybody named in it is the workspace's own.
    #[error("internal mail: nobody outside is named in it")]
    Internal,
    /// No readable sender.
    #[error("the message has no readable sender")]
    NoSender,
}

impl OwnAddresses {
    /// Reads addresses (`sales@example.com`) and domains (`@example.com`). A domain does not own
    /// its subdomains: `@example.com` and `@support.example.com` are often different companies'.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, AddressError> {
        let mut own = Self::default();
        for text in texts {
            if let Some(domain) = text.trim().strip_prefix('@') {
                own.domains
                    .insert(normal_domain(domain).ok_or(AddressError::Domain)?);
            } else {
                own.addresses.insert(EmailAddress::parse(text)?);
            }
        }
        Ok(own)
    }

    /// Whether the workspace owns that address. `sales+x@` is `sales@`: with one's own mailboxes
    /// one knows that the tag is only a tag.
    pub fn owns(&self, address: &EmailAddress) -> bool {
        if self.domains.contains(address.domain()) || self.addresses.contains(address) {
            return true;
        }
        address
            .local()
            .split_once('+')
            .and_then(|(local, _)| {
                EmailAddress::parse(&format!("{local}@{}", address.domain())).ok()
            })
            .is_some_and(|base| self.addresses.contains(&base))
    }

    /// Whether nothing is owned, so that every message would read as inbound.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.domains.is_empty()
    }
}

/// Decides the direction of a message and names its customer.
pub fn place(mail: &Mail, own: &OwnAddresses) -> Result<Placement, Unplaced> {
    let is_outside = |mailbox: &&Mailbox| !own.owns(&mailbox.address);
    let Some(sender) = &mail.from else {
        return returned(mail, own).ok_or(Unplaced::NoSender);
    };
    if !own.owns(&sender.address) {
        return Ok(Placement {
            direction: Direction::Inbound,
            customer: sender.clone(),
        });
    }
    if let Some(recipient) = mail.to.iter().chain(&mail.cc).find(is_outside) {
        return Ok(Placement {
            direction: Direction::Outbound,
            customer: recipient.clone(),
        });
    }
    // A web form mails from and to our own address and puts the visitor into Reply-To.
    if let Some(visitor) = mail.reply_to.iter().find(is_outside) {
        return Ok(Placement {
            direction: Direction::Inbound,
            customer: visitor.clone(),
        });
    }
    Err(Unplaced::Internal)
}

/// Words with an `@` that are looked at in the text of a bounce.
const MAX_WORDS: usize = 100;

/// A bounce from a server that says `MAILER-DAEMON <>`: it tells of the person it could not reach.
fn returned(mail: &Mail, own: &OwnAddresses) -> Option<Placement> {
    if mail.automatic != Some(AutomaticKind::Bounce) {
        return None;
    }
    let reported = mail.bounces.iter().map(|bounce| bounce.recipient.clone());
    // Old servers write no report. The first address in their text is the one they could not reach.
    let ends_address = |c: char| c.is_whitespace() || "<>()[]\"',;:".contains(c);
    let named = mail
        .text
        .split(ends_address)
        .filter(|word| word.contains('@'))
        .take(MAX_WORDS)
        .filter_map(|word| EmailAddress::parse(word.trim_end_matches('.')).ok());
    let is_to = |address: &EmailAddress| mail.to.iter().any(|to| to.address == *address);
    let address = reported
        .chain(named)
        .find(|address| !own.owns(address) && !is_to(address))?;
    Some(Placement {
        direction: Direction::Inbound,
        customer: Mailbox {
            name: None,
            address,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[track_caller]
    fn check(headers: &str, expected: Result<(Direction, &str), Unplaced>) {
        let own = OwnAddresses::new(["@Example.com", "shop@mail.test"]).unwrap();
        let mail = parse(format!("{headers}\n\nhi\n").as_bytes()).unwrap();
        let actual = place(&mail, &own);
        let actual = actual
            .as_ref()
            .map(|p| (p.direction, p.customer.address.as_str()));
        assert_eq!(actual, expected.as_ref().copied(), "{headers}");
    }

    #[test]
    fn who_is_outside_decides() {
        use Direction::*;
        check(
            "From: C <c@customer.jp>\nTo: a@example.com",
            Ok((Inbound, "c@customer.jp")),
        );
        check(
            "From: a@EXAMPLE.com\nTo: c@customer.jp",
            Ok((Outbound, "c@customer.jp")),
        );
        check(
            "From: a@example.com\nTo: b@example.com\nCc: x@example.com, C <c@customer.jp>",
            Ok((Outbound, "c@customer.jp")),
        );
        check(
            "From: shop+7@mail.test\nTo: c@mail.test",
            Ok((Outbound, "c@mail.test")),
        );
        check(
            "From: a@sub.example.com\nTo: b@example.com",
            Ok((Inbound, "a@sub.example.com")),
        );
    }

    #[test]
    fn a_web_forms_visitor_is_the_customer() {
        check(
            "From: form@example.com\nTo: a@example.com\nReply-To: v@visitor.jp",
            Ok((Direction::Inbound, "v@visitor.jp")),
        );
    }

    #[test]
    fn a_bounce_that_names_no_sender_is_about_whom_it_could_not_reach() {
        let gone = Ok((Direction::Inbound, "gone@customer.jp"));
        let text = "This is the mail agent at mx.example.com.\n\nThere was an error delivering your \
            mail to <gone@customer.jp>.\n\nFrom: <a@example.com>\nTo: <other@customer.jp>";
        for from in ["From: MAILER-DAEMON <>", "From: mailer-daemon"] {
            check(
                &format!("{from}\nTo: a@example.com\nSubject: Mail delivery failed\n\n{text}"),
                gone,
            );
        }
        let report = "From: Mail Delivery System <>\nTo: a@example.com\nMIME-Version: 1.0\n\
            Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
            --b\nContent-Type: text/plain\n\nAsk help@provider.jp about it.\n\
            --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n\
            Final-Recipient: rfc822; gone@customer.jp\nAction: failed\nStatus: 5.1.1\n\n--b--";
        check(report, gone);
        // Of nobody outside, or of somebody who only writes about an address, nothing is guessed.
        check(
            "From: MAILER-DAEMON <>\nTo: a@example.com\n\nAsk <b@example.com> or a@example.com.",
            Err(Unplaced::NoSender),
        );
        check(
            "From: Nobody <>\nTo: a@example.com\n\nWrite to gone@customer.jp.",
            Err(Unplaced::NoSender),
        );
    }

    #[test]
    fn mail_among_ourselves_has_no_customer() {
        check(
            "From: a@example.com\nTo: b@example.com",
            Err(Unplaced::Internal),
        );
        check(
            "From: a@example.com\nTo: undisclosed-recipients:;",
            Err(Unplaced::Internal),
        );
        check("To: b@example.com", Err(Unplaced::NoSender));
    }

    #[test]
    fn what_cannot_be_owned_is_refused() {
        assert_eq!(OwnAddresses::new(["nobody"]), Err(AddressError::NoAt));
        assert_eq!(OwnAddresses::new(["@"]), Err(AddressError::Domain));
        assert!(OwnAddresses::new([]).unwrap().is_empty());
    }
}
