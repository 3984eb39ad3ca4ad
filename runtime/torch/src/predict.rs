//! A prediction job: rows are read, predicted and written a batch at a time.

mod lane;
mod output;

use std::time::{Duration, Instant};

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute;
use mlsys_plan::columns;
use mlsys_training::{PredictJob, TrainEvent};

use self::lane::{Lane, rows_of};
use self::output::Output;
pub(crate) use self::output::answered;
use crate::artefact::Model;
use crate::error::TrainError;
use crate::examples::Examples;
use crate::training::use_threads;

/// How many rows are in memory at once.
const BATCH: usize = 65_536;

/// The shortest time between two events.
const BEAT: Duration = Duration::from_millis(200);

/// Predicts all rows of a job; how many predictions were written, rows without one included. Each output appears complete or
/// not at all. `emit` is told about progress.
///
/// # Errors
/// The model or the rows cannot be read, the rows lack an input of the model, or an output cannot be written.
pub fn predict(job: &PredictJob, emit: &mut dyn FnMut(&TrainEvent)) -> Result<u64, TrainError> {
    use_threads(job.threads);
    let model = Model::load(&job.model)?;
    let files = job.rows.first().map(Vec::as_slice).unwrap_or_default();
    let lengths = files.iter().map(|file| rows_of(file)).collect::<Result<Vec<_>, _>>()?;
    let total = lengths.iter().sum::<usize>() as u64;
    let mut lanes: Vec<Lane> = job.rows.iter().map(|files| Lane::new(files)).collect();
    let (mut done, mut written, mut beat) = (0, 0, Instant::now());
    for (length, path) in lengths.into_iter().zip(&job.outputs) {
        let mut output: Option<Output> = None;
        let mut left = length;
        // An output without rows has its columns, too.
        while left > 0 || output.is_none() {
            let rows = left.min(BATCH);
            let batch = one(job, &model, &mut lanes, rows)?;
            let into = match &mut output {
                Some(output) => output,
                None => output.insert(Output::create(path, &batch.schema())?),
            };
            into.write(&batch)?;
            left -= rows;
            done += rows as u64;
            written += batch.num_rows() as u64;
            if beat.elapsed() >= BEAT {
                emit(&TrainEvent::Predicted { rows: done, total });
                beat = Instant::now();
            }
        }
        if let Some(output) = output {
            output.finish()?;
        }
    }
    emit(&TrainEvent::Predicted { rows: done, total });
    emit(&TrainEvent::Done);
    Ok(written)
}

/// The next rows with their predictions.
fn one(job: &PredictJob, model: &Model, lanes: &mut [Lane], rows: usize) -> Result<RecordBatch, TrainError> {
    let mut tables = lanes.iter_mut().map(|lane| lane.next(rows)).collect::<Result<Vec<_>, _>>()?;
    if let Some(chosen) = chosen(&Examples::beside(&tables))? {
        for table in &mut tables {
            *table = compute::filter_record_batch(table, &chosen).map_err(|error| unusable(&error))?;
        }
    }
    let rows = Examples::beside(&tables);
    let complete = complete(job, &rows)?;
    let predictions = model.predict(&rows, &complete)?;
    let width = predictions.len() / complete.len().max(1);
    let mut all: Vec<Option<&[f64]>> = vec![None; rows.rows()];
    for (row, prediction) in complete.into_iter().zip(predictions.chunks(width.max(1))) {
        // A model whose weights or inputs are beyond all bounds has no answer.
        all[row] = Some(prediction).filter(|prediction| prediction.iter().all(|number| number.is_finite()));
    }
    output::batch(job, &rows, &model.answer(), &all)
}

/// Which rows are predicted; none for all of them.
fn chosen(rows: &Examples) -> Result<Option<BooleanArray>, TrainError> {
    if rows.column(columns::PART).is_err() {
        return Ok(None);
    }
    let parts = rows.texts(columns::PART)?;
    let chosen = (0..parts.len()).map(|row| Some(parts.is_valid(row) && parts.value(row) != columns::LEFT_OUT));
    Ok(Some(chosen.collect()))
}

/// The rows that have everything they need.
fn complete(job: &PredictJob, rows: &Examples) -> Result<Vec<usize>, TrainError> {
    let needed = job.required.iter().map(|name| rows.column(name)).collect::<Result<Vec<_>, _>>()?;
    let instants = rows.column(columns::AT)?;
    let is_complete = |row: &usize| instants.is_valid(*row) && needed.iter().all(|column| column.is_valid(*row));
    Ok((0..rows.rows()).filter(is_complete).collect())
}

fn unusable(error: &arrow::error::ArrowError) -> TrainError {
    TrainError::Column { name: columns::PART.to_owned(), reason: error.to_string() }
}
