//! Gradient-boosted trees by LightGBM (Ke et al., 2017), through its C interface.
//!
//! The library is opened when the first trees are grown or read: nothing links it, and a process without trees never loads
//! it. All that is unsafe is in `ffi`, and what is used of the C interface is as its header `c_api.h` and LightGBM's documentation
//! say. What the library does not ask of its input, and would crash on or miscount, is asked here.

mod booster;
mod dataset;
mod error;
mod ffi;
mod library;
mod parameters;
mod text;

pub use booster::Booster;
pub use dataset::{Dataset, Matrix};
pub use error::LightgbmError;
pub use library::Library;
pub use parameters::Parameters;
