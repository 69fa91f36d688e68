//! What a provider's requests are verified with: checked, sealed, and opened for a request.

use entity::{
    email_source,
    id::{EmailSourceId, Id as _},
    kind::EmailProvider,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{postmark, sendgrid};
use crate::{
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    vault::{
        Sealed,
        reseal::{Named, Place},
    },
};

/// Characters a key may have.
const LIMIT: usize = 1_000;
/// What a sealed key is for; see [`crate::vault`].
const PURPOSE: &str = "email_source.key";
/// Where the sealed keys are.
pub(crate) const SEALED: Place = Place {
    table: "email_source",
    column: "sealed_key",
    purpose: PURPOSE,
    named: Named::ById,
};

/// Checks the key of a source of `provider`, or that it has none.
pub(super) fn check(
    provider: EmailProvider,
    key: Option<&SecretString>,
) -> Result<Option<SecretString>, UserError> {
    let refuse = |code, message: &str| Err(UserError::new(&["signingKey"], code, message));
    let Some(key) = key else {
        return match provider {
            EmailProvider::Mailgun => refuse(
                UserErrorCode::Required,
                "Give the HTTP webhook signing key that Mailgun shows beside the webhooks.",
            ),
            // SendGrid shows its key only once it knows the address of the source.
            EmailProvider::Sendgrid
            | EmailProvider::Postmark
            | EmailProvider::ElasticEmail
            | EmailProvider::AmazonSes => Ok(None),
        };
    };
    let text = key.expose_secret().trim();
    if text.is_empty() {
        return refuse(UserErrorCode::Required, "Give the key, or leave it out.");
    }
    if text.chars().count() > LIMIT {
        return refuse(UserErrorCode::TooLong, "This key is too long.");
    }
    match provider {
        EmailProvider::Sendgrid if !sendgrid::is_key(text) => refuse(
            UserErrorCode::Invalid,
            "This is not a verification key of SendGrid. Copy the whole text that it shows where the \
             signature is switched on.",
        ),
        EmailProvider::Postmark if !postmark::is_key(text) => refuse(
            UserErrorCode::Invalid,
            "Give the user and the password that Postmark sends, with a colon between them.",
        ),
        EmailProvider::ElasticEmail => refuse(
            UserErrorCode::KindMismatch,
            "Elastic Email signs nothing; leave the key out.",
        ),
        EmailProvider::AmazonSes => refuse(
            UserErrorCode::KindMismatch,
            "Amazon SNS signs with certificates of its own; leave the key out.",
        ),
        EmailProvider::Sendgrid | EmailProvider::Postmark | EmailProvider::Mailgun => {
            Ok(Some(text.into()))
        }
    }
}

/// The key as it is stored; empty for none.
pub(super) fn seal(ctx: &Ctx, id: EmailSourceId, key: Option<&SecretString>) -> Result<String> {
    let Some(key) = key else {
        return Ok(String::new());
    };
    let sealed = ctx.vault.seal(&*ctx.ids, id.uuid(), PURPOSE, key)?;
    Ok(sealed.as_str().to_owned())
}

/// Opens the key of a source, if it has one, to verify a request.
pub(super) fn open(ctx: &Ctx, source: &email_source::Model) -> Result<Option<SecretString>> {
    if source.sealed_key.is_empty() {
        return Ok(None);
    }
    let sealed = Sealed::from_stored(source.sealed_key.clone());
    let key = ctx.vault.open(source.id.uuid(), PURPOSE, &sealed);
    key.map(Some)
        .map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A public key that nobody has the other half of.
    const SENDGRID: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0M+DAUStrYjEpDXy2g+xFR2vRSTuJpWbGV\
        wONSPjRqfjB5ooCjGS3pXnjMv79FoL9hcU7sRfnP7SIwJ3hLz97w==";

    #[test]
    fn each_provider_has_the_keys_it_has() {
        use EmailProvider::{AmazonSes, ElasticEmail, Mailgun, Postmark, Sendgrid};
        use UserErrorCode::{Invalid, KindMismatch, Required, TooLong};
        let long = "x".repeat(LIMIT + 1);
        for (provider, key, expected) in [
            (Mailgun, Some(" key-1 "), Ok(Some("key-1"))),
            (Mailgun, None, Err(Required)),
            (Mailgun, Some(" "), Err(Required)),
            (Mailgun, Some(long.as_str()), Err(TooLong)),
            (Sendgrid, Some(SENDGRID), Ok(Some(SENDGRID))),
            (Sendgrid, None, Ok(None)),
            (Sendgrid, Some("key-1"), Err(Invalid)),
            (Postmark, Some("me:secret"), Ok(Some("me:secret"))),
            (Postmark, None, Ok(None)),
            (Postmark, Some("secret"), Err(Invalid)),
            (ElasticEmail, None, Ok(None)),
            (ElasticEmail, Some("key-1"), Err(KindMismatch)),
            (AmazonSes, None, Ok(None)),
            (AmazonSes, Some("key-1"), Err(KindMismatch)),
        ] {
            let given = key.map(SecretString::from);
            let found = check(provider, given.as_ref());
            let found = found.map(|key| key.map(|key| key.expose_secret().to_owned()));
            let found = found.map_err(|error| error.code);
            let expected = expected.map(|key| key.map(str::to_owned));
            assert_eq!(found, expected, "{provider:?} {key:?}");
        }
    }
}
