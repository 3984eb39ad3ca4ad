//! About which values lie where among all of them: numbers.

use arrow::datatypes::DataType;

use crate::bytes::Reader;
use crate::error::AggregateError;
use crate::states::bags::{Outcome, Store};
use crate::states::buckets::{Buckets, NearQuantile};

/// What `approx_quantile` keeps: DDSketch, whose answers are within one percent of the value at the rank that is asked for.
/// It holds 16 bytes for each bucket in use, of which there are about 115 for every power of ten that the values span.
#[derive(Clone, Debug, Default)]
pub struct Quantiles(Buckets);

impl Quantiles {
    /// Takes finite values.
    pub fn add(&mut self, values: &[f64]) {
        self.0.add_all(values);
    }

    /// Takes all that another sketch has taken.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// An estimate of the value at rank `floor(q (n - 1))` of `n` values, for a `q` between 0 and 1; none if there are no
    /// values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        NearQuantile(q.clamp(0.0, 1.0)).value(&self.0)
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Where values are, in their order: an estimate within one percent, and how many of them there are.
    pub fn places(&self) -> impl Iterator<Item = (f64, u64)> {
        self.0.estimates()
    }

    /// Appends the byte form.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.0.write(out);
    }

    /// The sketch that was written.
    ///
    /// # Errors
    /// [`AggregateError::State`] if the bytes are truncated or corrupted.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        let mut buckets = Buckets::default();
        buckets.read(&DataType::Float64, reader)?;
        Ok(Quantiles(buckets))
    }
}
