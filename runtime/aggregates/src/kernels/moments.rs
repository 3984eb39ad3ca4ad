//! What `variance` and `stddev` share: how values spread around their mean.

use arrow::datatypes::DataType;

use super::floats::Summary;

/// The mean of a run of values and the sum of their squared distances from it. Runs are merged as Chan, Golub and
/// LeVeque do ("Algorithms for computing the sample variance", 1983): no squares of large values are subtracted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl From<f64> for Moments {
    fn from(value: f64) -> Self {
        Moments { count: 1.0, mean: value, squares: 0.0 }
    }
}

impl Summary for Moments {
    fn merge(self, later: Self) -> Self {
        let count = self.count + later.count;
        let distance = later.mean - self.mean;
        let mean = self.mean + distance * (later.count / count);
        let between = distance * distance * (self.count * later.count / count);
        // An infinite value has no distance from any mean.
        let squares = if mean.is_finite() { self.squares + later.squares + between } else { f64::NAN };
        Moments { count, mean, squares }
    }
}

/// The type of the spread of values: `float64`, defined on floats.
pub(super) fn output(argument: Option<&DataType>) -> Option<DataType> {
    matches!(argument?, DataType::Float32 | DataType::Float64).then_some(DataType::Float64)
}

/// The variance of a sample: the squares over one less than the number of values; none below two values.
pub(super) fn sample_variance(moments: Option<Moments>, count: usize) -> Option<f64> {
    moments.filter(|_| count > 1).map(|moments| moments.squares / (moments.count - 1.0))
}
