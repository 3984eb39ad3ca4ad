//! Entity keys against the source's columns.

use mlsys_diagnostics::nearest;
use mlsys_plan::EntityKey;

use super::Context;
use crate::entity::{EntityDef, KeyDef};
use crate::report::{Reports, a};

/// The source column of each of the entity's keys; none where it does not fit, which is reported.
pub(super) fn keys(context: &Context<'_, '_>, entity: &EntityDef, reports: &mut Reports) -> Vec<Option<EntityKey>> {
    let group = context.group;
    for (key, _) in &group.key_map {
        if !entity.keys.iter().any(|known| known.name == key.text) {
            let near = nearest(&key.text, entity.keys.iter().map(|known| known.name.as_str()));
            let message = format!("the entity `{}` has no key `{}`", group.entity.text, key.text);
            reports.error("E0202", key.span, message, "no such key").did_you_mean(near);
        }
    }
    entity.keys.iter().map(|key| one(context, entity, key, reports)).collect()
}

fn one(context: &Context<'_, '_>, entity: &EntityDef, key: &KeyDef, reports: &mut Reports) -> Option<EntityKey> {
    let group = context.group;
    let mapped = group.key_map.iter().find(|(name, _)| name.text == key.name).map(|(_, column)| column);
    let (name, span) = mapped.map_or((&key.name, group.entity.span), |column| (&column.text, column.span));
    let scope = context.scope(None);
    let Some(found) = scope.column_type(name) else {
        if !context.source.intact {
            return None;
        }
        let message = format!(
            "the source `{}` has no column `{name}` for the key of `{}`",
            context.source.name, group.entity.text
        );
        let near = nearest(name, context.source.columns.iter().map(|column| column.name.as_str()));
        let report = reports.error("E0202", span, message, format!("`{name}` is not a column"));
        report.also(&entity.item, key.span, "the key is declared here");
        let column = near.unwrap_or("COLUMN").to_owned();
        report.help(format!("name the column that holds it: `for {}({}: {column})`", group.entity.text, key.name));
        return None;
    };
    let (found, expected) = (found?, key.ty.clone()?);
    if found.ty != expected.ty {
        let message = format!("the key `{}` is {}, the column `{name}` is {}", key.name, a(&expected), a(&found.ty));
        let report = reports.error("E0306", span, message, format!("{} here", a(&found.ty)));
        report.also(&entity.item, key.span, format!("{} here", a(&expected)));
        if let Some(column) = context.source.column(name) {
            report.also(&context.source.item, column.span, format!("`{name}` is declared here"));
        }
        report.help("give both the same type");
        return None;
    }
    if found.nullable {
        let message = format!("the column `{name}` may be missing, but it is a key of `{}`", group.entity.text);
        reports
            .error("E0307", span, message, "a row without it belongs to nobody")
            .help(format!("leave such rows out: add `where {name} is not null` to the group"));
        return None;
    }
    if let Some(column) = context.source.column(name).filter(|column| column.pii && !key.pii) {
        let message = format!(
            "`{name}` is personal data, but the key `{}` of `{}` is not said to be",
            key.name, group.entity.text
        );
        reports
            .error("E0505", span, message, "stores and logs would hold it in the clear")
            .also(&entity.item, key.span, "not marked as `pii`")
            .also(&context.source.item, column.span, "declared as `pii`")
            .help(format!("mark the key: `{}: {} pii`, so that it is kept hashed", key.name, expected));
        return None;
    }
    let used = [(name.clone(), span)];
    check_key_known(context, &used);
    Some(EntityKey { name: key.name.clone(), column: name.clone(), ty: expected })
}

/// A key is read when the row is seen, so it must be known by then as any other value.
fn check_key_known(context: &Context<'_, '_>, used: &[(String, mlsys_diagnostics::Span)]) {
    let mut scope = context.scope(None);
    scope.uses.extend(used.iter().cloned());
    context.check_known(&scope, "the entity's key");
}
