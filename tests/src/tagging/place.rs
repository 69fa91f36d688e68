//! Where a mistake stands in the lists of what tags things and takes tags off.

use domain::{
    contact::ContactFilter,
    tag::{
        NewTag, NewTaggings,
        tagging::{self, NewBulk, Which},
    },
};
use entity::{
    id::{AccountId, ContactId, Id as _},
    kind::{TagKind, TagTarget},
};

use super::steps::{people, single_group, tag};
use crate::support::{on_both, refusal::refusals};

#[test]
fn what_is_not_there_or_does_not_fit_is_told_with_its_place_in_the_list() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 1).await[0];
        let small = tag(&world, "Small", None).await;
        let large = tag(&world, "Large", None).await;
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let size = single_group(&world, &[small, large]).await;
        let tags = vec![small, ctx.id(), topic, large];
        let things = vec![
            (TagTarget::Contact, who.uuid()),
            (TagTarget::Contact, ctx.id::<ContactId>().uuid()),
            (TagTarget::Account, ctx.id::<AccountId>().uuid()),
        ];
        let not_there = [
            "tagIds.1 NotFound",
            "tagIds.2 KindMismatch",
            "contactIds.1 NotFound",
            "accountIds.0 NotFound",
        ];
        let off = tagging::untag_things(ctx, owner, &tags, &things, "").await;
        assert_eq!(refusals(off), not_there);
        let on = NewTaggings {
            things,
            tags,
            ..NewTaggings::default()
        };
        let on = refusals(tagging::tag_things(ctx, owner, on).await);
        assert_eq!(on[0], "tagIds.3 Contradictory");
        assert_eq!(on[1..], not_there);

        let medium = NewTag {
            group: Some(size),
            ..NewTag::named(TagKind::Contact, "Medium")
        };
        let made = NewTaggings {
            things: vec![(TagTarget::Contact, who.uuid())],
            tags: vec![small],
            create: vec![medium],
            ..NewTaggings::default()
        };
        let made = tagging::tag_things(ctx, owner, made).await;
        assert_eq!(refusals(made), ["create.0 Contradictory"]);

        let everybody = NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add: vec![small],
            remove: vec![large, ctx.id()],
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        let refused = tagging::tag_by_filter(ctx, owner, everybody, false).await;
        assert_eq!(refusals(refused), ["removeTagIds.1 NotFound"]);
        world
    });
}
