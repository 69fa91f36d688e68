//! The beginnings of messages, for lists.

use domain::conversation;
use entity::kind::Author;
use serde_json::json;

use super::steps::{said, the_inbox};
use crate::{access::house::Door, support::on_both};

#[test]
fn a_message_has_an_excerpt_of_whole_characters() {
    on_both(|world| async move {
        let inbox = the_inbox(&world).await;
        let mut message = said("long", 1, 0, Author::Contact);
        message.body = format!("お世話に\n\n  なって👩‍👩‍👧おります。{}", "あ".repeat(100_000));
        conversation::ingest(&world.ctx, &world.owner, inbox, vec![message])
            .await
            .unwrap();
        let door = Door::new(&world.ctx);
        let document = "{ conversations { nodes { lastMessage {
            excerpt few: excerpt(length: 8) cut: excerpt(length: 7) } } } }";
        let found = door.must(&world.owner, document, json!({})).await;
        let message = &found["nodes"][0]["lastMessage"];
        assert_eq!(message["few"], "お世話に なっ…");
        assert_eq!(message["cut"], "お世話に な…");
        let excerpt = message["excerpt"].as_str().unwrap();
        assert!(excerpt.starts_with("お世話に なって👩‍👩‍👧おります。ああ"));
        assert!(excerpt.ends_with("あ…"));
        for wrong in [0, 1_001] {
            let document = format!(
                "{{ conversations {{ nodes {{ lastMessage {{ excerpt(length: {wrong}) }} }} }} }}"
            );
            let answer = door.ask(&world.owner, &document, &json!({})).await;
            let error = &answer["errors"][0]["extensions"];
            assert_eq!(error["argument"], "length", "{answer}");
        }
        world
    });
}
