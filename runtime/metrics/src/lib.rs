//! How good predictions are: metrics with weights, intervals by resampling, and curves. Trainings are judged by them, and so
//! is whatever predicts later.
//!
//! Each metric is a file that is listed in [`all`]. Definitions are those of scikit-learn and fairlearn, to their last
//! digits, weights of rows included. A metric that is not defined on some rows has no value there, where these libraries put
//! one in its place; numbers that are NaN or infinite are refused, as they do.

mod answers;
mod bootstrap;
mod curves;
mod judged;
mod metrics;
mod order;
mod unusable;
mod weights;

pub use answers::{middle, most_probable};
pub use bootstrap::intervals;
pub use curves::{Bar, Bin, Curves};
pub use judged::{Judged, Truth};
pub use metrics::{Definition, all, defaults, definition, larger_is_better, value};
pub use unusable::{Unusable, What};
pub use weights::Weights;
