//! The people of a call: as they are, and as its items make them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{
    contact,
    id::{ContactId, Id as _},
    kind::{IdentityKind, TagTarget},
};
use uuid::Uuid;

use super::{Checked, References, source::Sources, wish::Wishes};
use crate::{
    access::Origin,
    contact::{
        self as people, Mention, Stranger, Whom,
        bulk::{self, Key},
    },
    ctx::Ctx,
    error::Result,
    stage,
    store::Tx,
    tag::{Named, Reason},
    text,
    upsert::{
        around::Around,
        carried::{self, Carried, Thing},
    },
};

/// The people of a call, as the items so far have made them.
pub(super) struct People {
    pub(super) holders: HashMap<Whom, ContactId>,
    pub(super) erased: HashSet<Key>,
    pub(super) known: BTreeMap<ContactId, Person>,
    pub(super) wishes: Wishes,
}

/// Somebody before and after the call.
pub(super) struct Person {
    /// Nothing for one who is made.
    before: Option<contact::Model>,
    after: contact::Model,
    /// Identities they are given.
    keys: Vec<Key>,
    pub(super) carried: Carried,
}

impl People {
    /// Finds and holds everybody whom the items name.
    pub(super) async fn load(
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        origin: Origin,
        items: &[Checked],
        around: &Around,
    ) -> Result<Self> {
        let sound = items.iter().filter(|item| item.mistakes.is_empty());
        let named: Vec<&Whom> = sound
            .flat_map(|item| item.named.iter().map(|one| &one.whom))
            .collect();
        let mentions: Vec<Mention> = named
            .iter()
            .map(|&whom| Mention {
                whom: whom.clone(),
                name: None,
                stranger: Stranger::LeftOut,
            })
            .collect();
        let holders = people::resolve(ctx, tx, origin, &mentions).await?;
        // After the look-up: it has waited for whoever is being erased meanwhile.
        let unknown = named.iter().filter(|whom| !holders.contains_key(**whom));
        let unknown: BTreeSet<Key> = unknown.filter_map(|whom| whom.key().cloned()).collect();
        let unknown: Vec<Key> = unknown.into_iter().collect();
        let erased = bulk::erased(tx, &unknown).await?;
        let ids: BTreeSet<ContactId> = holders.values().copied().collect();
        let rows = bulk::hold(tx, &ids).await?;
        let wishes = Wishes::load(tx, items, &ids).await?;
        let things: Vec<Uuid> = rows.keys().map(|id| id.uuid()).collect();
        let mut carried = carried::load(tx, around, &things).await?;
        let known = rows.into_iter().map(|(id, row)| {
            let person = Person {
                before: Some(row.clone()),
                after: row,
                keys: Vec::new(),
                carried: carried.remove(&id.uuid()).unwrap_or_default(),
            };
            (id, person)
        });
        Ok(Self {
            holders,
            erased,
            known: known.collect(),
            wishes,
        })
    }

    /// Whom an item names, each once.
    pub(super) fn named(&self, item: &Checked) -> Vec<ContactId> {
        let mut found = Vec::new();
        for one in &item.named {
            if let Some(&id) = self.holders.get(&one.whom)
                && !found.contains(&id)
            {
                found.push(id);
            }
        }
        found
    }

    /// Begins somebody whom nobody knows yet.
    pub(super) fn begin(&mut self, tx: &Tx<'_>, item: &Checked, sources: &Sources) -> ContactId {
        let id: ContactId = tx.id();
        let told = item.said.name.as_deref();
        let name = item
            .keys()
            .next()
            .map(|key| people::display_name(told, key));
        let name = name.unwrap_or_default();
        let after = contact::Model {
            workspace_id: tx.workspace,
            id,
            account_id: sources.of_domain(item),
            name_key: text::name_key(&name),
            name,
            email: None,
            external_id: None,
            locale: None,
            created_at: tx.now,
            updated_at: tx.now,
            owner_id: None,
            stage: None,
            stage_rank: 0,
            source_channel: None,
            source_campaign_id: None,
            brought_by_id: None,
            phone: None,
            kana: None,
            kana_key: None,
            arrived_at: None,
            merged_into_id: None,
        };
        let person = Person {
            before: None,
            after,
            keys: Vec::new(),
            carried: Carried::default(),
        };
        self.known.insert(id, person);
        id
    }

    /// Has somebody recognised by what an item names them by; says whether any of it is new.
    pub(super) fn recognise(&mut self, id: ContactId, item: &Checked) -> bool {
        let mut is_news = false;
        for one in &item.named {
            let Some(key) = one.whom.key() else { continue };
            if self.holders.contains_key(&one.whom) {
                continue;
            }
            self.holders.insert(one.whom.clone(), id);
            if let Some(person) = self.known.get_mut(&id) {
                person.keys.push(key.clone());
            }
            is_news = true;
        }
        is_news
    }

    pub(super) async fn write(
        self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        reason: &Reason<'_>,
        tree: Option<&Named>,
    ) -> Result<()> {
        let (mut made, mut changed, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let mut things: Vec<Thing> = Vec::new();
        for (id, person) in self.known {
            keys.extend(person.keys.into_iter().map(|key| (key, id)));
            things.push(Thing {
                subject: id.into(),
                contact: Some(id),
                carried: person.carried,
            });
            match person.before {
                None => made.push(person.after),
                Some(before) if before != person.after => changed.push((before, person.after)),
                Some(_) => {}
            }
        }
        // The identities of all of them at once, in one order, so that two calls that bring the same
        // never wait for each other in a circle.
        let (origin, text) = (reason.origin, &reason.text);
        bulk::make(tx, origin, text, &made, &[]).await?;
        bulk::change(tx, origin, text, &changed, &[]).await?;
        let made: BTreeSet<ContactId> = made.iter().map(|one| one.id).collect();
        bulk::recognise(tx, origin, &made, &keys).await?;
        self.wishes.write(tx, origin, text).await?;
        let target = TagTarget::Contact;
        carried::give(ctx, tx, reason, target, tree, things).await
    }
}

impl Person {
    /// Sets what an item says; says whether any of it is new.
    pub(super) fn set(&mut self, item: &Checked, named: &References) -> bool {
        let (said, after) = (&item.said, &mut self.after);
        let was = after.clone();
        if let Some(name) = &said.name {
            after.name_key = text::name_key(name);
            after.name.clone_from(name);
        }
        if let Some(kana) = &said.kana {
            after.kana_key = kana.as_deref().map(text::reading_key);
            after.kana.clone_from(kana);
        }
        if let Some(locale) = &said.locale {
            after.locale.clone_from(locale);
        }
        if said.account.is_some() {
            after.account_id = named.account;
        }
        if said.common.owner.is_some() {
            after.owner_id = named.common.owner;
        }
        if let Some(stage) = said.common.stage {
            after.stage = stage;
            after.stage_rank = stage::rank(stage);
        }
        if let Some(channel) = said.source_channel {
            after.source_channel = channel;
        }
        if said.source_campaign.is_some() {
            after.source_campaign_id = named.campaign;
        }
        if said.brought_by.is_some() {
            after.brought_by_id = named.brought_by;
        }
        if let Some(at) = said.arrived_at {
            after.arrived_at = at;
        }
        show(
            &mut after.email,
            item,
            IdentityKind::Email,
            said.email.is_some(),
        );
        show(
            &mut after.phone,
            item,
            IdentityKind::Phone,
            said.phone.is_some(),
        );
        // Several systems may know one person: the first id goes on being shown, all go on being found.
        show(
            &mut after.external_id,
            item,
            IdentityKind::ExternalId,
            false,
        );
        *after != was
    }
}

/// Shows an identity of a kind in the contact's own field: where that is empty, or the item says that it
/// is the main one.
fn show(own: &mut Option<String>, item: &Checked, kind: IdentityKind, is_main: bool) {
    if let Some(value) = item.first(kind)
        && (is_main || own.is_none())
    {
        *own = Some(value.to_owned());
    }
}
