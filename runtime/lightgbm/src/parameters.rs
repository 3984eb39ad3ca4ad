//! Parameters as LightGBM reads them: `name=value`, one after the other.

use std::ffi::CString;
use std::fmt::{Display, Write};

use crate::error::LightgbmError;

/// Parameters of data sets and boosters; what they mean LightGBM's documentation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters(String);

impl Parameters {
    /// Parameters for trees that are the same in every run, silent, on so many threads; none for all cores.
    pub fn new(seed: u64, threads: Option<u32>) -> Self {
        let mut parameters = Parameters(String::new());
        parameters.set("verbosity", -1);
        parameters.set("seed", seed % 2_147_483_647);
        parameters.set("deterministic", true);
        parameters.set("force_row_wise", true);
        parameters.set("num_threads", threads.unwrap_or(0));
        parameters
    }

    /// Sets a parameter.
    pub fn set(&mut self, name: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{name}={value} ");
    }

    pub(crate) fn text(&self) -> Result<CString, LightgbmError> {
        CString::new(self.0.as_str()).map_err(|_| LightgbmError::Refused("a parameter holds a zero".to_owned()))
    }
}
