//! A network of which nothing is learnt: it is held against the examples as it is.

use std::time::Instant;

use mlsys_plan::{Part, Train};
use mlsys_training::{EpochReport, TrainEvent};
use tch::Device;

use super::{Fitted, Watch};
use crate::artefact::Model;
use crate::chance::FLOAT;
use crate::data::Data;
use crate::error::TrainError;
use crate::judging::Judge;
use crate::losses::Loss;

/// One pass without a step: the loss on the training part, and how good the network is on the validation part.
pub(super) fn judged(
    train: &Train,
    data: &Data,
    model: Model,
    loss: &Loss,
    watch: &mut Watch<'_>,
) -> Result<Fitted, TrainError> {
    let rows = data.beside.iter().map(|(part, beside)| (*part, beside.labels.len() as u64)).collect();
    (watch.emit)(&TrainEvent::Ready { rows, parameters: 0, epochs: 1, steps: 1 });
    let began = Instant::now();
    let mut total = 0.0;
    model.outputs(&data.encoded[&Part::Train], |start, outputs| {
        let targets = data.targets.f_narrow(0, start, outputs.size()[0])?;
        total += loss(&outputs.to_kind(FLOAT), &targets.to_device(Device::Cpu))?.sum(FLOAT).f_double_value(&[])?;
        Ok(())
    })?;
    let predictions = data.judged(&model, Part::Validate)?;
    let validate = Judge::of(train).scores(model.head(), &data.beside[&Part::Validate], &predictions)?;
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
    let loss = total / data.labels(Part::Train).len().max(1) as f64;
    let report = EpochReport { epoch: 1, loss, validate, seconds: began.elapsed().as_secs_f64() };
    (watch.emit)(&TrainEvent::Epoch(report.clone()));
    Ok(Fitted { model, epochs: vec![report], best_epoch: 1, rows_per_second: None, ended_after: None })
}
