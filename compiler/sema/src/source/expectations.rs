//! `expect` in a source: conditions on rows, and on the table as a whole.

use mlsys_diagnostics::nearest;
use mlsys_plan::{Check, Expectation, Literal, OnViolation, TableCheck, Type};
use mlsys_syntax::ast;

use super::{Column, scope_columns};
use crate::args::Constants;
use crate::deployment::positive;
use crate::library::overloads;
use crate::model::gates::comparison;
use crate::report::Reports;
use crate::scope::{Scope, listed};

/// What a source's rows must satisfy.
#[derive(Default)]
pub(super) struct Expectations {
    pub(super) rows: Vec<Expectation>,
    pub(super) table: Vec<TableCheck>,
}

/// Where expectations are read.
struct Context<'a, 'db> {
    constants: &'a Constants<'db>,
    owner: &'a str,
    columns: &'a [Column],
    /// Whether the rows have a time.
    timed: bool,
}

pub(super) fn expectations(
    constants: &Constants<'_>,
    tree: &ast::Source,
    owner: &str,
    columns: &[Column],
    reports: &mut Reports,
) -> Expectations {
    let context = Context { constants, owner, columns, timed: !tree.time.is_empty() };
    let mut expectations = Expectations::default();
    for written in &tree.expectations {
        let on_violation = action(written.action.as_ref(), reports);
        let line = written.span.start;
        match &written.kind {
            ast::ExpectationKind::Fresh(within) => {
                if !context.timed {
                    reports
                        .error("E0321", written.span, "rows without a time have no age", "how old is a row?")
                        .help("say which column holds the time of a row: `time COLUMN`");
                }
                let check = positive(*within, reports).map(Check::Fresh);
                context.about_table(written, check, on_violation, &mut expectations, reports);
            }
            ast::ExpectationKind::Condition(condition) => match context.table_check(written, condition, reports) {
                Some(check) => context.about_table(written, check, on_violation, &mut expectations, reports),
                None => {
                    context.no_window(written, reports);
                    let predicate = context.scope().predicate(condition, reports);
                    // Lines are filled in where the file's text is at hand.
                    let both = predicate.zip(on_violation);
                    let row = both.map(|(predicate, on_violation)| Expectation { predicate, on_violation, line });
                    expectations.rows.extend(row);
                }
            },
        }
    }
    expectations
}

fn action(written: Option<&ast::Name>, reports: &mut Reports) -> Option<OnViolation> {
    const ACTIONS: [OnViolation; 4] =
        [OnViolation::Warn, OnViolation::Drop, OnViolation::Quarantine, OnViolation::Fail];
    let Some(name) = written else { return Some(OnViolation::Fail) };
    let names = ACTIONS.map(OnViolation::name);
    let found = ACTIONS.into_iter().find(|action| action.name() == name.text);
    if found.is_none() {
        reports
            .error("E0211", name.span, format!("`{}` says nothing about a row", name.text), "unknown")
            .help(format!("a row that fails is one of {}", listed(&names)))
            .did_you_mean(nearest(&name.text, names));
    }
    found
}

impl<'db> Context<'_, 'db> {
    fn scope(&self) -> Scope<'db> {
        Scope::constant(self.constants.db, self.constants.project, self.constants.file)
            .with_columns(self.owner, "column", scope_columns(self.columns))
            .inside(self.constants.item)
    }

    /// Adds a check of the table: it fails or warns, there is no single row to leave out.
    fn about_table(
        &self,
        written: &ast::Expectation,
        check: Option<Check>,
        on_violation: Option<OnViolation>,
        expectations: &mut Expectations,
        reports: &mut Reports,
    ) {
        if matches!(check, Some(Check::Unique(_) | Check::Fresh(_) | Check::Rows(..))) {
            self.no_window(written, reports);
        }
        let one_row = matches!(on_violation, Some(OnViolation::Drop | OnViolation::Quarantine));
        if let Some(action) = written.action.as_ref().filter(|_| one_row && !matches!(check, Some(Check::Unique(_)))) {
            let message = format!("`{}` leaves a row out, but this is about the table as a whole", action.text);
            reports.error("E0321", action.span, message, "which row?").help("write `else warn` or `else fail`");
            return;
        }
        if let (Some(check), Some(on_violation)) = (check, on_violation) {
            expectations.table.push(TableCheck { check, on_violation, line: written.span.start });
        }
    }

    /// The length of a measure's window, in microseconds.
    fn window(&self, over: ast::Spanned<i64>, reports: &mut Reports) -> Option<i64> {
        if !self.timed {
            reports
                .error("E0321", over.span, "rows without a time are in no window", "which rows?")
                .help("leave `over` out, or say which column holds the time of a row: `time COLUMN`");
            return None;
        }
        positive(over, reports)
    }

    fn no_window(&self, written: &ast::Expectation, reports: &mut Reports) {
        if let Some(over) = written.over {
            reports
                .error("E0321", over.span, "this expectation has no window", "says nothing here")
                .help("only measures such as `missing(column) < 5%` look over a window");
        }
    }

    /// The check, if the condition is about the table; the inner none is a mistake that has been reported.
    fn table_check(
        &self,
        written: &ast::Expectation,
        condition: &ast::Expr,
        reports: &mut Reports,
    ) -> Option<Option<Check>> {
        match &condition.kind {
            ast::ExprKind::Call(call) if call.name.text == "unique" => {
                if let Some(tail) = &call.tail {
                    reports
                        .error("E0321", tail.span, "`unique` is about the whole table", "says nothing here")
                        .help("leave the window out");
                }
                Some(self.unique(call, reports))
            }
            ast::ExprKind::Between { arg, low, high } if self.is_row_count(arg) => Some(self.rows(low, high, reports)),
            ast::ExprKind::Binary(operator, left, bound) => match &left.kind {
                ast::ExprKind::Name(_) if self.is_row_count(left) => Some(self.row_bound(*operator, bound, reports)),
                ast::ExprKind::Call(call) => {
                    let constants = self.constants;
                    let measures = overloads(constants.db, constants.project, "quality", &call.name.text);
                    (!measures.is_empty()).then(|| self.measure(written, call, *operator, bound, reports))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// `rows`, unless a column has that name.
    fn is_row_count(&self, written: &ast::Expr) -> bool {
        written.as_name() == Some("rows") && self.columns.iter().all(|column| column.name != "rows")
    }

    fn unique(&self, call: &ast::Call, reports: &mut Reports) -> Option<Check> {
        let scope = self.scope();
        let mut columns = Vec::new();
        for argument in &call.arguments {
            let Some(name) = argument.value.as_name() else {
                reports.error("E0302", argument.value.span, "`unique` takes names of columns", "not a column's name");
                return None;
            };
            scope.require_column(&ast::Name { text: name.to_owned(), span: argument.value.span }, reports)?;
            columns.push(name.to_owned());
        }
        if columns.is_empty() {
            reports
                .error("E0303", call.span, "`unique` needs a column", "unique in what?")
                .help("name the columns: `unique(payment_id)`");
            return None;
        }
        Some(Check::Unique(columns))
    }

    fn count(&self, written: &ast::Expr, reports: &mut Reports) -> Option<i64> {
        let constants = self.constants;
        let scope = Scope::constant(constants.db, constants.project, constants.file);
        match scope.literal(written, &Type::Int64, reports)? {
            Literal::Int(count) if count >= 0 => Some(count),
            _ => {
                reports.error("E0314", written.span, "a number of rows is not negative", "not a number of rows");
                None
            }
        }
    }

    fn rows(&self, low: &ast::Expr, high: &ast::Expr, reports: &mut Reports) -> Option<Check> {
        let (least, most) = (self.count(low, reports)?, self.count(high, reports)?);
        if least > most {
            reports
                .error("E0314", low.span.to(high.span), format!("no number lies between {least} and {most}"), "empty")
                .help("write the smaller bound first");
            return None;
        }
        Some(Check::Rows(least, most))
    }

    fn row_bound(&self, operator: ast::BinaryOp, bound: &ast::Expr, reports: &mut Reports) -> Option<Check> {
        let count = self.count(bound, reports)?;
        match operator {
            ast::BinaryOp::GreaterOrEqual => Some(Check::Rows(count, i64::MAX)),
            ast::BinaryOp::Greater => Some(Check::Rows(count.saturating_add(1), i64::MAX)),
            ast::BinaryOp::LessOrEqual => Some(Check::Rows(0, count)),
            ast::BinaryOp::Less => Some(Check::Rows(0, count - 1)),
            ast::BinaryOp::Equal => Some(Check::Rows(count, count)),
            _ => {
                reports.error("E0321", bound.span, "the number of rows is held against a bound", "not a bound");
                None
            }
        }
    }

    /// `missing(column) < 5%`
    fn measure(
        &self,
        written: &ast::Expectation,
        call: &ast::Call,
        operator: ast::BinaryOp,
        bound: &ast::Expr,
        reports: &mut Reports,
    ) -> Option<Check> {
        let names: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let (mut measure, signature) = self.constants.call("quality", call, reports)?;
        let reach = crate::reach::Reach { columns: &names, complete: true, ..Default::default() };
        let found = reach.resolve(&mut measure, signature, &call.arguments, reports);
        let constants = self.constants;
        let scope = Scope::constant(constants.db, constants.project, constants.file);
        let Literal::Float(share) = scope.literal(bound, &Type::Float64, reports)? else { return None };
        let Some(comparison) = comparison(operator) else {
            reports
                .error("E0321", bound.span, "a share is never exactly a number", "not a bound")
                .help("compare with `<`, `<=`, `>` or `>=`");
            return None;
        };
        crate::condition::in_range(signature, share, bound.span, reports)?;
        let over = match written.over {
            Some(over) => Some(self.window(over, reports)?),
            None => None,
        };
        let present = |column: &&Column| column.ty.as_ref().is_some_and(|ty| !ty.nullable);
        let named = measure.string("x").and_then(|name| self.columns.iter().find(|column| column.name == name));
        if let Some(column) = named.filter(present).filter(|_| measure.name == "missing") {
            let message = format!("`{}` is never missing: a row without it is an error of the data", column.name);
            reports
                .error("E0321", call.span, message, "always zero")
                .help(format!("declare the column as `{}?` if it may be missing", column.ty.as_ref()?.ty));
            return None;
        }
        let column = measure.string("x").filter(|_| found)?.to_owned();
        Some(Check::Measure { measure: measure.name.clone(), column, comparison, bound: share, over })
    }
}
