//! The profile of numbers and durations.

use std::borrow::Cow;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{self, cast};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use mlsys_aggregates::sketches::{Moments, Quantiles};
use mlsys_aggregates::{AggregateError, Reader, write_count, write_float, write_signed};
use serde_json::Value;

use super::bars::{RANKS, bars};
use super::report::{Bar, ColumnReport, Specials};
use crate::error::DataError;

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole numbers.
    Integer,
    /// Floating-point numbers.
    Float,
    /// Durations, in microseconds; reports tell seconds.
    Duration,
}

/// The least and the greatest value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Extremes {
    Integers(i64, i64),
    Floats(f64, f64),
}

/// What is kept of numbers. Extremes and counts are exact; moments and quantiles are those of the values as `float64`.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    kind: Kind,
    /// None while there is no finite value.
    extremes: Option<Extremes>,
    moments: Option<Moments>,
    quantiles: Quantiles,
    specials: Specials,
}

impl Numbers {
    pub(super) fn new(kind: Kind) -> Self {
        let (extremes, moments) = (None, None);
        Numbers { kind, extremes, moments, quantiles: Quantiles::default(), specials: Specials::default() }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Takes present values.
    pub(super) fn update(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        match self.kind {
            Kind::Float => {
                let values = cast(values, &DataType::Float64)?;
                self.update_floats(values.as_primitive::<Float64Type>().values());
            }
            Kind::Integer | Kind::Duration => self.update_integers(values)?,
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "moments and quantiles are those of floats")]
    fn update_integers(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        let values = cast(values, &DataType::Int64)?;
        let values = values.as_primitive::<Int64Type>();
        let extremes = compute::min(values).zip(compute::max(values));
        self.widen(extremes.map(|(least, greatest)| Extremes::Integers(least, greatest)));
        let floats: Vec<f64> = values.values().iter().map(|value| *value as f64).collect();
        self.sketch(&floats);
        Ok(())
    }

    fn update_floats(&mut self, values: &[f64]) {
        let finite = self.finite(values);
        let least = finite.iter().copied().reduce(f64::min);
        let greatest = finite.iter().copied().reduce(f64::max);
        // Adding zero makes one of both zeros.
        self.widen(least.zip(greatest).map(|(least, greatest)| Extremes::Floats(least + 0.0, greatest + 0.0)));
        self.sketch(&finite);
    }

    /// The finite values; the others are counted.
    fn finite<'a>(&mut self, values: &'a [f64]) -> Cow<'a, [f64]> {
        if values.iter().all(|value| value.is_finite()) {
            return Cow::Borrowed(values);
        }
        for value in values {
            self.specials.nan += u64::from(value.is_nan());
            self.specials.infinite += u64::from(*value == f64::INFINITY);
            self.specials.negative_infinite += u64::from(*value == f64::NEG_INFINITY);
        }
        Cow::Owned(values.iter().copied().filter(|value| value.is_finite()).collect())
    }

    fn sketch(&mut self, finite: &[f64]) {
        self.add_moments(Moments::of(finite));
        self.quantiles.add(finite);
    }

    fn add_moments(&mut self, later: Option<Moments>) {
        self.moments = match (self.moments, later) {
            (Some(moments), Some(later)) => Some(moments.merge(later)),
            (moments, later) => moments.or(later),
        };
    }

    fn widen(&mut self, by: Option<Extremes>) {
        self.extremes = match (self.extremes, by) {
            (Some(extremes), Some(by)) => Some(extremes.and(by)),
            (extremes, by) => extremes.or(by),
        };
    }

    pub(super) fn merge(&mut self, other: &Numbers) {
        self.widen(other.extremes);
        self.add_moments(other.moments);
        self.quantiles.merge(&other.quantiles);
        self.specials = self.specials.and(other.specials);
    }

    pub(super) fn report(&self, report: &mut ColumnReport) {
        report.specials = (self.specials != Specials::default()).then_some(self.specials);
        let Some((extremes, moments)) = self.extremes.zip(self.moments) else { return };
        let (least, greatest) = extremes.as_floats();
        report.min = Some(extremes.least(self.kind));
        report.max = Some(extremes.greatest(self.kind));
        report.mean = Some(self.number(moments.mean().clamp(least, greatest)));
        report.stddev =
            moments.deviation().filter(|deviation| deviation.is_finite()).map(|deviation| self.scaled(deviation));
        for (name, q) in RANKS {
            let near = self.quantiles.quantile(q).map(|near| self.number(near.clamp(least, greatest)));
            report.quantiles.extend(near.map(|near| (name.to_owned(), near)));
        }
        let bar = |(from, to, count)| Bar { from: self.number(from), to: self.number(to), count };
        report.histogram = bars(self.quantiles.places(), least, greatest).into_iter().map(bar).collect();
    }

    /// A number in the unit of reports.
    fn scaled(&self, value: f64) -> f64 {
        if self.kind == Kind::Duration { value / 1e6 } else { value }
    }

    fn number(&self, value: f64) -> Value {
        Value::from(self.scaled(value))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.specials.nan);
        write_count(out, self.specials.infinite);
        write_count(out, self.specials.negative_infinite);
        self.quantiles.write(out);
        let Some((extremes, moments)) = self.extremes.zip(self.moments) else { return out.push(0) };
        out.push(1);
        extremes.write(out);
        moments.write(out);
    }

    pub(super) fn read(kind: Kind, reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        let (nan, infinite, negative_infinite) = (reader.count()?, reader.count()?, reader.count()?);
        let specials = Specials { nan, infinite, negative_infinite };
        let quantiles = Quantiles::read(reader)?;
        let (extremes, moments) = match reader.byte()? {
            0 => (None, None),
            1 => (Some(Extremes::read(kind, reader)?), Some(Moments::read(reader)?)),
            _ => return Err(reader.error("a column of numbers is corrupted")),
        };
        Ok(Numbers { kind, extremes, moments, quantiles, specials })
    }
}

impl Extremes {
    fn and(self, other: Extremes) -> Extremes {
        match (self, other) {
            (Extremes::Integers(least, greatest), Extremes::Integers(lesser, greater)) => {
                Extremes::Integers(least.min(lesser), greatest.max(greater))
            }
            (Extremes::Floats(least, greatest), Extremes::Floats(lesser, greater)) => {
                Extremes::Floats(least.min(lesser), greatest.max(greater))
            }
            // Numbers of one kind have extremes of one kind.
            (extremes, _) => extremes,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "estimates are held against them")]
    fn as_floats(self) -> (f64, f64) {
        match self {
            Extremes::Integers(least, greatest) => (least as f64, greatest as f64),
            Extremes::Floats(least, greatest) => (least, greatest),
        }
    }

    fn least(self, kind: Kind) -> Value {
        match self {
            Extremes::Integers(least, _) => integer(least, kind),
            Extremes::Floats(least, _) => Value::from(least),
        }
    }

    fn greatest(self, kind: Kind) -> Value {
        match self {
            Extremes::Integers(_, greatest) => integer(greatest, kind),
            Extremes::Floats(_, greatest) => Value::from(greatest),
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Extremes::Integers(least, greatest) => [least, greatest].into_iter().for_each(|one| write_signed(out, one)),
            Extremes::Floats(least, greatest) => [least, greatest].into_iter().for_each(|one| write_float(out, one)),
        }
    }

    fn read(kind: Kind, reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        if kind != Kind::Float {
            let (least, greatest) = (reader.signed()?, reader.signed()?);
            return if least <= greatest { Ok(Extremes::Integers(least, greatest)) } else { Err(reader.error(MIXED)) };
        }
        let (least, greatest) = (reader.float()?, reader.float()?);
        let in_order = least.is_finite() && greatest.is_finite() && least <= greatest;
        if in_order { Ok(Extremes::Floats(least, greatest)) } else { Err(reader.error(MIXED)) }
    }
}

const MIXED: &str = "the least value is greater than the greatest";

/// A whole number, or a duration in seconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds become seconds")]
fn integer(value: i64, kind: Kind) -> Value {
    if kind == Kind::Duration { Value::from(value as f64 / 1e6) } else { Value::from(value) }
}

impl Specials {
    fn and(self, other: Specials) -> Specials {
        Specials {
            nan: self.nan.saturating_add(other.nan),
            infinite: self.infinite.saturating_add(other.infinite),
            negative_infinite: self.negative_infinite.saturating_add(other.negative_infinite),
        }
    }
}
