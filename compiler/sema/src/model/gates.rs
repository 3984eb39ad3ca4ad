//! Gates: what a version must reach to be registered.

use mlsys_diagnostics::Span;
use mlsys_plan::{Bound, Call, Comparison, Gate, Literal, Part, Type};
use mlsys_syntax::ast;

use super::Context;
use super::split::is_in_folds;
use super::training::Judged;
use crate::args::part_of;
use crate::condition::in_range;
use crate::library::{Signature, SlotType};
use crate::report::Reports;
use crate::scope::Scope;

/// Slices with fewer rows are reported but not judged, unless `min` says otherwise.
const MIN_ROWS: u64 = 200;

/// The gates; none if one of them is wrong.
pub(super) fn gates(judged: &Judged<'_, '_>, reports: &mut Reports) -> Option<Vec<Gate>> {
    let mut gates = Some(Vec::new());
    for require in &judged.context.model.require {
        let found = gate(judged, require, reports);
        gates = gates.zip(found).map(|(mut gates, found)| {
            gates.extend(found);
            gates
        });
    }
    gates
}

/// The columns by which gates look at slices, and metrics at groups.
pub(super) fn sliced_by(context: &Context<'_, '_>) -> Vec<ast::Name> {
    let mut columns: Vec<ast::Name> = Vec::new();
    for require in &context.model.require {
        columns.extend(require.by.clone());
        let constants = &context.constants;
        let entry = constants.entry("metric", &require.metric.name, &mut Reports::silent());
        for parameter in entry.iter().flat_map(|entry| &entry.parameters) {
            let first = require.metric.arguments.first().filter(|_| is_column(&parameter.ty));
            let name = first.and_then(|argument| argument.value.as_name().map(|name| (name, argument.value.span)));
            columns.extend(name.map(|(name, span)| ast::Name { text: name.to_owned(), span }));
        }
    }
    columns
}

fn is_column(ty: &SlotType) -> bool {
    matches!(ty, SlotType::Kind { kind, .. } if kind == "column")
}

/// One gate, or two for `between`.
fn gate(judged: &Judged<'_, '_>, written: &ast::Require, reports: &mut Reports) -> Option<Vec<Gate>> {
    let part = part_of(&written.metric.part, reports);
    let metric = judged.metric(&written.metric, reports);
    let bounds: Vec<Option<(Comparison, Bound)>> = match &written.bound {
        ast::Bound::Between(low, high) => vec![
            bound(judged, metric.as_ref(), low, reports).map(|low| (Comparison::GreaterOrEqual, low)),
            bound(judged, metric.as_ref(), high, reports).map(|high| (Comparison::LessOrEqual, high)),
        ],
        ast::Bound::Compare(operator, value) => {
            let found = bound(judged, metric.as_ref(), value, reports);
            let Some(comparison) = comparison(*operator) else {
                let message = "a gate is a bound: a metric is never exactly a number";
                reports
                    .error("E0211", written.span, message, "not a bound")
                    .help("compare with `>=`, `>`, `<=` or `<`");
                return None;
            };
            vec![found.map(|found| (comparison, found))]
        }
    };
    let per = match written.metric.per {
        Some(per) => Some(crate::deployment::positive(per, reports)?),
        None => None,
    };
    wrong_way(&written.bound, metric.as_ref(), written.span, reports);
    if is_in_folds(judged.context.model) {
        judgeable_in_folds(written, part, reports)?;
    }
    let (part, (metric, _)) = (part?, metric?);
    let min_rows = match written.min {
        None => MIN_ROWS,
        Some(rows) => u64::try_from(rows).ok()?,
    };
    let gates = bounds.into_iter().map(|bound| {
        let (comparison, bound) = bound?;
        Some(Gate {
            part,
            metric: metric.clone(),
            per,
            comparison,
            bound,
            by: written.by.as_ref().map(|name| name.text.clone()),
            min_rows,
            line: written.span.start,
        })
    });
    gates.collect()
}

/// Warns where a gate holds a metric from becoming good, and reports bounds that nothing lies between.
fn wrong_way(bound: &ast::Bound, metric: Option<&(Call, &Signature)>, span: Span, reports: &mut Reports) {
    let Some((_, signature)) = metric else { return };
    match bound {
        ast::Bound::Compare(operator, _) => {
            let wants_small = matches!(operator, ast::BinaryOp::Less | ast::BinaryOp::LessOrEqual);
            let judges = matches!(&signature.result, Some(SlotType::Kind { .. }));
            if judges && wants_small != signature.is_error() {
                let better = if wants_small {
                    "`>=`: large values are the good ones"
                } else {
                    "`<=`: small values are the good ones"
                };
                let message = format!("the gate keeps `{}` from becoming better", signature.name);
                reports.warning("W0604", span, message, "the wrong way around").help(format!("write {better}"));
            }
        }
        ast::Bound::Between(low, high) => {
            let number = |expr: &ast::Expr| match &expr.kind {
                ast::ExprKind::Literal(ast::Literal::Float(value)) => Some(*value),
                _ => None,
            };
            if let (Some(least), Some(most)) = (number(low), number(high))
                && least > most
            {
                reports
                    .error(
                        "E0314",
                        low.span.to(high.span),
                        format!("nothing lies between {least} and {most}"),
                        "is empty",
                    )
                    .help("write the smaller bound first");
            }
        }
    }
}

/// A bound: a number, the champion's value, the value of an input, or a sum or product of them.
fn bound(
    judged: &Judged<'_, '_>,
    metric: Option<&(Call, &Signature)>,
    written: &ast::Expr,
    reports: &mut Reports,
) -> Option<Bound> {
    let both = |left: &ast::Expr, right: &ast::Expr, reports: &mut Reports| {
        let (left, right) = (bound(judged, None, left, reports), bound(judged, None, right, reports));
        Some((Box::new(left?), Box::new(right?)))
    };
    match &written.kind {
        ast::ExprKind::Name(name) if name == "champion" => Some(Bound::Champion),
        ast::ExprKind::Call(call) if call.name.text == "baseline" => baseline(judged, call, reports),
        ast::ExprKind::Binary(operator, left, right) if mentions_production(written) => {
            let (left, right) = both(left, right, reports)?;
            match operator {
                ast::BinaryOp::Add => Some(Bound::Sum(left, right)),
                ast::BinaryOp::Subtract => Some(Bound::Difference(left, right)),
                ast::BinaryOp::Multiply => Some(Bound::Product(left, right)),
                ast::BinaryOp::Divide => Some(Bound::Ratio(left, right)),
                _ => {
                    reports.error("E0305", written.span, "a bound is a number", "not a number");
                    None
                }
            }
        }
        _ => {
            let constants = &judged.context.constants;
            let scope = Scope::constant(constants.db, constants.project, constants.file);
            let Literal::Float(value) = scope.literal(written, &Type::Float64, reports)? else { return None };
            if let Some((_, signature)) = metric {
                in_range(signature, value, written.span, reports)?;
            }
            Some(Bound::Number(value))
        }
    }
}

/// In cross-validation every example is in the test part, and a champion has learnt from all of them.
fn judgeable_in_folds(written: &ast::Require, part: Option<Part>, reports: &mut Reports) -> Option<()> {
    if let Some(part) = part.filter(|part| *part == Part::Validate) {
        let message = format!("folds have no {part} part");
        reports
            .error("E0211", written.metric.span, message, "there are no examples in it")
            .help("judge by the test part: every example is once in it");
        return None;
    }
    let bounds = match &written.bound {
        ast::Bound::Between(low, high) => vec![low, high],
        ast::Bound::Compare(_, value) => vec![value],
    };
    if let Some(span) = bounds.into_iter().find_map(champion_in) {
        let message = "folds leave no example that a champion has not learnt from";
        reports
            .error("E0211", span, message, "cannot be held against these examples")
            .help("compare with a number, or divide the examples by `split time(…)`");
        return None;
    }
    Some(())
}

/// Where a bound names the champion.
fn champion_in(bound: &ast::Expr) -> Option<Span> {
    match &bound.kind {
        ast::ExprKind::Name(name) if name == "champion" => Some(bound.span),
        _ => bound.children().into_iter().find_map(champion_in),
    }
}

fn mentions_production(written: &ast::Expr) -> bool {
    let here = match &written.kind {
        ast::ExprKind::Name(name) => name == "champion",
        ast::ExprKind::Call(call) => call.name.text == "baseline",
        _ => false,
    };
    here || written.children().into_iter().any(mentions_production)
}

/// `baseline(demand.yesterday)`: the metric of an input that is taken as the prediction.
fn baseline(judged: &Judged<'_, '_>, call: &ast::Call, reports: &mut Reports) -> Option<Bound> {
    let [argument] = call.arguments.as_slice() else {
        reports
            .error("E0303", call.span, "`baseline` takes one input", "which input?")
            .help("name the input that would be the prediction, such as `baseline(demand.yesterday)`");
        return None;
    };
    let name = judged.input(&argument.value, reports)?;
    let input = judged.collected.inputs.iter().find(|input| input.name == name)?;
    if !input.ty.ty.is_numeric() {
        let message = format!("a prediction is a number, the input `{name}` is {}", crate::report::a(&input.ty));
        reports.error("E0302", argument.value.span, message, "not a number").help("name an input that is a number");
        return None;
    }
    Some(Bound::Baseline(name))
}

/// The comparison that an operator stands for, if it is an order.
pub(crate) fn comparison(operator: ast::BinaryOp) -> Option<Comparison> {
    Some(match operator {
        ast::BinaryOp::Less => Comparison::Less,
        ast::BinaryOp::LessOrEqual => Comparison::LessOrEqual,
        ast::BinaryOp::Greater => Comparison::Greater,
        ast::BinaryOp::GreaterOrEqual => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

/// Reports a metric that is counted per time and is a share, of which there is no number per day.
pub(super) fn check_per(signature: &Signature, per: Option<Span>, reports: &mut Reports) {
    let is_share = signature.range.is_some_and(|(_, high)| high <= 1.0);
    if let Some(span) = per.filter(|_| is_share) {
        let message = format!("`{}` is a share: it is not counted per time", signature.name);
        reports.error("E0604", span, message, "says nothing here").help("remove `per …`");
    }
}
