//! The envelope of Amazon SNS: read, and verified with the certificate it names.
//!
//! SNS signs a text of certain fields with the key of a certificate that lies at an address of its own
//! (RSA, with SHA-1 for topics of `SignatureVersion` 1 and with SHA-256 for those of 2). The certificate is
//! fetched through the one way out, from `sns.<region>.amazonaws.com` only and only where such certificates
//! lie, since other answers of that host may say what a stranger wants them to. TLS says that it is that
//! host; the certificate's own chain is not followed. Certificates are kept, a few of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entity::kind::EmailSourceRejection;
use ring::signature::{self, UnparsedPublicKey};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
    pem::PemObject as _,
};
use serde_json::Value;
use url::Url;
use webpki::EndEntityCert;

use crate::{ctx::Ctx, port::Egress};

/// Certificates kept at once: there is one for each region, and a new one now and then.
const KEPT: usize = 32;
/// Characters of a certificate, of which a few thousand are usual.
const PEM_LIMIT: usize = 32 * 1024;

/// What an envelope is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It carries a message.
    Notification,
    /// It asks whether the topic may send messages.
    SubscriptionConfirmation,
    /// It tells that the topic will send none any more, or something that is not known.
    Other,
}

/// An envelope, not verified yet.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) kind: Kind,
    pub(super) topic: String,
    pub(super) message: String,
    subscribe_url: Option<Url>,
    certificate_url: Option<Url>,
    /// The text that is signed.
    signed: String,
    signature: Vec<u8>,
    algorithm: &'static dyn SignatureVerificationAlgorithm,
}

/// Why an envelope is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It is no good.
    Refused(EmailSourceRejection),
    /// The certificate cannot be had at the moment.
    NoCertificate,
}

impl Envelope {
    /// Reads an envelope; nothing if it is none.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let envelope: Value = serde_json::from_slice(body).ok()?;
        let field = |name: &str| envelope[name].as_str();
        let url = |name: &str| Url::parse(field(name)?).ok();
        let kind = field("Type")?;
        let algorithm: &'static dyn SignatureVerificationAlgorithm =
            match field("SignatureVersion")? {
                "1" => &RsaSha1,
                "2" => webpki::ring::RSA_PKCS1_2048_8192_SHA256,
                _ => return None,
            };
        let (kind, names) = match kind {
            "Notification" => (Kind::Notification, NOTIFICATION),
            "SubscriptionConfirmation" => (Kind::SubscriptionConfirmation, CONFIRMATION),
            _ => (Kind::Other, CONFIRMATION),
        };
        Some(Self {
            kind,
            topic: field("TopicArn")?.to_owned(),
            message: field("Message")?.to_owned(),
            subscribe_url: url("SubscribeURL"),
            certificate_url: url("SigningCertURL"),
            signed: signed(&envelope, names),
            signature: STANDARD.decode(field("Signature")?).ok()?,
            algorithm,
        })
    }

    /// Whether SNS has sent this.
    pub(super) async fn verify(&self, ctx: &Ctx, egress: &dyn Egress) -> Result<(), Doubt> {
        let url = self.certificate_url.as_ref();
        let url = url.filter(|url| is_certificates(url));
        let url = url.ok_or(Doubt::Refused(EmailSourceRejection::Certificate))?;
        let kept = ctx.db.remembered::<Certificates>();
        let certificate = match kept.get(url) {
            Some(certificate) => certificate,
            None => kept.put(url, fetch(egress, url).await.ok_or(Doubt::NoCertificate)?),
        };
        if self.is_signed_with(&certificate) {
            Ok(())
        } else {
            Err(Doubt::Refused(EmailSourceRejection::Signature))
        }
    }

    fn is_signed_with(&self, certificate: &CertificateDer<'_>) -> bool {
        EndEntityCert::try_from(certificate).is_ok_and(|certificate| {
            certificate
                .verify_signature(self.algorithm, self.signed.as_bytes(), &self.signature)
                .is_ok()
        })
    }

    /// Where the subscription of the topic is confirmed, once the envelope is verified.
    pub(super) fn confirmation(&self) -> Option<&Url> {
        let url = self.subscribe_url.as_ref().filter(|url| is_of_sns(url))?;
        let has = |name: &str, value: &str| {
            url.query_pairs()
                .any(|(key, given)| key == name && given == value)
        };
        let is_one = has("Action", "ConfirmSubscription") && has("TopicArn", &self.topic);
        is_one.then_some(url)
    }
}

/// The fields of a notification that are signed, in their order.
const NOTIFICATION: &[&str] = &[
    "Message",
    "MessageId",
    "Subject",
    "Timestamp",
    "TopicArn",
    "Type",
];
/// Those of everything else.
const CONFIRMATION: &[&str] = &[
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
];

/// Each field that is there: its name and its value, each on a line.
fn signed(envelope: &Value, names: &[&str]) -> String {
    let mut text = String::new();
    for name in names {
        if let Some(value) = envelope[*name].as_str() {
            for part in [*name, value] {
                text.push_str(part);
                text.push('\n');
            }
        }
    }
    text
}

/// Whether the host is SNS, of some region.
fn is_of_sns(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let region = host.strip_prefix("sns.").and_then(|rest| {
        rest.strip_suffix(".amazonaws.com")
            .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
    });
    let is_region = region.is_some_and(is_region);
    let is_plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    url.scheme() == "https" && is_region && is_plain
}

/// Whether it is the name of a region, such as `us-gov-west-1`. Other services have names of the same form as
/// hosts: at `sns.s3.amazonaws.com` and `sns.s3-eu-west-1.amazonaws.com` is what somebody keeps in S3.
fn is_region(name: &str) -> bool {
    let Some((place, number)) = name.rsplit_once('-') else {
        return false;
    };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|c| c.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
    is_number && place.contains('-') && place.split('-').all(is_word)
}

/// Whether it is the address of a certificate of SNS.
fn is_certificates(url: &Url) -> bool {
    let name = url.path().strip_prefix("/SimpleNotificationService-");
    let name = name.and_then(|rest| rest.strip_suffix(".pem"));
    let is_name = name
        .is_some_and(|name| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric()));
    is_of_sns(url) && is_name && url.query().is_none()
}

async fn fetch(egress: &dyn Egress, url: &Url) -> Option<CertificateDer<'static>> {
    let answer = egress.get(url.clone()).await;
    let pem = answer.ok().filter(|answer| answer.status == 200)?.body;
    if pem.len() > PEM_LIMIT {
        return None;
    }
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    // What cannot be used is not kept.
    EndEntityCert::try_from(&certificate).ok()?;
    Some(certificate)
}

/// The certificates this process has fetched, by their addresses.
#[derive(Debug, Default)]
struct Certificates(Mutex<HashMap<Url, Arc<CertificateDer<'static>>>>);

impl Certificates {
    fn get(&self, url: &Url) -> Option<Arc<CertificateDer<'static>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(url).cloned()
    }

    fn put(&self, url: &Url, one: CertificateDer<'static>) -> Arc<CertificateDer<'static>> {
        let one = Arc::new(one);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(url.clone(), Arc::clone(&one));
        one
    }
}

/// RSA with SHA-1, which certificates are signed with no more, and SNS unless it is told otherwise.
#[derive(Debug)]
struct RsaSha1;

impl SignatureVerificationAlgorithm for RsaSha1 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let algorithm = &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
        UnparsedPublicKey::new(algorithm, public_key)
            .verify(message, signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    /// Asked for about certificates only, which are none of its business.
    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_PKCS1_SHA256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = include_str!("samples/sns_certificate.pem");
    const NOTICE: &str = include_str!("samples/sns_notification.json");
    const NOTICE_SHA1: &str = include_str!("samples/sns_notification_sha1.json");
    const CONFIRM: &str = include_str!("samples/sns_confirmation.json");

    fn envelope(text: &str) -> Envelope {
        Envelope::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_the_certificate_has_signed_is_believed_and_nothing_else() {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        for text in [NOTICE, NOTICE_SHA1, CONFIRM] {
            assert!(envelope(text).is_signed_with(&certificate), "{text}");
            for (from, to) in [
                (
                    "arn:aws:sns:eu-west-1:123456789012:ses",
                    "arn:aws:sns:eu-west-1:123456789012:x",
                ),
                ("2026-03-01T", "2026-03-02T"),
            ] {
                let changed = text.replace(from, to);
                assert_ne!(changed, text);
                assert!(
                    !envelope(&changed).is_signed_with(&certificate),
                    "{changed}"
                );
            }
        }
        let other = NOTICE.replace(r#""SignatureVersion": "2""#, r#""SignatureVersion": "1""#);
        assert!(!envelope(&other).is_signed_with(&certificate));
    }

    #[test]
    fn envelopes_say_what_they_are_for() {
        assert_eq!(envelope(NOTICE).kind, Kind::Notification);
        assert_eq!(envelope(CONFIRM).kind, Kind::SubscriptionConfirmation);
        let ended = CONFIRM.replace("\"SubscriptionConfirmation", "\"UnsubscribeConfirmation");
        assert_eq!(envelope(&ended).kind, Kind::Other);
        let future = NOTICE.replace(r#""SignatureVersion": "2""#, r#""SignatureVersion": "3""#);
        for text in ["", "[]", "{}", "null", future.as_str()] {
            assert!(Envelope::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn certificates_lie_at_sns_and_nowhere_else() {
        for (url, expected) in [
            (
                "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-a1b2.pem",
                true,
            ),
            (
                "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-a1b2.pem",
                true,
            ),
            (
                "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-a1b2.pem?a=b",
                false,
            ),
            ("https://sns.eu-west-1.amazonaws.com/other.pem", false),
            (
                "https://sns.eu-west-1.amazonaws.com/?Action=GetTopicAttributes",
                false,
            ),
            (
                "https://me@sns.eu-west-1.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.a.b.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-a1b2.pem",
                true,
            ),
            (
                "https://s3.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            // What somebody keeps in S3, in a bucket with the name sns.
            (
                "https://sns.s3.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.s3-eu-west-1.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.s3-accelerate.amazonaws.com/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://sns.x.amazonaws.com.example/SimpleNotificationService-a1b2.pem",
                false,
            ),
            (
                "https://127.0.0.1/SimpleNotificationService-a1b2.pem",
                false,
            ),
        ] {
            assert_eq!(
                is_certificates(&Url::parse(url).unwrap()),
                expected,
                "{url}"
            );
        }
    }

    #[test]
    fn a_subscription_is_confirmed_at_sns_for_its_own_topic() {
        let url = envelope(CONFIRM).confirmation().cloned().unwrap();
        assert_eq!(url.host_str(), Some("sns.eu-west-1.amazonaws.com"));
        for (from, to) in [
            (
                "https://sns.eu-west-1.amazonaws.com/?",
                "https://x.example/?",
            ),
            ("Action=ConfirmSubscription", "Action=DeleteTopic"),
            (
                "TopicArn=arn:aws:sns:eu-west-1:123456789012:ses",
                "TopicArn=other",
            ),
        ] {
            let changed = CONFIRM.replace(from, to);
            assert_ne!(changed, CONFIRM);
            assert_eq!(envelope(&changed).confirmation(), None, "{to}");
        }
        assert_eq!(envelope(NOTICE).confirmation(), None);
    }
}
