//! The one way out: every call that leaves the installation goes through this port.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use url::Url;

/// An HTTP POST to a receiver that a member configured.
#[derive(Debug, Clone)]
pub struct OutgoingRequest {
    /// Where to; `http` or `https`, checked again at connect time on the resolved address.
    pub url: Url,
    /// Header names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Bytes,
}

/// What the receiver answered.
#[derive(Debug, Clone)]
pub struct OutgoingResponse {
    /// The HTTP status code.
    pub status: u16,
    /// The wait asked for by `Retry-After`, in seconds, when it was given and could be read.
    pub retry_after_s: Option<u64>,
    /// The first bytes of the body, at most 64 KiB, as text for the delivery log.
    pub body: String,
    /// Time from the start of the call to the end of the body, in milliseconds.
    pub duration_ms: u64,
}

impl OutgoingResponse {
    /// The wait asked for by `Retry-After`; one that is too long to be told is the longest there is.
    pub(crate) fn retry_after(&self) -> Option<TimeDelta> {
        let seconds = i64::try_from(self.retry_after_s?).ok();
        let wait = seconds.and_then(TimeDelta::try_seconds);
        Some(wait.unwrap_or(TimeDelta::MAX))
    }
}

/// Why no answer was had. The texts are shown to members, so they tell nothing of the network's
/// inside: a refused port and a silent one read the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The address is not one this installation may call (private, loopback, link-local, ...).
    #[error("the address is not allowed")]
    Forbidden,
    /// The URL cannot be called at all: no host, another scheme, credentials inside.
    #[error("the URL cannot be called: {0}")]
    BadUrl(String),
    /// The receiver could not be reached.
    #[error("the receiver could not be reached")]
    Unreachable,
    /// The receiver did not answer within the time allowed.
    #[error("the receiver did not answer in time")]
    TimedOut,
}

/// Which URLs this installation calls, as far as that can be told before a name is resolved: what it
/// would never call is refused when it is saved. Whoever calls asks again.
pub trait Reach: Send + Sync {
    /// Why `url` is never called, if it is not.
    fn check(&self, url: &Url) -> Result<(), EgressError>;
}

/// Any URL; for tests.
#[derive(Debug, Default, Clone, Copy)]
pub struct AnyUrl;

impl Reach for AnyUrl {
    fn check(&self, _url: &Url) -> Result<(), EgressError> {
        Ok(())
    }
}

/// A mail to people. The sender is the installation's own and added by whoever sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Names the mail in its `Message-ID`; the same for every attempt.
    pub id: String,
    /// The addresses it goes to, each without a name.
    pub to: Vec<String>,
    /// The subject, one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Where the receiver says no to further mails of its kind: by a request of their mail program, if it
    /// is `https`, or by hand on the page there.
    pub unsubscribe: Option<Url>,
}

/// What the mail server said of one address it did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRefusal {
    /// The address.
    pub address: String,
    /// SMTP's status code.
    pub status: u16,
    /// Its words.
    pub said: String,
}

/// What became of a mail at the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailReceipt {
    /// SMTP's status code for the whole.
    pub status: u16,
    /// Its words.
    pub said: String,
    /// The addresses it took.
    pub accepted: Vec<String>,
    /// Those it will never take.
    pub refused: Vec<MailRefusal>,
    /// Those it may take later.
    pub deferred: Vec<MailRefusal>,
}

/// Why a mail was not taken for anybody. The texts are shown to members.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// This installation has no mail server.
    #[error("this installation sends no email: ENISHI_SMTP_URL and ENISHI_MAIL_FROM are not set")]
    NotSetUp,
    /// There was nobody to send it to.
    #[error("nobody receives it: the target's teams and members are gone")]
    NoReceiver,
    /// It could not be put into the form of a mail.
    #[error("the mail could not be built")]
    Malformed,
    /// The mail server could not be reached, or broke off.
    #[error("the mail server could not be reached")]
    Unreachable,
    /// The mail server did not answer within the time allowed.
    #[error("the mail server did not answer in time")]
    TimedOut,
    /// The mail server will not take it now.
    #[error("the mail server answered {status}")]
    Deferred {
        /// SMTP's status code, 4xx.
        status: u16,
        /// Its words.
        said: String,
    },
    /// The mail server will never take it.
    #[error("the mail server answered {status}")]
    Refused {
        /// SMTP's status code, 5xx.
        status: u16,
        /// Its words.
        said: String,
    },
}

/// Sends requests and mail out of the installation.
#[async_trait]
pub trait Egress: Send + Sync {
    /// Sends `request` and reads the answer. Never follows redirects, never retries.
    async fn post(&self, request: OutgoingRequest) -> Result<OutgoingResponse, EgressError>;

    /// Asks for what is at `url`. Never follows redirects, never retries.
    async fn get(&self, url: Url) -> Result<OutgoingResponse, EgressError> {
        let _ = url;
        Err(EgressError::Unreachable)
    }

    /// Sends `mail` to all its addresses. Never retries.
    async fn mail(&self, mail: OutgoingMail) -> Result<MailReceipt, MailError> {
        let _ = mail;
        Err(MailError::NotSetUp)
    }
}
