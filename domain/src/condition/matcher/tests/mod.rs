//! What rules say of messages; `agreement` compares it with the plain meaning of conditions.

mod agreement;

use entity::kind::{Author, Channel};

use super::*;
use crate::{
    action::{Action, Effect, Notify},
    condition::{
        ContactTags, Field, KeywordMatch, KeywordMode, Keywords, Pattern, TagMode, TagTest,
        evaluate::gather,
        facts::{Holders, TagSet},
        known::Measures,
        leaf::pattern::COMPILED,
        measure::Loaded,
        trace::{Evidence, Trace, explain},
    },
    rule::{
        plan::{Firing, plan},
        samples,
    },
};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A Sunday noon in Tokyo.
fn moment() -> Moment {
    let now = chrono::DateTime::from_timestamp(1_772_334_000, 0).unwrap();
    Moment::usual(now, chrono_tz::Asia::Tokyo)
}

fn trace(rule: &RuleSource, facts: &MessageFacts<'_>, message: &Message) -> Trace {
    let now = moment();
    let mut measures = Measures::default();
    let mut wants = std::collections::HashSet::new();
    gather(&rule.condition, &facts.holders, &mut measures, &mut wants);
    let mut known = Known::default();
    for (number, holder) in wants {
        let value = Loaded {
            numbers: vec![message.score],
            text: None,
        };
        known.tell(number, holder, value);
    }
    let texts = Texts::of(facts);
    let seen = Seen {
        facts,
        texts: &texts,
    };
    let by = Evidence {
        seen,
        measures: &measures,
        known: &known,
        now: &now,
        found: &|_, _| None,
    };
    explain(&rule.gate, &rule.condition, by)
}

fn contacts() -> Gate {
    Gate {
        inbox_ids: Vec::new(),
        channels: Vec::new(),
        authors: vec![Author::Contact],
    }
}

fn rule(number: u128, condition: Condition) -> RuleSource {
    RuleSource {
        id: id(number),
        version: 1,
        position: number as i64,
        gate: contacts(),
        condition,
    }
}

fn words(mode: KeywordMode, matching: KeywordMatch, words: &[&str]) -> Condition {
    Condition::Keywords(Keywords {
        fields: vec![Field::Subject, Field::Body],
        mode,
        matching,
        words: words.iter().map(|&word| word.to_owned()).collect(),
    })
}

fn contact_tags(mode: TagMode, tags: &[u128], with_descendants: bool) -> Condition {
    Condition::ContactTags(ContactTags(TagTest {
        mode,
        tag_ids: tags.iter().map(|&tag| id(tag)).collect(),
        with_descendants,
    }))
}

fn pattern(pattern: &str) -> Condition {
    Condition::Regex(Pattern {
        fields: vec![Field::Subject, Field::Body],
        pattern: pattern.to_owned(),
        ignore_case: true,
    })
}

/// What a test message is, with nothing on it unless said.
#[derive(Debug)]
struct Message {
    subject: String,
    body: String,
    contact_tags: TagSet,
    conversation_tags: TagSet,
    inbox: u128,
    channel: Channel,
    author: Author,
    automatic: bool,
    /// The contact's health score, which the database knows.
    score: Option<f64>,
}

impl Message {
    fn new(body: &str) -> Self {
        Self {
            subject: String::new(),
            body: body.to_owned(),
            contact_tags: TagSet::default(),
            conversation_tags: TagSet::default(),
            inbox: 1,
            channel: Channel::Email,
            author: Author::Contact,
            automatic: false,
            score: None,
        }
    }

    fn facts(&self) -> MessageFacts<'_> {
        MessageFacts {
            inbox_id: id(self.inbox),
            channel: self.channel,
            author: self.author,
            automatic: self.automatic,
            subject: &self.subject,
            body: &self.body,
            moment: moment(),
            holders: Holders {
                contact: Some(id(7)),
                ..Holders::default()
            },
            contact_tags: &self.contact_tags,
            conversation_tags: &self.conversation_tags,
        }
    }
}

fn fired(matcher: &Matcher, message: &Message) -> Vec<u128> {
    let firing_rules = matcher.evaluate(
        &message.facts(),
        &Known::default(),
        &moment(),
        &mut Scratch::default(),
    );
    firing_rules
        .iter()
        .map(|found| found.rule_id.as_u128())
        .collect()
}

fn fires(condition: Condition, message: &Message) -> bool {
    let matcher = Matcher::compile(vec![rule(1, condition)]).unwrap();
    !fired(&matcher, message).is_empty()
}

#[test]
fn a_message_about_partnership_gets_the_conversation_tag() {
    let (condition, actions) = samples::partnership(7);
    let matcher = Matcher::compile(vec![rule(1, condition)]).unwrap();
    let mut scratch = Scratch::default();
    for (body, written) in [
        ("貴社とのパートナーシップについて", "パートナーシップ"),
        ("ぜひコラボレーションを！", "コラボレーション"),
        ("アフィリエイトの件", "アフィリエイト"),
        ("弊社とのﾊﾟｰﾄﾅｰｼｯﾌﾟを希望します", "ﾊﾟｰﾄﾅｰｼｯﾌﾟ"),
        ("ぱーとなーしっぷの件", "ぱーとなーしっぷ"),
    ] {
        let message = Message::new(body);
        let facts = message.facts();
        let firing_rules = matcher.evaluate(&facts, &Known::default(), &moment(), &mut scratch);
        let found = firing_rules.first().expect(body);
        let parts = matcher.describe(found, &facts, &scratch, &Known::default(), &moment());
        assert_eq!(parts[0].path, ["condition", "keywords"]);
        let Matched::Keyword(word) = &parts[0].matched else {
            panic!("{parts:?}");
        };
        assert_eq!((word.text.as_str(), word.field), (written, Field::Body));
        assert_eq!(&body[word.start..word.end], written);

        let firing = Firing {
            rule_id: found.rule_id,
            rule_version: found.rule_version,
            actions: &actions,
            not_before: None,
        };
        let effects = plan([firing], |tag| tag).effects;
        assert_eq!(
            effects[0].effect,
            Effect::TagConversation {
                tag_id: id(7),
                expires_in_seconds: None,
                while_in_segment_id: None,
            }
        );
    }
    assert_eq!(fired(&matcher, &Message::new("請求書の件")), []);
}

#[test]
fn a_message_from_a_vip_is_told_to_slack() {
    let vip = 20;
    let matcher =
        Matcher::compile(vec![rule(1, contact_tags(TagMode::Any, &[vip], true))]).unwrap();
    let mut message = Message::new("こんにちは");
    assert_eq!(fired(&matcher, &message), []);

    message.contact_tags = TagSet::new(vec![id(vip)], vec![]);
    let facts = message.facts();
    let mut scratch = Scratch::default();
    let firing_rules = matcher.evaluate(&facts, &Known::default(), &moment(), &mut scratch);
    let found = &firing_rules[0];
    let parts = matcher.describe(found, &facts, &scratch, &Known::default(), &moment());
    assert_eq!(parts[0].matched, Matched::ContactTag(id(vip)));

    let actions = [Action::Notify(Notify {
        target_id: id(30),
        title: None,
        text: None,
    })];
    let firing = Firing {
        rule_id: id(1),
        rule_version: 1,
        actions: &actions,
        not_before: None,
    };
    assert!(matches!(
        plan([firing], |tag| tag).effects[0].effect,
        Effect::Notify { target_id, .. } if target_id == id(30)
    ));
}

#[test]
fn a_tag_below_the_listed_one_counts_only_with_descendants() {
    let mut message = Message::new("");
    message.contact_tags = TagSet::new(vec![id(21)], vec![id(20)]);
    assert!(fires(contact_tags(TagMode::Any, &[20], true), &message));
    assert!(!fires(contact_tags(TagMode::Any, &[20], false), &message));
    assert!(fires(contact_tags(TagMode::Any, &[21], false), &message));
    assert!(!fires(contact_tags(TagMode::None, &[20], true), &message));
    assert!(fires(contact_tags(TagMode::None, &[20], false), &message));
}

#[test]
fn none_of_the_tags_is_judged_on_the_whole_set() {
    let mut message = Message::new("");
    message.contact_tags = TagSet::new(vec![id(20), id(99)], vec![]);
    assert!(!fires(contact_tags(TagMode::None, &[20], true), &message));
    message.contact_tags = TagSet::default();
    assert!(fires(contact_tags(TagMode::None, &[20], true), &message));
}

#[test]
fn a_trigger_lets_in_only_its_inboxes_and_authors() {
    let mut source = rule(1, contact_tags(TagMode::None, &[20], true));
    source.gate.inbox_ids = vec![id(2)];
    let matcher = Matcher::compile(vec![source]).unwrap();
    let mut message = Message::new("");
    assert_eq!(fired(&matcher, &message), []);
    message.inbox = 2;
    assert_eq!(fired(&matcher, &message), [1]);
    message.author = Author::Member;
    assert_eq!(fired(&matcher, &message), []);
}

#[test]
fn rules_fire_in_the_order_of_their_positions() {
    let mut rules: Vec<RuleSource> = (1..=3)
        .map(|number| rule(number, contact_tags(TagMode::None, &[20], true)))
        .collect();
    rules[0].position = 9;
    rules[1].position = 5;
    rules[2].position = 5;
    let matcher = Matcher::compile(rules).unwrap();
    assert_eq!(fired(&matcher, &Message::new("")), [2, 3, 1]);
}

#[test]
fn a_word_counts_as_whole_at_its_later_place() {
    let whole = |word: &str| words(KeywordMode::AnyOf, KeywordMatch::WholeWord, &[word]);
    assert!(fires(whole("cat"), &Message::new("concat, cat!")));
    assert!(!fires(whole("cat"), &Message::new("concat category")));
    // The longer word ends at the same place and is found first, as a part of one still longer.
    let condition = Condition::All(vec![whole("b"), whole("a b")]);
    assert!(fires(condition.clone(), &Message::new("a b")));
    assert!(!fires(condition, &Message::new("xa b")));
}

#[test]
fn words_that_end_with_each_other_are_all_found() {
    let all: Vec<String> = (1..=50).map(|length| "か".repeat(length)).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let condition = words(KeywordMode::AllOf, KeywordMatch::WholeWord, &all);
    assert!(fires(condition.clone(), &Message::new(&"カ".repeat(50))));
    assert!(!fires(condition, &Message::new(&"カ".repeat(49))));
}

#[test]
fn a_scratch_may_serve_one_matcher_after_another() {
    let one = |word: &str| words(KeywordMode::AnyOf, KeywordMatch::Substring, &[word]);
    let large = Matcher::compile((0..50).map(|n| rule(n, one(&format!("w{n}x")))).collect());
    let large = large.unwrap();
    let small = Matcher::compile(vec![rule(1, one("z"))]).unwrap();
    let mut scratch = Scratch::default();
    let mut count = |matcher: &Matcher, body: &str| {
        let message = Message::new(body);
        matcher
            .evaluate(&message.facts(), &Known::default(), &moment(), &mut scratch)
            .len()
    };
    assert_eq!(count(&large, "w49x w0x"), 2);
    assert_eq!(count(&small, "w49x"), 0);
    assert_eq!(count(&small, "z"), 1);
    assert_eq!(count(&large, "w49x"), 1);
}

#[test]
fn ten_thousand_keywords_fall_back_to_the_smaller_automaton_and_still_agree() {
    let rules = (0..10_000)
        .map(|number| {
            let word = format!("一二三四五六七八九十{number:05}");
            let word = words(KeywordMode::AnyOf, KeywordMatch::Substring, &[&word]);
            rule(number, word)
        })
        .collect();
    let matcher = Matcher::compile(rules).unwrap();
    let message = Message::new("前 一二三四五六七八九十04217 一二三四五六七八九十00009");
    assert_eq!(fired(&matcher, &message), [9, 4217]);
}

#[test]
fn a_condition_that_asks_nothing_has_no_verdicts() {
    let message = Message::new("提携の相談");
    let trace = trace(
        &rule(1, Condition::All(Vec::new())),
        &message.facts(),
        &message,
    );
    assert!(trace.fires && trace.nodes.is_empty());
}

#[test]
fn a_rule_that_did_not_fire_says_why() {
    let condition = Condition::All(vec![
        words(
            KeywordMode::AllOf,
            KeywordMatch::Substring,
            &["提携", "見積"],
        ),
        contact_tags(TagMode::Any, &[20, 21], true),
    ]);
    let mut message = Message::new("提携の相談");
    message.contact_tags = TagSet::new(vec![id(21)], vec![]);
    let trace = trace(&rule(1, condition), &message.facts(), &message);
    assert!(trace.triggered && !trace.fires);
    let verdicts: Vec<(String, bool)> = trace
        .nodes
        .iter()
        .map(|node| (node.path.join("."), node.holds))
        .collect();
    let expected = [
        ("condition.all", false),
        ("condition.all.0.keywords", false),
        ("condition.all.1.contactTags", true),
    ];
    assert_eq!(
        verdicts,
        expected.map(|(path, holds)| (path.to_owned(), holds))
    );
    let actual = serde_json::to_value(&trace.nodes).unwrap();
    assert_eq!(actual[1]["actual"]["keywords"]["missing"][0], "見積");
    assert_eq!(actual[1]["actual"]["keywords"]["found"][0]["text"], "提携");
    assert_eq!(
        actual[2]["actual"]["tags"]["present"][0],
        id(21).to_string()
    );
}

#[test]
fn the_traces_of_firings_compile_no_expressions() {
    let any = Condition::Any(vec![
        pattern(r"refund|cancel\w*"),
        pattern(r"invoice\s*\d+"),
        pattern(r"縁\d"),
        words(
            KeywordMode::AnyOf,
            KeywordMatch::Substring,
            &["please", "now"],
        ),
    ]);
    let rule = rule(1, any);
    let matcher = Matcher::compile(vec![rule.clone()]).unwrap();
    let mut scratch = Scratch::default();
    let known = Known::default();
    let mut compiled = Vec::new();
    for body in [
        "Refund invoice 7",
        "please cancel it",
        "no invoice  17, please",
        "縁5 now",
        "縁2, refunded",
    ] {
        let message = Message::new(body);
        let facts = message.facts();
        let before = COMPILED.get();
        assert_eq!(
            matcher
                .evaluate(&facts, &known, &moment(), &mut scratch)
                .len(),
            1
        );
        let quick = matcher.explain(0, &facts, &scratch, &known, &moment());
        compiled.push(COMPILED.get() - before);
        // It says what is said to who asks later, and compiles them for it.
        assert_eq!(quick.unwrap(), trace(&rule, &facts, &message), "{body}");
    }
    assert_eq!(compiled.iter().sum::<u32>(), 3, "each once: {compiled:?}");
    assert_eq!(compiled[4], 0);
}

#[test]
fn an_expression_is_tried_on_the_text_that_has_its_word() {
    let any = Condition::Any(vec![pattern(r"返品\s*\d"), pattern(r"^\d")]);
    let matcher = Matcher::compile(vec![rule(1, any)]).unwrap();
    let mut message = Message::new("返品 5");
    message.subject = "返品".to_owned();
    assert_eq!(fired(&matcher, &message), [1]);
    message.body = "交換 5".to_owned();
    assert_eq!(fired(&matcher, &message), []);
    message.subject = "返品7".to_owned();
    assert_eq!(fired(&matcher, &message), [1]);
    // Without a word that every match has, all texts are tried.
    message.subject = "交換".to_owned();
    message.body = "5".to_owned();
    assert_eq!(fired(&matcher, &message), [1]);

    let before = COMPILED.get();
    message.body = "返品".to_owned();
    let subject = Condition::Regex(Pattern {
        fields: vec![Field::Subject],
        pattern: r"返品\s*\d".to_owned(),
        ignore_case: true,
    });
    assert!(!fires(subject, &message));
    assert_eq!(COMPILED.get(), before, "the word is in the other text");
}

#[test]
fn tags_need_not_be_read_where_no_rule_could_fire_with_them() {
    let vip = || contact_tags(TagMode::Any, &[20], true);
    let price = || words(KeywordMode::AnyOf, KeywordMatch::Substring, &["価格"]);
    let compiled = |condition| Matcher::compile(vec![rule(1, condition)]).unwrap();
    let could_fire = |condition, body: &str| {
        let message = Message::new(body);
        compiled(condition).could_fire(&message.facts(), &mut Scratch::default())
    };
    let both = || Condition::All(vec![vip(), price()]);
    assert!(could_fire(both(), "価格の件"));
    assert!(!could_fire(both(), "請求書の件"));
    assert!(could_fire(vip(), "請求書の件"));
    let either = Condition::Any(vec![vip(), price()]);
    assert!(could_fire(either, "請求書の件"));
    // A tag that must not be there does not lead to its rule either.
    let none = contact_tags(TagMode::None, &[20], true);
    assert!(could_fire(none.clone(), "請求書の件"));
    let without = Condition::All(vec![none, price()]);
    assert!(!could_fire(without, "請求書の件"));
    let mut others = Message::new("価格の件");
    others.author = Author::Member;
    let matcher = compiled(both());
    assert!(!matcher.could_fire(&others.facts(), &mut Scratch::default()));
}
