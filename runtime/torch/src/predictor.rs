//! A model that answers rows in memory, as serving asks it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field as ArrowField, Schema};
use mlsys_plan::{Field, Type};
use mlsys_training::predicted;

use crate::artefact::{Answer, Model};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::predict::answered;
use crate::training::use_threads;

/// A loaded model, ready to answer. It answers one batch at a time.
pub struct Predictor {
    model: Mutex<Model>,
    answer: Answer,
    required: Vec<String>,
}

/// Answers to rows.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The columns of [`Predictor::outputs`], one row for each that was asked; null where there is no answer.
    pub columns: RecordBatch,
    /// Rows without an answer, ascending, with the reason.
    pub failed: Vec<(usize, String)>,
}

impl Predictor {
    /// Reads a model from its folder. `required` are the inputs without which it has no answer; `threads` is how many
    /// libtorch uses for one batch, in this whole process.
    ///
    /// # Errors
    /// The folder holds no model, or one of another format.
    pub fn load(folder: &Path, required: Vec<String>, threads: Option<u32>) -> Result<Self, TrainError> {
        use_threads(threads);
        let model = Model::load(folder)?;
        Ok(Predictor { answer: model.answer(), model: Mutex::new(model), required })
    }

    /// The columns of its answers: `prediction`, and what is told beside it.
    pub fn outputs(&self) -> Vec<Field> {
        let field = |name: &str, ty: Type| Field {
            name: name.to_owned(),
            ty: ty.optional(),
            default: None,
            pii: false,
            line: 0,
        };
        match &self.answer {
            Answer::Probability | Answer::Number => vec![field(predicted::PREDICTION, Type::Float64)],
            Answer::Classes(_) => {
                vec![field(predicted::PREDICTION, Type::String), field(predicted::PROBABILITY, Type::Float64)]
            }
            Answer::Quantiles(_) => vec![
                field(predicted::PREDICTION, Type::Float64),
                field(predicted::QUANTILES, Type::List(Box::new(Type::Float64))),
            ],
        }
    }

    /// Answers to rows with the model's inputs.
    ///
    /// # Errors
    /// An input is not there, or has an unusable type.
    pub fn predict(&self, rows: &RecordBatch) -> Result<Predictions, TrainError> {
        let count = rows.num_rows();
        let needed = self.required.iter().map(|name| {
            let column = rows.column_by_name(name);
            column
                .ok_or_else(|| TrainError::Column { name: name.clone(), reason: "there is no such column".to_owned() })
        });
        let needed = needed.collect::<Result<Vec<&ArrayRef>, TrainError>>()?;
        let mut failed = Vec::new();
        let complete: Vec<usize> = (0..count)
            .filter(|row| match needed.iter().position(|column| column.is_null(*row)) {
                Some(place) => {
                    failed.push((*row, format!("the input `{}` is missing", self.required[place])));
                    false
                }
                None => true,
            })
            .collect();
        let examples = Examples::beside(std::slice::from_ref(rows));
        let model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let predictions = model.predict(&examples, &complete)?;
        drop(model);
        let width = predictions.len() / complete.len().max(1);
        let mut all: Vec<Option<&[f64]>> = vec![None; count];
        for (row, prediction) in complete.into_iter().zip(predictions.chunks(width.max(1))) {
            if prediction.iter().all(|number| number.is_finite()) {
                all[row] = Some(prediction);
            } else {
                failed.push((row, "the model's answer is no finite number".to_owned()));
            }
        }
        failed.sort_by_key(|(row, _)| *row);
        Ok(Predictions { columns: columns(answered(&self.answer, &all), count)?, failed })
    }
}

fn columns(named: Vec<(&'static str, ArrayRef)>, rows: usize) -> Result<RecordBatch, TrainError> {
    let fields = named.iter().map(|(name, column)| ArrowField::new(*name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = named.into_iter().map(|(_, column)| column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
        .map_err(|error| TrainError::Column { name: predicted::PREDICTION.to_owned(), reason: error.to_string() })
}
