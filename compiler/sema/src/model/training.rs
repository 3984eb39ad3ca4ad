//! How a model is trained and what it learns: learner, settings, task, and metrics that fit it.

use std::cell::RefCell;

use mlsys_diagnostics::Span;
use mlsys_plan::{Call, Label, Part, StopEarly, Task, Training, Tuned, Type, Value};
use mlsys_syntax::ast;

use super::split::{help_to_validate, validates};
use super::{Context, Inputs};
use crate::args::Constants;
use crate::library::{Parameter, Signature, overloads};
use crate::reach::Reach;
use crate::report::{Reports, a};
use crate::scope::listed;
use crate::source::{missing, only_one};

/// Settings that always have a value.
const DEFAULTED: [&str; 4] = ["optimizer", "epochs", "batch", "seed"];

/// The learner and the settings of `train`, defaults filled in.
pub(super) struct Trained<'db> {
    pub(super) learner: (Call, &'db Signature),
    settings: Vec<(String, Call)>,
}

/// The learner and the settings; none if one of them is wrong.
pub(super) fn training<'db>(
    constants: &Constants<'db>,
    model: &ast::Model,
    reports: &mut Reports,
) -> Option<Trained<'db>> {
    let learner = only_one(&model.learn, |call| call.span, "learn", reports)
        .or_else(|| missing(&model.name, "learn", "`learn mlp(hidden: [64, 32])`", reports));
    let learner = learner.and_then(|call| constants.call("learner", call, reports));
    let settings = settings(constants, model, reports)?;
    Some(Trained { learner: learner?, settings })
}

impl Trained<'_> {
    fn setting(&self, name: &str) -> Option<&Call> {
        self.settings.iter().find(|(known, _)| known == name).map(|(_, call)| call)
    }

    fn int(&self, name: &str) -> Option<i64> {
        self.setting(name)?.int("value")
    }

    fn nested(&self, name: &str) -> Option<Call> {
        match self.setting(name)?.args.get("value")? {
            Value::Call(call) => Some(call.clone()),
            _ => None,
        }
    }

    /// The settings as the plan has them.
    pub(super) fn training(&self) -> Option<Training> {
        let apart = ["optimizer", "epochs", "batch", "seed", "loss", "stop_early"];
        let others = self.settings.iter().filter(|(name, _)| !apart.contains(&name.as_str()));
        Some(Training {
            optimizer: self.nested("optimizer")?,
            epochs: u32::try_from(self.int("epochs")?).ok()?,
            batch: u32::try_from(self.int("batch")?).ok()?,
            loss: self.nested("loss"),
            stop_early: self.setting("stop_early").and_then(stop_early),
            seed: u64::try_from(self.int("seed")?).ok()?,
            settings: others.map(|(_, call)| call.clone()).collect(),
        })
    }
}

fn stop_early(call: &Call) -> Option<StopEarly> {
    let (part, metric) = call.string("on")?.split_once('.')?;
    Some(StopEarly {
        patience: u32::try_from(call.int("patience")?).ok()?,
        part: Part::ALL.into_iter().find(|known| known.name() == part)?,
        metric: Call { name: metric.to_owned(), ..Call::default() },
    })
}

fn settings(constants: &Constants<'_>, model: &ast::Model, reports: &mut Reports) -> Option<Vec<(String, Call)>> {
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
        let call = ast::Call { arguments: arguments(written), ..ast::Call::bare(name.clone()) };
        match constants.call("setting", &call, reports) {
            Some((call, _)) => settings.push((name.text.clone(), call)),
            None => fine = false,
        }
    }
    // Settings that are left out have the defaults that the library declares.
    for name in DEFAULTED {
        if spans.iter().all(|(known, _)| *known != name) {
            let call = ast::Call::bare(ast::Name { text: name.to_owned(), span: model.name.span });
            settings.extend(constants.call("setting", &call, reports).map(|(call, _)| (name.to_owned(), call)));
        }
    }
    fine.then_some(settings)
}

fn arguments(setting: &ast::Setting) -> Vec<ast::Argument> {
    match &setting.value {
        ast::SettingValue::Arguments(arguments) => arguments.clone(),
        ast::SettingValue::Value(value) => vec![ast::Argument { name: None, value: value.clone() }],
    }
}

/// The task that follows from the label, the learner, the loss and `group`. `label` is none if it is wrong.
pub(super) fn task(
    context: &Context<'_, '_>,
    label: Option<Option<&Label>>,
    training: Option<&Trained<'_>>,
    reports: &mut Reports,
) -> Option<Task> {
    let training = training?;
    let (learner, signature) = &training.learner;
    let Some(label) = label? else {
        let found = [Task::Retrieval, Task::Anomaly].into_iter().find(|task| signature.is_for(task.name()));
        return found.or_else(|| missing(&context.model.name, "label", "`label is_fraud`", reports));
    };
    let ranks = !context.model.group.is_empty() && signature.is_for(Task::Ranking.name());
    let quantiles = training.nested("loss").is_some_and(|loss| loss.name == "pinball");
    let ty = &label.expr.ty.ty;
    let task = match ty {
        Type::Bool | Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 if ranks => Task::Ranking,
        Type::Bool => Task::Binary,
        Type::Enum(_) | Type::String => Task::Multiclass,
        Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 if quantiles => Task::Quantile,
        Type::Int32 | Type::Int64 | Type::Float32 | Type::Float64 => Task::Regression,
        _ => return does_not_learn(context, learner, signature, ty, reports),
    };
    if signature.is_for(task.name()) {
        return Some(task);
    }
    does_not_learn(context, learner, signature, ty, reports)
}

fn does_not_learn(
    context: &Context<'_, '_>,
    learner: &Call,
    signature: &Signature,
    ty: &Type,
    reports: &mut Reports,
) -> Option<Task> {
    let span = context.model.label.first().map_or(context.model.name.span, |label| label.value.span);
    let message = format!("`{}` does not learn {}", learner.name, a(ty));
    let report = reports.error("E0308", span, message, format!("this is {}", a(ty)));
    let tasks: Vec<&str> = signature.tasks.iter().map(String::as_str).collect();
    if signature.is_for(Task::Binary.name()) && ty.is_numeric() {
        report.help("make it a question of yes or no, such as `… > 15`");
    } else if matches!(
        ty,
        Type::Timestamp | Type::Date | Type::Duration | Type::Bytes | Type::List(_) | Type::Vector(_)
    ) {
        report.help(
            "a label is a bool, a number, an enum or text: make it a comparison, or a number by dividing by a unit",
        );
    } else {
        report.help(format!("it is for {}: take another learner or another label", listed(&tasks)));
    }
    None
}

/// A model with everything that metrics are held against.
pub(super) struct Judged<'a, 'db> {
    pub(super) context: &'a Context<'a, 'db>,
    pub(super) collected: &'a Inputs,
    pub(super) training: Option<&'a Trained<'db>>,
    pub(super) task: Option<Task>,
    /// Metrics of other tasks: each with the tasks it is for, and where it is named.
    pub(super) misfits: RefCell<Vec<(&'db Signature, Span)>>,
}

/// An argument or setting that can be searched.
pub(super) struct Tunable<'a> {
    pub(super) name: String,
    pub(super) of: Tuned,
    pub(super) signature: &'a Signature,
    pub(super) parameter: &'a Parameter,
}

impl<'db> Judged<'_, 'db> {
    /// The learner with the inputs that its arguments name, and a loss that fits the task.
    pub(super) fn learner(&self, reports: &mut Reports) -> Option<Call> {
        let (mut learner, signature) = self.training?.learner.clone();
        let written = self.context.model.learn.first()?;
        let inputs = self.input_names();
        let reach = Reach { inputs: &inputs, complete: self.collected.complete, ..Reach::default() };
        let found = reach.resolve(&mut learner, signature, &written.arguments, reports);
        self.check_sequence(&learner, written, reports);
        self.check_loss(reports);
        found.then_some(learner)
    }

    fn input_names(&self) -> Vec<String> {
        self.collected.inputs.iter().map(|input| input.name.clone()).collect()
    }

    /// A learner of sequences reads a list.
    fn check_sequence(&self, learner: &Call, written: &ast::Call, reports: &mut Reports) {
        let Some(name) = learner.string("sequence") else { return };
        let input = self.collected.inputs.iter().find(|input| input.name == name);
        let Some(input) = input.filter(|input| !matches!(input.ty.ty, Type::List(_) | Type::Vector(_))) else { return };
        let named =
            written.arguments.iter().find(|each| each.name.as_ref().is_some_and(|name| name.text == "sequence"));
        let span = named.map_or(written.span, |argument| argument.value.span);
        let message = format!("`{}` reads a sequence, `{name}` is {}", learner.name, a(&input.ty));
        reports
            .error("E0302", span, message, "not a list")
            .help("name an input that is a list, such as one of `collect(amount, 32) over 7d`");
    }

    fn check_loss(&self, reports: &mut Reports) {
        let loss = self.training.and_then(|training| training.nested("loss"));
        let (Some(loss), Some(task)) = (loss, self.task) else { return };
        let constants = &self.context.constants;
        let Some(signature) = overloads(constants.db, constants.project, "loss", &loss.name).first() else { return };
        let setting = self.context.model.train.iter().find(|setting| setting.name.text == "loss");
        if let (Some(setting), false) = (setting, signature.is_for(task.name())) {
            let tasks: Vec<&str> = signature.tasks.iter().map(String::as_str).collect();
            let message = format!("the loss `{}` is for {}, the task is `{}`", loss.name, listed(&tasks), task.name());
            reports
                .error("E0611", setting.name.span, message, "does not fit the task")
                .help("leave it out for the task's usual loss, or take another one");
        }
    }

    /// A metric with its arguments, if it fits the task.
    pub(super) fn metric(&self, written: &ast::Metric, reports: &mut Reports) -> Option<(Call, &'db Signature)> {
        let call = ast::Call { arguments: written.arguments.clone(), ..ast::Call::bare(written.name.clone()) };
        let constants = &self.context.constants;
        let (mut call, signature) = constants.call("metric", &call, reports)?;
        let columns = self.context.column_names();
        let reach = Reach { columns: &columns, complete: self.context.source.intact, ..Reach::default() };
        let found = reach.resolve(&mut call, signature, &written.arguments, reports);
        super::gates::check_per(signature, written.per.map(|per| per.span), reports);
        self.check_task(signature, written.name.span);
        found.then_some((call, signature))
    }

    /// An input by its name.
    pub(super) fn input(&self, written: &ast::Expr, reports: &mut Reports) -> Option<String> {
        let name = crate::reach::path(written).unwrap_or_default();
        super::place_of_input(&name, written.span, &self.input_names(), self.collected.complete, reports)?;
        Some(name)
    }

    /// Stopping on the test part would choose the weights by what is to judge them.
    pub(super) fn stops(&self, reports: &mut Reports) {
        let Some(stop) = self.training.and_then(|training| stop_early(training.setting("stop_early")?)) else { return };
        let model = self.context.model;
        let setting = model.train.iter().find(|setting| setting.name.text == "stop_early");
        let span = setting.map_or(model.name.span, |setting| setting.name.span);
        let constants = &self.context.constants;
        if let Some(signature) = overloads(constants.db, constants.project, "metric", &stop.metric.name).first() {
            self.check_task(signature, span);
        }
        if stop.part != Part::Validate {
            reports
                .error(
                    "E0412",
                    span,
                    format!("training cannot stop on the {} part", stop.part),
                    "looks at the wrong part",
                )
                .help(format!("stop on `validate.{}`", stop.metric.name));
        } else if !validates(model) {
            reports
                .error("E0211", span, "there is no validation part to stop on", "needs a validation part")
                .help(help_to_validate(model));
        }
    }

    /// Notes a metric that is not for the model's task.
    fn check_task(&self, signature: &'db Signature, span: Span) {
        if self.task.is_some_and(|task| !signature.is_for(task.name())) {
            self.misfits.borrow_mut().push((signature, span));
        }
    }

    /// One report on all metrics of other tasks: that the label is not what they expect is one mistake. Whether all fit.
    pub(super) fn metrics_fit(&self, reports: &mut Reports) -> bool {
        const MOST: usize = 3;
        let misfits = self.misfits.borrow();
        let (Some((signature, span)), Some(task)) = (misfits.first(), self.task) else { return true };
        // A label that an input repeats is not the one that was meant.
        if reports.has("E0402") {
            return false;
        }
        let tasks: Vec<&str> = signature.tasks.iter().map(String::as_str).collect();
        let message = format!("`{}` does not judge `{}`: it is for {}", signature.name, task.name(), listed(&tasks));
        let item = reports.item().clone();
        let report = reports.error("E0604", *span, message, "does not fit the task");
        for (other, span) in misfits.iter().skip(1).take(MOST) {
            report.also(&item, *span, format!("`{}` does not fit either", other.name));
        }
        if let Some(label) = self.context.model.label.first() {
            report.also(&item, label.value.span, format!("this label makes the task `{}`", task.name()));
        }
        report.help(match task {
            Task::Regression => "take metrics of the task, or make the label a question of yes or no, such as `… > 15`",
            _ => "take metrics of the task, or another label",
        });
        false
    }

    /// What can be searched: numbers and lists of the learner, of the optimiser, and settings.
    pub(super) fn tunable(&self) -> Vec<Tunable<'_>> {
        let constants = &self.context.constants;
        let Some(training) = self.training else { return Vec::new() };
        let optimizer = training.nested("optimizer");
        let optimizer =
            optimizer.and_then(|call| overloads(constants.db, constants.project, "optimizer", &call.name).first());
        let mut tunable = Vec::new();
        let entries = [(Tuned::Learner, Some(training.learner.1)), (Tuned::Optimizer, optimizer)];
        for (of, signature) in entries {
            for signature in signature.into_iter() {
                tunable.extend(signature.parameters.iter().map(|parameter| Tunable {
                    name: parameter.name.clone(),
                    of,
                    signature,
                    parameter,
                }));
            }
        }
        for name in ["epochs", "batch", "clip"] {
            let signature = overloads(constants.db, constants.project, "setting", name).first();
            let parameter = signature.and_then(|signature| Some((signature, signature.parameters.first()?)));
            tunable.extend(parameter.map(|(signature, parameter)| Tunable {
                name: name.to_owned(),
                of: Tuned::Setting,
                signature,
                parameter,
            }));
        }
        tunable
    }
}
