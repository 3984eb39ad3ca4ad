//! `one_hot`: a number for each of the most frequent values, 1 where the row has it, and one each for other and for missing
//! values.

use arrow::array::{Array, ArrayRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::values::texts;
use super::vocabulary::{Vocabulary, counted};
use super::{Encoder, Fill, Fills, Fit, Form, share, state};

/// How many numbers stand behind those of the values: for other values, and for missing ones.
const BEHIND: usize = 2;

#[derive(Debug, Serialize, Deserialize)]
struct OneHot {
    values: Vocabulary,
    missing: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let column = texts(fit.column)?;
    let present = fit.rows.iter().filter(|&&row| column.is_valid(row));
    let missing = fit.rows.len() - present.clone().count();
    let most = counted(fit.call, "most").unwrap_or(64);
    let values = Vocabulary::of(present.map(|&row| column.value(row)), 1, most);
    Ok(Box::new(OneHot { values, missing: share(missing, fit.rows.len()) }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<OneHot>(fitted)?))
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

    fn state(&self) -> Value {
        state(self)
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
