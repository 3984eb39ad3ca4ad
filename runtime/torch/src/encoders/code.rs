//! `code`: the values seen in training as whole numbers, for trees, which divide them into sets. Values that training did
//! not see and missing ones are missing numbers.

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};

use super::values::{present, texts};
use super::vocabulary::{MOST_VALUES, Vocabulary};
use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Code {
    values: Vocabulary,
    missing: f64,
}

impl Fitted for Code {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let column = texts(fit.column)?;
        let values = Vocabulary::of(present(&column, fit.rows), 1, MOST_VALUES);
        Ok(Code { values, missing: fit.missing() })
    }
}

impl Encoder for Code {
    fn form(&self) -> Form<'_> {
        Form::Numbers(1, self)
    }

    fn describe(&self) -> String {
        format!("code({} values)", self.values.len())
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<f32> for Code {
    #[expect(clippy::cast_precision_loss, reason = "there are fewer values than a float32 counts exactly")]
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        let column = texts(column)?;
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let known = if column.is_valid(row) { self.values.place(column.value(row)) } else { None };
                cells.put(at, 0, known.map_or(f32::NAN, |place| place as f32));
            }
        }))
    }
}
