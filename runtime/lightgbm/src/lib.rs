//! Gradient-boosted trees by LightGBM (Ke et al., 2017), through its C interface.
//!
//! The library is opened when the first trees are grown or read: nothing links it, and a process without trees never loads
//! it. All that is unsafe is in `ffi`.

mod booster;
mod dataset;
mod error;
mod ffi;
mod library;
mod parameters;

pub use booster::Booster;
pub use dataset::{Dataset, Matrix};
pub use error::LightgbmError;
pub use library::Library;
pub use parameters::Parameters;
