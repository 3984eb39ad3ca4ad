//! What networks read: numbers, learnt embeddings of categories, and lists pooled to one vector each, side by side.

use tch::nn::{self, Module, Path};
use tch::{Kind, Tensor};

use crate::encoders::{Encoded, Encoders, Form, Sequence, Table};
use crate::sizes::dimension;

/// The inputs of a network as one row of numbers.
pub(super) struct Inputs {
    /// Which of the numbers are read; none for all of them.
    numbers: Option<Tensor>,
    /// The place of each category that is read, and its embeddings.
    categories: Vec<(i64, nn::Embedding)>,
    sequences: Vec<(usize, Pooled)>,
    width: usize,
}

/// How a list becomes one vector.
enum Pooled {
    /// The mean of its items' embeddings.
    Items(nn::Embedding),
    /// Mean, last number, and how full the list is.
    Numbers,
}

impl Inputs {
    /// All inputs.
    pub(super) fn all(path: &Path<'_>, encoders: &Encoders) -> Self {
        Inputs::of(path, encoders, |_| true)
    }

    /// The inputs whose names are wanted.
    pub(super) fn of(path: &Path<'_>, encoders: &Encoders, wanted: impl Fn(&str) -> bool) -> Self {
        let mut inputs = Inputs { numbers: None, categories: Vec::new(), sequences: Vec::new(), width: 0 };
        let (mut numbers, mut at, mut category, mut sequence) = (Vec::new(), 0_i64, 0_i64, 0_usize);
        for (name, form) in encoders.forms() {
            let wanted = wanted(name);
            match form {
                Form::Numbers(width, _) => {
                    let width = dimension(width);
                    if wanted {
                        numbers.extend(at..at + width);
                    }
                    at += width;
                }
                Form::Category(table, _) => {
                    if wanted {
                        inputs.categories.push((category, embedding(&(path / "embedding" / category), table)));
                        inputs.width += table.width;
                    }
                    category += 1;
                }
                Form::Items(table, _, _) => {
                    if wanted {
                        let embedding = embedding(&(path / "items" / sequence), table);
                        inputs.sequences.push((sequence, Pooled::Items(embedding)));
                        inputs.width += table.width;
                    }
                    sequence += 1;
                }
                Form::Series(..) => {
                    if wanted {
                        inputs.sequences.push((sequence, Pooled::Numbers));
                        inputs.width += 3;
                    }
                    sequence += 1;
                }
            }
        }
        inputs.width += numbers.len();
        inputs.numbers = (dimension(numbers.len()) < at).then(|| Tensor::from_slice(&numbers));
        inputs
    }

    /// How many numbers a row has.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// `rows × width`.
    pub(super) fn forward(&self, rows: &Encoded) -> Tensor {
        let numbers = match &self.numbers {
            None => rows.numbers.shallow_clone(),
            Some(chosen) => rows.numbers.index_select(1, &chosen.to_device(rows.numbers.device())),
        };
        if self.categories.is_empty() && self.sequences.is_empty() {
            return numbers;
        }
        let mut columns = vec![numbers];
        for (at, embedding) in &self.categories {
            columns.push(embedding.forward(&rows.categories.select(1, *at)));
        }
        for (at, pooled) in &self.sequences {
            columns.push(pooled.forward(&rows.sequences[*at], rows.numbers.kind()));
        }
        Tensor::cat(&columns, 1)
    }
}

impl Pooled {
    fn forward(&self, sequence: &Sequence, kind: Kind) -> Tensor {
        match (self, sequence) {
            (Pooled::Items(embedding), Sequence::Items(items)) => {
                mean_of(&embedding.forward(items), &sequence.present())
            }
            (_, Sequence::Numbers(numbers)) => {
                let there = numbers.nan_to_num(Some(0.0), None, None).to_kind(kind);
                let count = sequence.present().to_kind(kind).sum_dim_intlist(1, true, kind);
                let mean = there.sum_dim_intlist(1, true, kind) / count.clamp_min(1.0);
                let last = there.narrow(1, there.size()[1] - 1, 1);
                #[expect(clippy::cast_precision_loss, reason = "lists are short")]
                let full = count / there.size()[1] as f64;
                Tensor::cat(&[mean, last, full], 1)
            }
            (Pooled::Numbers, Sequence::Items(_)) => sequence.present().to_kind(kind).mean_dim(1, true, kind),
        }
    }
}

/// `rows × width`, the mean of the items that are there, of `rows × length × width`.
pub(super) fn mean_of(items: &Tensor, present: &Tensor) -> Tensor {
    let kind = items.kind();
    let present = present.to_kind(kind).unsqueeze(2);
    let count = present.sum_dim_intlist(1, false, kind).clamp_min(1.0);
    (items * present).sum_dim_intlist(1, false, kind) / count
}

/// A table of embeddings.
pub(super) fn embedding(path: &Path<'_>, table: Table) -> nn::Embedding {
    let (size, width) = (dimension(table.size), dimension(table.width));
    let embedding = nn::embedding(path, size, width, nn::EmbeddingConfig::default());
    // What training never sees must not carry noise: padding, unknown and missing values begin at the origin.
    let _ = tch::no_grad(|| embedding.ws.narrow(0, 0, dimension(table.reserved)).zero_());
    embedding
}
