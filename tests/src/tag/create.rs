//! Making and changing tags: what is refused, and at which place.

use domain::{
    access::Scope,
    error::{Error, UserErrorCode},
    tag::{
        NewTag, TagChanges,
        catalogue::{self, Draft, ForestFilter},
    },
    workspace::{self, WorkspaceChanges},
};
use entity::kind::{Role, TagCreation, TagKind, TagSelection};

use super::support::{check, group, mistakes, one, tag, tag_in};
use crate::{
    access::house::member_of,
    support::{World, on_both},
};

fn named(name: &str) -> NewTag {
    NewTag::named(TagKind::Contact, name)
}

fn described(description: String) -> NewTag {
    NewTag {
        description,
        ..named("Described")
    }
}

#[test]
fn length_is_counted_as_a_person_counts() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let family = "👨‍👩‍👧‍👦";
        let accented = "e\u{301}\u{327}";
        for (place, text) in ["縁", family, accented].into_iter().enumerate() {
            let fits = NewTag {
                description: text.repeat(255),
                ..named(&format!("Fits {place}"))
            };
            let made = catalogue::create(ctx, owner, fits).await.unwrap();
            assert_eq!(made.description, text.repeat(255));
            let over = catalogue::create(ctx, owner, described(text.repeat(256))).await;
            assert_eq!(mistakes(over), one("description", UserErrorCode::TooLong));
        }
        let name = catalogue::create(ctx, owner, named(&family.repeat(64))).await;
        assert_eq!(name.unwrap().name, family.repeat(64));
        let over = catalogue::create(ctx, owner, named(&"縁".repeat(65))).await;
        assert_eq!(mistakes(over), one("name", UserErrorCode::TooLong));
        for blank in [" \u{3000}", "\u{200b}", "\u{feff} \u{2060}\u{200d}"] {
            let empty = catalogue::create(ctx, owner, named(blank)).await;
            assert_eq!(mistakes(empty), one("name", UserErrorCode::Required));
        }
        world
    });
}

#[test]
fn a_name_is_unique_among_its_siblings_whatever_its_case_and_width() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let root = tag(&world, "ＶＩＰ", None).await;
        let taken = one("name", UserErrorCode::Taken);
        assert_eq!(
            mistakes(catalogue::create(ctx, owner, named("vip")).await),
            taken
        );
        // What cannot be seen makes no other name.
        for alike in ["VIP\u{200b}", "\u{feff}VIP", "V\u{200d}IP"] {
            let again = catalogue::create(ctx, owner, named(alike)).await;
            assert_eq!(mistakes(again), taken, "{alike:?}");
        }
        // The same name elsewhere is another tag.
        tag(&world, "vip", Some(root)).await;
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        tag_in(&world, "Vip", industry).await;
        let again = NewTag {
            group: Some(industry),
            ..named("ｖｉｐ")
        };
        assert_eq!(mistakes(catalogue::create(ctx, owner, again).await), taken);
        let kana = tag(&world, "ﾊﾟｰﾄﾅｰ", None).await;
        assert_eq!(
            mistakes(catalogue::create(ctx, owner, named("パートナー")).await),
            taken
        );
        let topic = NewTag::named(TagKind::Conversation, "VIP");
        catalogue::create(ctx, owner, topic).await.unwrap();
        // A tag may be given its own name in another spelling, but not another's.
        let rename = |name: &str| TagChanges {
            name: Some(name.to_owned()),
            ..Default::default()
        };
        catalogue::update(ctx, owner, kana, rename("パートナー"))
            .await
            .unwrap();
        let clash = catalogue::update(ctx, owner, kana, rename("Vip")).await;
        assert_eq!(mistakes(clash), taken);
        check(&world).await;
        world
    });
}

#[test]
fn a_tag_and_what_it_hangs_on_must_be_here_and_of_one_kind() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let foreign = catalogue::create(ctx, &stranger, named("Theirs"))
            .await
            .unwrap()
            .id;
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        let size = group(&world, "Size", TagSelection::Multi).await;
        let it = tag_in(&world, "IT", industry).await;
        let below = |parent, group, kind| NewTag {
            parent: Some(parent),
            group,
            ..NewTag::named(kind, "New")
        };
        let contact = TagKind::Contact;
        let cases = [
            (
                below(foreign, None, contact),
                one("parentId", UserErrorCode::NotFound),
            ),
            (
                below(it, None, TagKind::Conversation),
                one("parentId", UserErrorCode::KindMismatch),
            ),
            (
                below(it, Some(size), contact),
                one("groupId", UserErrorCode::Contradictory),
            ),
            (
                NewTag {
                    group: Some(industry),
                    ..NewTag::named(TagKind::Conversation, "New")
                },
                one("groupId", UserErrorCode::KindMismatch),
            ),
            (
                NewTag {
                    colour: Some("blue".to_owned()),
                    ..named("New")
                },
                one("colour", UserErrorCode::Invalid),
            ),
        ];
        for (new, expected) in cases {
            let refused = catalogue::create(ctx, owner, new.clone()).await;
            assert_eq!(mistakes(refused), expected, "{new:?}");
        }
        // Below a parent the group is the parent's, named or not.
        for group in [None, Some(industry)] {
            let new = NewTag {
                name: format!("New {}", group.is_some()),
                ..below(it, group, contact)
            };
            let made = catalogue::create(ctx, owner, new).await.unwrap();
            assert_eq!(made.group_id, Some(industry));
        }
        catalogue::archive(ctx, owner, it).await.unwrap();
        let archived = catalogue::create(ctx, owner, below(it, None, contact)).await;
        assert_eq!(mistakes(archived), one("parentId", UserErrorCode::Invalid));
        let mut deepest = tag(&world, "Level 1", None).await;
        for level in 2..=catalogue::DEPTH_LIMIT {
            deepest = tag(&world, &format!("Level {level}"), Some(deepest)).await;
        }
        let deeper = catalogue::create(ctx, owner, below(deepest, None, contact)).await;
        assert_eq!(
            mistakes(deeper),
            one("parentId", UserErrorCode::LimitReached)
        );
        check(&world).await;
        world
    });
}

/// Whether it was refused because this role does not have this scope.
fn denied<T>(result: &domain::error::Result<T>, by: Role, of: Scope) -> bool {
    matches!(result, Err(Error::RoleForbids { role, scope }) if *role == by && *scope == of)
}

#[test]
fn who_may_make_tags_is_a_setting_and_changing_the_tree_is_not() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let viewer = member_of(ctx, owner, Role::Viewer).await;
        let refused = catalogue::create(ctx, &agent, named("Mine")).await;
        assert!(denied(&refused, Role::Agent, Scope::Configure));
        let changes = WorkspaceChanges {
            tag_creation: Some(TagCreation::Members),
            ..Default::default()
        };
        workspace::update(ctx, owner, changes).await.unwrap();
        let made = catalogue::create(ctx, &agent, named("Mine")).await.unwrap();
        let refused = catalogue::create(ctx, &viewer, named("Theirs")).await;
        assert!(denied(&refused, Role::Viewer, Scope::Write));
        let refused = catalogue::update(ctx, &agent, made.id, TagChanges::default()).await;
        assert!(denied(&refused, Role::Agent, Scope::Configure));
        world
    });
}

#[test]
fn a_preview_shows_the_way_and_what_would_be_refused_and_writes_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let industry = group(&world, "業種", TagSelection::Multi).await;
        let it = tag_in(&world, "IT", industry).await;
        let saas = tag(&world, "SaaS", Some(it)).await;
        let draft = |name: &str, parent| Draft {
            id: None,
            kind: TagKind::Contact,
            name: name.to_owned(),
            description: String::new(),
            colour: Some("#ABCDEF".to_owned()),
            parent,
            group: None,
        };
        let shown = catalogue::preview(ctx, owner, draft(" CRM ", Some(saas)))
            .await
            .unwrap();
        assert_eq!(shown.name, "CRM");
        assert_eq!(shown.colour, "#abcdef");
        assert_eq!(shown.path, ["IT", "SaaS", "CRM"]);
        assert_eq!(shown.group.map(|group| group.name).as_deref(), Some("業種"));
        assert!(shown.errors.is_empty());
        let taken = catalogue::preview(ctx, owner, draft("saas", Some(it)))
            .await
            .unwrap();
        assert_eq!(taken.errors[0].code, UserErrorCode::Taken);
        let own = Draft {
            id: Some(saas),
            ..draft("saas", Some(it))
        };
        let own = catalogue::preview(ctx, owner, own).await.unwrap();
        assert!(own.errors.is_empty());
        let cycle = Draft {
            id: Some(it),
            ..draft("IT", Some(saas))
        };
        let cycle = catalogue::preview(ctx, owner, cycle).await.unwrap();
        assert_eq!(cycle.errors[0].code, UserErrorCode::Cycle);
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        assert_eq!(forest.list(ForestFilter::default()).count(), 2);
        world
    });
}

#[test]
fn the_tree_that_is_kept_follows_every_change() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let names = async |archived| {
            let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
            let filter = ForestFilter {
                archived,
                ..Default::default()
            };
            let tags: Vec<String> = forest
                .list(filter)
                .map(|tag| forest.path(tag).join("/"))
                .collect();
            tags
        };
        assert!(names(true).await.is_empty());
        let top = tag(&world, "Top", None).await;
        let low = tag(&world, "Low", Some(top)).await;
        assert_eq!(names(false).await, ["Top/Low", "Top"]);
        let rename = TagChanges {
            name: Some("Peak".to_owned()),
            ..Default::default()
        };
        catalogue::update(ctx, owner, top, rename).await.unwrap();
        assert_eq!(names(false).await, ["Peak/Low", "Peak"]);
        catalogue::archive(ctx, owner, low).await.unwrap();
        assert_eq!(names(false).await, ["Peak"]);
        assert_eq!(names(true).await, ["Peak/Low", "Peak"]);
        world
    });
}
