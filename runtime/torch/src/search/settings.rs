//! Tried values put into the place that they are searched for.

use mlsys_plan::{Call, Train, Training, Tune, Tuned, Value};

use crate::error::TrainError;

/// Puts a value into a setting; false if it is no value of it.
type Put = fn(&mut Training, &Value) -> bool;

/// The settings that can be given a number, by their name in the language.
pub(crate) const SETTINGS: &[(&str, Put)] = &[("batch", batch), ("clip", clip), ("epochs", epochs), ("seed", seed)];

/// The training with the tried values, in the order of the search's dimensions.
pub(super) fn apply(train: &Train, tune: &Tune, values: &[Value]) -> Result<Train, TrainError> {
    let mut changed = train.clone();
    for (dimension, value) in tune.space.iter().zip(values) {
        let name = dimension.name.clone();
        match dimension.of {
            Tuned::Learner => drop(changed.learner.args.insert(name, value.clone())),
            Tuned::Optimizer => drop(changed.training.optimizer.args.insert(name, value.clone())),
            Tuned::Setting => {
                let put = SETTINGS.iter().find(|(known, _)| *known == name);
                if !put.is_some_and(|(_, put)| put(&mut changed.training, value)) {
                    return Err(TrainError::Unsupported(format!("the setting `{name}` cannot be searched yet")));
                }
            }
        }
    }
    Ok(changed)
}

fn batch(training: &mut Training, value: &Value) -> bool {
    whole(value).map(|batch| training.batch = batch).is_some()
}

fn epochs(training: &mut Training, value: &Value) -> bool {
    whole(value).map(|epochs| training.epochs = epochs).is_some()
}

fn seed(training: &mut Training, value: &Value) -> bool {
    let Value::Int(seed) = value else { return false };
    training.seed = seed.unsigned_abs();
    true
}

fn clip(training: &mut Training, value: &Value) -> bool {
    training.settings.retain(|setting| setting.name != "clip");
    let args = [("value".to_owned(), value.clone())].into();
    training.settings.push(Call { name: "clip".to_owned(), args });
    true
}

fn whole(value: &Value) -> Option<u32> {
    match value {
        Value::Int(value) => u32::try_from(*value).ok().filter(|value| *value > 0),
        _ => None,
    }
}
