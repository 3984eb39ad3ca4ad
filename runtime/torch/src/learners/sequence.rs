//! A list input as a sequence of vectors, for learners that read one in order.

use mlsys_plan::Call;
use tch::nn::{self, Module, Path};
use tch::{Kind, Tensor};

use super::inputs::embedding;
use crate::encoders::{Encoded, Encoders, Form, Sequence};
use crate::error::TrainError;

/// The list input that a learner names.
pub(super) struct Ordered {
    /// Its place among the list inputs.
    at: usize,
    embedding: Option<nn::Embedding>,
    /// How wide each item's vector is.
    pub(super) width: usize,
    /// How many items there are at most.
    pub(super) length: usize,
}

impl Ordered {
    /// The input that the argument `sequence` names.
    pub(super) fn build(path: &Path<'_>, call: &Call, encoders: &Encoders) -> Result<Self, TrainError> {
        let wanted = call.string("sequence").unwrap_or_default();
        let mut at = 0;
        for (name, form) in encoders.forms() {
            match form {
                Form::Items(table, length, _) if name == wanted => {
                    let embedding = Some(embedding(&(path / "item"), table));
                    return Ok(Ordered { at, embedding, width: table.width + 1, length });
                }
                Form::Series(length, _) if name == wanted => {
                    return Ok(Ordered { at, embedding: None, width: 2, length });
                }
                Form::Items(..) | Form::Series(..) => at += 1,
                Form::Numbers(..) | Form::Category(..) => {}
            }
        }
        let message = format!("`{}` reads a sequence, and the input `{wanted}` is none", call.name);
        Err(TrainError::Unsupported(message))
    }

    /// `rows × length × width`, the last number of each item saying whether it is there, and `rows × length` truth
    /// values that say so.
    pub(super) fn forward(&self, rows: &Encoded) -> (Tensor, Tensor) {
        let kind: Kind = rows.numbers.kind();
        let (values, present) = match (&rows.sequences[self.at], &self.embedding) {
            (Sequence::Items(items), Some(embedding)) => (embedding.forward(items), items.not_equal(0)),
            (Sequence::Items(items), None) => (items.to_kind(kind).unsqueeze(2), items.not_equal(0)),
            (Sequence::Numbers(numbers), _) => {
                let there = numbers.nan_to_num(Some(0.0), None, None).to_kind(kind);
                (there.unsqueeze(2), numbers.isnan().logical_not())
            }
        };
        let marked = present.to_kind(values.kind()).unsqueeze(2);
        (Tensor::cat(&[&values * &marked, marked], 2), present)
    }
}
