//! What a rule that is tried would tell its targets.

use domain::{
    action::{Action, Notify},
    notification::manage::{self, TargetChanges},
    rule::{
        Limits,
        definition::{Definition, always},
        rehearse::{SampleNotice, Subject, rehearse},
        trigger::Trigger,
    },
};
use entity::id::TargetId;

use super::{on, rehearsal::rows};
use crate::support::{World, engine::notify, on_both};

fn saying(target: TargetId) -> Action {
    Action::Notify(Notify {
        target_id: target.0,
        title: Some("Somebody asks for the price".to_owned()),
        text: Some("{{ contact.email }}: {{ message.excerpt }}{{ trigger.tag }}".to_owned()),
    })
}

async fn switch_off(world: &World, target: TargetId) {
    let changes = TargetChanges {
        enabled: Some(false),
        ..TargetChanges::default()
    };
    manage::update(&world.ctx, &world.owner, target, changes)
        .await
        .unwrap();
}

#[test]
fn each_sample_says_what_would_be_sent_about_it_and_nothing_is() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let sales = world.target("sales").await;
        let off = world.target("off").await;
        world
            .receive(&[
                ("1", "a@c.example", "the price"),
                ("2", "b@c.example", "how much"),
            ])
            .await;
        world.drain().await;
        let actions = vec![saying(sales), notify(sales), notify(off)];
        let rule = on(&world, Trigger::default(), actions).await;
        switch_off(&world, off).await;
        let found = rehearse(ctx, owner, Subject::Saved(rule.id), 7).await;
        let samples = found.unwrap().samples;
        let said: Vec<&[SampleNotice]> = samples.iter().map(|one| &one.notices[..]).collect();
        // The newest first, and nothing to the target that is off.
        for (notices, words) in said
            .iter()
            .zip(["b@c.example: how much", "a@c.example: the price"])
        {
            let [own, usual] = notices else {
                panic!("{notices:?}")
            };
            assert_eq!(own.target, sales);
            let title = own.title.as_deref();
            assert_eq!(title, Some("Somebody asks for the price"));
            assert_eq!(own.text, words);
            assert_eq!(usual.title.as_deref(), Some("a rule"));
            let (who, what) = words.split_once(": ").unwrap();
            assert!(usual.text.contains(who) && usual.text.contains(what));
        }
        assert_eq!(said.len(), 2);

        let draft = Definition {
            trigger: Trigger::default(),
            condition: always(),
            actions: vec![notify(sales)],
            limits: Limits::default(),
        };
        let subject = Subject::Draft(Box::new(draft));
        let found = rehearse(ctx, owner, subject, 7).await.unwrap();
        assert_eq!(found.samples[0].notices[0].title, None);
        assert_eq!(rows(&world, "delivery").await, 0);
        world
    });
}
