//! A training in names and values: what tables of runs are sorted and compared by.

use mlsys_plan::{Call, Split, Train, Training, Tune, Value};

/// What a training was asked for, by name: task, learner and its arguments, settings, split, seed, gates.
pub fn described(train: &Train, split: Option<&Split>) -> Vec<(String, String)> {
    let mut params = vec![("task".to_owned(), train.task.name().to_owned())];
    let mut add = |name: &str, value: Option<String>| params.extend(value.map(|value| (name.to_owned(), value)));
    add("label", train.label.clone());
    add("inputs", Some(train.inputs.len().to_string()));
    add("split", split.map(ToString::to_string));
    add("impute", train.impute.as_ref().map(ToString::to_string));
    add("calibrate", train.calibrate.as_ref().map(ToString::to_string));
    add("seed", Some(train.training.seed.to_string()));
    params.extend(call("learner", &train.learner));
    params.extend(settings(&train.training));
    params.extend(train.tune.iter().flat_map(search));
    for (place, gate) in train.gates.iter().enumerate() {
        params.push((format!("gate.{}", place + 1), gate.to_string()));
    }
    params
}

fn settings(training: &Training) -> Vec<(String, String)> {
    let mut settings = call("train.optimizer", &training.optimizer);
    settings.push(("train.epochs".to_owned(), training.epochs.to_string()));
    settings.push(("train.batch".to_owned(), training.batch.to_string()));
    settings.extend(training.loss.iter().flat_map(|loss| call("train.loss", loss)));
    settings.extend(training.stop_early.as_ref().map(|stop| {
        let text = format!("patience: {}, on: {}.{}", stop.patience, stop.part, stop.metric);
        ("train.stop_early".to_owned(), text)
    }));
    let further = training.settings.iter().map(|setting| {
        let args: Vec<String> = setting.args.values().map(text).collect();
        (format!("train.{}", setting.name), args.join(", "))
    });
    settings.extend(further);
    settings
}

fn search(tune: &Tune) -> Vec<(String, String)> {
    let mut params = call("tune.search", &tune.search);
    params.push(("tune.trials".to_owned(), tune.trials.to_string()));
    let aim = if tune.maximize { "maximize" } else { "minimize" };
    params.push((format!("tune.{aim}"), format!("{}.{}", tune.part, tune.metric)));
    params.extend(tune.space.iter().map(|dimension| (format!("tune.{}", dimension.name), dimension.space.to_string())));
    params
}

/// What is called, and each of its arguments.
fn call(name: &str, call: &Call) -> Vec<(String, String)> {
    let arguments = call.args.iter().map(|(argument, value)| (format!("{name}.{argument}"), text(value)));
    std::iter::once((name.to_owned(), call.name.clone())).chain(arguments).collect()
}

/// A value as text, without the quotes that text has in a program.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
