//! Surveys of our own: made and changed, sent by mail and by link, answered without a login.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod definition;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod invitation;
#[cfg(test)]
mod page;
#[cfg(test)]
mod rule;

use std::sync::Arc;

use domain::{
    contact::{self, NewContact},
    survey::{
        self, NewSurvey,
        form::{self, Filled, Form},
        read,
    },
};
use entity::{
    id::{ContactId, SurveyId, SurveyInvitationId},
    kind::{SurveyInvitationState, SurveyKind, SurveyMedium},
};
use secrecy::ExposeSecret as _;

use crate::support::{World, refusal::mistakes};

/// Says where people see the installation, as mails need it.
fn seen(mut world: World) -> World {
    let url = "https://enishi.example/".parse().expect("a URL");
    world.ctx.public_url = Some(Arc::new(url));
    world
}

fn new(key: &str) -> NewSurvey {
    NewSurvey {
        key: key.to_owned(),
        kind: SurveyKind::Nps,
        name: format!("Survey {key}"),
        texts: Vec::new(),
        wave_days: 90,
        valid_days: 30,
    }
}

async fn make(world: &World, key: &str) -> SurveyId {
    let made = survey::create(&world.ctx, &world.owner, new(key)).await;
    made.expect("a survey").id
}

async fn person(world: &World, email: Option<&str>, locale: Option<&str>) -> ContactId {
    let new = NewContact {
        name: "Taro".to_owned(),
        email: email.map(str::to_owned),
        locale: locale.map(str::to_owned),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact").id
}

/// Asks by email.
async fn mail(
    world: &World,
    survey: SurveyId,
    contact: ContactId,
) -> domain::error::Result<SurveyInvitationId> {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let sent = survey::send(ctx, owner, survey, contact, SurveyMedium::Email).await?;
    assert!(sent.1.is_none(), "a mail's link is the contact's alone");
    Ok(sent.0.id)
}

/// Asks by a link; what opens the form.
async fn link(world: &World, survey: SurveyId, contact: ContactId) -> (SurveyInvitationId, String) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let sent = survey::send(ctx, owner, survey, contact, SurveyMedium::Link).await;
    let (invitation, link) = sent.expect("an invitation");
    let link = link.expect("a link");
    (invitation.id, token(link.expose_secret()))
}

/// What opens the form, from a link to it.
fn token(link: &str) -> String {
    let token = link.rsplit('/').next().expect("a token");
    token.to_owned()
}

async fn open(world: &World, token: &str) -> Option<Form> {
    form::open(&world.ctx, token).await.expect("a look-up")
}

/// Answers; false when there is no form.
async fn answer(world: &World, token: &str, score: i64, comment: &str) -> bool {
    let Some(form) = open(world, token).await else {
        return false;
    };
    let filled = Filled {
        score,
        comment: comment.to_owned(),
    };
    let kept = form::answer(&world.ctx, &form, filled).await;
    kept.expect("an answer")
}

async fn stored(world: &World, id: SurveyInvitationId) -> entity::survey_invitation::Model {
    let found = read::load_invitations(&world.ctx, world.owner.workspace, &[id]).await;
    found.expect("a look-up").pop().expect("an invitation")
}

async fn state(world: &World, id: SurveyInvitationId) -> SurveyInvitationState {
    read::state(&stored(world, id).await, world.ctx.clock.now())
}
