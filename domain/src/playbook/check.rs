//! Whether a playbook makes sense by itself, before it is saved. Pure.
//!
//! Called as `Definition::check`. Whether the ids it names exist is asked of the database by `write`.

use std::collections::HashSet;

use super::{
    definition::{
        Again, Arm, Definition, Ending, Source, Step, StepKind, Wait, WaitFor, step_path,
    },
    flow,
};
use crate::{
    action::opposed,
    condition::{self, Condition, Context, Use, check::list, may_hold_together, path::Path},
    error::{UserError, UserErrorCode},
    text,
};

/// Steps a playbook may have.
pub(super) const MAX_STEPS: usize = 100;
/// Characters the id of a step may have.
pub(super) const MAX_STEP_ID: usize = 40;
/// Characters a name inside a playbook may have.
pub(super) const MAX_NAME: usize = 100;
/// Actions one step may have.
pub(super) const MAX_ACTIONS: usize = 20;
/// Ways out of one branch.
pub(super) const MAX_ARMS: usize = 20;
/// Goals, and exits, a playbook may have.
pub(super) const MAX_ENDINGS: usize = 10;
/// Things that enrol by themselves.
pub(super) const MAX_SOURCES: usize = 20;
/// Tags or segments one of those may name.
pub(super) const MAX_IDS: usize = 100;
/// The longest wait, in seconds: two years.
pub(super) const MAX_WAIT_SECONDS: i64 = 2 * 366 * 86_400;
/// The longest time before somebody may be enrolled again, in days: ten years.
pub(super) const MAX_AGAIN_DAYS: u32 = 3_660;

/// Everything wrong with `definition`; empty if it can be saved.
pub(super) fn check(definition: &Definition) -> Vec<UserError> {
    let mut refusals = Vec::new();
    let at = Path::root("steps");
    list(&definition.steps, MAX_STEPS, &at, &mut refusals, "step");
    if definition.steps.len() > MAX_STEPS || definition.steps.is_empty() {
        // Nothing below walks a playbook of unknown size.
        return refusals;
    }
    check_ids(definition, &mut refusals);
    for (index, step) in definition.steps.iter().enumerate() {
        check_step(definition, index, step, &mut refusals);
    }
    if refusals.is_empty() {
        check_ways(definition, &mut refusals);
    }
    check_endings("goals", Use::Goal, &definition.goals, &mut refusals);
    check_endings("exits", Use::Exit, &definition.exits, &mut refusals);
    check_sources(&definition.sources, &mut refusals);
    if refusals.is_empty() {
        check_exits_at_once(definition, &mut refusals);
    }
    check_again(definition.again, &mut refusals);
    if let Some(hours) = definition.limits.quiet_hours {
        let at = Path::root("limits").at("quietHours");
        hours.check(&at, &mut refusals);
    }
    refusals
}

fn check_ids(definition: &Definition, refusals: &mut Vec<UserError>) {
    let mut seen = HashSet::new();
    for (index, step) in definition.steps.iter().enumerate() {
        let at = Path::root("steps").nth(index).at("stepId");
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if step.id.is_empty() || step.id.len() > MAX_STEP_ID || !step.id.chars().all(good) {
            let message = format!(
                "Call the step by 1 to {MAX_STEP_ID} lower-case letters, digits, hyphens and \
                 underscores."
            );
            refusals.push(at.refuse(UserErrorCode::Invalid, message));
        } else if !seen.insert(&step.id) {
            let message = "An earlier step has this id. Give each its own.";
            refusals.push(at.refuse(UserErrorCode::Taken, message));
        }
    }
}

fn check_step(definition: &Definition, index: usize, step: &Step, refusals: &mut Vec<UserError>) {
    let here = Path::root("steps").nth(index);
    check_name(&step.name, &here.at("name"), refusals);
    check_next(definition, step.next.as_deref(), &here.at("next"), refusals);
    let at = step_path(index, step);
    match &step.kind {
        StepKind::Actions(actions) => {
            list(actions, MAX_ACTIONS, &at, refusals, "action");
            for (index, action) in actions.iter().enumerate().take(MAX_ACTIONS) {
                action.check(Context::Contact, &at.nth(index), refusals);
            }
            if actions.len() <= MAX_ACTIONS {
                opposed::check(actions, &at, refusals);
            }
        }
        StepKind::Wait(wait) => check_wait(wait, &at, refusals),
        StepKind::WaitFor(wait) => check_wait_for(definition, wait, &at, refusals),
        StepKind::Branch(arms) => check_arms(definition, arms, &at.at("arms"), refusals),
        StepKind::End if step.next.is_some() => {
            let message = "Nothing comes after the end. Leave this out.";
            let at = here.at("next");
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
        StepKind::End => {}
    }
}

fn check_next(
    definition: &Definition,
    next: Option<&str>,
    at: &Path,
    refusals: &mut Vec<UserError>,
) {
    if next.is_some_and(|next| definition.place(next).is_none()) {
        let message = "There is no step of this id in the playbook.";
        refusals.push(at.refuse(UserErrorCode::NotFound, message));
    }
}

fn check_name(name: &str, at: &Path, refusals: &mut Vec<UserError>) {
    let steps: Vec<&str> = at.steps().iter().map(String::as_str).collect();
    if let Err(error) = text::short_text(name, &steps, MAX_NAME) {
        refusals.push(error);
    }
}

fn check_seconds(seconds: i64, at: &Path, refusals: &mut Vec<UserError>) {
    if !(1..=MAX_WAIT_SECONDS).contains(&seconds) {
        let message = "Wait from one second to two years.";
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
}

fn check_wait(wait: &Wait, at: &Path, refusals: &mut Vec<UserError>) {
    match wait {
        Wait::For { seconds } => check_seconds(*seconds, &at.at("for"), refusals),
        Wait::Until { minute, weekdays } => {
            let at = at.at("until");
            if *minute > 1439 {
                let message = "Write the time from 00:00 to 23:59.";
                refusals.push(at.at("time").refuse(UserErrorCode::Invalid, message));
            }
            let days: HashSet<_> = weekdays.iter().collect();
            if days.len() < weekdays.len() {
                let message = "Name each day once.";
                let at = at.at("weekdays");
                refusals.push(at.refuse(UserErrorCode::Invalid, message));
            }
        }
    }
}

fn check_wait_for(
    definition: &Definition,
    wait: &WaitFor,
    at: &Path,
    refusals: &mut Vec<UserError>,
) {
    check_condition(&wait.condition, Use::Wait, at, refusals);
    check_seconds(wait.timeout_seconds, &at.at("timeout"), refusals);
    let at = at.at("onTimeout");
    check_next(definition, wait.on_timeout.as_deref(), &at, refusals);
}

fn check_arms(definition: &Definition, arms: &[Arm], at: &Path, refusals: &mut Vec<UserError>) {
    list(arms, MAX_ARMS, at, refusals, "branch");
    for (index, arm) in arms.iter().enumerate().take(MAX_ARMS) {
        let at = at.nth(index);
        check_name(&arm.name, &at.at("name"), refusals);
        check_condition(&arm.condition, Use::Branch, &at, refusals);
        check_next(definition, Some(&arm.next), &at.at("next"), refusals);
    }
}

fn check_condition(condition: &Condition, of: Use, at: &Path, refusals: &mut Vec<UserError>) {
    for mut refusal in condition::check(condition, Context::Contact, of) {
        refusal.path.splice(0..0, at.steps().iter().cloned());
        refusals.push(refusal);
    }
}

/// Steps nobody comes to, and circles that would be run without end in one moment, or many times a minute.
fn check_ways(definition: &Definition, refusals: &mut Vec<UserError>) {
    let reachable = flow::reachable(definition);
    for (index, _) in reachable.iter().enumerate().filter(|(_, seen)| !**seen) {
        let message = "No step leads here. Let one, or remove this step.";
        let at = Path::root("steps").nth(index);
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
    if let Err(place) = flow::order(definition) {
        let message = "From here the steps lead back here in the same moment, without end. Put a \
                       wait for a time into the circle.";
        let at = Path::root("steps").nth(place);
        refusals.push(at.refuse(UserErrorCode::Cycle, message));
    } else if let Some(place) = flow::short_circle(definition) {
        let message = "From here the steps lead back here within a minute, again and again. Let one of the \
                       waits in the circle take a minute or more.";
        let at = Path::root("steps").nth(place);
        refusals.push(at.refuse(UserErrorCode::Cycle, message));
    }
}

fn check_endings(field: &str, of: Use, endings: &[Ending], refusals: &mut Vec<UserError>) {
    let at = Path::root(field);
    if endings.len() > MAX_ENDINGS {
        let message = format!("List at most {MAX_ENDINGS}.");
        refusals.push(at.refuse(UserErrorCode::TooLong, message));
        return;
    }
    for (index, ending) in endings.iter().enumerate() {
        let at = at.nth(index);
        if ending.name.trim().is_empty() {
            let message = "Give a name.";
            let at = at.at("name");
            refusals.push(at.refuse(UserErrorCode::Required, message));
        }
        check_name(&ending.name, &at.at("name"), refusals);
        check_condition(&ending.condition, of, &at, refusals);
    }
}

fn check_sources(sources: &[Source], refusals: &mut Vec<UserError>) {
    let at = Path::root("sources");
    if sources.len() > MAX_SOURCES {
        let message = format!("List at most {MAX_SOURCES}.");
        refusals.push(at.refuse(UserErrorCode::TooLong, message));
        return;
    }
    for (index, source) in sources.iter().enumerate() {
        let at = at.nth(index).at(source.name());
        match source {
            Source::SegmentEntered { segment_ids } => {
                let at = at.at("segmentIds");
                list(segment_ids, MAX_IDS, &at, refusals, "segment");
            }
            Source::HealthBand { bands } => {
                list(bands, MAX_IDS, &at.at("bands"), refusals, "band");
            }
            Source::TagAdded { tag_ids, .. } => {
                list(tag_ids, MAX_IDS, &at.at("tagIds"), refusals, "tag");
            }
        }
    }
}

/// Exits that hold for everybody whom a source enrols: they would leave in the moment they come.
fn check_exits_at_once(definition: &Definition, refusals: &mut Vec<UserError>) {
    for (index, exit) in definition.exits.iter().enumerate() {
        let stays = Condition::Not(Box::new(exit.condition.clone()));
        let mut sources = definition.sources.iter().enumerate();
        let told = sources.find(|(_, source)| {
            let enrolled = source.implies();
            may_hold_together(&enrolled) && !may_hold_together(enrolled.iter().chain([&stays]))
        });
        if let Some((place, source)) = told {
            let name = source.name();
            let message = format!(
                "This holds for everybody whom sources.{place}.{name} enrols, so they would leave at once. \
                 Change one of the two."
            );
            let at = Path::root("exits").nth(index).at("condition");
            refusals.push(at.refuse(UserErrorCode::Contradictory, message));
        }
    }
}

fn check_again(again: Again, refusals: &mut Vec<UserError>) {
    if let Again::AfterDays(days) = again
        && !(1..=MAX_AGAIN_DAYS).contains(&days)
    {
        let message = "Choose from one day to ten years of days.";
        let at = Path::root("again").at("afterDays");
        refusals.push(at.refuse(UserErrorCode::Invalid, message));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn tagged() -> Value {
        json!({"contactTags": {
            "mode": "ANY", "tagIds": [Uuid::from_u128(1)], "withDescendants": true,
        }})
    }

    fn acts() -> Value {
        json!({"actions": [{"tagContact": {"tagIds": [Uuid::from_u128(1)]}}]})
    }

    fn day() -> Value {
        json!({"wait": {"for": {"seconds": 86_400}}})
    }

    #[track_caller]
    fn check_is(definition: &Value, expected: &[(&str, UserErrorCode)]) {
        let mut stored = definition.clone();
        stored["form"] = json!(1);
        let definition = Definition::from_stored(stored).unwrap();
        let found = definition.check();
        let found: Vec<_> = found
            .iter()
            .map(|refusal| (refusal.path.join("."), refusal.code))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, code)| ((*path).to_owned(), *code))
            .collect();
        assert_eq!(found, expected, "{definition:?}");
    }

    #[test]
    fn a_sensible_playbook_is_not_refused() {
        let book = json!({
            "steps": [
                {"id": "welcome", "kind": acts()},
                {"id": "rest", "kind": day()},
                {"id": "morning", "kind": {"wait": {"until": {
                    "minute": 540, "weekdays": ["MONDAY", "TUESDAY"],
                }}}},
                {"id": "reply", "kind": {"waitFor": {
                    "condition": tagged(), "timeoutSeconds": 3600, "onTimeout": "remind",
                }}},
                {"id": "which", "kind": {"branch": [{"condition": tagged(), "next": "end"}]}},
                {"id": "remind", "kind": acts(), "next": "rest"},
                {"id": "end", "kind": "end"},
            ],
            "goals": [{"name": "Bought", "condition": tagged()}],
            "exits": [{"name": "Left", "condition": tagged()}],
            "sources": [{"tagAdded": {"tagIds": [Uuid::from_u128(2)]}}],
            "again": {"afterDays": 30},
        });
        check_is(&book, &[]);
    }

    #[test]
    fn actions_of_one_step_that_undo_each_other_are_refused() {
        let ids = json!({"tagIds": [Uuid::from_u128(1)]});
        let (puts, takes) = (json!({"tagContact": ids}), json!({"untagContact": ids}));
        check_is(
            &json!({"steps": [{"id": "a", "kind": {"actions": [puts, takes]}}]}),
            &[(
                "steps.0.kind.actions.1.untagContact.tagIds.0",
                UserErrorCode::Contradictory,
            )],
        );
        let in_turn = json!({"steps": [
            {"id": "a", "kind": {"actions": [puts]}},
            {"id": "b", "kind": day()},
            {"id": "c", "kind": {"actions": [takes]}},
        ]});
        check_is(&in_turn, &[]);
    }

    #[test]
    fn exits_that_hold_for_whom_a_source_enrols_are_refused() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let is_refused = |source: &Value, exit: &Value, expected: bool| {
            let book = json!({
                "steps": [{"id": "a", "kind": acts()}],
                "sources": [source],
                "exits": [{"name": "Left", "condition": exit}],
            });
            let refused = [("exits.0.condition", UserErrorCode::Contradictory)];
            check_is(&book, if expected { &refused[..] } else { &[] });
        };
        let added = |ids: &[Uuid]| json!({"tagAdded": {"tagIds": ids, "withDescendants": true}});
        is_refused(&added(&[one]), &tagged(), true);
        is_refused(&added(&[two]), &tagged(), false);
        is_refused(&added(&[one, two]), &tagged(), false);
        // Here only the tag itself, there also those below.
        is_refused(&json!({"tagAdded": {"tagIds": [one]}}), &tagged(), true);
        is_refused(&added(&[one]), &json!({"not": tagged()}), false);
        let segments = |mode: &str| json!({"segments": {"mode": mode, "segmentIds": [one]}});
        let entered = json!({"segmentEntered": {"segmentIds": [one]}});
        is_refused(&entered, &segments("ANY"), true);
        is_refused(&entered, &segments("NONE"), false);
        let bands = |bands: &[&str]| json!({"health": {"bands": bands}});
        let at_risk = json!({"healthBand": {"bands": ["AT_RISK"]}});
        is_refused(&at_risk, &bands(&["AT_RISK", "NEUTRAL"]), true);
        is_refused(&at_risk, &bands(&["HEALTHY"]), false);
    }

    #[test]
    fn what_is_wrong_is_told_where_it_is() {
        use UserErrorCode as C;
        check_is(&json!({"steps": []}), &[("steps", C::Required)]);
        check_is(
            &json!({"steps": [
                {"id": "Bad id", "kind": acts()},
                {"id": "a", "kind": {"actions": []}},
                {"id": "a", "kind": {"wait": {"for": {"seconds": 0}}}},
                {"id": "b", "kind": {"branch": []}, "next": "nowhere"},
                {"id": "c", "kind": {"waitFor": {
                    "condition": {"all": []}, "timeoutSeconds": -1, "onTimeout": "x",
                }}},
                {"id": "d", "kind": {"branch": [{"condition": {"any": []}, "next": "y"}]}},
                {"id": "e", "kind": {"wait": {"until": {
                    "minute": 1440, "weekdays": ["MONDAY", "MONDAY"],
                }}}},
                {"id": "f", "kind": "end", "next": "a"},
            ]}),
            &[
                ("steps.0.stepId", C::Invalid),
                ("steps.2.stepId", C::Taken),
                ("steps.1.kind.actions", C::Required),
                ("steps.2.kind.wait.for", C::Invalid),
                ("steps.3.next", C::NotFound),
                ("steps.3.kind.branch.arms", C::Required),
                ("steps.4.kind.waitFor.condition.all", C::Required),
                ("steps.4.kind.waitFor.timeout", C::Invalid),
                ("steps.4.kind.waitFor.onTimeout", C::NotFound),
                ("steps.5.kind.branch.arms.0.condition.any", C::Required),
                ("steps.5.kind.branch.arms.0.next", C::NotFound),
                ("steps.6.kind.wait.until.time", C::Invalid),
                ("steps.6.kind.wait.until.weekdays", C::Invalid),
                ("steps.7.next", C::Contradictory),
            ],
        );
        check_is(
            &json!({
                "steps": [{"id": "a", "kind": acts()}],
                "goals": [{"name": " ", "condition": tagged()}],
                "sources": [{"segmentEntered": {"segmentIds": []}}, {"healthBand": {"bands": []}}],
                "again": {"afterDays": 0},
                "limits": {"quietHours": {"fromHour": 24, "toHour": 7}},
            }),
            &[
                ("goals.0.name", C::Required),
                ("sources.0.segmentEntered.segmentIds", C::Required),
                ("sources.1.healthBand.bands", C::Required),
                ("again.afterDays", C::Invalid),
                ("limits.quietHours.fromHour", C::Invalid),
            ],
        );
    }

    #[test]
    fn steps_nobody_comes_to_and_circles_without_a_wait_are_refused() {
        use UserErrorCode as C;
        check_is(
            &json!({"steps": [
                {"id": "a", "kind": acts(), "next": "c"},
                {"id": "b", "kind": acts()},
                {"id": "c", "kind": acts()},
            ]}),
            &[("steps.1", C::Invalid)],
        );
        check_is(
            &json!({"steps": [{"id": "a", "kind": acts(), "next": "a"}]}),
            &[("steps.0", C::Cycle)],
        );
        check_is(
            &json!({"steps": [
                {"id": "a", "kind": {"wait": {"for": {"seconds": 1}}}, "next": "a"},
            ]}),
            &[("steps.0", C::Cycle)],
        );
        check_is(
            &json!({"steps": [
                {"id": "a", "kind": acts()},
                {"id": "b", "kind": day(), "next": "a"},
            ]}),
            &[],
        );
    }
}
