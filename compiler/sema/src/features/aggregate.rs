//! Aggregates: which one, over what, over which windows, and the types that follow.

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Aggregate, Expr, Type, ValueType, Window};
use mlsys_syntax::{Kind, ast};

use super::{Context, FeatureDef};
use crate::db::{Word, lookup};
use crate::library::{Signature, SlotType, names, overloads};
use crate::report::{Reports, a};
use crate::scope::listed;

/// A feature and its node; the node is missing where something is wrong.
type Feature = (Option<Aggregate>, FeatureDef);

/// The call that makes a definition an aggregate: one with a window, or one of an aggregate's name.
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
    let argument = ast::Argument {
        name: None,
        value: ast::Expr { kind: ast::ExprKind::Name(name.text.clone()), span: name.span },
    };
    let tail = ast::AggregateTail { filter: None, window: ast::Windows::All, span: name.span };
    let call = ast::Call {
        name: ast::Name { text: "last".to_owned(), span: name.span },
        arguments: vec![argument],
        tail: Some(Box::new(tail)),
        span: name.span,
    };
    features(context, name, &call, reports)
}

/// The features of `name = aggregate(…) over window`, one a window.
pub(super) fn features(
    context: &Context<'_, '_>,
    name: &ast::Name,
    call: &ast::Call,
    reports: &mut Reports,
) -> Vec<Feature> {
    let typed = typed(context, name, call, reports);
    let Some(tail) = &call.tail else {
        let message = format!("`{}` needs a window", call.name.text);
        let report = reports.error("E0313", call.span, message, "over which past?");
        report.help(format!("say how far back it looks: `{}(…) over 7d`, or `over all`", call.name.text));
        return vec![(None, FeatureDef { name: name.text.clone(), ty: None, span: name.span })];
    };
    expand(&name.text, &tail.window)
        .into_iter()
        .map(|(name_of_one, window, span)| {
            let window = check_window(window, span.unwrap_or(tail.span), reports);
            let ty = typed.as_ref().map(|typed| typed.ty.clone());
            let feature = FeatureDef { name: name_of_one.clone(), ty, span: name.span };
            let aggregate = typed.as_ref().zip(window).map(|(typed, window)| Aggregate {
                name: name_of_one,
                function: call.name.text.clone(),
                argument: typed.argument.clone(),
                filter: typed.filter.clone(),
                window,
                ty: typed.ty.clone(),
                line: name.span.start,
            });
            (aggregate, feature)
        })
        .collect()
}

fn expand(name: &str, windows: &ast::Windows) -> Vec<(String, Window, Option<Span>)> {
    match windows {
        ast::Windows::All => vec![(name.to_owned(), Window::All, None)],
        ast::Windows::One(width) => {
            vec![(name.to_owned(), Window::Range { width: width.value }, Some(width.span))]
        }
        ast::Windows::Many(widths) => widths
            .iter()
            .map(|(width, text)| (format!("{name}_{text}"), Window::Range { width: width.value }, Some(width.span)))
            .collect(),
    }
}

fn check_window(window: Window, span: Span, reports: &mut Reports) -> Option<Window> {
    if matches!(window, Window::Range { width } if width <= 0 || width == i64::MAX) {
        reports
            .error("E0313", span, "a window has a length of more than zero that fits 64 bits", "no usable length")
            .help("to look at the whole past, write `over all`");
        return None;
    }
    Some(window)
}

/// Warns where the result depends on which of two rows of one instant comes first, and nothing says.
pub(super) fn check_order(context: &Context<'_, '_>, reports: &mut Reports) {
    let constants = &context.constants;
    let ordered = context.group.members.iter().find_map(|member| match member {
        ast::Member::Broken(_) => None,
        ast::Member::Bare(name) => Some((name, name.span)),
        ast::Member::Definition(definition) => {
            let call = call_of(context, &definition.value)?;
            let candidates = overloads(constants.db, constants.project, "aggregate", &call.name.text);
            let needs_order = candidates.iter().any(|each| each.task.as_deref() == Some("order"));
            needs_order.then_some((&definition.name, call.name.span))
        }
    });
    let Some((name, span)) = ordered.filter(|_| context.source.key.is_empty()) else { return };
    let message = format!("`{}` depends on the order of rows, and `{}` has no key", name.text, context.source.name);
    reports
        .warning("W0401", span, message, "rows of one instant are ordered by their content")
        .also(&context.source.item, context.source.name_span, "has no `key`")
        .help("give the source a `key` that tells rows of one instant apart");
}

struct Typed {
    argument: Option<Expr>,
    filter: Option<Expr>,
    ty: ValueType,
}

fn typed(context: &Context<'_, '_>, name: &ast::Name, call: &ast::Call, reports: &mut Reports) -> Option<Typed> {
    let constants = &context.constants;
    let candidates = overloads(constants.db, constants.project, "aggregate", &call.name.text);
    if candidates.is_empty() {
        let known = names(constants.db, constants.project, "aggregate");
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        reports
            .error("E0204", call.name.span, format!("there is no aggregate `{}`", call.name.text), "not an aggregate")
            .help(format!("there is {}", listed(&known)))
            .did_you_mean(nearest(&call.name.text, known));
        return None;
    }
    let user = format!("`{}`", name.text);
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
    let argument = match call.arguments.as_slice() {
        [] => None,
        [argument] => {
            let typed = scope.expr(&argument.value, reports);
            context.check_known(&scope, &user);
            Some((typed?, argument.value.span))
        }
        [_, extra, ..] => {
            let message = format!("`{}` takes at most one argument", call.name.text);
            reports.error("E0304", extra.value.span, message, "one too many").help("remove it");
            return None;
        }
    };
    let (argument, ty) = choose(candidates, call, argument, reports)?;
    Some(Typed { argument, filter, ty })
}

/// The first overload that takes the argument.
fn choose(
    candidates: &[Signature],
    call: &ast::Call,
    argument: Option<(Expr, Span)>,
    reports: &mut Reports,
) -> Option<(Option<Expr>, ValueType)> {
    for signature in candidates {
        match (&argument, signature.parameters.as_slice()) {
            (None, []) => return Some((None, result(signature, None)?)),
            (Some((expr, _)), [parameter]) => {
                if let Some(expr) = accept(expr.clone(), &parameter.ty) {
                    let ty = result(signature, Some(&expr.ty.ty))?;
                    return Some((Some(expr), ty));
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
            let message = format!("`{}` does not take a {}", call.name.text, expr.ty.ty);
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
        SlotType::Kind(_) => None,
    }
}

fn result(signature: &Signature, argument: Option<&Type>) -> Option<ValueType> {
    match signature.result.as_ref()? {
        SlotType::Value(ty) => Some(ty.clone()),
        SlotType::Variable { nullable } => Some(argument?.clone().required().with_nullable(*nullable)),
        SlotType::Kind(_) => None,
    }
}

fn shown(slot: &SlotType) -> String {
    match slot {
        SlotType::Value(ty) => format!("a {}", ty.ty),
        SlotType::Variable { .. } => "any type".to_owned(),
        SlotType::Kind(kind) => format!("a {kind}"),
    }
}
