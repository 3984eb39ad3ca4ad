//! How a model is trained and judged: learner, settings, split, imputation, gates.

use mlsys_diagnostics::Span;
use mlsys_plan::{
    Call, Comparison, Gate, Impute, ImputeStrategy, Literal, Metric, Part, StopEarly, TimeSplit, Training, Type, Value,
};
use mlsys_syntax::ast;

use super::Context;
use super::inputs::Collected;
use crate::args::{Constants, metric_of, part_of};
use crate::report::Reports;
use crate::scope::{Scope, listed};
use crate::source::{missing, only_one};

/// Slices with fewer rows are reported but not judged, unless `min` says otherwise.
const MIN_ROWS: u64 = 200;

/// The learner and the settings of `train`, defaults filled in.
pub(super) fn training(
    constants: &Constants<'_>,
    model: &ast::Model,
    reports: &mut Reports,
) -> Option<(Call, Training)> {
    let learner = only_one(&model.learn, |call| call.span, "learn", reports)
        .or_else(|| missing(&model.name, "learn", "`learn mlp(hidden: [64, 32])`", reports));
    let learner = learner.and_then(|call| constants.call("learner", call, reports));
    let settings = settings(constants, model, reports)?;
    let (learner, _) = learner?;
    Some((
        learner,
        Training {
            optimizer: settings.call("optimizer")?,
            epochs: u32::try_from(settings.int("epochs")?).ok()?,
            batch: u32::try_from(settings.int("batch")?).ok()?,
            stop_early: settings.stop_early()?,
            seed: u64::try_from(settings.int("seed")?).ok()?,
        },
    ))
}

/// Values of settings by name.
struct Settings(Vec<(String, Call)>);

impl Settings {
    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name)?.1.args.get("value")
    }

    fn int(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    fn call(&self, name: &str) -> Option<Call> {
        match self.value(name)? {
            Value::Call(call) => Some(call.clone()),
            _ => None,
        }
    }

    /// The outer none is an inner contradiction, the inner one no clause.
    fn stop_early(&self) -> Option<Option<StopEarly>> {
        let Some((_, call)) = self.0.iter().find(|(name, _)| name == "stop_early") else { return Some(None) };
        let (part, metric) = call.string("on")?.split_once('.')?;
        Some(Some(StopEarly {
            patience: u32::try_from(call.int("patience")?).ok()?,
            part: Part::ALL.into_iter().find(|known| known.name() == part)?,
            metric: Metric::by_name(metric)?,
        }))
    }
}

fn settings(constants: &Constants<'_>, model: &ast::Model, reports: &mut Reports) -> Option<Settings> {
    let mut settings: Vec<(String, Call)> = Vec::new();
    let mut spans: Vec<(&str, Span)> = Vec::new();
    let mut fine = true;
    for written in &model.train {
        let name = &written.name;
        if let Some((_, first)) = spans.iter().find(|(known, _)| *known == name.text) {
            let item = reports.item().clone();
            reports
                .error("E0210", name.span, format!("`{}` is written twice", name.text), "written a second time")
                .also(&item, *first, "first written here")
                .help("remove one of them");
            fine = false;
            continue;
        }
        spans.push((&name.text, name.span));
        let call = ast::Call { name: name.clone(), arguments: arguments(written), tail: None, span: name.span };
        match constants.call("setting", &call, reports) {
            Some((call, _)) => settings.push((name.text.clone(), call)),
            None => fine = false,
        }
    }
    // Settings that are left out have the defaults that the library declares.
    for name in ["optimizer", "epochs", "batch", "seed"] {
        if spans.iter().all(|(known, _)| *known != name) {
            let name_at = ast::Name { text: name.to_owned(), span: model.name.span };
            let call = ast::Call { name: name_at, arguments: Vec::new(), tail: None, span: model.name.span };
            settings.extend(constants.call("setting", &call, reports).map(|(call, _)| (name.to_owned(), call)));
        }
    }
    if let Some(Some(stop)) = Settings(settings.clone()).stop_early() {
        fine &= stops_on_what_it_may_see(model, &stop, &spans, reports);
    }
    fine.then_some(Settings(settings))
}

/// Stopping on the test part would choose the weights by what is to judge them.
fn stops_on_what_it_may_see(
    model: &ast::Model,
    stop: &StopEarly,
    spans: &[(&str, Span)],
    reports: &mut Reports,
) -> bool {
    let span = spans.iter().find(|(name, _)| *name == "stop_early").map_or(model.name.span, |(_, span)| *span);
    if stop.part != Part::Validate {
        reports
            .error("E0211", span, format!("training cannot stop on the {} part", stop.part), "looks at the wrong part")
            .help(format!("stop on `validate.{}`", stop.metric.name()));
        return false;
    }
    let validates = model.split.iter().flat_map(|split| &split.arguments);
    let has_part =
        validates.into_iter().any(|argument| argument.name.as_ref().is_some_and(|name| name.text == "validate"));
    if !has_part {
        reports
            .error("E0211", span, "there is no validation part to stop on", "needs a validation part")
            .help("give `split time(…)` a `validate:` boundary");
    }
    has_part
}

fn arguments(setting: &ast::Setting) -> Vec<ast::Argument> {
    match &setting.value {
        ast::SettingValue::Arguments(arguments) => arguments.clone(),
        ast::SettingValue::Value(value) => vec![ast::Argument { name: None, value: value.clone() }],
    }
}

/// The boundaries between the parts.
pub(super) fn split(constants: &Constants<'_>, model: &ast::Model, reports: &mut Reports) -> Option<TimeSplit> {
    let written = only_one(&model.split, |call| call.span, "split", reports)
        .or_else(|| missing(&model.name, "split", "`split time(validate: @2024-06-01, test: @2024-07-01)`", reports))?;
    let (call, _) = constants.call("split", written, reports)?;
    let at = |name: &str| match call.args.get(name) {
        Some(Value::Timestamp(micros)) => Some(*micros),
        _ => None,
    };
    let split = TimeSplit { from: at("from"), validate: at("validate"), test: at("test")?, until: at("until") };
    let named =
        [("from", split.from), ("validate", split.validate), ("test", Some(split.test)), ("until", split.until)];
    let given: Vec<(&str, i64)> = named.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
    for pair in given.windows(2) {
        let ((earlier, before), (later, after)) = (pair[0], pair[1]);
        if before >= after {
            let span = |name: &str| {
                let argument = written.arguments.iter().find(|each| each.name.as_ref().is_some_and(|n| n.text == name));
                argument.map_or(written.span, |argument| argument.value.span)
            };
            let item = reports.item().clone();
            let message = format!("`{later}` must come after `{earlier}`");
            reports
                .error("E0405", span(later), message, "not after it")
                .also(&item, span(earlier), format!("`{earlier}` is here"))
                .help("the parts lie in time in the order from, validate, test, until");
            return None;
        }
    }
    Some(split)
}

/// What fills missing inputs; inputs that may be missing without it are an error.
pub(super) fn impute(context: &Context<'_, '_>, collected: &Collected, reports: &mut Reports) -> Option<Impute> {
    let model = context.model;
    let written = only_one(&model.impute, |impute| impute.strategy.span, "impute", reports);
    let Some(written) = written else {
        let missing: Vec<usize> =
            (0..collected.inputs.len()).filter(|&index| collected.inputs[index].ty.nullable).collect();
        if let Some(&first) = missing.first().filter(|_| !context.filter_failed) {
            let names: Vec<&str> = missing.iter().map(|&index| collected.inputs[index].name.as_str()).collect();
            let message = match names.len() {
                1 => format!("the input `{}` may be missing, and nothing says what fills it", names[0]),
                more => format!("{more} inputs may be missing, and nothing says what fills them"),
            };
            reports
                .error("E0310", collected.spans[first], message, format!("may be missing: {}", listed(&names)))
                .help("add `impute median with indicator` to the model");
        }
        return None;
    };
    let strategy = match &written.strategy.kind {
        ast::ExprKind::Name(_) | ast::ExprKind::Call(_) => {
            match context.constants.nested("imputation", &written.strategy, reports)?.name.as_str() {
                "mean" => ImputeStrategy::Mean,
                _ => ImputeStrategy::Median,
            }
        }
        _ => {
            let constants = &context.constants;
            let scope = Scope::constant(constants.db, constants.project, constants.file);
            match scope.literal(&written.strategy, &Type::Float64, reports)? {
                Literal::Float(value) => ImputeStrategy::Constant(value),
                _ => return None,
            }
        }
    };
    Some(Impute { strategy, indicator: written.indicator })
}

/// The gates; none if one of them is wrong.
pub(super) fn gates(context: &Context<'_, '_>, reports: &mut Reports) -> Option<Vec<Gate>> {
    let gates: Vec<Option<Gate>> =
        context.model.require.iter().map(|require| gate(context, require, reports)).collect();
    gates.into_iter().collect()
}

fn gate(context: &Context<'_, '_>, written: &ast::Require, reports: &mut Reports) -> Option<Gate> {
    let constants = &context.constants;
    let part = part_of(&written.part, reports);
    let metric = metric_of(constants, &written.metric, reports);
    let scope = Scope::constant(constants.db, constants.project, constants.file);
    let bound = scope.literal(&written.bound, &Type::Float64, reports);
    let Some(comparison) = comparison(written.operator) else {
        let message = "a gate is a bound: a metric is never exactly a number";
        reports.error("E0211", written.span, message, "not a bound").help("compare with `>=`, `>`, `<=` or `<`");
        return None;
    };
    let (part, metric, Literal::Float(bound)) = (part?, metric?, bound?) else { return None };
    if metric != Metric::LogLoss && !(0.0..=1.0).contains(&bound) {
        reports
            .error(
                "E0314",
                written.bound.span,
                format!("`{}` lies between 0 and 1, this is {bound}", metric.name()),
                "never reached",
            )
            .help("give it a bound between 0 and 1");
        return None;
    }
    let min_rows = match written.min {
        None => MIN_ROWS,
        Some(rows) => u64::try_from(rows).ok()?,
    };
    let by = written.by.as_ref().map(|name| name.text.clone());
    Some(Gate { part, metric, comparison, bound, by, min_rows, line: written.span.start })
}

/// The comparison that an operator stands for, if it is an order.
pub(crate) fn comparison(operator: ast::BinaryOp) -> Option<Comparison> {
    Some(match operator {
        ast::BinaryOp::Less => Comparison::Less,
        ast::BinaryOp::LessOrEqual => Comparison::LessOrEqual,
        ast::BinaryOp::Greater => Comparison::Greater,
        ast::BinaryOp::GreaterOrEqual => Comparison::GreaterOrEqual,
        _ => return None,
    })
}
