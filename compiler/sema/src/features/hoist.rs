//! Aggregates inside expressions: `(now - last(placed_at)) / 1d` becomes an aggregate of its own and an expression on it.

use mlsys_plan::Aggregate;
use mlsys_syntax::ast;

use super::{Context, FeatureDef, aggregate};
use crate::report::Reports;

/// The definition's value with a name in the place of every aggregate, and these aggregates, named `FEATURE.1`, ….
pub(super) fn hoist(
    context: &Context<'_, '_>,
    definition: &ast::Definition,
    reports: &mut Reports,
) -> (ast::Expr, Vec<(Option<Aggregate>, FeatureDef)>) {
    let mut value = definition.value.clone();
    let mut parts = Vec::new();
    replace(context, &definition.name.text, &mut value, &mut parts, reports);
    (value, parts)
}

fn replace(
    context: &Context<'_, '_>,
    feature: &str,
    value: &mut ast::Expr,
    parts: &mut Vec<(Option<Aggregate>, FeatureDef)>,
    reports: &mut Reports,
) {
    let Some(call) = aggregate::call_of(context, value) else {
        value.children_mut().into_iter().for_each(|child| replace(context, feature, child, parts, reports));
        return;
    };
    if let Some(tail) = call.tail.as_ref().filter(|tail| matches!(tail.window, ast::Windows::Many(_))) {
        reports
            .error("E0313", tail.span, "several windows stand for several values", "one value is needed here")
            .help("name one window, or define the aggregate as features of their own and compute with their names");
    }
    let name = ast::Name { text: format!("{feature}.{}", parts.len() + 1), span: value.span };
    let call = call.clone();
    parts.extend(
        aggregate::features(context, &name, &call, reports)
            .into_iter()
            .take(1)
            .map(|(found, feature)| (found, FeatureDef { name: name.text.clone(), ..feature })),
    );
    value.kind = ast::ExprKind::Name(name.text);
}
