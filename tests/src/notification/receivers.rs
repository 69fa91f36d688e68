//! Receivers of targets and teams: what is refused.

use domain::{
    error::UserErrorCode::{InUse, Invalid, KindMismatch, NotFound, Required, Taken, TooLong},
    naming::By,
    notification::{
        Receivers,
        manage::{self, NewTarget, TargetChanges},
        receiver, uses,
    },
    page::PageRequest,
    rule::{self, Limits, NewRule, RuleFilter, trigger::Trigger},
    team,
};
use entity::{
    id::{MemberId, TeamId},
    kind::{
        Role,
        TargetKind::{self, Email, InApp, Slack},
    },
};
use uuid::Uuid;

use super::{greeted, mistakes, stored};
use crate::{
    access::house::member_of,
    support::{
        World,
        engine::{Receiver, notify, words},
        on_both,
    },
};

#[test]
fn receivers_that_cannot_be_reached_are_refused_when_the_target_is_made() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = World::workspace(ctx, "Elsewhere", "else.example").await;
        let theirs = team::create(ctx, &stranger, "Theirs", vec![])
            .await
            .unwrap();
        let to = |addresses: &[&str]| Receivers {
            addresses: addresses.iter().map(|&one| one.to_owned()).collect(),
            ..Receivers::default()
        };
        let everybody = Receivers {
            everybody: true,
            ..Receivers::default()
        };
        let ours = team::create(ctx, owner, "Ours", vec![]).await.unwrap();
        let team = |id| Receivers {
            teams: vec![id],
            ..Receivers::default()
        };
        let second = |id| Receivers {
            teams: vec![ours.id, id],
            ..Receivers::default()
        };
        let member = |id| Receivers {
            members: vec![id],
            ..Receivers::default()
        };
        for (kind, receivers, path, code) in [
            (Email, Receivers::default(), "receivers", Required),
            (InApp, Receivers::default(), "receivers", Required),
            (
                InApp,
                to(&["a@b.example"]),
                "receivers.addresses",
                KindMismatch,
            ),
            (Email, to(&["nobody"]), "receivers.addresses.0", Invalid),
            (
                Email,
                to(&["a@b.example", "a@b.example\r\nBcc: c@d.example"]),
                "receivers.addresses.1",
                Invalid,
            ),
            (
                Email,
                to(&["縁@b.example"]),
                "receivers.addresses.0",
                Invalid,
            ),
            (Email, to(&["a@b.example"; 51]), "receivers", TooLong),
            (InApp, team(theirs.id), "receivers.teamIds.0", NotFound),
            (InApp, second(theirs.id), "receivers.teamIds.1", NotFound),
            (
                InApp,
                team(TeamId(Uuid::nil())),
                "receivers.teamIds.0",
                NotFound,
            ),
            (
                InApp,
                member(stranger.member),
                "receivers.memberIds.0",
                NotFound,
            ),
            (
                InApp,
                member(MemberId(Uuid::nil())),
                "receivers.memberIds.0",
                NotFound,
            ),
        ] {
            let new = NewTarget::to(kind, "people", receivers);
            let found = mistakes(manage::create(ctx, owner, new).await);
            assert_eq!(found, [(path.to_owned(), code)]);
        }
        let new = NewTarget {
            receivers: everybody.clone(),
            ..NewTarget::at(Slack, "slack", "https://hooks.slack.com/services/T/B/x")
        };
        let found = mistakes(manage::create(ctx, owner, new).await);
        assert_eq!(found, [("receivers".to_owned(), KindMismatch)]);
        let new = NewTarget {
            url: "https://receiver.example/".into(),
            ..NewTarget::to(Email, "people", everybody)
        };
        let found = mistakes(manage::create(ctx, owner, new).await);
        assert_eq!(found, [("url".to_owned(), KindMismatch)]);
        let new = NewTarget::at(TargetKind::Webhook, "hook", "");
        let found = mistakes(manage::create(ctx, owner, new).await);
        assert_eq!(found, [("url".to_owned(), Required)]);
        assert!(manage::list(ctx, owner.workspace).await.unwrap().is_empty());
        world
    });
}

#[test]
fn receivers_are_kept_as_they_were_given_and_changed_as_a_whole() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let sales = team::create(ctx, owner, "Sales", vec![owner.member]).await;
        let given = Receivers {
            everybody: false,
            teams: vec![sales.unwrap().id],
            members: vec![owner.member],
            addresses: vec!["B@B.example".to_owned(), "a@b.example".to_owned()],
            ..Receivers::default()
        };
        let new = NewTarget::to(TargetKind::Email, "people", given.clone());
        let target = world.target_of(new).await;
        let reader = ctx.reader();
        let kept = receiver::load(reader, owner.workspace, &[target]).await;
        let expected = Receivers {
            addresses: vec!["a@b.example".to_owned(), "b@b.example".to_owned()],
            ..given
        };
        assert_eq!(kept.unwrap()[&target], expected);
        let everybody = Receivers {
            everybody: true,
            ..Receivers::default()
        };
        let changes = TargetChanges {
            receivers: Some(everybody.clone()),
            ..TargetChanges::default()
        };
        manage::update(ctx, owner, target, changes).await.unwrap();
        let kept = receiver::load(ctx.reader(), owner.workspace, &[target]).await;
        assert_eq!(kept.unwrap()[&target], everybody);
        world
    });
}

#[test]
fn teams_have_names_of_their_own_and_are_not_deleted_while_something_goes_to_them() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let sales = team::create(ctx, owner, "Sales", vec![agent.member]).await;
        let sales = sales.unwrap();
        let field = |path: &str, code| [(path.to_owned(), code)];
        let taken = team::create(ctx, owner, "ＳＡＬＥＳ", vec![]).await;
        assert_eq!(mistakes(taken), field("name", Taken));
        let unnamed = team::create(ctx, owner, " ", vec![]).await;
        assert_eq!(mistakes(unnamed), field("name", Required));
        let nobody = vec![MemberId(Uuid::nil())];
        let absent = team::create(ctx, owner, "New", nobody.clone()).await;
        assert_eq!(mistakes(absent), field("memberIds", NotFound));
        let absent = team::set_members(ctx, owner, sales.id, nobody).await;
        assert_eq!(mistakes(absent), field("memberIds", NotFound));
        assert!(team::create(ctx, &agent, "Mine", vec![]).await.is_err());
        let renamed = team::rename(ctx, owner, sales.id, "営業").await.unwrap();
        assert_eq!(renamed.name, "営業");
        let receivers = Receivers {
            teams: vec![sales.id],
            ..Receivers::default()
        };
        let new = NewTarget::to(TargetKind::InApp, "list", receivers);
        let target = world.target_of(new).await;
        let used = team::delete(ctx, owner, sales.id).await;
        assert_eq!(mistakes(used), field("id", InUse));
        let changes = TargetChanges {
            receivers: Some(Receivers {
                everybody: true,
                ..Receivers::default()
            }),
            ..TargetChanges::default()
        };
        manage::update(ctx, owner, target, changes).await.unwrap();
        team::delete(ctx, owner, sales.id).await.unwrap();
        assert!(team::list(ctx, owner.workspace).await.unwrap().is_empty());
        let gone = team::delete(ctx, owner, sales.id).await;
        assert_eq!(mistakes(gone), field("id", NotFound));
        let stranger = World::workspace(ctx, "Elsewhere", "else.example").await;
        let other = team::create(ctx, owner, "Other", vec![]).await.unwrap();
        let absent = team::rename(ctx, &stranger, other.id, "x").await;
        assert_eq!(mistakes(absent), field("id", NotFound));
        world
    });
}

#[test]
fn a_target_is_deleted_once_nothing_notifies_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let target = world.target("sales").await;
        let ids = greeted(&world, target, 2).await;
        let receiver = Receiver::default();
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        let page = PageRequest::first(9);
        let rules = rule::list(ctx, owner.workspace, &RuleFilter::default(), &page).await;
        let rule = rules.unwrap().rows[0].1.id;
        let used = uses::list(ctx, owner.workspace, target).await.unwrap();
        let used: Vec<_> = used.into_iter().map(|one| (one.by, one.id)).collect();
        assert_eq!(used, [(By::Rule, rule.to_string())]);
        let found = mistakes(manage::delete(ctx, owner, target).await);
        assert_eq!(found, [("id".to_owned(), InUse)]);

        rule::delete(ctx, owner, rule).await.unwrap();
        let deleted = manage::delete(ctx, owner, target).await.unwrap();
        assert!(deleted.deleted_at.is_some() && deleted.disabled_at.is_some());
        assert_eq!(
            (deleted.sealed_url.as_str(), deleted.masked_url.as_str()),
            ("", "")
        );
        assert!(manage::list(ctx, owner.workspace).await.unwrap().is_empty());
        // What is on its way is not sent any more, and what was sent stays in the log.
        world.hurry().await;
        assert_eq!(world.deliver(&receiver).await.failed, 1);
        let mut states = Vec::new();
        for id in ids {
            states.push(stored(&world, id).await.state.word());
        }
        states.sort_unstable();
        assert_eq!(states, ["DELIVERED", "FAILED"]);
        let gone = [("id".to_owned(), NotFound)];
        let changes = TargetChanges {
            enabled: Some(true),
            ..TargetChanges::default()
        };
        assert_eq!(
            mistakes(manage::update(ctx, owner, target, changes).await),
            gone
        );
        assert_eq!(mistakes(manage::delete(ctx, owner, target).await), gone);
        // Its name is free, and nothing new may notify it.
        world.target("sales").await;
        let new = NewRule {
            name: "again".to_owned(),
            trigger: Trigger::default(),
            condition: words(&["hello"]),
            actions: vec![notify(target)],
            limits: Limits::default(),
        };
        let found = mistakes(rule::create(ctx, owner, new).await);
        assert_eq!(found, [("actions.0.notify.targetId".to_owned(), NotFound)]);
        world
    });
}
