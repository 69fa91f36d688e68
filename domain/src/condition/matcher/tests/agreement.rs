//! The matcher, the trace and the plain meaning of a condition agree on any condition and message.

use proptest::prelude::*;

use super::*;
use crate::condition::{Channels, ConversationTags, FromAutomatic, Health, NumberTest, text::fold};

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
        proptest::sample::select(vec![vec![], vec![Channel::Email]]),
        proptest::sample::select(authors),
        tree(),
    )
        .prop_map(|(position, inbox_ids, channels, authors, condition)| {
            let gate = Gate {
                inbox_ids,
                channels,
                authors,
            };
            (position, gate, condition)
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
                    && (gate.channels.is_empty() || gate.channels.contains(&message.channel))
                    && naive(&rule.condition, message);
                if fires {
                    expected.push((rule.position, rule.id));
                }
                let trace = trace(rule, &facts, message);
                prop_assert_eq!(trace.fires, fires, "the trace of {:?}", rule);
            }
            expected.sort_unstable();
            let bare = MessageFacts {
                contact_tags: &TagSet::default(),
                conversation_tags: &TagSet::default(),
                ..facts.clone()
            };
            let could_fire = matcher.could_fire(&bare, &mut scratch);
            prop_assert!(could_fire || expected.is_empty(), "{:?}", expected);
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
                let parts = matcher.describe(found, &facts, &scratch, &known, &moment());
                let noted = matcher.run(&facts, &scratch, &known, &moment()).parts(found.rule);
                prop_assert_eq!(parts.len(), noted.len());
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
