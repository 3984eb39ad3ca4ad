//! How much rows count.

use crate::unusable::Unusable;

/// How much each row counts: numbers from 0 on, or all the same.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a>(Option<&'a [f64]>);

impl<'a> Weights<'a> {
    /// A weight for each row.
    ///
    /// # Errors
    /// A weight is below zero, NaN or infinite.
    pub fn new(weights: &'a [f64]) -> Result<Self, Unusable> {
        match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            Some(row) => Err(Unusable::Weight { row, value: weights[row] }),
            None => Ok(Weights(Some(weights))),
        }
    }

    /// How often each row was drawn.
    pub(crate) fn drawn(weights: &'a [f64]) -> Self {
        Weights(Some(weights))
    }

    /// All rows count once.
    pub(crate) fn equal() -> Self {
        Weights(None)
    }

    pub(crate) fn of(&self, row: usize) -> f64 {
        self.0.map_or(1.0, |weights| weights[row])
    }

    /// Whether they are weights of so many rows, one of which counts at all.
    pub(crate) fn count_among(&self, rows: usize) -> bool {
        let counts = |weights: &[f64]| weights.len() == rows && weights.iter().any(|weight| *weight > 0.0);
        rows > 0 && self.0.is_none_or(counts)
    }
}
