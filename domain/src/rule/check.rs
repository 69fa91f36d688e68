//! Whether a rule makes sense, before it is saved. Whether the ids it names exist is asked of the
//! database by the caller, with [`references`].

use unicode_segmentation::UnicodeSegmentation;

use super::{
    action::Action,
    condition::{Condition, Shape, too_deep},
    path::Path,
    reference::Reference,
    trigger::Trigger,
};
use crate::error::{UserError, UserErrorCode};

/// How many levels of conditions a rule may have.
pub const MAX_DEPTH: usize = 8;
/// How many conditions and groups a rule may have in all.
pub const MAX_NODES: usize = 200;
/// How many words one keyword condition may list.
pub const MAX_WORDS: usize = 500;
/// How many words all conditions of a rule may list together: they share one automaton with the
/// words of every other rule, so one rule must not fill it.
pub const MAX_WORDS_IN_RULE: usize = 2_000;
/// How long a word may be, as a person counts characters.
pub const MAX_WORD_GRAPHEMES: usize = 200;
/// The same in bytes: one character can carry any number of accents.
pub const MAX_WORD_BYTES: usize = 2_400;
/// How many tags, inboxes or the like one list may name.
pub const MAX_IDS: usize = 500;
/// How many actions a rule may have.
pub const MAX_ACTIONS: usize = 20;

/// Everything wrong with a rule; empty if it can be saved.
pub fn check(trigger: &Trigger, condition: &Condition, actions: &[Action]) -> Vec<UserError> {
    let mut refusals = Vec::new();
    let at = Path::root("trigger").at(trigger.name());
    trigger.kind().check(&at, &mut refusals);
    check_condition(condition, &mut refusals);

    let at = Path::root("actions");
    list(actions, MAX_ACTIONS, &at, &mut refusals, "action");
    for (index, action) in actions.iter().enumerate().take(MAX_ACTIONS) {
        let at = at.nth(index).at(action.name());
        action.kind().check(&at, &mut refusals);
    }
    refusals
}

/// Every id a rule names, with the place where it does.
pub fn references(trigger: &Trigger, condition: &Condition, actions: &[Action]) -> Vec<Reference> {
    let mut found = Vec::new();
    let at = Path::root("trigger").at(trigger.name());
    trigger.kind().references(&at, &mut found);
    condition.references(&Path::root("condition"), &mut found);
    for (index, action) in actions.iter().enumerate() {
        let at = Path::root("actions").nth(index).at(action.name());
        action.kind().references(&at, &mut found);
    }
    found
}

fn check_condition(condition: &Condition, refusals: &mut Vec<UserError>) {
    let at = Path::root("condition");
    let mut size = Size::default();
    size.measure(condition, &at, 1);
    if let Some(refusal) = size.too_deep {
        // Nothing below walks a tree of unknown depth.
        refusals.push(refusal);
        return;
    }
    if size.nodes > MAX_NODES {
        refusals.push(at.refuse(
            UserErrorCode::TooLong,
            format!("A rule may have {MAX_NODES} conditions. Split it into several rules."),
        ));
        return;
    }
    if size.words > MAX_WORDS_IN_RULE {
        refusals.push(at.refuse(
            UserErrorCode::TooLong,
            format!(
                "A rule may list {MAX_WORDS_IN_RULE} words in all. Split it into several rules."
            ),
        ));
        return;
    }
    check_node(condition, &at, refusals);
}

#[derive(Default)]
struct Size {
    nodes: usize,
    words: usize,
    too_deep: Option<UserError>,
}

impl Size {
    fn measure(&mut self, condition: &Condition, at: &Path, depth: usize) {
        self.nodes += 1;
        if depth > MAX_DEPTH {
            self.too_deep.get_or_insert_with(|| too_deep(at));
        } else if self.nodes <= MAX_NODES && self.too_deep.is_none() {
            if let Shape::Leaf(leaf) = condition.shape() {
                self.words += leaf.keywords().map_or(0, |keywords| keywords.words.len());
            }
            for (path, child) in condition.children(at) {
                self.measure(child, &path, depth + 1);
            }
        }
    }
}

fn check_node(condition: &Condition, at: &Path, refusals: &mut Vec<UserError>) {
    let inside = at.at(condition.name());
    match condition.shape() {
        Shape::All(children) | Shape::Any(children) => {
            if children.is_empty() {
                refusals.push(inside.refuse(
                    UserErrorCode::Required,
                    "Put at least one condition into this group, or remove it.",
                ));
            }
            for (index, child) in children.iter().enumerate() {
                if children[..index].contains(child) {
                    refusals.push(inside.nth(index).refuse(
                        UserErrorCode::Invalid,
                        "Remove this condition: an earlier one in this group is the same.",
                    ));
                }
            }
        }
        Shape::Not(_) => {}
        Shape::Leaf(leaf) => leaf.check(&inside, refusals),
    }
    if matches!(condition, Condition::All(_)) {
        check_contradictions(condition, at, refusals);
    }
    for (path, child) in condition.children(at) {
        check_node(child, &path, refusals);
    }
}

/// Finds two conditions that must both hold but never can. Only plain cases: what looks possible
/// here may still be impossible, never the reverse.
fn check_contradictions(all: &Condition, at: &Path, refusals: &mut Vec<UserError>) {
    let mut required = Vec::new();
    gather_required(all, at, &mut required);
    for (index, (path, later)) in required.iter().enumerate() {
        let mut earlier = required[..index].iter();
        if let Some((other, _)) = earlier.find(|(_, earlier)| exclude(earlier, later)) {
            let other = other.steps().join(".");
            refusals.push(path.refuse(
                UserErrorCode::Contradictory,
                format!(
                    "This can never hold together with {other}, so the rule would never fire. \
                     Change one of the two."
                ),
            ));
        }
    }
}

/// The conditions that must all hold, looking through groups of `all` inside `all`.
fn gather_required<'a>(all: &'a Condition, at: &Path, required: &mut Vec<(Path, &'a Condition)>) {
    for (path, child) in all.children(at) {
        if matches!(child, Condition::All(_)) {
            gather_required(child, &path, required);
        } else {
            required.push((path, child));
        }
    }
}

fn exclude(one: &Condition, other: &Condition) -> bool {
    let negates = |not: &Condition, what: &Condition| match not.shape() {
        Shape::Not(child) => child == what,
        _ => false,
    };
    let leaf_excludes = |one: &Condition, other: &Condition| match one.shape() {
        Shape::Leaf(leaf) => leaf.excludes(other),
        _ => false,
    };
    negates(one, other)
        || negates(other, one)
        || leaf_excludes(one, other)
        || leaf_excludes(other, one)
}

/// Notes an empty list, one that is too long, and every repeated entry.
pub(crate) fn list<T: PartialEq>(
    items: &[T],
    max: usize,
    at: &Path,
    refusals: &mut Vec<UserError>,
    noun: &str,
) {
    if length(items.len(), max, at, refusals, noun) {
        for (index, item) in items.iter().enumerate() {
            if items[..index].contains(item) {
                refusals.push(at.nth(index).refuse(
                    UserErrorCode::Invalid,
                    format!("Remove this {noun}: it is already listed."),
                ));
            }
        }
    }
}

/// Notes an empty list and one that is too long; says whether it is neither.
pub(crate) fn length(
    length: usize,
    max: usize,
    at: &Path,
    refusals: &mut Vec<UserError>,
    noun: &str,
) -> bool {
    if length == 0 {
        refusals.push(at.refuse(UserErrorCode::Required, format!("Add at least one {noun}.")));
    } else if length > max {
        let message = format!("List at most {max} here; this has {length}.");
        refusals.push(at.refuse(UserErrorCode::TooLong, message));
    }
    (1..=max).contains(&length)
}

/// How many characters a person would count, up to `enough`.
pub(crate) fn graphemes(text: &str, enough: usize) -> usize {
    text.graphemes(true).take(enough).count()
}

#[cfg(test)]
mod tests {
    use entity::kind::Channel;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::rule::definition::Definition;

    fn definition(condition: &Value, actions: &Value) -> Definition {
        let stored = json!({"version": 1, "condition": condition, "actions": actions});
        Definition::from_stored(stored).unwrap()
    }

    fn some_action() -> Value {
        json!([{"tagContact": {"tagIds": [Uuid::from_u128(1)]}}])
    }

    fn refusals(definition: &Definition) -> Vec<(String, UserErrorCode)> {
        let refused = definition.check().into_iter();
        refused
            .map(|refusal| (refusal.path.join("."), refusal.code))
            .collect()
    }

    #[track_caller]
    fn check_condition_is(condition: &Value, expected: &[(&str, UserErrorCode)]) {
        let found = refusals(&definition(condition, &some_action()));
        let found: Vec<_> = found
            .iter()
            .map(|(path, code)| (path.as_str(), *code))
            .collect();
        assert_eq!(found, expected, "{condition}");
    }

    fn words(mode: &str, matching: &str, words: &[&str]) -> Value {
        json!({"keywords": {"fields": ["SUBJECT", "BODY"], "mode": mode, "match": matching, "words": words}})
    }

    fn any_of(list: &[&str]) -> Value {
        words("ANY_OF", "SUBSTRING", list)
    }

    fn tags(mode: &str, list: &[u128], with_descendants: bool) -> Value {
        let ids: Vec<Uuid> = list.iter().map(|&tag| Uuid::from_u128(tag)).collect();
        json!({"contactTags": {"mode": mode, "tagIds": ids, "withDescendants": with_descendants}})
    }

    #[test]
    fn a_sensible_rule_is_not_refused() {
        let email = Channel::Email;
        let condition = json!({"all": [
            any_of(&["提携", "partner"]),
            {"not": {"fromAutomatic": true}},
            {"any": [{"channel": {"anyOf": [email]}}, tags("ANY", &[1], true)]},
            tags("NONE", &[2], true),
        ]});
        check_condition_is(&condition, &[]);
    }

    #[test]
    fn empty_lists_and_groups_are_refused_where_they_are() {
        use UserErrorCode::Required;
        check_condition_is(&json!({"all": []}), &[("condition.all", Required)]);
        check_condition_is(
            &json!({"any": [{"not": {"any": []}}, any_of(&[])]}),
            &[
                ("condition.any.0.not.any", Required),
                ("condition.any.1.keywords.words", Required),
            ],
        );
        check_condition_is(
            &json!({"channel": {"anyOf": []}}),
            &[("condition.channel.anyOf", Required)],
        );
        check_condition_is(
            &tags("ANY", &[], true),
            &[("condition.contactTags.tagIds", Required)],
        );
        let nothing = definition(&any_of(&["a"]), &json!([]));
        assert_eq!(refusals(&nothing), [("actions".to_owned(), Required)]);
    }

    #[test]
    fn a_word_without_anything_to_find_is_refused() {
        check_condition_is(
            &any_of(&["a", " \u{200B}", "\u{3000}"]),
            &[
                ("condition.keywords.words.1", UserErrorCode::Required),
                ("condition.keywords.words.2", UserErrorCode::Required),
            ],
        );
    }

    #[test]
    fn words_that_fold_to_the_same_are_refused_as_repeated() {
        check_condition_is(
            &any_of(&["パートナー", "ﾊﾟｰﾄﾅｰ", "VIP", "ｖｉｐ"]),
            &[
                ("condition.keywords.words.1", UserErrorCode::Invalid),
                ("condition.keywords.words.3", UserErrorCode::Invalid),
            ],
        );
    }

    #[test]
    fn words_are_measured_as_a_person_counts() {
        check_condition_is(&any_of(&["が".repeat(200).as_str()]), &[]);
        check_condition_is(&any_of(&["か\u{3099}".repeat(200).as_str()]), &[]);
        let refused = [("condition.keywords.words.0", UserErrorCode::TooLong)];
        check_condition_is(&any_of(&["が".repeat(201).as_str()]), &refused);
        let towering = format!("a{}", "\u{301}".repeat(2_000));
        check_condition_is(&any_of(&[&towering]), &refused);
    }

    #[test]
    fn limits_hold_at_their_edges() {
        use UserErrorCode::{Invalid, TooLong};
        let many = |count: usize| -> Value {
            let list: Vec<String> = (0..count).map(|number| format!("w{number}")).collect();
            any_of(&list.iter().map(String::as_str).collect::<Vec<_>>())
        };
        check_condition_is(&many(MAX_WORDS), &[]);
        check_condition_is(
            &many(MAX_WORDS + 1),
            &[("condition.keywords.words", TooLong)],
        );

        let nested = |depth: usize| {
            let innermost = any_of(&["a"]);
            (1..depth).fold(innermost, |inner, _| json!({"not": inner}))
        };
        check_condition_is(&nested(MAX_DEPTH), &[]);
        let path = format!("condition{}", ".not".repeat(MAX_DEPTH));
        check_condition_is(&nested(MAX_DEPTH + 1), &[(&path, Invalid)]);
        check_condition_is(&nested(60), &[(&path, Invalid)]);

        let wide = |nodes: usize| {
            let leaves: Vec<Value> = (1..nodes).map(|n| any_of(&[&format!("w{n}")])).collect();
            json!({"any": leaves})
        };
        check_condition_is(&wide(MAX_NODES), &[]);
        check_condition_is(&wide(MAX_NODES + 1), &[("condition", TooLong)]);

        let heavy: Vec<Value> = (1..=5).map(|n| many(400 + n)).collect();
        check_condition_is(&json!({"any": heavy}), &[("condition", TooLong)]);
    }

    #[test]
    fn conditions_that_exclude_each_other_are_refused() {
        let refused = [("condition.all.1", UserErrorCode::Contradictory)];
        for (one, other) in [
            (any_of(&["a"]), words("NONE_OF", "SUBSTRING", &["A"])),
            // Whatever contains the longer word contains the shorter.
            (
                any_of(&["提携先"]),
                words("NONE_OF", "SUBSTRING", &["提携"]),
            ),
            (
                words("ALL_OF", "SUBSTRING", &["a", "b"]),
                words("NONE_OF", "SUBSTRING", &["b"]),
            ),
            (tags("ANY", &[1], false), tags("NONE", &[1, 2], true)),
            (tags("ALL", &[1, 3], true), tags("NONE", &[3], true)),
            (
                json!({"fromAutomatic": true}),
                json!({"fromAutomatic": false}),
            ),
            (
                json!({"channel": {"anyOf": ["EMAIL"]}}),
                json!({"channel": {"anyOf": ["LINE"]}}),
            ),
            (
                tags("ANY", &[1], true),
                json!({"not": tags("ANY", &[1], true)}),
            ),
        ] {
            check_condition_is(&json!({"all": [one, other]}), &refused);
            check_condition_is(&json!({"all": [other, one]}), &refused);
        }
        check_condition_is(
            &json!({"all": [any_of(&["a"]), {"all": [words("NONE_OF", "SUBSTRING", &["a"])]}]}),
            &[("condition.all.1.all.0", UserErrorCode::Contradictory)],
        );
    }

    #[test]
    fn conditions_that_can_hold_together_are_not() {
        for (one, other) in [
            (any_of(&["a", "b"]), words("NONE_OF", "SUBSTRING", &["a"])),
            (
                any_of(&["提携"]),
                words("NONE_OF", "SUBSTRING", &["提携先"]),
            ),
            // "concat" has the substring and not the word.
            (any_of(&["cat"]), words("NONE_OF", "WHOLE_WORD", &["cat"])),
            // A tag below 1 satisfies both.
            (tags("ANY", &[1], true), tags("NONE", &[1], false)),
            (tags("ALL", &[1], true), tags("NONE", &[2], true)),
        ] {
            check_condition_is(&json!({"all": [one, other]}), &[]);
            check_condition_is(&json!({"any": [one, other]}), &[]);
        }
    }

    #[test]
    fn the_same_condition_twice_in_a_group_is_refused() {
        check_condition_is(
            &json!({"any": [any_of(&["a"]), any_of(&["b"]), any_of(&["a"])]}),
            &[("condition.any.2", UserErrorCode::Invalid)],
        );
    }

    #[test]
    fn actions_are_checked_at_their_places() {
        let target = Uuid::from_u128(9);
        let tag = Uuid::from_u128(1);
        let actions = json!([
            {"tagConversation": {"tagIds": [tag, tag]}},
            {"notifySlack": {"targetId": target, "title": "  "}},
            {"notifySlack": {"targetId": target, "title": "あ".repeat(151)}},
        ]);
        let expected = [
            ("actions.0.tagConversation.tagIds.1", UserErrorCode::Invalid),
            ("actions.1.notifySlack.title", UserErrorCode::Required),
            ("actions.2.notifySlack.title", UserErrorCode::TooLong),
        ];
        let expected = expected.map(|(path, code)| (path.to_owned(), code));
        assert_eq!(refusals(&definition(&any_of(&["a"]), &actions)), expected);
    }

    #[test]
    fn merged_tags_are_followed_everywhere_and_listed_once() {
        let (old, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let actions = json!([{"tagContact": {"tagIds": [old]}}]);
        let mut definition = definition(
            &json!({"not": {"any": [tags("ANY", &[1, 2], true), tags("NONE", &[1], true)]}}),
            &actions,
        );
        let places = |definition: &Definition, id: Uuid| -> Vec<String> {
            let found = definition.references().into_iter();
            let wanted = found.filter(|reference| reference.id == id);
            wanted.map(|reference| reference.path.join(".")).collect()
        };
        assert_eq!(
            places(&definition, old),
            [
                "condition.not.any.0.contactTags.tagIds.0",
                "condition.not.any.1.contactTags.tagIds.0",
                "actions.0.tagContact.tagIds.0",
            ]
        );
        definition.replace(crate::rule::reference::IdKind::ContactTag, old, new);
        assert_eq!(places(&definition, old), Vec::<String>::new());
        assert_eq!(places(&definition, new).len(), 3);
    }
}
