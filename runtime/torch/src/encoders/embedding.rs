//! `embedding`: the values seen in training, each with a learnt embedding, and buckets for unknown and for missing ones.

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::values::texts;
use super::vocabulary::{MOST_VALUES, Vocabulary, counted, index, width};
use super::{Encoder, Fill, Fills, Fit, Form, Table, share, state};

/// The index of values that training did not see.
const UNKNOWN: usize = 0;

/// The index of missing values.
const MISSING: usize = 1;

/// How many indices are taken before the first value.
const RESERVED: usize = 2;

#[derive(Debug, Serialize, Deserialize)]
struct Embedding {
    values: Vocabulary,
    width: usize,
    missing: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let column = texts(fit.column)?;
    let present = fit.rows.iter().filter(|&&row| column.is_valid(row));
    let missing = fit.rows.len() - present.clone().count();
    let least = counted(fit.call, "min_count").unwrap_or(1);
    let values = Vocabulary::of(present.map(|&row| column.value(row)), least, MOST_VALUES);
    let width = counted(fit.call, "dim").unwrap_or_else(|| width(values.len() + RESERVED));
    Ok(Box::new(Embedding { values, width, missing: share(missing, fit.rows.len()) }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<Embedding>(fitted)?))
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

    fn state(&self) -> Value {
        state(self)
    }
}

impl Fills<i64> for Embedding {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, i64>, String> {
        let column = texts(column)?;
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let known = column.is_valid(row).then(|| self.values.place(column.value(row)));
                let place = known.map_or(MISSING, |known| known.map_or(UNKNOWN, |place| place + RESERVED));
                cells.put(at, 0, index(place));
            }
        }))
    }
}
