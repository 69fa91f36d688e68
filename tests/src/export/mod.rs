//! Exports on both databases: what is in a file (`content`), the way back through an import and what a file keeps from
//! running (`back`), and who may fetch it (`download`). Here is how a test asks for one and reads it.

mod back;
mod content;
mod download;

use domain::{
    attribute, contact,
    ctx::Ctx,
    export::{Ordered, Wanted, What},
    sheet::record,
};
use entity::kind::{AttributeType, ExportEncoding, ExportFormat, SubjectKind};
use secrecy::SecretString;

use crate::support::World;

/// What a spreadsheet would run, if it were let.
const FORMULAS: [&str; 14] = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "=cmd|'/C calc'!A0",
    "＝1+1",
    "＋1",
    "－1",
    "＠A1",
    "'=1",
    "\"=1",
    " =1",
    "a,=1",
    "a;\"@x",
];

pub(crate) fn wanted(what: What, format: ExportFormat, encoding: ExportEncoding) -> Wanted {
    Wanted {
        what,
        format,
        encoding,
        columns: Vec::new(),
    }
}

fn contacts() -> What {
    What::Contacts(contact::ContactFilter::default(), Ordered::default())
}

async fn read(ctx: &Ctx, ticket: &SecretString) -> Vec<u8> {
    let (_, mut download) = domain::export::open(ctx, ticket).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = download.next(ctx).await.unwrap() {
        bytes.extend(piece);
    }
    bytes
}

pub(crate) async fn export(world: &World, wanted: Wanted) -> Vec<u8> {
    let asked = domain::export::ask(&world.ctx, &world.owner, wanted)
        .await
        .unwrap();
    read(&world.ctx, &asked.ticket).await
}

pub(crate) fn csv(bytes: &[u8]) -> Vec<Vec<String>> {
    let (mut rest, mut rows) = (bytes, Vec::new());
    while let Some(record) = record::read(rest, b',', true) {
        assert_eq!(record.broken, None);
        let cells = record.cells.iter();
        let cells = cells.map(|cell| String::from_utf8_lossy(cell).into_owned());
        rows.push(cells.collect());
        rest = &rest[record.bytes..];
    }
    rows
}

/// Contacts with awkward names, made by hand.
async fn people(world: &World) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let new = attribute::NewAttribute {
        subject: SubjectKind::Contact,
        key: "note".to_owned(),
        name: "Note".to_owned(),
        description: String::new(),
        value_type: AttributeType::Text,
        options: Vec::new(),
    };
    let note = attribute::definition::create(ctx, owner, new)
        .await
        .unwrap();
    for (n, name) in FORMULAS.iter().enumerate() {
        let profile = contact::ProfileChanges {
            phone: (n == 0).then(|| Some("+81312345678".to_owned())),
            attributes: vec![attribute::Setting {
                attribute: note.id,
                value: Some(attribute::Value::Text(format!("{name} too"))),
            }],
            ..contact::ProfileChanges::default()
        };
        let new = contact::NewContact {
            name: (*name).to_owned(),
            email: Some(format!("p{n}@example.com")),
            profile,
            ..contact::NewContact::default()
        };
        contact::create(ctx, owner, new).await.unwrap();
    }
}
