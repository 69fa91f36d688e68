//! The rules that wait for what the rule would do to tags.

use std::collections::HashSet;

use entity::id::RuleId;

use super::past::Above;
use crate::{
    action::{Action, effect::Tagging},
    error::Result,
    rule::{definition::Definition, trigger::Key},
    store::{Query, Tx},
};

/// The active rules that wait for the tags the rule would put on or take off.
pub(super) async fn followers(
    tx: &Tx<'_>,
    definition: &Definition,
    own: Option<RuleId>,
) -> Result<Vec<RuleId>> {
    let effects = definition.actions.iter().flat_map(Action::effects);
    let acts: Vec<Tagging> = effects.filter_map(|effect| effect.tagging()).collect();
    if acts.is_empty() {
        return Ok(Vec::new());
    }
    let above: Vec<Above> =
        Query::new("SELECT l.tag_id, l.ancestor_id FROM tag_closure l WHERE l.workspace_id = $1")
            .bind(tx.workspace)
            .all(tx.connection())
            .await?;
    let keys: HashSet<Key> = acts
        .iter()
        .flat_map(|act| {
            let tags = above
                .iter()
                .filter(|one| one.tag_id == act.tag_id)
                .map(|one| one.ancestor_id)
                .chain([act.tag_id]);
            tags.map(|tag| Key::Tag {
                added: act.act.puts(),
                target: act.target,
                tag,
            })
        })
        .collect();
    let rows: Vec<entity::rule::Model> = Query::new(
        "SELECT u.* FROM rule u
         WHERE u.workspace_id = $1 AND u.deleted_at IS NULL AND u.active = $2
         ORDER BY u.position, u.id",
    )
    .bind(tx.workspace)
    .bind(true)
    .all(tx.connection())
    .await?;
    let followers = rows.into_iter().filter_map(|row| {
        let definition = Definition::from_stored(row.definition).ok()?;
        let listens = definition.trigger.kind().keys();
        let follows = listens.iter().any(|key| keys.contains(key)) && Some(row.id) != own;
        follows.then_some(row.id)
    });
    Ok(followers.collect())
}
