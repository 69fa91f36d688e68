//! What an archived inbox does.

use domain::{
    conversation,
    error::Error,
    inbox::{self, InboxChanges, NewInbox},
};
use entity::kind::{Author, Channel};

use super::steps::{of, said, take_in, the_inbox};
use crate::support::on_both;

#[test]
fn an_archived_inbox_keeps_what_it_has_and_takes_nothing_more() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        let inbox = the_inbox(&world).await;
        let archived = inbox::set_archived(ctx, owner, inbox, true).await.unwrap();
        assert!(archived.archived_at.is_some());
        let more = vec![said("a", 2, 1, Author::Contact)];
        let refused = conversation::ingest(ctx, owner, inbox, more.clone()).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        assert_eq!(of(&world, "a").await.messages, 1);
        inbox::set_archived(ctx, owner, inbox, false).await.unwrap();
        conversation::ingest(ctx, owner, inbox, more).await.unwrap();

        let renamed = InboxChanges {
            name: Some("Support".to_owned()),
            address: Some(Some("support@example.com".to_owned())),
            ..InboxChanges::default()
        };
        let renamed = inbox::update(ctx, owner, inbox, renamed).await.unwrap();
        assert_eq!(renamed.address.as_deref(), Some("support@example.com"));
        let used = InboxChanges {
            channel: Some(Channel::Line),
            ..InboxChanges::default()
        };
        let refused = inbox::update(ctx, owner, inbox, used.clone()).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        let new = NewInbox {
            name: "Chat".to_owned(),
            channel: Channel::Chat,
            address: None,
        };
        let unused = inbox::create(ctx, owner, new).await.unwrap().id;
        let moved = inbox::update(ctx, owner, unused, used).await.unwrap();
        assert_eq!(moved.channel, Channel::Line);
        let taken = InboxChanges {
            name: Some("Support".to_owned()),
            ..InboxChanges::default()
        };
        let refused = inbox::update(ctx, owner, unused, taken).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
        world
    });
}
