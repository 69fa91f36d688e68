//! Secrets in the database: hashed or sealed, so that a copy of it opens nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    access::{
        Scope,
        token::{self, NewToken},
    },
    audit,
    email::source::{self, NewSource},
    notification::manage::{self, NewTarget},
};
use entity::kind::{EmailProvider, TargetKind};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    people::dump::dump,
    support::{World, on_both, world::MASTER_KEY},
};

const HOOK: &str = "https://hooks.example.com/services/canary-of-the-hook/0123456789";
const PASSWORD: &str = "canary-of-the-password";

/// Makes one of each thing that has a secret; the secrets.
async fn make(world: &World) -> Vec<SecretString> {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let new = NewToken {
        member: None,
        name: "Token".to_owned(),
        scopes: vec![Scope::Read],
        expires_at: None,
        integration: false,
    };
    let (_, token) = token::create(ctx, owner, new).await.unwrap();
    let new = NewTarget::at(TargetKind::Webhook, "Our program", HOOK);
    let (_, signing) = manage::create(ctx, owner, new).await.unwrap();
    let new = NewSource {
        name: "Mail".to_owned(),
        provider: EmailProvider::Postmark,
        signing_key: Some(format!("user:{PASSWORD}").into()),
        campaign_key: None,
        topic_arn: None,
        tracks_opens: true,
    };
    let (_, url) = source::create(ctx, owner, new).await.unwrap();
    let (_, in_url) = url.expose_secret().rsplit_once('/').unwrap();
    vec![
        token,
        signing.unwrap(),
        in_url.into(),
        "canary-of-the-hook".into(),
        PASSWORD.into(),
        MASTER_KEY.into(),
    ]
}

#[test]
fn no_secret_can_be_read_in_the_database() {
    on_both(|world| async move {
        let secrets = make(&world).await;
        world.drain().await;
        let rows: Vec<String> = dump(&world).await.into_values().flatten().collect();
        let text = rows.concat().to_lowercase();
        assert!(text.contains("our program"), "everything is looked through");
        for secret in &secrets {
            // Without what stands before it, which may be kept apart.
            let bare = secret.expose_secret();
            let mut prefixes = ["enishi_", "whsec_"].into_iter();
            let bare = prefixes.find_map(|prefix| bare.strip_prefix(prefix));
            let bare = bare.unwrap_or(secret.expose_secret());
            // As text, and as both databases show bytes: of the text, and of what it may stand for.
            let decoded = STANDARD.decode(bare).unwrap_or_default();
            let forms = [
                bare.to_lowercase(),
                audit::digits(bare.as_bytes()),
                audit::digits(&decoded),
            ];
            for form in forms.iter().filter(|form| !form.is_empty()) {
                assert!(!text.contains(form), "{bare}");
            }
        }
        world
    });
}
