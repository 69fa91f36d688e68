//! Mail archives by `enishi import mbox` and `eml`: what is stored of them, what is left out and why, and that
//! a second run changes nothing.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    process::built,
    runtime::block_on,
};

/// What stands before each mail of an mbox archive.
const SEPARATOR: &str = "From sender@c.example Mon Mar  2 09:00:00 2026\n";
const ERASED: &str = "gone@e.example";

/// A mail: its id, head and body. Without a date where `time` is empty.
fn mail(id: &str, time: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut mail = format!("Message-ID: <{id}>\n");
    if !time.is_empty() {
        mail += &format!("Date: Mon, 2 Mar 2026 {time} +0900\n");
    }
    mail += head;
    let mut mail = mail.into_bytes();
    mail.push(b'\n');
    mail.extend(body);
    mail.extend(b"\n\n");
    mail
}

/// 見積もりをお願いします。 in ISO-2022-JP, as it goes over the wire.
const QUOTE: &[u8] = b"\x1b$B8+@Q$b$j$r$*4j$$$7$^$9!#\x1b(B";

/// A thread of three mails in two charsets, one of them there twice; a mail in a third charset; and five that
/// are left out.
fn archive() -> Vec<u8> {
    let quote = || {
        mail(
            "1@c.example",
            "09:00:00",
            "From: Sato <sato@c.example>\nTo: sales@example.com\n\
             Subject: =?ISO-2022-JP?B?GyRCOCtAUSRiJGobKEI=?=\n\
             Content-Type: text/plain; charset=ISO-2022-JP\nContent-Transfer-Encoding: 7bit\n",
            QUOTE,
        )
    };
    let mails = [
        quote(),
        mail(
            "2@example.com",
            "10:00:00",
            "From: Tanaka <tanaka@example.com>\nTo: Sato <sato@c.example>\n\
             In-Reply-To: <1@c.example>\nReferences: <1@c.example>\nSubject: Re: quote\n",
            b"With pleasure.",
        ),
        mail(
            "3@c.example",
            "11:00:00",
            "From: Sato <sato@c.example>\nTo: tanaka@example.com\nIn-Reply-To: <2@example.com>\n\
             References: <1@c.example> <2@example.com>\nSubject: =?Shift_JIS?B?lFuK+g==?=\n\
             Content-Type: text/plain; charset=Shift_JIS\nContent-Transfer-Encoding: base64\n",
            b"lFuK+oLNgqKCwoLFgreCqYFC",
        ),
        mail(
            "4@d.example",
            "12:00:00",
            "From: Wang <wang@d.example>\nTo: sales@example.com\nSubject: =?GBK?B?sai82w==?=\n\
             Content-Type: text/plain; charset=GBK\nContent-Transfer-Encoding: base64\n",
            b"xOO6wyzH67GovNuhow==",
        ),
        // Takeout keeps a mail once for each of its labels.
        quote(),
        mail(
            "5@example.com",
            "13:00:00",
            "From: boss@example.com\nTo: tanaka@example.com\nSubject: Lunch\n",
            b"At one?",
        ),
        mail(
            "6@c.example",
            "",
            "From: sato@c.example\nTo: sales@example.com\nSubject: When?\n",
            b"Nobody knows.",
        ),
        mail(
            "7@c.example",
            "14:00:00",
            "To: sales@example.com\nSubject: Who?\n",
            b"Nobody knows.",
        ),
        mail(
            "8@e.example",
            "15:00:00",
            &format!("From: {ERASED}\nTo: sales@example.com\nSubject: Hello\n"),
            b"It is me.",
        ),
    ];
    let mut archive = Vec::new();
    for mail in mails {
        archive.extend(SEPARATOR.as_bytes());
        archive.extend(mail);
    }
    archive
}

/// Every conversation's messages, as direction, subject and body, by the contact's name.
async fn conversations(owner: &Client) -> Vec<(String, Vec<[String; 3]>)> {
    let query = "{ conversations(first: 10) { nodes { contact { name }
        messages(first: 10) { nodes { direction subject body } } } } }";
    let found = owner.must(query, json!({})).await;
    let nodes = found["nodes"].as_array().expect("conversations");
    let mut conversations: Vec<(String, Vec<[String; 3]>)> = nodes
        .iter()
        .map(|node| {
            let messages = node["messages"]["nodes"].as_array().expect("messages");
            let words = |message: &Value| {
                ["direction", "subject", "body"]
                    .map(|field| text(&message[field]).trim().to_owned())
            };
            let name = text(&node["contact"]["name"]);
            (name, messages.iter().map(words).collect())
        })
        .collect();
    conversations.sort();
    conversations
}

/// Whether the summary has these numbers: new, there before, internal, not usable.
fn counts(said: &str, expected: [u64; 4]) -> bool {
    let [created, duplicates, skipped, broken] = expected;
    said.contains(&format!(
        "New messages: {created}\nThere before: {duplicates}\nInternal mail, left out: {skipped}\n\
         Could not be used: {broken}\n"
    ))
}

async fn erase(owner: &Client) {
    let input = json!({ "name": "Gone", "email": ERASED });
    let made = owner.change("createContact", input, "contact { id }").await;
    let input = json!({ "id": text(&made["contact"]["id"]) });
    owner.change("eraseContact", input, "erasedId").await;
}

#[test]
fn an_archive_becomes_conversations_and_a_second_run_changes_nothing() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        erase(&owner).await;
        let folder = TempDir::new().expect("a folder");
        let [mbox, report] = ["all.mbox", "left-out.jsonl"].map(|name| folder.path().join(name));
        fs::write(&mbox, archive()).expect("an archive");
        let (mbox, report_path) = (mbox.to_string_lossy(), report.to_string_lossy());
        let mut words = vec!["import", "mbox", &mbox];
        let (status, said) = installation.command(&words).await;
        assert!(
            !status.success() && said.contains("--own-address"),
            "{said}"
        );

        words.extend(["--own-address", "@example.com", "--report", &report_path]);
        let thread = |messages: &[[&str; 3]]| -> Vec<[String; 3]> {
            messages.iter().map(|one| one.map(str::to_owned)).collect()
        };
        let expected = vec![
            (
                "Sato".to_owned(),
                thread(&[
                    ["INBOUND", "見積もり", "見積もりをお願いします。"],
                    ["OUTBOUND", "Re: quote", "With pleasure."],
                    ["INBOUND", "納期", "納期はいつですか。"],
                ]),
            ),
            (
                "Wang".to_owned(),
                thread(&[["INBOUND", "报价", "你好,请报价。"]]),
            ),
        ];
        for expected_counts in [[4, 1, 1, 3], [0, 5, 1, 3]] {
            let (status, said) = installation.command(&words).await;
            assert!(status.success(), "{said}");
            assert!(counts(&said, expected_counts), "{said}");
            assert_eq!(conversations(&owner).await, expected);
        }
        assert_eq!(left_out(&report), ["broken", "broken", "broken", "skipped"]);

        let (status, said) = installation
            .command(&[
                "import",
                "mbox",
                "nowhere.mbox",
                "--own-address",
                "@example.com",
            ])
            .await;
        assert!(!status.success() && counts(&said, [0, 0, 0, 1]), "{said}");
        installation
    });
}

/// The kinds in a report, sorted; each with its file and the reason.
fn left_out(report: &Path) -> Vec<String> {
    let report = fs::read_to_string(report).expect("a report");
    let mut kinds: Vec<String> = report
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert!(text(&line["file"]).ends_with("all.mbox"), "{line}");
            assert!(line["offset"].is_u64(), "{line}");
            assert!(!text(&line["reason"]).is_empty(), "{line}");
            text(&line["kind"])
        })
        .collect();
    kinds.sort();
    kinds
}

#[test]
fn single_messages_come_in_beside_those_that_cannot_be_read() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let folder = TempDir::new().expect("a folder");
        let mut words = vec!["import".to_owned(), "eml".to_owned()];
        let head = "From: Sato <sato@c.example>\nTo: sales@example.com\nSubject: Hello\n";
        let saved = [
            SEPARATOR.as_bytes(),
            &mail("2@c.example", "10:00:00", head, b"two"),
        ]
        .concat();
        for (name, mail) in [
            ("1.eml", mail("1@c.example", "09:00:00", head, b"one")),
            ("2.eml", saved),
            ("empty.eml", Vec::new()),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, mail).expect("a file");
            words.push(path.to_string_lossy().into_owned());
        }
        let more = [
            "missing.eml",
            "--own-address",
            "sales@example.com",
            "--inbox",
            "Letters",
        ];
        words.extend(more.map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        for expected in [[2, 0, 0, 2], [0, 2, 0, 2]] {
            let (status, said) = installation.command(&words).await;
            assert!(status.success() && counts(&said, expected), "{said}");
        }
        let inboxes = owner.must("{ inboxes { name } }", json!({})).await;
        assert!(inboxes.to_string().contains("Letters"), "{inboxes}");
        let found = conversations(&owner).await;
        assert_eq!(found.len(), 2, "{found:?}");
        installation
    });
}

/// Mails in the large archive, of a megabyte each.
const LARGE: usize = 48;

#[test]
fn a_large_archive_takes_no_more_memory_than_a_small_one() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let folder = TempDir::new().expect("a folder");
        let mut peaks = [0; 4];
        // Small ones more than once: one that is over before anybody looks again was larger than it is seen to be.
        for (peak, mails) in peaks.iter_mut().zip([2, 3, 4, LARGE]) {
            let path = folder.path().join(format!("{mails}.mbox"));
            write_large(&path, mails);
            let script = format!(
                "'{}' import mbox '{}' --own-address @example.com & id=$!
                 while grep VmHWM /proc/$id/status 2>/dev/null; do sleep 0.02; done
                 wait $id && echo imported",
                built("enishi").display(),
                path.display()
            );
            let said = installation.script(&script, Duration::from_mins(5)).await;
            assert!(said.contains("imported"), "{said}");
            *peak = said
                .lines()
                .filter_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))
                .filter_map(|number| number.parse::<usize>().ok())
                .max()
                .expect("a peak");
        }
        println!("peaks: {peaks:?} kB");
        let [one, another, third, large] = peaks;
        let small = one.max(another).max(third);
        assert!(large < small + LARGE * 1024 / 2, "{small} kB, {large} kB");
        installation.end().await;
    });
}

/// An archive of mails with an attachment of a megabyte each.
fn write_large(path: &Path, mails: usize) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let attachment = format!("{}\n", "QUJD".repeat(18)).repeat(1024 * 1024 / 73);
    for number in 0..mails {
        let head = format!(
            "From: Sato <sato@c.example>\nTo: sales@example.com\nSubject: {mails}\n\
             MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=part\n"
        );
        let body = format!(
            "--part\nContent-Type: text/plain\n\nhello\n--part\nContent-Type: application/pdf\n\
             Content-Transfer-Encoding: base64\n\n{attachment}--part--\n"
        );
        let id = format!("{number}-of-{mails}@c.example");
        file.write_all(SEPARATOR.as_bytes()).expect("writing");
        file.write_all(&mail(&id, "09:00:00", &head, body.as_bytes()))
            .expect("writing");
    }
    file.flush().expect("writing");
}
