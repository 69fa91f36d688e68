//! Mail over the wire, to a mail server that behaves in every way.

use domain::{
    mail,
    notification::{
        Receivers, deliver, deliver::Limits, manage::NewTarget, notice::Notice, target::email,
    },
    port::{MailError, MailReceipt, OutgoingMail, SystemClock},
};
use entity::kind::{DeliveryState, TargetKind};
use worker::{
    egress::{EgressClient, EgressSettings, Outlets},
    mail::{MailSettings, Mailer},
};

use super::{attempts, greeted, stored};
use crate::support::{
    on_both,
    smtp::{MailServer, Manners, Taken},
};

fn mailer(server: &MailServer, login: &str) -> Mailer {
    let url = format!("smtp://{login}127.0.0.1:{}", server.port);
    let from = "縁 <enishi@sender.example>";
    let mut problems = Vec::new();
    let settings = MailSettings::check(Some(&url), Some(from), &mut problems);
    Mailer::new(settings.unwrap_or_else(|| panic!("{problems:?}"))).unwrap()
}

fn to(addresses: &[&str]) -> OutgoingMail {
    OutgoingMail {
        id: "delivery_1".to_owned(),
        to: addresses.iter().map(|&one| one.to_owned()).collect(),
        subject: "VIP からのメッセージ".to_owned(),
        text: "こんにちは\n.\n..\nBye".to_owned(),
        html: "<p>こんにちは</p>".to_owned(),
        unsubscribe: None,
    }
}

async fn sent(
    manners: Manners,
    mail: OutgoingMail,
) -> (Result<MailReceipt, MailError>, Vec<Taken>) {
    let server = MailServer::start(manners).await;
    let outcome = mailer(&server, "").send(&mail).await;
    (outcome, server.taken())
}

fn answers(pairs: &[(&str, &'static str)]) -> Manners {
    Manners {
        answers: pairs
            .iter()
            .map(|&(start, answer)| (start.to_owned(), answer))
            .collect(),
        ..Manners::default()
    }
}

/// The names of the headers before the first empty line.
fn header_names(raw: &str) -> Vec<String> {
    let head = raw.split("\r\n\r\n").next().unwrap();
    head.split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_mail_arrives_whole_and_says_that_nobody_wrote_it() {
    let (outcome, taken) = sent(Manners::default(), to(&["a@x.example", "b@x.example"])).await;
    let receipt = outcome.unwrap();
    assert_eq!(receipt.accepted, ["a@x.example", "b@x.example"]);
    assert_eq!(
        (receipt.status, receipt.said.as_str()),
        (250, "queued as 1")
    );
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].from, "MAIL FROM:<enishi@sender.example>");
    assert_eq!(taken[0].to, ["a@x.example", "b@x.example"]);
    assert!(taken[0].raw.is_ascii());
    let read = mail::parse(taken[0].raw.as_bytes()).unwrap();
    assert_eq!(read.subject, "VIP からのメッセージ");
    assert_eq!(read.message_id, "delivery_1@sender.example");
    assert!(read.automatic.is_some());
    assert_eq!(
        read.text.replace("\r\n", "\n").trim(),
        "こんにちは\n.\n..\nBye"
    );
}

#[tokio::test]
async fn a_mail_says_where_its_receiver_says_no() {
    let place = format!("https://e.example/survey/{}", "A".repeat(80));
    for (place, posts) in [(place.as_str(), true), ("http://e.example/s", false)] {
        let mail = OutgoingMail {
            unsubscribe: Some(place.parse().unwrap()),
            ..to(&["a@x.example"])
        };
        let (outcome, taken) = sent(Manners::default(), mail).await;
        outcome.unwrap();
        let raw = &taken[0].raw;
        let line = format!("\r\nList-Unsubscribe: <{place}>\r\n");
        assert!(raw.contains(&line), "{raw}");
        let line = "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
        assert_eq!(raw.contains(line), posts, "{raw}");
    }
    let (_, taken) = sent(Manners::default(), to(&["a@x.example"])).await;
    assert!(!taken[0].raw.contains("List-Unsubscribe"));
}

#[tokio::test]
async fn each_address_is_answered_for_by_itself() {
    let manners = answers(&[
        ("RCPT TO:<b@x.example>", "550 5.1.1 nobody"),
        ("RCPT TO:<c@x.example>", "451 4.7.1 later"),
    ]);
    let (outcome, taken) = sent(manners, to(&["a@x.example", "b@x.example", "c@x.example"])).await;
    let receipt = outcome.unwrap();
    assert_eq!(receipt.accepted, ["a@x.example"]);
    let (refused, deferred) = (&receipt.refused[0], &receipt.deferred[0]);
    assert_eq!(
        (refused.address.as_str(), refused.status),
        ("b@x.example", 550)
    );
    assert_eq!(
        (deferred.address.as_str(), deferred.status),
        ("c@x.example", 451)
    );
    assert!(refused.said.contains("nobody"), "{refused:?}");
    assert_eq!(taken[0].to, ["a@x.example"]);

    let manners = answers(&[("RCPT", "550 nobody")]);
    let (outcome, taken) = sent(manners, to(&["a@x.example"])).await;
    let receipt = outcome.unwrap();
    assert!(receipt.accepted.is_empty() && taken.is_empty());
    assert_eq!(receipt.status, 550);
}

#[tokio::test]
async fn what_the_server_says_of_the_whole_is_for_now_or_for_good() {
    let whole = |verdict| Manners {
        verdict: Some(verdict),
        ..Manners::default()
    };
    let silent = Manners {
        silent: true,
        ..Manners::default()
    };
    let hangs_up = Manners {
        hangs_up: true,
        ..Manners::default()
    };
    for (manners, expected) in [
        (whole("554 5.7.1 spam"), "the mail server answered 554"),
        (whole("452 4.3.1 full"), "the mail server answered 452"),
        (
            answers(&[("MAIL", "550 not you")]),
            "the mail server answered 550",
        ),
        (
            answers(&[("MAIL", "421 too many")]),
            "the mail server answered 421",
        ),
        (
            answers(&[("DATA", "554 no")]),
            "the mail server answered 554",
        ),
        (
            answers(&[("EHLO", "garbage"), ("HELO", "garbage")]),
            "the mail server could not be reached",
        ),
        (hangs_up, "the mail server could not be reached"),
        (silent, "the mail server did not answer in time"),
    ] {
        let (outcome, taken) = sent(manners.clone(), to(&["a@x.example"])).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), expected, "{manners:?}: {error:?}");
        let is_for_good = matches!(error, MailError::Refused { .. });
        assert_eq!(is_for_good, error.to_string().contains(" 55"), "{error:?}");
        assert!(taken.is_empty());
    }
}

#[tokio::test]
async fn a_login_that_is_refused_can_be_mended_and_is_no_fault_of_the_mail() {
    let server = MailServer::start(answers(&[("AUTH", "535 5.7.8 no")])).await;
    let outcome = mailer(&server, "user:s3cret@")
        .send(&to(&["a@x.example"]))
        .await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, MailError::Deferred { status: 535, .. }),
        "{error:?}"
    );
    let server = MailServer::start(Manners::default()).await;
    let outcome = mailer(&server, "user:s3cret@")
        .send(&to(&["a@x.example"]))
        .await;
    assert_eq!(outcome.unwrap().accepted.len(), 1);
}

#[tokio::test]
async fn nobody_is_there() {
    let server = MailServer::start(Manners::default()).await;
    let mailer = mailer(&server, "");
    drop(server);
    tokio::task::yield_now().await;
    let outcome = mailer.send(&to(&["a@x.example"])).await;
    assert!(matches!(
        outcome,
        Err(MailError::Unreachable | MailError::TimedOut)
    ));
}

/// Threat 10: texts that would be headers, ends of mails, markup or another's words.
const CORPUS: &[&str] = &[
    "x\r\nBcc: evil@x.example",
    "x\nBcc: evil@x.example",
    "x\rBcc: evil@x.example",
    "x\u{85}Bcc: evil@x.example",
    "x\u{2028}Bcc: evil@x.example",
    "x\0\r\nBcc: evil@x.example",
    "x%0d%0aBcc: evil@x.example",
    "=?utf-8?q?x=0d=0aBcc:_evil@x.example?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAeC5leGFtcGxl?=",
    "x\r\n\r\n<script>alert(1)</script>",
    "x\r\n.\r\nMAIL FROM:<evil@x.example>",
    "\r\n.\r\nQUIT\r\n",
    ".",
    "..",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "'><a href='javascript:alert(1)'>x</a>",
    "</p></body></html><h1>x</h1>",
    "<!--",
    "-->",
    "<![CDATA[",
    "&lt;script&gt;",
    "&#60;script&#62;",
    "{{ 7 * 7 }}",
    "{% for a in b %}",
    "${jndi:ldap://x}",
    "\u{202e}gpj.exe",
    "\u{1b}[31mred",
    "=cmd|' /C calc'!A0",
    "Content-Type: text/html\r\n\r\n<h1>x</h1>",
    "--boundary--",
    "\u{feff}Subject: x",
    "縁\r\nBcc: 縁@x.example",
];

#[tokio::test]
async fn no_text_becomes_a_header_a_second_mail_or_markup() {
    let server = MailServer::start(Manners::default()).await;
    let mailer = mailer(&server, "");
    let mut count = 0;
    for title in CORPUS {
        for other in CORPUS {
            count += 1;
            let notice = Notice {
                title: (*title).to_owned(),
                text: Some(format!("{other}\r\n{title}")),
                by: (*other).to_owned(),
                ..Notice::default()
            };
            let locale = domain::locale::Locale::En;
            let mail = email::mail(
                "delivery_1".to_owned(),
                vec!["a@x.example".to_owned()],
                &notice,
                locale,
            );
            let html = mail.html.clone();
            // One connection each would be slow; what is built is the same.
            if count % 17 == 0 {
                mailer.send(&mail).await.unwrap();
            }
            let foreign = html.split('<').skip(1).map(|tag| {
                tag.split(['>', ' '])
                    .next()
                    .unwrap()
                    .trim_start_matches('/')
            });
            let ours = [
                "!DOCTYPE", "html", "head", "meta", "body", "p", "strong", "br", "a",
            ];
            for tag in foreign {
                assert!(ours.contains(&tag), "{tag:?} in {html}");
            }
        }
    }
    assert!(count >= 200);
    let taken = server.taken();
    assert_eq!(taken.len(), count / 17);
    let mut expected = [
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Date",
        "Content-Type",
    ];
    expected.sort_unstable();
    for one in &taken {
        assert_eq!(one.to, ["a@x.example"]);
        let mut names = header_names(&one.raw);
        names.sort_unstable();
        assert_eq!(names, expected, "{}", one.raw);
    }
}

#[test]
fn a_rule_reaches_a_mailbox_through_the_workers_outlets() {
    on_both(|world| async move {
        let server = MailServer::start(answers(&[("RCPT TO:<b@x.example>", "450 later")])).await;
        let receivers = Receivers {
            addresses: vec!["a@x.example".to_owned(), "b@x.example".to_owned()],
            ..Receivers::default()
        };
        let new = NewTarget::to(TargetKind::Email, "mail", receivers);
        let target = world.target_of(new).await;
        let ids = greeted(&world, target, 1).await;
        let clock = std::sync::Arc::new(SystemClock);
        let client = EgressClient::new(EgressSettings::default(), clock).unwrap();
        let outlets = Outlets::new(client, Some(mailer(&server, "")));
        let turn = deliver::run_due(&world.ctx, &outlets, None, Limits::items(9)).await;
        assert_eq!(turn.unwrap().failed, 1);
        assert_eq!(server.taken()[0].to, ["a@x.example"]);
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Pending);
        let patient = MailServer::start(Manners::default()).await;
        let clock = std::sync::Arc::new(SystemClock);
        let client = EgressClient::new(EgressSettings::default(), clock).unwrap();
        let outlets = Outlets::new(client, Some(mailer(&patient, "")));
        world.hurry().await;
        let turn = deliver::run_due(&world.ctx, &outlets, None, Limits::items(9)).await;
        assert_eq!(turn.unwrap().delivered, 1);
        assert_eq!(patient.taken()[0].to, ["b@x.example"]);
        let attempts = attempts(&world, ids[0]).await;
        let statuses: Vec<_> = attempts.iter().map(|one| one.status).collect();
        assert_eq!(statuses, [Some(250), Some(250)]);
        let read = mail::parse(patient.taken()[0].raw.as_bytes()).unwrap();
        assert_eq!(read.subject, "greeting");
        world
    });
}
