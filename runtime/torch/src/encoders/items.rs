//! `items`: lists of values, each value seen in training with a learnt embedding; where no learner reads them in order they
//! are pooled.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::values::{items, last_of, lists, longest};
use super::vocabulary::{MOST_VALUES, Vocabulary, width};
use super::{Encoder, Fill, Fills, Fit, Fitted, Form, Table};
use crate::sizes::dimension;

/// The index of no item.
const NONE: usize = 0;

/// The index of values that training did not see, and of missing ones.
const UNKNOWN: usize = 1;

/// How many indices are taken before the first value.
const RESERVED: usize = 2;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Items {
    values: Vocabulary,
    width: usize,
    /// How many items of a list count: its last ones.
    length: usize,
    missing: f64,
}

impl Fitted for Items {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let lists = lists(fit.column, DataType::Utf8)?;
        let texts = lists.values().as_string::<i32>();
        let most = fit.count("most").unwrap_or(128);
        let values = items(&lists, fit.rows, most).filter(|&item| texts.is_valid(item)).map(|item| texts.value(item));
        let values = Vocabulary::of(values, fit.count("min_count").unwrap_or(1), MOST_VALUES);
        Ok(Items {
            width: fit.count("dim").unwrap_or_else(|| width(values.len() + RESERVED)),
            length: longest(&lists, fit.rows, most),
            missing: fit.missing(),
            values,
        })
    }
}

impl Encoder for Items {
    fn form(&self) -> Form<'_> {
        let size = self.values.len() + RESERVED;
        Form::Items(Table { size, width: self.width, reserved: RESERVED }, self.length, self)
    }

    fn describe(&self) -> String {
        format!("items({} values -> {}, {} items at most)", self.values.len(), self.width, self.length)
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<i64> for Items {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, i64>, String> {
        let lists = lists(column, DataType::Utf8)?;
        let texts = lists.values().as_string::<i32>().clone();
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let (start, count) = last_of(&lists, row, self.length);
                let before = self.length - count;
                (0..before).for_each(|place| cells.put(at, place, dimension(NONE)));
                for item in 0..count {
                    let known =
                        if texts.is_valid(start + item) { self.values.place(texts.value(start + item)) } else { None };
                    cells.put(at, before + item, dimension(known.map_or(UNKNOWN, |place| place + RESERVED)));
                }
            }
        }))
    }
}
