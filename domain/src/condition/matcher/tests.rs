use entity::kind::{Author, Channel};
use proptest::prelude::*;

use super::*;
use crate::{
    action::{Action, Effect, Notify},
    condition::{
        Channels, ContactTags, ConversationTags, FromAutomatic, Health, KeywordMatch, KeywordMode,
        Keywords, NumberTest, Pattern, TagMode, TagTest,
        evaluate::gather,
        facts::{Holders, TagSet},
        known::Measures,
        leaf::pattern::COMPILED,
        measure::Loaded,
        text::fold,
        trace::{Trace, explain},
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
    let (gate, condition) = (&rule.gate, &rule.condition);
    explain(gate, condition, seen, &measures, &known, &now, &|_, _| None)
}

fn contacts() -> Gate {
    Gate {
        inbox_ids: Vec::new(),
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
        let parts = matcher.describe(found, &facts, &Known::default());
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
        };
        let effects = plan([firing], |tag| tag).effects;
        assert_eq!(effects[0].effect, Effect::TagConversation { tag_id: id(7) });
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
    let firing_rules = matcher.evaluate(
        &facts,
        &Known::default(),
        &moment(),
        &mut Scratch::default(),
    );
    let parts = matcher.describe(&firing_rules[0], &facts, &Known::default());
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

/// The meaning of a condition, said as plainly as possible and sharing nothing with the matcher
/// but folding and word boundaries.
fn naive(condition: &Condition, message: &Message) -> bool {
    let tags = |test: &TagTest, set: &TagSet| {
        let has = |tag: &Uuid| {
            set.direct().contains(tag) || (test.with_descendants && set.expanded().contains(tag))
        };
        let count = test.tag_ids.iter().filter(|&tag| has(tag)).count();
        match test.mode {
            TagMode::Any => count > 0,
            TagMode::All => count == test.tag_ids.len(),
            TagMode::None => count == 0,
        }
    };
    match condition {
        Condition::All(children) => children.iter().all(|child| naive(child, message)),
        Condition::Any(children) => children.iter().any(|child| naive(child, message)),
        Condition::Not(child) => !naive(child, message),
        Condition::Keywords(keywords) => {
            let found = |word: &String| {
                let word = fold(word).text().trim().to_owned();
                keywords.fields.iter().any(|field| {
                    let text = match field {
                        Field::Subject => fold(&message.subject),
                        Field::Body => fold(&message.body),
                    };
                    let text = text.text();
                    !word.is_empty()
                        && (0..text.len()).any(|at| {
                            text.as_bytes()[at..].starts_with(word.as_bytes())
                                && (keywords.matching == KeywordMatch::Substring
                                    || (boundary(text, at) && boundary(text, at + word.len())))
                        })
                })
            };
            let count = keywords.words.iter().filter(|&word| found(word)).count();
            match keywords.mode {
                KeywordMode::AnyOf => count > 0,
                KeywordMode::AllOf => count == keywords.words.len(),
                KeywordMode::NoneOf => count == 0,
            }
        }
        Condition::ContactTags(ContactTags(test)) => tags(test, &message.contact_tags),
        Condition::ConversationTags(ConversationTags(test)) => {
            tags(test, &message.conversation_tags)
        }
        Condition::Channel(channel) => channel.any_of.contains(&message.channel),
        Condition::FromAutomatic(FromAutomatic(wanted)) => message.automatic == *wanted,
        Condition::Regex(pattern) => {
            let regex = regex::Regex::new(&format!("(?i){}", pattern.pattern)).unwrap();
            pattern.fields.iter().any(|field| match field {
                Field::Subject => regex.is_match(&message.subject),
                Field::Body => regex.is_match(&message.body),
            })
        }
        Condition::Health(health) => {
            let least = health.score.unwrap().at_least.unwrap().get();
            message.score.is_some_and(|score| score >= least)
        }
        other => panic!("{other:?} is not among the leaves of this test"),
    }
}

/// For the alphabet of these tests: Latin letters stick together, nothing else does.
fn boundary(text: &str, at: usize) -> bool {
    let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    !(latin(text[..at].chars().next_back()) && latin(text[at..].chars().next()))
}

fn small_text(max: usize) -> impl Strategy<Value = String> {
    let alphabet = vec![
        'a', 'A', 'ａ', 'b', 'か', 'カ', 'ｶ', 'ﾞ', 'が', '縁', '企', ' ', '\n', '\u{3000}', '-',
        '\u{200B}',
    ];
    proptest::collection::vec(proptest::sample::select(alphabet), 0..max)
        .prop_map(|chars| chars.into_iter().collect())
}

fn some_ids() -> impl Strategy<Value = Vec<Uuid>> {
    proptest::collection::vec((1u128..6).prop_map(id), 0..3)
}

fn some_channels() -> impl Strategy<Value = Vec<Channel>> {
    let channels = vec![Channel::Email, Channel::Line, Channel::Other];
    proptest::collection::vec(proptest::sample::select(channels), 0..3)
}

fn leaf() -> impl Strategy<Value = Condition> {
    let modes = vec![KeywordMode::AnyOf, KeywordMode::AllOf, KeywordMode::NoneOf];
    let keywords = (
        proptest::sample::select(vec![
            vec![],
            vec![Field::Subject],
            vec![Field::Body],
            vec![Field::Body, Field::Subject],
        ]),
        proptest::sample::select(modes),
        any::<bool>(),
        proptest::collection::vec(small_text(4), 0..4),
    )
        .prop_map(|(fields, mode, whole, words)| {
            Condition::Keywords(Keywords {
                fields,
                mode,
                matching: if whole {
                    KeywordMatch::WholeWord
                } else {
                    KeywordMatch::Substring
                },
                words,
            })
        });
    let modes = vec![TagMode::Any, TagMode::All, TagMode::None];
    let tags = (
        proptest::sample::select(modes),
        some_ids(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(mode, tag_ids, with_descendants, contact)| {
            let test = TagTest {
                mode,
                tag_ids,
                with_descendants,
            };
            if contact {
                Condition::ContactTags(ContactTags(test))
            } else {
                Condition::ConversationTags(ConversationTags(test))
            }
        });
    prop_oneof![
        4 => keywords,
        2 => tags,
        1 => some_channels().prop_map(|any_of| Condition::Channel(Channels { any_of })),
        1 => any::<bool>().prop_map(|wanted| Condition::FromAutomatic(FromAutomatic(wanted))),
        1 => proptest::sample::select(vec!["か+", "a.b", "^縁", "b$", "縁a", "かab", "企カ縁", "aか*b"]).prop_map(pattern),
        2 => (0i32..5).prop_map(|tens| healthy(f64::from(tens) * 10.0)),
    ]
}

fn pattern(pattern: &str) -> Condition {
    Condition::Regex(Pattern {
        fields: vec![Field::Subject, Field::Body],
        pattern: pattern.to_owned(),
        ignore_case: true,
    })
}

/// A health score of at least this.
fn healthy(score: f64) -> Condition {
    Condition::Health(Box::new(Health {
        score: Some(NumberTest::min(score)),
        ..Health::default()
    }))
}

/// What the database would answer to what a matcher asks of a message.
fn learned(matcher: &Matcher, message: &Message) -> Known {
    let mut known = Known::default();
    for number in matcher.program.measures.numbers() {
        let value = Loaded {
            numbers: vec![message.score],
            text: None,
        };
        known.tell(number, id(7), value);
    }
    known
}

fn tree() -> impl Strategy<Value = Condition> {
    leaf().prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Condition::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Condition::Any),
            inner.prop_map(|child| Condition::Not(Box::new(child))),
        ]
    })
}

fn source() -> impl Strategy<Value = (i64, Gate, Condition)> {
    let authors = vec![
        vec![Author::Contact],
        vec![Author::Member, Author::Contact],
        vec![],
    ];
    (
        0i64..4,
        prop_oneof![2 => Just(vec![]), 1 => some_ids()],
        proptest::sample::select(authors),
        tree(),
    )
        .prop_map(|(position, inbox_ids, authors, condition)| {
            (position, Gate { inbox_ids, authors }, condition)
        })
}

fn message() -> impl Strategy<Value = Message> {
    (
        (small_text(6), small_text(16)),
        (some_ids(), some_ids(), some_ids(), some_ids()),
        1u128..4,
        proptest::sample::select(vec![Channel::Email, Channel::Line]),
        proptest::sample::select(vec![Author::Contact, Author::Member]),
        any::<bool>(),
        proptest::option::of((0i32..6).prop_map(|tens| f64::from(tens) * 10.0)),
    )
        .prop_map(
            |((subject, body), tags, inbox, channel, author, automatic, score)| Message {
                subject,
                body,
                contact_tags: TagSet::new(tags.0, tags.1),
                conversation_tags: TagSet::new(tags.2, tags.3),
                inbox,
                channel,
                author,
                automatic,
                score,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_matcher_the_trace_and_the_plain_meaning_agree(
        sources in proptest::collection::vec(source(), 0..6),
        messages in proptest::collection::vec(message(), 1..4),
    ) {
        let rules: Vec<RuleSource> = sources
            .into_iter()
            .enumerate()
            .map(|(number, (position, gate, condition))| RuleSource {
                id: id(number as u128),
                version: 1,
                position,
                gate,
                condition,
            })
            .collect();
        let matcher = Matcher::compile(rules.clone()).unwrap();
        let mut scratch = Scratch::default();
        for message in &messages {
            let facts = message.facts();
            let mut expected: Vec<(i64, Uuid)> = Vec::new();
            for rule in &rules {
                let gate = &rule.gate;
                let fires = gate.authors.contains(&message.author)
                    && (gate.inbox_ids.is_empty() || gate.inbox_ids.contains(&facts.inbox_id))
                    && naive(&rule.condition, message);
                if fires {
                    expected.push((rule.position, rule.id));
                }
                let trace = trace(rule, &facts, message);
                prop_assert_eq!(trace.fires, fires, "the trace of {:?}", rule);
            }
            expected.sort_unstable();
            let expected: Vec<Uuid> = expected.into_iter().map(|(_, id)| id).collect();
            // Before the database was asked, what is decided is decided rightly.
            let early = matcher.evaluate(&facts, &Known::default(), &moment(), &mut scratch);
            let early: Vec<Uuid> = early.iter().map(|found| found.rule_id).collect();
            prop_assert!(early.iter().all(|rule| expected.contains(rule)));
            prop_assert!(scratch.is_undecided() || early == expected);
            let known = learned(&matcher, message);
            let firing_rules = matcher.evaluate(&facts, &known, &moment(), &mut scratch);
            prop_assert!(!scratch.is_undecided());
            let fired: Vec<Uuid> = firing_rules.iter().map(|found| found.rule_id).collect();
            prop_assert_eq!(fired, expected);
            // What is logged with a firing is what is said to who asks later.
            for (number, rule) in matcher.rules.iter().enumerate() {
                let logged = matcher.explain(number as u32, &facts, &scratch, &known, &moment());
                let verdicts = |trace: Trace| -> Vec<bool> {
                    trace.nodes.iter().map(|node| node.holds).collect()
                };
                let asked = trace(rule, &facts, message);
                prop_assert_eq!(verdicts(logged.unwrap()), verdicts(asked), "{:?}", rule);
            }
            for found in &firing_rules {
                // Every part can be described, and a word is where it is said to be.
                let parts = matcher.describe(found, &facts, &known);
                prop_assert_eq!(parts.len(), found.parts.len());
                for part in parts {
                    if let Matched::Keyword(word) = part.matched {
                        if part.path.last().is_some_and(|kind| kind == "regex") {
                            continue;
                        }
                        let shown = fold(&word.text);
                        prop_assert!(shown.text().contains(fold(&word.word).text().trim()));
                    }
                }
            }
        }
    }
}
