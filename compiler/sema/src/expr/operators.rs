//! Operators: which types they take and what they give.

use mlsys_diagnostics::Span;
use mlsys_plan::{BinaryOp, Expr, ExprKind, Literal, Type, UnaryOp, ValueType};
use mlsys_syntax::ast;

use super::coerce::{coerce, mismatch, unify};
use crate::report::{Reports, a};

/// An operand and its place.
type Operand = (Expr, Span);

pub(super) fn unary(operator: ast::UnaryOp, arg: Expr, span: Span, reports: &mut Reports) -> Option<Expr> {
    let fits = match operator {
        ast::UnaryOp::Not => arg.ty.ty == Type::Bool,
        ast::UnaryOp::Negate => arg.ty.ty.is_numeric() || arg.ty.ty == Type::Duration,
    };
    if !fits {
        let (symbol, needed) = match operator {
            ast::UnaryOp::Not => ("not", "a bool"),
            ast::UnaryOp::Negate => ("-", "a number or a duration"),
        };
        let message = format!("`{symbol}` needs {needed}, this is {}", a(&arg.ty));
        let report = reports.error("E0301", span, message, format!("this is {}", a(&arg.ty)));
        report.help(format!("give it {needed}"));
        return None;
    }
    if let (ast::UnaryOp::Negate, ExprKind::Literal { value }) = (operator, &arg.kind)
        && let Some(value) = negated(value)
    {
        return Some(Expr::literal(value, arg.ty));
    }
    let operator = match operator {
        ast::UnaryOp::Not => UnaryOp::Not,
        ast::UnaryOp::Negate => UnaryOp::Negate,
    };
    // The smallest integer has no opposite.
    let nullable = arg.ty.nullable || (operator == UnaryOp::Negate && arg.ty.ty.is_integer());
    let ty = arg.ty.clone().with_nullable(nullable);
    Some(Expr { kind: ExprKind::Unary { operator, arg: Box::new(arg) }, ty })
}

fn negated(value: &Literal) -> Option<Literal> {
    match value {
        Literal::Int(value) => value.checked_neg().map(Literal::Int),
        Literal::Float(value) => Some(Literal::Float(-value)),
        Literal::Duration(value) => value.checked_neg().map(Literal::Duration),
        _ => None,
    }
}

pub(super) fn binary(operator: ast::BinaryOp, left: Operand, right: Operand, reports: &mut Reports) -> Option<Expr> {
    match operator {
        ast::BinaryOp::And => logic(BinaryOp::And, left, right, reports),
        ast::BinaryOp::Or => logic(BinaryOp::Or, left, right, reports),
        ast::BinaryOp::Coalesce => coalesce(left, right, reports),
        ast::BinaryOp::Equal => comparison(BinaryOp::Equal, left, right, reports),
        ast::BinaryOp::NotEqual => comparison(BinaryOp::NotEqual, left, right, reports),
        ast::BinaryOp::Less => comparison(BinaryOp::Less, left, right, reports),
        ast::BinaryOp::LessOrEqual => comparison(BinaryOp::LessOrEqual, left, right, reports),
        ast::BinaryOp::Greater => comparison(BinaryOp::Greater, left, right, reports),
        ast::BinaryOp::GreaterOrEqual => comparison(BinaryOp::GreaterOrEqual, left, right, reports),
        ast::BinaryOp::Add => arithmetic(BinaryOp::Add, left, right, reports),
        ast::BinaryOp::Subtract => arithmetic(BinaryOp::Subtract, left, right, reports),
        ast::BinaryOp::Multiply => arithmetic(BinaryOp::Multiply, left, right, reports),
        ast::BinaryOp::Divide => arithmetic(BinaryOp::Divide, left, right, reports),
    }
}

fn logic(operator: BinaryOp, left: Operand, right: Operand, reports: &mut Reports) -> Option<Expr> {
    let wrong = [&left, &right].into_iter().find(|(expr, _)| expr.ty.ty != Type::Bool);
    if let Some((expr, span)) = wrong {
        let message = format!("`{}` needs a bool on both sides, this is {}", operator.symbol(), a(&expr.ty));
        reports
            .error("E0301", *span, message, format!("this is {}", a(&expr.ty)))
            .help("compare it with something, such as `> 0`");
        return None;
    }
    let nullable = left.0.ty.nullable || right.0.ty.nullable;
    Some(node(operator, left.0, right.0, Type::Bool.required().with_nullable(nullable)))
}

fn coalesce(left: Operand, right: Operand, reports: &mut Reports) -> Option<Expr> {
    match unify(left.0, right.0) {
        Ok((left, right)) => {
            let ty = left.ty.clone().with_nullable(left.ty.nullable && right.ty.nullable);
            Some(node(BinaryOp::Coalesce, left, right, ty))
        }
        Err((left_expr, right_expr)) => {
            mismatch(&right_expr, &left_expr.ty.ty, right.1, reports);
            None
        }
    }
}

fn comparison(operator: BinaryOp, left: Operand, right: Operand, reports: &mut Reports) -> Option<Expr> {
    let spans = (left.1, right.1);
    let is_null = |operand: &Operand| matches!(operand.0.kind, ExprKind::Literal { value: Literal::Null });
    if is_null(&left) || is_null(&right) {
        let message = format!("`{} null` is never true: a missing value is equal to nothing", operator.symbol());
        let help = if operator == BinaryOp::NotEqual { "write `is not null`" } else { "write `is null`" };
        reports.error("E0301", spans.0.to(spans.1), message, "always missing").help(help);
        return None;
    }
    let ordered = !matches!(operator, BinaryOp::Equal | BinaryOp::NotEqual);
    match unify(left.0, right.0) {
        Ok((left, right)) if comparable(&left.ty.ty, ordered) => {
            let ty = Type::Bool.required().with_nullable(left.ty.nullable || right.ty.nullable);
            Some(node(operator, left, right, ty))
        }
        Ok((left, _)) => {
            let message = format!("`{}` cannot compare values of type {}", operator.symbol(), left.ty.ty);
            reports
                .error("E0301", spans.0.to(spans.1), message, "cannot be compared so")
                .help("numbers, text, instants, dates and durations have an order; bools and enums can be equal");
            None
        }
        Err((left, right)) if matches!(left.ty.ty, Type::Enum(_)) => {
            mismatch(&right, &left.ty.ty, spans.1, reports);
            None
        }
        Err((left, right)) => {
            does_not_fit(operator, (&left, spans.0), (&right, spans.1), reports);
            None
        }
    }
}

fn comparable(ty: &Type, ordered: bool) -> bool {
    match ty {
        Type::List(_) | Type::Vector(_) => false,
        Type::Bool | Type::Enum(_) | Type::Bytes => !ordered,
        _ => true,
    }
}

fn arithmetic(operator: BinaryOp, left: Operand, right: Operand, reports: &mut Reports) -> Option<Expr> {
    let spans = (left.1, right.1);
    let kinds = (class(&left.0), class(&right.0));
    let result = match (kinds, operator) {
        ((Class::Number, Class::Number), _) => numbers(operator, left.0.clone(), right.0.clone()),
        ((Class::Timestamp, Class::Duration), BinaryOp::Add | BinaryOp::Subtract) => {
            Some(plain(operator, left.0.clone(), right.0.clone(), Type::Timestamp))
        }
        ((Class::Duration, Class::Timestamp), BinaryOp::Add) => {
            Some(plain(operator, right.0.clone(), left.0.clone(), Type::Timestamp))
        }
        ((Class::Timestamp, Class::Timestamp), BinaryOp::Subtract)
        | ((Class::Duration, Class::Duration), BinaryOp::Add | BinaryOp::Subtract) => {
            Some(plain(operator, left.0.clone(), right.0.clone(), Type::Duration))
        }
        ((Class::Duration, Class::Duration), BinaryOp::Divide) => {
            Some(plain(operator, left.0.clone(), right.0.clone(), Type::Float64))
        }
        ((Class::Duration, Class::Number), BinaryOp::Multiply | BinaryOp::Divide) => {
            scaled(operator, left.0.clone(), right.0.clone())
        }
        ((Class::Number, Class::Duration), BinaryOp::Multiply) => scaled(operator, right.0.clone(), left.0.clone()),
        _ => None,
    };
    if result.is_none() {
        does_not_fit(operator, (&left.0, spans.0), (&right.0, spans.1), reports);
    }
    result
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Number,
    Timestamp,
    Duration,
    Other,
}

fn class(expr: &Expr) -> Class {
    match expr.ty.ty {
        Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 => Class::Number,
        Type::Timestamp => Class::Timestamp,
        Type::Duration => Class::Duration,
        _ => Class::Other,
    }
}

/// Integers may leave their range, which gives null; division is always in floating point.
fn numbers(operator: BinaryOp, left: Expr, right: Expr) -> Option<Expr> {
    if operator == BinaryOp::Divide {
        let (left, right) = (coerce(left, &Type::Float64).ok()?, coerce(right, &Type::Float64).ok()?);
        return Some(plain(operator, left, right, Type::Float64));
    }
    let (left, right) = unify(left, right).ok()?;
    if let Some(folded) = folded(operator, &left, &right) {
        return Some(folded);
    }
    let ty = left.ty.ty.clone();
    let nullable = left.ty.nullable || right.ty.nullable || ty.is_integer();
    Some(node(operator, left, right, ty.required().with_nullable(nullable)))
}

/// Arithmetic on two integer or duration literals.
fn folded(operator: BinaryOp, left: &Expr, right: &Expr) -> Option<Expr> {
    let (ExprKind::Literal { value: left_value }, ExprKind::Literal { value: right_value }) = (&left.kind, &right.kind)
    else {
        return None;
    };
    let (left_int, right_int, wrap): (i64, i64, fn(i64) -> Literal) = match (left_value, right_value) {
        (Literal::Int(left), Literal::Int(right)) => (*left, *right, Literal::Int),
        (Literal::Duration(left), Literal::Duration(right)) if operator != BinaryOp::Multiply => {
            (*left, *right, Literal::Duration)
        }
        _ => return None,
    };
    let value = match operator {
        BinaryOp::Add => left_int.checked_add(right_int),
        BinaryOp::Subtract => left_int.checked_sub(right_int),
        BinaryOp::Multiply => left_int.checked_mul(right_int),
        _ => None,
    }?;
    Some(Expr::literal(wrap(value), left.ty.clone()))
}

/// A duration times or divided by a number. The result may be missing where it can leave its range.
fn scaled(operator: BinaryOp, duration: Expr, number: Expr) -> Option<Expr> {
    let short = match &duration.kind {
        ExprKind::Literal { value: Literal::Duration(micros) } => micros.unsigned_abs() <= (i64::MAX as u64) >> 31,
        _ => false,
    };
    let small_number = number.ty.ty == Type::Int32
        || matches!(&number.kind, ExprKind::Literal { value: Literal::Int(value) } if i32::try_from(*value).is_ok());
    if let (
        ExprKind::Literal { value: Literal::Duration(micros) },
        ExprKind::Literal { value: Literal::Int(count) },
        BinaryOp::Multiply,
    ) = (&duration.kind, &number.kind, operator)
        && let Some(product) = micros.checked_mul(*count)
    {
        return Some(Expr::literal(Literal::Duration(product), Type::Duration.required()));
    }
    let target = if number.ty.ty.is_integer() { Type::Int64 } else { Type::Float64 };
    let number = coerce(number, &target).ok()?;
    let safe = operator == BinaryOp::Multiply && short && small_number;
    let nullable = duration.ty.nullable || number.ty.nullable || !safe;
    Some(node(operator, duration, number, Type::Duration.required().with_nullable(nullable)))
}

fn plain(operator: BinaryOp, left: Expr, right: Expr, ty: Type) -> Expr {
    if let Some(folded) = folded(operator, &left, &right).filter(|_| ty == Type::Duration) {
        return folded;
    }
    let nullable = left.ty.nullable || right.ty.nullable;
    node(operator, left, right, ty.required().with_nullable(nullable))
}

fn node(operator: BinaryOp, left: Expr, right: Expr, ty: ValueType) -> Expr {
    Expr { kind: ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) }, ty }
}

fn does_not_fit(operator: BinaryOp, left: (&Expr, Span), right: (&Expr, Span), reports: &mut Reports) {
    let message = format!("`{}` does not take {} and {}", operator.symbol(), a(&left.0.ty.ty), a(&right.0.ty.ty));
    let item = reports.item().clone();
    let report = reports.error("E0301", left.1, message, format!("this is {}", a(&left.0.ty)));
    report.also(&item, right.1, format!("this is {}", a(&right.0.ty)));
    if let Some(help) = hint(operator, left.0, right.0) {
        report.help(help);
    }
}

fn hint(operator: BinaryOp, left: &Expr, right: &Expr) -> Option<&'static str> {
    match (class(left), class(right), operator) {
        (Class::Timestamp, Class::Number, _) | (Class::Number, Class::Timestamp, _) => {
            Some("multiply the number by a unit, such as `* 1m`, to make it a duration")
        }
        (Class::Timestamp, Class::Timestamp, BinaryOp::Add) => {
            Some("two instants have no sum; their difference is a duration")
        }
        (
            Class::Number,
            Class::Duration,
            BinaryOp::Less | BinaryOp::Greater | BinaryOp::LessOrEqual | BinaryOp::GreaterOrEqual,
        ) => Some("write the duration as a plain number, or make a duration of the other side, such as `x * 1m`"),
        (
            Class::Duration,
            Class::Number,
            BinaryOp::Less | BinaryOp::Greater | BinaryOp::LessOrEqual | BinaryOp::GreaterOrEqual,
        ) => Some("write the number with a unit, such as `15m`"),
        _ => Some("both sides must be of one kind: numbers, text, instants or durations"),
    }
}
