//! `one_hot`: a number for each of the most frequent values, 1 where the row has it, and one each for other and for missing
//! values.

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};

use super::values::{present, texts};
use super::vocabulary::Vocabulary;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

/// How many numbers stand behind those of the values: for other values, and for missing ones.
const BEHIND: usize = 2;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct OneHot {
    values: Vocabulary,
    missing: f64,
}

impl Fitted for OneHot {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let column = texts(fit.column)?;
        let most = fit.count("most").unwrap_or(64);
        let values = Vocabulary::of(present(&column, fit.rows), 1, most);
        Ok(OneHot { values, missing: fit.missing() })
    }
}

impl Encoder for OneHot {
    fn form(&self) -> Form<'_> {
        Form::Numbers(self.values.len() + BEHIND, self)
    }

    fn describe(&self) -> String {
        format!("one_hot({} values)", self.values.len())
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<f32> for OneHot {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        let column = texts(column)?;
        let (other, missing) = (self.values.len(), self.values.len() + 1);
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let known = column.is_valid(row).then(|| self.values.place(column.value(row)));
                let hot = known.map_or(missing, |known| known.unwrap_or(other));
                (0..=missing).for_each(|place| cells.put(at, place, if place == hot { 1.0 } else { 0.0 }));
            }
        }))
    }
}
