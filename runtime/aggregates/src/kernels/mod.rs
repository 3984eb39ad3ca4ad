//! The list of kernels. Adding one is one file and one line here.

mod all;
mod any;
mod count;
mod extreme;
mod first;
mod last;
mod max;
mod mean;
mod min;
mod pick;
mod sum;

use crate::kernel::Kernel;

/// Every kernel, ordered by name.
pub fn kernels() -> &'static [&'static dyn Kernel] {
    &[&all::All, &any::Any, &count::Count, &first::First, &last::Last, &max::Max, &mean::Mean, &min::Min, &sum::Sum]
}

/// The kernel of that name in the language.
pub fn by_name(name: &str) -> Option<&'static dyn Kernel> {
    kernels().iter().copied().find(|kernel| kernel.name() == name)
}

#[cfg(test)]
mod tests;
