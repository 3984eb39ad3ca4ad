//! Encoders: how inputs become numbers. Fitted on the training part, stored with the model, applied the same everywhere.

mod category;
mod number;

use mlsys_plan::{Impute, ModelInput, Type};
use mlsys_training::InputReport;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

pub(crate) use category::Category;
pub(crate) use number::Number;

use crate::error::TrainError;
use crate::examples::Examples;

/// The encoders of a model's inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Encoders {
    /// In the order of the model's inputs.
    pub(crate) inputs: Vec<Encoder>,
}

/// The encoder of one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "encoder", rename_all = "snake_case")]
pub(crate) enum Encoder {
    /// A number, standardised.
    Number(Number),
    /// One of the values seen in training, embedded.
    Category(Category),
}

/// Encoded rows.
pub(crate) struct Encoded {
    /// `rows × numbers`, float32.
    pub(crate) numbers: Tensor,
    /// `rows × categories`, int64 indices into the embeddings.
    pub(crate) categories: Tensor,
}

impl Encoders {
    /// Fits an encoder for each input on the given rows.
    pub(crate) fn fit(
        inputs: &[ModelInput],
        impute: Option<&Impute>,
        examples: &Examples,
        rows: &[usize],
    ) -> Result<Self, TrainError> {
        let fitted: Result<Vec<Encoder>, TrainError> = inputs
            .iter()
            .map(|input| match input.ty.ty {
                Type::String | Type::Enum(_) => Category::fit(input, examples, rows).map(Encoder::Category),
                _ => Number::fit(input, impute, examples, rows).map(Encoder::Number),
            })
            .collect();
        Ok(Encoders { inputs: fitted? })
    }

    /// How many numbers a row becomes.
    pub(crate) fn width(&self) -> usize {
        self.numbers().map(Number::width).sum()
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = &Number> {
        self.inputs.iter().filter_map(|encoder| match encoder {
            Encoder::Number(number) => Some(number),
            Encoder::Category(_) => None,
        })
    }

    pub(crate) fn categories(&self) -> impl Iterator<Item = &Category> {
        self.inputs.iter().filter_map(|encoder| match encoder {
            Encoder::Category(category) => Some(category),
            Encoder::Number(_) => None,
        })
    }

    /// Encodes the given rows, in their order.
    pub(crate) fn encode(&self, examples: &Examples, rows: &[usize]) -> Result<Encoded, TrainError> {
        let width = self.width();
        let mut numbers = vec![0_f32; rows.len() * width];
        let mut at = 0;
        for encoder in self.numbers() {
            encoder.encode(examples, rows, &mut numbers, at, width)?;
            at += encoder.width();
        }
        let count = self.categories().count();
        let mut indices = vec![0_i64; rows.len() * count];
        for (at, encoder) in self.categories().enumerate() {
            encoder.encode(examples, rows, &mut indices, at, count)?;
        }
        Ok(Encoded { numbers: matrix(&numbers, rows.len(), width)?, categories: matrix(&indices, rows.len(), count)? })
    }

    /// How each input was encoded, for the report.
    pub(crate) fn report(&self) -> Vec<InputReport> {
        let each = self.inputs.iter().map(|encoder| match encoder {
            Encoder::Number(number) => number.report(),
            Encoder::Category(category) => category.report(),
        });
        each.collect()
    }
}

impl Encoded {
    /// The rows of a batch.
    pub(crate) fn select(&self, rows: &Tensor) -> Encoded {
        Encoded { numbers: self.numbers.index_select(0, rows), categories: self.categories.index_select(0, rows) }
    }

    /// Rows `start .. start + length`.
    pub(crate) fn narrow(&self, start: i64, length: i64) -> Encoded {
        Encoded { numbers: self.numbers.narrow(0, start, length), categories: self.categories.narrow(0, start, length) }
    }
}

fn matrix<T: tch::kind::Element + Copy>(values: &[T], rows: usize, columns: usize) -> Result<Tensor, TrainError> {
    let shape = [i64::try_from(rows).unwrap_or(i64::MAX), i64::try_from(columns).unwrap_or(i64::MAX)];
    if values.is_empty() {
        return Ok(Tensor::zeros(shape, (T::KIND, tch::Device::Cpu)));
    }
    Ok(Tensor::f_from_slice(values)?.f_view(shape)?)
}

/// The type of numbers that networks compute with.
pub(crate) const FLOAT: Kind = Kind::Float;
