//! Email sources on both databases: made, changed, and told by Amazon SES through a way out that stands for
//! Amazon. What the other providers tell is tried over real HTTP, in `hook`.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    access::{Actor, Origin},
    email::source::{self, Answer, Call, NewSource, SourceChanges, Stored},
    error::{Error, UserErrorCode},
    port::{Egress, EgressError, OutgoingRequest, OutgoingResponse},
    store::Query,
};
use entity::{
    Scoped as _, email_event,
    email_source::Model as Source,
    id::EmailSourceId,
    kind::{EmailProvider, EmailSourceRejection},
};
use secrecy::ExposeSecret as _;

use crate::support::{World, engine::answer, on_both};

const CERTIFICATE: &str =
    include_str!("../../../domain/src/email/source/samples/sns_certificate.pem");
const CONFIRM: &str =
    include_str!("../../../domain/src/email/source/samples/sns_confirmation.json");
const NOTICE: &str = include_str!("../../../domain/src/email/source/samples/sns_notification.json");
const NOTICE_SHA1: &str =
    include_str!("../../../domain/src/email/source/samples/sns_notification_sha1.json");
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:ses";

/// What stands for Amazon SNS: it has one certificate, and remembers what it was asked for.
#[derive(Default)]
struct Amazon {
    is_down: AtomicBool,
    asked: Mutex<Vec<String>>,
}

impl Amazon {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Egress for Amazon {
    async fn post(&self, _request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        panic!("nothing is sent to SNS");
    }

    async fn get(&self, url: url::Url) -> Result<OutgoingResponse, EgressError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(EgressError::Unreachable);
        }
        let is_certificate = url.path() == "/SimpleNotificationService-a1b2c3d4.pem";
        self.asked.lock().unwrap().push(url.into());
        answer(
            200,
            None,
            if is_certificate { CERTIFICATE } else { "<ok/>" },
        )
    }
}

fn ses(name: &str) -> NewSource {
    NewSource {
        name: name.to_owned(),
        provider: EmailProvider::AmazonSes,
        signing_key: None,
        campaign_key: None,
        topic_arn: Some(TOPIC.to_owned()),
        tracks_opens: true,
    }
}

fn elastic(name: &str) -> NewSource {
    NewSource {
        provider: EmailProvider::ElasticEmail,
        topic_arn: None,
        ..ses(name)
    }
}

/// Makes a source; the token in its address.
async fn make(world: &World, owner: &Actor, new: NewSource) -> (Source, String) {
    let (made, url) = source::create(&world.ctx, owner, new).await.unwrap();
    (made, token(url.expose_secret()))
}

fn token(url: &str) -> String {
    url.strip_prefix("/hooks/email/")
        .expect("a path")
        .to_owned()
}

async fn tell(world: &World, amazon: &Amazon, token: &str, call: &Call) -> Answer {
    let source = source::open(&world.ctx, token).await.unwrap();
    let source = source.expect("a source");
    let answer = source::receive(&world.ctx, amazon, &source, call).await;
    answer.unwrap()
}

fn body(text: &str) -> Call {
    Call {
        body: text.as_bytes().to_vec().into(),
        ..Call::default()
    }
}

fn query(text: &str) -> Call {
    Call {
        query: text.to_owned(),
        ..Call::default()
    }
}

fn stored(created: usize, duplicates: usize, ignored: usize) -> Answer {
    Answer::Stored(Stored {
        created,
        duplicates,
        erased: 0,
        ignored,
    })
}

async fn events(world: &World, owner: &Actor) -> Vec<String> {
    let found = email_event::Entity::of(owner.workspace);
    let found = found.all(world.ctx.reader()).await.unwrap();
    let mut found: Vec<String> = found
        .iter()
        .map(|event| {
            format!(
                "{} {} {}",
                event.kind.word(),
                event.email_key,
                event.recipient
            )
        })
        .collect();
    found.sort();
    found
}

async fn now(world: &World, owner: &Actor, id: EmailSourceId) -> Source {
    let sources = source::list(&world.ctx, owner.workspace).await.unwrap();
    let mut sources = sources.into_iter();
    sources.find(|source| source.id == id).expect("the source")
}

#[test]
fn what_ses_tells_is_verified_by_a_certificate_of_sns_and_stored_once() {
    use EmailSourceRejection::{Certificate, Signature, Topic, Unreadable};
    on_both(|world| async move {
        let amazon = Amazon::default();
        let owner = &world.owner;
        let (made, token) = make(&world, owner, ses("SES")).await;
        let tell = async |text: &str| tell(&world, &amazon, &token, &body(text)).await;

        // SNS asks whether it may, and is told so at its own address.
        amazon.is_down.store(true, Ordering::SeqCst);
        assert_eq!(tell(CONFIRM).await, Answer::Later);
        amazon.is_down.store(false, Ordering::SeqCst);
        assert_eq!(tell(CONFIRM).await, stored(0, 0, 0));
        let asked = amazon.asked();
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert!(asked[0].ends_with("/SimpleNotificationService-a1b2c3d4.pem"));
        assert!(
            asked[1].contains("?Action=ConfirmSubscription&"),
            "{asked:?}"
        );

        // A bounce of two recipients, told three times with two kinds of signatures.
        assert_eq!(tell(NOTICE).await, stored(2, 0, 0));
        assert_eq!(tell(NOTICE).await, stored(0, 2, 0));
        assert_eq!(tell(NOTICE_SHA1).await, stored(0, 2, 0));
        assert_eq!(amazon.asked().len(), 2, "the certificate is kept");
        let expected = [
            "BOUNCED 0100-m1 ada@example.com",
            "BOUNCED 0100-m1 bo@example.com",
        ];
        assert_eq!(events(&world, owner).await, expected);
        let ended: Vec<serde_json::Value> = Query::new(
            "SELECT changed_by FROM subscription
             WHERE workspace_id = $1 AND channel = 'EMAIL' AND state = 'UNSUBSCRIBED'
               AND source = 'BOUNCE'",
        )
        .bind(owner.workspace)
        .column(world.ctx.reader())
        .await
        .unwrap();
        let by = Origin::EmailSource { source_id: made.id };
        assert_eq!(ended, [by.json(), by.json()]);

        for (text, why) in [
            (
                NOTICE.replace("ada@example.com", "eve@example.com"),
                Signature,
            ),
            (
                NOTICE.replace(TOPIC, "arn:aws:sns:eu-west-1:123456789012:other"),
                Topic,
            ),
            (
                NOTICE.replace("sns.eu-west-1.amazonaws.com", "sns.example"),
                Certificate,
            ),
            ("{}".to_owned(), Unreadable),
            (String::new(), Unreadable),
        ] {
            assert_eq!(tell(&text).await, Answer::Refused(why), "{text}");
        }
        assert_eq!(amazon.asked().len(), 2, "nobody else is asked");
        assert_eq!(events(&world, owner).await, expected);

        source::note_rejection(&world.ctx, &made, Signature)
            .await
            .unwrap();
        let now = now(&world, owner, made.id).await;
        let counts = (now.received_count, now.ignored_count, now.rejected_count);
        assert_eq!(counts, (6, 0, 1));
        assert_eq!(now.last_received_at, Some(world.ctx.clock.now()));
        assert_eq!(now.last_rejection, Some(Signature));
        world
    });
}

#[test]
fn each_workspace_is_told_by_its_own_sources() {
    on_both(|world| async move {
        let amazon = Amazon::default();
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        let (_, ours) = make(&world, &world.owner, elastic("Mail")).await;
        let (theirs, token) = make(&world, &stranger, elastic("Mail")).await;
        let opened =
            query("to=ada%40example.com&messageid=m&status=Opened&date=2026-03-01T00:00:00");
        assert_eq!(tell(&world, &amazon, &ours, &opened).await, stored(1, 0, 0));
        assert_eq!(events(&world, &stranger).await, [""; 0]);
        assert_eq!(
            tell(&world, &amazon, &token, &opened).await,
            stored(1, 0, 0)
        );
        assert_eq!(
            tell(&world, &amazon, &token, &opened).await,
            stored(0, 1, 0)
        );
        for owner in [&world.owner, &stranger] {
            assert_eq!(events(&world, owner).await, ["OPENED m ada@example.com"]);
        }
        let changed = source::update(
            &world.ctx,
            &world.owner,
            theirs.id,
            SourceChanges::default(),
        );
        let Err(Error::Refused(errors)) = changed.await else {
            panic!("another workspace's source was changed");
        };
        assert_eq!(errors[0].code, UserErrorCode::NotFound);
        world.drain_of(stranger.workspace).await;
        world
    });
}

#[test]
fn an_event_that_does_not_count_hinders_no_other() {
    on_both(|world| async move {
        let amazon = Amazon::default();
        let (made, token) = make(&world, &world.owner, elastic("Mail")).await;
        let tell = async |text: &str| tell(&world, &amazon, &token, &query(text)).await;
        assert_eq!(tell("").await, stored(0, 0, 0));
        assert_eq!(
            tell("status=SomethingNew&to=a@x.example").await,
            stored(0, 0, 1)
        );
        assert_eq!(
            tell("status=Opened&to=nobody&messageid=m").await,
            stored(0, 0, 1)
        );
        let sent = "status=Sent&to=a@x.example&messageid=m&channel=spring";
        assert_eq!(tell(sent).await, stored(1, 0, 0));
        let now = now(&world, &world.owner, made.id).await;
        assert_eq!((now.received_count, now.ignored_count), (1, 2));
        let campaigns: Vec<String> =
            Query::new("SELECT external_id FROM campaign WHERE workspace_id = $1")
                .bind(world.owner.workspace)
                .column(world.ctx.reader())
                .await
                .unwrap();
        assert_eq!(campaigns, ["spring"]);
        world
    });
}

#[test]
fn an_old_address_works_until_its_time_is_over_and_one_that_is_off_not_at_all() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let is_open = async |token: &str| source::open(ctx, token).await.unwrap().is_some();
        let (made, first) = make(&world, owner, elastic("Mail")).await;
        assert!(is_open(&first).await);
        assert!(!is_open("").await && !is_open(&first[1..]).await);
        assert!(!is_open(&first.to_lowercase()).await);

        let (_, url) = source::rotate(ctx, owner, made.id, 24).await.unwrap();
        let second = token(url.expose_secret());
        assert!(is_open(&first).await && is_open(&second).await);
        world.clock.advance(TimeDelta::hours(25));
        assert!(!is_open(&first).await && is_open(&second).await);
        let (_, url) = source::rotate(ctx, owner, made.id, 0).await.unwrap();
        let third = token(url.expose_secret());
        assert!(!is_open(&second).await && is_open(&third).await);

        let switch = async |enabled| {
            let changes = SourceChanges {
                enabled: Some(enabled),
                ..SourceChanges::default()
            };
            source::update(ctx, owner, made.id, changes).await.unwrap()
        };
        // Switched off between being found and being told.
        let found = source::open(ctx, &third).await.unwrap().unwrap();
        switch(false).await;
        let sent = query("status=Sent&to=a@x.example&messageid=m");
        let told = source::receive(ctx, &Amazon::default(), &found, &sent).await;
        assert_eq!(told.unwrap(), Answer::Gone);
        assert_eq!(events(&world, owner).await, [""; 0]);
        assert!(!is_open(&third).await);
        switch(true).await;
        assert!(is_open(&third).await);

        source::delete(ctx, owner, made.id).await.unwrap();
        assert!(!is_open(&third).await);
        let left = source::list(ctx, owner.workspace).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
        // Its name is free again, and it can still be named.
        make(&world, owner, elastic("Mail")).await;
        let named = source::load(ctx, owner.workspace, &[made.id])
            .await
            .unwrap();
        assert_eq!(named[0].name, "Mail");
        let actions: Vec<String> = Query::new(
            "SELECT action FROM audit_entry
             WHERE workspace_id = $1 AND action LIKE 'email_source.%' ORDER BY id",
        )
        .bind(owner.workspace)
        .column(ctx.reader())
        .await
        .unwrap();
        let mut names: Vec<_> = actions.iter().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "email_source.create",
                "email_source.create",
                "email_source.delete",
                "email_source.rotate_url",
                "email_source.rotate_url",
                "email_source.update",
                "email_source.update",
            ]
        );
        world
    });
}

#[test]
fn keys_are_sealed_and_every_mistake_is_told_with_its_place() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mailgun = |name: &str, key: Option<&str>| NewSource {
            provider: EmailProvider::Mailgun,
            signing_key: key.map(Into::into),
            topic_arn: None,
            ..ses(name)
        };
        let (made, _) = make(&world, owner, mailgun("Mailgun", Some("key-secret"))).await;
        assert!(!made.sealed_key.is_empty() && !made.sealed_key.contains("secret"));
        let wrong = NewSource {
            topic_arn: Some(TOPIC.to_owned()),
            campaign_key: Some("x".repeat(101)),
            ..mailgun("Mailgun", None)
        };
        let Err(Error::Refused(errors)) = source::create(ctx, owner, wrong).await else {
            panic!("it was made");
        };
        let places: Vec<_> = errors
            .iter()
            .map(|error| (error.path.join("."), error.code))
            .collect();
        let expected = [
            ("signingKey", UserErrorCode::Required),
            ("campaignKey", UserErrorCode::TooLong),
            ("topicArn", UserErrorCode::KindMismatch),
            ("name", UserErrorCode::Taken),
        ];
        assert_eq!(places, expected.map(|(path, code)| (path.to_owned(), code)));
        let told = format!("{:?}", source::list(ctx, owner.workspace).await.unwrap());
        assert!(!told.contains("key-secret"));
        world
    });
}

#[test]
fn what_a_provider_tells_that_tracks_no_opens_is_not_tracked() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let quiet = NewSource {
            tracks_opens: false,
            ..elastic("Quiet")
        };
        let (made, token) = make(&world, owner, quiet).await;
        let amazon = Amazon::default();
        let before = query("status=Sent&to=a@x.example&messageid=m");
        assert_eq!(
            tell(&world, &amazon, &token, &before).await,
            stored(1, 0, 0)
        );
        let changes = SourceChanges {
            tracks_opens: Some(true),
            ..SourceChanges::default()
        };
        let changed = source::update(ctx, owner, made.id, changes).await.unwrap();
        assert!(changed.tracks_opens);
        let after = query("status=Sent&to=a@x.example&messageid=n");
        assert_eq!(tell(&world, &amazon, &token, &after).await, stored(1, 0, 0));
        let told = email_event::Entity::of(owner.workspace);
        let told = told.all(ctx.reader()).await.unwrap();
        let mut told: Vec<(&str, bool)> = told
            .iter()
            .map(|event| (event.email_key.as_str(), event.tracks_opens))
            .collect();
        told.sort_unstable();
        assert_eq!(told, [("m", false), ("n", true)]);
        world.drain().await;
        world
    });
}
