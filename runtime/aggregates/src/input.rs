//! What an aggregate is asked for with: its argument's type, its constant parameters and its windows.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use crate::columns;
use crate::error::AggregateError;
use crate::kernel::Kernel;

/// What a kernel needs to know before it sees values.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The type of the argument column; none counts rows.
    pub argument: Option<&'a DataType>,
    /// The constants of the call.
    pub parameters: &'a Parameters,
    /// The length of every window in microseconds; none where a window is not a length of time.
    pub windows: &'a [Option<i64>],
}

/// A constant argument of an aggregate.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Parameter {
    /// A whole number, such as the `k` of `top_k`.
    Integer(i64),
    /// A number, such as the `q` of `quantile`.
    Number(#[serde(with = "bits")] f64),
    /// A length of time in microseconds, such as the `half_life` of `ewma`.
    Duration(i64),
}

/// Numbers by their bits, which every format keeps.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        number.to_bits().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        u64::deserialize(deserializer).map(f64::from_bits)
    }
}

/// The constant arguments of an aggregate by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parameters(BTreeMap<String, Parameter>);

impl Parameters {
    /// No parameters.
    pub fn new() -> Self {
        Parameters::default()
    }

    /// The parameters with one more, which replaces another one of its name.
    #[must_use]
    pub fn with(mut self, name: &str, parameter: Parameter) -> Self {
        self.0.insert(name.to_owned(), parameter);
        self
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<Parameter> {
        self.0.get(name).copied()
    }

    /// The whole number of that name.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Parameter::Integer(value) => Some(value),
            Parameter::Number(_) | Parameter::Duration(_) => None,
        }
    }

    /// The number of that name; a whole number is one too.
    #[expect(clippy::cast_precision_loss, reason = "numbers are float64 in the language")]
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Parameter::Integer(value) => Some(value as f64),
            Parameter::Number(value) => Some(value),
            Parameter::Duration(_) => None,
        }
    }

    /// The length of time of that name, in microseconds.
    pub fn duration(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Parameter::Duration(value) => Some(value),
            Parameter::Integer(_) | Parameter::Number(_) => None,
        }
    }

    /// Every parameter, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Parameter)> {
        self.0.iter().map(|(name, parameter)| (name.as_str(), *parameter))
    }
}

impl<N: Into<String>> FromIterator<(N, Parameter)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (N, Parameter)>>(parameters: I) -> Self {
        Parameters(parameters.into_iter().map(|(name, parameter)| (name.into(), parameter)).collect())
    }
}

impl Parameter {
    /// The kind of the parameter, and its bits.
    fn bits(self) -> (u8, u64) {
        match self {
            Parameter::Integer(value) => (0, value.cast_unsigned()),
            Parameter::Number(value) => (1, value.to_bits()),
            Parameter::Duration(value) => (2, value.cast_unsigned()),
        }
    }
}

/// Numbers are equal if their bits are, so that a NaN equals itself.
impl PartialEq for Parameter {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Parameter {}

impl Hash for Parameter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits().hash(state);
    }
}

impl<'a> Input<'a> {
    /// The argument's type, if the kernel is defined on it.
    pub(crate) fn defined(&self, kernel: &dyn Kernel) -> Result<&'a DataType, AggregateError> {
        self.argument
            .filter(|_| kernel.output(self.argument).is_some())
            .ok_or_else(|| AggregateError::undefined(kernel.name(), self.argument))
    }

    /// The argument's type, if the kernel is defined on it and its values have a byte form.
    pub(crate) fn stored(&self, kernel: &dyn Kernel) -> Result<&'a DataType, AggregateError> {
        let ty = self.defined(kernel)?;
        if columns::storable(ty) { Ok(ty) } else { Err(AggregateError::undefined(kernel.name(), self.argument)) }
    }

    /// A whole number of at least one.
    pub(crate) fn size(&self, kernel: &dyn Kernel, parameter: &'static str) -> Result<usize, AggregateError> {
        let size = self.parameters.integer(parameter).filter(|size| *size >= 1);
        size.and_then(|size| usize::try_from(size).ok()).ok_or(AggregateError::Parameter {
            kernel: kernel.name(),
            parameter,
            expected: "a whole number of at least 1",
        })
    }

    /// A number between zero and one.
    pub(crate) fn share(&self, kernel: &dyn Kernel, parameter: &'static str) -> Result<f64, AggregateError> {
        let share = self.parameters.number(parameter).filter(|share| (0.0..=1.0).contains(share));
        share.ok_or(AggregateError::Parameter {
            kernel: kernel.name(),
            parameter,
            expected: "a number between 0 and 1",
        })
    }

    /// A length of time of at least a microsecond, in microseconds.
    pub(crate) fn duration(&self, kernel: &dyn Kernel, parameter: &'static str) -> Result<i64, AggregateError> {
        let duration = self.parameters.duration(parameter).filter(|duration| *duration >= 1);
        duration.ok_or(AggregateError::Parameter {
            kernel: kernel.name(),
            parameter,
            expected: "a duration of at least a microsecond",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Parameter, Parameters};

    #[test]
    fn parameters_are_read_by_type() {
        let parameters = Parameters::new().with("k", Parameter::Integer(3)).with("q", Parameter::Number(0.5));
        assert_eq!(
            (parameters.integer("k"), parameters.number("k"), parameters.duration("k")),
            (Some(3), Some(3.0), None)
        );
        assert_eq!((parameters.integer("q"), parameters.number("q"), parameters.number("r")), (None, Some(0.5), None));
        let pairs = [("q", Parameter::Number(0.5)), ("k", Parameter::Integer(3))];
        assert_eq!(parameters, pairs.into_iter().collect());
        assert_ne!(parameters, parameters.clone().with("q", Parameter::Duration(1)));
    }
}
