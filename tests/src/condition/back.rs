//! What is read over the API as `ConditionInput` is the same condition when it is given back.

use async_graphql::{InputType as _, Value};
use domain::{
    condition::{ConditionInput, reference::TypedIds},
    scalar::AsInput,
};

use super::people::{People, condition};
use crate::support::on_both;

#[test]
fn every_leaf_is_given_back_as_it_was_read() {
    on_both(|world| async move {
        let people = People::new(world).await;
        for (stored, _) in people.leaves() {
            let stored = condition(&stored);
            let shown = AsInput(stored.to_input(&TypedIds)).value();
            let shown = shown.into_json().expect("JSON");
            let given = Value::from_json(shown.clone()).expect("a value");
            let Ok(input) = ConditionInput::parse(Some(given)) else {
                panic!("{shown} is not read");
            };
            let read = input.into_condition(&TypedIds);
            assert_eq!(read.expect("a condition"), stored, "{shown}");
        }
        people.world
    });
}
