//! What the lines of contacts and of accounts have in common: what they are taken in for, what became of them, and
//! how a cell is set.

use entity::{
    id::{AttributeId, ContactId, OperationId},
    kind::{ImportCreation, ImportField, ImportOutcome, ImportPolicy},
};
use uuid::Uuid;

use super::{
    Request,
    cell::{Line, Problem},
    line::ImportLine,
};
use crate::{error::UserErrorCode, text};

/// What a batch is taken in for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) operation: OperationId,
    pub(super) request: &'a Request,
    pub(super) dry_run: bool,
    /// Tags the import has made before.
    pub(super) tags_made: usize,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) lines: Vec<ImportLine>,
    pub(super) made: Made,
}

/// What was made besides.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Made {
    pub(super) accounts: i64,
    pub(super) campaigns: i64,
    pub(super) tags: i64,
}

impl Job<'_> {
    pub(super) fn may(&self, what: ImportCreation) -> bool {
        self.request.create.contains(&what)
    }

    pub(super) fn has(&self, field: ImportField) -> bool {
        self.request.columns.iter().any(|one| one.field == field)
    }

    /// The key by which somebody who is there is remembered: no id that would name them to anybody else,
    /// but in the order of ids, because keys that come in order are cheap to keep.
    pub(super) fn person(&self, id: ContactId) -> Uuid {
        Uuid::from_u128(id.0.as_u128() ^ self.operation.0.as_u128())
    }

    /// A problem with what a field's column holds.
    pub(super) fn problem(
        &self,
        field: ImportField,
        code: UserErrorCode,
        message: impl Into<String>,
    ) -> Problem {
        let column = self.request.columns.iter().find(|one| one.field == field);
        Problem {
            column: column.and_then(|one| i32::try_from(one.column).ok()),
            field: Some(field),
            code: Some(code),
            message: message.into(),
        }
    }

    pub(super) fn attributes(&self) -> Vec<AttributeId> {
        let columns = self.request.columns.iter();
        columns.filter_map(|one| one.attribute).collect()
    }
}

/// What becomes of a line.
pub(super) enum Fate {
    Create,
    Update(Vec<ImportField>),
    /// Nothing is done, and why.
    Skip(&'static str),
    /// It has problems.
    Error,
}

impl Fate {
    pub(super) fn told(self, line: Line) -> ImportLine {
        let (outcome, changes, problems) = match self {
            Self::Create => (ImportOutcome::Create, Vec::new(), Vec::new()),
            Self::Update(changes) => (ImportOutcome::Update, changes, Vec::new()),
            Self::Skip(why) => (ImportOutcome::Skip, Vec::new(), vec![Problem::remark(why)]),
            Self::Error => (ImportOutcome::Error, Vec::new(), line.problems),
        };
        ImportLine {
            record: line.record,
            line: line.line,
            outcome,
            changes,
            problems,
        }
    }
}

/// What a line changes of a row, by what the policy lets it.
pub(super) struct Changes {
    policy: ImportPolicy,
    pub(super) fields: Vec<ImportField>,
}

impl Changes {
    pub(super) fn new(policy: ImportPolicy) -> Self {
        let fields = Vec::new();
        Self { policy, fields }
    }

    /// Sets what a cell says, if it says anything and the policy lets it; says whether that changed it.
    pub(super) fn set<T: PartialEq>(
        &mut self,
        field: ImportField,
        now: &mut Option<T>,
        said: Option<T>,
    ) -> bool {
        let is_kept = self.policy == ImportPolicy::FillEmpty && now.is_some();
        if said.is_none() || *now == said || is_kept {
            return false;
        }
        *now = said;
        self.fields.push(field);
        true
    }

    /// Sets the name, with its key; everybody has one, so there is none to be filled in.
    pub(super) fn set_name(&mut self, now: &mut String, key: &mut String, said: Option<&String>) {
        if let Some(name) = said
            && self.policy == ImportPolicy::Update
            && name != now
        {
            now.clone_from(name);
            *key = text::name_key(name);
            self.fields.push(ImportField::Name);
        }
    }
}

/// The tag's uuid, for lists of things.
pub(super) fn uuids<I: entity::id::Id>(ids: impl IntoIterator<Item = I>) -> Vec<Uuid> {
    ids.into_iter().map(entity::id::Id::uuid).collect()
}
