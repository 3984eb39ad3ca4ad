//! `embedding`: the values seen in training, each with a learnt embedding, and buckets for unknown and for missing ones.

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};

use super::values::{present, texts};
use super::vocabulary::{MOST_VALUES, Vocabulary, width};
use super::{Encoder, Fill, Fills, Fit, Fitted, Form, Table};
use crate::sizes::dimension;

/// The index of values that training did not see.
const UNKNOWN: usize = 0;

/// The index of missing values.
const MISSING: usize = 1;

/// How many indices are taken before the first value.
const RESERVED: usize = 2;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Embedding {
    values: Vocabulary,
    width: usize,
    missing: f64,
}

impl Fitted for Embedding {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let column = texts(fit.column)?;
        let least = fit.count("min_count").unwrap_or(1);
        let values = Vocabulary::of(present(&column, fit.rows), least, MOST_VALUES);
        let width = fit.count("dim").unwrap_or_else(|| width(values.len() + RESERVED));
        Ok(Embedding { values, width, missing: fit.missing() })
    }
}

impl Encoder for Embedding {
    fn form(&self) -> Form<'_> {
        let size = self.values.len() + RESERVED;
        Form::Category(Table { size, width: self.width, reserved: RESERVED }, self)
    }

    fn describe(&self) -> String {
        format!("embedding({} values -> {})", self.values.len(), self.width)
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<i64> for Embedding {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, i64>, String> {
        let column = texts(column)?;
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let known = column.is_valid(row).then(|| self.values.place(column.value(row)));
                let place = known.map_or(MISSING, |known| known.map_or(UNKNOWN, |place| place + RESERVED));
                cells.put(at, 0, dimension(place));
            }
        }))
    }
}
