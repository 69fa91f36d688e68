//! A survey after conversations are closed: whom it was sent to by a link, what they said, and the rule
//! that would send it by email. The rule is paused: nothing of the sample may be sent to anybody.

use entity::kind::{SurveyKind, SurveyMedium};
use secrecy::ExposeSecret as _;

use super::{Person, activity::Habit, review::id_of};
use crate::{
    access::Actor,
    action::{Action, SendSurvey},
    ctx::Ctx,
    error::Result,
    rule::{
        self, NewRule,
        definition::always,
        trigger::{ConversationClosed, Trigger},
    },
    survey::{
        self, NewSurvey,
        form::{self, Filled},
        write::{VALID_DAYS, WAVE_DAYS},
    },
};

/// The key of the survey.
const KEY: &str = "after-closing";

/// Makes the survey and its rule, and lets a third of the customers be asked.
pub(super) async fn ask(ctx: &Ctx, actor: &Actor, people: &[Person]) -> Result<()> {
    let new = NewSurvey {
        key: KEY.to_owned(),
        kind: SurveyKind::Csat,
        name: "対応後のアンケート".to_owned(),
        texts: Vec::new(),
        wave_days: WAVE_DAYS,
        valid_days: VALID_DAYS,
    };
    let survey = survey::create(ctx, actor, new).await?.id;
    let new = NewRule {
        name: "会話が完了したらアンケートを送る".to_owned(),
        trigger: Trigger::ConversationClosed(ConversationClosed {
            inbox_ids: Vec::new(),
            channels: Vec::new(),
            from: Vec::new(),
        }),
        condition: always(),
        actions: vec![Action::SendSurvey(SendSurvey {
            survey_id: survey.0,
        })],
        limits: rule::Limits::default(),
    };
    let rule = rule::create(ctx, actor, new).await?;
    rule::set_active(ctx, actor, rule.id, false).await?;
    for (number, person) in people.iter().enumerate().step_by(3) {
        let contact = id_of(ctx, actor, &person.email).await?;
        let sent = survey::send(ctx, actor, survey, contact, SurveyMedium::Link).await?;
        let link = sent.1.filter(|_| number % 2 == 0);
        let Some(link) = link else { continue };
        let token = link.expose_secret().rsplit('/').next().unwrap_or_default();
        if let Some(form) = form::open(ctx, token).await? {
            form::answer(ctx, &form, said(person.habit)).await?;
        }
    }
    Ok(())
}

fn said(habit: Habit) -> Filled {
    let (score, comment) = match habit {
        Habit::Vip => (5, "いつも早くて助かっています。"),
        Habit::Regular => (5, ""),
        Habit::Occasional => (4, ""),
        Habit::Trial => (3, "Please tell us sooner when it takes longer."),
        Habit::Fading => (2, "等了很久才得到回复。"),
    };
    Filled {
        score,
        comment: comment.to_owned(),
    }
}
