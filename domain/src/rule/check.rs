//! Whether a rule makes sense, before it is saved. Whether the ids it names exist is asked of the
//! database by the caller, with [`references`].

use super::{definition::is_always, trigger::Trigger};
use crate::{
    action::{Action, opposed},
    condition::{
        Condition, Use,
        check::{check_given, list},
        path::Path,
        reference::Reference,
    },
    error::UserError,
};

/// How many actions a rule may have.
pub const MAX_ACTIONS: usize = 20;

/// Everything wrong with a rule; empty if it can be saved.
pub fn check(trigger: &Trigger, condition: &Condition, actions: &[Action]) -> Vec<UserError> {
    let at = Path::root("trigger").at(trigger.name());
    let mut refusals = Vec::new();
    trigger.kind().check(&at, &mut refusals);
    if !is_always(condition) {
        let context = trigger.context();
        refusals.extend(check_given(condition, &given(trigger), context, Use::Rule));
    }

    let at = Path::root("actions");
    list(actions, MAX_ACTIONS, &at, &mut refusals, "action");
    for (index, action) in actions.iter().enumerate().take(MAX_ACTIONS) {
        action.check(trigger.context(), &at.nth(index), &mut refusals);
    }
    if actions.len() <= MAX_ACTIONS {
        opposed::check(actions, &at, &mut refusals);
    }
    refusals
}

/// What holds whenever the trigger has let the rule look, with the place that says so.
pub(super) fn given(trigger: &Trigger) -> Vec<(Path, Condition)> {
    let at = Path::root("trigger").at(trigger.name());
    let implied = trigger.kind().implies().into_iter();
    implied.map(|one| (at.clone(), one)).collect()
}

/// Every id a rule names, with the place where it does.
pub fn references(trigger: &Trigger, condition: &Condition, actions: &[Action]) -> Vec<Reference> {
    let mut found = Vec::new();
    let at = Path::root("trigger").at(trigger.name());
    trigger.kind().references(&at, &mut found);
    condition.references(&Path::root("condition"), &mut found);
    for (index, action) in actions.iter().enumerate() {
        action.references(&Path::root("actions").nth(index), &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use entity::kind::Channel;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::{
        condition::check::{MAX_DEPTH, MAX_NODES, MAX_WORDS},
        error::UserErrorCode,
        rule::definition::Definition,
    };

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
    fn authors_whose_messages_never_arrive_are_refused() {
        use UserErrorCode::Contradictory;
        let stored = json!({
            "version": 1,
            "trigger": {"messageReceived": {"authors": ["CONTACT", "MEMBER", "AUTOMATION"]}},
            "condition": {"all": []},
            "actions": some_action(),
        });
        let definition = Definition::from_stored(stored).unwrap();
        assert_eq!(
            refusals(&definition),
            [
                (
                    "trigger.messageReceived.authors.1".to_owned(),
                    Contradictory
                ),
                (
                    "trigger.messageReceived.authors.2".to_owned(),
                    Contradictory
                ),
            ]
        );
    }

    fn refused_of(trigger: &Value, condition: &Value) -> Vec<(String, UserErrorCode)> {
        let stored = json!({"version": 1, "trigger": trigger, "condition": condition,
            "actions": some_action()});
        refusals(&Definition::from_stored(stored).unwrap())
    }

    #[test]
    fn what_never_holds_once_the_trigger_has_let_the_rule_look_is_refused() {
        let id = Uuid::from_u128(1);
        let two = [id, Uuid::from_u128(2)];
        let health = |field: &str, test: Value| json!({"health": {field: test}});
        let contact = |field: &str, test: Value| json!({"contact": {field: test}});
        let conversation = |field: &str, test: Value| json!({"conversation": {field: test}});
        let segments = |mode: &str| json!({"segments": {"mode": mode, "segmentIds": [id]}});
        let did = |name: &str| json!({"events": {"names": [name]}});
        let to_risk = json!({"healthBandChanged": {"to": ["AT_RISK"]}});
        let from_lead = json!({"contactStageChanged": {"from": ["LEAD"]}});
        let fell = json!({"healthScoreCrossed": {"score": 40, "direction": "DOWN"}});
        let signed_up = json!({"eventTracked": {"names": ["signed up"]}});
        let added = json!({"contactTagAdded": {"tagIds": [id]}});
        let removed = |ids: &[Uuid], direct: bool| json!({"contactTagRemoved": {"tagIds": ids, "directOnly": direct}});
        let left = |ids: &[Uuid]| json!({"contactLeftSegment": {"segmentIds": ids}});
        let entered = |ids: &[Uuid]| json!({"contactEnteredSegment": {"segmentIds": ids}});
        let since = |mode: &str, since: Value| json!({"segments": {"mode": mode, "segmentIds": [id], "since": since}});
        let long = || json!({"moreThanDaysAgo": 14});
        let five = json!({"contactAttributeChanged": {"attributeId": id, "to": {"number": 5.0}}});
        let number = |test: Value| json!({"attribute": {"attributeId": id, "of": "CONTACT", "mode": "ANY", "number": test}});
        let closed = json!({"conversationClosed": {}});
        let given_back = json!({"conversationAssigned": {"toNobody": true}});
        let urgent = json!({"conversationPriorityChanged": {"to": ["URGENT"]}});
        let answered = json!({"surveyAnswered": {"kinds": ["NPS"]}});
        for (trigger, condition, is_refused) in [
            (&to_risk, health("bands", json!(["HEALTHY"])), true),
            (
                &to_risk,
                health("bands", json!(["HEALTHY", "AT_RISK"])),
                false,
            ),
            (&from_lead, contact("stages", json!(["LEAD"])), true),
            (&from_lead, contact("hasStage", json!(false)), false),
            (&fell, health("score", json!({"atLeast": 60})), true),
            (&fell, health("score", json!({"atLeast": 20})), false),
            (&signed_up, json!({"not": did("signed up")}), true),
            (&signed_up, json!({"not": did("paid")}), false),
            (&added, tags("NONE", &[1], true), true),
            (&added, tags("NONE", &[1], false), false),
            (&removed(&[id], true), tags("ANY", &[1], false), true),
            (&removed(&[id], true), tags("ANY", &[1], true), false),
            (&removed(&[id], false), tags("ANY", &[1], false), false),
            (&removed(&two, true), tags("ANY", &[1], false), false),
            (&left(&[id]), segments("ANY"), true),
            (&left(&two), segments("ANY"), false),
            (&left(&[id]), segments("NONE"), false),
            (&entered(&[id]), segments("NONE"), true),
            (&entered(&[id]), since("ANY", long()), true),
            (&entered(&[id]), since("ALL", long()), true),
            (
                &entered(&[id]),
                since("ANY", json!({"withinDays": 14})),
                false,
            ),
            (&entered(&[id]), since("NONE", long()), false),
            (&entered(&[id]), json!({"not": since("ANY", long())}), false),
            // It may be the other that was entered.
            (&entered(&two), since("ANY", long()), false),
            (&five, number(json!({"lessThan": 5})), true),
            (&five, number(json!({"atLeast": 5})), false),
            (&closed, conversation("statuses", json!(["OPEN"])), true),
            (&given_back, conversation("hasAssignee", json!(true)), true),
            (&urgent, conversation("priorities", json!(["LOW"])), true),
            (
                &urgent,
                conversation("priorities", json!(["LOW", "URGENT"])),
                false,
            ),
            (&answered, json!({"not": {"survey": {"kind": "NPS"}}}), true),
            (
                &answered,
                json!({"not": {"survey": {"kind": "NPS", "withinDays": 7}}}),
                false,
            ),
        ] {
            let expected = [("condition".to_owned(), UserErrorCode::Contradictory)];
            let expected = if is_refused { &expected[..] } else { &[] };
            let found = refused_of(trigger, &condition);
            assert_eq!(found, expected, "{trigger} {condition}");
        }
    }

    #[test]
    fn a_trigger_that_leads_from_one_value_to_the_same_is_refused() {
        let id = Uuid::from_u128(1);
        let always = json!({"all": []});
        for (trigger, path) in [
            (
                json!({"contactStageChanged": {"from": ["LEAD"], "to": ["LEAD"]}}),
                "to",
            ),
            (
                json!({"healthBandChanged": {"from": ["AT_RISK"], "to": ["AT_RISK"]}}),
                "to",
            ),
            (
                json!({"contactOwnerChanged": {"fromMemberIds": [id], "toMemberIds": [id]}}),
                "toMemberIds",
            ),
            (
                json!({"conversationAssigned": {"fromMemberIds": [id], "toMemberIds": [id]}}),
                "toMemberIds",
            ),
            (
                json!({"conversationPriorityChanged": {"from": ["HIGH"], "to": ["HIGH"]}}),
                "to",
            ),
            (json!({"conversationOpened": {"from": ["OPEN"]}}), "from"),
            (json!({"conversationClosed": {"from": ["CLOSED"]}}), "from"),
        ] {
            let found = refused_of(&trigger, &always);
            let name = trigger
                .as_object()
                .and_then(|one| one.keys().next())
                .unwrap();
            let expected = (
                format!("trigger.{name}.{path}"),
                UserErrorCode::Contradictory,
            );
            assert_eq!(found, [expected]);
        }
        let either = json!({"contactStageChanged": {"from": ["LEAD", "CUSTOMER"],
            "to": ["LEAD", "CUSTOMER"]}});
        assert_eq!(refused_of(&either, &always), []);
    }

    #[test]
    fn empty_lists_and_groups_are_refused_where_they_are() {
        use UserErrorCode::Required;
        // Stored, it stands for no condition; written, it is refused where it is read.
        check_condition_is(&json!({"all": []}), &[]);
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
            {"notify": {"targetId": target, "title": "  "}},
            {"notify": {"targetId": target, "title": "あ".repeat(151)}},
        ]);
        let expected = [
            ("actions.0.tagConversation.tagIds.1", UserErrorCode::Invalid),
            ("actions.1.notify.title", UserErrorCode::Required),
            ("actions.2.notify.title", UserErrorCode::TooLong),
        ];
        let expected = expected.map(|(path, code)| (path.to_owned(), code));
        assert_eq!(refusals(&definition(&any_of(&["a"]), &actions)), expected);
    }

    #[test]
    fn actions_that_undo_each_other_are_refused() {
        let ids = json!({"tagIds": [Uuid::from_u128(1)]});
        let actions = json!([{"tagContact": ids}, {"untagContact": ids}]);
        let path = "actions.1.untagContact.tagIds.0".to_owned();
        assert_eq!(
            refusals(&definition(&any_of(&["a"]), &actions)),
            [(path, UserErrorCode::Contradictory)]
        );
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
        definition.replace(crate::condition::reference::IdKind::ContactTag, old, new);
        assert_eq!(places(&definition, old), Vec::<String>::new());
        assert_eq!(places(&definition, new).len(), 3);
    }
}
