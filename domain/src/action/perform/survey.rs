//! Asking contacts to answer surveys.

use entity::kind::SurveyMedium;

use super::{Step, of};
use crate::{
    action::{OutcomeResult, board::Decision},
    error::Result,
    store::Tx,
    survey::invite::{self, Invited, NotInvited, Wanted as Ask},
};

/// Asks contacts to answer surveys, all of them in a few statements.
pub(super) async fn write_invitations(
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
) -> Result<Vec<(usize, OutcomeResult)>> {
    let (places, wanted): (_, Vec<Ask<'_>>) = of(steps, |step| match step.decision {
        Decision::Ask(contact, survey) => Some(Ask {
            survey,
            contact,
            medium: SurveyMedium::Email,
            origin: step.by.origin,
            cause: step.by.cause,
            not_before: step.by.not_before,
        }),
        _ => None,
    });
    let asked = invite::invite(tx, &wanted).await?;
    let results = wanted.iter().zip(asked).map(|(one, asked)| match asked {
        Ok(Invited { id, .. }) => OutcomeResult::Invited {
            invitation_id: id,
            until: one.not_before,
        },
        Err(NotInvited::Already(_)) => OutcomeResult::InvitedAlready,
        Err(NotInvited::Unsubscribed) => OutcomeResult::Unsubscribed,
        Err(NotInvited::NoAddress) => OutcomeResult::NoEmailAddress,
        Err(NotInvited::NoPublicUrl) => OutcomeResult::NoPublicUrl,
        Err(NotInvited::NoContact) => OutcomeResult::NothingToActOn,
        Err(NotInvited::NoSurvey | NotInvited::Archived) => OutcomeResult::Unavailable,
    });
    Ok(places.into_iter().zip(results).collect())
}
