//! Arguments: which goes where, and the values of those that are known when the program is compiled.

use std::collections::BTreeMap;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Call, Literal, Part, Type, Value, ValueType};
use mlsys_syntax::ast;

use crate::db::{Db, Item, Project, SourceFile};
use crate::library::{self, Parameter, Signature, SlotType};
use crate::report::{Reports, a};
use crate::scope::{Scope, listed};

/// Where constant arguments are read.
#[derive(Clone, Copy)]
pub(crate) struct Constants<'db> {
    pub(crate) db: &'db dyn Db,
    pub(crate) project: Project,
    pub(crate) file: SourceFile,
    /// The declaration that is looked at.
    pub(crate) item: Item<'db>,
}

/// The argument of each parameter, in the parameters' order; none where it is left out.
pub(crate) fn slots<'a>(
    callee: &str,
    names: &[&str],
    arguments: &'a [ast::Argument],
    reports: &mut Reports,
) -> Option<Vec<Option<&'a ast::Argument>>> {
    let mut slots: Vec<Option<&ast::Argument>> = vec![None; names.len()];
    let mut fine = true;
    for (position, argument) in arguments.iter().enumerate() {
        let index = match &argument.name {
            Some(name) => names.iter().position(|known| *known == name.text),
            None => (position < names.len()).then_some(position),
        };
        let Some(index) = index else {
            unknown_argument(callee, names, argument, reports);
            fine = false;
            continue;
        };
        if slots[index].replace(argument).is_some() {
            let place = argument.name.as_ref().map_or(argument.value.span, |name| name.span);
            let message = format!("the argument `{}` of `{callee}` is given twice", names[index]);
            reports.error("E0304", place, message, "given a second time").help("remove one of them");
            fine = false;
        }
    }
    fine.then_some(slots)
}

fn unknown_argument(callee: &str, names: &[&str], argument: &ast::Argument, reports: &mut Reports) {
    let takes = match names.len() {
        0 => format!("`{callee}` takes no arguments"),
        _ => format!("`{callee}` takes {}", listed(names)),
    };
    match &argument.name {
        Some(name) => {
            let message = format!("`{callee}` has no argument `{}`", name.text);
            let near = nearest(&name.text, names.iter().copied());
            reports.error("E0304", name.span, message, "no such argument").help(takes).did_you_mean(near);
        }
        None => {
            if names.is_empty() {
                reports.error("E0304", argument.value.span, takes, "takes none").help("remove it");
                return;
            }
            let most = if names.len() == 1 { "one argument".to_owned() } else { format!("{} arguments", names.len()) };
            let message = format!("`{callee}` takes at most {most}");
            reports.error("E0304", argument.value.span, message, "one too many").help(takes);
        }
    }
}

impl<'db> Constants<'db> {
    /// A call of a library entry of that kind, every argument checked and defaults filled in.
    pub(crate) fn call(&self, kind: &str, call: &ast::Call, reports: &mut Reports) -> Option<(Call, &'db Signature)> {
        let tail = call.tail.as_ref().map(|tail| tail.span).or(call.ahead.as_ref().map(|ahead| ahead.span));
        if let Some(span) = tail {
            let message = format!("`{}` takes no window", call.name.text);
            reports.error("E0312", span, message, "only aggregates look over a window");
            return None;
        }
        let signature = self.entry(kind, &call.name, reports)?;
        let args = self.arguments(signature, call.span, &call.arguments, reports)?;
        Some((Call { name: signature.name.clone(), args }, signature))
    }

    /// The library entry of that kind and name.
    pub(crate) fn entry(&self, kind: &str, name: &ast::Name, reports: &mut Reports) -> Option<&'db Signature> {
        let found = library::overloads(self.db, self.project, kind, &name.text).first();
        if found.is_none() {
            let known = library::names(self.db, self.project, kind);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let label = format!("not {}", a(&kind));
            reports
                .error("E0204", name.span, format!("there is no {kind} `{}`", name.text), label)
                .help(format!("there is {}", listed(&known)))
                .did_you_mean(nearest(&name.text, known));
        }
        found
    }

    /// The values of a signature's parameters.
    pub(crate) fn arguments(
        &self,
        signature: &Signature,
        span: Span,
        arguments: &[ast::Argument],
        reports: &mut Reports,
    ) -> Option<BTreeMap<String, Value>> {
        let names: Vec<&str> = signature.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let slots = slots(&signature.name, &names, arguments, reports)?;
        let mut values = BTreeMap::new();
        let mut fine = true;
        for (parameter, slot) in signature.parameters.iter().zip(slots) {
            let value =
                match (slot, &parameter.default) {
                    (Some(argument), _) => self.value(signature, parameter, &argument.value, reports),
                    (None, Some(default)) => self.value(signature, parameter, default, reports),
                    (None, None) => {
                        let message = format!("`{}` needs the argument `{}`", signature.name, parameter.name);
                        reports
                            .error("E0303", span, message, format!("`{}` is missing", parameter.name))
                            .help(format!("`{}` takes {}", signature.name, listed(&names)));
                        None
                    }
                };
            match value {
                Some(value) => drop(values.insert(parameter.name.clone(), value)),
                None => fine = false,
            }
        }
        fine.then_some(values)
    }

    /// The value of one argument.
    pub(crate) fn value(
        &self,
        signature: &Signature,
        parameter: &Parameter,
        written: &ast::Expr,
        reports: &mut Reports,
    ) -> Option<Value> {
        if let Some(kind) = &parameter.or
            && self.names_entry(kind, written)
        {
            return self.nested(kind, written, reports).map(Value::Call);
        }
        let is_null = matches!(written.kind, ast::ExprKind::Literal(ast::Literal::Null));
        match &parameter.ty {
            SlotType::Value(ty) => self.typed(signature, parameter, ty, written, reports),
            SlotType::Kind { nullable: true, .. } if is_null => Some(Value::Null),
            SlotType::Kind { kind, .. } => match kind.as_str() {
                "metric" => self.metric_value(written, reports),
                "input" | "inputs" | "column" | "source" => crate::reach::written(kind, written, reports),
                kind => self.nested(kind, written, reports).map(Value::Call),
            },
            SlotType::Variable { .. } => None,
        }
    }

    /// Whether an argument is a library entry of that kind, with or without arguments.
    fn names_entry(&self, kind: &str, written: &ast::Expr) -> bool {
        let name = match &written.kind {
            ast::ExprKind::Name(name) => name,
            ast::ExprKind::Call(call) => &call.name.text,
            _ => return false,
        };
        !library::overloads(self.db, self.project, kind, name).is_empty()
    }

    /// A nested call, or a bare name for a call without arguments.
    pub(crate) fn nested(&self, kind: &str, written: &ast::Expr, reports: &mut Reports) -> Option<Call> {
        match &written.kind {
            ast::ExprKind::Call(call) => self.call(kind, call, reports).map(|(call, _)| call),
            ast::ExprKind::Name(name) => {
                let name = ast::Name { text: name.clone(), span: written.span };
                let call = ast::Call::bare(name);
                self.call(kind, &call, reports).map(|(call, _)| call)
            }
            _ => {
                reports.error(
                    "E0302",
                    written.span,
                    format!("{} is needed here", a(&kind)),
                    format!("not {}", a(&kind)),
                );
                None
            }
        }
    }

    fn typed(
        &self,
        signature: &Signature,
        parameter: &Parameter,
        ty: &ValueType,
        written: &ast::Expr,
        reports: &mut Reports,
    ) -> Option<Value> {
        if ty.nullable && matches!(written.kind, ast::ExprKind::Literal(ast::Literal::Null)) {
            return Some(Value::Null);
        }
        match (&ty.ty, &written.kind) {
            (Type::List(item), ast::ExprKind::List(items)) => {
                let item = item.as_ref().clone().required();
                let values: Option<Vec<Value>> =
                    items.iter().map(|each| self.typed(signature, parameter, &item, each, reports)).collect();
                values.map(Value::List)
            }
            (Type::List(_), _) => {
                let message = format!("`{}` of `{}` is {}", parameter.name, signature.name, a(ty));
                reports
                    .error("E0302", written.span, message, "not a list")
                    .help("write it in brackets, such as `[64, 32]`");
                None
            }
            (Type::String, ast::ExprKind::Call(call)) if call.name.text == "env" => env(call, reports),
            _ => {
                let literal = self.scalar(signature, parameter, &ty.ty, written, reports)?;
                self.bounded(signature, parameter, &literal, written.span, reports)?;
                value_of(literal)
            }
        }
    }

    fn scalar(
        &self,
        signature: &Signature,
        parameter: &Parameter,
        ty: &Type,
        written: &ast::Expr,
        reports: &mut Reports,
    ) -> Option<Literal> {
        let mut scope = Scope::constant(self.db, self.project, self.file);
        let typed = scope.expr(written, reports)?;
        let found = typed.ty.clone();
        let mut quiet = Reports::on(reports.item().clone());
        if scope.coerce_or_report(typed, ty, written.span, &mut quiet).is_none() {
            let message = format!("{} is {}, this is {}", slot(signature, parameter), a(ty), a(&found));
            reports
                .error("E0302", written.span, message, format!("this is {}", a(&found)))
                .help(format!("give it {}", a(ty)));
            return None;
        }
        scope.literal(written, ty, reports)
    }

    fn bounded(
        &self,
        signature: &Signature,
        parameter: &Parameter,
        literal: &Literal,
        span: Span,
        reports: &mut Reports,
    ) -> Option<()> {
        #[expect(clippy::cast_precision_loss, reason = "bounds are small numbers written by hand")]
        let number = match literal {
            Literal::Duration(micros) => *micros as f64,
            Literal::Int(value) => *value as f64,
            Literal::Float(value) => *value,
            _ => return Some(()),
        };
        let Some((low, high)) = parameter.bounds else { return Some(()) };
        if (low..=high).contains(&number) {
            return Some(());
        }
        let (low, high) = match literal {
            #[expect(clippy::cast_possible_truncation, reason = "bounds are lengths of time written by hand")]
            Literal::Duration(_) => {
                (Literal::Duration(low as i64).to_string(), Literal::Duration(high as i64).to_string())
            }
            _ => (low.to_string(), high.to_string()),
        };
        let message = format!("{} lies between {low} and {high}, this is {literal}", slot(signature, parameter));
        reports
            .error("E0314", span, message, "outside of its bounds")
            .help(format!("give it a value between {low} and {high}"));
        None
    }

    /// `part.metric`, such as `validate.auc`.
    fn metric_value(&self, written: &ast::Expr, reports: &mut Reports) -> Option<Value> {
        let ast::ExprKind::Field(part, metric) = &written.kind else {
            reports
                .error("E0302", written.span, "a metric is named with the part it is read on", "not a metric of a part")
                .help("write it as `validate.auc`");
            return None;
        };
        let part_name = ast::Name { text: part.as_name().unwrap_or_default().to_owned(), span: part.span };
        let (part, metric) = (part_of(&part_name, reports), self.entry("metric", metric, reports));
        Some(Value::String(format!("{}.{}", part?.name(), metric?.name)))
    }
}

/// A parameter as a user would name it: settings are written without the name of their value.
fn slot(signature: &Signature, parameter: &Parameter) -> String {
    match parameter.name.as_str() {
        "value" => format!("`{}`", signature.name),
        name => format!("`{name}` of `{}`", signature.name),
    }
}

/// The part of that name.
pub(crate) fn part_of(name: &ast::Name, reports: &mut Reports) -> Option<Part> {
    let names = Part::ALL.map(Part::name);
    let found = Part::ALL.into_iter().find(|part| part.name() == name.text);
    if found.is_none() {
        reports
            .error("E0211", name.span, format!("there is no part `{}`", name.text), "not a part of the examples")
            .help(format!("the parts are {}", listed(&names)))
            .did_you_mean(nearest(&name.text, names));
    }
    found
}

/// `env("NAME")`: the name of an environment variable, read when it is needed.
fn env(call: &ast::Call, reports: &mut Reports) -> Option<Value> {
    let named = match call.arguments.as_slice() {
        [
            ast::Argument {
                name: None,
                value: ast::Expr { kind: ast::ExprKind::Literal(ast::Literal::Text(parts)), .. },
            },
        ] => match parts.as_slice() {
            [ast::TextPart::Plain(name)] => Some(name.clone()),
            _ => None,
        },
        _ => None,
    };
    if named.is_none() {
        reports
            .error("E0302", call.span, "`env` takes the name of an environment variable", "not a variable's name")
            .help("write it as `env(\"ALERT_URL\")`");
    }
    named.map(Value::Env)
}

fn value_of(literal: Literal) -> Option<Value> {
    Some(match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(value),
        Literal::Int(value) => Value::Int(value),
        Literal::Float(value) => Value::Float(value),
        Literal::String(value) => Value::String(value),
        Literal::Duration(micros) => Value::Duration(micros),
        Literal::Timestamp(micros) => Value::Timestamp(micros),
        Literal::List(items) => Value::List(items.into_iter().map(value_of).collect::<Option<_>>()?),
        Literal::Date(_) => return None,
    })
}
