//! The mail server and the sender, as the installation's settings name them.

use std::net::Ipv4Addr;

use lettre::{Address, message::Mailbox, transport::smtp::authentication::Credentials};
use url::{Host, Url};

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// From the first byte.
    Tls,
    /// By STARTTLS, before anything else is said.
    StartTls,
}

/// The mail server, and whom mail comes from.
#[derive(Clone)]
pub struct MailSettings {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// What to log in with.
    pub credentials: Option<Credentials>,
    /// The sender.
    pub from: Mailbox,
}

/// Without the password.
impl std::fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

const FORM: &str = "it is not of the form smtps://user:password@host:465, \
                    smtp://user:password@host:587?tls=required or smtp://localhost:25";

impl MailSettings {
    /// Reads both settings and adds what is wrong to `problems`, without repeating a password.
    pub fn check(
        url: Option<&str>,
        from: Option<&str>,
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        let (url, from) = match (url, from) {
            (None, None) => return None,
            (Some(url), None) => {
                if let Err(problem) = server(url) {
                    problems.push(format!("ENISHI_SMTP_URL: {problem}"));
                }
                problems.push(
                    "ENISHI_MAIL_FROM: say whom mail comes from, such as \
                     Enishi <enishi@example.com>, or leave ENISHI_SMTP_URL out"
                        .to_owned(),
                );
                return None;
            }
            (None, Some(_)) => {
                problems.push(
                    "ENISHI_SMTP_URL: name the mail server, or leave ENISHI_MAIL_FROM out"
                        .to_owned(),
                );
                return None;
            }
            (Some(url), Some(from)) => (url, from),
        };
        let from = from.parse::<Mailbox>().ok();
        let from = from.filter(|from| is_plain(&from.email));
        if from.is_none() {
            problems.push(
                "ENISHI_MAIL_FROM: it is not an address such as Enishi <enishi@example.com>"
                    .to_owned(),
            );
        }
        let server = server(url).map_err(|problem| {
            problems.push(format!("ENISHI_SMTP_URL: {problem}"));
        });
        let (host, port, encryption, credentials) = server.ok()?;
        Some(Self {
            host,
            port,
            encryption,
            credentials,
            from: from?,
        })
    }
}

fn is_plain(address: &Address) -> bool {
    let text: &str = address.as_ref();
    text.is_ascii()
}

type Server = (String, u16, Encryption, Option<Credentials>);

fn server(text: &str) -> Result<Server, &'static str> {
    let url = Url::parse(text).map_err(|_| FORM)?;
    let host = url.host().ok_or(FORM)?;
    let is_here = match &host {
        // Of schemes it does not know the parser leaves addresses as names.
        Host::Domain(name) => {
            let address = name.parse::<Ipv4Addr>();
            *name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    // An address in brackets is for URLs only.
    let host = match &host {
        Host::Ipv6(address) => address.to_string(),
        host => host.to_string(),
    };
    if host.is_empty() || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(FORM);
    }
    let mut options = url.query_pairs();
    let encryption = match (url.scheme(), options.next()) {
        ("smtps", None) => Encryption::Tls,
        ("smtp", None) => Encryption::None,
        ("smtp", Some((name, value))) if name == "tls" && value == "required" => {
            Encryption::StartTls
        }
        _ => return Err(FORM),
    };
    if options.next().is_some() {
        return Err(FORM);
    }
    let port = url.port().unwrap_or(match encryption {
        Encryption::None => 25,
        Encryption::Tls => 465,
        Encryption::StartTls => 587,
    });
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        ("", Some(_)) | (_, None) => return Err("give both a user and a password, or neither"),
        (user, Some(password)) => {
            let (user, password) = (decode(user).ok_or(FORM)?, decode(password).ok_or(FORM)?);
            Some(Credentials::new(user, password))
        }
    };
    if credentials.is_some() && encryption == Encryption::None && !is_here {
        return Err(
            "the password would travel in the clear: use smtps://, or smtp:// with ?tls=required",
        );
    }
    Ok((host, port, encryption, credentials))
}

/// Takes percent signs out of a part of a URL.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.extend(hex::decode(digits).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, from: &str) -> Result<MailSettings, Vec<String>> {
        let mut problems = Vec::new();
        let given = Some(url).filter(|url| !url.is_empty());
        let from = Some(from).filter(|from| !from.is_empty());
        let settings = MailSettings::check(given, from, &mut problems);
        settings.ok_or(problems)
    }

    #[test]
    fn a_mail_server_is_read_from_its_url() {
        for (url, host, port, encryption) in [
            ("smtp://localhost", "localhost", 25, Encryption::None),
            ("smtp://[::1]:1025", "::1", 1025, Encryption::None),
            (
                "smtps://u:p@mail.example",
                "mail.example",
                465,
                Encryption::Tls,
            ),
            (
                "smtp://u%40x:p%2Fw@mail.example?tls=required",
                "mail.example",
                587,
                Encryption::StartTls,
            ),
            (
                "smtp://u:p@127.0.0.1:2525/",
                "127.0.0.1",
                2525,
                Encryption::None,
            ),
        ] {
            let settings = check(url, "Enishi <enishi@example.com>").unwrap();
            let found = (settings.host.as_str(), settings.port, settings.encryption);
            assert_eq!(found, (host, port, encryption), "{url}");
            assert_eq!(settings.from.email.to_string(), "enishi@example.com");
            assert!(!format!("{settings:?}").contains("p/w"));
        }
    }

    #[test]
    fn a_bad_url_is_told_also_where_the_sender_is_missing() {
        let problems = check("http://mail.example", "").unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn what_is_malformed_is_refused_under_its_settings_name_without_the_password() {
        let good = "enishi@example.com";
        for (url, from, name) in [
            ("smtp://mail.example", "", "ENISHI_MAIL_FROM"),
            ("", good, "ENISHI_SMTP_URL"),
            ("mail.example:25", good, "ENISHI_SMTP_URL"),
            ("http://mail.example", good, "ENISHI_SMTP_URL"),
            ("smtp://", good, "ENISHI_SMTP_URL"),
            ("smtp://u:s3cret@mail.example", good, "ENISHI_SMTP_URL"),
            ("smtps://:s3cret@mail.example", good, "ENISHI_SMTP_URL"),
            ("smtps://u:s3cret@mail.example/x", good, "ENISHI_SMTP_URL"),
            ("smtps://u:s3%0Acret@mail.example", good, "ENISHI_SMTP_URL"),
            (
                "smtps://u:s3cret@mail.example?tls=no",
                good,
                "ENISHI_SMTP_URL",
            ),
            (
                "smtps://u:s3cret@mail.example",
                "nobody",
                "ENISHI_MAIL_FROM",
            ),
            (
                "smtps://u:s3cret@mail.example",
                "a@b.c\r\nBcc: x@y.z",
                "ENISHI_MAIL_FROM",
            ),
        ] {
            let problems = check(url, from).unwrap_err();
            assert_eq!(problems.len(), 1, "{url} {from}: {problems:?}");
            assert!(problems[0].starts_with(name), "{url} {from}: {problems:?}");
            assert!(!problems[0].contains("s3"), "{problems:?}");
        }
    }
}
