//! When people came in and who brought them, as files say it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{access::member, contact};
use entity::kind::IdentityKind;

use super::steps::{by_email, import_text};
use crate::support::on_both;

#[test]
fn a_file_says_when_people_came_in_and_who_brought_them() {
    on_both(|world| async move {
        let bringer = member::list(&world.ctx, world.owner.workspace)
            .await
            .unwrap()
            .remove(0);
        let text = format!(
            "Name,Email,Brought by,Came in at\n\
             Taro,taro@customer.example,{},2026-01-31T00:30:00Z\n\
             Hanako,hanako@customer.example,nobody@staff.example,\n\
             Jiro,jiro@customer.example,,2031-01-01\n",
            bringer.email
        );
        import_text(&world, &text).await;
        let taro = by_email(&world, "taro@customer.example").await;
        let told: DateTime<Utc> = "2026-01-31T00:30:00Z".parse().unwrap();
        assert_eq!(taro.came_at(), told);
        assert_eq!(taro.brought_by_id, Some(bringer.id));
        for refused in ["hanako@customer.example", "jiro@customer.example"] {
            let kind = IdentityKind::Email;
            let workspace = world.owner.workspace;
            let found = contact::find_by_identity(&world.ctx, workspace, kind, refused).await;
            assert!(found.unwrap().is_none(), "{refused}");
        }
        // A file that was exported says of everybody when they came in, and changes nothing.
        let jiro = "Name,Email,Came in at\nJiro,jiro@customer.example,\n";
        import_text(&world, jiro).await;
        let before = by_email(&world, "jiro@customer.example").await;
        let again = format!(
            "Email,Came in at\njiro@customer.example,{}\n",
            before.created_at.to_rfc3339()
        );
        world.clock.advance(TimeDelta::hours(1));
        import_text(&world, &again).await;
        let after = by_email(&world, "jiro@customer.example").await;
        assert_eq!(after, before);
        world
    });
}
