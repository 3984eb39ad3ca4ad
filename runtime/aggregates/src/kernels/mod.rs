//! The list of kernels. Adding one is one file and one line here.

mod all;
mod any;
mod count;
mod count_distinct;
mod distinct;
mod extreme;
mod first;
mod floats;
mod last;
mod max;
mod mean;
mod min;
mod moments;
mod pick;
mod stddev;
mod sum;
mod variance;

use crate::kernel::Kernel;

/// Every kernel, ordered by name.
pub fn kernels() -> &'static [&'static dyn Kernel] {
    &[
        &all::All,
        &any::Any,
        &count::Count,
        &count_distinct::CountDistinct,
        &first::First,
        &last::Last,
        &max::Max,
        &mean::Mean,
        &min::Min,
        &stddev::Stddev,
        &sum::Sum,
        &variance::Variance,
    ]
}

/// The kernel of that name in the language.
pub fn by_name(name: &str) -> Option<&'static dyn Kernel> {
    kernels().iter().copied().find(|kernel| kernel.name() == name)
}

#[cfg(test)]
mod tests;
