//! Email providers that tell by themselves what became of emails: one source for each, told as its provider
//! tells, signatures included.
//!
//! Nobody outside can tell these sources anything: their addresses and keys are made here and kept nowhere.
//! Amazon signs with certificates of its own, which nothing stands for here; so that source has only heard
//! from a topic that is not its own, and shows how what was refused is told.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use entity::{
    email_source::Model as Source,
    kind::{EmailEventKind, EmailProvider},
};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use secrecy::SecretString;
use serde_json::json;
use url::form_urlencoded;

use super::{Person, activity::Habit, tags::COMPETITOR};
use crate::{
    access::Actor,
    ctx::Ctx,
    email::source::{self, Answer, Call, NewSource},
    error::{Error, Result},
    port::{Egress, EgressError, OutgoingRequest, OutgoingResponse},
};

/// What the DER form of a public key on P-256 begins with, in hex.
const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
/// The topic the source of Amazon SES listens to, and one it does not.
const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:ses-events";
const OTHER_TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:orders";
/// How many people those providers tell of that send a request for each event.
const RECIPIENTS: usize = 6;
/// Days ago when the tips of the two spans were sent: read at first, and then not.
const READ: [i64; 6] = [52, 49, 46, 43, 40, 37];
const UNREAD: [i64; 6] = [6, 5, 4, 3, 2, 1];

/// Something that became of an email.
struct News<'p> {
    email: String,
    recipient: &'p str,
    kind: EmailEventKind,
    at: DateTime<Utc>,
}

/// Makes the sources, and lets their providers tell.
pub(super) async fn connect(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<()> {
    sendgrid(ctx, actor, &tips(people, now)).await?;
    let regular = |habit, days| of_one_mailing(people, habit, now - TimeDelta::days(days));
    mailgun(ctx, actor, &regular(Habit::Regular, 9), now).await?;
    postmark(ctx, actor, &regular(Habit::Trial, 13)).await?;
    elastic_email(ctx, actor, &regular(Habit::Occasional, 20)).await?;
    amazon_ses(ctx, actor).await
}

/// Tips every few days for those who fade, who read them once and do so no more.
fn tips(people: &[Person], now: DateTime<Utc>) -> Vec<News<'_>> {
    let fading = people.iter().filter(|one| one.habit == Habit::Fading);
    let told = fading.filter(|one| !one.company.tags.contains(&COMPETITOR));
    let mut news = Vec::new();
    for person in told {
        for days in READ.into_iter().chain(UNREAD) {
            let sent = now - TimeDelta::days(days) - TimeDelta::hours(3);
            let mut add = |kind, minutes| {
                news.push(News {
                    email: format!("demo-tips-{days}-{}", person.email),
                    recipient: &person.email,
                    kind,
                    at: sent + TimeDelta::minutes(minutes),
                });
            };
            add(EmailEventKind::Sent, 0);
            add(EmailEventKind::Delivered, 1);
            if READ.contains(&days) {
                add(EmailEventKind::Opened, 95);
            }
        }
    }
    news
}

/// One email to some of those with a habit: everybody opens it, and every other one follows its link.
fn of_one_mailing(people: &[Person], habit: Habit, sent: DateTime<Utc>) -> Vec<News<'_>> {
    let with_habit = people.iter().filter(|one| one.habit == habit);
    let mut news = Vec::new();
    for (number, person) in with_habit.take(RECIPIENTS).enumerate() {
        let mut add = |kind, minutes| {
            news.push(News {
                email: format!("demo-{}-{}", sent.timestamp(), person.email),
                recipient: &person.email,
                kind,
                at: sent + TimeDelta::minutes(minutes),
            });
        };
        add(EmailEventKind::Delivered, 1);
        add(EmailEventKind::Opened, 40 + 7 * number as i64);
        if number % 2 == 0 {
            add(EmailEventKind::Clicked, 42 + 7 * number as i64);
        }
    }
    news
}

/// Many events in one request, signed with a key whose public half the source has.
async fn sendgrid(ctx: &Ctx, actor: &Actor, news: &[News<'_>]) -> Result<()> {
    // Ring makes keys with its own randomness only. This one is forgotten at once.
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(|error| broken(&error))?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random)
        .map_err(|error| broken(&error))?;
    let spki = hex::decode(SPKI).map_err(|error| broken(&error))?;
    let key = STANDARD.encode([spki.as_slice(), pair.public_key().as_ref()].concat());
    let source = make(ctx, actor, EmailProvider::Sendgrid, "SendGrid", Some(key)).await?;
    let events = news.iter().map(|one| {
        let event = match one.kind {
            EmailEventKind::Sent => "processed",
            EmailEventKind::Opened => "open",
            EmailEventKind::Clicked => "click",
            _ => "delivered",
        };
        json!({
            "email": one.recipient, "event": event, "timestamp": one.at.timestamp(),
            "sg_message_id": one.email, "sg_event_id": format!("{}-{event}", one.email),
            "category": "使い方のヒント / Tips / 使用技巧",
        })
    });
    let body = events.collect::<serde_json::Value>().to_string();
    let time = ctx.clock.now().timestamp().to_string();
    let signature = pair.sign(
        &random,
        [time.as_bytes(), body.as_bytes()].concat().as_slice(),
    );
    let signature = STANDARD.encode(signature.map_err(|error| broken(&error))?);
    let headers = [
        ("x-twilio-email-event-webhook-signature", signature),
        ("x-twilio-email-event-webhook-timestamp", time),
    ];
    let call = Call {
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body: body.into(),
        ..Call::default()
    };
    tell(ctx, &source, &call).await
}

/// An event in each request, with a signature beside it.
async fn mailgun(ctx: &Ctx, actor: &Actor, news: &[News<'_>], now: DateTime<Utc>) -> Result<()> {
    let key = secret(ctx);
    let made = make(
        ctx,
        actor,
        EmailProvider::Mailgun,
        "Mailgun",
        Some(key.clone()),
    );
    let source = made.await?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    for one in news {
        let (time, token) = (now.timestamp().to_string(), secret(ctx));
        let signature = hmac::sign(&key, format!("{time}{token}").as_bytes());
        let event = match one.kind {
            EmailEventKind::Opened => "opened",
            EmailEventKind::Clicked => "clicked",
            _ => "delivered",
        };
        let body = json!({
            "signature": { "timestamp": time, "token": token, "signature": hex::encode(signature) },
            "event-data": {
                "id": format!("{}-{event}", one.email), "event": event,
                "timestamp": one.at.timestamp(), "recipient": one.recipient,
                "message": { "headers": { "message-id": one.email } },
                "tags": ["月次レポート / Monthly report / 月度报告"],
            },
        });
        tell(ctx, &source, &with_body(&body)).await?;
    }
    Ok(())
}

/// An event in each request, with a user and a password.
async fn postmark(ctx: &Ctx, actor: &Actor, news: &[News<'_>]) -> Result<()> {
    let key = format!("enishi:{}", secret(ctx));
    let made = make(
        ctx,
        actor,
        EmailProvider::Postmark,
        "Postmark",
        Some(key.clone()),
    );
    let source = made.await?;
    for one in news {
        let (kind, time) = match one.kind {
            EmailEventKind::Opened => ("Open", "ReceivedAt"),
            EmailEventKind::Clicked => ("Click", "ReceivedAt"),
            _ => ("Delivery", "DeliveredAt"),
        };
        let mut body = json!({
            "RecordType": kind, "MessageID": one.email, "Recipient": one.recipient,
            "Tag": "試用のご案内 / Trial guide / 试用指南",
        });
        body[time] = json!(one.at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let allowed = format!("Basic {}", STANDARD.encode(&key));
        let call = Call {
            headers: vec![("authorization".to_owned(), allowed)],
            ..with_body(&body)
        };
        tell(ctx, &source, &call).await?;
    }
    Ok(())
}

/// An event in the query of each request, without any signature.
async fn elastic_email(ctx: &Ctx, actor: &Actor, news: &[News<'_>]) -> Result<()> {
    let provider = EmailProvider::ElasticEmail;
    let source = make(ctx, actor, provider, "Elastic Email", None).await?;
    for one in news {
        let status = match one.kind {
            EmailEventKind::Opened => "Opened",
            EmailEventKind::Clicked => "Clicked",
            _ => "Sent",
        };
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("to", one.recipient)
            .append_pair("status", status)
            .append_pair("messageid", &one.email)
            .append_pair("date", &one.at.format("%Y-%m-%dT%H:%M:%S").to_string())
            .append_pair("channel", "季節のご挨拶 / Season's greetings / 节日问候")
            .finish();
        let call = Call {
            query,
            ..Call::default()
        };
        tell(ctx, &source, &call).await?;
    }
    Ok(())
}

/// A notice of a topic that the source does not listen to, which is refused.
async fn amazon_ses(ctx: &Ctx, actor: &Actor) -> Result<()> {
    let source = make(ctx, actor, EmailProvider::AmazonSes, "Amazon SES", None).await?;
    let notice = json!({
        "Type": "Notification", "TopicArn": OTHER_TOPIC, "Message": "{}",
        "SignatureVersion": "2", "Signature": "",
    });
    tell(ctx, &source, &with_body(&notice)).await
}

async fn make(
    ctx: &Ctx,
    actor: &Actor,
    provider: EmailProvider,
    name: &str,
    key: Option<String>,
) -> Result<Source> {
    let new = NewSource {
        name: name.to_owned(),
        provider,
        signing_key: key.map(SecretString::from),
        campaign_key: None,
        topic_arn: (provider == EmailProvider::AmazonSes).then(|| TOPIC.to_owned()),
        tracks_opens: true,
    };
    let (made, _) = source::create(ctx, actor, new).await?;
    Ok(made)
}

/// What `api` does with a request of a provider.
async fn tell(ctx: &Ctx, source: &Source, call: &Call) -> Result<()> {
    match Box::pin(source::receive(ctx, &NoWayOut, source, call)).await? {
        Answer::Refused(why) => source::note_rejection(ctx, source, why).await,
        Answer::Stored(_) | Answer::Later | Answer::Gone => Ok(()),
    }
}

fn with_body(body: &serde_json::Value) -> Call {
    Call {
        body: body.to_string().into(),
        ..Call::default()
    }
}

/// A word nobody can guess.
fn secret(ctx: &Ctx) -> String {
    let mut random = [0; 16];
    ctx.ids.fill(&mut random);
    hex::encode(random)
}

fn broken(error: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("a key for sample data: {error}"))
}

/// The sample calls nobody.
struct NoWayOut;

#[async_trait]
impl Egress for NoWayOut {
    async fn post(&self, _request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        Err(EgressError::Unreachable)
    }
}
