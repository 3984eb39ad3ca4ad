//! Searches over arguments and settings: how trials are chosen, one file each, and the loop over them.

mod grid;
mod halving;
mod kept;
mod random;
mod settings;
mod space;
mod tpe;
mod trials;

use mlsys_plan::{Call, Tune};
use mlsys_training::{EpochReport, TrainEvent, TrainJob, TrialReport};

pub(crate) use settings::SETTINGS;
pub(crate) use space::{SPACES, Space};

use crate::data::Data;
use crate::error::TrainError;
use crate::fit::{Fitted, Watch};
use crate::implemented::named;
use crate::learners::fit;
use crate::training::keeper;
use kept::Kept;
use trials::Trials;

/// Chooses what is tried next.
pub(crate) trait Search {
    /// The next point, one coordinate for each space; none if there is nothing left to try.
    fn next(&mut self, spaces: &[Space], tried: &[Tried]) -> Option<Vec<f64>>;
}

/// A point and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tried {
    /// Coordinates, as [`Space`] has them.
    point: Vec<f64>,
    /// How bad it is, smaller is better; none if the trial failed.
    loss: Option<f64>,
}

/// Builds a search from its arguments and the model's seed.
type Build = fn(&Call, u64) -> Box<dyn Search>;

/// Every search by its name in the language.
pub(crate) const SEARCHES: &[(&str, Build)] =
    &[("asha", random::build), ("grid", grid::build), ("random", random::build), ("tpe", tpe::build)];

/// Trains one model a trial; the best one, the trials in order, and which of them is the best, from 1.
///
/// A trial that fails does not end the search. A search that was cut off goes on with the trial that it was at: what is
/// chosen depends on the seed and on what came of the trials before.
///
/// # Errors
/// The search is not known, what was tried cannot be kept, or every trial failed: then the last one's failure.
pub(crate) fn run(
    job: &TrainJob,
    tune: &Tune,
    data: &Data,
    emit: &mut dyn FnMut(&TrainEvent),
) -> Result<(Fitted, Vec<TrialReport>, u32), TrainError> {
    let train = &job.train;
    let build = named("search", SEARCHES, &tune.search)?;
    let spaces: Vec<Space> = tune.space.iter().map(Space::of).collect::<Result<_, _>>()?;
    let mut search = build(&tune.search, train.training.seed);
    let mut trials = Trials::new(train, tune, data, Kept::of(job)?);
    for trial in 1..=tune.trials {
        let Some(point) = search.next(&spaces, &trials.tried) else { break };
        emit(&TrainEvent::TrialStarted { trial, trials: tune.trials });
        let values: Vec<_> = spaces.iter().zip(&point).map(|(space, at)| space.value(*at)).collect();
        let changed = settings::apply(train, tune, &values)?;
        trials.note(trial, point, values, |data, halving| {
            let keeper = keeper(job, &changed, "trial")?;
            let go_on = &mut |report: &EpochReport| halving.goes_on(report);
            fit(&changed, data, &mut Watch { emit: &mut *emit, go_on, keeper })
        })?;
        emit(&trials.event());
    }
    trials.finish()
}
