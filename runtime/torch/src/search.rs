//! Searches over arguments and settings: how trials are chosen, one file each, and the loop over them.

mod grid;
mod halving;
mod kept;
mod random;
mod settings;
mod side_by_side;
mod space;
mod tpe;
mod trials;

use mlsys_collective::Group;
use mlsys_plan::{Call, Train, Tune, Value};
use mlsys_training::{TrainEvent, TrainJob, TrialReport};

pub(crate) use settings::SETTINGS;
pub(crate) use space::{SPACES, Space};

use crate::data::Data;
use crate::error::TrainError;
use crate::fit::Fitted;
use crate::implemented::named;
use kept::Kept;
use side_by_side::Work;
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

/// A point that is tried next.
pub(crate) struct Planned {
    /// The trial, from 1.
    trial: u32,
    point: Vec<f64>,
    /// What is tried, in the order of the spaces.
    values: Vec<Value>,
    /// The training with it.
    train: Train,
}

/// Builds a search from its arguments and the model's seed.
type Build = fn(&Call, u64) -> Box<dyn Search>;

/// Every search by its name in the language.
pub(crate) const SEARCHES: &[(&str, Build)] =
    &[("asha", random::build), ("grid", grid::build), ("random", random::build), ("tpe", tpe::build)];

/// Trains one model a trial; the best one, the trials in order, and which of them is the best, from 1.
///
/// A trial that fails does not end the search. A search that was cut off goes on with the trial that it was at: what is
/// chosen depends on the seed and on what came of the trials before. Processes that train together train each trial together.
///
/// # Errors
/// The search is not known, what was tried cannot be kept, or every trial failed: then the last one's failure.
pub(crate) fn run(
    job: &TrainJob,
    tune: &Tune,
    data: &Data,
    group: &Group,
    emit: &mut dyn FnMut(&TrainEvent),
) -> Result<(Fitted, Vec<TrialReport>, u32), TrainError> {
    let train = &job.train;
    let build = named("search", SEARCHES, &tune.search)?;
    let spaces: Vec<Space> = tune.space.iter().map(Space::of).collect::<Result<_, _>>()?;
    let mut search = build(&tune.search, train.training.seed);
    // Of processes that train together rank 0 alone has a place for what it keeps.
    let kept = if group.is_alone() { Kept::of(job)? } else { None };
    let mut trials = Trials::new(train, tune, data, kept, group);
    let together = tune.search.count("parallel").unwrap_or(1).max(1);
    loop {
        let batch = plan(train, tune, &mut *search, &spaces, &trials.tried, together)?;
        let Some(first) = batch.first() else { return trials.finish() };
        emit(&TrainEvent::TrialStarted { trial: first.trial, trials: tune.trials });
        let new: Vec<&Planned> = trials.new_ones(&batch);
        let trained: Vec<u32> = new.iter().map(|planned| planned.trial).collect();
        let work = Work { job, data, halving: &trials.halving, group };
        let mut ended = work.train(&new, emit).into_iter();
        for (place, planned) in batch.into_iter().enumerate() {
            if place > 0 {
                emit(&TrainEvent::TrialStarted { trial: planned.trial, trials: tune.trials });
            }
            let ended = if trained.contains(&planned.trial) { ended.next() } else { None };
            trials.note(planned, ended)?;
            emit(&trials.event());
        }
    }
}

/// The points that are tried next, so many at most, of which each is chosen as if those before it had failed.
fn plan(
    train: &Train,
    tune: &Tune,
    search: &mut dyn Search,
    spaces: &[Space],
    tried: &[Tried],
    together: usize,
) -> Result<Vec<Planned>, TrainError> {
    let mut known = tried.to_vec();
    let mut batch = Vec::new();
    let first = u32::try_from(tried.len()).unwrap_or(u32::MAX).saturating_add(1);
    for trial in (first..=tune.trials).take(together) {
        let Some(point) = search.next(spaces, &known) else { break };
        known.push(Tried { point: point.clone(), loss: None });
        let values: Vec<Value> = spaces.iter().zip(&point).map(|(space, at)| space.value(*at)).collect();
        batch.push(Planned { trial, train: settings::apply(train, tune, &values)?, point, values });
    }
    Ok(batch)
}
