//! `test` declarations: rows against the source's columns, expectations against the group's features.

use mlsys_diagnostics::nearest;
use mlsys_plan::{Type, ValueType};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::db::{Checked, Db, Item, Project};
use crate::features::{features_of, refer};
use crate::report::Reports;
use crate::scope::Scope;
use crate::source::source_of;

#[salsa::tracked(returns(ref))]
pub(crate) fn check_test<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<()> {
    let Some(ast::Item::Test(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let constants = Constants { db, project, file: item.file(db) };
    for (name, rows) in &tree.given {
        given(&constants, name, rows, &mut reports);
    }
    for expect in &tree.expect {
        expected(&constants, expect, &mut reports);
    }
    Checked { value: Some(()), reports: reports.into_vec() }
}

/// A named value that is wanted, with its type where it is known.
type Slot = (String, Option<ValueType>);

fn given(constants: &Constants<'_>, name: &ast::Name, rows: &[ast::Expr], reports: &mut Reports) -> Option<()> {
    let item = refer(constants, name, Kind::Source, reports)?;
    let source = source_of(constants.db, constants.project, item).value.as_ref()?;
    let schema: Vec<Slot> = source
        .columns
        .iter()
        .filter(|column| column.reads == [column.name.clone()])
        .map(|column| (column.name.clone(), column.ty.clone()))
        .collect();
    if !source.intact {
        return None;
    }
    for row in rows {
        let ast::ExprKind::Record(fields) = &row.kind else {
            reports
                .error("E0305", row.span, "a row is a record", "not a record")
                .help("write it as `{ column: value, … }`");
            continue;
        };
        let owner = format!("the source `{}`", name.text);
        let all_known = fields.iter().all(|(field, _)| schema.iter().any(|(name, _)| *name == field.text));
        values(constants, &owner, &schema, fields.iter().map(|(name, value)| (name, value)), reports);
        let missing: Vec<&str> = schema
            .iter()
            .filter(|(name, ty)| {
                ty.as_ref().is_some_and(|ty| !ty.nullable) && fields.iter().all(|(field, _)| field.text != *name)
            })
            .map(|(name, _)| name.as_str())
            .collect();
        // A misspelt column is reported as such, and not as a missing one besides.
        if !missing.is_empty() && all_known {
            let message = format!("the row has no {}", crate::scope::listed(&missing));
            reports
                .error("E0303", row.span, message, "values are missing")
                .help("only columns with `?` may be left out");
        }
    }
    Some(())
}

fn expected(constants: &Constants<'_>, expect: &ast::ExpectRows, reports: &mut Reports) -> Option<()> {
    let scope = Scope::constant(constants.db, constants.project, constants.file);
    scope.literal(&expect.at, &Type::Timestamp, reports);
    let item = refer(constants, &expect.group, Kind::Features, reports)?;
    let group = features_of(constants.db, constants.project, item).value.as_ref()?;
    let owner = format!("the group `{}`", group.name);
    if !group.keys_fit || !group.intact {
        return None;
    }
    values(constants, &owner, &group.keys, expect.keys.iter().map(|(name, value)| (name, value)), reports);
    let mut slots: Vec<Slot> =
        group.features.iter().map(|feature| (feature.name.clone(), feature.ty.clone())).collect();
    slots.extend(group.broken.iter().map(|name| (name.clone(), None)));
    values(constants, &owner, &slots, expect.values.iter().map(|each| (&each.name, &each.value)), reports);
    Some(())
}

fn values<'a>(
    constants: &Constants<'_>,
    owner: &str,
    slots: &[Slot],
    fields: impl Iterator<Item = (&'a ast::Name, &'a ast::Expr)>,
    reports: &mut Reports,
) {
    let mut seen: Vec<&ast::Name> = Vec::new();
    for (name, value) in fields {
        if let Some(first) = seen.iter().find(|known| known.text == name.text) {
            let item = reports.item().clone();
            reports
                .error("E0203", name.span, format!("`{}` is given twice", name.text), "given a second time")
                .also(&item, first.span, "first given here")
                .help("remove one of them");
            continue;
        }
        seen.push(name);
        let Some((_, ty)) = slots.iter().find(|(known, _)| *known == name.text) else {
            let near = nearest(&name.text, slots.iter().map(|(known, _)| known.as_str()));
            let known: Vec<&str> = slots.iter().map(|(known, _)| known.as_str()).collect();
            reports
                .error("E0202", name.span, format!("{owner} has no `{}` that can be given here", name.text), "unknown")
                .help(format!("it has {}", crate::scope::listed(&known)))
                .did_you_mean(near);
            continue;
        };
        let is_null = matches!(value.kind, ast::ExprKind::Literal(ast::Literal::Null));
        match ty {
            Some(ty) if is_null && !ty.nullable => {
                reports
                    .error("E0305", value.span, format!("`{}` is never missing", name.text), "cannot be null")
                    .help(format!("give it {}", crate::report::a(&ty.ty)));
            }
            Some(ty) if !is_null => {
                let scope = Scope::constant(constants.db, constants.project, constants.file);
                scope.literal(value, &ty.ty, reports);
            }
            _ => {}
        }
    }
}
