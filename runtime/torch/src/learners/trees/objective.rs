//! What trees make small, by task and loss, in LightGBM's words.

use mlsys_lightgbm::Parameters;
use mlsys_plan::Train;

use crate::error::TrainError;
use crate::heads::Head;
use crate::labels::Labels;
use crate::losses::{classes, weights_of};

/// What is made small for one booster: LightGBM's objective and what it needs to know.
pub(super) struct Objective {
    name: &'static str,
    more: Vec<(&'static str, f64)>,
}

/// Losses that trees are not grown for are refused before any work.
pub(super) fn check(train: &Train) -> Result<(), TrainError> {
    match train.training.loss.as_ref().filter(|loss| loss.name == "focal") {
        Some(loss) => Err(TrainError::Unsupported(format!("`trees` cannot be grown for the loss `{}` yet", loss.name))),
        None => Ok(()),
    }
}

/// The objective of each booster: one, or one for each quantile.
pub(super) fn objectives(train: &Train, head: &Head) -> Vec<Objective> {
    let loss = train.training.loss.as_ref();
    let one = |name: &'static str, more: &[(&'static str, f64)]| vec![Objective { name, more: more.to_vec() }];
    match head {
        Head::Binary => one("binary", &[]),
        #[expect(clippy::cast_precision_loss, reason = "classes are few")]
        Head::Multiclass { classes } => one("multiclass", &[("num_class", classes.len() as f64)]),
        Head::Quantile { quantiles, .. } => {
            quantiles.iter().map(|quantile| Objective { name: "quantile", more: vec![("alpha", *quantile)] }).collect()
        }
        Head::Ranking { .. } => one("lambdarank", &[]),
        Head::Regression { deviation, .. } => match loss.map(|loss| loss.name.as_str()) {
            Some("absolute_error") => one("regression_l1", &[]),
            // Labels are standardised, and so is what counts as a small error.
            Some("huber") => {
                let delta = loss.and_then(|loss| loss.float("delta")).unwrap_or(1.0);
                one("huber", &[("alpha", delta / deviation)])
            }
            _ => one("regression", &[]),
        },
        Head::Retrieval | Head::Anomaly { .. } => Vec::new(),
    }
}

impl Objective {
    pub(super) fn put_into(&self, parameters: &mut Parameters) {
        parameters.set("objective", self.name);
        self.more.iter().for_each(|(name, value)| parameters.set(name, value));
    }
}

/// How much each row counts; none if all count the same.
pub(super) fn weights(train: &Train, labels: &Labels, balanced: bool) -> Result<Option<Vec<f32>>, TrainError> {
    let by_class = weights_of(train.training.loss.as_ref(), labels, balanced)?;
    #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
    Ok(by_class.map(|weights| {
        classes(labels).into_iter().map(|class| weights.get(class).copied().unwrap_or(1.0) as f32).collect()
    }))
}
