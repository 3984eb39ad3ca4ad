//! Parameters as LightGBM reads them: `name=value`, one after the other.

use std::ffi::CString;
use std::fmt::{Display, Write};

use crate::error::LightgbmError;

/// What is not set as a parameter, by all of its names: parameters are written beside the trees, which must not depend on the
/// machine, and columns are checked where rows are.
const ELSEWHERE: [(&[&str], &str); 3] = [
    (&["num_threads", "num_thread", "nthread", "nthreads", "n_jobs"], "threads are set for the whole library"),
    (
        &["categorical_feature", "cat_feature", "categorical_column", "cat_column", "categorical_features"],
        "categories are named where the data set is made",
    ),
    (
        &["machines", "workers", "nodes", "machine_list_filename", "machine_list_file", "machine_list", "mlist"],
        "trees grow in one process",
    ),
];

/// Parameters of data sets and boosters; what they mean LightGBM's documentation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parameters for trees that are the same in every run, on any number of threads, and silent.
    pub fn new(seed: u64) -> Self {
        let mut parameters = Parameters(Vec::new());
        parameters.set("verbosity", -1);
        parameters.set("seed", seed % 2_147_483_647);
        parameters.set("deterministic", true);
        parameters.set("force_row_wise", true);
        parameters
    }

    /// Sets a parameter.
    pub fn set(&mut self, name: &str, value: impl Display) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// The value that was set last.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// As the library reads them, with the columns that hold categories.
    pub(crate) fn text(&self, categories: &[usize]) -> Result<CString, LightgbmError> {
        let unusable = |name: &str, reason: &str| Err(LightgbmError::Unusable(format!("parameter `{name}`: {reason}")));
        let mut text = String::new();
        for (name, value) in &self.0 {
            if let Some((_, reason)) = ELSEWHERE.iter().find(|(names, _)| names.contains(&name.as_str())) {
                return unusable(name, reason);
            }
            if [name, value].into_iter().any(|part| part.contains(|c: char| c.is_whitespace() || c == '=' || c == '\0'))
            {
                return unusable(name, "a name or a value holds a space or `=`, which part one from the next");
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "{name}={value} ");
        }
        if !categories.is_empty() {
            let columns: Vec<String> = categories.iter().map(usize::to_string).collect();
            let _ = write!(text, "categorical_feature={}", columns.join(","));
        }
        CString::new(text).map_err(|_| LightgbmError::Refused("a parameter holds a zero".to_owned()))
    }
}
