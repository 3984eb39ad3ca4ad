//! The list of kernels. Adding one is one file and one line here.

mod all;
mod any;
mod approx_distinct;
mod approx_quantile;
mod collect;
mod count;
mod count_distinct;
mod ewma;
mod first;
mod last;
mod last_n;
mod max;
mod mean;
mod median;
mod min;
mod mode;
mod quantile;
mod rate;
mod slope;
mod stddev;
mod sum;
mod top_k;
mod variance;

use crate::kernel::Kernel;

/// Every kernel, ordered by name.
pub fn kernels() -> &'static [&'static dyn Kernel] {
    &[
        &all::All,
        &any::Any,
        &approx_distinct::ApproxDistinct,
        &approx_quantile::ApproxQuantile,
        &collect::Collect,
        &count::Count,
        &count_distinct::CountDistinct,
        &ewma::Ewma,
        &first::First,
        &last::Last,
        &last_n::LastN,
        &max::Max,
        &mean::Mean,
        &median::Median,
        &min::Min,
        &mode::Mode,
        &quantile::ExactQuantile,
        &rate::Rate,
        &slope::Slope,
        &stddev::Stddev,
        &sum::Sum,
        &top_k::TopK,
        &variance::Variance,
    ]
}

/// The kernel of that name in the language.
pub fn by_name(name: &str) -> Option<&'static dyn Kernel> {
    kernels().iter().copied().find(|kernel| kernel.name() == name)
}

#[cfg(test)]
mod tests;
