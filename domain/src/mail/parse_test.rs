//! Whole messages through [`parse`]: charsets, structures, reports, and what is built to hurt.

use mail_parser::decoders::charsets::map::charset_decoder;
use proptest::prelude::*;

use super::*;

const HELLO: &str = "こんにちは、見積りの件です。";
const NIHAO: &str = "您好，报价单";

fn mail(raw: impl AsRef<[u8]>) -> Mail {
    parse(raw.as_ref()).unwrap()
}

/// The bytes of a text in a charset, found by asking the decoder: tests need no encoder this way.
fn encode(text: &str, label: &str) -> Vec<u8> {
    if label.eq_ignore_ascii_case("utf-8") {
        return text.as_bytes().to_vec();
    }
    let decode = charset_decoder(label.as_bytes()).unwrap();
    if label.eq_ignore_ascii_case("iso-2022-jp") {
        let kanji = text.chars().flat_map(|wanted| {
            pairs(0x21..=0x7e)
                .find(|pair| {
                    decode(&[b"\x1b$B", &pair[..], b"\x1b(B"].concat()) == wanted.to_string()
                })
                .unwrap()
        });
        return b"\x1b$B"
            .iter()
            .copied()
            .chain(kanji)
            .chain(*b"\x1b(B")
            .collect();
    }
    text.chars()
        .flat_map(|wanted| {
            pairs(0x40..=0xfe)
                .find(|pair| decode(pair) == wanted.to_string())
                .unwrap()
        })
        .collect()
}

fn pairs(range: std::ops::RangeInclusive<u8>) -> impl Iterator<Item = [u8; 2]> {
    let seconds = range.clone();
    range.flat_map(move |first| seconds.clone().map(move |second| [first, second]))
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn quoted(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "={byte:02X}").unwrap();
        text
    })
}

#[test]
fn east_asian_mail_is_decoded_in_every_charset_and_encoding() {
    for (label, text) in [
        ("ISO-2022-JP", HELLO),
        ("Shift_JIS", HELLO),
        ("EUC-JP", HELLO),
        ("UTF-8", HELLO),
        ("GB2312", NIHAO),
        ("GBK", NIHAO),
        ("gb18030", NIHAO),
        ("utf-8", NIHAO),
    ] {
        let bytes = encode(text, label);
        for (encoding, body) in [
            ("base64", base64(&bytes).into_bytes()),
            ("quoted-printable", quoted(&bytes).into_bytes()),
            ("8bit", bytes.clone()),
        ] {
            let head = format!(
                "From: =?{label}?B?{}?= <a@example.jp>\r\nSubject: Re: =?{label}?Q?{}?=\r\n\
                 Content-Type: text/plain; charset=\"{label}\"\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\n",
                base64(&bytes),
                quoted(&bytes)
            );
            let mail = mail([head.as_bytes(), &body, b"\r\n"].concat());
            assert_eq!(mail.subject, format!("Re: {text}"), "{label} {encoding}");
            assert_eq!(mail.text, text, "{label} {encoding}");
            assert_eq!(
                mail.from.unwrap().name.as_deref(),
                Some(text),
                "{label} {encoding}"
            );
        }
    }
}

#[test]
fn charsets_nobody_declared_are_recognised() {
    for (label, text) in [
        ("ISO-2022-JP", HELLO),
        ("Shift_JIS", HELLO),
        ("EUC-JP", HELLO),
        ("GB2312", NIHAO),
    ] {
        let bytes = encode(text, label);
        for declared in ["", "Content-Type: text/plain; charset=us-ascii\n"] {
            let raw = [
                b"Subject: ",
                &bytes[..],
                b"\n",
                declared.as_bytes(),
                b"\n",
                &bytes,
                b"\n",
            ]
            .concat();
            let mail = mail(raw);
            assert_eq!(mail.text, text, "{label} {declared}");
            assert_eq!(mail.subject, text, "{label} {declared}");
        }
    }
}

#[test]
fn an_encoded_word_in_quotes_is_still_decoded() {
    let mail = mail("From: \"=?UTF-8?B?5bGx55Sw?=\" <Yamada@Example.JP>\n\nx");
    let from = mail.from.unwrap();
    assert_eq!(from.name.as_deref(), Some("山田"));
    assert_eq!(from.address.as_str(), "yamada@example.jp");
}

#[test]
fn html_alone_becomes_text() {
    let mail = mail(
        "Content-Type: text/html; charset=utf-8\n\n<html><head><style>p{}</style></head>\
         <body><div>Hello</div><div>価格は<b>100</b>円</div><script>x()</script></body></html>",
    );
    assert_eq!(mail.text, "Hello\n価格は100円");
    assert!(mail.attachments.is_empty());
}

#[test]
fn of_alternatives_the_plain_one_is_read_and_files_are_listed() {
    let mail = mail(concat!(
        "Content-Type: multipart/mixed; boundary=m\n\n--m\n",
        "Content-Type: multipart/alternative; boundary=a\n\n",
        "--a\nContent-Type: text/plain\n\nplain\n",
        "--a\nContent-Type: text/html\n\n<p>html</p>\n--a--\n",
        "--m\nContent-Type: application/pdf; name=\"=?UTF-8?B?6KaL56mN?=.pdf\"\n",
        "Content-Disposition: attachment; filename=\"../../x/=?UTF-8?B?6KaL56mN?=.pdf\"\n",
        "Content-Transfer-Encoding: base64\n\naGVsbG8=\n--m--\n",
    ));
    assert_eq!(mail.text, "plain");
    assert_eq!(
        mail.attachments,
        [Attachment {
            name: Some("見積.pdf".to_owned()),
            content_type: "application/pdf".to_owned(),
            size_bytes: 5,
        }]
    );
}

#[test]
fn a_boundary_on_a_line_of_its_own_is_found() {
    let mail = mail(concat!(
        "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n",
        "Content-Type: multipart/alternative; differences=Content-Type;\r\nboundary=\"a\"\r\n\r\n",
        "--a\r\nContent-Type: text/plain\r\n\r\nplain\r\n--a--\r\n--m--\r\n",
    ));
    assert_eq!(mail.text, "plain");
}

#[test]
fn a_multipart_whose_boundary_never_comes_is_read_as_text() {
    let mail = mail("Content-Type: multipart/report; boundary=lost\n\nYour message failed.\n");
    assert_eq!(mail.text, "Your message failed.");
    assert!(mail.attachments.is_empty());
}

#[test]
fn utf8_under_a_japanese_label_is_read_as_utf8() {
    let mail = mail(format!(
        "Content-Type: text/plain; charset=ISO-2022-JP\n\n{HELLO}\n"
    ));
    assert_eq!(mail.text, HELLO);
}

const BOUNCE: &str = concat!(
    "From: MAILER-DAEMON@mx.example.com\nTo: sales@example.jp\nSubject: Undelivered\n",
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n",
    "--b\n\nSorry.\n",
    "--b\nContent-Type: message/delivery-status\n\n",
    "Reporting-MTA: dns; mx.example.com\n\n",
    "Final-Recipient: rfc822; Gone@Customer.jp\nAction: failed\nStatus: 5.1.1\n",
    "Diagnostic-Code: smtp; 550 5.1.1 no such user\n\n",
    "Final-Recipient: rfc822; slow@customer.jp\nAction: delayed\nStatus: 4.4.1\n\n",
    "--b\nContent-Type: message/rfc822\n\n",
    "From: sales@example.jp\nMessage-ID: <sent-1@example.jp>\n\nhello\n--b--\n",
);

#[test]
fn a_bounce_says_who_and_why_and_which_message() {
    let mail = mail(BOUNCE);
    assert_eq!(mail.automatic, Some(AutomaticKind::Bounce));
    assert_eq!(mail.text, "Sorry.");
    assert_eq!(
        mail.reported_message_id.as_deref(),
        Some("sent-1@example.jp")
    );
    let [gone, slow] = &mail.bounces[..] else {
        panic!("{:?}", mail.bounces)
    };
    assert_eq!(gone.recipient.as_str(), "gone@customer.jp");
    assert_eq!(gone.action, BounceAction::Failed);
    assert_eq!(gone.status.as_deref(), Some("5.1.1"));
    assert_eq!(gone.class, Some(BounceClass::Hard));
    assert_eq!(slow.class, Some(BounceClass::Soft));
}

#[test]
fn a_forwarded_bounce_is_a_persons_mail() {
    let raw = format!(
        "From: a@example.jp\nContent-Type: multipart/mixed; boundary=f\n\n--f\n\nlook\n\
         --f\nContent-Type: message/rfc822\n\n{BOUNCE}\n--f--\n"
    );
    let mail = mail(raw);
    assert_eq!(mail.automatic, None);
    assert!(mail.bounces.is_empty());
    assert_eq!(mail.attachments.len(), 1);
}

#[test]
fn a_complaint_says_who() {
    let mail = mail(concat!(
        "From: fbl@provider.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nx\n",
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: Abuse\n",
        "Original-Rcpt-To: <c@customer.jp>\n\n--b--\n",
    ));
    assert_eq!(mail.automatic, Some(AutomaticKind::Complaint));
    let complaint = mail.complaint.unwrap();
    assert_eq!(complaint.feedback_type, "abuse");
    assert_eq!(complaint.recipient.unwrap().as_str(), "c@customer.jp");
}

#[test]
fn an_automatic_answer_is_recognised() {
    let mail = mail("From: a@example.jp\nAuto-Submitted: auto-replied\nSubject: Away\n\nback soon");
    assert_eq!(mail.automatic, Some(AutomaticKind::AutoReply));
}

#[test]
fn a_broken_date_is_left_out() {
    assert_eq!(mail("Date: 32 Foo 20x2\nFrom: a@b.c\n\nx").sent_at, None);
    assert_eq!(mail("From: a@b.c\n\nx").sent_at, None);
}

#[test]
fn a_message_without_an_id_gets_one_that_does_not_change() {
    let unix = "From: a@b.c\nDate: Thu, 22 Aug 2002 14:54:25 +0100\nSubject: x\n\nbody\n\nend\n";
    let windows = format!(
        "Received: by elsewhere\r\n{}\r\n",
        unix.replace('\n', "\r\n")
    );
    let id = mail(unix).message_id;
    assert_eq!(id.len(), "hash:".len() + 64);
    assert_eq!(mail(windows).message_id, id);
    assert_ne!(mail(unix.replace("end", "END")).message_id, id);
    assert_eq!(mail("Message-ID: < a.B@c >\n\nx").message_id, "a.B@c");
}

#[test]
fn references_are_ordered_and_bounded() {
    let ids: Vec<String> = (0..300).map(|n| format!("<{}@x>", n % 200)).collect();
    let mail = mail(format!(
        "Message-ID: <me@x>\nReferences: {}\n\nx",
        ids.join("\n ")
    ));
    assert_eq!(mail.references.len(), 100);
    assert_eq!(mail.references[0], "0@x");
    assert_eq!(mail.references[99], "199@x");
    let keys = thread_keys(&mail);
    assert_eq!(keys[..2], ["me@x", "199@x"]);
}

#[test]
fn nul_and_broken_utf8_never_reach_the_values() {
    let mail = mail(b"Subject: a\0b \xff\xfe\nFrom: \"n\0m\" <a@b.c>\n\nte\0xt \xff \x07\n");
    let all = format!("{mail:?}");
    assert!(!all.contains('\0') && !all.contains("\\0"), "{all}");
    assert!(mail.text.starts_with("text"));
}

#[test]
fn an_empty_message_is_refused() {
    assert_eq!(parse(b""), Err(MailError::Empty));
    assert_eq!(parse(b"\r\n \r\n"), Err(MailError::Empty));
}

#[test]
fn long_texts_are_cut() {
    let mail = mail(format!(
        "Subject: {}\n\n{}",
        "件".repeat(2000),
        "本文\n".repeat(400_000)
    ));
    assert_eq!(mail.subject.chars().count(), 500);
    assert!(mail.text.len() <= 1024 * 1024);
}

#[test]
fn a_thousand_parts_are_read_and_more_are_refused() {
    let parts = |count: usize, part: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n",
            part.repeat(count)
        )
    };
    assert_eq!(mail(parts(999, "--b\n\nx\n")).automatic, None);
    assert_eq!(
        parse(parts(1000, "--b\n\nx\n").as_bytes()),
        Err(MailError::TooManyParts)
    );
    assert_eq!(
        parse(parts(1_000_000, "--b\n\n").as_bytes()),
        Err(MailError::TooManyParts)
    );
    let typed = parts(100_000, "--b\nContent-Type: image/png\n\n\n");
    assert_eq!(parse(typed.as_bytes()), Err(MailError::TooManyParts));
}

#[test]
fn nesting_is_bounded_however_it_is_built() {
    let messages = |count| "Content-Type: message/rfc822\n\n".repeat(count);
    assert!(parse(messages(50).as_bytes()).is_ok());
    assert_eq!(parse(messages(500).as_bytes()), Err(MailError::TooDeep));
    assert_eq!(
        parse(messages(800_000).as_bytes()),
        Err(MailError::TooManyParts)
    );

    let multiparts = |count: usize| {
        (0..count).fold(String::new(), |raw, n| {
            raw + &format!("Content-Type: multipart/mixed; boundary=b{n}.\n\n--b{n}.\n")
        })
    };
    assert!(parse(multiparts(50).as_bytes()).is_ok());
    assert_eq!(parse(multiparts(500).as_bytes()), Err(MailError::TooDeep));
    assert_eq!(
        parse(multiparts(10_000).as_bytes()),
        Err(MailError::TooManyParts)
    );
}

#[test]
fn a_bomb_in_an_encoded_nested_message_stays_packed() {
    let bomb = base64(
        "Content-Type: message/rfc822\n\n"
            .repeat(100_000)
            .as_bytes(),
    );
    for head in [
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n".to_owned(),
        "Content-Type: multipart/digest; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n"
            .to_owned(),
    ] {
        assert!(parse(format!("{head}{bomb}").as_bytes()).is_ok());
    }
}

#[test]
fn headers_are_bounded() {
    let many = "a: b\n".repeat(3000);
    assert_eq!(parse(many.as_bytes()), Err(MailError::HeadersTooLarge));
    assert_eq!(
        parse("a:\n".repeat(1_000_000).as_bytes()),
        Err(MailError::HeadersTooLarge)
    );
    let wide = format!("To: {}\n\nx", "a@b.c,".repeat(100_000));
    assert_eq!(parse(wide.as_bytes()), Err(MailError::HeadersTooLarge));
    let parameters = format!("Content-Type: text/plain{}\n\nx", "; a*1=b".repeat(10_000));
    assert_eq!(
        parse(parameters.as_bytes()),
        Err(MailError::HeadersTooLarge)
    );
    let hidden = format!(
        "X: y\nContent-Disposition: x{}\n\nx",
        "; a*1=b".repeat(10_000)
    );
    assert_eq!(parse(hidden.as_bytes()), Err(MailError::HeadersTooLarge));
}

#[test]
fn boundaries_that_never_come_are_not_looked_for_again_and_again() {
    let part = |n: usize| format!("--b\nContent-Type: multipart/mixed; boundary=none{n}\n\nx\n");
    let parts: String = (0..900).map(part).collect();
    let filler = "x".repeat(70).repeat(10_000);
    let raw =
        format!("Content-Type: multipart/mixed; boundary=b\n\n{parts}--b\n\n{filler}\n--b--\n");
    assert_eq!(parse(raw.as_bytes()), Err(MailError::TooComplex));
    let small = format!("Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n");
    assert!(parse(small.as_bytes()).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..400)) {
        let _outcome = parse::read(&raw);
    }

    #[test]
    fn no_arrangement_of_mime_makes_it_panic(
        pieces in prop::collection::vec(
            prop_oneof![
                Just(b"Content-Type: multipart/mixed; boundary=b\r\n".to_vec()),
                Just(b"Content-Type: multipart/alternative; boundary=\"c\"\n".to_vec()),
                Just(b"Content-Type: multipart/digest; boundary=b\n".to_vec()),
                Just(b"Content-Type: message/rfc822\n".to_vec()),
                Just(b"Content-Type: message/delivery-status\n".to_vec()),
                Just(b"Content-Type: text/html; charset=iso-2022-jp\n".to_vec()),
                Just(b"Content-Type: text/plain; charset=utf-16\n".to_vec()),
                Just(b"Content-Type: text/plain; charset=utf-7\n".to_vec()),
                Just(b"Content-Transfer-Encoding: base64\n".to_vec()),
                Just(b"Content-Transfer-Encoding: quoted-printable\n".to_vec()),
                Just(b"Final-Recipient: rfc822; a@b.c\nAction: failed\n".to_vec()),
                Just(b"Subject: =?utf-8?Q?=E6?= =?x?B?!?=\n".to_vec()),
                Just(b"From: \"a\" <@b>, (c) d:;\nDate: 1 Jan 0 0:0\n".to_vec()),
                Just(b"--b\n".to_vec()),
                Just(b"--b--\n".to_vec()),
                Just(b"\n--c\r\n".to_vec()),
                Just(b"--c--".to_vec()),
                Just(b"\n".to_vec()),
                Just(b"\r\n".to_vec()),
                Just(b"<p>&#xD800;&amp;<!-- --><br".to_vec()),
                prop::collection::vec(any::<u8>(), 0..20),
            ],
            0..40,
        ),
    ) {
        let raw = pieces.concat();
        if let Ok(mail) = parse::read(&raw) {
            prop_assert!(!mail.text.contains('\0') && !mail.subject.contains('\0'));
            prop_assert!(!mail.message_id.is_empty());
        }
    }
}
