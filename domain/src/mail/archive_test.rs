//! Real archives, when they lie beside the workspace: 400 mails of mailing lists and people, and
//! 312 bounces, automatic answers and complaints of some seventy mail systems.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use super::*;

fn read_archive(name: &str) -> Option<Vec<Mail>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/mail");
    let path = PathBuf::from(folder).join(name);
    let file = File::open(path).ok()?;
    let mails = MboxReader::new(BufReader::new(file))
        .map(|raw| {
            let raw = raw.unwrap();
            parse(&raw.bytes).unwrap_or_else(|error| panic!("byte {}: {error}", raw.offset))
        })
        .collect();
    Some(mails)
}

#[test]
fn every_mail_of_a_real_list_archive_is_read() {
    let Some(mails) = read_archive("lists.mbox") else {
        return;
    };
    assert_eq!(mails.len(), 400);
}

#[test]
fn every_bounce_of_a_real_collection_is_read() {
    let Some(mails) = read_archive("bounces.mbox") else {
        return;
    };
    assert_eq!(mails.len(), 312);
}
