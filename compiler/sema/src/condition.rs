//! Conditions on measurements: `p99 > 20ms`, `psi(inputs.*) > 0.25`, `adwin(prediction)`.

use std::collections::BTreeMap;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Comparison, Literal, MonitorCondition, Task, Type, Value, ValueType};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::library::{Parameter, Signature, SlotType, names, overloads};
use crate::model::gates::comparison;
use crate::reach::path;
use crate::refer::refer;
use crate::report::{Reports, a};
use crate::scope::{Scope, listed};
use crate::source::source_of;

/// A measurement, compared with a bound, or a detector that says yes or no.
pub(crate) struct Condition {
    pub(crate) metric: String,
    /// The inputs it is measured on, or `prediction`; empty for a measurement of the whole.
    pub(crate) inputs: Vec<String>,
    pub(crate) args: BTreeMap<String, Value>,
    pub(crate) bound: Option<(Comparison, Value)>,
    /// Whether it is a number of a stretch of time, which must be named where there is no other.
    pub(crate) needs_window: bool,
}

impl Condition {
    pub(crate) fn into_plan(self) -> MonitorCondition {
        MonitorCondition { metric: self.metric, inputs: self.inputs, args: self.args, bound: self.bound }
    }
}

/// What a condition may measure.
pub(crate) struct Measurable<'a, 'db> {
    pub(crate) constants: Constants<'db>,
    /// Kinds of library entries, such as `signal`.
    pub(crate) kinds: &'a [&'a str],
    /// The model's inputs.
    pub(crate) inputs: &'a [String],
    /// Their types, in the same order.
    pub(crate) types: &'a [ValueType],
    /// Whether all inputs are known.
    pub(crate) complete: bool,
    /// The model's task.
    pub(crate) task: Option<Task>,
}

/// What is measured, before it is compared.
struct Measured<'db> {
    signature: &'db Signature,
    inputs: Vec<String>,
    args: BTreeMap<String, Value>,
}

impl<'db> Measurable<'_, 'db> {
    /// The alternatives of `a or b or c`.
    pub(crate) fn any_of(&self, written: &ast::Expr, reports: &mut Reports) -> Vec<Option<Condition>> {
        match &written.kind {
            ast::ExprKind::Binary(ast::BinaryOp::Or, left, right) => {
                let mut all = self.any_of(left, reports);
                all.extend(self.any_of(right, reports));
                all
            }
            _ => vec![self.one(written, reports)],
        }
    }

    /// One comparison, or one detector.
    pub(crate) fn one(&self, written: &ast::Expr, reports: &mut Reports) -> Option<Condition> {
        if let ast::ExprKind::Call(call) = &written.kind
            && self.kinds.contains(&"detector")
            && let Some(signature) =
                overloads(self.constants.db, self.constants.project, "detector", &call.name.text).first()
        {
            let measured = self.called(signature, call, reports)?;
            let metric = signature.name.clone();
            let (inputs, args) = (measured.inputs, measured.args);
            return Some(Condition { metric, inputs, args, bound: None, needs_window: false });
        }
        let parts = match &written.kind {
            ast::ExprKind::Binary(operator, left, right) => comparison(*operator).map(|order| (order, left, right)),
            _ => None,
        };
        let Some((comparison, measured, bound)) = parts else {
            reports
                .error("E0602", written.span, "a condition compares a measurement with a bound", "not a comparison")
                .help("write it as `p99 > 20ms` or `error_rate > 1%`");
            return None;
        };
        let measured = self.measured(measured, reports)?;
        if measured.signature.result.is_none() {
            let message = format!("`{}` says yes or no: there is nothing to compare", measured.signature.name);
            reports.error("E0602", bound.span, message, "no bound is needed").help("leave the comparison out");
            return None;
        }
        let bound = self.bound(measured.signature, bound, reports)?;
        Some(Condition {
            metric: measured.signature.name.clone(),
            inputs: measured.inputs,
            args: measured.args,
            bound: Some((comparison, bound)),
            // How long something has been silent is counted from now.
            needs_window: !matches!(measured.signature.parameters.first(), Some(first) if is_kind(first, "source")),
        })
    }

    /// The bound as the type of what is measured.
    fn bound(&self, signature: &Signature, written: &ast::Expr, reports: &mut Reports) -> Option<Value> {
        let ty = match &signature.result {
            Some(SlotType::Value(ty)) => ty.ty.clone(),
            _ => Type::Float64,
        };
        let constants = &self.constants;
        let mut scope = Scope::constant(constants.db, constants.project, constants.file);
        let found = scope.expr(written, reports)?;
        let literal = crate::expr::widened(found.clone(), &ty);
        let Some(mlsys_plan::ExprKind::Literal { value }) = literal.map(|expr| expr.kind) else {
            let message = format!("`{}` is {}, this is {}", signature.name, a(&ty), a(&found.ty));
            let report = reports.error("E0602", written.span, message, format!("this is {}", a(&found.ty)));
            if ty == Type::Duration {
                report.help("write it with a unit, such as `20ms`");
            } else {
                report.help(format!("give it {}", a(&ty)));
            }
            return None;
        };
        match value {
            Literal::Duration(micros) => Some(Value::Duration(micros)),
            Literal::Float(value) => in_range(signature, value, written.span, reports).map(|()| Value::Float(value)),
            _ => None,
        }
    }

    fn measured(&self, written: &ast::Expr, reports: &mut Reports) -> Option<Measured<'db>> {
        let call = match &written.kind {
            ast::ExprKind::Name(name) => ast::Call::bare(ast::Name { text: name.clone(), span: written.span }),
            ast::ExprKind::Call(call) => call.clone(),
            _ => {
                reports
                    .error("E0602", written.span, "this cannot be measured", "not a measurement")
                    .help("name a metric, a signal such as `p99`, or a drift test such as `psi(inputs.*)`");
                return None;
            }
        };
        let constants = &self.constants;
        let of_kind = |kind: &&str| overloads(constants.db, constants.project, kind, &call.name.text).first();
        // A metric and a signal may share a name: the one that fits the task is meant.
        let fits = |signature: &&Signature| self.task.is_none_or(|task| signature.is_for(task.name()));
        let is_drift = |kind: &&&str| matches!(**kind, "drift" | "silence");
        let found = self
            .kinds
            .iter()
            .filter_map(of_kind)
            .find(fits)
            .or_else(|| self.kinds.iter().filter(is_drift).find_map(of_kind))
            .or_else(|| self.kinds.iter().find_map(of_kind));
        let Some(signature) = found else {
            let known: Vec<String> =
                self.kinds.iter().flat_map(|kind| names(constants.db, constants.project, kind)).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            reports
                .error("E0602", call.name.span, format!("there is no measurement `{}` here", call.name.text), "unknown")
                .help(format!("there is {}", listed(&known)))
                .did_you_mean(nearest(&call.name.text, known));
            return None;
        };
        self.called(signature, &call, reports)
    }

    /// A measurement with its arguments.
    fn called(&self, signature: &'db Signature, call: &ast::Call, reports: &mut Reports) -> Option<Measured<'db>> {
        let first = signature.parameters.first();
        if first.is_some_and(|first| is_kind(first, "source")) {
            return self.on_source(signature, call, reports);
        }
        if !first.is_some_and(|first| is_kind(first, "input")) {
            self.fits_task(signature, call, reports)?;
            let args = self.constants.arguments(signature, call.span, &call.arguments, reports)?;
            return Some(Measured { signature, inputs: Vec::new(), args });
        }
        let Some((on, rest)) = call.arguments.split_first() else {
            let message = format!("`{}` is measured on inputs", signature.name);
            reports
                .error("E0303", call.span, message, "on which?")
                .help(format!("write it as `{}(inputs.*)`", signature.name));
            return None;
        };
        let others =
            Signature { parameters: signature.parameters.iter().skip(1).cloned().collect(), ..signature.clone() };
        let args = self.constants.arguments(&others, call.span, rest, reports)?;
        let inputs = self.chosen(signature, &on.value, reports)?;
        Some(Measured { signature, inputs, args })
    }

    /// A metric of predictions fits the model's task.
    fn fits_task(&self, signature: &Signature, call: &ast::Call, reports: &mut Reports) -> Option<()> {
        let Some(task) = self.task.filter(|task| !signature.is_for(task.name())) else { return Some(()) };
        let tasks: Vec<&str> = signature.tasks.iter().map(String::as_str).collect();
        let message = format!("`{}` does not judge `{}`: it is for {}", signature.name, task.name(), listed(&tasks));
        reports
            .error("E0604", call.name.span, message, "does not fit the task")
            .help("take a metric of the model's task");
        None
    }

    /// `silent(readings, by: machine_id)`
    fn on_source(&self, signature: &'db Signature, call: &ast::Call, reports: &mut Reports) -> Option<Measured<'db>> {
        let mut args = self.constants.arguments(signature, call.span, &call.arguments, reports)?;
        let Some(Value::String(name)) = args.get("rows").cloned() else { return None };
        let span = call.arguments.first().map_or(call.span, |argument| argument.value.span);
        let item = refer(&self.constants, &ast::Name { text: name.clone(), span }, Kind::Source, reports)?;
        let source = source_of(self.constants.db, self.constants.project, item).value.as_ref()?;
        let columns: Vec<String> = source.columns.iter().map(|column| column.name.clone()).collect();
        let reach = crate::reach::Reach { columns: &columns, complete: source.intact, ..Default::default() };
        let mut found = mlsys_plan::Call { name: signature.name.clone(), args };
        if !reach.resolve(&mut found, signature, &call.arguments, reports) {
            return None;
        }
        args = found.args;
        Some(Measured { signature, inputs: Vec::new(), args })
    }

    /// `inputs.*`, one input by its name, or the prediction.
    fn chosen(&self, signature: &Signature, written: &ast::Expr, reports: &mut Reports) -> Option<Vec<String>> {
        let path = path(written);
        let name = match path.as_deref() {
            Some("prediction") => {
                fits_type(signature, "prediction", &Type::Float64.required(), written.span, reports)?;
                return Some(vec!["prediction".to_owned()]);
            }
            Some("inputs.*") => {
                self.inputs
                    .iter()
                    .zip(self.types)
                    .try_for_each(|(input, ty)| fits_type(signature, input, ty, written.span, reports))?;
                return Some(self.inputs.to_vec());
            }
            Some(path) => path.strip_prefix("inputs.").unwrap_or(path).to_owned(),
            None => String::new(),
        };
        if let Some(index) = self.inputs.iter().position(|input| *input == name) {
            if let Some(ty) = self.types.get(index) {
                fits_type(signature, &name, ty, written.span, reports)?;
            }
            return Some(vec![name]);
        }
        if !self.complete {
            return None;
        }
        let near = nearest(&name, self.inputs.iter().map(String::as_str))
            .or_else(|| nearest(path.as_deref().unwrap_or_default(), ["inputs.*", "prediction"]));
        let report = reports.error("E0205", written.span, format!("the model has no input `{name}`"), "not an input");
        report.help("name one of the model's inputs, all of them with `inputs.*`, or `prediction`").did_you_mean(near);
        None
    }
}

/// Whether a parameter names something of that kind.
fn is_kind(parameter: &Parameter, word: &str) -> bool {
    matches!(&parameter.ty, SlotType::Kind { kind, .. } if kind == word)
}

/// Reports a test that is not for the type of an input.
fn fits_type(signature: &Signature, input: &str, ty: &ValueType, span: Span, reports: &mut Reports) -> Option<()> {
    let kind = if ty.ty.is_numeric() { "numbers" } else { "categories" };
    if signature.is_for(kind) {
        return Some(());
    }
    let for_what: Vec<&str> = signature.tasks.iter().map(String::as_str).collect();
    let message = format!("`{}` is for {}, the input `{input}` is {}", signature.name, for_what.join(" and "), a(ty));
    reports
        .error("E0802", span, message, "of another type")
        .help("`psi` and `js_distance` take inputs of every type; or name the inputs one by one");
    None
}

/// Reports a bound that a measurement never reaches.
pub(crate) fn in_range(signature: &Signature, value: f64, span: Span, reports: &mut Reports) -> Option<()> {
    let Some((low, high)) = signature.range.filter(|(low, high)| !(*low..=*high).contains(&value)) else {
        return Some(());
    };
    let message = match (low.abs() < 1e9, high < 1e9) {
        (true, true) => format!("`{}` lies between {low} and {high}, this is {value}", signature.name),
        (true, false) => format!("`{}` is never below {low}, this is {value}", signature.name),
        _ => format!("`{}` is never above {high}, this is {value}", signature.name),
    };
    reports
        .error("E0314", span, message, "never reached")
        .help(format!("give it a bound that `{}` can reach", signature.name));
    None
}
