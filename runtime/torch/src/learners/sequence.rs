//! A list input as a sequence of vectors, for learners that read one in order.

use mlsys_plan::Call;
use tch::nn::{self, Module, Path};
use tch::{Kind, Tensor};

use super::Shape;
use super::dense::linear;
use super::inputs::{Inputs, embedding};
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
        let sequence = &rows.sequences[self.at];
        let values = match (sequence, &self.embedding) {
            (Sequence::Items(items), Some(embedding)) => embedding.forward(items),
            (Sequence::Items(items), None) => items.to_kind(kind).unsqueeze(2),
            (Sequence::Numbers(numbers), _) => numbers.nan_to_num(Some(0.0), None, None).to_kind(kind).unsqueeze(2),
        };
        let present = sequence.present();
        let marked = present.to_kind(values.kind()).unsqueeze(2);
        (Tensor::cat(&[&values * &marked, marked], 2), present)
    }
}

/// What a list comes to beside the other inputs, through a hidden layer to the outputs.
pub(super) struct BesideOthers {
    others: Inputs,
    hidden: nn::Linear,
    output: nn::Linear,
}

impl BesideOthers {
    /// For lists that come to so many numbers, which is also how wide the hidden layer is.
    pub(super) fn build(shape: &Shape<'_>, width: usize) -> Self {
        let sequence = shape.call.string("sequence").unwrap_or_default();
        let others = Inputs::of(&(&shape.path / "others"), shape.encoders, |name| name != sequence);
        let hidden = linear(&(&shape.path / "hidden"), width + others.width(), width);
        let output = linear(&(&shape.path / "output"), width, shape.outputs);
        BesideOthers { others, hidden, output }
    }

    /// `rows × outputs`, of `rows × width`.
    pub(super) fn forward(&self, list: Tensor, rows: &Encoded) -> Tensor {
        let both = Tensor::cat(&[list, self.others.forward(rows)], 1);
        self.output.forward(&self.hidden.forward(&both).relu())
    }
}
