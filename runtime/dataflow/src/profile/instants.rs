//! The profile of timestamps and dates.

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{self, cast};
use arrow::datatypes::{DataType, Int64Type};
use mlsys_aggregates::sketches::{Bins, Moments};
use mlsys_aggregates::{AggregateError, Reader, write_signed};
use mlsys_plan::Literal;
use serde_json::Value;

use super::bars::{RANKS, bars};
use super::report::{Bar, ColumnReport};
use crate::error::DataError;

/// What instants are counted in, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Timestamps.
    Microsecond,
    /// Dates.
    Day,
}

/// What is kept of instants. Quantiles come from bins of equal width: an error relative to the distance from 1970, as that of
/// the sketch for numbers, would be half a year today.
#[derive(Clone, Debug)]
pub(super) struct Instants {
    unit: Unit,
    /// The first and the last one; none while there is none.
    extremes: Option<(i64, i64)>,
    moments: Option<Moments>,
    bins: Bins,
}

impl Instants {
    pub(super) fn new(unit: Unit) -> Self {
        Instants { unit, extremes: None, moments: None, bins: Bins::default() }
    }

    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// Takes present values.
    #[expect(clippy::cast_precision_loss, reason = "moments are those of floats")]
    pub(super) fn update(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        // Days are as wide as 32 bits, which are widened first.
        let values = if self.unit == Unit::Day { cast(values, &DataType::Int32)? } else { ArrayRef::clone(values) };
        let values = cast(&values, &DataType::Int64)?;
        let values = values.as_primitive::<Int64Type>();
        self.widen(compute::min(values).zip(compute::max(values)));
        let floats: Vec<f64> = values.values().iter().map(|value| *value as f64).collect();
        self.add_moments(Moments::of(&floats));
        self.bins.add(values.values());
        Ok(())
    }

    fn widen(&mut self, by: Option<(i64, i64)>) {
        self.extremes = match (self.extremes, by) {
            (Some((first, last)), Some((earlier, later))) => Some((first.min(earlier), last.max(later))),
            (extremes, by) => extremes.or(by),
        };
    }

    fn add_moments(&mut self, later: Option<Moments>) {
        self.moments = match (self.moments, later) {
            (Some(moments), Some(later)) => Some(moments.merge(later)),
            (moments, later) => moments.or(later),
        };
    }

    pub(super) fn merge(&mut self, other: &Instants) {
        self.widen(other.extremes);
        self.add_moments(other.moments);
        self.bins.merge(&other.bins);
    }

    #[expect(clippy::cast_precision_loss, reason = "ranges of a histogram are about right")]
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond all instants becomes the last one")]
    pub(super) fn report(&self, report: &mut ColumnReport) {
        let Some(((first, last), moments)) = self.extremes.zip(self.moments) else { return };
        report.min = Some(self.text(first));
        report.max = Some(self.text(last));
        report.mean = Some(self.text((moments.mean().round() as i64).clamp(first, last)));
        report.stddev = moments.deviation().map(|deviation| deviation * self.seconds());
        for (name, q) in RANKS {
            let near = self.bins.quantile(q).map(|near| self.text(near.clamp(first, last)));
            report.quantiles.extend(near.map(|near| (name.to_owned(), near)));
        }
        let text = |at: f64| self.text((at.round() as i64).clamp(first, last));
        let bar = |(from, to, count)| Bar { from: text(from), to: text(to), count };
        let places = self.bins.places().map(|(place, count)| (place as f64, count));
        report.histogram = bars(places, first as f64, last as f64).into_iter().map(bar).collect();
    }

    /// The length of the unit in seconds.
    fn seconds(&self) -> f64 {
        match self.unit {
            Unit::Microsecond => 1e-6,
            Unit::Day => 86_400.0,
        }
    }

    /// An instant as the language writes it, without the sign in front.
    fn text(&self, at: i64) -> Value {
        let literal = match self.unit {
            Unit::Microsecond => Literal::Timestamp(at),
            Unit::Day => Literal::Date(i32::try_from(at).unwrap_or(i32::MAX)),
        };
        Value::from(literal.to_string().trim_start_matches('@'))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.bins.write(out);
        let Some(((first, last), moments)) = self.extremes.zip(self.moments) else { return out.push(0) };
        out.push(1);
        write_signed(out, first);
        write_signed(out, last);
        moments.write(out);
    }

    pub(super) fn read(unit: Unit, reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        let bins = Bins::read(reader)?;
        let (extremes, moments) = match reader.byte()? {
            0 => (None, None),
            1 => (Some((reader.signed()?, reader.signed()?)), Some(Moments::read(reader)?)),
            _ => return Err(reader.error("a column of instants is corrupted")),
        };
        if extremes.is_some_and(|(first, last)| first > last) {
            return Err(reader.error("the first instant is after the last"));
        }
        Ok(Instants { unit, extremes, moments, bins })
    }
}
