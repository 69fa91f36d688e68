//! Sending a survey by hand: a member asks one contact. Rules and playbooks ask through `invite`.

use entity::{
    id::{ContactId, SurveyId},
    kind::SurveyMedium,
    survey_invitation,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    invite::{NotInvited, Wanted, invite},
    read,
};
use crate::{
    access::{Actor, Scope},
    contact,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::Tx,
};

/// Asks one contact, on a member's behalf. The link is given for one that the member hands on, and
/// never again.
pub async fn send(
    ctx: &Ctx,
    actor: &Actor,
    survey: SurveyId,
    contact: ContactId,
    medium: SurveyMedium,
) -> Result<(survey_invitation::Model, Option<SecretString>)> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let wanted = Wanted {
        survey,
        contact,
        medium,
        origin: actor.origin(),
        cause: None,
        not_before: None,
    };
    let invited = invite(&mut tx, &[wanted]).await?.pop();
    let invited = match invited {
        Some(Ok(invited)) => invited,
        Some(Err(reason)) => return Err(refused(&tx, reason, contact).await),
        None => return Err(Error::Internal("nobody was asked".to_owned())),
    };
    let row = read::invitation(tx.connection(), tx.workspace, invited.id).await?;
    let row = row.ok_or_else(|| Error::Internal("the invitation is not there".to_owned()))?;
    tx.commit().await?;
    let link = (medium == SurveyMedium::Link).then(|| link(ctx, &invited.token));
    Ok((row, link))
}

/// Where the form is: its whole address, or its path as long as nobody has said where this
/// installation is seen.
fn link(ctx: &Ctx, token: &SecretString) -> SecretString {
    let path = format!("survey/{}", token.expose_secret());
    let link = match ctx.link(&path) {
        Some(url) => url.into(),
        None => format!("/{path}"),
    };
    SecretString::from(link)
}

async fn refused(tx: &Tx<'_>, reason: NotInvited, whom: ContactId) -> Error {
    let refuse = |path: &str, code, message: String| Error::refused(&[path], code, message);
    match reason {
        NotInvited::NoSurvey => Error::not_found(&["surveyId"], "survey"),
        NotInvited::NoContact => {
            contact::absent(tx.connection(), tx.workspace, whom, &["contactId"]).await
        }
        NotInvited::Archived => refuse(
            "surveyId",
            UserErrorCode::Invalid,
            "This survey is archived. Restore it first.".to_owned(),
        ),
        NotInvited::Already(until) => {
            let until = until.map_or(String::new(), |until| {
                format!(" Ask again after {}.", until.format("%Y-%m-%d"))
            });
            let message = format!("This person was asked in this wave already.{until}");
            refuse("contactId", UserErrorCode::LimitReached, message)
        }
        NotInvited::NoAddress => refuse(
            "contactId",
            UserErrorCode::Required,
            "This contact has no email address. Add one, or ask for a link.".to_owned(),
        ),
        NotInvited::Unsubscribed => refuse(
            "contactId",
            UserErrorCode::Invalid,
            "This contact does not want surveys by email. Ask for a link instead.".to_owned(),
        ),
        NotInvited::NoPublicUrl => refuse(
            "medium",
            UserErrorCode::Invalid,
            "Nobody has said where this installation is seen, so no mail can lead to the form. Set \
             ENISHI_PUBLIC_URL, or ask for a link."
                .to_owned(),
        ),
    }
}
