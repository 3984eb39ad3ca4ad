//! A prediction job: a model, rows, and files that take the predictions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Names of the columns that predictions have besides those that are carried over, in their order.
pub mod predicted {
    /// What was predicted: of a truth value the probability that it holds, of a class the most probable one, of quantiles
    /// the middle one, otherwise a number. Missing where a row has none.
    pub const PREDICTION: &str = "prediction";
    /// The probability of the class that was predicted, a float64; only beside classes.
    pub const PROBABILITY: &str = "probability";
    /// All quantiles that were predicted, in their order, a list of float64; only beside quantiles.
    pub const QUANTILES: &str = "quantiles";
    /// The model's name.
    pub const MODEL: &str = "model";
    /// The version that predicted, an int64.
    pub const VERSION: &str = "version";
    /// When it did, a timestamp.
    pub const SCORED_AT: &str = "scored_at";
    /// All of them.
    pub const ALL: [&str; 6] = [PREDICTION, PROBABILITY, QUANTILES, MODEL, VERSION, SCORED_AT];
}

/// `mlsysd predict`: let a trained model predict rows, a batch at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictJob {
    /// The folder of the model.
    pub model: PathBuf,
    /// The rows: tables side by side, equally long and in the same order, each a list of Parquet files in the order of its
    /// rows. Of columns with one name the last table's counts. Rows whose [`mlsys_plan::columns::PART`] says
    /// [`mlsys_plan::columns::LEFT_OUT`] are left out.
    pub rows: Vec<Vec<PathBuf>>,
    /// Columns without which a row has no prediction: inputs that were never missing when the model was trained.
    pub required: Vec<String>,
    /// Columns that are carried over, in their order.
    pub carried: Vec<Carried>,
    /// What stands beside each prediction.
    pub stamp: Stamp,
    /// Where predictions go: a Parquet file, not yet there, for each file of the first table.
    pub outputs: Vec<PathBuf>,
    /// Threads the worker may use; none lets libtorch choose.
    pub threads: Option<u32>,
}

/// A column that is carried over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Its name among the rows.
    pub from: String,
    /// Its name beside the predictions.
    pub to: String,
}

/// Who predicted, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The model's name.
    pub model: String,
    /// The version, from 1.
    pub version: i64,
    /// The moment in microseconds since 1970.
    pub scored_at: i64,
}
