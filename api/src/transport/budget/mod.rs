//! The check before execution: what a document asks for, and whether that is too much.
//!
//! Everything that reaches the schema, on any transport, passes here first, because the library's
//! own limits expand fragments anew at every spread: a kilobyte of fragments that spread each
//! other keeps it busy for ever.
//!
//! - `scan` counts bytes, tokens and brackets before anything is parsed; `unique` looks on, for names
//!   that are given twice.
//! - `table` knows what the fields of the schema cost.
//! - `walk` goes through the parsed document, each fragment once; `price` has the points of one
//!   field, `measure` the sums.
//! - `usage` looks whether each variable and each value fits where it stands, `merge` whether fields with
//!   one name in the answer are one field there: rules of GraphQL that the library has in part.
//! - `variables` holds the rules about variables that the library leaves out, `input` compares values,
//!   theirs and the document's, with the schema's types; `value` says what a scalar takes.
//! - `dry_run` knows operations that only want to hear their cost.
//! - `meter` counts afterwards what came back; the difference is refunded, or charged for messages of
//!   subscriptions.
//! - `plan` is the result, remembered for the next request with the same document.
//!
//! **The cost of an operation** is an upper estimate, in points: an object 1, a scalar 0, a
//! mutation 10 and what it selects, a list or connection its selection times the size asked for
//! (`first`, `last`, `limit`, the length of `ids`; 20 when nothing is said, fewer for lists known to
//! be short, at most 100), a connection's `totalCount` 20,
//! `__schema` 1,000, `__type` 100, and the root fields of `table::HEAVY_FIELDS` what stands there. Edges
//! and page information are free. The least is 1.

mod dry_run;
mod input;
mod measure;
mod merge;
mod meter;
mod plan;
mod price;
mod scan;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod unique;
mod usage;
mod value;
mod variables;
mod walk;

use std::{cell::RefCell, rc::Rc, sync::Arc};

use async_graphql::{
    Name, Value, Variables,
    parser::types::{ExecutableDocument, OperationType},
};

pub(crate) use meter::Meter;
pub use table::CostTable;
pub(crate) use table::SCHEMA_WEIGHT;

use self::plan::{Plan, PlanCache};
use super::{code::Code, failure::Failure, limits::DocumentLimits};

/// The estimate that goes out as `extensions.cost`. Resolvers find it in the request's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Points this operation asks for.
    pub requested: u64,
    /// Points one operation may ask for.
    pub limit: u64,
}

/// An operation within the budget.
#[derive(Debug)]
pub(crate) struct Approved {
    pub(crate) document: ExecutableDocument,
    pub(crate) kind: OperationType,
    pub(crate) name: Option<Name>,
    pub(crate) cost: Cost,
    /// Whether only the cost is asked for; `document` then holds nothing else.
    pub(crate) is_dry_run: bool,
    /// Counts what came back, of a subscription with each message.
    pub(crate) meter: Rc<Meter>,
    /// The deprecated fields and arguments that the document uses.
    pub(crate) deprecations: Option<Rc<Value>>,
}

/// The check, with the memory of one worker thread.
#[derive(Debug)]
pub(crate) struct Budget {
    table: Arc<CostTable>,
    limits: DocumentLimits,
    plans: RefCell<PlanCache>,
}

impl Budget {
    pub(crate) fn new(table: Arc<CostTable>, limits: DocumentLimits, plans_kept: usize) -> Self {
        Self {
            table,
            limits,
            plans: RefCell::new(PlanCache::new(plans_kept)),
        }
    }

    /// Finds the operation in `document` and refuses it if it breaks a limit or costs too much.
    /// `variables` gains the defaults that execution would not find.
    pub(crate) fn approve(
        &self,
        document: &str,
        operation_name: Option<&str>,
        variables: &mut Variables,
    ) -> Result<Approved, Failure> {
        let plan = self.plan(document)?;
        let operation = plan.operation(operation_name.filter(|name| !name.is_empty()))?;
        let requested = plan.cost(operation, variables, &self.table, &self.limits)?;
        let cost = Cost {
            requested,
            limit: self.limits.cost,
        };
        let is_dry_run = plan.is_dry_run(operation, variables);
        if requested > cost.limit && !is_dry_run {
            return Err(over_budget(cost));
        }
        Ok(Approved {
            kind: operation.kind(),
            name: operation.name().cloned(),
            document: if is_dry_run {
                dry_run::reduce(plan.document(), operation.name())
            } else {
                plan.document()
            },
            cost,
            is_dry_run,
            meter: operation.meter(),
            deprecations: plan.deprecations(),
        })
    }

    fn plan(&self, document: &str) -> Result<Rc<Plan>, Failure> {
        if let Some(plan) = self.plans.borrow_mut().get(document) {
            return Ok(plan);
        }
        let plan = Rc::new(Plan::build(document, &self.table, &self.limits)?);
        self.plans.borrow_mut().remember(document, &plan);
        Ok(plan)
    }
}

/// Judges a document that nobody asks to run yet, as far as that goes without variables, and gives
/// its tree.
pub(crate) fn inspect(
    text: &str,
    table: &CostTable,
    limits: &DocumentLimits,
) -> Result<ExecutableDocument, Failure> {
    let plan = Plan::build(text, table, limits)?;
    let cost = Cost {
        requested: plan.highest_cost(table, limits)?,
        limit: limits.cost,
    };
    if cost.requested > cost.limit {
        return Err(over_budget(cost));
    }
    Ok(plan.document())
}

/// Part of a document as it is told; its names may have any length.
fn short(name: &str) -> String {
    const MAX_BYTES: usize = 100;
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    format!("{}…", &name[..name.floor_char_boundary(MAX_BYTES)])
}

fn over_budget(cost: Cost) -> Failure {
    let message = format!(
        "The operation may cost {} points; the limit is {}. Ask for fewer items or fields.",
        cost.requested, cost.limit
    );
    let mut failure = Failure::new(Code::CostLimit, message);
    failure.cost = Some(cost);
    failure
}
