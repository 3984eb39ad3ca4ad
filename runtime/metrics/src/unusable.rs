//! What cannot be judged, and why.

use std::fmt;

/// Why predictions cannot be judged. Rows and columns are counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Unusable {
    /// Predictions and what they are held against do not have equally many rows.
    Rows {
        /// How many numbers the predictions are.
        predictions: usize,
        /// How many numbers each row has.
        width: usize,
        /// How many rows they are held against.
        rows: usize,
    },
    /// There are not as many quantiles as numbers in a row.
    Quantiles {
        /// How many quantiles there are.
        quantiles: usize,
        /// How many numbers each row has.
        width: usize,
    },
    /// A number that is NaN or infinite; scikit-learn refuses these as well.
    NotFinite {
        /// What it is.
        what: What,
        /// Its row.
        row: usize,
        /// Its place in the row.
        column: usize,
        /// The number.
        value: f64,
    },
    /// A weight that is below zero, NaN or infinite.
    Weight {
        /// Its row.
        row: usize,
        /// The weight.
        value: f64,
    },
    /// A threshold that is NaN.
    Threshold,
}

/// Which number it is that cannot be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// What is predicted.
    Prediction,
    /// What it is held against.
    Label,
    /// Which quantile is predicted; it has no row.
    Quantile,
}

impl Unusable {
    /// The first number that is not finite, of a table with so many columns.
    pub(crate) fn in_table(what: What, values: &[f64], width: usize) -> Result<(), Unusable> {
        match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Unusable::NotFinite { what, row: at / width, column: at % width, value: values[at] }),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unusable::Rows { predictions, width, rows } => {
                write!(f, "{predictions} predictions of {width} numbers are held against {rows} rows")
            }
            Unusable::Quantiles { quantiles, width } => {
                write!(f, "{quantiles} quantiles are named, and a row has {width} predictions")
            }
            Unusable::NotFinite { what: What::Prediction, row, column, value } => {
                write!(f, "the prediction in row {row}, column {column}, is {value}")
            }
            Unusable::NotFinite { what: What::Label, row, column, value } => {
                write!(f, "the label in row {row}, column {column}, is {value}")
            }
            Unusable::NotFinite { what: What::Quantile, column, value, .. } => {
                write!(f, "the quantile in column {column} is {value}")
            }
            Unusable::Weight { row, value } => {
                write!(f, "the weight of row {row} is {value}: weights are numbers from 0 on")
            }
            Unusable::Threshold => write!(f, "the threshold is NaN"),
        }
    }
}

impl std::error::Error for Unusable {}
