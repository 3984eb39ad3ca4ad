//! Spaces: from a coordinate to a value. Coordinates are evenly distributed where the space says so.

use mlsys_plan::{Call, Dimension, Value};

use crate::error::TrainError;

/// The values that an argument or a setting may take.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Space {
    /// One of these; the coordinate is the index.
    Choice(Vec<Value>),
    /// A whole number; the coordinate is the number.
    Integer { low: f64, high: f64 },
    /// A number; the coordinate is the number.
    Uniform { low: f64, high: f64 },
    /// A positive number; the coordinate is its natural logarithm.
    Log { low: f64, high: f64 },
}

/// Builds a space from its bounds.
type Build = fn(f64, f64) -> Space;

/// Every space by its name in the language; a list of values needs none.
pub(crate) const SPACES: &[(&str, Build)] = &[
    ("integer", |low, high| Space::Integer { low, high }),
    ("log", |low, high| Space::Log { low: low.ln(), high: high.ln() }),
    ("uniform", |low, high| Space::Uniform { low, high }),
];

impl Space {
    /// The space of a searched name.
    pub(super) fn of(dimension: &Dimension) -> Result<Self, TrainError> {
        let call: &Call = &dimension.space;
        if let (true, Some(values)) = (call.name == "choice", call.list("of")) {
            return Ok(Space::Choice(values.to_vec()));
        }
        let unknown = || TrainError::Unsupported(format!("the space `{call}` of `{}` is not known", dimension.name));
        let (_, build) = SPACES.iter().find(|(name, _)| *name == call.name).ok_or_else(unknown)?;
        let (low, high) = call.float("low").zip(call.float("high")).ok_or_else(unknown)?;
        Ok(build(low, high))
    }

    /// The value at a coordinate.
    pub(super) fn value(&self, at: f64) -> Value {
        match self {
            Space::Choice(values) => values.get(index(at)).cloned().unwrap_or(Value::Null),
            #[expect(clippy::cast_possible_truncation, reason = "a whole number between two integers")]
            Space::Integer { .. } => Value::Int(at as i64),
            Space::Uniform { .. } => Value::Float(at),
            Space::Log { .. } => Value::Float(at.exp()),
        }
    }

    /// How many values there are, if they can be counted.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Space::Choice(values) => Some(values.len()),
            Space::Integer { low, high } => Some(index(high - low) + 1),
            Space::Uniform { .. } | Space::Log { .. } => None,
        }
    }

    /// The bounds between which numbers are drawn; none for a choice. A whole number owns the half on either side.
    pub(super) fn bounds(&self) -> Option<(f64, f64)> {
        match self {
            Space::Choice(_) => None,
            Space::Integer { low, high } => Some((low - 0.5, high + 0.5)),
            Space::Uniform { low, high } | Space::Log { low, high } => Some((*low, *high)),
        }
    }

    /// The coordinate for a drawn number.
    pub(super) fn settle(&self, drawn: f64) -> f64 {
        match self {
            Space::Integer { low, high } => drawn.round().clamp(*low, *high),
            Space::Choice(_) | Space::Uniform { .. } | Space::Log { .. } => drawn,
        }
    }
}

/// A coordinate as an index.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "coordinates of choices are small indices")]
pub(super) fn index(at: f64) -> usize {
    at.max(0.0) as usize
}

/// An index as a coordinate.
#[expect(clippy::cast_precision_loss, reason = "choices are few")]
pub(super) fn coordinate(index: usize) -> f64 {
    index as f64
}
