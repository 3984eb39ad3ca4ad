//! Types of row expressions: from the tree as written to the plan's typed expressions, widenings made explicit.
//!
//! Every function answers none when something is wrong and has been reported, here or where a name was declared.

mod calls;
mod coerce;
mod lists;
mod lookups;
mod operators;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{BinaryOp, Expr, ExprKind, Literal, Type, UnaryOp};
use mlsys_syntax::{Kind, ast};

use crate::db::{Word, lookup, names_of_kind};
use crate::narrowing::present_when;
use crate::report::{Reports, a};
use crate::scope::Scope;

impl Scope<'_> {
    /// The typed form of a row expression.
    pub(crate) fn expr(&mut self, written: &ast::Expr, reports: &mut Reports) -> Option<Expr> {
        // Functions that call functions twice double the work at every level: there is an end to it.
        if self.is_exhausted() {
            return None;
        }
        self.steps.set(self.steps.get() + 1);
        match &written.kind {
            ast::ExprKind::Name(name) => self.name(name, written.span, reports),
            ast::ExprKind::Literal(value) => self.literal_expr(value, reports),
            ast::ExprKind::Unary(operator, arg) => {
                let arg = self.expr(arg, reports)?;
                operators::unary(*operator, arg, written.span, reports)
            }
            ast::ExprKind::Binary(operator, left, right) => {
                // Both sides are looked at, so that two mistakes give two reports.
                let (typed_left, typed_right) = (self.expr(left, reports), self.expr(right, reports));
                operators::binary(*operator, (typed_left?, left.span), (typed_right?, right.span), reports)
            }
            ast::ExprKind::IsNull { arg, negated } => {
                let test = Expr {
                    kind: ExprKind::IsNull { arg: Box::new(self.expr(arg, reports)?) },
                    ty: Type::Bool.required(),
                };
                Some(if *negated { not(test) } else { test })
            }
            ast::ExprKind::Between { arg, low, high } => self.between(arg, low, high, reports),
            ast::ExprKind::Call(call) => self.call(call, reports),
            ast::ExprKind::Field(base, name) => match &base.kind {
                ast::ExprKind::Index(table, keys) => self.lookup(table, keys, name, written.span, reports),
                _ => self.field(base, name, written.span, reports),
            },
            ast::ExprKind::In { arg, items, negated } => {
                let found = self.is_one_of(arg, items, reports)?;
                Some(if *negated { not(found) } else { found })
            }
            ast::ExprKind::If { condition, then, otherwise } => self.conditional(condition, then, otherwise, reports),
            ast::ExprKind::Index(..) => {
                not_a_value(written.span, "a row cannot be used here, only one of its columns", reports)
            }
            ast::ExprKind::Each(..) => {
                not_a_value(written.span, "several aggregates stand for several values", reports)
            }
            ast::ExprKind::EveryField(_) => not_a_value(written.span, "`.*` stands for several values", reports),
            ast::ExprKind::List(items) => self.list(items, written.span, reports),
            ast::ExprKind::Record(_) => not_a_value(written.span, "a record cannot be used here", reports),
        }
    }

    /// The typed form of a condition: a truth value.
    pub(crate) fn predicate(&mut self, written: &ast::Expr, reports: &mut Reports) -> Option<Expr> {
        let typed = self.expr(written, reports)?;
        if typed.ty.ty == Type::Bool {
            return Some(typed);
        }
        reports
            .error(
                "E0305",
                written.span,
                format!("a condition must be a bool, this is {}", a(&typed.ty)),
                "not a condition",
            )
            .help("compare it with something, such as `> 0`");
        None
    }

    fn conditional(
        &mut self,
        condition: &ast::Expr,
        then: &ast::Expr,
        otherwise: &ast::Expr,
        reports: &mut Reports,
    ) -> Option<Expr> {
        let asked = self.predicate(condition, reports);
        let (holds, fails) = match &asked {
            Some(asked) => (present_when(asked), present_when(&not(asked.clone()))),
            None => Default::default(),
        };
        let typed_then = self.with_present(holds, |scope| scope.expr(then, reports));
        let typed_otherwise = self.with_present(fails, |scope| scope.expr(otherwise, reports));
        let (asked, typed_then, typed_otherwise) = (asked?, typed_then?, typed_otherwise?);
        match coerce::unify(typed_then, typed_otherwise) {
            Ok((then, otherwise)) => {
                let ty = then.ty.clone().with_nullable(then.ty.nullable || otherwise.ty.nullable);
                let (condition, then, otherwise) = (Box::new(asked), Box::new(then), Box::new(otherwise));
                Some(Expr { kind: ExprKind::If { condition, then, otherwise }, ty })
            }
            Err((then, other)) => {
                coerce::mismatch(&other, &then.ty.ty, otherwise.span, reports);
                None
            }
        }
    }

    /// `x in [a, b]`: equal to one of them, as in SQL.
    fn is_one_of(&mut self, arg: &ast::Expr, items: &[ast::Expr], reports: &mut Reports) -> Option<Expr> {
        let typed = self.expr(arg, reports)?;
        let mut found: Option<Expr> = None;
        for item in items {
            let value = self.expr(item, reports)?;
            let equal =
                operators::binary(ast::BinaryOp::Equal, (typed.clone(), arg.span), (value, item.span), reports)?;
            found = Some(match found {
                Some(before) => or(before, equal),
                None => equal,
            });
        }
        if found.is_none() {
            let report = reports.error("E0318", arg.span, "nothing is in an empty list", "never holds");
            report.help("name the values it may have: `in [\"a\", \"b\"]`");
        }
        found
    }

    fn between(&mut self, arg: &ast::Expr, low: &ast::Expr, high: &ast::Expr, reports: &mut Reports) -> Option<Expr> {
        let typed = self.expr(arg, reports);
        let (typed_low, typed_high) = (self.expr(low, reports), self.expr(high, reports));
        let (typed, typed_low, typed_high) = (typed?, typed_low?, typed_high?);
        let above = operators::binary(
            ast::BinaryOp::GreaterOrEqual,
            (typed.clone(), arg.span),
            (typed_low, low.span),
            reports,
        )?;
        let below = operators::binary(ast::BinaryOp::LessOrEqual, (typed, arg.span), (typed_high, high.span), reports)?;
        Some(and(above, below))
    }

    fn literal_expr(&mut self, value: &ast::Literal, reports: &mut Reports) -> Option<Expr> {
        let (value, ty) = match value {
            // The type of a bare null comes from its other side; alone it is a missing truth value.
            ast::Literal::Null => return Some(Expr::literal(Literal::Null, Type::Bool.optional())),
            ast::Literal::Bool(value) => (Literal::Bool(*value), Type::Bool),
            ast::Literal::Int(value) => (Literal::Int(*value), Type::Int64),
            ast::Literal::Float(value) => (Literal::Float(*value), Type::Float64),
            ast::Literal::Duration(micros) => (Literal::Duration(*micros), Type::Duration),
            ast::Literal::Instant(micros) => (Literal::Timestamp(*micros), Type::Timestamp),
            ast::Literal::Text(parts) => (Literal::String(self.text(parts, reports)?), Type::String),
        };
        Some(Expr::literal(value, ty.required()))
    }

    /// Text with the values of parameters in it.
    fn text(&mut self, parts: &[ast::TextPart], reports: &mut Reports) -> Option<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                ast::TextPart::Plain(plain) => text.push_str(plain),
                ast::TextPart::Param(name) => {
                    let value = self.parameter(name, reports)?;
                    match value.kind {
                        ExprKind::Literal { value: Literal::String(value) } => text.push_str(&value),
                        ExprKind::Literal { value } => text.push_str(value.to_string().trim_start_matches('@')),
                        _ => return None,
                    }
                }
            }
        }
        Some(text)
    }

    /// The value of a parameter that a text names.
    fn parameter(&mut self, name: &ast::Name, reports: &mut Reports) -> Option<Expr> {
        if !self.reads_parameters() {
            let message = format!("a parameter's default cannot read `{}`", name.text);
            reports
                .error("E0317", name.span, message, "not a literal")
                .help("write the text itself, or `{{` for a brace");
            return None;
        }
        let declared = names_of_kind(self.db, self.file, Kind::Param);
        let word = Word::new(self.db, name.text.clone());
        let found =
            lookup(self.db, self.project, self.file, word).filter(|item| item.kind(self.db) == Some(Kind::Param));
        if found.is_none() {
            reports
                .error("E0201", name.span, format!("there is no parameter `{}`", name.text), "not declared")
                .help(format!("declare it: `param {}: string`, or write `{{{{` for a brace", name.text))
                .did_you_mean(nearest(&name.text, declared));
            return None;
        }
        Scope::constant(self.db, self.project, self.file).name(&name.text, name.span, reports)
    }

    fn field(&mut self, base: &ast::Expr, name: &ast::Name, span: Span, reports: &mut Reports) -> Option<Expr> {
        let shown = base.as_name().unwrap_or("…");
        let is_table = lookup(self.db, self.project, self.file, Word::new(self.db, shown.to_owned()))
            .is_some_and(|item| item.kind(self.db) == Some(Kind::Source));
        let help = if self.column_type(shown).is_some() {
            format!("`{shown}` is a column and has no parts")
        } else if is_table {
            format!("to look a row up, give its key: `{shown}[KEY].{}`", name.text)
        } else {
            format!(
                "write `{shown}.{0}` as an input of its own, or look it up by its key: `{shown}[KEY].{0}`",
                name.text
            )
        };
        reports
            .error(
                "E0305",
                span,
                format!("`{shown}.{}` cannot be used inside an expression", name.text),
                "not a column",
            )
            .help(help);
        None
    }
}

fn not_a_value(span: Span, message: &str, reports: &mut Reports) -> Option<Expr> {
    reports.error("E0305", span, message, "expected one value").help("name one column or one constant");
    None
}

/// Negation.
pub(crate) fn not(arg: Expr) -> Expr {
    let ty = arg.ty.clone();
    Expr { kind: ExprKind::Unary { operator: UnaryOp::Not, arg: Box::new(arg) }, ty }
}

/// Conjunction.
pub(crate) fn and(left: Expr, right: Expr) -> Expr {
    let ty = Type::Bool.required().with_nullable(left.ty.nullable || right.ty.nullable);
    let (left, right) = (Box::new(left), Box::new(right));
    Expr { kind: ExprKind::Binary { operator: BinaryOp::And, left, right }, ty }
}

/// Disjunction.
fn or(left: Expr, right: Expr) -> Expr {
    let ty = Type::Bool.required().with_nullable(left.ty.nullable || right.ty.nullable);
    let (left, right) = (Box::new(left), Box::new(right));
    Expr { kind: ExprKind::Binary { operator: BinaryOp::Or, left, right }, ty }
}

/// The expression as that type, if it becomes one without being asked.
pub(crate) fn widened(expr: Expr, ty: &Type) -> Option<Expr> {
    coerce::coerce(expr, ty).ok()
}
