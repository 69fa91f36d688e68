//! Tags that rules put on while a contact or an account is in a segment, and that come off when it leaves: never
//! what somebody else has set or taken over. With their reasons (`reason`), when people or tags become one and are
//! taken apart again (`merged`), and what is refused or does nothing (`fit`). Here is a segment with such a rule.

mod fit;
mod merged;
mod reason;

use domain::{
    action::{Action, TagContact},
    condition::TagMode,
    page::PageRequest,
    rule::{
        self, Limits, NewRule, Rule,
        definition::always,
        trigger::{ContactEnteredSegment, Trigger},
    },
    tag::tagging,
};
use entity::{
    id::{ContactId, SegmentId, TagId},
    kind::{TagKind, TaggingEnd},
};
use uuid::Uuid;

use super::{made, person, put, settle, tagged, take};
use crate::support::World;

fn while_in(tag: TagId, segment: SegmentId) -> Action {
    Action::TagContact(TagContact {
        tag_ids: vec![tag.0],
        expires_in_seconds: None,
        while_in_segment_id: Some(segment.0),
    })
}

fn entered(segment: SegmentId) -> Trigger {
    Trigger::ContactEnteredSegment(ContactEnteredSegment {
        segment_ids: vec![segment.0],
    })
}

fn draft(name: &str, trigger: Trigger, action: Action) -> NewRule {
    NewRule {
        name: name.to_owned(),
        trigger,
        condition: always(),
        actions: vec![action],
        limits: Limits::default(),
    }
}

async fn rule_on(world: &World, name: &str, trigger: Trigger, action: Action) -> Rule {
    let made = rule::create(&world.ctx, &world.owner, draft(name, trigger, action)).await;
    made.expect("a rule")
}

/// What the thing carries of `tag`.
async fn carried(world: &World, thing: Uuid, tag: TagId) -> Option<entity::tagging::Model> {
    let found = tagging::load_active(&world.ctx, world.owner.workspace, &[thing]).await;
    let mut found = found.expect("taggings").into_iter();
    found.find(|one| one.tag_id == tag)
}

/// How the taggings of a contact with `tag` ended, the latest last; nothing for one that holds.
async fn ends(world: &World, contact: ContactId, tag: TagId) -> Vec<Option<TaggingEnd>> {
    let page = PageRequest::first(100);
    let found = tagging::history(&world.ctx, world.owner.workspace, contact.0, &page).await;
    let rows = found.expect("a history").rows.into_iter().rev();
    let of_tag = rows.filter(|(_, row)| row.tag_id == tag);
    of_tag.map(|(_, row)| row.ended).collect()
}

/// A segment of those tagged VIP, a tag, and a rule that puts it on whoever comes in while they are in it.
struct Stage<'w> {
    world: &'w World,
    vip: TagId,
    hot: TagId,
    vips: SegmentId,
    rule: Rule,
}

impl<'w> Stage<'w> {
    async fn new(world: &'w World) -> Self {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let vips = made(world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        let rule = rule_on(world, "Heat", entered(vips), while_in(hot, vips)).await;
        Self {
            world,
            vip,
            hot,
            vips,
            rule,
        }
    }

    async fn comes_in(&self, name: &str) -> ContactId {
        let who = person(self.world, name).await;
        put(self.world, who, self.vip).await;
        settle(self.world).await;
        assert!(self.is_hot(who).await, "{name} came in");
        who
    }

    async fn goes_out(&self, who: ContactId) {
        take(self.world, who, self.vip).await;
        settle(self.world).await;
    }

    async fn is_hot(&self, who: ContactId) -> bool {
        carried(self.world, who.0, self.hot).await.is_some()
    }
}
