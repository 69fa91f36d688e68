//! Which names mean the same: width, case, kana, variants of characters, and spelling.
//!
//! Names are folded first (NFKC, lower case, katakana as hiragana, small kana as large ones, old and
//! regional forms of common characters, no spaces, punctuation or long-vowel marks). What is equal
//! then is the same name. Otherwise names are alike if a few letters differ, fewer the shorter they
//! are, because one letter tells short words apart: names of as many words are compared word by word (North Dakota
//! and South Dakota, Cold lead and Gold lead). A Han character carries a meaning of its own, and so does a
//! number: names whose Han characters or numbers differ are never taken for spellings of one another
//! (対象 and 対象外, 1-10 and 11-50). Of okurigana, more may differ. A negation is no spelling.
//!
//! It cannot see that words mean the same (client, customer), nor every pair of simplified and
//! traditional characters: `character` holds those that are common in such names.

mod character;

use unicode_normalization::UnicodeNormalization as _;

use character::{is_han, is_kana, is_mark, large_kana, variant};

use crate::text;

/// Beginnings and ends that turn a word into its opposite.
const OPPOSITES: [&str; 12] = [
    "in", "un", "non", "no", "not", "dis", "im", "ir", "ex", "anti", "ない", "なし",
];

/// A name as names are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    /// Everything that is compared, in order.
    pub(super) all: String,
    /// Its Han characters, in order.
    pub(super) han: String,
    /// Its numbers, in order, with a space between.
    pub(super) numbers: String,
    /// What is left, in order.
    rest: Vec<char>,
    /// Its words in alphabetical order; only of names in letters of alphabets.
    words: String,
    /// The same words as they stand.
    in_order: Vec<Vec<char>>,
    /// Which characters the rest has, one bit each, shared by some.
    mask: u64,
}

/// How two names are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// They differ in width, case, kana, forms of characters, spaces or marks only.
    Same,
    /// They are the same words in another order.
    Reordered,
    /// They differ in so many letters.
    Spelling(usize),
}

impl Folded {
    /// Folds a name.
    pub(super) fn new(name: &str) -> Self {
        let shown: String = name.nfkc().collect();
        let lower: String = text::reading_key(&shown)
            .chars()
            .map(|c| large_kana(variant(c)))
            .collect();
        let mut words: Vec<String> = lower
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(singular)
            .collect();
        let all: String = words.concat().chars().filter(|c| !is_mark(*c)).collect();
        let is_plain = all.chars().all(|c| c.is_ascii_alphanumeric()) && words.len() > 1;
        let in_order: Vec<Vec<char>> = if is_plain {
            words.iter().map(|word| word.chars().collect()).collect()
        } else {
            Vec::new()
        };
        words.sort_unstable();
        let rest: Vec<char> = all
            .chars()
            .filter(|c| !is_han(*c) && !c.is_numeric())
            .collect();
        Self {
            han: all.chars().filter(|c| is_han(*c)).collect(),
            numbers: numbers(&lower),
            words: if is_plain {
                words.join(" ")
            } else {
                String::new()
            },
            in_order,
            mask: rest
                .iter()
                .fold(0, |mask, c| mask | 1 << (u32::from(*c) % 64)),
            rest,
            all,
        }
    }

    /// How it and `other` are alike, if they are.
    pub(super) fn likeness(&self, other: &Self) -> Option<Likeness> {
        if self.numbers != other.numbers || self.han != other.han || self.all.is_empty() {
            return None;
        }
        if self.all == other.all {
            return Some(Likeness::Same);
        }
        if !self.words.is_empty() && self.words == other.words {
            return Some(Likeness::Reordered);
        }
        let limit = self.tolerance(other);
        if limit == 0
            || self.rest.len().abs_diff(other.rest.len()) > limit
            || (self.mask ^ other.mask).count_ones() as usize > 2 * limit
            || is_opposite(&self.rest, &other.rest)
        {
            return None;
        }
        let (words, others) = (&self.in_order, &other.in_order);
        let distance = if words.len() == others.len() && !words.is_empty() {
            word_by_word(words, others)?
        } else {
            distance(&self.rest, &other.rest)
        };
        (1..=limit)
            .contains(&distance)
            .then_some(Likeness::Spelling(distance))
    }

    /// How many letters may differ.
    fn tolerance(&self, other: &Self) -> usize {
        let length = self.rest.len().max(other.rest.len());
        let is_kana = self.rest.iter().chain(&other.rest).all(|c| is_kana(*c));
        // 申込 and 申し込み: what is said in Han characters is the same, more kana only help reading.
        if is_kana && self.han.chars().count() >= 2 && is_within(&self.rest, &other.rest) {
            return 3;
        }
        tolerated(length, if is_kana { (4, 10, 20) } else { IN_LETTERS })
    }
}

/// From how many letters of alphabets on one, two and three may differ.
const IN_LETTERS: (usize, usize, usize) = (5, 9, 16);

/// How many of `length` letters may differ.
fn tolerated(length: usize, (one, two, three): (usize, usize, usize)) -> usize {
    match length {
        length if length >= three => 3,
        length if length >= two => 2,
        length if length >= one => 1,
        _ => 0,
    }
}

/// How many letters differ between names of as many words; nothing if two words in one place are no spellings of one
/// another.
fn word_by_word(words: &[Vec<char>], others: &[Vec<char>]) -> Option<usize> {
    let mut sum = 0;
    for (word, other) in words.iter().zip(others) {
        let differ = distance(word, other);
        let limit = tolerated(word.len().max(other.len()), IN_LETTERS);
        if differ > limit || is_opposite(word, other) {
            return None;
        }
        sum += differ;
    }
    Some(sum)
}

/// An English plural as its singular: `leads` is `lead`.
fn singular(word: &str) -> String {
    let is_plural = word.len() > 3
        && word.chars().all(|c| c.is_ascii_alphabetic())
        && word.ends_with('s')
        && !word.ends_with("ss")
        && !word.ends_with("us")
        && !word.ends_with("is");
    if is_plural {
        word[..word.len() - 1].to_owned()
    } else {
        word.to_owned()
    }
}

fn numbers(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_numeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// Whether one is the other with a beginning or an end that means the opposite.
fn is_opposite(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let extra = |part: &[char]| {
        let part: String = part.iter().collect();
        OPPOSITES.contains(&part.as_str()) || part.ends_with("ない") || part.ends_with("なし")
    };
    let longer = long.len() - short.len();
    (long.ends_with(short) && extra(&long[..longer]))
        || (long.starts_with(short) && extra(&long[short.len()..]))
}

/// Whether the shorter one is the longer one with letters left out.
fn is_within(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let mut left = long.iter();
    short.iter().all(|c| left.any(|other| other == c))
}

/// Letters to be put in, taken out, changed or swapped with the next (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use Likeness::{Reordered, Same, Spelling};

    use super::*;

    fn check(a: &str, b: &str, expected: Option<Likeness>) {
        let (a_folded, b_folded) = (Folded::new(a), Folded::new(b));
        assert_eq!(a_folded.likeness(&b_folded), expected, "{a} / {b}");
        assert_eq!(b_folded.likeness(&a_folded), expected, "{b} / {a}");
    }

    #[test]
    fn width_case_kana_and_marks_make_no_difference() {
        for (a, b) in [
            ("VIP", "ｖｉｐ"),
            ("ﾊﾟｰﾄﾅｰ", "パートナー"),
            ("サーバ", "サーバー"),
            ("キヤンセル", "キャンセル"),
            ("Hot lead", "hot-lead"),
            ("Hot leads", "HOT LEAD"),
            ("見込み客", "見込ミ客"),
            ("国際業務", "國際業務"),
            ("客户", "客戶"),
            ("E-mail", "Email"),
        ] {
            check(a, b, Some(Same));
        }
    }

    #[test]
    fn a_few_letters_make_a_spelling_and_longer_names_bear_more() {
        check("Hot lead", "Lead, hot", Some(Reordered));
        check("Partner", "Partnar", Some(Spelling(1)));
        check("Partner", "Pratner", Some(Spelling(1)));
        check("Manufacturing", "Manufactering", Some(Spelling(1)));
        check("Logistics", "Logisticks", Some(Spelling(1)));
        check("Key account", "Key acount", Some(Spelling(1)));
        check("Key account", "Keyaccounts", Some(Same));
        check(
            "コミュニケーション",
            "コミニュケーション",
            Some(Spelling(1)),
        );
        check("申込", "申し込み", Some(Spelling(2)));
        check("問い合わせ", "問合せ", Some(Spelling(2)));
    }

    #[test]
    fn what_means_something_else_is_not_taken_for_a_spelling() {
        for (a, b) in [
            ("VIP", "VIB"),
            ("Cold", "Gold"),
            ("対象", "対象外"),
            ("東京", "京都"),
            ("男性", "女性"),
            ("目标客户", "非目标客户"),
            ("1-10", "11-50"),
            ("Tier 1", "Tier 2"),
            ("2025 campaign", "2026 campaign"),
            ("active user", "inactive user"),
            ("Interested", "Disinterested"),
            ("返事あり", "返事なし"),
            ("対象", "対象でない"),
            ("Retail", "Wholesale"),
            ("North Dakota", "South Dakota"),
            ("North Carolina", "South Carolina"),
            ("East Coast", "West Coast"),
            ("Cold lead", "Gold lead"),
            ("B2B partner", "B2C partner"),
            ("User active", "User inactive"),
            ("!!", "??"),
        ] {
            check(a, b, None);
        }
    }
}
