//! Which rules a list has: by what they wait for, what they name, and whether they run.

use domain::{
    action::Action,
    page::PageRequest,
    rule::{
        self, RuleFilter,
        trigger::{Trigger, TriggerWord},
    },
    store::Query,
};
use entity::{
    id::RuleId,
    kind::{AttributeType, SubjectKind, TagKind},
};
use serde_json::json;

use super::{on, tag_with};
use crate::support::{World, on_both};

async fn found(world: &World, filter: RuleFilter) -> Vec<RuleId> {
    let page = PageRequest::first(50);
    let found = rule::list(&world.ctx, world.owner.workspace, &filter, &page).await;
    let rows = found.expect("rules").rows.into_iter();
    rows.map(|(_, rule)| rule.id).collect()
}

#[test]
fn rules_are_found_by_trigger_attribute_and_whether_they_were_paused() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let seats =
            crate::people::define(&world, SubjectKind::Contact, "seats", AttributeType::Number)
                .await;
        let message = on(&world, Trigger::default(), tag_with(seen)).await.id;
        let stored = json!({"eventTracked": {"names": ["bought"]}});
        let event: Trigger = serde_json::from_value(stored).expect("a trigger");
        let set = json!([{"setContactAttribute": {"attributeId": seats.0, "value": null}}]);
        let set: Vec<Action> = serde_json::from_value(set).expect("actions");
        let event = on(&world, event, set).await.id;
        let paused = Query::new("UPDATE rule SET paused_at = $2 WHERE id = $1");
        let paused = paused.bind(message).bind(world.ctx.clock.now());
        let changed = paused.execute(world.ctx.db.writer()).await;
        assert_eq!(changed.expect("a pause"), 1);
        let all = RuleFilter::default;
        for (filter, expected) in [
            (all(), vec![message, event]),
            (
                RuleFilter {
                    triggers: vec![TriggerWord::EventTracked, TriggerWord::OnSchedule],
                    ..all()
                },
                vec![event],
            ),
            (
                RuleFilter {
                    attributes: vec![seats],
                    ..all()
                },
                vec![event],
            ),
            (
                RuleFilter {
                    paused_by_itself: Some(true),
                    ..all()
                },
                vec![message],
            ),
            (
                RuleFilter {
                    paused_by_itself: Some(false),
                    triggers: vec![TriggerWord::MessageReceived],
                    ..all()
                },
                vec![],
            ),
            (
                RuleFilter {
                    segments: vec![entity::id::SegmentId(uuid::Uuid::nil())],
                    ..all()
                },
                vec![],
            ),
        ] {
            let said = format!("{filter:?}");
            assert_eq!(found(&world, filter).await, expected, "{said}");
        }
        world
    });
}
