//! Conditions over GraphQL: what rules, segments, playbooks and lists share.

mod explain;

use std::collections::HashMap;

use async_graphql::{Context, Result};
use chrono_tz::Tz;
use domain::{
    condition::{
        self, ConditionInput, Context as Place, Moment,
        reference::{IdKind, Names, Reference, TypedIds},
        sql::Asked,
    },
    ctx::Ctx,
    error::{Error, UserError},
};
use entity::id::WorkspaceId;
use uuid::Uuid;

use super::{
    context::loader,
    loader::{NameOf, ZoneInUse},
};

pub(crate) use explain::{ConditionVerdict, RuleExplanation, explained, noted};

/// What the things are called that a rule or condition names, and the workspace's time zone, for sentences.
pub(crate) struct Called {
    names: HashMap<Uuid, String>,
    zone: Tz,
}

impl Called {
    /// Asks for all of them: one statement for each kind of thing, and one for the zone, however many rules or
    /// conditions of the request ask beside each other.
    pub(crate) async fn of(context: &Context<'_>, references: &[Reference]) -> Result<Self> {
        let keys = references.iter();
        let keys: Vec<NameOf> = keys
            .map(|one| NameOf {
                kind: one.kind,
                id: one.id,
            })
            .collect();
        let found = loader(context)?.load_many(keys).await?.into_iter();
        let names = found.map(|(key, name)| (key.id, name)).collect();
        let zone = loader(context)?.load_one(ZoneInUse).await?;
        let zone = zone.unwrap_or(Tz::UTC);
        Ok(Self { names, zone })
    }
}

impl Names for Called {
    fn name(&self, _kind: IdKind, id: Uuid) -> Option<String> {
        self.names.get(&id).cloned()
    }

    fn zone(&self) -> Tz {
        self.zone
    }
}

/// The condition of a list's filter, checked, as it is asked now. Paths begin with `filter`, where
/// lists have it.
pub(crate) async fn asked(
    ctx: &Ctx,
    workspace: WorkspaceId,
    input: Option<ConditionInput>,
    place: Place,
) -> domain::error::Result<Option<Asked>> {
    let Some(input) = input else {
        return Ok(None);
    };
    let refuse = |errors: Vec<UserError>| {
        let errors = errors.into_iter().map(|mut error| {
            error.path.insert(0, "filter".to_owned());
            error
        });
        Error::Refused(errors.collect())
    };
    let condition = input.into_condition(&TypedIds).map_err(refuse)?;
    let errors = condition::refusals(ctx.reader(), workspace, &condition, place).await?;
    if !errors.is_empty() {
        return Err(refuse(errors));
    }
    let moment = Moment::of(ctx.reader(), workspace, ctx.clock.now()).await?;
    Ok(Some(Asked::new(condition, &moment)))
}
