//! What of the standard library this room implements, collected from its registries.

use mlsys_plan::Call;

use crate::calibration::CALIBRATIONS;
use crate::encoders::ENCODERS;
use crate::error::TrainError;
use crate::learners::LEARNERS;
use crate::losses::{LOSSES, WEIGHTS};
use crate::optimizers::OPTIMIZERS;
use crate::schedules::SCHEDULES;
use crate::search::{SEARCHES, SETTINGS, SPACES};
use crate::settings::{DEVICES, PRECISIONS};

/// What every training has, with values that need no implementation of their own.
const FIXED: [(&str, &str); 11] = [
    ("imputation", "mean"),
    ("imputation", "median"),
    ("setting", "checkpoint"),
    ("setting", "device"),
    ("setting", "loss"),
    ("setting", "optimizer"),
    ("setting", "precision"),
    ("setting", "sample"),
    ("setting", "schedule"),
    ("setting", "stop_early"),
    ("setting", "workers"),
];

/// What this room implements of the standard library: kind and name, ordered.
pub fn implemented() -> Vec<(&'static str, &'static str)> {
    let mut all = FIXED.to_vec();
    all.extend(CALIBRATIONS.iter().map(|(name, _)| ("calibration", *name)));
    all.extend(DEVICES.iter().map(|(name, _)| ("device", *name)));
    all.extend(ENCODERS.iter().map(|(name, _)| ("encoder", *name)));
    all.extend(LEARNERS.iter().map(|(name, _)| ("learner", *name)));
    all.extend(LOSSES.iter().map(|(name, _)| ("loss", *name)));
    all.extend(mlsys_metrics::all().map(|metric| ("metric", metric.name)));
    all.extend(OPTIMIZERS.iter().map(|(name, _)| ("optimizer", *name)));
    all.extend(PRECISIONS.iter().map(|(name, _)| ("precision", *name)));
    all.extend(SCHEDULES.iter().map(|(name, _)| ("schedule", *name)));
    all.extend(SEARCHES.iter().map(|(name, _)| ("search", *name)));
    all.extend(SETTINGS.iter().map(|(name, _)| ("setting", *name)));
    all.extend(SPACES.iter().map(|(name, _)| ("space", *name)));
    all.extend(WEIGHTS.iter().map(|(name, _)| ("weight", *name)));
    all.sort_unstable();
    all
}

/// What a registry has under a call's name.
///
/// # Errors
///
/// The registry has no such name.
pub(crate) fn named<T: Copy>(kind: &str, registry: &[(&str, T)], call: &Call) -> Result<T, TrainError> {
    let known = registry.iter().find(|(name, _)| *name == call.name);
    let unknown = || TrainError::Unsupported(format!("the {kind} `{}` cannot be used yet", call.name));
    known.map(|(_, found)| *found).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    /// The engine refuses by this list before it starts a worker.
    #[test]
    fn the_contract_says_what_is_implemented() {
        assert_eq!(super::implemented(), mlsys_training::CAPABILITIES);
    }
}
