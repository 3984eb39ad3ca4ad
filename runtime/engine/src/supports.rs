//! What a run can do, asked before it begins: of a training without starting a worker.

use mlsys_plan::{Call, Dimension, Gate, Operation, Plan, Task, Train, Tuned, Value};
use mlsys_training::{CAPABILITIES, can, module_of, refused_together, workers};

use crate::error::RunError;
use crate::scoring;

/// Refuses a plan of which a run cannot do some part.
///
/// # Errors
/// One E0910 for each such use, with its name and line, and what can be used instead if there is something.
pub fn supports(plan: &Plan) -> Result<(), Vec<RunError>> {
    let mut errors: Vec<RunError> = Vec::new();
    for node in &plan.nodes {
        let found = mlsys_dataflow::supports_node(plan, node).into_iter().map(RunError::from);
        let of_training = match &node.operation {
            Operation::Train(train) => check_train(train),
            Operation::Deployment(deployment) => scoring::supports(plan, node, deployment),
            _ => Vec::new(),
        };
        errors.extend(found.chain(of_training).map(|error| error.of(node)));
    }
    errors.dedup();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn check_train(train: &Train) -> Vec<RunError> {
    let mut errors = Vec::new();
    if train.task == Task::Retrieval && train.gates.iter().any(|gate| gate.bound.baselines().next().is_some()) {
        errors
            .push(refuse("hold a model that retrieves against an input", "compare it with a number, or the champion"));
    }
    errors.extend(known("learner", &train.learner.name));
    errors.extend(train.calibrate.iter().flat_map(|call| known("calibration", &call.name)));
    errors.extend(train.inputs.iter().filter_map(|input| known("encoder", &input.encoder.as_ref()?.name)));
    errors.extend(known("optimizer", &train.training.optimizer.name));
    errors.extend(train.training.loss.iter().flat_map(check_loss));
    errors.extend(train.training.settings.iter().flat_map(check_setting));
    errors.extend(refused_together(train, workers(train)).map(|(what, help)| refuse(&what, &help)));
    errors.extend(train.training.stop_early.iter().flat_map(|stop| check_metric(&stop.metric)));
    if let Some(tune) = &train.tune {
        errors.extend(known("search", &tune.search.name));
        errors.extend(check_metric(&tune.metric));
        errors.extend(tune.space.iter().flat_map(check_dimension));
        if module_of(train).is_some() && tune.space.iter().any(is_path) {
            errors.push(refuse("search the file of a module", "train a model for each file, and compare them"));
        }
    }
    for gate in &train.gates {
        errors.extend(check_gate(gate).into_iter().map(|error| RunError { line: Some(gate.line), ..error }));
    }
    errors
}

fn check_loss(loss: &Call) -> Vec<RunError> {
    let mut errors: Vec<RunError> = known("loss", &loss.name).into_iter().collect();
    if let Some(Value::Call(weight)) = loss.args.get("positive_weight") {
        errors.extend(known("weight", &weight.name));
    }
    errors
}

fn check_setting(setting: &Call) -> Vec<RunError> {
    let value = setting.args.get("value");
    match (setting.name.as_str(), value) {
        (name @ ("precision" | "device" | "schedule"), Some(Value::Call(chosen))) => {
            known(name, &chosen.name).into_iter().collect()
        }
        ("sample", Some(Value::Call(chosen))) => known("weight", &chosen.name).into_iter().collect(),
        (name, _) => known("setting", name).into_iter().collect(),
    }
}

fn check_dimension(dimension: &Dimension) -> Vec<RunError> {
    const SEARCHED: [&str; 4] = ["batch", "clip", "epochs", "seed"];
    let mut errors = Vec::new();
    if dimension.space.name != "choice" {
        errors.extend(known("space", &dimension.space.name));
    }
    if dimension.of == Tuned::Setting && !SEARCHED.contains(&dimension.name.as_str()) {
        let help = format!("of the settings {} can be searched", SEARCHED.map(|name| format!("`{name}`")).join(", "));
        errors.push(refuse(&format!("search the setting `{}`", dimension.name), &help));
    }
    errors
}

/// Whether the file of a learner is searched.
fn is_path(dimension: &Dimension) -> bool {
    dimension.of == Tuned::Learner && dimension.name == "path"
}

fn check_gate(gate: &Gate) -> Vec<RunError> {
    check_metric(&gate.metric)
}

fn check_metric(metric: &Call) -> Vec<RunError> {
    known("metric", &metric.name).into_iter().collect()
}

/// Refuses what no worker implements.
fn known(kind: &str, name: &str) -> Option<RunError> {
    if can(kind, name) {
        return None;
    }
    let others: Vec<String> =
        CAPABILITIES.iter().filter(|(of, _)| *of == kind).map(|(_, name)| format!("`{name}`")).collect();
    let help = if others.is_empty() { "leave it out".to_owned() } else { format!("there is {}", others.join(", ")) };
    Some(refuse(&format!("use the {kind} `{name}`"), &help))
}

/// The refusal of what a run cannot do.
pub(crate) fn refuse(what: &str, help: &str) -> RunError {
    RunError::new("E0910", format!("this runtime cannot {what} yet"), Some(help))
}
