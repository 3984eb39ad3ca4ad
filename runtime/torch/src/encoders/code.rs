//! `code`: the values seen in training as whole numbers, for trees, which divide them into sets. Values that training did
//! not see and missing ones are missing numbers.

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::values::texts;
use super::vocabulary::{MOST_VALUES, Vocabulary};
use super::{Encoder, Fill, Fills, Fit, Form, share, state};

#[derive(Debug, Serialize, Deserialize)]
struct Code {
    values: Vocabulary,
    missing: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let column = texts(fit.column)?;
    let present = fit.rows.iter().filter(|&&row| column.is_valid(row));
    let missing = fit.rows.len() - present.clone().count();
    let values = Vocabulary::of(present.map(|&row| column.value(row)), 1, MOST_VALUES);
    Ok(Box::new(Code { values, missing: share(missing, fit.rows.len()) }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<Code>(fitted)?))
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

    fn state(&self) -> Value {
        state(self)
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
