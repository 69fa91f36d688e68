//! Contacts that are deleted without having asked to be erased.

use domain::{
    contact::{
        self, NewContact, erase,
        subscription::{self, NewState},
    },
    store::Query,
};
use entity::kind::{Channel, SubscriptionState};

use super::by_email;
use crate::{people::refusals, support::on_both};

#[test]
fn a_contact_nobody_asked_to_have_erased_goes_and_its_address_is_free_again() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = || NewContact {
            name: "Test".to_owned(),
            email: Some("test@customer.example".to_owned()),
            ..NewContact::default()
        };
        let made = contact::create(ctx, owner, new()).await.unwrap();
        erase::delete(ctx, owner, made.id).await.unwrap();
        assert_eq!(by_email(&world, "test@customer.example").await, None);
        let again = contact::create(ctx, owner, new()).await.unwrap();
        assert_ne!(again.id, made.id);

        // That somebody does not want to hear from us has to stay known.
        let unsubscribed = NewState {
            channel: Channel::Email,
            topic: "*".to_owned(),
            state: SubscriptionState::Unsubscribed,
            reason: String::new(),
        };
        subscription::set(ctx, owner, again.id, unsubscribed)
            .await
            .unwrap();
        let refused = erase::delete(ctx, owner, again.id).await;
        assert_eq!(refusals(refused), ["keepOut Contradictory"]);
        erase::erase(ctx, owner, again.id).await.unwrap();
        let refused = contact::create(ctx, owner, new()).await;
        assert_eq!(refusals(refused), ["email Erased"]);
        // Whoever reads the audit log knows of which of the two nothing stops a message.
        let mut said: Vec<String> = Query::new(
            "SELECT a.after FROM audit_entry a
             WHERE a.workspace_id = $1 AND a.action = 'contact.erase'",
        )
        .bind(owner.workspace)
        .column(ctx.reader())
        .await
        .unwrap();
        said.sort_unstable();
        let expected = [false, true].map(|one| format!(r#"{{"erased":true,"keptOut":{one}}}"#));
        assert_eq!(said, expected);
        world
    });
}
