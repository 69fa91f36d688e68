//! From the facts of a message to the rules that could fire on it.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use entity::kind::Channel;
use sea_orm::Iterable as _;
use uuid::Uuid;

use super::{
    RuleSource,
    program::{By, Key, Program, cheaper},
    words::{Hits, WordBook},
};
use crate::condition::{
    Anchor,
    facts::{MessageFacts, TagSet},
};

/// For each fact, the rules that need it. A rule is listed under every key of its cheapest list,
/// so that it is found whenever it could fire, and only rarely otherwise.
#[derive(Debug)]
pub(super) struct Index {
    /// The rules of word `n` are `word_rules[word_starts[n]..word_starts[n + 1]]`.
    word_starts: Vec<u32>,
    word_rules: Vec<u32>,
    contact_tags: TagIndex,
    conversation_tags: TagIndex,
    inboxes: ById,
    /// By `Channel as usize`.
    channels: Vec<Vec<u32>>,
    automatic: [Vec<u32>; 2],
    /// Rules that any message could make fire.
    always: Vec<u32>,
}

#[derive(Debug, Default)]
struct TagIndex {
    direct: ById,
    expanded: ById,
}

type ById = HashMap<u128, Vec<u32>, BuildHasherDefault<IdHasher>>;

impl Index {
    pub(super) fn new(rules: &[RuleSource], program: &Program, book: &WordBook, by: By) -> Self {
        let mut index = Self {
            word_starts: Vec::new(),
            word_rules: Vec::new(),
            contact_tags: TagIndex::default(),
            conversation_tags: TagIndex::default(),
            inboxes: ById::default(),
            channels: vec![Vec::new(); Channel::iter().count()],
            automatic: Default::default(),
            always: Vec::new(),
        };
        let mut by_word = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            let inboxes = rule.gate.inbox_ids.iter();
            let inboxes: Vec<Key> = inboxes.map(|&id| Key::Fact(Anchor::Inbox(id))).collect();
            let keys = match program.keys(number, book, by) {
                Some(keys) if inboxes.is_empty() => keys,
                Some(keys) => cheaper(keys, inboxes, book),
                None if inboxes.is_empty() => {
                    index.always.push(number as u32);
                    continue;
                }
                None => inboxes,
            };
            for key in keys {
                match key {
                    Key::Word(word) => by_word.push((word, number as u32)),
                    Key::Fact(anchor) => index.list(anchor).push(number as u32),
                }
            }
        }
        by_word.sort_unstable();
        let mut from = 0;
        for word in 0..=book.len() as u32 {
            from += by_word[from..].partition_point(|&(other, _)| other < word);
            index.word_starts.push(from as u32);
        }
        index.word_rules = by_word.into_iter().map(|(_, rule)| rule).collect();
        index
    }

    fn list(&mut self, anchor: Anchor) -> &mut Vec<u32> {
        match anchor {
            Anchor::ContactTag {
                id,
                with_descendants,
            } => self.contact_tags.list(id, with_descendants),
            Anchor::ConversationTag {
                id,
                with_descendants,
            } => self.conversation_tags.list(id, with_descendants),
            Anchor::Inbox(id) => self.inboxes.entry(id.as_u128()).or_default(),
            Anchor::Channel(channel) => &mut self.channels[channel as usize],
            Anchor::Automatic(automatic) => &mut self.automatic[usize::from(automatic)],
        }
    }

    /// Shows `take` every rule that could fire, some of them more than once, in no order.
    pub(super) fn candidates(
        &self,
        facts: &MessageFacts<'_>,
        hits: &Hits,
        mut take: impl FnMut(u32),
    ) {
        for word in hits.words() {
            let word = word as usize;
            let rules = self.word_starts[word] as usize..self.word_starts[word + 1] as usize;
            self.word_rules[rules].iter().copied().for_each(&mut take);
        }
        self.contact_tags.candidates(facts.contact_tags, &mut take);
        self.conversation_tags
            .candidates(facts.conversation_tags, &mut take);
        each(&self.inboxes, &[facts.inbox_id], &mut take);
        for rules in [
            &self.channels[facts.channel as usize],
            &self.automatic[usize::from(facts.automatic)],
            &self.always,
        ] {
            rules.iter().copied().for_each(&mut take);
        }
    }
}

/// Which rules were listed for a message already.
#[derive(Debug, Default)]
pub(super) struct Once {
    /// Counts messages; what was listed for another message counts for nothing.
    message: u32,
    listed: Vec<u32>,
}

impl Once {
    /// Begins another message, of a matcher with so many rules.
    pub(super) fn begin(&mut self, rules: usize) {
        self.message = self.message.wrapping_add(1);
        if self.message == 0 {
            self.listed.clear();
            self.message = 1;
        }
        if self.listed.len() < rules {
            self.listed.resize(rules, 0);
        }
    }

    /// Whether the rule is listed for the first time.
    pub(super) fn is_first(&mut self, number: u32) -> bool {
        let listed = &mut self.listed[number as usize];
        let is_first = *listed != self.message;
        *listed = self.message;
        is_first
    }
}

impl TagIndex {
    fn list(&mut self, id: Uuid, with_descendants: bool) -> &mut Vec<u32> {
        let lists = if with_descendants {
            &mut self.expanded
        } else {
            &mut self.direct
        };
        lists.entry(id.as_u128()).or_default()
    }

    fn candidates(&self, tags: &TagSet, take: &mut impl FnMut(u32)) {
        each(&self.direct, tags.direct(), take);
        each(&self.expanded, tags.expanded(), take);
    }
}

fn each(lists: &ById, ids: &[Uuid], take: &mut impl FnMut(u32)) {
    if lists.is_empty() {
        return;
    }
    for id in ids {
        if let Some(rules) = lists.get(&id.as_u128()) {
            rules.iter().copied().for_each(&mut *take);
        }
    }
}

/// Hashes ids, whose low half is random already and never chosen by an outsider.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u128(&mut self, id: u128) {
        let mixed = (id as u64) ^ ((id >> 64) as u64);
        // The table looks at the highest and the lowest bits.
        self.0 = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}
