//! Names in arguments: columns, inputs and sources that a library call is told of, such as
//! `two_tower(query: [user_id, user_taste.*])`.

use mlsys_diagnostics::nearest;
use mlsys_plan::{Call, Value};
use mlsys_syntax::ast;

use crate::library::{Signature, SlotType};
use crate::report::Reports;
use crate::scope::listed;

/// What the names in arguments may stand for.
#[derive(Default)]
pub(crate) struct Reach<'a> {
    /// The model's inputs, `prediction` among them where there is one.
    pub(crate) inputs: &'a [String],
    /// Columns.
    pub(crate) columns: &'a [String],
    /// Whether all of these are known; if not, a name that seems to be missing may be one.
    pub(crate) complete: bool,
}

/// The text of an argument that names something; what it stands for is looked at by [`Reach::resolve`].
pub(crate) fn written(kind: &str, written: &ast::Expr, reports: &mut Reports) -> Option<Value> {
    if let (ast::ExprKind::List(items), "inputs") = (&written.kind, kind) {
        return items.iter().map(|item| path(item).map(Value::String)).collect::<Option<Vec<_>>>().map(Value::List);
    }
    match path(written) {
        Some(path) if kind == "inputs" => Some(Value::List(vec![Value::String(path)])),
        Some(path) => Some(Value::String(path)),
        None => {
            reports.error("E0302", written.span, format!("the name of {} is needed here", noun(kind)), "not a name");
            None
        }
    }
}

/// A dotted path as text.
pub(crate) fn path(written: &ast::Expr) -> Option<String> {
    match &written.kind {
        ast::ExprKind::Name(name) => Some(name.clone()),
        ast::ExprKind::Field(base, name) => path(base).map(|base| format!("{base}.{}", name.text)),
        ast::ExprKind::EveryField(base) => path(base).map(|base| format!("{base}.*")),
        _ => None,
    }
}

impl Reach<'_> {
    /// Looks up the names in a call's arguments and puts what they stand for in their place. Whether all were found.
    pub(crate) fn resolve(
        &self,
        call: &mut Call,
        signature: &Signature,
        arguments: &[ast::Argument],
        reports: &mut Reports,
    ) -> bool {
        let names: Vec<&str> = signature.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let mut silent = Reports::silent();
        let Some(slots) = crate::args::slots(&signature.name, &names, arguments, &mut silent) else { return false };
        let mut fine = true;
        for (parameter, slot) in signature.parameters.iter().zip(slots) {
            let (SlotType::Kind { kind, .. }, Some(argument)) = (&parameter.ty, slot) else { continue };
            let found = match kind.as_str() {
                "input" => self.input(&argument.value, reports).map(Value::String),
                "inputs" => self.inputs(&argument.value, reports).map(Value::List),
                "column" => self.column(&argument.value, reports).map(Value::String),
                _ => continue,
            };
            fine &= found.is_some();
            call.args.extend(found.map(|value| (parameter.name.clone(), value)));
        }
        fine
    }

    fn inputs(&self, written: &ast::Expr, reports: &mut Reports) -> Option<Vec<Value>> {
        let single = std::slice::from_ref(written);
        let items = match &written.kind {
            ast::ExprKind::List(items) => items.as_slice(),
            _ => single,
        };
        let mut found = Vec::new();
        for item in items {
            let group = path(item).and_then(|path| path.strip_suffix('*').map(str::to_owned));
            let members: Vec<&String> = match &group {
                Some(group) => self.inputs.iter().filter(|input| input.starts_with(group.as_str())).collect(),
                None => Vec::new(),
            };
            if members.is_empty() {
                found.push(Value::String(self.input(item, reports)?));
            }
            found.extend(members.into_iter().cloned().map(Value::String));
        }
        Some(found)
    }

    /// One input by its name.
    fn input(&self, written: &ast::Expr, reports: &mut Reports) -> Option<String> {
        let path = path(written).unwrap_or_default();
        let name = path.strip_prefix("inputs.").unwrap_or(&path).to_owned();
        if self.inputs.contains(&name) {
            return Some(name);
        }
        if self.complete {
            let known: Vec<&str> = self.inputs.iter().map(String::as_str).collect();
            let message = format!("the model has no input `{name}`");
            reports
                .error("E0205", written.span, message, "not an input")
                .help(format!("it has {}", listed(&known)))
                .did_you_mean(nearest(&name, known.iter().copied()));
        }
        None
    }

    fn column(&self, written: &ast::Expr, reports: &mut Reports) -> Option<String> {
        let name = path(written).unwrap_or_default();
        if self.columns.contains(&name) {
            return Some(name);
        }
        if self.complete {
            let known: Vec<&str> = self.columns.iter().map(String::as_str).collect();
            reports
                .error("E0202", written.span, format!("there is no column `{name}` here"), "no such column")
                .help(format!("there is {}", listed(&known)))
                .did_you_mean(nearest(&name, known.iter().copied()));
        }
        None
    }
}

fn noun(kind: &str) -> &'static str {
    match kind {
        "input" => "an input",
        "inputs" => "inputs",
        "column" => "a column",
        _ => "a source",
    }
}
