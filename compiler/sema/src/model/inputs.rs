//! Inputs: columns of the observed row, expressions on them, and features of groups.

use std::collections::BTreeSet;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Derived, Expr, Join, JoinKey, ModelInput, Type, ValueType};
use mlsys_syntax::{Kind, ast};

use super::{Context, GroupRead};
use crate::db::ItemRef;
use crate::features::{FeatureDef, GroupDef, features_of};
use crate::refer::refer;
use crate::report::{Reports, a};
use crate::scope::{Scope, listed};
use crate::source::missing;

/// A model's inputs, taken apart.
#[derive(Default)]
pub(crate) struct Collected {
    /// Every input in declared order.
    pub(crate) inputs: Vec<ModelInput>,
    /// Where each input is written.
    pub(crate) spans: Vec<Span>,
    /// Whether all of them could be read.
    pub(crate) complete: bool,
    /// Inputs computed from the row.
    pub(crate) row: Vec<Derived>,
    /// Entity keys of the observation.
    pub(crate) keys: Vec<Derived>,
    /// Groups with the features that are used.
    pub(crate) joins: Vec<Join>,
    /// The declarations of the joins' groups, in the same order.
    pub(crate) groups: Vec<ItemRef>,
    /// Columns of the row that inputs and keys read.
    pub(crate) columns: BTreeSet<String>,
    /// Inputs that are personal data, by leave.
    pub(crate) personal: Vec<String>,
}

impl Collected {
    /// What is read of every group.
    pub(super) fn groups_read(&self) -> Vec<GroupRead> {
        let pairs = self.joins.iter().zip(&self.groups);
        pairs
            .map(|(join, item)| GroupRead {
                item: item.clone(),
                name: join.group.clone(),
                features: join.features.clone(),
            })
            .collect()
    }
}

pub(super) fn inputs(context: &Context<'_, '_>, reports: &mut Reports) -> Collected {
    let mut collected = Collected { complete: true, ..Collected::default() };
    if context.model.inputs.is_empty() {
        no_inputs(context, reports);
    }
    for input in &context.model.inputs {
        match input {
            ast::Input::Broken(_) => collected.complete = false,
            ast::Input::Column(name, allow) => {
                row_input(context, name, &ast::Expr::of_name(name), allow.as_ref(), &mut collected, reports);
            }
            ast::Input::Definition(definition, _) if crate::features::not_of_a_row(definition, reports) => {
                collected.complete = false;
            }
            ast::Input::Definition(definition, allow) => {
                row_input(context, &definition.name, &definition.value, allow.as_ref(), &mut collected, reports);
            }
            ast::Input::Group(group) => group_input(context, group, &mut collected, reports),
        }
    }
    for (group, feature) in &context.filter_features {
        filter_feature(context, group, feature, &mut collected, reports);
    }
    if let Some(ticks) = &context.ticks {
        collected.columns.extend(ticks.keys.iter().cloned());
    }
    collected
}

fn no_inputs(context: &Context<'_, '_>, reports: &mut Reports) {
    if context.model.inputs_span.is_none() {
        missing::<()>(&context.model.name, "inputs", "`inputs { amount }`", reports);
    } else {
        let span = context.model.inputs_span.unwrap_or_default();
        reports
            .error("E0209", span, "the model has no inputs", "is empty")
            .help("name columns, or `group.*` for a group's features");
    }
}

/// Reports personal data that becomes an input without leave, and leave that nothing needs.
fn check_personal(
    name: &str,
    personal: Option<&(String, Span)>,
    allow: Option<&ast::Allow>,
    collected: &mut Collected,
    reports: &mut Reports,
) {
    let Some((what, span)) = personal else { return };
    if allow.is_some() {
        collected.personal.push(name.to_owned());
        return;
    }
    let message = format!("the input `{name}` is made of `{what}`, which is personal data");
    reports
        .error("E0501", *span, message, "reaches the model")
        .help("pass it through a function of `std.privacy` such as `hash`, or write `allow pii because \"…\"` behind the input");
}

/// Leave to use personal data gives a reason, and is needed.
fn check_allow(allow: Option<&ast::Allow>, needed: bool, reports: &mut Reports) {
    let Some(allow) = allow else { return };
    if allow.reason.trim().is_empty() {
        reports
            .error("E0506", allow.span, "leave to use personal data needs a reason", "why?")
            .help("say on what grounds: `allow pii because \"customers agreed in the terms of 2024\"`");
    } else if !needed {
        let item = reports.item().clone();
        reports
            .warning("W0501", allow.span, "there is no personal data here that leave could be given for", "not needed")
            .help("remove it")
            .mend("remove it", &item, allow.span, "");
    }
}

fn row_input(
    context: &Context<'_, '_>,
    name: &ast::Name,
    value: &ast::Expr,
    allow: Option<&ast::Allow>,
    collected: &mut Collected,
    reports: &mut Reports,
) {
    let mut scope = context.scope();
    let typed = scope.expr(value, reports);
    context.check_known(&scope.uses, &format!("the input `{}`", name.text), reports);
    context.check_label(&scope.uses, &name.text, reports);
    check_personal(&name.text, scope.personal.first(), allow, collected, reports);
    check_allow(allow, !scope.personal.is_empty(), reports);
    collected.columns.extend(scope.uses.iter().map(|(column, _)| column.clone()));
    let Some(expr) = typed else {
        collected.complete = false;
        return;
    };
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
    if !can_be_learnt(&ty.ty) {
        let report = reports.error(
            "E0311",
            span,
            format!("the input `{name}` is {}, which cannot be learnt from", a(&ty)),
            format!("this is {}", a(&ty)),
        );
        report.help(match ty.ty {
            Type::Duration => "divide it by a unit to make it a number, such as `… / 1d`",
            _ => "inputs are numbers, bools, strings, enums, timestamps, dates, vectors, and lists of values",
        });
        return false;
    }
    collected.inputs.push(ModelInput { name, ty: ty.clone(), encoder: None });
    collected.spans.push(span);
    true
}

/// Whether values of a type can be turned into numbers.
fn can_be_learnt(ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 | Type::String | Type::Enum(_) => true,
        Type::Vector(_) | Type::Timestamp | Type::Date => true,
        Type::List(item) => {
            !matches!(**item, Type::List(_) | Type::Vector(_) | Type::Timestamp | Type::Date) && can_be_learnt(item)
        }
        Type::Bytes | Type::Duration => false,
    }
}

fn group_input(context: &Context<'_, '_>, input: &ast::GroupInput, collected: &mut Collected, reports: &mut Reports) {
    let constants = &context.constants;
    let name = &input.group;
    let found = refer(constants, name, Kind::Features, reports);
    let group = found.and_then(|item| features_of(constants.db, constants.project, item).value.as_ref());
    let Some(group) = group else {
        collected.complete = false;
        return;
    };
    let mut wanted: Vec<(&FeatureDef, Span)> = Vec::new();
    match &input.features {
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
    let prefix = input.alias.as_ref().map_or(&group.name, |alias| &alias.text);
    let mut used = Vec::new();
    for (feature, span) in &wanted {
        let Some(ty) = &feature.ty else { continue };
        let full = format!("{prefix}.{}", feature.name);
        let personal = feature.pii.then(|| (full.clone(), *span));
        // One group is one mistake, however many of its features are personal data.
        let told = personal.is_some() && input.allow.is_none() && reports.has("E0501");
        if !told {
            check_personal(&full, personal.as_ref(), input.allow.as_ref(), collected, reports);
        }
        if add(full, ty, *span, collected, reports) {
            used.push(feature.name.clone());
        }
    }
    check_allow(input.allow.as_ref(), wanted.iter().any(|(feature, _)| feature.pii), reports);
    join(context, group, input, used, collected, reports);
}

/// Adds features to the group's join with these keys, or a new one.
fn join(
    context: &Context<'_, '_>,
    group: &GroupDef,
    input: &ast::GroupInput,
    used: Vec<String>,
    collected: &mut Collected,
    reports: &mut Reports,
) {
    let Some(keys) = join_keys(context, group, input, collected, reports) else { return };
    let alias = input.alias.as_ref().map(|alias| alias.text.clone());
    let same = |join: &&mut Join| join.group == group.name && join.alias == alias;
    match collected.joins.iter_mut().find(same) {
        Some(join) if join.keys == keys => {
            let new: Vec<String> = used.into_iter().filter(|feature| !join.features.contains(feature)).collect();
            join.features.extend(new);
        }
        Some(_) => {
            let message = format!("`{}` is joined by two different keys under one name", group.name);
            reports
                .error("E0203", input.span, message, "which of both is meant?")
                .help("give the second one a name of its own: `… as NAME`");
        }
        None => {
            collected.groups.push(group.item.clone());
            collected.joins.push(Join {
                model: context.model.name.text.clone(),
                group: group.name.clone(),
                alias,
                keys,
                features: used,
            });
        }
    }
}

/// A feature that the model's condition reads is joined as those that are inputs.
fn filter_feature(
    context: &Context<'_, '_>,
    group: &ast::Name,
    feature: &ast::Name,
    collected: &mut Collected,
    reports: &mut Reports,
) {
    let constants = &context.constants;
    let mut silent = Reports::silent();
    let found = refer(constants, group, Kind::Features, &mut silent);
    let definition = found.and_then(|item| features_of(constants.db, constants.project, item).value.as_ref());
    let Some(definition) = definition else { return };
    if definition.features.iter().any(|known| known.name == feature.text) {
        let input = ast::GroupInput {
            group: group.clone(),
            keys: Vec::new(),
            features: Some(vec![feature.clone()]),
            alias: None,
            allow: None,
            span: group.span,
        };
        join(context, definition, &input, vec![feature.text.clone()], collected, reports);
    }
}

pub(super) fn unknown_feature(group: &GroupDef, name: &ast::Name, reports: &mut Reports) {
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

/// What of the observed row plays the entity's keys: the columns of the same names, or what is written.
fn join_keys(
    context: &Context<'_, '_>,
    group: &GroupDef,
    input: &ast::GroupInput,
    collected: &mut Collected,
    reports: &mut Reports,
) -> Option<Vec<JoinKey>> {
    if !group.keys_fit {
        return None;
    }
    if !input.keys.is_empty() && input.keys.len() != group.keys.len() {
        let names: Vec<&str> = group.keys.iter().map(|(name, _)| name.as_str()).collect();
        let message =
            format!("`{}` is keyed by {}, the number of keys here is {}", group.name, listed(&names), input.keys.len());
        reports.error("E0319", input.span, message, "not its keys").help("give every key, in the declared order");
        return None;
    }
    let mut keys = Vec::new();
    for (index, (key, ty)) in group.keys.iter().enumerate() {
        let (column, expr, span) = match input.keys.get(index) {
            Some(written) => written_key(context, key, written, input, collected, reports)?,
            None => own_key(context, group, key, &input.group, collected, reports)?,
        };
        let expected = ty.clone()?;
        if expr.ty.ty != expected.ty {
            let message = format!("`{}` is keyed by {}, this is {}", group.name, a(&expected), a(&expr.ty.ty));
            reports.error("E0306", span, message, format!("needs {}", a(&expected))).help("give both the same type");
            return None;
        }
        if collected.keys.iter().all(|known| known.name != column) {
            collected.keys.push(Derived { name: column.clone(), expr });
        }
        keys.push(JoinKey { key: key.clone(), column });
    }
    Some(keys)
}

/// A key that is written: `airport_weather[dest]`.
fn written_key(
    context: &Context<'_, '_>,
    key: &str,
    written: &ast::Expr,
    input: &ast::GroupInput,
    collected: &mut Collected,
    reports: &mut Reports,
) -> Option<(String, Expr, Span)> {
    let mut scope = context.scope();
    let expr = scope.expr(written, reports)?;
    context.check_known(&scope.uses, &format!("the group `{}`", input.group.text), reports);
    collected.columns.extend(scope.uses.iter().map(|(column, _)| column.clone()));
    let alias = input.alias.as_ref().unwrap_or(&input.group);
    let column = expr.as_column().map_or_else(|| format!("{}.{key}", alias.text), str::to_owned);
    Some((column, expr, written.span))
}

/// The observed column of the key's name.
fn own_key(
    context: &Context<'_, '_>,
    group: &GroupDef,
    key: &String,
    name: &ast::Name,
    collected: &mut Collected,
    reports: &mut Reports,
) -> Option<(String, Expr, Span)> {
    let scope: Scope<'_> = context.scope();
    let Some(found) = scope.column_type(key) else {
        if !context.source.intact {
            return None;
        }
        let message =
            format!("`{}` is keyed by `{key}`, which the source `{}` does not have", group.name, context.source.name);
        let near = nearest(key, context.source.columns.iter().map(|column| column.name.as_str()));
        let report = reports.error("E0202", name.span, message, format!("needs a column `{key}`"));
        report.also(&context.source.item, context.source.name_span, "observed here");
        report.help(format!("name what plays the key: `{}[{}].…`", group.name, near.unwrap_or("COLUMN")));
        return None;
    };
    context.check_known(&[(key.clone(), name.span)], &format!("the group `{}`", group.name), reports);
    collected.columns.insert(key.clone());
    Some((key.clone(), Expr::column(key.clone(), found?), name.span))
}
