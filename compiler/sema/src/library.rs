//! What the standard library declares as built in: signatures of aggregates, connectors, learners and the rest.

use std::collections::BTreeMap;

use mlsys_plan::ValueType;
use mlsys_syntax::{Kind, ast};

use crate::db::{Db, Item, ItemRef, Project, Word, items};
use crate::report::Reports;
use crate::types::{PLAIN, resolve};

/// The signature of something built in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signature {
    pub(crate) item: ItemRef,
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) result: Option<SlotType>,
    /// The smallest and the largest value it gives.
    pub(crate) range: Option<(f64, f64)>,
    /// The tasks, or the types of column, it is for; empty if it is for any.
    pub(crate) tasks: Vec<String>,
}

impl Signature {
    /// Whether it is for that task or type of column.
    pub(crate) fn is_for(&self, task: &str) -> bool {
        self.tasks.is_empty() || self.tasks.iter().any(|known| known == task)
    }

    /// Whether small values are the good ones.
    pub(crate) fn is_error(&self) -> bool {
        matches!(&self.result, Some(SlotType::Kind { kind, .. }) if kind == "error")
    }
}

/// A parameter of a signature.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) ty: SlotType,
    /// A kind of library entry that may stand there instead.
    pub(crate) or: Option<String>,
    pub(crate) default: Option<ast::Expr>,
    /// The smallest and the largest number allowed, of each item if it is a list.
    pub(crate) bounds: Option<(f64, f64)>,
}

/// The type of a parameter or a result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SlotType {
    /// A type of the language.
    Value(ValueType),
    /// Any type, the same wherever the name stands.
    Variable {
        /// Whether it is a list of them.
        list: bool,
        /// Whether it may be missing.
        nullable: bool,
    },
    /// Something of a kind: a library entry such as an `optimizer`, or a declaration such as a `model`.
    Kind {
        /// The kind.
        kind: String,
        /// Whether nothing may stand there.
        nullable: bool,
    },
}

/// The library's externs by name, without reading them.
#[salsa::tracked(returns(ref))]
fn externs<'db>(db: &'db dyn Db, project: Project) -> BTreeMap<String, Vec<Item<'db>>> {
    let mut names: BTreeMap<String, Vec<Item<'db>>> = BTreeMap::new();
    for item in project.library(db).iter().flat_map(|file| items(db, *file)) {
        if item.kind(db) == Some(Kind::Extern) {
            names.entry(item.name(db).to_owned()).or_default().push(*item);
        }
    }
    names
}

/// The signatures of a name, by kind; overloads in written order.
#[salsa::tracked(returns(ref))]
fn signatures_of<'db>(db: &'db dyn Db, project: Project, word: Word<'db>) -> BTreeMap<String, Vec<Signature>> {
    let mut kinds: BTreeMap<String, Vec<Signature>> = BTreeMap::new();
    for item in externs(db, project).get(word.text(db)).into_iter().flatten() {
        if let Some(ast::Item::Extern(tree)) = item.tree(db) {
            let signature = signature(db, *item, tree, item.file(db).module(db));
            kinds.entry(tree.kind.text.clone()).or_default().push(signature);
        }
    }
    kinds
}

/// The signatures of that kind and name.
pub(crate) fn overloads<'db>(db: &'db dyn Db, project: Project, kind: &str, name: &str) -> &'db [Signature] {
    signatures_of(db, project, Word::new(db, name.to_owned())).get(kind).map_or(&[], Vec::as_slice)
}

/// The names of a kind, in order. Reads the whole library: for messages.
pub(crate) fn names(db: &dyn Db, project: Project, kind: &str) -> Vec<String> {
    let of_kind = |items: &&Vec<Item<'_>>| {
        items.iter().any(|item| matches!(item.tree(db), Some(ast::Item::Extern(tree)) if tree.kind.text == kind))
    };
    externs(db, project).iter().filter(|(_, items)| of_kind(items)).map(|(name, _)| name.clone()).collect()
}

/// The module that declares that name.
pub(crate) fn module_of<'db>(db: &'db dyn Db, project: Project, kind: &str, name: &str) -> Option<&'db str> {
    overloads(db, project, kind, name).first().map(|signature| signature.module.as_str())
}

fn signature<'db>(db: &'db dyn Db, item: Item<'db>, tree: &ast::Extern, module: &str) -> Signature {
    let variables: Vec<&str> = tree.type_parameters.iter().map(|name| name.text.as_str()).collect();
    // Mistakes in the library are found by its own tests.
    let mut silent = Reports::on(item.reference(db));
    let parameters = tree
        .parameters
        .iter()
        .map(|parameter| Parameter {
            name: parameter.name.text.clone(),
            ty: slot_type(&mut silent, &parameter.ty, &variables),
            or: parameter.or.as_ref().map(|kind| kind.text.clone()),
            default: parameter.default.clone(),
            bounds: parameter.bounds.as_ref().and_then(numbers),
        })
        .collect();
    Signature {
        item: item.reference(db),
        module: module.to_owned(),
        name: tree.name.text.clone(),
        doc: tree.doc.clone(),
        parameters,
        result: tree.result.as_ref().map(|result| slot_type(&mut silent, result, &variables)),
        range: tree.bounds.as_ref().and_then(numbers),
        tasks: tree.tasks.iter().map(|task| task.text.clone()).collect(),
    }
}

fn slot_type(silent: &mut Reports, written: &ast::TypeRef, variables: &[&str]) -> SlotType {
    let name = written.name.text.as_str();
    let of_language = PLAIN.iter().any(|(plain, _)| *plain == name) || matches!(name, "enum" | "list" | "vector");
    if variables.contains(&name) {
        return SlotType::Variable { list: false, nullable: written.nullable };
    }
    if let (Some(ast::TypeArgument::Type(item)), "list") = (&written.argument, name)
        && variables.contains(&item.name.text.as_str())
    {
        return SlotType::Variable { list: true, nullable: written.nullable };
    }
    match resolve(silent, written).filter(|_| of_language) {
        Some(ty) => SlotType::Value(ty),
        None => SlotType::Kind { kind: name.to_owned(), nullable: written.nullable },
    }
}

fn numbers((low, high): &(ast::Expr, ast::Expr)) -> Option<(f64, f64)> {
    Some((number(low)?, number(high)?))
}

fn number(expr: &ast::Expr) -> Option<f64> {
    match &expr.kind {
        #[expect(clippy::cast_precision_loss, reason = "bounds are small numbers written by hand")]
        ast::ExprKind::Literal(ast::Literal::Int(value)) => Some(*value as f64),
        ast::ExprKind::Literal(ast::Literal::Float(value)) => Some(*value),
        #[expect(clippy::cast_precision_loss, reason = "bounds are lengths of time written by hand")]
        ast::ExprKind::Literal(ast::Literal::Duration(micros)) => Some(*micros as f64),
        ast::ExprKind::Unary(ast::UnaryOp::Negate, arg) => number(arg).map(|value| -value),
        _ => None,
    }
}
