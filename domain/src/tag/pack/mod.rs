//! Starter packs: groups with their tags, ready to be used, in the language of the people who use
//! them.
//!
//! Everything a pack makes carries a stable key, the same in all languages. A pack that is applied
//! again makes only what is not there yet: what was renamed, moved, archived or merged since stays as
//! it is, and what has the same name at the same place is taken for the pack's own. Only what was
//! deleted is made again.
//!
//! To add a pack: a file with its groups, its variant in [`StarterPack`] and its line in
//! `StarterPack::groups`.

mod apply;
mod engagement;
mod portrait;
mod region;

use entity::kind::{TagSelection, TagStage};
use serde::{Deserialize, Serialize};

pub use apply::{Applied, apply};

use crate::locale::Locale;

/// A set of groups and tags to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, async_graphql::Enum, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StarterPack {
    /// How close the relationship is: trial users, repeat buyers, hot leads, those in follow-up, the
    /// dormant, VIPs.
    Engagement,
    /// What a business customer is: industry, company size, position, customer level; province or
    /// state, key city, team size; and the judgement of the lead.
    B2bPortrait,
}

impl StarterPack {
    fn groups(self, locale: Locale) -> Vec<Group> {
        match self {
            Self::Engagement => engagement::groups(),
            Self::B2bPortrait => portrait::groups(locale),
        }
    }
}

/// The same in Japanese, English and Chinese.
#[derive(Debug, Clone, Copy)]
struct Words {
    ja: &'static str,
    en: &'static str,
    zh: &'static str,
}

impl Words {
    const NONE: Self = words("", "", "");

    fn of(self, locale: Locale) -> &'static str {
        match locale {
            Locale::Ja => self.ja,
            Locale::En => self.en,
            Locale::Zh => self.zh,
        }
    }
}

const fn words(ja: &'static str, en: &'static str, zh: &'static str) -> Words {
    Words { ja, en, zh }
}

/// A group as a pack describes it.
struct Group {
    key: &'static str,
    name: Words,
    description: Words,
    selection: TagSelection,
    stage: TagStage,
    colour: &'static str,
    tags: Vec<Value>,
}

/// A tag as a pack describes it. Its key is unique within its group.
struct Value {
    key: &'static str,
    name: Words,
    description: Words,
}

/// A tag that needs no explanation.
const fn value(key: &'static str, ja: &'static str, en: &'static str, zh: &'static str) -> Value {
    Value {
        key,
        name: words(ja, en, zh),
        description: Words::NONE,
    }
}

/// A tag with what it means.
const fn explained(key: &'static str, name: Words, description: Words) -> Value {
    Value {
        key,
        name,
        description,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        tag::catalogue::{DESCRIPTION_LIMIT, NAME_LIMIT},
        text::{self, name_key},
    };

    const PACKS: [StarterPack; 2] = [StarterPack::Engagement, StarterPack::B2bPortrait];
    const LOCALES: [Locale; 3] = [Locale::Ja, Locale::En, Locale::Zh];

    #[test]
    fn every_name_is_one_a_person_could_have_given() {
        for (pack, locale) in PACKS
            .into_iter()
            .flat_map(|pack| LOCALES.map(|locale| (pack, locale)))
        {
            for group in pack.groups(locale) {
                let names = group.tags.iter().map(|tag| (tag.name, tag.description));
                for (name, description) in names.chain([(group.name, group.description)]) {
                    let (name, description) = (name.of(locale), description.of(locale));
                    let clean = text::name(name, &["name"], NAME_LIMIT);
                    assert_eq!(clean.as_deref(), Ok(name), "{pack:?} {locale:?}");
                    let clean = text::short_text(description, &["d"], DESCRIPTION_LIMIT);
                    assert_eq!(clean.as_deref(), Ok(description), "{pack:?} {locale:?}");
                }
            }
        }
    }

    #[test]
    fn no_key_and_no_name_is_there_twice() {
        for (pack, locale) in PACKS
            .into_iter()
            .flat_map(|pack| LOCALES.map(|locale| (pack, locale)))
        {
            let groups = pack.groups(locale);
            let keys: HashSet<_> = groups.iter().map(|group| group.key).collect();
            assert_eq!(keys.len(), groups.len());
            for group in groups {
                let mut keys = HashSet::new();
                let mut names = HashSet::new();
                for tag in &group.tags {
                    assert!(keys.insert(tag.key), "{} {}", group.key, tag.key);
                    let name = tag.name.of(locale);
                    assert!(names.insert(name_key(name)), "{} {name}", group.key);
                }
            }
        }
    }

    #[test]
    fn each_language_brings_the_regions_of_its_country() {
        let count = |locale, key: &str| {
            let groups = StarterPack::B2bPortrait.groups(locale);
            let group = groups.into_iter().find(|group| group.key.ends_with(key));
            group.map_or(0, |group| group.tags.len())
        };
        assert_eq!(count(Locale::Ja, "region"), 47);
        assert_eq!(count(Locale::Zh, "region"), 34);
        assert_eq!(count(Locale::En, "region"), 51);
        for locale in LOCALES {
            assert!((15..=40).contains(&count(locale, "city")), "{locale:?}");
        }
    }
}
