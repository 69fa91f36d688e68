//! Making, changing and sending surveys.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    survey::{
        self, NewSurvey, SurveyChanges,
        write::{VALID_DAYS, WAVE_DAYS},
    },
};
use entity::kind::{SurveyKind, SurveyMedium};
use secrecy::ExposeSecret as _;

use super::{Survey, SurveyInvitation, SurveyTextsInput};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept},
    id,
};

/// A survey to be made.
#[derive(InputObject)]
pub(crate) struct CreateSurveyInput {
    /// The name under which its answers are kept, at most 100 characters: the `surveyKey` of
    /// `surveyAnswers`. Unique in the workspace; it stays for good.
    key: String,
    /// What kind of question it is; it stays for good.
    kind: SurveyKind,
    /// The name shown to members, at most 100 characters.
    name: String,
    /// Texts of the workspace's own, for each language at most once.
    #[graphql(default)]
    texts: Vec<SurveyTextsInput>,
    /// How many days lie between two invitations of one person, 0 to 3660.
    #[graphql(default_with = "WAVE_DAYS")]
    wave_days: i64,
    /// How many days an invitation can be answered, 1 to 365.
    #[graphql(default_with = "VALID_DAYS")]
    valid_days: i64,
}

/// What is to be changed about a survey. What is left out stays. `null` is refused where a field does
/// not say what it means.
#[derive(InputObject)]
pub(crate) struct UpdateSurveyInput {
    /// The survey's global id.
    id: ID,
    /// The name shown to members, at most 100 characters.
    name: MaybeUndefined<String>,
    /// Texts of the workspace's own, all of them, for each language at most once; `null` for none.
    texts: MaybeUndefined<Vec<SurveyTextsInput>>,
    /// How many days lie between two invitations of one person, 0 to 3660.
    wave_days: MaybeUndefined<i64>,
    /// How many days an invitation made from now on can be answered, 1 to 365.
    valid_days: MaybeUndefined<i64>,
}

/// A survey that is not to be sent any more.
#[derive(InputObject)]
pub(crate) struct ArchiveSurveyInput {
    /// The survey's global id.
    id: ID,
}

/// A survey that is to be sent again.
#[derive(InputObject)]
pub(crate) struct RestoreSurveyInput {
    /// The survey's global id.
    id: ID,
}

/// A contact to be asked.
#[derive(InputObject)]
pub(crate) struct SendSurveyInput {
    /// The survey's global id.
    survey_id: ID,
    /// The contact's global id.
    contact_id: ID,
    /// How they are asked: by an email, or by a link that the caller hands on.
    #[graphql(default_with = "SurveyMedium::Email")]
    medium: SurveyMedium,
}

macro_rules! survey_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The survey as it is now.
            survey: Option<Survey>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

survey_payload!(CreateSurveyPayload, "What became of `createSurvey`.");
survey_payload!(UpdateSurveyPayload, "What became of `updateSurvey`.");
survey_payload!(ArchiveSurveyPayload, "What became of `archiveSurvey`.");
survey_payload!(RestoreSurveyPayload, "What became of `restoreSurvey`.");

/// What became of `sendSurvey`.
#[derive(SimpleObject)]
pub(crate) struct SendSurveyPayload {
    /// The invitation.
    invitation: Option<SurveyInvitation>,
    /// Where the form is, for an invitation by `LINK`; shown this once. Its path alone as long as
    /// `ENISHI_PUBLIC_URL` is not set. Whoever has it can answer in the contact's name.
    link: Option<String>,
    /// What to mend in the input, or why the contact is not asked; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct SurveyMutation;

#[Object(name = "SurveyDefinitionMutation")]
impl SurveyMutation {
    /// Makes a survey. Scope: CONFIGURE.
    #[boxed]
    async fn create_survey(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateSurveyInput,
    ) -> Result<CreateSurveyPayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewSurvey {
            key: input.key,
            kind: input.kind,
            name: input.name,
            texts: input.texts.into_iter().map(Into::into).collect(),
            wave_days: input.wave_days,
            valid_days: input.valid_days,
        };
        let (survey, user_errors) = settle(survey::create(ctx, actor, new).await)?;
        let survey = survey.map(Survey);
        Ok(CreateSurveyPayload {
            survey,
            user_errors,
        })
    }

    /// Changes a survey. Forms that are open and mails that are on their way say the new texts.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn update_survey(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateSurveyInput,
    ) -> Result<UpdateSurveyPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let texts = emptied(input.texts);
            let changes = SurveyChanges {
                name: kept(input.name, "name")?,
                texts: texts.map(|texts| texts.into_iter().map(Into::into).collect()),
                wave_days: kept(input.wave_days, "waveDays")?,
                valid_days: kept(input.valid_days, "validDays")?,
            };
            survey::update(ctx, actor, id, changes).await
        };
        let (survey, user_errors) = settle(result.await)?;
        let survey = survey.map(Survey);
        Ok(UpdateSurveyPayload {
            survey,
            user_errors,
        })
    }

    /// Archives a survey that no rule and no playbook sends, so that nobody is asked any more. Who was
    /// asked before can still answer. Scope: CONFIGURE.
    #[boxed]
    async fn archive_survey(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ArchiveSurveyInput,
    ) -> Result<ArchiveSurveyPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            survey::set_archived(ctx, actor, id, true).await
        };
        let (survey, user_errors) = settle(result.await)?;
        let survey = survey.map(Survey);
        Ok(ArchiveSurveyPayload {
            survey,
            user_errors,
        })
    }

    /// Restores an archived survey. Scope: CONFIGURE.
    #[boxed]
    async fn restore_survey(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RestoreSurveyInput,
    ) -> Result<RestoreSurveyPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            survey::set_archived(ctx, actor, id, false).await
        };
        let (survey, user_errors) = settle(result.await)?;
        let survey = survey.map(Survey);
        Ok(RestoreSurveyPayload {
            survey,
            user_errors,
        })
    }

    /// Asks a contact to answer a survey, once in each wave. By email it goes to the contact's address,
    /// unless they have unsubscribed from email or from its topic `surveys`. Scope: WRITE.
    #[boxed]
    async fn send_survey(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: SendSurveyInput,
    ) -> Result<SendSurveyPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let survey = id::parse(&input.survey_id, &["surveyId"])?;
            let contact = id::parse(&input.contact_id, &["contactId"])?;
            survey::send(ctx, actor, survey, contact, input.medium).await
        };
        let (sent, user_errors) = settle(result.await)?;
        let (invitation, link) = sent.unzip();
        Ok(SendSurveyPayload {
            invitation: invitation.map(SurveyInvitation),
            link: link.flatten().map(|link| link.expose_secret().to_owned()),
            user_errors,
        })
    }
}
