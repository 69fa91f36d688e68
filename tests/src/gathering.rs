//! What several things are asked at one moment is asked at once, and answered as if each had been asked alone.

use chrono::TimeDelta;
use domain::{
    contact::{self, NewContact},
    ctx::Ctx,
    fact::Of,
    note,
    page::PageRequest,
    store::Query,
    subject::Subject,
    timeline,
};
use entity::id::{ContactId, WorkspaceId};
use futures::future::join_all;

use crate::support::{World, on_both};

/// People with no note, one, two and so on.
async fn people(world: &World, count: usize) -> Vec<ContactId> {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let mut people = Vec::new();
    for number in 0..count {
        let new = NewContact {
            name: format!("Person {number}"),
            ..NewContact::default()
        };
        let id = contact::create(ctx, owner, new).await.unwrap().id;
        for written in 0..number {
            world.clock.advance(TimeDelta::milliseconds(1));
            let body = format!("Note {written} on {number}");
            note::add(ctx, owner, Subject::from(id), &["id"], &body)
                .await
                .unwrap();
        }
        people.push(id);
    }
    people
}

/// What pages of one person tell, and how many notes there are in all.
async fn told(ctx: &Ctx, workspace: WorkspaceId, person: ContactId) -> Vec<String> {
    let page = PageRequest::first(2);
    let notes = note::list(ctx, workspace, Subject::from(person), &page).await;
    let notes = notes.unwrap();
    let total = notes.total.count(ctx).await.unwrap();
    let entries = timeline::list(ctx, workspace, Of::Contact(person), &[], &page).await;
    let mut told = vec![format!("{total} notes, more: {}", notes.has_next)];
    let notes = notes.rows.into_iter();
    told.extend(notes.map(|(cursor, note)| format!("{cursor} {}", note.body)));
    let entries = entries.unwrap().rows.into_iter();
    told.extend(entries.map(|(cursor, _)| cursor));
    told
}

#[test]
fn what_is_asked_together_is_answered_as_if_each_had_been_asked_alone() {
    on_both(|world| async move {
        let workspace = world.owner.workspace;
        let other = World::workspace(&world.ctx, "Elsewhere", "elsewhere.example").await;
        let mut people = people(&world, 5).await;
        // Who is asked for twice, and nobody.
        people.push(people[3]);
        people.push(world.ctx.id());
        world.drain().await;
        let mut alone = Vec::new();
        for person in &people {
            alone.push(told(&world.ctx, workspace, *person).await);
        }
        assert!(alone[3][0].starts_with("3 notes, more: true"), "{alone:?}");
        let gathering = world.ctx.walled_to(workspace).gathering();
        let all = people.iter();
        let all = all.map(|person| told(&gathering, workspace, *person));
        assert_eq!(join_all(all).await, alone);
        // Somebody else's workspace, asked in the same breath, has none of them.
        let gathering = world.ctx.gathering();
        let all = [workspace, other.workspace].map(|asked| told(&gathering, asked, people[3]));
        let found = join_all(all).await;
        assert_eq!(found[0], alone[3]);
        assert_eq!(found[1], ["0 notes, more: false"]);
        world
    });
}

#[test]
fn lists_of_ids_of_any_length_are_asked_for_together() {
    on_both(|world| async move {
        let workspace = world.owner.workspace;
        let people = people(&world, 4).await;
        let gathering = world.ctx.gathering();
        let lists = [&people[..2], &people[2..3], &people[..0], &people[..]];
        let found = lists.map(|ids| contact::load(&gathering, workspace, ids));
        for (found, ids) in join_all(found).await.into_iter().zip(lists) {
            let mut found: Vec<_> = found.unwrap().iter().map(|one| one.id).collect();
            found.sort_unstable();
            let mut wanted = ids.to_vec();
            wanted.sort_unstable();
            assert_eq!(found, wanted);
        }
        world
    });
}

#[test]
fn what_cannot_be_done_is_refused_to_each() {
    on_both(|world| async move {
        let gathering = world.ctx.gathering();
        let ask = |id: ContactId| {
            let query = Query::new("SELECT n.nothing FROM contact n WHERE n.id = $1").bind(id);
            query.column::<String>(gathering.reader())
        };
        let both = join_all([ask(world.ctx.id()), ask(world.ctx.id())]).await;
        for refused in both {
            assert!(refused.unwrap_err().to_string().contains("nothing"));
        }
        world
    });
}
