//! Sends mail over SMTP, through `lettre`.
//!
//! One connection for each mail: notifications are few, and a connection that was kept open is the one
//! that fails. Each address is answered for by itself, so that one that is gone does not keep the others
//! from being told. Nothing here decides when to try again; that is `domain`'s business.
//!
//! What a mail says was made safe before ([`domain::notification::target::email`]); here `lettre`
//! encodes it, so that no text can end a header or the mail.

mod settings;

use std::time::Duration;

use anyhow::Context as _;
use domain::port::{MailError, MailReceipt, MailRefusal, OutgoingMail};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{Header, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError,
        authentication::Mechanism,
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
    },
};

pub use settings::{Encryption, MailSettings};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for the whole mail.
const WHOLE: Duration = Duration::from_secs(15);
/// Characters of the server's words that are kept.
const SAID: usize = 500;

/// Sends mail through one server, from one sender.
pub struct Mailer {
    settings: MailSettings,
    hello: ClientId,
    tls: Option<TlsParameters>,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings.fmt(f)
    }
}

/// Tells other programs that nobody wrote this, so that they do not answer.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Where the receiver says no (RFC 2369). Not encoded: a URL is printable ASCII without spaces, and is not
/// to be folded.
#[derive(Debug, Clone)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        let (raw, encoded) = (self.0.clone(), self.0.clone());
        HeaderValue::dangerous_new_pre_encoded(Self::name(), raw, encoded)
    }
}

/// Says that a request there is enough (RFC 8058), so that mail programs offer a button.
#[derive(Debug, Clone)]
struct ListUnsubscribePost;

impl Header for ListUnsubscribePost {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_owned())
    }
}

impl Mailer {
    /// A mailer for these settings. Connects to nothing yet.
    pub fn new(settings: MailSettings) -> anyhow::Result<Self> {
        let tls = match settings.encryption {
            Encryption::None => None,
            Encryption::Tls | Encryption::StartTls => {
                let tls = TlsParameters::new(settings.host.clone());
                Some(tls.context("ENISHI_SMTP_URL: setting up TLS")?)
            }
        };
        Ok(Self {
            settings,
            hello: ClientId::default(),
            tls,
        })
    }

    /// Sends a mail to all its addresses.
    pub async fn send(&self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        match tokio::time::timeout(WHOLE, self.exchange(mail)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(MailError::TimedOut),
        }
    }

    async fn exchange(&self, mail: &OutgoingMail) -> Result<MailReceipt, MailError> {
        let message = self.message(mail).ok_or(MailError::Malformed)?;
        let mut connection = self.connect().await.map_err(|error| explain(&error))?;
        let outcome = transfer(
            &mut connection,
            &self.settings.from.email,
            &mail.to,
            &message,
        )
        .await;
        // What was said is said; whether the server likes the farewell changes nothing.
        let _ = tokio::time::timeout(Duration::from_secs(1), connection.quit()).await;
        outcome
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        let server = (self.settings.host.as_str(), self.settings.port);
        let at_once = match self.settings.encryption {
            Encryption::Tls => self.tls.clone(),
            Encryption::None | Encryption::StartTls => None,
        };
        let connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &self.hello, at_once, None);
        let mut connection = connection.await?;
        if self.settings.encryption == Encryption::StartTls
            && let Some(tls) = &self.tls
        {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.settings.credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&ways, credentials).await?;
        }
        Ok(connection)
    }

    /// The mail as it travels; nothing when it cannot be built.
    fn message(&self, mail: &OutgoingMail) -> Option<Vec<u8>> {
        let domain = self.settings.from.email.domain();
        let mut builder = Message::builder()
            .from(self.settings.from.clone())
            .subject(mail.subject.clone())
            .message_id(Some(format!("<{}@{domain}>", mail.id)))
            .header(AutoSubmitted);
        if let Some(place) = &mail.unsubscribe {
            builder = builder.header(ListUnsubscribe(format!("<{place}>")));
            // Mail programs make the request only over TLS.
            if place.scheme() == "https" {
                builder = builder.header(ListUnsubscribePost);
            }
        }
        for address in &mail.to {
            builder = builder.to(Mailbox::new(None, address.parse().ok()?));
        }
        let parts = MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone());
        builder.multipart(parts).ok().map(|mail| mail.formatted())
    }
}

/// Hands the message over, for every address the server takes.
async fn transfer(
    connection: &mut AsyncSmtpConnection,
    from: &Address,
    to: &[String],
    message: &[u8],
) -> Result<MailReceipt, MailError> {
    let sender = Mail::new(Some(from.clone()), Vec::new());
    connection
        .command(sender)
        .await
        .map_err(|error| explain(&error))?;
    let mut receipt = MailReceipt {
        status: 250,
        said: String::new(),
        accepted: Vec::new(),
        refused: Vec::new(),
        deferred: Vec::new(),
    };
    for address in to {
        let Ok(parsed) = address.parse::<Address>() else {
            return Err(MailError::Malformed);
        };
        match connection.command(Rcpt::new(parsed, Vec::new())).await {
            Ok(_) => receipt.accepted.push(address.clone()),
            Err(error) => match explain(&error) {
                MailError::Refused { status, said } => receipt.refused.push(MailRefusal {
                    address: address.clone(),
                    status,
                    said,
                }),
                MailError::Deferred { status, said } => receipt.deferred.push(MailRefusal {
                    address: address.clone(),
                    status,
                    said,
                }),
                broken => return Err(broken),
            },
        }
    }
    if receipt.accepted.is_empty() {
        let no = receipt.deferred.first().or(receipt.refused.first());
        receipt.status = no.map_or(550, |no| no.status);
        return Ok(receipt);
    }
    connection
        .command(Data)
        .await
        .map_err(|error| explain(&error))?;
    let taken = connection
        .message(message)
        .await
        .map_err(|error| explain(&error))?;
    receipt.status = taken.code().into();
    receipt.said = shorten(&taken.message().collect::<Vec<_>>().join(" "));
    Ok(receipt)
}

/// Reduces a failure to what a member may know; the details go to the log.
fn explain(error: &SmtpError) -> MailError {
    let said = || {
        let source = std::error::Error::source(error);
        shorten(&source.map(ToString::to_string).unwrap_or_default())
    };
    let reason = match error.status().map(u16::from) {
        // What the server says of our login is the installation's business, and can be mended.
        Some(530 | 534 | 535 | 538) => MailError::Deferred {
            status: 535,
            said: "the mail server refused the login".to_owned(),
        },
        Some(status) if error.is_permanent() => MailError::Refused {
            status,
            said: said(),
        },
        Some(status) => MailError::Deferred {
            status,
            said: said(),
        },
        None if error.is_timeout() => MailError::TimedOut,
        None => MailError::Unreachable,
    };
    tracing::debug!(%reason, ?error, "a mail was not taken");
    reason
}

fn shorten(text: &str) -> String {
    text.chars().take(SAID).collect()
}
