//! Widening: which types turn into which without being asked, and literals that take the type of their surroundings.

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Expr, ExprKind, Literal, Type};

use crate::report::{Reports, a};
use crate::scope::{Scope, listed};

impl Scope<'_> {
    /// The expression as that type, or a report that it has another one.
    pub(crate) fn coerce_or_report(&self, expr: Expr, ty: &Type, span: Span, reports: &mut Reports) -> Option<Expr> {
        match coerce(expr, ty) {
            Ok(expr) => Some(expr),
            Err(expr) => {
                mismatch(&expr, ty, span, reports);
                None
            }
        }
    }
}

/// Reports that an expression has another type than needed.
pub(super) fn mismatch(expr: &Expr, ty: &Type, span: Span, reports: &mut Reports) {
    if let (Type::Enum(names), ExprKind::Literal { value: Literal::String(text) }) = (ty, &expr.kind) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        reports
            .error("E0305", span, format!("{text:?} is not one of {}", listed(&names)), "not one of its values")
            .did_you_mean(nearest(text, names));
        return;
    }
    reports
        .error("E0305", span, format!("expected {}, found {}", a(ty), a(&expr.ty)), format!("this is {}", a(&expr.ty)))
        .help(if expr.ty.ty.is_numeric() && ty.is_numeric() {
            "only integers become floats, and smaller numbers larger ones, without being asked".to_owned()
        } else {
            format!("give it {}", a(ty))
        });
}

/// The expression as that type, or the expression itself if it does not become one.
pub(super) fn coerce(mut expr: Expr, ty: &Type) -> Result<Expr, Expr> {
    if expr.ty.ty == *ty {
        return Ok(expr);
    }
    if let ExprKind::Literal { value } = &expr.kind {
        return match literal_as(value, ty) {
            Some(value) => {
                let nullable = value == Literal::Null;
                Ok(Expr::literal(value, ty.clone().required().with_nullable(nullable)))
            }
            None => Err(expr),
        };
    }
    if !widens(&expr.ty.ty, ty) {
        return Err(expr);
    }
    let nullable = expr.ty.nullable;
    expr = Expr { kind: ExprKind::Cast { arg: Box::new(expr) }, ty: ty.clone().required().with_nullable(nullable) };
    Ok(expr)
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A constant as a value of that type, where nothing is lost.
fn literal_as(value: &Literal, ty: &Type) -> Option<Literal> {
    match (value, ty) {
        (Literal::Null, _) => Some(Literal::Null),
        (Literal::Int(value), Type::Int32) => i32::try_from(*value).ok().map(|value| Literal::Int(i64::from(value))),
        (Literal::Int(value), Type::Int64) => Some(Literal::Int(*value)),
        #[expect(clippy::cast_precision_loss, reason = "a number written as an integer where a float is meant")]
        (Literal::Int(value), Type::Float32 | Type::Float64) => Some(Literal::Float(*value as f64)),
        (Literal::Float(value), Type::Float32 | Type::Float64) => Some(Literal::Float(*value)),
        (Literal::Bool(_), Type::Bool)
        | (Literal::String(_), Type::String)
        | (Literal::Timestamp(_), Type::Timestamp)
        | (Literal::Duration(_), Type::Duration) => Some(value.clone()),
        (Literal::Timestamp(micros), Type::Date) if micros.rem_euclid(DAY) == 0 => {
            i32::try_from(micros.div_euclid(DAY)).ok().map(Literal::Date)
        }
        (Literal::List(items), Type::List(item)) => {
            items.iter().map(|value| literal_as(value, item)).collect::<Option<_>>().map(Literal::List)
        }
        (Literal::List(items), Type::Vector(length)) if items.len() == *length as usize => {
            items.iter().map(|value| literal_as(value, &Type::Float32)).collect::<Option<_>>().map(Literal::List)
        }
        (Literal::String(text), Type::Enum(names)) if names.contains(text) => Some(Literal::String(text.clone())),
        _ => None,
    }
}

/// Whether every value of a type is a value of another, exactly or as the nearest float.
pub(super) fn widens(from: &Type, to: &Type) -> bool {
    matches!(
        (from, to),
        (Type::Int32, Type::Int64 | Type::Float32 | Type::Float64)
            | (Type::Int64, Type::Float64)
            | (Type::Float32, Type::Float64)
            | (Type::Enum(_), Type::String)
    )
}

/// Both expressions as one type, if there is one that fits both.
pub(super) fn unify(left: Expr, right: Expr) -> Result<(Expr, Expr), (Expr, Expr)> {
    if left.ty.ty == right.ty.ty {
        return Ok((left, right));
    }
    let (left_ty, right_ty) = (left.ty.ty.clone(), right.ty.ty.clone());
    // Text that is none of an enum's values is a mistake, and no reason to compare both as text.
    let literal = |expr: &Expr| matches!(expr.kind, ExprKind::Literal { .. });
    if matches!(left_ty, Type::Enum(_)) && literal(&right) {
        return coerce(right, &left_ty).map(|right| (left.clone(), right)).map_err(|right| (left, right));
    }
    if matches!(right_ty, Type::Enum(_)) && literal(&left) {
        return coerce(left, &right_ty).map(|left| (left, right.clone())).map_err(|left| (left, right));
    }
    // A literal adapts to the other side before the other side is widened.
    let right_first = matches!(right.kind, ExprKind::Literal { .. });
    let targets = if right_first { [left_ty, right_ty] } else { [right_ty, left_ty] };
    let wider = [Type::Int64, Type::Float64];
    for target in targets.iter().chain(&wider) {
        let numeric_wider = wider.contains(target) && !(left.ty.ty.is_numeric() && right.ty.ty.is_numeric());
        if numeric_wider && !targets.contains(target) {
            continue;
        }
        if let (Ok(left), Ok(right)) = (coerce(left.clone(), target), coerce(right.clone(), target)) {
            return Ok((left, right));
        }
    }
    Err((left, right))
}
