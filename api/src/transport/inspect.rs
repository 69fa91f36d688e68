//! Judging a document without running it, for those that are registered before anybody needs them.
//!
//! The budget judges it as it judges what is sent. The schema judges the rest when it is asked to run
//! the document; so that it runs nothing, all that is selected is skipped.

use std::sync::Arc;

use async_graphql::{
    Executor, Name, Positioned, Request, Response, ServerError,
    parser::types::{
        Directive, DocumentOperations, InlineFragment, OperationDefinition, Selection, SelectionSet,
    },
};
use async_graphql_value::Value;
use futures::{StreamExt as _, stream::BoxStream};

use super::{
    Transport,
    budget::{self, CostTable},
    failure::Failure,
    limits::Settings,
};

type Run = dyn Fn(Request) -> BoxStream<'static, Response> + Send + Sync;

/// Judges documents. Resolvers find one in an `Arc` in the request's data.
pub struct Inspector {
    table: Arc<CostTable>,
    settings: Arc<Settings>,
    run: Box<Run>,
}

impl Inspector {
    /// Of what `transport` serves.
    pub(crate) fn new<E: Executor, A>(transport: &Transport<E, A>) -> Self {
        let executor = transport.executor.clone();
        Self {
            table: Arc::clone(&transport.table),
            settings: Arc::clone(&transport.settings),
            run: Box::new(move |request| executor.execute_stream(request, None)),
        }
    }

    /// What is wrong with the document, if it could never be run: the first mistake. What depends on
    /// the values of variables is left open.
    pub async fn problem(&self, text: &str) -> Option<String> {
        let request = match self.held_back(text) {
            Ok(request) => request,
            Err(failure) => return failure.errors.first().map(told),
        };
        let response = (self.run)(request).next().await?;
        response.errors.first().map(told)
    }

    /// A request for the document that runs nothing of it.
    fn held_back(&self, text: &str) -> Result<Request, Failure> {
        let limits = &self.settings.document;
        let mut document = budget::inspect(text, &self.table, limits)?;
        let mut request = Request::new(text);
        match &mut document.operations {
            DocumentOperations::Single(operation) => hold_back(&mut operation.node),
            DocumentOperations::Multiple(all) => {
                // One is asked for; all of them are judged.
                request.operation_name = all.keys().next().map(Name::to_string);
                for one in all.values_mut() {
                    hold_back(&mut one.node);
                }
            }
        }
        request.set_parsed_query(document);
        Ok(request)
    }
}

/// Puts all that the operation selects into a fragment that is skipped.
fn hold_back(operation: &mut OperationDefinition) {
    let set = &mut operation.selection_set;
    let pos = set.pos;
    let skip = Directive {
        name: Positioned::new(Name::new("skip"), pos),
        arguments: vec![(
            Positioned::new(Name::new("if"), pos),
            Positioned::new(Value::Boolean(true), pos),
        )],
    };
    let items = std::mem::take(&mut set.node.items);
    let fragment = InlineFragment {
        type_condition: None,
        directives: vec![Positioned::new(skip, pos)],
        selection_set: Positioned::new(SelectionSet { items }, pos),
    };
    let fragment = Selection::InlineFragment(Positioned::new(fragment, pos));
    set.node.items.push(Positioned::new(fragment, pos));
}

fn told(error: &ServerError) -> String {
    let message = &error.message;
    match error.locations.first() {
        Some(pos) => format!("{message} (line {}, column {})", pos.line, pos.column),
        None => message.clone(),
    }
}
