//! Sketches by themselves: mergeable summaries of a column that are small however many rows there are.
//!
//! Each takes whole batches of present values, says in its docs how far its answers may be from the truth, and has a byte
//! form that a later version still reads. A profile of a column is made of several of them.

mod bins;
mod distinct;
mod frequent;
mod quantiles;
mod texts;

pub use self::bins::Bins;
pub use self::distinct::Distinct;
pub use self::frequent::{Frequency, Frequent};
pub use self::quantiles::Quantiles;
pub use self::texts::DifferentTexts;
pub use crate::states::moments::Moments;

#[cfg(test)]
mod tests;
