//! Functions on one row: the program's own and the library's.

use mlsys_plan::ValueType;
use mlsys_syntax::ast;

use crate::db::{Checked, Db, Item, Project};
use crate::report::Reports;
use crate::scope::{Scope, ScopeColumn};

/// A function's signature, and its body if it has one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionDef {
    pub(crate) name: String,
    pub(crate) parameters: Vec<FunctionParameter>,
    pub(crate) result: Option<ValueType>,
    pub(crate) body: Option<ast::Expr>,
}

/// A parameter; without a type if that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionParameter {
    pub(crate) name: String,
    pub(crate) ty: Option<ValueType>,
}

impl FunctionDef {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.parameters.iter().map(|parameter| parameter.name.as_str()).collect()
    }
}

#[salsa::tracked(returns(ref))]
pub(crate) fn function_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<FunctionDef> {
    let mut reports = Reports::on(item.reference(db));
    let value = match item.tree(db) {
        Some(ast::Item::Function(tree)) => {
            let definition =
                signature(&tree.name, &tree.parameters, Some(&tree.result), Some(tree.body.clone()), &mut reports);
            check_body(db, project, item, &definition, &tree.body, &mut reports);
            Some(definition)
        }
        Some(ast::Item::Extern(tree)) if tree.kind.text == "fn" => {
            Some(signature(&tree.name, &tree.parameters, tree.result.as_ref(), None, &mut reports))
        }
        _ => None,
    };
    Checked { value, reports: reports.into_vec() }
}

fn signature(
    name: &ast::Name,
    parameters: &[ast::Parameter],
    result: Option<&ast::TypeRef>,
    body: Option<ast::Expr>,
    reports: &mut Reports,
) -> FunctionDef {
    let parameters = parameters
        .iter()
        .map(|parameter| FunctionParameter {
            name: parameter.name.text.clone(),
            ty: crate::types::resolve(reports, &parameter.ty),
        })
        .collect();
    let result = result.and_then(|result| crate::types::resolve(reports, result));
    FunctionDef { name: name.text.clone(), parameters, result, body }
}

/// The body must have the declared type when the arguments have theirs.
fn check_body<'db>(
    db: &'db dyn Db,
    project: Project,
    item: Item<'db>,
    definition: &FunctionDef,
    body: &ast::Expr,
    reports: &mut Reports,
) {
    let columns = definition
        .parameters
        .iter()
        .map(|parameter| ScopeColumn { name: parameter.name.clone(), ty: parameter.ty.clone() })
        .collect();
    let owner = format!("the function `{}`", definition.name);
    let mut scope = Scope::constant(db, project, item.file(db)).with_columns(owner, columns);
    // One level is taken: the body stands inside of the function itself.
    scope.depth = 1;
    let (Some(typed), Some(result)) = (scope.expr(body, reports), &definition.result) else { return };
    let nullable = typed.ty.nullable;
    if scope.coerce_or_report(typed, &result.ty, body.span, reports).is_some() && nullable && !result.nullable {
        reports
            .error("E0305", body.span, format!("this may be missing, but `{}` gives a {result}", definition.name), "may be missing")
            .help(format!("declare the result as `{}?`, or give a value for the missing one with `??`", result.ty));
    }
}
