//! One spelling for every e-mail address.
//!
//! An address identifies a contact, so two spellings of one mailbox must become one value before
//! they are compared, indexed or stored: wherever an address enters the product (mail, CSV,
//! tracking calls, forms, GraphQL) it passes through [`EmailAddress::parse`] and nothing else.
//!
//! What it does not do: decide that `a.b@gmail.com` and `ab@gmail.com`, or `a+x@` and `a@`, are one
//! person. That is true of some providers only, and merging two people cannot be guessed back.

use std::fmt;
use std::str::FromStr;

use email_address::Options;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest address SMTP can carry in a path, in bytes (RFC 5321, erratum 1690).
pub const MAX_ADDRESS_BYTES: usize = 254;

/// A syntactically valid e-mail address in its one normal spelling.
///
/// - Surrounding blanks and angle brackets are gone; there is no display name.
/// - Full-width characters are folded (NFKC): `ｓａｌｅｓ＠ｅｘａｍｐｌｅ．ｊｐ` is what people type
///   with an input method on, and it means `sales@example.jp`.
/// - Everything is lower-case. RFC 5321 lets the part before `@` differ by case; no provider does.
/// - The domain is ASCII: an internationalised domain is in its `xn--` form, so that it compares
///   equal to what mail servers write.
///
/// Ordering, equality and hashing are those of the normal spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Why a text is not an e-mail address, in words for whoever wrote it. The offending text is not repeated: it
/// may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but blanks.
    #[error("The e-mail address is empty.")]
    Empty,
    /// More than [`MAX_ADDRESS_BYTES`] bytes.
    #[error("The e-mail address is longer than {MAX_ADDRESS_BYTES} bytes.")]
    TooLong,
    /// No `@`, or nothing on one side of it.
    #[error("An e-mail address has the form name@domain.")]
    NoAt,
    /// The domain cannot exist.
    #[error("The domain of the e-mail address is not valid.")]
    Domain,
    /// The part before `@` holds characters that need quoting, or is longer than 64 bytes.
    #[error("The part of the e-mail address before @ is not valid.")]
    Local,
}

impl EmailAddress {
    /// Reads one address, without a display name, and brings it to its normal spelling.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        // NFKC can make a text up to 18 times longer; refusing first keeps that bounded.
        if text.len() > 4 * MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        let folded: String = text.nfkc().collect::<String>().to_lowercase();
        let bare = strip_brackets(folded.trim());
        if bare.is_empty() {
            return Err(AddressError::Empty);
        }
        let (local, domain) = bare.rsplit_once('@').ok_or(AddressError::NoAt)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::NoAt);
        }
        let domain = normal_domain(domain).ok_or(AddressError::Domain)?;
        let local = unquote(local);
        if !is_local_part(local) {
            return Err(AddressError::Local);
        }
        let address = format!("{local}@{domain}");
        if address.len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        Ok(Self(address))
    }

    /// The normal spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The domain, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Brings a domain to ASCII and lower-case; `None` if it cannot be one.
pub(crate) fn normal_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(domain.trim().trim_end_matches('.')).ok()?;
    // The check below takes a whole address; the local part is a stand-in known to be valid.
    let probe = format!("a@{ascii}");
    let options = Options::default()
        .with_no_minimum_sub_domains()
        .without_domain_literal();
    email_address::EmailAddress::parse_with_options(&probe, options).ok()?;
    Some(ascii)
}

fn strip_brackets(text: &str) -> &str {
    text.strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(text)
        .trim()
}

/// `"a.b"@example.com` and `a.b@example.com` are one mailbox; quotes that protect something stay
/// and are refused afterwards, since nobody types such an address on purpose.
fn unquote(local: &str) -> &str {
    local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .filter(|inner| !inner.is_empty())
        .unwrap_or(local)
}

fn is_local_part(local: &str) -> bool {
    if local.contains(['"', '\\']) || local.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return false;
    }
    if email_address::EmailAddress::is_valid_local_part(local) {
        return true;
    }
    // Japanese mobile carriers gave out addresses such as `a..b.@docomo.ne.jp` for years. The dots
    // break RFC 5321, the mailboxes exist and write to us: judge what is left without the dots.
    let dotless: String = local.chars().filter(|&c| c != '.').collect();
    local.len() <= 64 && email_address::EmailAddress::is_valid_local_part(&dotless)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl AsRef<str> for EmailAddress {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, AddressError>) {
        let actual = EmailAddress::parse(text);
        assert_eq!(
            actual.as_ref().map(EmailAddress::as_str),
            expected.as_ref().copied(),
            "{text}"
        );
    }

    #[test]
    fn spellings_of_one_mailbox_become_one_value() {
        for text in [
            "sales@example.jp",
            " Sales@Example.JP ",
            "<sales@example.jp>",
            "sales@example.jp.",
            "\"sales\"@example.jp",
            "ｓａｌｅｓ＠ｅｘａｍｐｌｅ．ｊｐ",
        ] {
            check(text, Ok("sales@example.jp"));
        }
    }

    #[test]
    fn an_international_domain_is_kept_in_ascii() {
        check("info@日本語.JP", Ok("info@xn--wgv71a119e.jp"));
        check("info@XN--wgv71a119e.jp", Ok("info@xn--wgv71a119e.jp"));
    }

    #[test]
    fn a_plus_tag_and_dots_stay_as_written() {
        check("a.b+tag@gmail.com", Ok("a.b+tag@gmail.com"));
    }

    #[test]
    fn an_old_mobile_address_with_stray_dots_is_accepted() {
        check("a..b.@docomo.ne.jp", Ok("a..b.@docomo.ne.jp"));
        check("...@docomo.ne.jp", Err(AddressError::Local));
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        check("  ", Err(AddressError::Empty));
        check("<>", Err(AddressError::Empty));
        check("MAILER-DAEMON", Err(AddressError::NoAt));
        check("@example.com", Err(AddressError::NoAt));
        check("a@", Err(AddressError::NoAt));
        check("a b@example.com", Err(AddressError::Local));
        check("a\0b@example.com", Err(AddressError::Local));
        check("a@exa mple.com", Err(AddressError::Domain));
        check("a@[192.0.2.1]", Err(AddressError::Domain));
        check(
            &format!("{}@example.com", "a".repeat(65)),
            Err(AddressError::Local),
        );
        check(&"a".repeat(2000), Err(AddressError::TooLong));
        let long = format!("a@{}.com", vec!["b".repeat(60); 5].join("."));
        assert!(EmailAddress::parse(&long).is_err());
    }

    #[test]
    fn it_travels_as_a_plain_string_and_is_checked_on_the_way_in() {
        let address: EmailAddress = serde_json::from_str("\"A@Example.com\"").unwrap();
        assert_eq!(
            serde_json::to_string(&address).unwrap(),
            "\"a@example.com\""
        );
        assert!(serde_json::from_str::<EmailAddress>("\"nobody\"").is_err());
    }
}
