//! Trials that are trained side by side, each on a thread of its own.
//!
//! What they come to does not depend on which of them is done first: points of a batch are chosen before any of it is
//! trained, and each is held against the trials of earlier batches alone. A batch of one is trained where it is.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use mlsys_collective::Group;
use mlsys_training::{EpochReport, TrainEvent, TrainJob};

use super::Planned;
use super::halving::Halving;
use crate::data::Data;
use crate::error::TrainError;
use crate::fit::{Fitted, Watch};
use crate::learners::fit;
use crate::training::keeper;

/// A trial that was trained, or failed.
pub(super) struct Ended {
    pub(super) fitted: Result<Fitted, TrainError>,
    /// Wall-clock seconds.
    pub(super) seconds: f64,
}

/// What all of them share.
pub(super) struct Work<'a> {
    pub(super) job: &'a TrainJob,
    pub(super) data: &'a Data,
    /// The trials of earlier batches.
    pub(super) halving: &'a Halving<'a>,
    pub(super) group: &'a Group,
}

impl Work<'_> {
    /// Trains points; what came of each, in their order. Of progress within trials that of the first one is told. Processes
    /// that train together do one after the other, since all of them are at work on each; and so do modules of PyTorch, which
    /// draw from the one generator that libtorch has.
    pub(super) fn train(&self, planned: &[&Planned], emit: &mut dyn FnMut(&TrainEvent)) -> Vec<Ended> {
        let Work { job, data, halving, group } = self;
        if planned.len() < 2 || !group.is_alone() || data.module.is_some() {
            let one = |planned: &&Planned| one(job, planned, data, (*halving).clone(), group, &mut *emit);
            return planned.iter().map(one).collect();
        }
        let share = tch::get_num_threads() / i32::try_from(planned.len()).unwrap_or(i32::MAX).max(1);
        thread::scope(|scope| {
            let (tell, told) = channel();
            let mut at_work = Vec::new();
            for (place, planned) in planned.iter().enumerate() {
                let (job, data, halving, tell) = (*job, data.shallow(), (*halving).clone(), tell.clone());
                at_work.push(scope.spawn(move || {
                    tch::set_num_threads(share.max(1));
                    one(job, planned, &data, halving, &Group::alone(), &mut |event| {
                        // Nobody listens any more if the search is over.
                        let _ = tell.send((place, event.clone()));
                    })
                }));
            }
            drop(tell);
            told.iter().filter(|(place, _)| *place == 0).for_each(|(_, event)| emit(&event));
            let joined = at_work.into_iter().map(|thread| thread.join());
            joined.map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }
}

fn one(
    job: &TrainJob,
    planned: &Planned,
    data: &Data,
    mut halving: Halving<'_>,
    group: &Group,
    emit: &mut dyn FnMut(&TrainEvent),
) -> Ended {
    let started = Instant::now();
    let go_on = &mut |report: &EpochReport| halving.goes_on(report);
    let keeper = keeper(job, &planned.train, &format!("trial-{}", planned.trial), group);
    let fitted = keeper.and_then(|keeper| fit(&planned.train, data, &mut Watch { emit, go_on, keeper, group }));
    Ended { fitted, seconds: started.elapsed().as_secs_f64() }
}
