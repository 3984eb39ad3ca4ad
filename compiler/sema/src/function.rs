//! Functions on one row: the program's own and the library's.

use mlsys_plan::ValueType;
use mlsys_syntax::{Kind, ast};

use crate::db::{Checked, Db, Item, Project, Word, lookup};
use crate::report::{Report, Reports, a};
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
    pub(crate) default: Option<ast::Expr>,
}

impl FunctionDef {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.parameters.iter().map(|parameter| parameter.name.as_str()).collect()
    }
}

#[salsa::tracked(returns(ref))]
pub(crate) fn function_of<'db>(db: &'db dyn Db, item: Item<'db>) -> Checked<FunctionDef> {
    let mut reports = Reports::on(item.reference(db));
    let value = match item.tree(db) {
        Some(ast::Item::Function(tree)) => {
            Some(signature(&tree.name, &tree.parameters, Some(&tree.result), Some(tree.body.clone()), &mut reports))
        }
        Some(ast::Item::Extern(tree)) if tree.kind.text == "fn" => {
            Some(signature(&tree.name, &tree.parameters, tree.result.as_ref(), None, &mut reports))
        }
        _ => None,
    };
    Checked { value, reports: reports.into_vec() }
}

/// What is wrong with a function: its signature, its defaults, its body. Callers need the signature only, so that
/// checking one body never waits for another.
pub(crate) fn check<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Vec<Report> {
    let signature = function_of(db, item);
    let mut reports = Reports::on(item.reference(db));
    match item.tree(db) {
        Some(ast::Item::Function(tree)) => {
            let Some(definition) = &signature.value else { return signature.reports.clone() };
            if let Some((low, high)) = tree.parameters.iter().find_map(|parameter| parameter.bounds.as_ref()) {
                let message = "the bounds of a parameter are for what the runtime has built in";
                reports.error("E0212", low.span.to(high.span), message, "not checked here").help(
                    "leave them out, and let the function say what it gives beyond them: `if x > 5 then … else …`",
                );
            }
            for parameter in &definition.parameters {
                if let (Some(default), Some(ty)) = (&parameter.default, &parameter.ty) {
                    Scope::constant(db, project, item.file(db)).literal(default, &ty.ty, &mut reports);
                }
            }
            if is_recursive(db, project, item) {
                let message = format!("`{}` calls itself, here or through others", definition.name);
                reports
                    .error("E0701", tree.name.span, message, "needs itself")
                    .help("functions are put in place where they are called, so none can need itself");
            } else {
                check_body(db, project, item, definition, &tree.body, &mut reports);
            }
        }
        Some(ast::Item::Extern(tree)) if !project.library(db).contains(&item.file(db)) => {
            reports
                .error(
                    "E0212",
                    tree.name.span,
                    "`extern` declares what the runtime has built in",
                    "has no meaning here",
                )
                .help("give the function a value: `fn name(x: float64) -> float64 = …`");
        }
        _ => {}
    }
    signature.reports.iter().cloned().chain(reports.into_vec()).collect()
}

/// Whether a function needs itself, at once or through others.
pub(crate) fn is_recursive<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> bool {
    let mut seen = vec![item];
    let mut next = 0;
    while let Some(caller) = seen.get(next).copied() {
        next += 1;
        for callee in callees(db, project, caller) {
            if *callee == item {
                return true;
            }
            if !seen.contains(callee) {
                seen.push(*callee);
            }
        }
    }
    false
}

/// The program's functions that a function calls.
#[salsa::tracked(returns(deref))]
fn callees<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Vec<Item<'db>> {
    let Some(ast::Item::Function(tree)) = item.tree(db) else { return Vec::new() };
    let mut names = Vec::new();
    called(&tree.body, &mut names);
    let found = names.into_iter().filter_map(|name| lookup(db, project, item.file(db), Word::new(db, name)));
    found.filter(|callee| callee.kind(db) == Some(Kind::Function)).collect()
}

fn called(expr: &ast::Expr, names: &mut Vec<String>) {
    if let ast::ExprKind::Call(call) = &expr.kind {
        names.push(call.name.text.clone());
    }
    expr.children().into_iter().for_each(|child| called(child, names));
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
            default: parameter.default.clone(),
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
        .map(|parameter| ScopeColumn::new(parameter.name.clone(), parameter.ty.clone()))
        .collect();
    let owner = format!("the function `{}`", definition.name);
    let mut scope = Scope::constant(db, project, item.file(db)).with_columns(owner, "parameter", columns);
    // One level is taken: the body stands inside of the function itself.
    scope.depth = 1;
    let (Some(typed), Some(result)) = (scope.expr(body, reports), &definition.result) else { return };
    let nullable = typed.ty.nullable;
    if scope.coerce_or_report(typed, &result.ty, body.span, reports).is_some() && nullable && !result.nullable {
        reports
            .error(
                "E0305",
                body.span,
                format!("this may be missing, but `{}` gives {}", definition.name, a(result)),
                "may be missing",
            )
            .help(format!("declare the result as `{}?`, or give a value for the missing one with `??`", result.ty));
    }
}
