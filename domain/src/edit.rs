//! Setting owner, lifecycle stage and subscriptions of everything a filter finds, as an operation.
//!
//! Asked for by members through the API, done by workers. A step takes the next things in the order of
//! their ids and asks the filter of them as they are then; each gets what an edit of it alone would
//! give it: history, change log and audit log. It never sets an attribute, an account or a name, of
//! which everybody has one of their own, and never undoes: what was before stands in the histories.
//! Whoever has unsubscribed by themselves stays so (`contact::subscription::set_each`).

use std::collections::BTreeSet;

use async_trait::async_trait;
use entity::{
    id::{ContactId, MemberId},
    kind::{OperationKind, SubjectKind},
    operation,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    contact::{
        self,
        subscription::{self, NewState},
    },
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    operation::{Kind, NewOperation, Step, start},
    stage::{self, NewStage, OwnerMove, StageMove},
    store::Tx,
    subject::Subject,
    tag::tagging::Which,
    text,
};

/// Things looked at in one step.
const BATCH: i64 = 1_000;
/// Subscriptions one operation may set together.
pub const MAX_SUBSCRIPTIONS: usize = 10;

/// What is to be set of everything a filter finds; what is left out stays. Stored as JSON with the
/// operation: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewEdit {
    /// The contacts or accounts.
    pub which: Which,
    /// Who looks after them.
    #[serde(default)]
    pub owner: Option<NewOwner>,
    /// How far the relationship has come, and why.
    #[serde(default)]
    pub stage: Option<NewStage>,
    /// Where contacts stand with topics of channels.
    #[serde(default)]
    pub subscriptions: Vec<NewState>,
}

/// Who is to look after something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOwner {
    /// The member; nobody if nothing.
    pub member: Option<MemberId>,
}

impl NewEdit {
    /// Cleans the texts, and refuses what can be seen to be wrong without looking anything up.
    fn check(&mut self) -> Result<()> {
        let mut errors = Vec::new();
        let mut refuse = |field, code, message: &str| {
            errors.push(UserError::new(&[field], code, message));
        };
        if matches!(self.which, Which::Conversation(_)) {
            let message = "Choose contacts or accounts.";
            refuse("things", UserErrorCode::KindMismatch, message);
        }
        if self.owner.is_none() && self.stage.is_none() && self.subscriptions.is_empty() {
            let message = "Say what is to be set: an owner, a stage or subscriptions.";
            refuse("ownerId", UserErrorCode::Required, message);
        }
        if !self.subscriptions.is_empty() && !matches!(self.which, Which::Contact(_)) {
            let message = "Only contacts have subscriptions.";
            refuse("subscriptions", UserErrorCode::KindMismatch, message);
        }
        if self.subscriptions.len() > MAX_SUBSCRIPTIONS {
            let message = format!("Set at most {MAX_SUBSCRIPTIONS} subscriptions at once.");
            refuse("subscriptions", UserErrorCode::LimitReached, &message);
        }
        if let Some(new) = &mut self.stage {
            match text::short_text(&new.reason, &["stageReason"], 255) {
                Ok(reason) => new.reason = reason,
                Err(error) => errors.push(error),
            }
        }
        for (number, new) in self.subscriptions.iter_mut().enumerate() {
            errors.extend(new.check(&["subscriptions", &number.to_string()]));
        }
        errors.extend(self.contradictions());
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Error::Refused(errors))
        }
    }

    /// Each subscription that an earlier one sets as well, or that lacks what changing many takes.
    fn contradictions(&self) -> Vec<UserError> {
        let mut errors = Vec::new();
        for (number, new) in self.subscriptions.iter().enumerate() {
            let place = number.to_string();
            let path = ["subscriptions", place.as_str()];
            if new.reason.is_empty() {
                let path = [path.as_slice(), &["reason"]].concat();
                let message = "Say why; it is kept with each of them.";
                errors.push(UserError::new(&path, UserErrorCode::Required, message));
            }
            let same = |one: &NewState| one.channel == new.channel && one.topic == new.topic;
            if self.subscriptions[..number].iter().any(same) {
                let message = "Set each topic of a channel once.";
                errors.push(UserError::new(&path, UserErrorCode::Contradictory, message));
            }
        }
        errors
    }

    /// Refuses an owner who is not, or no longer, a member.
    async fn check_owner(&self, tx: &Tx<'_>) -> Result<()> {
        let mut errors = Vec::new();
        let owner = self.owner.and_then(|owner| owner.member);
        stage::check_member(tx, owner, "ownerId", &mut errors).await?;
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Error::Refused(errors))
        }
    }

    fn kind(&self) -> SubjectKind {
        match self.which {
            Which::Contact(_) => SubjectKind::Contact,
            Which::Account(_) => SubjectKind::Account,
            Which::Conversation(_) => SubjectKind::Conversation,
        }
    }

    /// What the audit log says of it. Not the filter: the words of one may be a person's, and nobody
    /// would find them when that person is erased.
    fn audited(&self) -> Value {
        json!({
            "of": self.kind(), "owner": self.owner, "stage": self.stage,
            "subscriptions": self.subscriptions,
        })
    }
}

/// Asks for it: checked now, done by workers. With `dry_run` nothing is changed and the operation only
/// says of how many things what would change.
pub async fn update_by_filter(
    ctx: &Ctx,
    actor: &Actor,
    mut edit: NewEdit,
    dry_run: bool,
) -> Result<operation::Model> {
    actor.require(Scope::Write)?;
    edit.check()?;
    let things = ["things", edit.which.field()];
    edit.which.check_text(&things)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    edit.which.check(&tx, &things).await?;
    edit.check_owner(&tx).await?;
    let new = NewOperation {
        kind: OperationKind::UpdateByFilter,
        request: serde_json::to_value(&edit)?,
        total: None,
        dry_run,
        origin: actor.origin(),
    };
    let asked = start(ctx, &mut tx, new).await?;
    if !dry_run {
        let record = Record::made("operation.update_by_filter", asked.id, edit.audited());
        tx.audit(actor, record);
    }
    tx.commit().await?;
    Ok(asked)
}

/// Sets owner, stage and subscriptions of everything a filter finds.
#[derive(Debug, Clone, Copy)]
pub struct UpdateByFilter;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The last thing looked at.
    after: Option<Uuid>,
    counts: Counts,
}

/// Of how many things what changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    owners: i64,
    stages: i64,
    /// Each topic of a channel by itself.
    subscriptions: i64,
    /// Subscriptions that stay because the contact has ended them.
    kept: i64,
}

impl Counts {
    fn add(&mut self, more: &Self) {
        self.owners += more.owners;
        self.stages += more.stages;
        self.subscriptions += more.subscriptions;
        self.kept += more.kept;
    }
}

#[async_trait]
impl Kind for UpdateByFilter {
    fn kind(&self) -> OperationKind {
        OperationKind::UpdateByFilter
    }

    async fn step(
        &self,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &operation::Model,
    ) -> Result<Step> {
        let edit: NewEdit = serde_json::from_value(operation.request.clone())?;
        if operation.total.is_none() {
            return Ok(Step {
                progress: json!(Progress::default()),
                total: Some(edit.which.count(tx).await?),
                ..Step::default()
            });
        }
        // The member may have left since.
        edit.check_owner(tx).await?;
        let mut progress: Progress = serde_json::from_value(operation.progress.clone())?;
        let part = edit.which.next(tx, progress.after, BATCH).await?;
        let work = Work {
            edit: &edit,
            origin: serde_json::from_value(operation.created_by.clone())?,
            dry_run: operation.dry_run,
        };
        progress.counts.add(&work.on(tx, &part.ids).await?);
        progress.after = part.last.or(progress.after);
        Ok(part.step(&progress, BATCH))
    }
}

/// What a step does with the things it came to.
struct Work<'a> {
    edit: &'a NewEdit,
    origin: Origin,
    dry_run: bool,
}

impl Work<'_> {
    async fn on(&self, tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<Counts> {
        let kind = self.edit.kind();
        let subjects: Vec<Subject> = ids.iter().map(|&id| Subject::new(kind, id)).collect();
        let mut counts = Counts::default();
        if let Some(owner) = self.edit.owner {
            counts.owners = self.give(tx, &subjects, owner).await?;
        }
        if let Some(new) = &self.edit.stage {
            counts.stages = self.advance(tx, &subjects, new).await?;
        }
        if !self.edit.subscriptions.is_empty() {
            // Nobody of them is merged away or erased until the end.
            let asked = ids.iter().map(|&id| ContactId(id));
            let living = contact::living(tx, asked).await?;
            let contacts: BTreeSet<ContactId> = living.into_values().collect();
            for new in &self.edit.subscriptions {
                let dry_run = self.dry_run;
                let set = subscription::set_each(tx, self.origin, &contacts, new, dry_run).await?;
                counts.subscriptions += set.changed;
                counts.kept += set.kept;
            }
        }
        Ok(counts)
    }

    async fn give(&self, tx: &mut Tx<'_>, to: &[Subject], owner: NewOwner) -> Result<i64> {
        let moves: Vec<OwnerMove<'_>> = to
            .iter()
            .map(|&subject| OwnerMove {
                subject,
                owner: owner.member,
                origin: self.origin,
                cause: None,
            })
            .collect();
        let given = if self.dry_run {
            stage::would_give(tx, &moves).await?
        } else {
            stage::give_each(tx, &moves).await?
        };
        Ok(count(&given))
    }

    async fn advance(&self, tx: &mut Tx<'_>, those: &[Subject], new: &NewStage) -> Result<i64> {
        let moves: Vec<StageMove<'_>> = those
            .iter()
            .map(|&subject| StageMove {
                subject,
                new: new.clone(),
                origin: self.origin,
                cause: None,
            })
            .collect();
        let moved = if self.dry_run {
            stage::would_move(tx, &moves).await?
        } else {
            stage::move_each(tx, &moves).await?
        };
        Ok(count(&moved))
    }
}

fn count(changed: &[bool]) -> i64 {
    changed.iter().filter(|one| **one).count() as i64
}

#[cfg(test)]
mod tests {
    use entity::kind::{Channel, LifecycleStage, SubscriptionState};

    use super::*;
    use crate::{account::AccountFilter, contact::ContactFilter};

    fn edit(which: Which) -> NewEdit {
        NewEdit {
            which,
            owner: None,
            stage: None,
            subscriptions: Vec::new(),
        }
    }

    fn everybody() -> Which {
        Which::Contact(ContactFilter::default())
    }

    fn news(reason: &str) -> NewState {
        NewState {
            channel: Channel::Email,
            topic: "news".to_owned(),
            state: SubscriptionState::Unsubscribed,
            reason: reason.to_owned(),
        }
    }

    #[track_caller]
    fn check_refused(mut edit: NewEdit, expected: &[&str]) {
        let found: Vec<String> = match edit.check() {
            Ok(()) => Vec::new(),
            Err(Error::Refused(errors)) => errors
                .iter()
                .map(|error| format!("{} {:?}", error.path.join("."), error.code))
                .collect(),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(found, expected, "{edit:?}");
    }

    #[test]
    fn what_sets_nothing_or_the_same_twice_is_refused() {
        check_refused(edit(everybody()), &["ownerId Required"]);
        let set = |which, subscriptions| NewEdit {
            subscriptions,
            ..edit(which)
        };
        check_refused(set(everybody(), vec![news("asked")]), &[]);
        check_refused(
            set(everybody(), vec![news("")]),
            &["subscriptions.0.reason Required"],
        );
        check_refused(
            set(everybody(), vec![news("asked"), news("asked")]),
            &["subscriptions.1 Contradictory"],
        );
        let accounts = Which::Account(AccountFilter::default());
        check_refused(
            set(accounts.clone(), vec![news("asked")]),
            &["subscriptions KindMismatch"],
        );
        let nobody = NewEdit {
            owner: Some(NewOwner { member: None }),
            ..edit(accounts)
        };
        check_refused(nobody, &[]);
    }

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({
            "which": { "ACCOUNT": {} },
            "owner": { "member": null },
            "stage": { "stage": "CUSTOMER", "reason": "signed" },
            "subscriptions": [{
                "channel": "EMAIL", "topic": "*", "state": "UNSUBSCRIBED", "reason": "asked",
            }],
        });
        let edit: NewEdit = serde_json::from_value(stored).unwrap();
        assert_eq!(edit.owner, Some(NewOwner { member: None }));
        let stage = edit.stage.as_ref().map(|new| new.stage);
        assert_eq!(stage, Some(Some(LifecycleStage::Customer)));
        let again: NewEdit = serde_json::from_value(json!(edit)).unwrap();
        assert_eq!(again, edit);
        let least: NewEdit = serde_json::from_value(json!({ "which": { "CONTACT": {} } })).unwrap();
        assert_eq!(least.owner, None);
    }
}
