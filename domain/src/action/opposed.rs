//! Actions of one list that undo each other, found before they are saved.
//!
//! Asked by rules, of all their actions, and by playbooks, of the actions of one step: what is done there is
//! done in one moment. Never of several rules, which conflicts are about, nor of several steps, between which
//! time may pass.

use std::collections::HashMap;

use entity::kind::TagTarget;
use uuid::Uuid;

use super::Action;
use crate::{
    condition::path::Path,
    error::{UserError, UserErrorCode},
};

/// Notes every tag that an earlier of `actions`, which stand at `at`, puts on the same thing and this one takes
/// off, or the other way round.
pub(crate) fn check(actions: &[Action], at: &Path, refusals: &mut Vec<UserError>) {
    let mut acts: HashMap<(TagTarget, Uuid), bool> = HashMap::new();
    for (index, action) in actions.iter().enumerate() {
        // An action about tags has one effect for each of them, in their order.
        for (place, effect) in action.effects().into_iter().enumerate() {
            let Some(tagging) = effect.tagging() else {
                continue;
            };
            let puts = tagging.act.puts();
            let first = acts.entry((tagging.target, tagging.tag_id)).or_insert(puts);
            if *first != puts {
                let message = "One action puts this tag on and another takes it off. Remove it from one of \
                               the two.";
                let at = at.nth(index).at(action.name()).at("tagIds").nth(place);
                refusals.push(at.refuse(UserErrorCode::Contradictory, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check_is(actions: &Value, expected: &[&str]) {
        let actions: Vec<Action> = serde_json::from_value(actions.clone()).unwrap();
        let mut refusals = Vec::new();
        check(&actions, &Path::root("actions"), &mut refusals);
        let found: Vec<String> = refusals.iter().map(|one| one.path.join(".")).collect();
        assert_eq!(found, expected, "{actions:?}");
        let told = |one: &UserError| one.code == UserErrorCode::Contradictory;
        assert!(refusals.iter().all(told), "{refusals:?}");
    }

    #[test]
    fn a_tag_put_on_and_taken_off_in_one_list_is_told() {
        let ids = |ids: &[u128]| {
            json!(
                ids.iter()
                    .map(|&id| Uuid::from_u128(id))
                    .collect::<Vec<_>>()
            )
        };
        let puts = |tags: &[u128]| json!({"tagContact": {"tagIds": ids(tags)}});
        let takes = |tags: &[u128]| json!({"untagContact": {"tagIds": ids(tags)}});
        check_is(
            &json!([puts(&[1]), takes(&[2, 1])]),
            &["actions.1.untagContact.tagIds.1"],
        );
        let firmly = json!({"untagContact": {"tagIds": ids(&[1]), "evenIfSetByMember": true}});
        check_is(
            &json!([firmly, puts(&[1])]),
            &["actions.1.tagContact.tagIds.0"],
        );
        check_is(&json!([puts(&[1]), takes(&[2])]), &[]);
        check_is(&json!([puts(&[1]), puts(&[1])]), &[]);
        let account = json!({"untagAccount": {"tagIds": ids(&[1])}});
        check_is(&json!([puts(&[1]), account]), &[]);
    }
}
