//! A ticket opens one file for a while, over HTTP too.

use domain::{
    access::{Actor, Scope, ScopeSet, token},
    error::Error,
    export::{self, What},
    store::Query,
};
use entity::kind::{ExportEncoding, ExportFormat};
use secrecy::SecretString;
use serde_json::json;

use super::{FORMULAS, contacts, csv, people, read, wanted};
use crate::support::{
    World,
    client::text,
    installation::{Installation, on_each},
    on_both,
};

#[test]
fn a_ticket_opens_one_file_for_a_while_and_only_while_its_token_is_good() {
    on_both(|world| async move {
        people(&world).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let ask = |actor: &Actor, what: What| {
            let (ctx, actor) = (ctx.clone(), actor.clone());
            async move {
                let wanted = wanted(what, ExportFormat::Csv, ExportEncoding::Utf8);
                export::ask(&ctx, &actor, wanted).await
            }
        };
        let new = token::NewToken {
            member: None,
            name: "exports".to_owned(),
            scopes: vec![Scope::Read],
            expires_at: None,
            integration: false,
        };
        let (made, secret) = token::create(ctx, owner, new).await.unwrap();
        let secret = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
        let reader = token::authenticate(ctx, &secret).await.unwrap().unwrap();
        assert!(matches!(
            ask(&reader, What::AuditLog).await,
            Err(Error::Forbidden(_))
        ));
        let nothing = Actor {
            scopes: ScopeSet::default(),
            ..reader.clone()
        };
        assert!(matches!(
            ask(&nothing, contacts()).await,
            Err(Error::Forbidden(_))
        ));
        let asked = ask(&reader, contacts()).await.unwrap();
        assert_eq!(
            csv(&read(ctx, &asked.ticket).await).len(),
            FORMULAS.len() + 1
        );
        // Nothing of it is in the database.
        let kept: Option<Vec<u8>> = Query::new("SELECT ticket FROM export")
            .scalar(ctx.reader())
            .await
            .unwrap();
        let ticket = secrecy::ExposeSecret::expose_secret(&asked.ticket);
        assert_ne!(kept.unwrap(), ticket.as_bytes());
        let wrong = export::open(ctx, &SecretString::from(format!("{ticket}x"))).await;
        assert!(matches!(wrong, Err(Error::Refused(_))));
        // Another workspace sees nothing of this one.
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let theirs = ask(&stranger, contacts()).await.unwrap();
        assert_eq!(csv(&read(ctx, &theirs.ticket).await).len(), 1);
        token::revoke(ctx, owner, made.id).await.unwrap();
        assert!(
            export::open(ctx, &asked.ticket).await.is_err(),
            "its token is revoked"
        );
        let again = ask(owner, contacts()).await.unwrap();
        world.clock.advance(chrono::TimeDelta::minutes(11));
        assert!(
            export::open(ctx, &again.ticket).await.is_err(),
            "its time is over"
        );
        world
    });
}

async fn over_http(installation: Installation) -> Installation {
    let owner = installation.owner();
    let input = json!({ "name": "=1+1", "email": "a@example.com" });
    owner.change("createContact", input, "contact { id }").await;
    let input = json!({ "encoding": "UTF8_BOM", "orderBy": "NAME_ASC" });
    let asked = owner.change("exportContacts", input, "url expiresAt").await;
    let url = format!("http://{}{}", owner.address, text(&asked["url"]));
    let file = owner.http.get(&url).send().await.unwrap();
    assert_eq!(file.status(), 200);
    let headers = file.headers();
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"contacts.csv\""
    );
    assert_eq!(headers["cache-control"], "no-store");
    let bytes = file.bytes().await.unwrap();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(
        body.starts_with('\u{feff}') && body.contains("\"'=1+1\""),
        "{body}"
    );
    let wrong = owner.http.get(format!("{url}x")).send().await.unwrap();
    assert_eq!(wrong.status(), 404);
    installation
}

#[test]
fn a_file_is_downloaded_over_http_without_a_token() {
    on_each(over_http);
}
