//! Tags of the contact, of the account or of the conversation; `form` is how the API takes and shows the tests.

mod form;

pub use form::{
    AccountTagsCondition, ContactTagsCondition, ConversationTagsCondition, TagsConditionInput,
};

use std::collections::BTreeSet;

use async_graphql::Enum;
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::condition::{
    Anchor, Condition, Leaf, Need,
    check::{self, MAX_IDS},
    facts::{Seen, TagSet},
    lineage::Below,
    matcher::{Part, What},
    measure::{Bind, Frag, Holder, Measure, Plan, Rows, Source, frag},
    path::Path,
    reference::{self, IdKind, Reference},
    sentence::{Phrasing, say},
    test::{Ask, Element, Mode, Test},
    trace::Actual,
};
use crate::error::UserError;

/// How many of the tags must be there.
#[derive(Enum, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[graphql(name = "TagMode")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TagMode {
    /// At least one of the tags.
    Any,
    /// Every one of the tags.
    All,
    /// None of the tags.
    None,
}

/// A test of a set of tags.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TagTest {
    /// How many must be there.
    pub mode: TagMode,
    /// Which tags.
    pub tag_ids: Vec<Uuid>,
    /// Whether a tag below a listed one counts as the listed one.
    #[serde(default = "yes")]
    pub with_descendants: bool,
}

fn yes() -> bool {
    true
}

/// Tests the tags of the contact.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(transparent)]
pub struct ContactTags(pub TagTest);

/// Tests the tags of the conversation, as they were before any rule ran on this message.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(transparent)]
pub struct ConversationTags(pub TagTest);

/// Tests the tags of the account.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(transparent)]
pub struct AccountTags(pub TagTest);

/// Whose tags a test reads.
trait Owner {
    const KIND: IdKind;
    const NEED: Need;
    fn test(&self) -> &TagTest;
    fn test_mut(&mut self) -> &mut TagTest;
    fn same(condition: &Condition) -> Option<&TagTest>;
    const HOLDER: Holder;
    /// The tags, where they are known without asking the database.
    fn tags<'a>(seen: &Seen<'a>) -> Option<&'a TagSet>;
    fn anchor(id: Uuid, with_descendants: bool) -> Option<Anchor>;
    fn part(id: Uuid) -> What;
    fn subject(phrasing: &Phrasing<'_>) -> &'static str;
}

impl Owner for ContactTags {
    const KIND: IdKind = IdKind::ContactTag;
    const NEED: Need = Need::Contact;

    fn test(&self) -> &TagTest {
        &self.0
    }

    fn test_mut(&mut self) -> &mut TagTest {
        &mut self.0
    }

    fn same(condition: &Condition) -> Option<&TagTest> {
        match condition {
            Condition::ContactTags(Self(test)) => Some(test),
            _ => None,
        }
    }

    const HOLDER: Holder = Holder::Contact;

    fn tags<'a>(seen: &Seen<'a>) -> Option<&'a TagSet> {
        Some(seen.facts.contact_tags)
    }

    fn anchor(id: Uuid, with_descendants: bool) -> Option<Anchor> {
        Some(Anchor::ContactTag {
            id,
            with_descendants,
        })
    }

    fn part(id: Uuid) -> What {
        What::ContactTag(id)
    }

    fn subject(phrasing: &Phrasing<'_>) -> &'static str {
        say!(phrasing, "コンタクト", "the contact", "联系人")
    }
}

impl Owner for ConversationTags {
    const KIND: IdKind = IdKind::ConversationTag;
    const NEED: Need = Need::Conversation;

    fn test(&self) -> &TagTest {
        &self.0
    }

    fn test_mut(&mut self) -> &mut TagTest {
        &mut self.0
    }

    fn same(condition: &Condition) -> Option<&TagTest> {
        match condition {
            Condition::ConversationTags(Self(test)) => Some(test),
            _ => None,
        }
    }

    const HOLDER: Holder = Holder::Conversation;

    fn tags<'a>(seen: &Seen<'a>) -> Option<&'a TagSet> {
        Some(seen.facts.conversation_tags)
    }

    fn anchor(id: Uuid, with_descendants: bool) -> Option<Anchor> {
        Some(Anchor::ConversationTag {
            id,
            with_descendants,
        })
    }

    fn part(id: Uuid) -> What {
        What::ConversationTag(id)
    }

    fn subject(phrasing: &Phrasing<'_>) -> &'static str {
        say!(phrasing, "会話", "the conversation", "会话")
    }
}

impl Owner for AccountTags {
    const KIND: IdKind = IdKind::ContactTag;
    const NEED: Need = Need::Account;
    const HOLDER: Holder = Holder::Account;

    fn test(&self) -> &TagTest {
        &self.0
    }

    fn test_mut(&mut self) -> &mut TagTest {
        &mut self.0
    }

    fn same(condition: &Condition) -> Option<&TagTest> {
        match condition {
            Condition::AccountTags(Self(test)) => Some(test),
            _ => None,
        }
    }

    fn tags<'a>(_seen: &Seen<'a>) -> Option<&'a TagSet> {
        None
    }

    fn anchor(_id: Uuid, _with_descendants: bool) -> Option<Anchor> {
        None
    }

    fn part(id: Uuid) -> What {
        What::ContactTag(id)
    }

    fn subject(phrasing: &Phrasing<'_>) -> &'static str {
        say!(phrasing, "会社", "the account", "公司")
    }
}

/// The tags of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TagSource {
    /// Those put on it.
    Direct,
    /// Those put on it, and the tags above them.
    Expanded,
    /// Those put on it that are of this group.
    OfGroup(Uuid),
}

impl TagSource {
    pub(crate) fn plan(self, backend: DatabaseBackend) -> Plan {
        let table = match self {
            Self::Expanded => "tag_rank",
            _ => "tagging",
        };
        let mut plan = Plan::one(table, "x.target_id");
        if table == "tagging" {
            plan.wheres.push(" AND x.removed_at IS NULL");
        }
        if let Self::OfGroup(group) = self {
            plan.from = "tagging x CROSS JOIN tag g".to_owned();
            let of_group = " AND g.workspace_id = x.workspace_id AND g.id = x.tag_id
                             AND g.group_id = ?";
            plan.wheres
                .append(Frag::new(of_group).with(Bind::Id(group)));
        }
        plan.rows = Rows::Set;
        plan.base.push(("v", Frag::new("x.tag_id")));
        let shown = frag::id_text(backend, "b.v");
        plan.text = Some((Frag::new("b.v"), Frag::new(shown)));
        plan
    }
}

impl<T: Owner> Leaf for T {
    fn need(&self) -> Need {
        T::NEED
    }

    fn check(&self, at: &Path, refusals: &mut Vec<UserError>) {
        let at = at.at("tagIds");
        check::list(&self.test().tag_ids, MAX_IDS, &at, refusals, "tag");
    }

    fn phrase(&self, phrasing: &Phrasing<'_>) -> String {
        let test = self.test();
        let subject = T::subject(phrasing);
        let names: Vec<String> = test
            .tag_ids
            .iter()
            .map(|&id| phrasing.named(T::KIND, id))
            .collect();
        let several = names.len() > 1;
        match test.mode {
            TagMode::Any => {
                let one_of = if several { "のいずれか" } else { "" };
                let names = phrasing.or(&names);
                say!(
                    phrasing,
                    format!("{subject}にタグ{names}{one_of}が付いている"),
                    format!("{subject} is tagged {names}"),
                    format!("{subject}带有标签{names}")
                )
            }
            TagMode::All => {
                let all = if several { "のすべて" } else { "" };
                let names = phrasing.and(&names);
                say!(
                    phrasing,
                    format!("{subject}にタグ{names}{all}が付いている"),
                    format!("{subject} is tagged {names}"),
                    format!("{subject}带有标签{names}")
                )
            }
            TagMode::None => {
                let none = if several { "のいずれも" } else { "が" };
                let names = phrasing.or(&names);
                say!(
                    phrasing,
                    format!("{subject}にタグ{names}{none}付いていない"),
                    format!("{subject} is not tagged {names}"),
                    format!("{subject}没有标签{names}")
                )
            }
        }
    }

    fn holds(&self, seen: &Seen<'_>) -> bool {
        let test = self.test();
        let Some(tags) = T::tags(seen) else {
            return false;
        };
        let has = |&id: &Uuid| tags.has(id, test.with_descendants);
        match test.mode {
            TagMode::Any => test.tag_ids.iter().any(has),
            TagMode::All => test.tag_ids.iter().all(has),
            TagMode::None => !test.tag_ids.iter().any(has),
        }
    }

    fn actual(&self, seen: &Seen<'_>) -> Actual {
        let test = self.test();
        let tags = T::tags(seen);
        let has = |id: Uuid| tags.is_some_and(|tags| tags.has(id, test.with_descendants));
        let (present, absent) = test.tag_ids.iter().partition(|&&id| has(id));
        Actual::Tags { present, absent }
    }

    fn parts(&self, seen: &Seen<'_>, found: &mut Vec<Part>) {
        let test = self.test();
        if test.mode == TagMode::None {
            found.push(Part::new(What::Absent));
            return;
        }
        let tags = T::tags(seen);
        let has = |id: Uuid| tags.is_some_and(|tags| tags.has(id, test.with_descendants));
        let present = test.tag_ids.iter().filter(|&&id| has(id));
        found.extend(present.map(|&id| Part::new(T::part(id))));
    }

    fn anchors(&self, wanted: bool) -> Option<Vec<Anchor>> {
        let test = self.test();
        let anchor = |&id: &Uuid| T::anchor(id, test.with_descendants);
        match (test.mode, wanted) {
            (TagMode::Any, true) | (TagMode::None, false) => {
                test.tag_ids.iter().map(anchor).collect()
            }
            (TagMode::All, true) => Some(vec![anchor(test.tag_ids.first()?)?]),
            _ => None,
        }
    }

    fn asks(&self) -> Vec<Ask> {
        let test = self.test();
        let source = if test.with_descendants {
            TagSource::Expanded
        } else {
            TagSource::Direct
        };
        let mode = match test.mode {
            TagMode::Any => Mode::Any,
            TagMode::All => Mode::All,
            TagMode::None => Mode::None,
        };
        let of = test.tag_ids.iter().map(|&id| Element::Id(id)).collect();
        let measure = Measure::new(T::HOLDER, Source::Tags(source));
        vec![Ask::new(measure, Test::Has { mode, of })]
    }

    fn shallow(&self) -> bool {
        T::HOLDER != Holder::Account
    }

    fn excludes(&self, other: &Condition) -> bool {
        let Some(none) = T::same(other) else {
            return false;
        };
        let test = self.test();
        let sees_all = none.with_descendants || !test.with_descendants;
        if none.mode != TagMode::None || !sees_all || test.tag_ids.is_empty() {
            return false;
        }
        let excluded = |id: &Uuid| none.tag_ids.contains(id);
        match test.mode {
            TagMode::Any => test.tag_ids.iter().all(excluded),
            TagMode::All => test.tag_ids.iter().any(excluded),
            TagMode::None => false,
        }
    }

    fn references(&self, at: &Path, found: &mut Vec<Reference>) {
        reference::list(&at.at("tagIds"), T::KIND, &self.test().tag_ids, found);
    }

    fn replace(&mut self, kind: IdKind, from: Uuid, to: Uuid) {
        if kind == T::KIND {
            reference::replace(&mut self.test_mut().tag_ids, from, to);
        }
    }

    fn name_below(&mut self, below: &Below) {
        let test = self.test_mut();
        // Where each tag of a list must be there, a longer list would ask for more.
        if !test.with_descendants || test.mode == TagMode::All {
            return;
        }
        let named = test.tag_ids.iter().filter_map(|tag| below.get(tag));
        let more: BTreeSet<Uuid> = named
            .flatten()
            .copied()
            .filter(|tag| !test.tag_ids.contains(tag))
            .collect();
        test.tag_ids.extend(more);
    }
}
