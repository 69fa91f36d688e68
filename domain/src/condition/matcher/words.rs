//! Every keyword of every rule in one automaton, and what it found in a message.

use std::collections::HashMap;

use aho_corasick::{
    Anchored, MatchKind,
    automaton::Automaton,
    dfa::{self, DFA},
    nfa::contiguous::{self, NFA},
};

use super::CompileError;
use crate::condition::{
    Keywords,
    facts::{MessageFacts, Texts},
    text::{fold_word, is_boundary},
};

/// The number of a word that folds to nothing and therefore is never found.
pub(super) const NEVER: u32 = u32::MAX;

/// Up to this many bytes of keywords the automaton is a DFA, which takes some 400 bytes of memory
/// for each of them. Beyond, the contiguous NFA wins although it takes more steps: at ten thousand
/// rules it is thirty times smaller, stays in the cache, and was measured twice as fast.
const DFA_MAX_KEYWORD_BYTES: usize = 32 * 1024;

/// States fewer bytes than this from the start have all their transitions in a table. A kanji or kana is
/// three bytes, and in most texts the third one leads nowhere: it should not be searched for among up to
/// 64 others. That is some hundred tables, of less than a kilobyte each.
const DENSE_DEPTH: usize = 3;

/// Numbers words while rules are compiled.
#[derive(Debug, Default)]
pub(super) struct WordBook {
    numbers: HashMap<String, u32>,
    whole: Vec<bool>,
    lengths: Vec<u32>,
}

impl WordBook {
    /// The numbers of a condition's words, in its order.
    pub(super) fn numbers(&mut self, keywords: &Keywords) -> impl Iterator<Item = u32> {
        let whole = keywords.whole();
        keywords
            .words
            .iter()
            .map(move |word| self.number(fold_word(word), whole))
    }

    /// The number of one folded word, wherever it stands.
    pub(super) fn literal(&mut self, folded: String) -> u32 {
        self.number(folded, false)
    }

    fn number(&mut self, folded: String, whole: bool) -> u32 {
        if folded.is_empty() {
            return NEVER;
        }
        let next = self.lengths.len() as u32;
        let length = folded.len() as u32;
        let number = *self.numbers.entry(folded).or_insert(next);
        if number == next {
            self.lengths.push(length);
            self.whole.push(false);
        }
        self.whole[number as usize] |= whole;
        number
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// The length of a word in folded bytes.
    pub(super) fn length(&self, number: u32) -> u32 {
        self.lengths[number as usize]
    }

    pub(super) fn build(self) -> Result<Words, CompileError> {
        let mut patterns = vec![String::new(); self.lengths.len()];
        for (folded, number) in self.numbers {
            patterns[number as usize] = folded;
        }
        let bytes: usize = patterns.iter().map(String::len).sum();
        // Nothing is skipped: what would find places to skip to takes time to build, and makes the
        // state in which most of a text is read one that has to be looked at.
        let built = if patterns.is_empty() {
            Ok(Engine::Empty)
        } else if bytes <= DFA_MAX_KEYWORD_BYTES {
            dfa::Builder::new()
                .match_kind(MatchKind::Standard)
                .start_kind(aho_corasick::StartKind::Unanchored)
                .prefilter(false)
                .build(&patterns)
                .map(Engine::Dfa)
        } else {
            contiguous::Builder::new()
                .match_kind(MatchKind::Standard)
                .prefilter(false)
                .dense_depth(DENSE_DEPTH)
                .build(&patterns)
                .map(Engine::Nfa)
        };
        let engine = built.map_err(|source| CompileError {
            words: patterns.len(),
            source: Box::new(source),
        })?;
        Ok(Words {
            engine,
            has_whole: self.whole.contains(&true),
            whole: self.whole,
            lengths: self.lengths,
        })
    }
}

/// The automaton, with what each word needs.
#[derive(Debug)]
pub(super) struct Words {
    engine: Engine,
    /// Which words are asked for as whole words.
    whole: Vec<bool>,
    /// Whether any is: where none is, no boundary is looked for.
    has_whole: bool,
    lengths: Vec<u32>,
}

#[derive(Debug)]
enum Engine {
    Empty,
    Dfa(DFA),
    Nfa(NFA),
}

/// The words found in a message.
#[derive(Debug, Default)]
pub(super) struct Hits {
    /// For each word, its place in `found` plus one; 0 for a word that was not found.
    places: Vec<u32>,
    found: Vec<Hit>,
}

/// A word with the ways in which it was found.
#[derive(Debug, Clone, Copy)]
struct Hit {
    word: u32,
    /// One bit for each [`bit`].
    ways: u8,
    /// Fields in which neither this word nor any word it ends with has more to find.
    done: u8,
    /// Where it ends first, in folded bytes, by [`bit`].
    ends: [u32; 4],
}

/// The number of a way to find a word: in which field, and whether as a whole word.
pub(super) fn bit(field: usize, whole: bool) -> usize {
    field * 2 + usize::from(whole)
}

impl Hits {
    fn clear(&mut self, words: usize) {
        for hit in self.found.drain(..) {
            self.places[hit.word as usize] = 0;
        }
        self.places.resize(words, 0);
    }

    /// The words found anywhere.
    pub(super) fn words(&self) -> impl Iterator<Item = u32> {
        self.found.iter().map(|hit| hit.word)
    }

    /// The first of the wanted ways in which a word was found, and where it ends.
    pub(super) fn find(&self, word: u32, ways: u8) -> Option<(usize, u32)> {
        let place = *self.places.get(word as usize)?;
        let hit = self.found.get(place.checked_sub(1)? as usize)?;
        let way = (hit.ways & ways).trailing_zeros() as usize;
        Some((way, *hit.ends.get(way)?))
    }

    /// All ways in which a word was found, one bit for each [`bit`]; whoever finds it as a whole word
    /// finds it as a part of the text too.
    pub(super) fn ways(&self, word: u32) -> u8 {
        let place = self.places.get(word as usize).copied();
        let place = place.and_then(|place| place.checked_sub(1));
        let hit = place.and_then(|place| self.found.get(place as usize));
        hit.map_or(0, |hit| hit.ways)
    }

    fn get(&self, word: u32) -> Option<&Hit> {
        let place = self.places[word as usize].checked_sub(1)?;
        self.found.get(place as usize)
    }

    fn get_or_insert(&mut self, word: u32) -> &mut Hit {
        let place = &mut self.places[word as usize];
        if *place == 0 {
            self.found.push(Hit {
                word,
                ways: 0,
                done: 0,
                ends: [0; 4],
            });
            *place = self.found.len() as u32;
        }
        &mut self.found[*place as usize - 1]
    }
}

impl Hit {
    fn has(&self, way: usize) -> bool {
        self.ways & (1 << way) != 0
    }

    fn note(&mut self, way: usize, end: usize) {
        if !self.has(way) {
            self.ways |= 1 << way;
            self.ends[way] = end as u32;
        }
    }
}

impl Words {
    /// Folds both texts and finds every word in them.
    pub(super) fn scan(&self, facts: &MessageFacts<'_>, texts: &mut Texts, hits: &mut Hits) {
        hits.clear(self.lengths.len());
        for (field, original) in [facts.subject, facts.body].into_iter().enumerate() {
            let folded = &mut texts.0[field];
            match &self.engine {
                // Without words nobody reads the folded text either.
                Engine::Empty => folded.refill(""),
                Engine::Dfa(dfa) => {
                    folded.refill(original);
                    self.scan_field(dfa, folded.text(), field, hits);
                }
                Engine::Nfa(nfa) => {
                    folded.refill(original);
                    self.scan_field(nfa, folded.text(), field, hits);
                }
            }
        }
    }

    /// The length of a word in folded bytes.
    pub(super) fn length(&self, word: u32) -> u32 {
        self.lengths[word as usize]
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match &self.engine {
            Engine::Empty => 0,
            Engine::Dfa(dfa) => dfa.memory_usage(),
            Engine::Nfa(nfa) => nfa.memory_usage(),
        }
    }

    fn scan_field<A: Automaton>(&self, automaton: &A, text: &str, field: usize, hits: &mut Hits) {
        // Unanchored search is what the automaton was built for, so there is always a start.
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            return;
        };
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            state = automaton.next_state(Anchored::No, state, byte);
            if automaton.is_special(state) && automaton.is_match(state) {
                self.note(automaton, state, text, at + 1, field, hits);
            }
        }
    }

    /// Notes every word that ends here: the longest, then each shorter one it ends with. Words
    /// chosen to end with each other a hundredfold must not cost a hundred steps at every
    /// character, so a chain that has nothing new to say is left at its first word.
    ///
    /// Apart from the loop that calls it, which would otherwise keep its state in memory.
    #[inline(never)]
    fn note<A: Automaton>(
        &self,
        automaton: &A,
        state: aho_corasick::automaton::StateID,
        text: &str,
        end: usize,
        field: usize,
        hits: &mut Hits,
    ) {
        let longest = automaton.match_pattern(state, 0).as_u32();
        let (substring, whole) = (bit(field, false), bit(field, true));
        let mut known = false;
        if let Some(hit) = hits.get(longest) {
            if hit.done & (1 << field) != 0 {
                return;
            }
            known = hit.has(substring);
        }
        let may_end = self.has_whole && is_boundary(text, end);
        if known && !may_end {
            return;
        }
        let mut done = true;
        for index in 0..automaton.match_len(state) {
            let word = automaton.match_pattern(state, index).as_u32();
            let hit = hits.get_or_insert(word);
            hit.note(substring, end);
            if self.whole[word as usize] && !hit.has(whole) {
                let start = end - self.lengths[word as usize] as usize;
                if may_end && is_boundary(text, start) {
                    hit.note(whole, end);
                } else {
                    done = false;
                }
            }
        }
        if done {
            hits.get_or_insert(longest).done |= 1 << field;
        }
    }
}
