//! Calls of row functions: those of the library stay calls, those of the program are put in place.

use std::rc::Rc;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Expr, ExprKind};
use mlsys_syntax::{Kind, ast};

use super::coerce::{coerce, mismatch};
use crate::db::{Item, Word, lookup, names_of_kind};
use crate::function::{FunctionDef, function_of};
use crate::library;
use crate::report::{Reports, a};
use crate::scope::{Scope, ScopeColumn};
use crate::types::PLAIN;

/// How deep functions may call functions.
const MAX_DEPTH: u32 = 32;

/// How many operations an expression may expand to.
const MAX_STEPS: usize = 10_000;

impl<'db> Scope<'db> {
    pub(super) fn call(&mut self, call: &ast::Call, reports: &mut Reports) -> Option<Expr> {
        let name = &call.name;
        let found = lookup(self.db, self.project, self.file, Word::new(self.db, name.text.clone()))
            .filter(|item| matches!(item.kind(self.db), Some(Kind::Function | Kind::Extern)))
            .or_else(|| self.conversion(&name.text));
        let Some(item) = found else {
            self.unknown_function(call, reports);
            return None;
        };
        let tail = call.tail.as_ref().map(|tail| tail.span).or(call.ahead.as_ref().map(|ahead| ahead.span));
        if let Some(span) = tail {
            let message = format!("`{}` is a function of one row and takes no window", name.text);
            reports
                .error("E0312", span, message, "only aggregates look over a window")
                .help("remove the window, or put an aggregate around the call");
            return None;
        }
        let definition = function_of(self.db, item).value.as_ref()?;
        if crate::function::is_recursive(self.db, self.project, item) {
            return None;
        }
        // What passes through a function of the privacy module is no personal data any more.
        let declassifies = item.file(self.db).module(self.db) == "std.privacy";
        self.declassifying += u32::from(declassifies);
        let told = self.personal.len();
        let args = self.function_arguments(definition, call, reports);
        self.declassifying -= u32::from(declassifies);
        // Whether personal data leaves the function is decided by what its body does with it.
        let given = self.personal.split_off(told);
        let args = args?;
        let applied = self.apply(definition, item, args, given);
        if self.depth >= MAX_DEPTH || self.is_exhausted() {
            if !reports.has("E0105") {
                let message = format!("`{}` expands to more than can be compiled", name.text);
                reports.error("E0105", name.span, message, "called here").help(format!(
                    "functions may call each other at most {MAX_DEPTH} deep and expand to {MAX_STEPS} operations"
                ));
            }
            return None;
        }
        applied
    }

    /// A function that is called as a type is needs no `use`: `date(paid_at)`.
    fn conversion(&self, name: &str) -> Option<Item<'db>> {
        PLAIN.iter().find(|(plain, _)| *plain == name)?;
        let module = library::module_of(self.db, self.project, "fn", name)?;
        crate::imports::find(self.db, self.project, module, Word::new(self.db, name.to_owned()))
    }

    /// Whether the expression has expanded to more than is allowed.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps.get() > MAX_STEPS
    }

    /// The call's value. `given` is the personal data that the arguments read.
    fn apply(
        &mut self,
        definition: &FunctionDef,
        item: Item<'_>,
        args: Vec<Expr>,
        given: Vec<(String, Span)>,
    ) -> Option<Expr> {
        let nullable = args.iter().any(|arg| arg.ty.nullable);
        let Some(body) = &definition.body else {
            self.personal.extend(given);
            let result = definition.result.clone()?;
            let ty = result.clone().with_nullable(result.nullable || nullable);
            return Some(Expr { kind: ExprKind::Call { function: definition.name.clone(), args }, ty });
        };
        // The body is typed with the arguments at hand, since a missing argument makes the result one that may miss.
        let columns = definition
            .parameters
            .iter()
            .zip(&args)
            .map(|(parameter, arg)| ScopeColumn {
                name: parameter.name.clone(),
                ty: Some(arg.ty.clone()),
                pii: !given.is_empty(),
            })
            .collect();
        let mut inner = Scope::constant(self.db, self.project, item.file(self.db)).with_columns(
            "the function",
            "parameter",
            columns,
        );
        inner.depth = self.depth + 1;
        inner.steps = Rc::clone(&self.steps);
        let mut silent = Reports::on(item.reference(self.db));
        let typed = inner.expr(body, &mut silent)?;
        if !inner.personal.is_empty() {
            self.personal.extend(given);
        }
        let typed = coerce(typed, &definition.result.as_ref()?.ty).ok()?;
        let named: Vec<(&str, &Expr)> =
            definition.parameters.iter().map(|parameter| parameter.name.as_str()).zip(&args).collect();
        Some(
            typed.with_columns(&|column| named.iter().find(|(name, _)| *name == column).map(|(_, arg)| (*arg).clone())),
        )
    }

    fn function_arguments(
        &mut self,
        definition: &FunctionDef,
        call: &ast::Call,
        reports: &mut Reports,
    ) -> Option<Vec<Expr>> {
        let slots = crate::args::slots(&definition.name, &definition.names(), &call.arguments, reports)?;
        let mut args = Vec::new();
        for (parameter, slot) in definition.parameters.iter().zip(slots) {
            let Some(argument) = slot else {
                if let Some(default) = parameter.default.as_ref().zip(parameter.ty.as_ref()) {
                    args.push(self.default(default.0, &default.1.ty)?);
                    continue;
                }
                let message = format!("`{}` needs the argument `{}`", definition.name, parameter.name);
                reports.error("E0303", call.span, message, "an argument is missing").help(format!(
                    "`{}` takes {}",
                    definition.name,
                    crate::scope::listed(&definition.names())
                ));
                return None;
            };
            let typed = self.expr(&argument.value, reports)?;
            let ty = &parameter.ty.as_ref()?.ty;
            match coerce(typed, ty) {
                Ok(typed) => args.push(typed),
                Err(typed) => {
                    let message =
                        format!("`{}` of `{}` is {}, this is {}", parameter.name, definition.name, a(ty), a(&typed.ty));
                    if matches!(ty, mlsys_plan::Type::Enum(_)) {
                        mismatch(&typed, ty, argument.value.span, reports);
                    } else {
                        reports
                            .error("E0302", argument.value.span, message, format!("this is {}", a(&typed.ty)))
                            .help(format!("give it {}", a(ty)));
                    }
                    return None;
                }
            }
        }
        Some(args)
    }

    /// The value of an argument that is left out; what is wrong with it is reported at its declaration.
    fn default(&self, written: &ast::Expr, ty: &mlsys_plan::Type) -> Option<Expr> {
        let mut silent = Reports::silent();
        let typed = Scope::constant(self.db, self.project, self.file).expr(written, &mut silent)?;
        coerce(typed, ty).ok()
    }

    fn unknown_function(&self, call: &ast::Call, reports: &mut Reports) {
        let name = &call.name;
        if !library::overloads(self.db, self.project, "aggregate", &name.text).is_empty() {
            if let Some(ahead) = &call.ahead {
                crate::features::aggregate::looks_ahead(ahead, reports);
                return;
            }
            // One expression is one mistake, however many aggregates it has.
            if !reports.has("E0312") {
                let message = format!("the aggregate `{}` needs the past of an entity, here is one row", name.text);
                reports
                    .error("E0312", name.span, message, "aggregates belong to a group")
                    .help("define it in a `features` group, such as `largest = max(amount) over 7d`, and use the feature; a label may look ahead: `count() from … for … over next 7d`");
            }
            return;
        }
        if crate::imports::mentions(self.db, self.file, &name.text) {
            return;
        }
        let message = format!("there is no function `{}` here", name.text);
        if let Some(module) = library::module_of(self.db, self.project, "fn", &name.text) {
            // A `use` of that module with a misspelt name is told there.
            if crate::imports::is_misspelt(self.db, self.project, self.file, module, &name.text) {
                return;
            }
            let report = reports.error("E0204", name.span, message, "no such function");
            report.help(format!("add `use {module}.{{{}}}` at the top of the file", name.text));
            if let Some((item, span, text)) = crate::imports::added(self.db, self.file, module, &name.text) {
                report.mend(format!("take `{}` from `{module}`", name.text), &item, span, text);
            }
            return;
        }
        let report = reports.error("E0204", name.span, message, "no such function");
        let own = names_of_kind(self.db, self.file, Kind::Function);
        let all = library::names(self.db, self.project, "fn");
        let near = nearest(&name.text, own.into_iter().chain(all.iter().map(String::as_str)));
        report.help("functions are declared with `fn`, or taken from the library with `use`").did_you_mean(near);
    }
}
