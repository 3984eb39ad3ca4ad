//! `hashing`: any number of values in so many buckets, each with a learnt embedding (Weinberger et al., 2009).

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::buckets::bucket;
use super::values::texts;
use super::vocabulary::{counted, width};
use super::{Encoder, Fill, Fills, Fit, Form, Table, share, state};

/// How many indices are taken before the first bucket: that of missing values.
const RESERVED: usize = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Hashing {
    buckets: usize,
    width: usize,
    missing: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let missing = fit.rows.iter().filter(|&&row| fit.column.is_null(row)).count();
    let buckets = counted(fit.call, "buckets").unwrap_or(1024);
    let width = counted(fit.call, "dim").unwrap_or_else(|| width(buckets));
    Ok(Box::new(Hashing { buckets, width, missing: share(missing, fit.rows.len()) }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<Hashing>(fitted)?))
}

impl Encoder for Hashing {
    fn form(&self) -> Form<'_> {
        Form::Category(Table { size: self.buckets + RESERVED, width: self.width, reserved: RESERVED }, self)
    }

    fn describe(&self) -> String {
        format!("hashing({} buckets -> {})", self.buckets, self.width)
    }

    fn missing(&self) -> f64 {
        self.missing
    }

    fn state(&self) -> Value {
        state(self)
    }
}

impl Fills<i64> for Hashing {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, i64>, String> {
        let column = texts(column)?;
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let there = column.is_valid(row);
                cells.put(at, 0, if there { bucket(column.value(row), self.buckets, RESERVED) } else { 0 });
            }
        }))
    }
}
