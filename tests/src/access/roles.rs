//! Every row of the table as every role.
//!
//! What a role may do is decided before the database is asked. So on PostgreSQL a change is made once, as the least
//! role that may make it, and refused to all who may not; on SQLite everybody makes it who may.

use std::time::Duration;

use entity::kind::Role;
use futures::StreamExt as _;
use sea_orm::DatabaseBackend;
use serde_json::Value;

use super::{
    house::{Door, House, clear, member_of, settle},
    table::{Outcome, Row, rows},
};
use crate::support::{
    on_both,
    sdl::{Root, Sdl},
};

#[test]
fn every_role_may_do_what_the_table_says_and_no_more() {
    on_both(|world| async move {
        let sdl = Sdl::current();
        let door = Door::new(&world.ctx);
        let mut house = House::furnish(&world, &door, &world.owner, "a").await;
        let is_postgres = world.ctx.db.backend() == DatabaseBackend::Postgres;
        let mut wrong = Vec::new();
        let roles = [Role::Viewer, Role::Agent, Role::Admin, Role::Owner];
        for (column, role) in roles.into_iter().enumerate() {
            let actor = member_of(&world.ctx, &world.owner, role).await;
            // What those before have used up.
            clear(&world).await;
            house.refresh(&door).await;
            for row in rows() {
                let expected = row.outcomes[column];
                // Only what is changed is used up; the rest reads the same house again and again.
                if row.root == Root::Mutation && expected == Outcome::Allowed {
                    let before = column.checked_sub(1).map(|before| row.outcomes[before]);
                    let is_known = before == Some(Outcome::Allowed);
                    if is_postgres && is_known {
                        continue;
                    }
                    settle(&world).await;
                    house.refresh_for(&door, &row.variables).await;
                }
                let variables = house.fill(&row.variables);
                let field = sdl.root(row.root, row.field).expect("a field");
                let document = sdl.operation(row.root, field, 2);
                let answer = if row.root == Root::Subscription {
                    opening(&door, &actor, &document, &variables, expected).await
                } else {
                    door.ask(&actor, &document, &variables).await
                };
                if let Err(problem) = judge(&row, expected, &answer) {
                    wrong.push(format!("{} as {role:?}: {problem}", row.name()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        clear(&world).await;
        world
    });
}

/// How a subscription begins: its first answer, or nothing while it waits for something to tell. A refusal that has to
/// come is waited for, however busy the machine is.
async fn opening(
    door: &Door,
    actor: &domain::access::Actor,
    document: &str,
    variables: &Value,
    expected: Outcome,
) -> Value {
    let wait = if expected == Outcome::Forbidden {
        Duration::from_mins(1)
    } else {
        Duration::from_millis(20)
    };
    let mut stream = Box::pin(door.follow(actor, document, variables));
    let first = tokio::time::timeout(wait, stream.next()).await;
    first.ok().flatten().unwrap_or_default()
}

fn judge(row: &Row, expected: Outcome, answer: &Value) -> Result<(), String> {
    let errors = answer["errors"].as_array().map_or(&[][..], Vec::as_slice);
    let codes: Vec<_> = errors
        .iter()
        .map(|error| error["extensions"]["code"].as_str().unwrap_or("none"))
        .collect();
    match expected {
        Outcome::Forbidden if codes == ["FORBIDDEN"] => Ok(()),
        Outcome::Allowed if errors.is_empty() => {
            let mistakes = &answer["data"][row.field]["userErrors"];
            if mistakes.as_array().is_none_or(Vec::is_empty) {
                Ok(())
            } else {
                Err(format!("the row is not a good example: {mistakes}"))
            }
        }
        _ => Err(format!("expected {expected:?}, got {errors:?}")),
    }
}
