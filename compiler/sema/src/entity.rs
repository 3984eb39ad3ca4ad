//! Entities: what features are keyed by.

use mlsys_diagnostics::Span;
use mlsys_plan::ValueType;
use mlsys_syntax::ast;

use crate::db::{Checked, Db, Item, ItemRef};
use crate::report::Reports;

/// An entity and its keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EntityDef {
    pub(crate) item: ItemRef,
    pub(crate) keys: Vec<KeyDef>,
}

/// A key of an entity; without a type if that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyDef {
    pub(crate) name: String,
    pub(crate) ty: Option<ValueType>,
    /// Whether it is personal data, which stores and logs hold hashed only.
    pub(crate) pii: bool,
    pub(crate) span: Span,
}

#[salsa::tracked(returns(ref))]
pub(crate) fn entity_of<'db>(db: &'db dyn Db, item: Item<'db>) -> Checked<EntityDef> {
    let Some(ast::Item::Entity(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    if tree.keys.is_empty() {
        reports
            .error("E0209", tree.name.span, format!("the entity `{}` has no key", tree.name.text), "has no key")
            .help("name a key and its type, such as `{ customer_id: int64 }`");
        return Checked { value: None, reports: reports.into_vec() };
    }
    let mut keys: Vec<KeyDef> = Vec::new();
    for key in &tree.keys {
        if let Some(first) = keys.iter().find(|known| known.name == key.name.text) {
            let (item, span) = (reports.item().clone(), first.span);
            reports
                .error(
                    "E0203",
                    key.name.span,
                    format!("the key `{}` is declared twice", key.name.text),
                    "declared a second time",
                )
                .also(&item, span, "first declared here")
                .help("remove one of them");
            continue;
        }
        let ty = key.ty.as_ref().and_then(|ty| crate::types::resolve(&mut reports, ty));
        let usable = ty.filter(|ty| key_type(&mut reports, key, ty));
        keys.push(KeyDef { name: key.name.text.clone(), ty: usable, pii: key.pii.is_some(), span: key.name.span });
    }
    Checked { value: Some(EntityDef { item: item.reference(db), keys }), reports: reports.into_vec() }
}

fn key_type(reports: &mut Reports, key: &ast::Column, ty: &ValueType) -> bool {
    let span = key.ty.as_ref().map_or(key.name.span, |written| written.span);
    if ty.nullable {
        reports
            .error("E0307", span, format!("the key `{}` may be missing", key.name.text), "a key is never missing")
            .help("remove the `?`");
        return false;
    }
    if ty.ty.is_float() || matches!(ty.ty, mlsys_plan::Type::List(_) | mlsys_plan::Type::Vector(_)) {
        reports
            .error("E0306", span, format!("`{ty}` cannot be a key"), "not a key's type")
            .help("keys are integers, text or other values that are equal or not: floating-point numbers and lists are no keys");
        return false;
    }
    true
}
