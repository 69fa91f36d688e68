//! Which member wrote a message, as its sender says.

use chrono::TimeDelta;
use domain::{
    access::member::{self, NewMember},
    conversation::{self, MessageFilter, NewMessage, Written},
    page::PageRequest,
    upsert::MemberRef,
};
use entity::{
    id::MemberId,
    kind::{Author, Role},
};
use uuid::Uuid;

use super::steps::{said, take_in, the_inbox};
use crate::support::{World, on_both, refusal::refusals};

fn by(member: MemberRef, message: NewMessage) -> Written {
    Written {
        message,
        member: Some(member),
    }
}

/// Each message by its sender's id, with the member who wrote it.
async fn written(world: &World) -> Vec<(String, Option<MemberId>)> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(10);
    let found = conversation::list_messages(ctx, workspace, &MessageFilter::default(), &page).await;
    let rows = found.unwrap().rows.into_iter().rev();
    rows.map(|(_, row)| (row.external_id, row.member_id))
        .collect()
}

#[test]
fn a_message_names_the_member_who_wrote_it_by_id_or_address() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = the_inbox(&world).await;
        world.clock.advance(TimeDelta::minutes(10));
        let new = NewMember {
            email: "mika@example.com".to_owned(),
            name: "Mika".to_owned(),
            role: Role::Agent,
        };
        let mika = member::add(ctx, owner, new).await.unwrap().id;
        member::remove(ctx, owner, mika).await.unwrap();
        let email = MemberRef::Email("Mika@Example.com".to_owned());
        let answers = vec![
            Written::from(said("a", 1, 0, Author::Contact)),
            by(MemberRef::Id(owner.member), said("a", 2, 1, Author::Member)),
            by(email, said("a", 3, 2, Author::Member)),
        ];
        conversation::ingest(ctx, owner, inbox, answers)
            .await
            .unwrap();
        take_in(&world, vec![said("a", 4, 3, Author::Member)]).await;
        let name = |n: i64| format!("a {n}");
        assert_eq!(
            written(&world).await,
            [
                (name(1), None),
                (name(2), Some(owner.member)),
                (name(3), Some(mika)),
                (name(4), None),
            ]
        );
        world
    });
}

#[test]
fn a_member_who_is_not_there_or_cannot_have_written_it_is_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = the_inbox(&world).await;
        world.clock.advance(TimeDelta::minutes(10));
        let nobody = MemberRef::Id(Uuid::nil().into());
        let unknown = MemberRef::Email("nobody@example.com".to_owned());
        let messages = vec![
            by(nobody, said("a", 1, 0, Author::Member)),
            by(unknown, said("a", 2, 1, Author::Member)),
            by(
                MemberRef::Id(owner.member),
                said("a", 3, 2, Author::Contact),
            ),
        ];
        let refused = conversation::ingest(ctx, owner, inbox, messages).await;
        assert_eq!(
            refusals(refused),
            [
                "messages.0.member.id NotFound",
                "messages.1.member.email NotFound",
                "messages.2.member Contradictory",
            ]
        );
        assert!(written(&world).await.is_empty());
        world
    });
}
