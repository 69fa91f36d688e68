//! Makes, changes and deletes email sources, and gives them new addresses.
//!
//! Called by the API. An address holds the source's secret: it is returned once, and only its hash is stored.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use entity::{
    Scoped as _, email_source as source,
    id::{EmailSourceId, WorkspaceId},
    kind::EmailProvider,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, Set,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::key;
use crate::{
    access::{Actor, Scope, token},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Tx, hold_by_id, rows_by_id},
    text,
};

/// Characters a name may have.
const NAME_LIMIT: usize = 100;
/// Characters the name of a field may have.
const CAMPAIGN_KEY_LIMIT: usize = 100;
/// Sources a workspace may have.
const SOURCE_LIMIT: u64 = 100;
/// The longest time an old address goes on working beside the new one, in hours.
pub const OVERLAP_LIMIT_H: i64 = 7 * 24;

/// A source about to be made.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// The name shown; unique in the workspace.
    pub name: String,
    /// Who tells.
    pub provider: EmailProvider,
    /// What the provider's requests are verified with.
    pub signing_key: Option<SecretString>,
    /// The field of the provider's events whose value names the campaign.
    pub campaign_key: Option<String>,
    /// The one topic that is listened to; of Amazon SES only.
    pub topic_arn: Option<String>,
    /// Whether the provider tracks opens of the emails it tells about.
    pub tracks_opens: bool,
}

/// What may be changed about a source; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct SourceChanges {
    /// The name shown.
    pub name: Option<String>,
    /// What the provider's requests are verified with; `Some(None)` takes it away.
    pub signing_key: Option<Option<SecretString>>,
    /// The field whose value names the campaign; `Some(None)` is the usual one.
    pub campaign_key: Option<Option<String>>,
    /// The one topic that is listened to.
    pub topic_arn: Option<String>,
    /// Whether the provider tracks opens of the emails it tells about from now on.
    pub tracks_opens: Option<bool>,
    /// Whether it takes requests in: one that is off answers like one that is not there.
    pub enabled: Option<bool>,
}

/// Makes a source. Its address is returned here and never again.
pub async fn create(
    ctx: &Ctx,
    actor: &Actor,
    new: NewSource,
) -> Result<(source::Model, SecretString)> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let key = key::check(new.provider, new.signing_key.as_ref())
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let campaign_key = clean_campaign_key(new.campaign_key, &mut errors);
    let topic_arn = clean_topic(new.provider, new.topic_arn)
        .map_err(|error| errors.push(error))
        .unwrap_or_default();
    let mut tx = ctx.begin(actor.workspace).await?;
    refuse_taken(&tx, &name, None, &mut errors).await?;
    let count = living(tx.workspace).count(tx.connection()).await?;
    if count >= SOURCE_LIMIT {
        let message = format!("A workspace has at most {SOURCE_LIMIT} email sources.");
        errors.push(UserError::new(&[], UserErrorCode::LimitReached, message));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let token = generate(ctx);
    let id: EmailSourceId = tx.id();
    let source = source::Model {
        workspace_id: tx.workspace,
        id,
        name,
        provider: new.provider,
        token_hash: Some(token::hash(token.expose_secret()).to_vec()),
        old_token_hash: None,
        old_token_until: None,
        sealed_key: key::seal(ctx, id, key.as_ref())?,
        campaign_key,
        topic_arn,
        tracks_opens: new.tracks_opens,
        received_count: 0,
        ignored_count: 0,
        rejected_count: 0,
        last_received_at: None,
        last_rejected_at: None,
        last_rejection: None,
        created_at: tx.now,
        disabled_at: None,
        deleted_at: None,
    };
    source::Entity::insert(source.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    let record = Record::made("email_source.create", id, audited(&source));
    tx.audit(actor, record);
    tx.commit().await?;
    Ok((source, url(ctx, &token)))
}

/// Changes a source. Its provider stays.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: EmailSourceId,
    changes: SourceChanges,
) -> Result<source::Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let mut tx = ctx.begin(actor.workspace).await?;
    let source = hold(&tx, id).await?;
    let before = audited(&source);
    let mut row = source.clone().into_active_model();
    if let Some(name) = &changes.name {
        match text::name(name, &["name"], NAME_LIMIT) {
            Ok(name) => {
                refuse_taken(&tx, &name, Some(id), &mut errors).await?;
                row.name = Set(name);
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(key) = &changes.signing_key {
        match key::check(source.provider, key.as_ref()) {
            Ok(key) => row.sealed_key = Set(key::seal(ctx, id, key.as_ref())?),
            Err(error) => errors.push(error),
        }
    }
    if let Some(key) = changes.campaign_key {
        row.campaign_key = Set(clean_campaign_key(key, &mut errors));
    }
    if let Some(topic) = changes.topic_arn {
        match clean_topic(source.provider, Some(topic)) {
            Ok(topic) => row.topic_arn = Set(topic),
            Err(error) => errors.push(error),
        }
    }
    if let Some(tracks_opens) = changes.tracks_opens
        && tracks_opens != source.tracks_opens
    {
        row.tracks_opens = Set(tracks_opens);
    }
    if let Some(enabled) = changes.enabled
        && enabled != source.disabled_at.is_none()
    {
        row.disabled_at = Set((!enabled).then_some(tx.now));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let source = if row.is_changed() {
        source::Entity::update(row).exec(tx.connection()).await?
    } else {
        source
    };
    let mut after = audited(&source);
    if changes.signing_key.is_some() {
        // That it was set anew is what may be told of a key.
        after["signingKey"] = "changed".into();
    }
    let record = Record::changed("email_source.update", id, before, after);
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(source)
}

/// Gives a source a new address, which is returned here and never again. For `overlap_h` hours the old one
/// works as well, so that nothing is lost while the provider is told; 0 ends it at once.
pub async fn rotate(
    ctx: &Ctx,
    actor: &Actor,
    id: EmailSourceId,
    overlap_h: i64,
) -> Result<(source::Model, SecretString)> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let source = hold(&tx, id).await?;
    if !(0..=OVERLAP_LIMIT_H).contains(&overlap_h) {
        let message = format!("Give a number of hours from 0 to {OVERLAP_LIMIT_H}.");
        let path = &["overlapHours"];
        return Err(Error::refused(path, UserErrorCode::Invalid, message));
    }
    let token = generate(ctx);
    let overlaps = overlap_h > 0;
    let old = source.token_hash.clone().filter(|_| overlaps);
    let mut row = source.into_active_model();
    row.token_hash = Set(Some(token::hash(token.expose_secret()).to_vec()));
    row.old_token_hash = Set(old);
    row.old_token_until = Set(overlaps.then(|| tx.now + TimeDelta::hours(overlap_h)));
    let source = source::Entity::update(row).exec(tx.connection()).await?;
    let after = json!({ "overlapHours": overlap_h, "url": "changed" });
    tx.audit(
        actor,
        Record::changed("email_source.rotate_url", id, json!({}), after),
    );
    tx.commit().await?;
    Ok((source, url(ctx, &token)))
}

/// Deletes a source: its address and its key are forgotten. What it told stays, and goes on naming it.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: EmailSourceId) -> Result<source::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let source = hold(&tx, id).await?;
    let before = audited(&source);
    let disabled_at = source.disabled_at;
    let mut row = source.into_active_model();
    row.token_hash = Set(None);
    row.old_token_hash = Set(None);
    row.old_token_until = Set(None);
    row.sealed_key = Set(String::new());
    row.disabled_at = Set(disabled_at.or(Some(tx.now)));
    row.deleted_at = Set(Some(tx.now));
    let source = source::Entity::update(row).exec(tx.connection()).await?;
    tx.audit(actor, Record::ended("email_source.delete", id, before));
    tx.commit().await?;
    Ok(source)
}

/// The workspace's sources, oldest first.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId) -> Result<Vec<source::Model>> {
    let mut sources = living(workspace).all(ctx.reader()).await?;
    sources.sort_by_key(|source| source.id);
    Ok(sources)
}

/// The sources among `ids`, deleted ones included, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[EmailSourceId],
) -> Result<Vec<source::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

fn living(workspace: WorkspaceId) -> sea_orm::Select<source::Entity> {
    source::Entity::of(workspace).filter(source::Column::DeletedAt.is_null())
}

/// The source unless it was deleted, locked against other changes of it.
async fn hold(tx: &Tx<'_>, id: EmailSourceId) -> Result<source::Model> {
    let found: Option<source::Model> = hold_by_id(tx, id).await?;
    found
        .filter(|source| source.deleted_at.is_none())
        .ok_or_else(|| Error::not_found(&["id"], "email source"))
}

async fn refuse_taken(
    tx: &Tx<'_>,
    name: &str,
    except: Option<EmailSourceId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut same = living(tx.workspace).filter(source::Column::Name.eq(name));
    if let Some(id) = except {
        same = same.filter(source::Column::Id.ne(id));
    }
    if same.count(tx.connection()).await? > 0 {
        let message = "Another email source already has this name.";
        errors.push(UserError::new(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

/// The name of a field; nothing for an empty one.
fn clean_campaign_key(key: Option<String>, errors: &mut Vec<UserError>) -> Option<String> {
    let key = text::short_text(&key?, &["campaignKey"], CAMPAIGN_KEY_LIMIT)
        .map_err(|error| errors.push(error))
        .ok()?;
    (!key.is_empty()).then_some(key)
}

/// The topic of a source of `provider`, or that it has none.
fn clean_topic(
    provider: EmailProvider,
    topic: Option<String>,
) -> Result<Option<String>, UserError> {
    let refuse = |code, message: &str| Err(UserError::new(&["topicArn"], code, message));
    let topic = topic.map(|topic| topic.trim().to_owned());
    match (provider, topic) {
        (EmailProvider::AmazonSes, None) => refuse(
            UserErrorCode::Required,
            "Give the ARN of the topic of Amazon SNS that SES publishes to.",
        ),
        (EmailProvider::AmazonSes, Some(topic)) if !is_topic(&topic) => refuse(
            UserErrorCode::Invalid,
            "This is not a topic. Its ARN looks like arn:aws:sns:eu-west-1:123456789012:name.",
        ),
        (EmailProvider::AmazonSes, topic) => Ok(topic),
        (_, None) => Ok(None),
        (_, Some(_)) => refuse(
            UserErrorCode::KindMismatch,
            "Only sources of Amazon SES listen to a topic; leave it out.",
        ),
    }
}

fn is_topic(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let is_plain = |part: &str| {
        let is_one = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        !part.is_empty() && part.len() <= 256 && part.bytes().all(is_one)
    };
    let [kind, partition, service, region, account, name] = parts[..] else {
        return false;
    };
    let all_plain = [partition, region, account, name].into_iter().all(is_plain);
    kind == "arn" && service == "sns" && all_plain
}

fn generate(ctx: &Ctx) -> SecretString {
    let mut random = [0; 32];
    ctx.ids.fill(&mut random);
    URL_SAFE_NO_PAD.encode(random).into()
}

/// Where the provider is to tell: the whole address, or its path as long as nobody has said where this
/// installation is seen.
fn url(ctx: &Ctx, token: &SecretString) -> SecretString {
    let path = format!("hooks/email/{}", token.expose_secret());
    match ctx.link(&path) {
        Some(url) => String::from(url).into(),
        None => format!("/{path}").into(),
    }
}

/// What the audit log says of a source. Its address and its key are credentials and have no place there.
fn audited(source: &source::Model) -> serde_json::Value {
    json!({
        "name": source.name, "provider": source.provider, "campaignKey": source.campaign_key,
        "topicArn": source.topic_arn, "tracksOpens": source.tracks_opens,
        "enabled": source.disabled_at.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_of_amazon_ses_have_a_topic_and_all_of_them() {
        use EmailProvider::{AmazonSes, Mailgun};
        use UserErrorCode::{Invalid, KindMismatch, Required};
        let arn = "arn:aws:sns:eu-west-1:123456789012:ses-events";
        for (provider, topic, expected) in [
            (AmazonSes, Some(arn), Ok(Some(arn))),
            (AmazonSes, None, Err(Required)),
            (AmazonSes, Some(""), Err(Invalid)),
            (
                AmazonSes,
                Some("arn:aws:sqs:eu-west-1:123456789012:q"),
                Err(Invalid),
            ),
            (
                AmazonSes,
                Some("arn:aws:sns:eu-west-1:123456789012:a:b"),
                Err(Invalid),
            ),
            (
                AmazonSes,
                Some("arn:aws:sns:eu-west-1:123456789012:"),
                Err(Invalid),
            ),
            (Mailgun, None, Ok(None)),
            (Mailgun, Some(arn), Err(KindMismatch)),
        ] {
            let found = clean_topic(provider, topic.map(str::to_owned));
            let found = found.map_err(|error| error.code);
            let expected = expected.map(|topic| topic.map(str::to_owned));
            assert_eq!(found, expected, "{provider:?} {topic:?}");
        }
    }
}
