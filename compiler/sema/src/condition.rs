//! Conditions on measurements: `p99 > 20ms`, `psi(inputs.*) > 0.25`.

use mlsys_diagnostics::nearest;
use mlsys_plan::{Comparison, Literal, Type, Value};
use mlsys_syntax::ast;

use crate::args::Constants;
use crate::library::{Signature, SlotType, names, overloads};
use crate::model::training::comparison;
use crate::report::{Reports, a};
use crate::scope::{Scope, listed};

/// A measurement, compared with a bound.
pub(crate) struct Condition {
    pub(crate) metric: String,
    /// The inputs it is measured on; empty for a measurement of the whole.
    pub(crate) inputs: Vec<String>,
    pub(crate) comparison: Comparison,
    pub(crate) bound: Value,
}

/// What a condition may measure.
pub(crate) struct Measurable<'a, 'db> {
    pub(crate) constants: Constants<'db>,
    /// Kinds of library entries, such as `signal`.
    pub(crate) kinds: &'a [&'a str],
    /// The model's inputs.
    pub(crate) inputs: &'a [String],
}

impl Measurable<'_, '_> {
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

    /// One comparison.
    pub(crate) fn one(&self, written: &ast::Expr, reports: &mut Reports) -> Option<Condition> {
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
        let (signature, inputs) = self.measured(measured, reports)?;
        let ty = match &signature.result {
            Some(SlotType::Value(ty)) => ty.ty.clone(),
            _ => Type::Float64,
        };
        let constants = &self.constants;
        let mut scope = Scope::constant(constants.db, constants.project, constants.file);
        let found = scope.expr(bound, reports)?;
        let literal = crate::expr::widened(found.clone(), &ty);
        let Some(mlsys_plan::ExprKind::Literal { value }) = literal.map(|expr| expr.kind) else {
            let message = format!("`{}` is a {ty}, this is a {}", signature.name, found.ty);
            let report = reports.error("E0602", bound.span, message, format!("this is {}", a(&found.ty)));
            if ty == Type::Duration {
                report.help("write it with a unit, such as `20ms`");
            }
            return None;
        };
        let bound = match value {
            Literal::Duration(micros) => Value::Duration(micros),
            Literal::Float(value) => Value::Float(value),
            _ => return None,
        };
        Some(Condition { metric: signature.name.clone(), inputs, comparison, bound })
    }

    fn measured(&self, written: &ast::Expr, reports: &mut Reports) -> Option<(&Signature, Vec<String>)> {
        let (name, arguments) = match &written.kind {
            ast::ExprKind::Name(name) => (ast::Name { text: name.clone(), span: written.span }, [].as_slice()),
            ast::ExprKind::Call(call) => (call.name.clone(), call.arguments.as_slice()),
            _ => {
                reports.error("E0602", written.span, "this cannot be measured", "not a measurement");
                return None;
            }
        };
        let constants = &self.constants;
        let found =
            self.kinds.iter().find_map(|kind| overloads(constants.db, constants.project, kind, &name.text).first());
        let Some(signature) = found else {
            let known: Vec<String> =
                self.kinds.iter().flat_map(|kind| names(constants.db, constants.project, kind)).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            reports
                .error("E0602", name.span, format!("there is no measurement `{}` here", name.text), "unknown")
                .help(format!("there is {}", listed(&known)))
                .did_you_mean(nearest(&name.text, known));
            return None;
        };
        if signature.parameters.is_empty() {
            if let Some(extra) = arguments.first() {
                let message = format!("`{}` takes no arguments", name.text);
                reports.error("E0304", extra.value.span, message, "takes none");
                return None;
            }
            return Some((signature, Vec::new()));
        }
        let [argument] = arguments else {
            reports
                .error("E0303", written.span, format!("`{}` is measured on inputs", name.text), "on which?")
                .help(format!("write it as `{}(inputs.*)`", name.text));
            return None;
        };
        self.chosen(&argument.value, reports).map(|inputs| (signature, inputs))
    }

    /// `inputs.*`, or one input by its name.
    fn chosen(&self, written: &ast::Expr, reports: &mut Reports) -> Option<Vec<String>> {
        let path = path(written);
        let name = match path.as_deref() {
            Some("inputs.*") => return Some(self.inputs.to_vec()),
            Some(path) => path.strip_prefix("inputs.").unwrap_or(path).to_owned(),
            None => String::new(),
        };
        if self.inputs.contains(&name) {
            return Some(vec![name]);
        }
        let known: Vec<&str> = self.inputs.iter().map(String::as_str).collect();
        let near = nearest(&name, known.iter().copied());
        let report = reports.error("E0205", written.span, format!("the model has no input `{name}`"), "not an input");
        report.help("name one of the model's inputs, or all of them: `inputs.*`").did_you_mean(near);
        None
    }
}

/// A dotted path as text.
fn path(written: &ast::Expr) -> Option<String> {
    match &written.kind {
        ast::ExprKind::Name(name) => Some(name.clone()),
        ast::ExprKind::Field(base, name) => path(base).map(|base| format!("{base}.{}", name.text)),
        ast::ExprKind::EveryField(base) => path(base).map(|base| format!("{base}.*")),
        _ => None,
    }
}
