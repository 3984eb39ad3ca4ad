//! Which groups may be kept in tiles: those whose aggregates can be computed from aggregates of parts of their rows.
//!
//! A sum is the sum of sums, and so are a count and what a mean is made of; the least, the greatest, the first and the last
//! of several rows are those of the least, greatest, first and last ones (the distributive and algebraic aggregates of
//! Gray et al., Data Cube, 1997). Others need the rows themselves.

use mlsys_plan::{Aggregate, BinaryOp, Derived, Expr, ExprKind, Features, Literal, Type, Window};

use crate::types::arrow_type;

/// Aggregates that are the same aggregate of their own results over parts of the rows.
const OF_THEMSELVES: [&str; 7] = ["sum", "min", "max", "any", "all", "first", "last"];

/// The same features from aggregates of which each is the same aggregate of its own results; none if there are none.
pub(super) fn mergeable(features: &Features, wanted: &[String]) -> Option<Features> {
    let group = features.only(wanted.iter().map(String::as_str));
    let (mut aggregates, mut derived) = (Vec::new(), Vec::new());
    for aggregate in &group.aggregates {
        let (parts, whole) = parts_of(aggregate, &group)?;
        aggregates.extend(parts);
        derived.extend(whole);
    }
    derived.extend(group.derived.iter().cloned());
    Some(Features { aggregates, derived, ..group })
}

/// What tiles keep for such features, which does not depend on windows.
pub(super) fn kept(features: &Features) -> Features {
    let mut kept: Vec<Aggregate> = Vec::new();
    for aggregate in &features.aggregates {
        let is_same = |one: &Aggregate| {
            (&one.function, &one.argument, &one.filter) == (&aggregate.function, &aggregate.argument, &aggregate.filter)
        };
        if !kept.iter().any(is_same) {
            let name = format!("kept.{}", kept.len());
            kept.push(Aggregate { name, window: Window::All, step: None, offset: 0, line: 0, ..aggregate.clone() });
        }
    }
    // Whatever comes first in the group, the same is kept.
    kept.sort_by_key(|one| format!("{}({:?}) {:?}", one.function, one.argument, one.filter));
    kept.iter_mut().enumerate().for_each(|(index, one)| one.name = format!("kept.{index}"));
    Features { aggregates: kept, derived: Vec::new(), ..features.clone() }
}

/// The aggregates from which one is computed, and how, if it is not one of them itself.
fn parts_of(aggregate: &Aggregate, group: &Features) -> Option<(Vec<Aggregate>, Option<Derived>)> {
    if matches!(aggregate.window, Window::Last { .. }) || !aggregate.args.is_empty() {
        return None;
    }
    let named = |part: &str, function: &str, argument: Expr| {
        let ty = argument.ty.ty.clone().optional();
        let name = format!("{}.{part}", aggregate.name);
        Aggregate { name, function: function.to_owned(), argument: Some(argument), ty, ..aggregate.clone() }
    };
    match (aggregate.function.as_str(), &aggregate.argument) {
        ("count", argument) => {
            let count = Aggregate { name: aggregate.name.clone(), ..named("", "sum", counted(argument.as_ref())) };
            Some((vec![Aggregate { ty: aggregate.ty.clone(), ..count }], None))
        }
        ("mean", Some(argument)) if argument.ty.ty.is_integer() || argument.ty.ty.is_float() => {
            let sum = named("sum", "sum", as_type(argument, Type::Float64));
            let count = named("count", "sum", counted(Some(argument)));
            let whole = Derived { name: aggregate.name.clone(), expr: ratio(&sum, &count) };
            Some((vec![sum, count], Some(whole)))
        }
        ("sum", Some(argument)) => {
            let ty = match argument.ty.ty {
                Type::Int32 => Type::Int64,
                Type::Float32 => Type::Float64,
                ref other => other.clone(),
            };
            Some((vec![Aggregate { argument: Some(as_type(argument, ty)), ..aggregate.clone() }], None))
        }
        // Rows that neither a key nor their values tell apart are ordered by their place, which a tile does not keep.
        ("first" | "last", Some(argument)) if group.order.is_empty() && arrow_type(&argument.ty.ty).is_nested() => None,
        (name, Some(_)) => OF_THEMSELVES.contains(&name).then(|| (vec![aggregate.clone()], None)),
        (_, None) => None,
    }
}

/// One for each row that counts.
fn counted(argument: Option<&Expr>) -> Expr {
    let one = Expr::literal(Literal::Int(1), Type::Int64.required());
    let Some(argument) = argument else { return one };
    let condition = is_null(argument);
    let then = Expr::literal(Literal::Null, Type::Int64.optional());
    choice(condition, then, one, Type::Int64)
}

/// What a mean is: the sum through the count, and nothing where nothing was counted.
fn ratio(sum: &Aggregate, count: &Aggregate) -> Expr {
    let counted = || as_type(&Expr::column(&count.name, Type::Int64.optional()), Type::Float64);
    let binary = |operator, left, right, ty: Type| Expr {
        kind: ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) },
        ty: ty.optional(),
    };
    let zero = Expr::literal(Literal::Float(0.0), Type::Float64.required());
    let divided = binary(BinaryOp::Divide, Expr::column(&sum.name, Type::Float64.optional()), counted(), Type::Float64);
    let some = binary(BinaryOp::Less, zero, counted(), Type::Bool);
    choice(some, divided, Expr::literal(Literal::Null, Type::Float64.optional()), Type::Float64)
}

fn choice(condition: Expr, then: Expr, otherwise: Expr, ty: Type) -> Expr {
    let kind = ExprKind::If { condition: Box::new(condition), then: Box::new(then), otherwise: Box::new(otherwise) };
    Expr { kind, ty: ty.optional() }
}

fn is_null(argument: &Expr) -> Expr {
    Expr { kind: ExprKind::IsNull { arg: Box::new(argument.clone()) }, ty: Type::Bool.required() }
}

fn as_type(argument: &Expr, ty: Type) -> Expr {
    if argument.ty.ty == ty {
        return argument.clone();
    }
    Expr { kind: ExprKind::Cast { arg: Box::new(argument.clone()) }, ty: ty.optional() }
}
