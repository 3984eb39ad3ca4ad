//! `hashing`: any number of values in so many buckets, each with a learnt embedding (Weinberger et al., 2009).

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};

use super::buckets::bucket;
use super::values::texts;
use super::vocabulary::width;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form, Table};

/// How many indices are taken before the first bucket: that of missing values.
const RESERVED: usize = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hashing {
    buckets: usize,
    width: usize,
    missing: f64,
}

impl Fitted for Hashing {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let buckets = fit.count("buckets").unwrap_or(1024);
        let width = fit.count("dim").unwrap_or_else(|| width(buckets));
        Ok(Hashing { buckets, width, missing: fit.missing() })
    }
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
