//! The check of a template's tree: only what is known to be harmless may be in it, and every value
//! and filter it names exists.

use minijinja::machinery::{
    Span,
    ast::{BinOpKind as Op, CallArg, CompareOpKind, Expr, ForLoop, Stmt, UnaryOpKind},
};

use super::{
    Mistake,
    facts::{Shape, VALUES},
    filter::{FILTERS, SEPARATOR_LIMIT},
};

/// Nested loops a template may have.
const LOOPS: usize = 2;
const NO_ARITHMETIC: &str = "A template can compare numbers, but not calculate.";

/// Checks the tree of `text`.
pub(super) fn check(text: &str, tree: &Stmt<'_>) -> Result<(), Mistake> {
    let mut walk = Walk {
        text,
        names: Vec::new(),
    };
    walk.statement(tree)
}

struct Walk<'t> {
    text: &'t str,
    /// The names of the loops around, from the outside in.
    names: Vec<String>,
}

type Checked<T = ()> = Result<T, Mistake>;

impl Walk<'_> {
    fn refuse<T>(&self, span: Span, message: impl Into<String>) -> Checked<T> {
        Err(Mistake::at(self.text, span.start_offset as usize, message))
    }

    fn statements(&mut self, statements: &[Stmt<'_>]) -> Checked {
        statements.iter().try_for_each(|one| self.statement(one))
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Checked {
        let what = match statement {
            Stmt::Template(template) => return self.statements(&template.children),
            Stmt::EmitRaw(_) => return Ok(()),
            Stmt::EmitExpr(emit) => return self.expression(&emit.expr).map(|_| ()),
            Stmt::IfCond(branch) => {
                self.expression(&branch.expr)?;
                self.statements(&branch.true_body)?;
                return self.statements(&branch.false_body);
            }
            Stmt::ForLoop(one) => return self.a_loop(one, one.span()),
            Stmt::WithBlock(with) => ("with", with.span()),
            Stmt::Set(set) => ("set", set.span()),
            Stmt::SetBlock(set) => ("set", set.span()),
            Stmt::AutoEscape(block) => ("autoescape", block.span()),
            Stmt::FilterBlock(block) => ("filter", block.span()),
            Stmt::Do(call) => ("do", call.span()),
        };
        let (word, span) = what;
        let message =
            format!("A template cannot use `{word}`; it can use {{% if %}} and {{% for %}}.");
        self.refuse(span, message)
    }

    fn a_loop(&mut self, one: &ForLoop<'_>, span: Span) -> Checked {
        if one.recursive {
            return self.refuse(span, "A loop in a template cannot be recursive.");
        }
        if self.names.len() >= LOOPS {
            let message = format!("Loops can be nested {LOOPS} deep at most.");
            return self.refuse(span, message);
        }
        let Expr::Var(name) = &one.target else {
            return self.refuse(
                span,
                "Name one value to go through: {% for tag in contact.tags %}.",
            );
        };
        if name.id == "loop" {
            return self.refuse(
                span,
                "Give what a loop goes through another name than `loop`.",
            );
        }
        if self.expression(&one.iter)? != Some(Shape::List) {
            let message = "Only a list can be gone through, such as contact.tags.";
            return self.refuse(one.iter.span(), message);
        }
        self.names.push(name.id.to_owned());
        if let Some(filter) = &one.filter_expr {
            self.expression(filter)?;
        }
        self.statements(&one.body)?;
        self.names.pop();
        self.statements(&one.else_body)
    }

    /// What kind of value an expression has, as far as that is known.
    fn expression(&mut self, expression: &Expr<'_>) -> Checked<Option<Shape>> {
        let span = expression.span();
        match expression {
            Expr::Const(one) => Ok(if one.value.as_str().is_some() {
                Some(Shape::Text)
            } else if one.value.is_number() {
                Some(Shape::Number)
            } else {
                None
            }),
            Expr::Var(name) => self.value(span, name.id, None),
            Expr::GetAttr(part) => match &part.expr {
                Expr::Var(name) => self.value(span, name.id, Some(part.name)),
                _ => self.refuse(span, format!("There is no `{}` in this value.", part.name)),
            },
            Expr::UnaryOp(one) => {
                let shape = self.expression(&one.expr)?;
                match one.op {
                    UnaryOpKind::Not => Ok(None),
                    UnaryOpKind::Neg if matches!(one.expr, Expr::Const(_)) => Ok(shape),
                    UnaryOpKind::Neg => self.refuse(span, NO_ARITHMETIC),
                }
            }
            Expr::BinOp(both) => {
                let left = self.expression(&both.left)?;
                let right = self.expression(&both.right)?;
                match both.op {
                    Op::Add | Op::Sub | Op::Mul | Op::Div | Op::FloorDiv | Op::Rem | Op::Pow => {
                        self.refuse(span, NO_ARITHMETIC)
                    }
                    Op::Concat => self.refuse(
                        span,
                        "Write values one after the other, each in {{ }}, instead of joining them.",
                    ),
                    Op::In => self.contained(span, left, right),
                    Op::Eq | Op::Ne | Op::Lt | Op::Lte | Op::Gt | Op::Gte => Ok(None),
                    Op::ScAnd | Op::ScOr => Ok((left == right).then_some(left).flatten()),
                }
            }
            Expr::Compare(chain) => {
                let mut left = self.expression(&chain.expr)?;
                for next in &chain.ops {
                    let right = self.expression(&next.expr)?;
                    if matches!(next.op, CompareOpKind::In | CompareOpKind::NotIn) {
                        self.contained(span, left, right)?;
                    }
                    left = right;
                }
                Ok(None)
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr)?;
                self.expression(&choice.true_expr)?;
                if let Some(other) = &choice.false_expr {
                    self.expression(other)?;
                }
                Ok(None)
            }
            Expr::Filter(filter) => {
                let Some(of) = &filter.expr else {
                    return self.refuse(span, "Say what to filter.");
                };
                let shape = self.expression(of)?;
                self.filter(span, filter.name, shape)?;
                self.arguments(span, filter.name, &filter.args, shape)
            }
            Expr::List(list) => {
                for item in &list.items {
                    self.expression(item)?;
                }
                Ok(Some(Shape::List))
            }
            Expr::Test(_) => self.refuse(
                span,
                "A template cannot use `is`; write {% if health.score %} to ask whether it is known.",
            ),
            Expr::Call(_) => self.refuse(span, "A template cannot call anything."),
            Expr::GetItem(_) | Expr::Slice(_) => self.refuse(
                span,
                "A template cannot take parts by number; use the filters first, last and truncate.",
            ),
            Expr::Map(_) => self.refuse(span, "A template cannot make values with parts."),
        }
    }

    fn value(&self, span: Span, name: &str, part: Option<&str>) -> Checked<Option<Shape>> {
        if self.names.iter().any(|known| known == name) {
            return match part {
                None => Ok(Some(Shape::Text)),
                Some(part) => self.refuse(span, format!("`{name}` has no part `{part}`.")),
            };
        }
        if name == "loop" && !self.names.is_empty() {
            return match part {
                Some("first" | "last" | "index" | "index0" | "length") => Ok(Some(Shape::Number)),
                _ => self.refuse(
                    span,
                    "A loop has loop.index, loop.first, loop.last, loop.length.",
                ),
            };
        }
        let Some((_, parts)) = VALUES.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = VALUES.iter().map(|(known, _)| *known).collect();
            let message = format!("There is no value `{name}`; there is {}.", known.join(", "));
            return self.refuse(span, message);
        };
        let found = part.and_then(|part| parts.iter().find(|(known, _)| *known == part));
        if let Some((_, shape)) = found {
            return Ok(Some(*shape));
        }
        let known: Vec<_> = parts
            .iter()
            .map(|(part, _)| format!("{name}.{part}"))
            .collect();
        let said = part.map_or_else(|| name.to_owned(), |part| format!("{name}.{part}"));
        let message = format!("`{said}` cannot be shown; there is {}.", known.join(", "));
        self.refuse(span, message)
    }

    /// `in` asks a list for an item, or a text for a part of it.
    fn contained(
        &self,
        span: Span,
        part: Option<Shape>,
        whole: Option<Shape>,
    ) -> Checked<Option<Shape>> {
        match (part, whole) {
            (_, Some(Shape::List)) | (Some(Shape::Text), Some(Shape::Text)) => Ok(None),
            _ => self.refuse(
                span,
                "Ask with `in` for an item of a list or a part of a text.",
            ),
        }
    }

    fn filter(&self, span: Span, name: &str, shape: Option<Shape>) -> Checked {
        if !FILTERS.contains(&name) {
            let message = format!(
                "There is no filter `{name}`; there is {}.",
                FILTERS.join(", ")
            );
            return self.refuse(span, message);
        }
        let wanted = match name {
            "first" | "last" | "join" => Shape::List,
            "round" => Shape::Number,
            _ => return Ok(()),
        };
        if shape.is_some_and(|shape| shape != wanted) {
            let kind = if wanted == Shape::List {
                "lists"
            } else {
                "numbers"
            };
            return self.refuse(span, format!("The filter `{name}` is for {kind}."));
        }
        Ok(())
    }

    /// Checks what a filter is given, so that it cannot fail later; says what it makes of `of`.
    fn arguments(
        &mut self,
        span: Span,
        name: &str,
        arguments: &[CallArg<'_>],
        of: Option<Shape>,
    ) -> Checked<Option<Shape>> {
        match (name, arguments) {
            ("truncate", [CallArg::Pos(Expr::Const(number))])
                if usize::try_from(number.value.clone()).is_ok() =>
            {
                Ok(Some(Shape::Text))
            }
            ("truncate", _) => self.refuse(span, "Give `truncate` a number of characters."),
            ("default", [CallArg::Pos(other)]) => {
                let other = self.expression(other)?;
                Ok((of == other).then_some(of).flatten())
            }
            ("default", _) => self.refuse(span, "Give `default` what to show instead."),
            ("join", []) => Ok(Some(Shape::Text)),
            ("join", [CallArg::Pos(Expr::Const(text))])
                if (text.value.as_str())
                    .is_some_and(|text| text.chars().count() <= SEPARATOR_LIMIT) =>
            {
                Ok(Some(Shape::Text))
            }
            ("join", _) => {
                let message =
                    format!("Give `join` a text of at most {SEPARATOR_LIMIT} characters.");
                self.refuse(span, message)
            }
            ("length", []) => Ok(Some(Shape::Number)),
            (_, []) => Ok(Some(Shape::Text)),
            _ => self.refuse(
                span,
                format!("The filter `{name}` takes nothing in brackets."),
            ),
        }
    }
}
