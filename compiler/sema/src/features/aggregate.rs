//! Aggregates: which one, over what, over which windows, and the types that follow.

use std::collections::BTreeMap;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Aggregate, Expr, Type, Value, ValueType, Window};
use mlsys_syntax::{Kind, ast};

use super::window::{Placed, windows};
use super::{Context, FeatureDef};
use crate::args::Constants;
use crate::db::{Word, lookup};
use crate::library::{Signature, SlotType, names, overloads};
use crate::report::{Reports, a};
use crate::scope::listed;

/// A feature and its node; the node is missing where something is wrong.
type Feature = (Option<Aggregate>, FeatureDef);

/// The features that a definition of one or several aggregates gives; none if it is no aggregate.
pub(super) fn defined(
    context: &Context<'_, '_>,
    definition: &ast::Definition,
    reports: &mut Reports,
) -> Option<Vec<Feature>> {
    if let ast::ExprKind::Each(functions, call) = &definition.value.kind {
        return Some(product(context, &definition.name, functions, call, reports));
    }
    let call = call_of(context, &definition.value)?;
    Some(features(context, &definition.name, call, reports))
}

/// The call that makes an expression an aggregate: one with a window, or one of an aggregate's name.
pub(super) fn call_of<'a>(context: &Context<'_, '_>, value: &'a ast::Expr) -> Option<&'a ast::Call> {
    let ast::ExprKind::Call(call) = &value.kind else { return None };
    let constants = &context.constants;
    let own = lookup(constants.db, constants.project, constants.file, Word::new(constants.db, call.name.text.clone()));
    let is_function = own.is_some_and(|item| matches!(item.kind(constants.db), Some(Kind::Function | Kind::Extern)));
    let is_aggregate = !overloads(constants.db, constants.project, "aggregate", &call.name.text).is_empty();
    (is_aggregate || call.tail.is_some()).then_some(call).filter(|_| is_aggregate || !is_function)
}

/// `visib` alone: the last value of the column.
pub(super) fn bare(context: &Context<'_, '_>, name: &ast::Name, reports: &mut Reports) -> Vec<Feature> {
    let mut call = ast::Call::bare(ast::Name { text: "last".to_owned(), span: name.span });
    call.arguments.push(ast::Argument { name: None, value: ast::Expr::of_name(name) });
    features(context, name, &call, reports)
}

/// `[mean, max](x) over …`: `NAME_mean`, `NAME_max`.
fn product(
    context: &Context<'_, '_>,
    name: &ast::Name,
    functions: &[ast::Name],
    call: &ast::Call,
    reports: &mut Reports,
) -> Vec<Feature> {
    let mut all = Vec::new();
    for function in functions {
        let call = ast::Call { name: function.clone(), ..call.clone() };
        let named = ast::Name { text: format!("{}_{}", name.text, function.text), span: name.span };
        let before = reports.count();
        all.extend(features(context, &named, &call, reports));
        // What is wrong with the argument or the window is wrong for all of them.
        if reports.count() > before {
            break;
        }
    }
    all
}

/// The features of `name = aggregate(…) over window`, one a window.
pub(super) fn features(
    context: &Context<'_, '_>,
    name: &ast::Name,
    call: &ast::Call,
    reports: &mut Reports,
) -> Vec<Feature> {
    if let Some(ahead) = &call.ahead {
        looks_ahead(ahead, reports);
        return vec![(None, FeatureDef { name: name.text.clone(), ty: None, pii: false, span: name.span })];
    }
    let typed = typed(context, name, call, reports);
    let feature = |suffix: &str| FeatureDef {
        name: format!("{}{suffix}", name.text),
        ty: typed.as_ref().map(|typed| typed.ty.clone()),
        pii: typed.as_ref().is_some_and(|typed| typed.pii),
        span: name.span,
    };
    let windows = match &call.tail {
        Some(tail) => {
            let mut windows = windows(context, tail, reports);
            needs_length(context, call, tail, &mut windows, reports);
            windows
        }
        None if is_for(&context.constants, &call.name, "whole") => {
            vec![(String::new(), Some(Placed { window: Window::All, step: None, offset: 0 }))]
        }
        None => {
            let message = format!("`{}` needs a window", call.name.text);
            let report = reports.error("E0313", call.span, message, "over which past?");
            report.help(format!("say how far back it looks: `{}(…) over 7d`, or `over all`", call.name.text));
            return vec![(None, FeatureDef { ty: None, ..feature("") })];
        }
    };
    windows
        .into_iter()
        .map(|(suffix, placed)| {
            let feature = feature(&suffix);
            let aggregate = typed.as_ref().zip(placed).map(|(typed, placed)| Aggregate {
                name: feature.name.clone(),
                function: call.name.text.clone(),
                argument: typed.argument.clone(),
                args: typed.args.clone(),
                filter: typed.filter.clone(),
                window: placed.window,
                step: placed.step,
                offset: placed.offset,
                ty: typed.ty.clone(),
                line: name.span.start,
            });
            (aggregate, feature)
        })
        .collect()
}

/// What counts rows a second needs to know how many seconds there are.
fn needs_length(
    context: &Context<'_, '_>,
    call: &ast::Call,
    tail: &ast::AggregateTail,
    windows: &mut [(String, Option<Placed>)],
    reports: &mut Reports,
) {
    let has_none =
        |placed: &Option<Placed>| placed.as_ref().is_some_and(|placed| !matches!(placed.window, Window::Range { .. }));
    if !is_for(&context.constants, &call.name, "length") || !windows.iter().any(|(_, placed)| has_none(placed)) {
        return;
    }
    let message = format!("`{}` is counted over a length of time", call.name.text);
    reports
        .error("E0313", tail.span, message, "has no length")
        .help(format!("say how long the window is: `{}(…) over 1h`", call.name.text));
    windows.iter_mut().for_each(|(_, placed)| *placed = None);
}

/// Only a label may look at what comes after the moment it stands for.
pub(crate) fn looks_ahead(ahead: &ast::LookAhead, reports: &mut Reports) {
    reports
        .error("E0413", ahead.span, "only a label may look ahead", "sees the future")
        .help("features look back: `over 7d`; to predict what comes, write it as the model's `label`");
}

/// Warns where the result depends on which of two rows of one instant comes first, and nothing says.
pub(super) fn check_order(context: &Context<'_, '_>, reports: &mut Reports) {
    let ordered = context.group.members.iter().find_map(|member| match member {
        ast::Member::Broken(_) => None,
        ast::Member::Bare(name) => Some((name, name.span)),
        ast::Member::Definition(definition) => {
            ordered(&context.constants, &definition.value).map(|span| (&definition.name, span))
        }
    });
    let Some((name, span)) = ordered.filter(|_| context.source.key.is_empty()) else { return };
    let message = format!("`{}` depends on the order of rows, and `{}` has no key", name.text, context.source.name);
    reports
        .warning("W0401", span, message, "rows of one instant are ordered by their content")
        .also(&context.source.item, context.source.name_span, "has no `key`")
        .help("give the source a `key` that tells rows of one instant apart");
}

/// The first aggregate in an expression that needs an order.
fn ordered(constants: &Constants<'_>, value: &ast::Expr) -> Option<Span> {
    let called = match &value.kind {
        ast::ExprKind::Call(call) => std::slice::from_ref(&call.name),
        ast::ExprKind::Each(names, _) => names.as_slice(),
        _ => &[],
    };
    let here = called.iter().find(|name| is_for(constants, name, "order")).map(|name| name.span);
    here.or_else(|| value.children().into_iter().find_map(|child| ordered(constants, child)))
}

/// Whether the library says an aggregate to be `for` that.
fn is_for(constants: &Constants<'_>, name: &ast::Name, what: &str) -> bool {
    let candidates = overloads(constants.db, constants.project, "aggregate", &name.text);
    candidates.iter().any(|each| each.tasks.iter().any(|task| task == what))
}

pub(super) struct Typed {
    pub(super) argument: Option<Expr>,
    pub(super) args: BTreeMap<String, Value>,
    pub(super) filter: Option<Expr>,
    pub(super) ty: ValueType,
    pub(super) pii: bool,
}

/// The aggregate of a call with its argument and filter; `name` is what it is called in messages.
pub(super) fn typed(
    context: &Context<'_, '_>,
    name: &ast::Name,
    call: &ast::Call,
    reports: &mut Reports,
) -> Option<Typed> {
    let user = format!("`{}`", name.text.split('.').next().unwrap_or_default());
    let filter = match call.tail.as_ref().and_then(|tail| tail.filter.as_ref()) {
        None => None,
        Some(written) => {
            let mut scope = context.scope(None);
            let filter = scope.predicate(written, reports);
            context.check_known(&scope, &user);
            Some(filter?)
        }
    };
    let mut scope = context.scope(filter.as_ref());
    let argument = match call.arguments.first() {
        None => None,
        Some(argument) => {
            let typed = scope.expr(&argument.value, reports);
            context.check_known(&scope, &user);
            Some((typed?, argument.value.span))
        }
    };
    let chosen = chosen(&context.constants, call, argument, reports)?;
    let pii = !scope.personal.is_empty() && !chosen.counts;
    Some(Typed { argument: chosen.argument, args: chosen.args, filter, ty: chosen.ty, pii })
}

/// An aggregate that fits its argument.
pub(crate) struct Chosen {
    pub(crate) argument: Option<Expr>,
    pub(crate) args: BTreeMap<String, Value>,
    pub(crate) ty: ValueType,
    /// Whether the result says how many, and never which.
    pub(crate) counts: bool,
}

/// The aggregate of a call, by its name and the type of its argument.
pub(crate) fn chosen(
    constants: &Constants<'_>,
    call: &ast::Call,
    argument: Option<(Expr, Span)>,
    reports: &mut Reports,
) -> Option<Chosen> {
    let candidates = overloads(constants.db, constants.project, "aggregate", &call.name.text);
    if candidates.is_empty() {
        let known = names(constants.db, constants.project, "aggregate");
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        reports
            .error("E0204", call.name.span, format!("there is no aggregate `{}`", call.name.text), "not an aggregate")
            .help(format!("there is {}", listed(&known)))
            .did_you_mean(alias(&call.name.text).or_else(|| nearest(&call.name.text, known)));
        return None;
    }
    let (signature, argument, ty) = choose(candidates, call, argument, reports)?;
    let first = call.arguments.first().and_then(|argument| argument.name.as_ref());
    if let (Some(name), Some(parameter)) = (first, signature.parameters.first())
        && name.text != parameter.name
    {
        let message = format!("`{}` has no argument `{}` in this place", call.name.text, name.text);
        reports.error("E0304", name.span, message, "not its name").help(format!("it is called `{}`", parameter.name));
        return None;
    }
    let rest = Signature { parameters: signature.parameters.iter().skip(1).cloned().collect(), ..signature.clone() };
    let given = call.arguments.get(1..).unwrap_or_default();
    let args = match (rest.parameters.is_empty(), given.first()) {
        (true, Some(extra)) => {
            let message = format!("`{}` takes at most one argument", call.name.text);
            reports.error("E0304", extra.value.span, message, "one too many").help("remove it");
            return None;
        }
        (true, None) => BTreeMap::new(),
        (false, _) => constants.arguments(&rest, call.span, given, reports)?,
    };
    let counts = signature.tasks.iter().any(|task| task == "counting");
    Some(Chosen { argument, args, ty, counts })
}

/// What other languages call our aggregates.
fn alias(name: &str) -> Option<&'static str> {
    match name {
        "avg" | "average" => Some("mean"),
        "cnt" | "size" | "n" => Some("count"),
        "nunique" | "distinct" | "distinct_count" => Some("count_distinct"),
        "std" | "stdev" | "stddev_samp" => Some("stddev"),
        "var" | "var_samp" => Some("variance"),
        "percentile" => Some("quantile"),
        "latest" | "last_value" => Some("last"),
        "earliest" | "first_value" => Some("first"),
        "array_agg" | "collect_list" => Some("collect"),
        "every" | "bool_and" => Some("all"),
        "some" | "bool_or" => Some("any"),
        _ => None,
    }
}

/// The first overload that takes the argument.
fn choose<'a>(
    candidates: &'a [Signature],
    call: &ast::Call,
    argument: Option<(Expr, Span)>,
    reports: &mut Reports,
) -> Option<(&'a Signature, Option<Expr>, ValueType)> {
    for signature in candidates {
        match (&argument, signature.parameters.first()) {
            (None, None) => return Some((signature, None, result(signature, None)?)),
            (Some((expr, _)), Some(parameter)) => {
                if let Some(expr) = accept(expr.clone(), &parameter.ty) {
                    let ty = result(signature, Some(&expr.ty.ty))?;
                    return Some((signature, Some(expr), ty));
                }
            }
            _ => {}
        }
    }
    match argument {
        None => {
            let message = format!("`{}` needs an argument", call.name.text);
            reports
                .error("E0303", call.span, message, "aggregates what?")
                .help(format!("name a column, such as `{}(amount)`", call.name.text));
        }
        Some((expr, span)) => {
            let message = format!("`{}` does not take {}", call.name.text, a(&expr.ty.ty));
            let takes: Vec<String> =
                candidates.iter().filter_map(|each| each.parameters.first()).map(|each| shown(&each.ty)).collect();
            let report = reports.error("E0302", span, message, format!("this is {}", a(&expr.ty)));
            if takes.is_empty() {
                report.help(format!("`{}` takes no argument", call.name.text));
            } else {
                report.help(format!("it takes {}", takes.join(" or ")));
            }
        }
    }
    None
}

fn accept(expr: Expr, slot: &SlotType) -> Option<Expr> {
    match slot {
        SlotType::Variable { .. } => Some(expr),
        SlotType::Value(ty) => crate::expr::widened(expr, &ty.ty),
        SlotType::Kind { .. } => None,
    }
}

fn result(signature: &Signature, argument: Option<&Type>) -> Option<ValueType> {
    match signature.result.as_ref()? {
        SlotType::Value(ty) => Some(ty.clone()),
        SlotType::Variable { list: false, nullable } => Some(argument?.clone().required().with_nullable(*nullable)),
        SlotType::Variable { list: true, nullable } => {
            Some(Type::List(Box::new(argument?.clone())).required().with_nullable(*nullable))
        }
        SlotType::Kind { .. } => None,
    }
}

fn shown(slot: &SlotType) -> String {
    match slot {
        SlotType::Value(ty) => a(&ty.ty),
        SlotType::Variable { .. } => "any type".to_owned(),
        SlotType::Kind { kind, .. } => a(kind),
    }
}
