//! The secret URL of a target: checked, sealed, masked, and opened again for a call.

use entity::{
    id::{Id as _, TargetId},
    kind::TargetKind,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::{
    ctx::Ctx,
    error::{Result, UserError, UserErrorCode},
    port::{EgressError, Reach},
    vault::{
        Sealed, mask_url,
        reseal::{Named, Place},
    },
};

/// Bytes a URL may have.
const URL_LIMIT: usize = 2_000;
/// What a target's sealed URL is for; see [`crate::vault`].
const PURPOSE: &str = "notification_target.url";
/// Where the sealed URLs are.
pub(crate) const SEALED: Place = Place {
    table: "notification_target",
    column: "sealed_url",
    purpose: PURPOSE,
    named: Named::ById,
};

/// Checks the URL of a target of `kind`: those that go to people have none.
pub(super) fn check(
    reach: &dyn Reach,
    kind: TargetKind,
    url: &SecretString,
) -> Result<Option<Url>, UserError> {
    match kind {
        TargetKind::Slack | TargetKind::Webhook => check_url(reach, url).map(Some),
        TargetKind::Email | TargetKind::InApp if url.expose_secret().trim().is_empty() => Ok(None),
        TargetKind::Email | TargetKind::InApp => {
            let message = "A target of this kind goes to people; leave the URL out.";
            Err(UserError::new(
                &["url"],
                UserErrorCode::KindMismatch,
                message,
            ))
        }
    }
}

/// The URL as it is stored, and as it may be shown.
pub(super) fn seal(ctx: &Ctx, id: TargetId, url: Option<&Url>) -> Result<(String, String)> {
    let Some(url) = url else {
        return Ok(Default::default());
    };
    let secret = SecretString::from(url.as_str());
    let sealed = ctx.vault.seal(&*ctx.ids, id.uuid(), PURPOSE, &secret)?;
    Ok((sealed.as_str().to_owned(), mask_url(url)))
}

/// Opens the URL of a target, to call it.
pub(super) fn open(ctx: &Ctx, id: TargetId, sealed: &str) -> Result<Url, String> {
    let sealed = Sealed::from_stored(sealed.to_owned());
    let url = ctx.vault.open(id.uuid(), PURPOSE, &sealed);
    let url = url.map_err(|error| error.to_string())?;
    Url::parse(url.expose_secret()).map_err(|error| error.to_string())
}

/// Which addresses a name stands for is asked when it is called, by whoever calls; a URL that this
/// installation would never call is refused here.
fn check_url(reach: &dyn Reach, url: &SecretString) -> Result<Url, UserError> {
    let refuse = |code, message: &str| Err(UserError::new(&["url"], code, message));
    let text = url.expose_secret().trim();
    if text.is_empty() {
        return refuse(UserErrorCode::Required, "Give the URL of the webhook.");
    }
    if text.len() > URL_LIMIT {
        return refuse(UserErrorCode::TooLong, "This URL is too long.");
    }
    let Ok(url) = Url::parse(text) else {
        return refuse(
            UserErrorCode::Invalid,
            "This is not a URL. Copy the whole address, beginning with https://.",
        );
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return refuse(
            UserErrorCode::Invalid,
            "Use a URL that begins with https:// and names a host.",
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            UserErrorCode::Invalid,
            "Use a URL without a user name or password in it.",
        );
    }
    match reach.check(&url) {
        Ok(()) => Ok(url),
        Err(EgressError::Forbidden) => refuse(
            UserErrorCode::Invalid,
            "This address is not a public one, and this installation calls no others. Use a public \
             address, or let the operator allow its network with ENISHI_EGRESS_ALLOW.",
        ),
        Err(error) => refuse(
            UserErrorCode::Invalid,
            &format!("With this address, {error}."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::AnyUrl;

    #[test]
    fn only_urls_that_could_be_called_are_taken() {
        for url in [
            "https://hooks.slack.com/services/T/B/x",
            " http://mattermost.internal:8065/hooks/x ",
        ] {
            assert!(check_url(&AnyUrl, &url.into()).is_ok(), "{url}");
        }
        for url in [
            "",
            "hooks.slack.com/services/T/B/x",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://user:password@example.com/",
            "mailto:a@example.com",
        ] {
            assert!(check_url(&AnyUrl, &url.into()).is_err(), "{url}");
        }
        let long = format!("https://example.com/{}", "x".repeat(URL_LIMIT));
        assert!(check_url(&AnyUrl, &long.into()).is_err());
    }
}
