//! Features of groups inside of a model's conditions: `where buying.orders_90d > 0`.

use mlsys_syntax::{Kind, ast};

use super::feature_columns;
use crate::args::Constants;
use crate::db::{Word, lookup};
use crate::features::features_of;
use crate::report::Reports;
use crate::scope::ScopeColumn;

/// An expression with features as columns.
pub(super) struct Grouped {
    pub(super) expr: ast::Expr,
    /// The features that are read: group and feature.
    pub(super) features: Vec<(ast::Name, ast::Name)>,
    /// The columns that stand for the groups' features.
    pub(super) columns: Vec<ScopeColumn>,
}

/// The expression with a column `GROUP.FEATURE` in the place of every feature of a group.
pub(super) fn rewrite(constants: &Constants<'_>, written: &ast::Expr, reports: &mut Reports) -> Grouped {
    let mut grouped = Grouped { expr: written.clone(), features: Vec::new(), columns: Vec::new() };
    let mut expr = written.clone();
    replace(constants, &mut expr, &mut grouped, reports);
    grouped.expr = expr;
    grouped
}

fn replace(constants: &Constants<'_>, expr: &mut ast::Expr, grouped: &mut Grouped, reports: &mut Reports) {
    let ast::ExprKind::Field(base, feature) = &expr.kind else {
        expr.children_mut().into_iter().for_each(|child| replace(constants, child, grouped, reports));
        return;
    };
    let (Some(group), feature) = (base.as_name(), feature.clone()) else { return };
    let group = ast::Name { text: group.to_owned(), span: base.span };
    let found = lookup(constants.db, constants.project, constants.file, Word::new(constants.db, group.text.clone()));
    let name = format!("{}.{}", group.text, feature.text);
    // What is wrong with the group is told once: here, or where it is declared.
    let found = match found {
        Some(item) => Some(item).filter(|item| item.kind(constants.db) == Some(Kind::Features)),
        None => crate::refer::refer(constants, &group, Kind::Features, reports),
    };
    let definition = found.map(|item| features_of(constants.db, constants.project, item).value.as_ref());
    let Some(Some(definition)) = definition else {
        if definition.is_some() || found.is_none() {
            grouped.columns.push(ScopeColumn::new(name.clone(), None));
            expr.kind = ast::ExprKind::Name(name);
        }
        return;
    };
    let known = definition.features.iter().any(|each| each.name == feature.text);
    if !known && definition.intact && !definition.broken.contains(&feature.text) {
        super::inputs::unknown_feature(definition, &feature, reports);
    }
    grouped.columns.extend(feature_columns(&group.text, &definition.features));
    if !known {
        grouped.columns.push(ScopeColumn::new(name.clone(), None));
    }
    expr.kind = ast::ExprKind::Name(name);
    grouped.features.push((group, feature));
}
