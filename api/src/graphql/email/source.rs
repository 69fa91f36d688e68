//! Email sources: where providers tell by themselves what became of emails.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    email::source::{self, NewSource, SourceChanges},
    error::UserError,
};
use entity::{
    id::EmailSourceId,
    kind::{EmailProvider, EmailSourceRejection},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::boxed;
use crate::graphql::{
    context::{reader, writer},
    error::{fault, settle},
    given::{kept, optional},
    id,
};

/// A place where an email provider tells by itself what became of emails. Its address is a secret that is
/// shown when it is made, and not again.
#[derive(Debug, Clone)]
pub struct EmailSource(pub(crate) entity::email_source::Model);

/// A place where an email provider tells by itself what became of emails. Its address is a secret that is
/// shown when it is made, and not again.
#[Object]
impl EmailSource {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name; unique in the workspace.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// Who tells.
    fn provider(&self) -> EmailProvider {
        self.0.provider
    }

    /// Whether it takes requests in. The address of one that is off answers like one that never was.
    fn enabled(&self) -> bool {
        self.0.disabled_at.is_none()
    }

    /// Whether it has something that requests are verified with. Sources of SENDGRID and MAILGUN refuse
    /// everything without it.
    fn has_signing_key(&self) -> bool {
        !self.0.sealed_key.is_empty()
    }

    /// The field of the provider's events whose value names the campaign; null for the usual one: the first
    /// category of SENDGRID, the first tag of MAILGUN, the tag of POSTMARK, the message tag `campaign` of
    /// `AMAZON_SES`, the channel of `ELASTIC_EMAIL`.
    fn campaign_key(&self) -> Option<&str> {
        self.0.campaign_key.as_deref()
    }

    /// The one topic of Amazon SNS that it listens to, by its ARN; of `AMAZON_SES` only.
    fn topic_arn(&self) -> Option<&str> {
        self.0.topic_arn.as_deref()
    }

    /// Whether the provider tracks opens of the emails it tells about. If not, they are left out of open rates.
    fn tracks_opens(&self) -> bool {
        self.0.tracks_opens
    }

    /// Until when the address before the last change of address works as well; null if it does not.
    fn old_url_until(&self, context: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        let (ctx, _) = reader(context)?;
        let now = ctx.clock.now();
        Ok(self.0.old_token_until.filter(|until| *until > now))
    }

    /// How many events were taken in, repeated ones included.
    fn received_count(&self) -> i64 {
        self.0.received_count
    }

    /// How many events were left aside: of kinds that do not count or are not known, or without an address
    /// or a time.
    fn ignored_count(&self) -> i64 {
        self.0.ignored_count
    }

    /// How many requests were refused.
    fn rejected_count(&self) -> i64 {
        self.0.rejected_count
    }

    /// When the last request was taken in, also one without events.
    fn last_received_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_received_at
    }

    /// When the last request was refused.
    fn last_rejected_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_rejected_at
    }

    /// Why the last one that was refused was. Whoever sent it was not told.
    fn last_rejection(&self) -> Option<EmailSourceRejection> {
        self.0.last_rejection
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

#[derive(Default)]
pub(crate) struct EmailSourceQuery;

#[Object]
impl EmailSourceQuery {
    /// The workspace's email sources, oldest first.
    #[boxed]
    async fn email_sources(&self, context: &Context<'_>) -> Result<Vec<EmailSource>> {
        let (ctx, actor) = reader(context)?;
        let found = source::list(ctx, actor.workspace).await.map_err(fault)?;
        Ok(found.into_iter().map(EmailSource).collect())
    }
}

/// An email source to be made.
#[derive(InputObject)]
pub(crate) struct CreateEmailSourceInput {
    /// The name; unique in the workspace, at most 100 characters.
    name: String,
    /// Who tells.
    provider: EmailProvider,
    /// What requests are verified with; stored encrypted and never shown. MAILGUN: the HTTP webhook signing
    /// key, which it must have. SENDGRID: the verification key, which it shows once it knows the source's
    /// address; until it is given, everything is refused. POSTMARK: user and password with a colon between
    /// them, if it is told to send them. The others have none.
    signing_key: Option<String>,
    /// The field of the provider's events whose value names the campaign: a custom argument of SENDGRID, a
    /// user variable of MAILGUN, a metadata key of POSTMARK, a message tag of `AMAZON_SES`, a parameter of
    /// `ELASTIC_EMAIL`. Left out, it is the usual one.
    campaign_key: Option<String>,
    /// The ARN of the topic of Amazon SNS that is listened to; for `AMAZON_SES`, which must have it.
    topic_arn: Option<String>,
    /// Whether the provider tracks opens of the emails it tells about: false where that is switched off at the
    /// provider, so that they are left out of open rates.
    #[graphql(default = true)]
    tracks_opens: bool,
}

/// Changes to an email source; what is left out stays. Its provider cannot be changed.
#[derive(InputObject)]
pub(crate) struct UpdateEmailSourceInput {
    /// The source's global id.
    id: ID,
    /// The name.
    name: MaybeUndefined<String>,
    /// What requests are verified with; null takes it away, where the provider may do without.
    signing_key: MaybeUndefined<String>,
    /// The field of the provider's events whose value names the campaign; null is the usual one.
    campaign_key: MaybeUndefined<String>,
    /// The ARN of the topic of Amazon SNS that is listened to.
    topic_arn: MaybeUndefined<String>,
    /// Whether the provider tracks opens of the emails it tells about; it holds for what it tells afterwards.
    tracks_opens: MaybeUndefined<bool>,
    /// Switches the source on or off. While it is off, its address answers like one that never was.
    enabled: MaybeUndefined<bool>,
}

/// An email source that is to have another address.
#[derive(InputObject)]
pub(crate) struct RotateEmailSourceUrlInput {
    /// The source's global id.
    id: ID,
    /// For how many hours the old address works as well, 0 to 168.
    #[graphql(default = 24)]
    overlap_hours: i64,
}

/// An email source to be deleted.
#[derive(InputObject)]
pub(crate) struct DeleteEmailSourceInput {
    /// The source's global id.
    id: ID,
}

/// What became of `createEmailSource`.
#[derive(SimpleObject)]
pub(crate) struct CreateEmailSourcePayload {
    /// The source as it is now.
    email_source: Option<EmailSource>,
    /// Where the provider is to tell: keep it now, it is never shown again. Only the path, as long as
    /// `ENISHI_PUBLIC_URL` is not set.
    url: Option<String>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `rotateEmailSourceUrl`.
#[derive(SimpleObject)]
pub(crate) struct RotateEmailSourceUrlPayload {
    /// The source as it is now.
    email_source: Option<EmailSource>,
    /// The new address: keep it now, it is never shown again. Only the path, as long as
    /// `ENISHI_PUBLIC_URL` is not set.
    url: Option<String>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

macro_rules! source_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The source as it is now.
            email_source: Option<EmailSource>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

source_payload!(
    UpdateEmailSourcePayload,
    "What became of `updateEmailSource`."
);
source_payload!(
    DeleteEmailSourcePayload,
    "What became of `deleteEmailSource`."
);

#[derive(Default)]
pub(crate) struct EmailSourceMutation;

#[Object]
impl EmailSourceMutation {
    /// Makes an email source, and shows its address, once. Scope: CONFIGURE.
    #[boxed]
    async fn create_email_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateEmailSourceInput,
    ) -> Result<CreateEmailSourcePayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewSource {
            name: input.name,
            provider: input.provider,
            signing_key: input.signing_key.map(SecretString::from),
            campaign_key: input.campaign_key,
            topic_arn: input.topic_arn,
            tracks_opens: input.tracks_opens,
        };
        let (made, user_errors) = settle(source::create(ctx, actor, new).await)?;
        let (email_source, url) = shown(made);
        Ok(CreateEmailSourcePayload {
            email_source,
            url,
            user_errors,
        })
    }

    /// Changes an email source, or switches it on or off. Scope: CONFIGURE.
    #[boxed]
    async fn update_email_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateEmailSourceInput,
    ) -> Result<UpdateEmailSourcePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: EmailSourceId = id::parse(&input.id, &["id"])?;
            let key = optional(input.signing_key);
            let changes = SourceChanges {
                name: kept(input.name, "name")?,
                signing_key: key.map(|key| key.map(SecretString::from)),
                campaign_key: optional(input.campaign_key),
                topic_arn: kept(input.topic_arn, "topicArn")?,
                tracks_opens: kept(input.tracks_opens, "tracksOpens")?,
                enabled: kept(input.enabled, "enabled")?,
            };
            source::update(ctx, actor, id, changes).await
        };
        let (changed, user_errors) = settle(result.await)?;
        Ok(UpdateEmailSourcePayload {
            email_source: changed.map(EmailSource),
            user_errors,
        })
    }

    /// Gives an email source another address, and shows it, once. The old one goes on working for a while,
    /// so that nothing is lost until the provider knows the new one. Scope: CONFIGURE.
    #[boxed]
    async fn rotate_email_source_url(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RotateEmailSourceUrlInput,
    ) -> Result<RotateEmailSourceUrlPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: EmailSourceId = id::parse(&input.id, &["id"])?;
            source::rotate(ctx, actor, id, input.overlap_hours).await
        };
        let (changed, user_errors) = settle(result.await)?;
        let (email_source, url) = shown(changed);
        Ok(RotateEmailSourceUrlPayload {
            email_source,
            url,
            user_errors,
        })
    }

    /// Deletes an email source: what is sent to its address is refused from now on. What it told stays.
    /// Scope: CONFIGURE.
    #[boxed]
    async fn delete_email_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteEmailSourceInput,
    ) -> Result<DeleteEmailSourcePayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id: EmailSourceId = id::parse(&input.id, &["id"])?;
            source::delete(ctx, actor, id).await
        };
        let (deleted, user_errors) = settle(result.await)?;
        Ok(DeleteEmailSourcePayload {
            email_source: deleted.map(EmailSource),
            user_errors,
        })
    }
}

/// A source and its address, as a payload shows them.
fn shown(
    made: Option<(entity::email_source::Model, SecretString)>,
) -> (Option<EmailSource>, Option<String>) {
    let (source, url) = made.unzip();
    let url = url.map(|url| url.expose_secret().to_owned());
    (source.map(EmailSource), url)
}
