//! Making, changing, archiving and restoring surveys.

use entity::{
    id::SurveyId,
    kind::SurveyKind,
    survey::{self, Model},
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, Set};
use serde_json::{Value, json};

use super::{
    uses,
    words::{self, OwnTexts},
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode, keep},
    store::{Query, Tx, hold_by_id},
    text,
    work::change::{Change, Fact},
};

/// Days that lie between two invitations of one person when nothing else is said.
pub const WAVE_DAYS: i64 = 90;
/// Days an invitation can be answered when nothing else is said.
pub const VALID_DAYS: i64 = 30;
/// Surveys a workspace may have that are not archived.
pub const SURVEY_LIMIT: i64 = 200;
/// Characters a name and a key may have.
const NAME_LIMIT: usize = 100;

/// A survey about to be made.
#[derive(Debug, Clone)]
pub struct NewSurvey {
    /// The name under which its answers are kept.
    pub key: String,
    /// What kind of question it is.
    pub kind: SurveyKind,
    /// The name shown to members.
    pub name: String,
    /// The workspace's own texts.
    pub texts: Vec<OwnTexts>,
    /// Days that lie between two invitations of one person.
    pub wave_days: i64,
    /// Days an invitation can be answered.
    pub valid_days: i64,
}

/// What may be changed about a survey; what is left out stays. Its key and its kind stay for good:
/// they are what its answers are counted by.
#[derive(Debug, Clone, Default)]
pub struct SurveyChanges {
    /// The name shown to members.
    pub name: Option<String>,
    /// The workspace's own texts, all of them.
    pub texts: Option<Vec<OwnTexts>>,
    /// Days that lie between two invitations of one person.
    pub wave_days: Option<i64>,
    /// Days an invitation can be answered.
    pub valid_days: Option<i64>,
}

/// Makes a survey.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewSurvey) -> Result<Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let key = keep(text::name(&new.key, &["key"], NAME_LIMIT), &mut errors).unwrap_or_default();
    let name = keep(text::name(&new.name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default();
    let texts = words::check(new.texts, &mut errors);
    check_days(new.wave_days, new.valid_days, &mut errors);
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    refuse_too_many(&tx, &[]).await?;
    let row = Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        key,
        kind: new.kind,
        name_key: text::name_key(&name),
        name,
        texts: serde_json::to_value(texts)?,
        wave_days: new.wave_days,
        valid_days: new.valid_days,
        created_by: actor.origin().json(),
        created_at: tx.now,
        updated_at: tx.now,
        archived_at: None,
    };
    // Who comes second with a key waits here for who came first.
    let made = Query::new(
        "INSERT INTO survey (workspace_id, id, key, kind, name, name_key, texts, wave_days,
                             valid_days, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
         ON CONFLICT (workspace_id, key) DO NOTHING",
    )
    .bind(row.workspace_id)
    .bind(row.id)
    .bind(row.key.clone())
    .bind(row.kind.word())
    .bind(row.name.clone())
    .bind(row.name_key.clone())
    .bind(row.texts.clone())
    .bind(row.wave_days)
    .bind(row.valid_days)
    .bind(row.created_by.clone())
    .bind(row.created_at)
    .execute(tx.connection())
    .await?;
    if made == 0 {
        let message = "Another survey has this key, perhaps an archived one. Choose another key.";
        return Err(Error::refused(&["key"], UserErrorCode::Taken, message));
    }
    record(&mut tx, actor, row.id);
    tx.audit(actor, Record::made("survey.create", row.id, audited(&row)));
    tx.commit().await?;
    Ok(row)
}

/// Changes a survey. Mails that are on their way already say the new texts.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: SurveyId,
    changes: SurveyChanges,
) -> Result<Model> {
    actor.require(Scope::Configure)?;
    let mut errors = Vec::new();
    let name = changes.name.as_deref();
    let name = name
        .map(|name| keep(text::name(name, &["name"], NAME_LIMIT), &mut errors).unwrap_or_default());
    let texts = changes.texts.map(|own| words::check(own, &mut errors));
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = held(&tx, id).await?;
    if before.archived_at.is_some() {
        let message = "This survey is archived. Restore it first.";
        return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    }
    let mut after = before.clone();
    if let Some(name) = name {
        after.name_key = text::name_key(&name);
        after.name = name;
    }
    if let Some(texts) = texts {
        after.texts = serde_json::to_value(texts)?;
    }
    after.wave_days = changes.wave_days.unwrap_or(after.wave_days);
    after.valid_days = changes.valid_days.unwrap_or(after.valid_days);
    check_days(after.wave_days, after.valid_days, &mut errors);
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    if after != before {
        after.updated_at = tx.now;
        let mut active = before.clone().into_active_model();
        active.name = Set(after.name.clone());
        active.name_key = Set(after.name_key.clone());
        active.texts = Set(after.texts.clone());
        active.wave_days = Set(after.wave_days);
        active.valid_days = Set(after.valid_days);
        active.updated_at = Set(after.updated_at);
        active.update(tx.connection()).await?;
        record(&mut tx, actor, id);
        let (before, said) = (audited(&before), audited(&after));
        tx.audit(actor, Record::changed("survey.update", id, before, said));
    }
    tx.commit().await?;
    Ok(after)
}

/// Archives a survey, so that nobody is invited any more, or restores it; nothing happens to one that
/// is as wanted. Who was invited before may still answer. Refused as long as something sends it.
pub async fn set_archived(ctx: &Ctx, actor: &Actor, id: SurveyId, archived: bool) -> Result<Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = held(&tx, id).await?;
    if before.archived_at.is_some() == archived {
        tx.rollback().await?;
        return Ok(before);
    }
    if archived {
        let uses = uses::of(tx.connection(), tx.workspace, id).await?;
        if let Some(one) = uses.first() {
            let message = format!(
                "The {} “{}” sends this survey. Take it out there first.",
                one.by.noun(),
                one.name
            );
            return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
        }
    } else {
        refuse_too_many(&tx, &["id"]).await?;
    }
    let after = Model {
        archived_at: archived.then_some(tx.now),
        updated_at: tx.now,
        ..before.clone()
    };
    let mut active = before.clone().into_active_model();
    active.archived_at = Set(after.archived_at);
    active.updated_at = Set(after.updated_at);
    active.update(tx.connection()).await?;
    record(&mut tx, actor, id);
    let action = if archived {
        "survey.archive"
    } else {
        "survey.restore"
    };
    let (before, said) = (audited(&before), audited(&after));
    tx.audit(actor, Record::changed(action, id, before, said));
    tx.commit().await?;
    Ok(after)
}

/// The survey, held against others who would change it.
async fn held(tx: &Tx<'_>, id: SurveyId) -> Result<Model> {
    hold_by_id(tx, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "survey"))
}

async fn refuse_too_many(tx: &Tx<'_>, path: &[&str]) -> Result<()> {
    let count: Option<i64> =
        Query::new("SELECT COUNT(*) FROM survey WHERE workspace_id = $1 AND archived_at IS NULL")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    if count.unwrap_or_default() >= SURVEY_LIMIT {
        let message = format!("A workspace has at most {SURVEY_LIMIT} surveys. Archive one first.");
        return Err(Error::refused(path, UserErrorCode::LimitReached, message));
    }
    Ok(())
}

fn check_days(wave: i64, valid: i64, errors: &mut Vec<UserError>) {
    if !(0..=3_660).contains(&wave) {
        let message = "Choose from 0 days, so that nothing lies between, to 3660.";
        errors.push(UserError::new(
            &["waveDays"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    if !(1..=365).contains(&valid) {
        let message = "Choose from 1 day to 365.";
        errors.push(UserError::new(
            &["validDays"],
            UserErrorCode::Invalid,
            message,
        ));
    }
}

fn record(tx: &mut Tx<'_>, actor: &Actor, survey_id: SurveyId) {
    let fact = Fact::SurveyChanged { survey_id };
    tx.record(Change::new(actor.origin(), None, fact));
}

/// What the audit log says of a survey.
fn audited(row: &survey::Model) -> Value {
    json!({
        "key": row.key, "kind": row.kind, "name": row.name, "texts": row.texts,
        "waveDays": row.wave_days, "validDays": row.valid_days,
        "archived": row.archived_at.is_some(),
    })
}
