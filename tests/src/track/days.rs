//! Days among the traits, as programs write them.

use domain::{
    attribute::{self, NewAttribute, definition},
    track::Method,
};
use entity::kind::{AttributeType, IdentityKind, SubjectKind};
use serde_json::json;

use super::{one, who_has};
use crate::support::on_both;

#[test]
fn the_day_of_a_moment_is_that_of_the_workspace() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAttribute {
            subject: SubjectKind::Contact,
            key: "signed_up_at".to_owned(),
            name: "Signed up".to_owned(),
            description: String::new(),
            value_type: AttributeType::Date,
            options: Vec::new(),
        };
        definition::create(ctx, owner, new).await.unwrap();
        // Midnight in Tokyo, where the workspace is; and the day itself.
        for told in ["2026-01-01T15:00:00.000Z", "2026-01-02"] {
            let call = json!({ "userId": "u-1", "traits": { "signedUpAt": told } });
            one(&world, Method::Identify, call).await;
            let user = who_has(&world, IdentityKind::ExternalId, "u-1").await;
            let id = user.unwrap().id.0;
            let values = attribute::load(ctx, owner.workspace, &[id]).await.unwrap();
            let days: Vec<String> = values
                .iter()
                .filter_map(|one| Some(one.at?.date_naive().to_string()))
                .collect();
            assert_eq!(days, ["2026-01-02"], "{told}");
        }
        world
    });
}
