//! The work core on both databases.

use domain::{
    access::{Scope, token},
    work::change::{self, Position},
};

use crate::support::on_both;

#[test]
fn a_new_workspace_has_an_owner_whose_token_works() {
    on_both(|world| async move {
        assert!(world.owner.scopes.contains(Scope::Administer));
        assert!(
            token::authenticate(&world.ctx, "enishi_nonsense")
                .await
                .unwrap()
                .is_none()
        );
        let end = change::end(world.ctx.reader(), world.owner.workspace)
            .await
            .unwrap();
        assert_eq!(end, Position::default());
        world
    });
}
