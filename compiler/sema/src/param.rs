//! Parameters: values set from outside, folded into the program when it is compiled.

use mlsys_plan::{Literal, Type};
use mlsys_syntax::ast;

use crate::db::{Checked, Db, Item, Project};
use crate::report::{Reports, a};
use crate::scope::Scope;

/// A parameter's value as it was set from outside: text that is read as the parameter's type.
pub type ParamValue = String;

/// A parameter with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParamDef {
    pub(crate) ty: Type,
    pub(crate) value: Literal,
}

#[salsa::tracked(returns(ref))]
pub(crate) fn param_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<ParamDef> {
    let Some(ast::Item::Param(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let value = define(db, project, item, tree, &mut reports);
    Checked { value, reports: reports.into_vec() }
}

fn define<'db>(
    db: &'db dyn Db,
    project: Project,
    item: Item<'db>,
    tree: &ast::Param,
    reports: &mut Reports,
) -> Option<ParamDef> {
    let ty = crate::types::resolve(reports, &tree.ty)?.ty;
    let default = match &tree.default {
        Some(default) => {
            Some(Scope::constant(db, project, item.file(db)).without_parameters().literal(default, &ty, reports)?)
        }
        None => None,
    };
    let name = &tree.name;
    let value = match project.params(db).get(&name.text) {
        Some(text) => read(&ty, text).or_else(|| {
            reports
                .error("E0316", name.span, format!("`{text}` is not {}", a(&ty)), format!("was set to `{text}`"))
                .help(format!("set it with `--set {}=…` to {}", name.text, a(&ty)));
            None
        })?,
        None => default.or_else(|| {
            reports
                .error("E0316", name.span, format!("the parameter `{}` has no value", name.text), "needs a value")
                .help(format!("set it with `--set {}=…`, or give it a default", name.text));
            None
        })?,
    };
    Some(ParamDef { ty, value })
}

/// A value of that type from text as it is given on a command line.
fn read(ty: &Type, text: &str) -> Option<Literal> {
    match ty {
        Type::Bool => text.parse().ok().map(Literal::Bool),
        Type::Int32 => text.parse::<i32>().ok().map(|value| Literal::Int(i64::from(value))),
        Type::Int64 => text.parse().ok().map(Literal::Int),
        Type::Float32 | Type::Float64 => text.parse().ok().filter(|value: &f64| value.is_finite()).map(Literal::Float),
        Type::String => Some(Literal::String(text.to_owned())),
        Type::Timestamp => mlsys_syntax::instant(&format!("@{}", text.trim_start_matches('@'))).map(Literal::Timestamp),
        Type::Duration => mlsys_syntax::duration(text).map(Literal::Duration),
        Type::Bytes | Type::Date | Type::Enum(_) | Type::List(_) | Type::Vector(_) => None,
    }
}
