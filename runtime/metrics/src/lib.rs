//! How good predictions are: metrics with weights, intervals by resampling, and curves. Trainings are judged by them, and so
//! is whatever predicts later.
//!
//! Each metric is a file that is listed in [`all`]. Definitions are those of scikit-learn and fairlearn, to their last
//! digits, weights of rows included.

mod answers;
mod bootstrap;
mod curves;
mod judged;
mod metrics;
mod order;

pub use answers::{middle, most_probable};
pub use bootstrap::intervals;
pub use curves::{Bar, Bin, Curves};
pub use judged::{Judged, Mismatch, Truth};
pub use metrics::{Definition, all, defaults, definition, larger_is_better, value};
