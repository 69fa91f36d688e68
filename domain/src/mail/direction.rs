//! Which way a message went, and who the customer is.
//!
//! An archive holds both sides of a conversation. What the workspace owns (addresses, or whole
//! domains) tells them apart; headers such as `Delivered-To` do not, since a copy to oneself has
//! them too.

use std::collections::HashSet;

use super::address::{AddressError, EmailAddress, normal_domain};
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
    /// The one outside: the sender, or the first recipient who is not the workspace's own.
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
    let sender = mail.from.as_ref().ok_or(Unplaced::NoSender)?;
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
