//! `words`: the words of a text in so many buckets, each with a learnt embedding (Weinberger et al., 2009).

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};

use super::buckets::bucket;
use super::values::{present, texts};
use super::vocabulary::width;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form, Table};

/// How many indices are taken before the first bucket: that of no word.
const RESERVED: usize = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Words {
    buckets: usize,
    width: usize,
    /// How many words of a text count: its last ones.
    length: usize,
    missing: f64,
}

impl Fitted for Words {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let column = texts(fit.column)?;
        let longest = present(&column, fit.rows).map(|text| words(text).count()).max().unwrap_or(0);
        let most = fit.count("most").unwrap_or(64);
        let buckets = fit.count("buckets").unwrap_or(4096);
        Ok(Words {
            buckets,
            width: fit.count("dim").unwrap_or_else(|| width(buckets)),
            length: longest.clamp(1, most),
            missing: fit.missing(),
        })
    }
}

/// Runs of letters and digits.
fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

impl Encoder for Words {
    fn form(&self) -> Form<'_> {
        let table = Table { size: self.buckets + RESERVED, width: self.width, reserved: RESERVED };
        Form::Items(table, self.length, self)
    }

    fn describe(&self) -> String {
        format!("words({} buckets -> {}, {} words at most)", self.buckets, self.width, self.length)
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<i64> for Words {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, i64>, String> {
        let column = texts(column)?;
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                (0..self.length).for_each(|place| cells.put(at, place, 0));
                let text = if column.is_valid(row) { column.value(row) } else { "" };
                for (back, word) in words(text).rev().take(self.length).enumerate() {
                    let bucket = bucket(&word.to_lowercase(), self.buckets, RESERVED);
                    cells.put(at, self.length - 1 - back, bucket);
                }
            }
        }))
    }
}
