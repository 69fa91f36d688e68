//! What the tests of imports share, and others that import something: sending a file, running the operation it
//! becomes, and reading what it did and what it says about its lines. It knows nothing of any one file.

use std::collections::BTreeMap;

use domain::{
    contact,
    import::{self, ImportLine, NewImport, Reading},
    operation::{self, Limits},
    store::Query,
    tag,
    upload::{self, Appended},
};
use entity::{
    id::{TagId, UploadId},
    kind::{IdentityKind, ImportCreation, ImportPolicy, OperationState, SubjectKind},
    operation::Model,
};

use crate::support::World;

pub(super) const LIMITS: upload::Limits = upload::Limits {
    max_bytes: 64 * 1024 * 1024,
    keep: chrono::TimeDelta::hours(48),
};

pub(crate) async fn send(world: &World, name: &str, bytes: &[u8]) -> UploadId {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let made = upload::create(ctx, owner, LIMITS, name).await.unwrap();
    let mut offset = 0;
    // Pieces of an odd length, so that records and characters span them.
    for piece in bytes.chunks(99_991) {
        let stored = upload::append(ctx, owner, LIMITS, made.id, offset, piece.to_vec()).await;
        assert!(matches!(stored.unwrap(), Appended::Stored(_)));
        offset += piece.len() as i64;
    }
    upload::complete(ctx, owner, made.id).await.unwrap();
    made.id
}

pub(crate) fn wanted(upload: UploadId) -> NewImport {
    NewImport {
        subject: SubjectKind::Contact,
        upload,
        reading: Reading::default(),
        columns: None,
        policy: ImportPolicy::Update,
        create: vec![
            ImportCreation::Accounts,
            ImportCreation::Campaigns,
            ImportCreation::Tags,
        ],
        dry_run: false,
    }
}

pub(crate) async fn run(world: &World, new: NewImport) -> Model {
    let asked = import::start(&world.ctx, &world.owner, new).await.unwrap();
    operation::run_due(&world.ctx, domain::operations(), None, Limits::none())
        .await
        .unwrap();
    ended(world, &asked).await
}

pub(super) async fn ended(world: &World, asked: &Model) -> Model {
    let found = operation::find(&world.ctx, world.owner.workspace, asked.id).await;
    let ended = found.unwrap().unwrap();
    assert_eq!(ended.state, OperationState::Done, "{:?}", ended.error);
    ended
}

pub(crate) async fn import_text(world: &World, text: &str) -> Model {
    let upload = send(world, "people.csv", text.as_bytes()).await;
    run(world, wanted(upload)).await
}

pub(super) async fn lines(world: &World, operation: &Model) -> Vec<ImportLine> {
    let workspace = world.owner.workspace;
    let found = import::stream(&world.ctx, workspace, operation.id, None, -1, 100_000).await;
    found.unwrap()
}

pub(super) fn counts(operation: &Model) -> BTreeMap<String, i64> {
    let counts = operation.progress["counts"].as_object().unwrap();
    let counts = counts.iter();
    counts
        .map(|(name, value)| (name.clone(), value.as_i64().unwrap()))
        .filter(|(_, count)| *count != 0)
        .collect()
}

pub(super) fn told(counts: &[(&str, i64)]) -> BTreeMap<String, i64> {
    let counts = counts.iter();
    counts
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

pub(super) async fn count(world: &World, what: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {what}"));
    let count: Option<i64> = query.scalar(world.ctx.reader()).await.unwrap();
    count.unwrap_or_default()
}

pub(super) async fn by_email(world: &World, email: &str) -> contact::Contact {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, IdentityKind::Email, email).await;
    found.unwrap().unwrap_or_else(|| panic!("no {email}"))
}

pub(super) async fn paths(world: &World, id: uuid::Uuid) -> Vec<String> {
    let forest = tag::catalogue::forest(&world.ctx, world.owner.workspace).await;
    let forest = forest.unwrap();
    let carried: Vec<TagId> =
        Query::new("SELECT tag_id FROM tagging WHERE target_id = $1 AND removed_at IS NULL")
            .bind(id)
            .column(world.ctx.reader())
            .await
            .unwrap();
    let mut paths: Vec<String> = carried
        .into_iter()
        .map(|tag| {
            let tag = forest.get(tag).unwrap();
            let group = tag.group_id.and_then(|group| forest.group(group));
            let group = group.map(|group| group.name.as_str());
            tag::path::written(group, &forest.path(tag))
        })
        .collect();
    paths.sort();
    paths
}
