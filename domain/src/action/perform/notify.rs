//! Telling notification targets.

use entity::id::{DeliveryId, Id as _};

use super::Step;
use crate::{
    action::{OutcomeResult, board::Decision},
    ctx::Ctx,
    error::Result,
    notification::delivery::{self, NewDelivery, Payload},
    store::Tx,
};

/// Writes a delivery for each target that is told, under the id that its result names.
pub(super) async fn send(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
    results: &[OutcomeResult],
) -> Result<()> {
    let new: Vec<NewDelivery> = steps
        .iter()
        .zip(results)
        .filter_map(|(step, result)| match (&step.decision, result) {
            (
                Decision::Notify {
                    target,
                    title,
                    text,
                },
                OutcomeResult::Queued { delivery_id, .. },
            ) => Some(NewDelivery {
                id: DeliveryId(delivery_id.uuid()),
                target: *target,
                rule: step.by.origin.rule(),
                firing: step.by.firing,
                contact: step.case.contact,
                payload: payload(step, title.clone(), text.clone()),
                not_before: step.by.not_before,
            }),
            _ => None,
        })
        .collect();
    delivery::enqueue(ctx, tx, &new).await
}

/// What a notice tells: of a message, or of whatever else it is about.
fn payload(step: &Step<'_>, title: Option<String>, template: Option<String>) -> Payload {
    let name = step.by.name.to_owned();
    match (step.by.firing, step.case.message) {
        (Some(_), Some(message_id)) => Payload::RuleFired {
            title,
            rule_name: name,
            message_id,
            template,
        },
        _ => Payload::Said {
            title: title.unwrap_or_else(|| name.clone()),
            by: name,
            template,
            conversation_id: step.case.conversation,
            account_id: step.case.account.filter(|_| step.case.contact.is_none()),
            message_id: step.case.message,
            playbook_id: step.by.origin.playbook(),
            enrolment_id: step.by.enrolment(),
        },
    }
}
