//! Contacts who were asked.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    locale::Locale,
    page::PageRequest,
    survey::{attempt, read},
};
use entity::kind::{SurveyInvitationState, SurveyMedium};

use super::Survey;
use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    contact::Contact,
    context::{business, loaded, loader, reader},
    error::fault,
    fact::SurveyAnswer,
    notification::DeliveryAttempt,
    page::{Connection, connection},
};

/// One contact asked to answer a survey.
#[derive(Debug, Clone)]
pub struct SurveyInvitation(pub(crate) entity::survey_invitation::Model);

/// One contact asked to answer a survey. What opens the form is told to nobody but the contact, or once
/// to the member who asked for a link.
#[Object]
impl SurveyInvitation {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The survey.
    #[boxed]
    async fn survey(&self, context: &Context<'_>) -> Result<Option<Survey>> {
        let found = loader(context)?.load_one(self.0.survey_id).await?;
        Ok(found.map(Survey))
    }

    /// Who is asked.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        let found = loader(context)?.load_one(self.0.contact_id).await?;
        Ok(found.map(Contact::from))
    }

    /// How they are asked.
    fn medium(&self) -> SurveyMedium {
        self.0.medium
    }

    /// The language they are asked in.
    fn locale(&self) -> Locale {
        Locale::from_word(&self.0.locale).unwrap_or_default()
    }

    /// Where it stands now.
    fn state(&self, context: &Context<'_>) -> Result<SurveyInvitationState> {
        Ok(read::state(&self.0, business(context)?.clock.now()))
    }

    /// Who has them asked.
    fn made_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.made_by)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Until when it can be answered.
    fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// When the mail was taken, or the link handed out.
    fn sent_at(&self) -> Option<DateTime<Utc>> {
        self.0.sent_at
    }

    /// How often the mail was tried.
    fn attempts(&self) -> i64 {
        self.0.attempts
    }

    /// The tries to send the mail, oldest first: what was sent, what the mail server said, and the time
    /// it took.
    #[boxed]
    async fn mail_attempts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, DeliveryAttempt>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = attempt::attempts(ctx, actor.workspace, self.0.id, &page).await;
        let found = found.map_err(fault)?;
        Ok(connection(found, DeliveryAttempt::from))
    }

    /// When the mail is tried next, if it is.
    fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_attempt_at
    }

    /// What went wrong with the mail last, if anything did.
    fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was last answered.
    fn answered_at(&self) -> Option<DateTime<Utc>> {
        self.0.answered_at
    }

    /// The answer; a later one takes the place of the one before.
    #[boxed]
    async fn answer(&self, context: &Context<'_>) -> Result<Option<SurveyAnswer>> {
        loaded(context, self.0.answer_id, SurveyAnswer).await
    }
}
