//! Inputs: columns of the observed row, expressions on them, and features of groups.

use std::collections::BTreeSet;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Derived, Expr, Join, JoinKey, ModelInput, Type, ValueType};
use mlsys_syntax::{Kind, ast};

use super::Context;
use crate::features::{GroupDef, features_of, refer};
use crate::report::{Reports, a};
use crate::scope::listed;
use crate::source::missing;

/// A model's inputs, taken apart.
#[derive(Default)]
pub(super) struct Collected {
    /// Every input in declared order.
    pub(super) inputs: Vec<ModelInput>,
    /// Where each input is written.
    pub(super) spans: Vec<Span>,
    /// Inputs computed from the row.
    pub(super) row: Vec<Derived>,
    /// Entity keys of the observation.
    pub(super) keys: Vec<Derived>,
    /// Groups with the features that are used.
    pub(super) joins: Vec<Join>,
    /// Columns of the row that inputs and keys read.
    pub(super) columns: BTreeSet<String>,
}

pub(super) fn inputs(context: &Context<'_, '_>, reports: &mut Reports) -> Collected {
    let mut collected = Collected::default();
    if context.model.inputs.is_empty() {
        if context.model.inputs_span.is_none() {
            missing::<()>(&context.model.name, "inputs", "`inputs { amount }`", reports);
        } else {
            let span = context.model.inputs_span.unwrap_or_default();
            reports
                .error("E0209", span, "the model has no inputs", "is empty")
                .help("name columns, or `group.*` for a group's features");
        }
    }
    for input in &context.model.inputs {
        match input {
            ast::Input::Broken(_) => {}
            ast::Input::Column(name) => {
                let value = ast::Expr { kind: ast::ExprKind::Name(name.text.clone()), span: name.span };
                row_input(context, name, &value, &mut collected, reports);
            }
            ast::Input::Definition(definition) => {
                row_input(context, &definition.name, &definition.value, &mut collected, reports);
            }
            ast::Input::All(group) => group_input(context, group, None, &mut collected, reports),
            ast::Input::Some(group, names) => group_input(context, group, Some(names), &mut collected, reports),
        }
    }
    collected
}

fn row_input(
    context: &Context<'_, '_>,
    name: &ast::Name,
    value: &ast::Expr,
    collected: &mut Collected,
    reports: &mut Reports,
) {
    let mut scope = context.scope();
    let typed = scope.expr(value, reports);
    context.check_known(&scope.uses, &format!("the input `{}`", name.text), reports);
    context.check_label(&scope.uses, &name.text, reports);
    collected.columns.extend(scope.uses.iter().map(|(column, _)| column.clone()));
    let Some(expr) = typed else { return };
    // The filter narrows examples, but a request is no example: a column that may be missing there stays optional,
    // unless the filter reads only what is known at the observation.
    if add(name.text.clone(), &expr.ty, name.span, collected, reports) {
        collected.row.push(Derived { name: name.text.clone(), expr });
    }
}

/// Adds an input unless its name is taken or its type cannot be encoded.
fn add(name: String, ty: &ValueType, span: Span, collected: &mut Collected, reports: &mut Reports) -> bool {
    if let Some(index) = collected.inputs.iter().position(|input| input.name == name) {
        let item = reports.item().clone();
        reports
            .error("E0203", span, format!("the input `{name}` is named twice"), "named a second time")
            .also(&item, collected.spans[index], "first named here")
            .help("remove one, or give it another name with `name = …`");
        return false;
    }
    if !matches!(
        ty.ty,
        Type::Bool | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 | Type::String | Type::Enum(_)
    ) {
        let report = reports.error(
            "E0311",
            span,
            format!("the input `{name}` is a {ty}, which cannot be learnt from"),
            format!("this is {}", a(&ty)),
        );
        report.help(match ty.ty {
            Type::Timestamp => "take parts of it, such as `hour_of_day(…)`, or the time since another instant",
            Type::Duration => "divide it by a unit to make it a number, such as `… / 1d`",
            _ => "inputs are numbers, bools, strings and enums",
        });
        return false;
    }
    collected.inputs.push(ModelInput { name, ty: ty.clone() });
    collected.spans.push(span);
    true
}

fn group_input(
    context: &Context<'_, '_>,
    name: &ast::Name,
    chosen: Option<&[ast::Name]>,
    collected: &mut Collected,
    reports: &mut Reports,
) {
    let constants = &context.constants;
    let Some(item) = refer(constants, name, Kind::Features, reports) else { return };
    let Some(group) = features_of(constants.db, constants.project, item).value.as_ref() else { return };
    let mut wanted = Vec::new();
    match chosen {
        None => wanted.extend(group.features.iter().map(|feature| (feature, name.span))),
        Some(names) => {
            for each in names {
                match group.features.iter().find(|feature| feature.name == each.text) {
                    Some(feature) => wanted.push((feature, each.span)),
                    None if group.broken.contains(&each.text) || !group.intact => {}
                    None => unknown_feature(group, each, reports),
                }
            }
        }
    }
    let mut used = Vec::new();
    for (feature, span) in wanted {
        let Some(ty) = &feature.ty else { continue };
        if add(format!("{}.{}", group.name, feature.name), ty, span, collected, reports) {
            used.push(feature.name.clone());
        }
    }
    let Some(keys) = join_keys(context, group, name, collected, reports) else { return };
    match collected.joins.iter_mut().find(|join| join.group == group.name) {
        Some(join) => join.features.extend(used),
        None => collected.joins.push(Join {
            model: context.model.name.text.clone(),
            group: group.name.clone(),
            keys,
            features: used,
        }),
    }
}

fn unknown_feature(group: &GroupDef, name: &ast::Name, reports: &mut Reports) {
    let known: Vec<&str> = group.features.iter().map(|feature| feature.name.as_str()).collect();
    reports
        .error(
            "E0205",
            name.span,
            format!("the group `{}` has no feature `{}`", group.name, name.text),
            "no such feature",
        )
        .help(format!("it has {}", listed(&known)))
        .did_you_mean(nearest(&name.text, known));
}

/// The observed columns that play the entity's keys: those of the same names.
fn join_keys(
    context: &Context<'_, '_>,
    group: &GroupDef,
    name: &ast::Name,
    collected: &mut Collected,
    reports: &mut Reports,
) -> Option<Vec<JoinKey>> {
    if !group.keys_fit {
        return None;
    }
    let mut keys = Vec::new();
    for (key, ty) in &group.keys {
        let scope = context.scope();
        let Some(found) = scope.column_type(key) else {
            if !context.source.intact {
                return None;
            }
            let message = format!(
                "`{}` is keyed by `{key}`, which the source `{}` does not have",
                group.name, context.source.name
            );
            let near = nearest(key, context.source.columns.iter().map(|column| column.name.as_str()));
            let report = reports.error("E0202", name.span, message, format!("needs a column `{key}`"));
            report.also(&context.source.item, context.source.name_span, "observed here");
            report.help(match near {
                Some(near) => format!("derive it in the source, such as `{key} = {near}`"),
                None => format!("derive a column `{key}` in the source"),
            });
            return None;
        };
        let (found, expected) = (found?, ty.clone()?);
        if found.ty != expected.ty {
            let message = format!(
                "`{}` is keyed by a {expected}, the column `{key}` of `{}` is a {}",
                group.name, context.source.name, found.ty
            );
            reports
                .error("E0306", name.span, message, format!("needs {}", a(&expected)))
                .help("give both the same type");
            return None;
        }
        context.check_known(&[(key.clone(), name.span)], &format!("the group `{}`", group.name), reports);
        collected.columns.insert(key.clone());
        if collected.keys.iter().all(|known| known.name != *key) {
            collected.keys.push(Derived { name: key.clone(), expr: Expr::column(key.clone(), found) });
        }
        keys.push(JoinKey { key: key.clone(), column: key.clone() });
    }
    Some(keys)
}
