//! What rules cost: `bench matcher`, in memory, without any database.
//!
//! The same messages are judged by 100, 1,000 and 10,000 rules on one thread, beside a bare
//! Aho-Corasick pass for the same words over the same texts, folded beforehand: the floor that no
//! matcher of keywords can be under. A rule edit is a new matcher for all rules.

use std::time::{Duration, Instant};

use aho_corasick::{AhoCorasick, MatchKind};
use anyhow::Result;
use chrono::{DateTime, Utc};
use domain::condition::{
    Condition, ContactTags, Field, KeywordMatch, KeywordMode, Keywords, Moment, Pattern, TagMode,
    TagTest,
    facts::{Holders, MessageFacts, TagSet},
    known::Known,
    matcher::{Gate, Matcher, RuleSource, Scratch},
    text::{fold, fold_word},
};
use entity::kind::{Author, Channel};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use crate::{
    process::cpu_us,
    report::{count, row, say, table},
};

/// Messages that are judged again and again.
const MESSAGES: usize = 2_000;
/// How long each measurement lasts.
const LASTS: Duration = Duration::from_secs(3);
/// Rules that ask for what everybody writes.
const FIRST_RULES: usize = 200;
/// Words in a hundred of a message's that are usual.
const USUAL_WRITTEN: u32 = 33;
/// Tags a rule may ask for.
const TAGS: u128 = 500;

const STEMS: [&str; 36] = [
    "見積", "契約", "更新", "請求", "解約", "提携", "返品", "障害", "納期", "導入", "料金", "支払",
    "合作", "发票", "退款", "报价", "续约", "故障", "培训", "接口", "账单", "价格", "交货", "投诉",
    "invoice", "renewal", "partner", "refund", "outage", "pricing", "upgrade", "export", "billing",
    "training", "webhook", "contract",
];
const ENDS: [&str; 16] = [
    "書",
    "依頼",
    "方法",
    "の件",
    "について",
    "不可",
    "问题",
    "流程",
    "申请",
    "说明",
    " plan",
    " error",
    " request",
    " date",
    " team",
    " id",
];
const FILLERS: [&str; 10] = [
    "いつもお世話になっております。",
    "ご確認のほどよろしくお願いいたします。",
    "株式会社東京商事の田中です。",
    "请问贵公司的产品在北京可以购买吗？",
    "谢谢，期待您的回复。",
    "Could you tell me when this will be done? ",
    "We have been waiting since Tuesday. ",
    "Best regards from the operations team. ",
    "来週の火曜日に打ち合わせできますか。",
    "The page stops at 10,000 rows. ",
];

/// A word that rules ask for and some messages contain: one that anybody writes, so many times in a
/// hundred, else one that few do.
fn word(chance: &mut StdRng, usual: u32) -> String {
    let stem = STEMS[chance.random_range(0..STEMS.len())];
    let end = ENDS[chance.random_range(0..ENDS.len())];
    if chance.random_range(0..100) < usual {
        format!("{stem}{end}")
    } else if chance.random() {
        format!("{stem}{end}{}", chance.random_range(0..5_000))
    } else {
        format!("{end}{stem}{}", chance.random_range(0..40))
    }
}

/// How many words in a hundred anybody writes: most in the first rules somebody makes, few in those that
/// are added for special cases. Of a hundred rules a message then makes about 0.6 fire, and of ten
/// thousand about 5, as in the comparison that the target was taken from.
fn usual(rule: usize) -> u32 {
    if rule < FIRST_RULES { 90 } else { 6 }
}

fn rules(count: usize) -> Vec<RuleSource> {
    let mut chance = StdRng::seed_from_u64(7);
    (0..count)
        .map(|number| RuleSource {
            id: Uuid::from_u128(number as u128 + 1),
            version: 1,
            position: number as i64,
            gate: Gate {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                authors: vec![Author::Contact],
            },
            condition: condition(&mut chance, usual(number)),
        })
        .collect()
}

fn condition(chance: &mut StdRng, usual: u32) -> Condition {
    let words = (0..chance.random_range(1..4))
        .map(|_| word(chance, usual))
        .collect();
    let keywords = Condition::Keywords(Keywords {
        fields: vec![Field::Subject, Field::Body],
        mode: KeywordMode::AnyOf,
        matching: KeywordMatch::Substring,
        words,
    });
    let tags = |chance: &mut StdRng| {
        Condition::ContactTags(ContactTags(TagTest {
            mode: TagMode::Any,
            tag_ids: vec![Uuid::from_u128(chance.random_range(0..TAGS))],
            with_descendants: true,
        }))
    };
    match chance.random_range(0..20) {
        0..3 => Condition::All(vec![keywords, tags(chance)]),
        3 => tags(chance),
        4 => Condition::Regex(Pattern {
            fields: vec![Field::Subject, Field::Body],
            pattern: format!(
                r"{}\s*[0-9]{{4,8}}",
                STEMS[chance.random_range(0..STEMS.len())]
            ),
            ignore_case: true,
        }),
        _ => keywords,
    }
}

struct Message {
    subject: String,
    body: String,
    tags: TagSet,
}

fn messages() -> Vec<Message> {
    let mut chance = StdRng::seed_from_u64(8);
    let sentence = |chance: &mut StdRng| FILLERS[chance.random_range(0..FILLERS.len())];
    (0..MESSAGES)
        .map(|_| {
            let mut body = String::new();
            for _ in 0..chance.random_range(2..8) {
                body.push_str(sentence(&mut chance));
                if chance.random_range(0..3) == 0 {
                    body.push_str(&word(&mut chance, USUAL_WRITTEN));
                }
            }
            let tags = (0..chance.random_range(0..4))
                .map(|_| Uuid::from_u128(chance.random_range(0..TAGS)))
                .collect();
            Message {
                subject: word(&mut chance, USUAL_WRITTEN),
                body,
                tags: TagSet::new(tags, Vec::new()),
            }
        })
        .collect()
}

fn facts<'a>(message: &'a Message, none: &'a TagSet, moment: Moment) -> MessageFacts<'a> {
    MessageFacts {
        inbox_id: Uuid::from_u128(1),
        channel: Channel::Email,
        author: Author::Contact,
        automatic: false,
        subject: &message.subject,
        body: &message.body,
        moment,
        holders: Holders::default(),
        contact_tags: &message.tags,
        conversation_tags: none,
    }
}

/// Repeats `pass`, which judges all messages and says how many matches it found; gives the messages
/// per second of processor time and the matches of one pass.
fn measured(mut pass: impl FnMut() -> usize) -> Result<(f64, usize)> {
    let mut found = pass();
    let pid = std::process::id();
    let (before, begun) = (cpu_us(pid)?, Instant::now());
    let mut passes = 0;
    while begun.elapsed() < LASTS {
        found = pass();
        passes += 1;
    }
    let seconds = (cpu_us(pid)? - before) as f64 / 1e6;
    Ok(((passes * MESSAGES) as f64 / seconds, found))
}

/// The words of all keyword conditions, folded.
fn words_of(condition: &Condition, words: &mut Vec<String>) {
    match condition {
        Condition::All(children) | Condition::Any(children) => {
            for child in children {
                words_of(child, words);
            }
        }
        Condition::Keywords(keywords) => {
            words.extend(keywords.words.iter().map(|word| fold_word(word)));
        }
        _ => {}
    }
}

/// Measures and reports.
pub(crate) fn run() -> Result<()> {
    let moment = Moment::usual(DateTime::<Utc>::UNIX_EPOCH, chrono_tz::Asia::Tokyo);
    let (messages, none, known) = (messages(), TagSet::default(), Known::default());
    let folded: Vec<[String; 2]> = messages
        .iter()
        .map(|message| {
            [
                fold(&message.subject).text().to_owned(),
                fold(&message.body).text().to_owned(),
            ]
        })
        .collect();
    table(
        "Rules on a message",
        &[
            "rules",
            "messages/CPU s",
            "bare Aho-Corasick",
            "of it",
            "cost to 100",
            "matches/message",
            "an edit, ms",
            "MiB",
        ],
    );
    let mut least = None;
    for size in [100, 1_000, 10_000] {
        let rules = rules(size);
        let mut words = Vec::new();
        for rule in &rules {
            words_of(&rule.condition, &mut words);
        }
        words.sort_unstable();
        words.dedup();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&words)?;
        let (floor, _) = measured(|| {
            let texts = folded.iter().flatten();
            texts
                .map(|text| automaton.find_overlapping_iter(text).count())
                .sum()
        })?;
        let begun = Instant::now();
        let matcher = Matcher::compile(rules)?;
        let edit = begun.elapsed();
        let mut scratch = Scratch::default();
        let (speed, found) = measured(|| {
            let judged = messages.iter().map(|message| {
                let facts = facts(message, &none, moment.clone());
                matcher
                    .evaluate(&facts, &known, &moment, &mut scratch)
                    .len()
            });
            judged.sum()
        })?;
        let first = *least.get_or_insert(speed);
        row(&[
            count(size as f64),
            count(speed),
            count(floor),
            format!("{:.2}", speed / floor),
            format!("{:.2}", first / speed),
            format!("{:.1}", found as f64 / MESSAGES as f64),
            format!("{:.1}", edit.as_secs_f64() * 1e3),
            format!("{:.1}", matcher.memory_bytes() as f64 / f64::from(1 << 20)),
        ]);
    }
    say("\nMessages are folded by the matcher and were folded before for the bare pass.");
    Ok(())
}
