//! What is wrong with a row.

use std::fmt::{self, Write};

use mlsys_plan::Field;
use thiserror::Error;

use crate::column::Misfit;

/// Why something is not a row of the expected fields. `amount: expected float64, found "abc"`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct RowError {
    /// The row's place among those that came together, counted from 0; none where there is only one.
    pub row: Option<usize>,
    /// The field, where one is to blame.
    pub field: Option<String>,
    /// What should be there: the declared type, mostly.
    pub expected: String,
    /// What is there. Long text is cut; of personal data only its kind is said.
    pub found: String,
    /// The name that was probably meant, where a field is not known.
    pub nearest: Option<String>,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(f, "row {row}: ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "expected {}, found {}", self.expected, self.found)?;
        match &self.nearest {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

impl RowError {
    /// Something that is no row at all.
    pub(crate) fn no_row(found: impl Into<String>) -> Self {
        RowError { row: None, field: None, expected: "a JSON object".to_owned(), found: found.into(), nearest: None }
    }

    pub(crate) fn misfit(field: &Field, misfit: Misfit) -> Self {
        let found = if field.pii { misfit.kind.to_owned() } else { misfit.found };
        let whole = misfit.expected == field.ty.ty.to_string();
        let expected = if whole { field.ty.to_string() } else { format!("{} in {}", misfit.expected, field.ty) };
        RowError { row: None, field: Some(field.name.clone()), expected, found, nearest: None }
    }

    /// A field without a value that must have one.
    pub(crate) fn missing(field: &Field, found: &str) -> Self {
        let expected = field.ty.to_string();
        RowError { row: None, field: Some(field.name.clone()), expected, found: found.to_owned(), nearest: None }
    }

    pub(crate) fn twice(field: &Field) -> Self {
        let expected = format!("one {}", field.ty);
        RowError {
            row: None,
            field: Some(field.name.clone()),
            expected,
            found: "the field a second time".to_owned(),
            nearest: None,
        }
    }

    pub(crate) fn unknown(name: &str, nearest: Option<&str>) -> Self {
        RowError {
            row: None,
            field: Some(cut(name)),
            expected: "a known field".to_owned(),
            found: "an unknown one".to_owned(),
            nearest: nearest.map(str::to_owned),
        }
    }
}

/// Why fields cannot be read as rows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// Two fields with one name.
    #[error("`{0}` is declared twice")]
    Twice(String),
    /// A default that is no value of its field's type.
    #[error("the default {default} of `{field}` is no {ty}")]
    Default {
        /// The field.
        field: String,
        /// Its type.
        ty: String,
        /// Its default.
        default: String,
    },
    /// A type of which there are no columns here.
    #[error("`{column}` has the type {ty}, which has no JSON form here")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        ty: String,
    },
}

/// Text for messages: at most this many characters of it.
const SHOWN: usize = 60;

/// Text as it is shown in messages, without quotes.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Text as it is shown in messages, quoted.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(out, "{:?}", cut(text));
    out
}
