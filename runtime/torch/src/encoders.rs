//! Encoders: how inputs become numbers. Fitted on the training part, stored with the model, applied the same everywhere.
//!
//! Each encoder is a file that is listed in [`ENCODERS`]. Rows are encoded a block at a time on all threads, from Arrow's
//! arrays straight into the tensors that networks read.

mod buckets;
mod code;
mod cyclic;
mod embedding;
mod encoded;
mod fill;
mod filling;
mod hashing;
mod items;
mod one_hot;
mod quantile;
mod range;
mod raw;
mod series;
mod standard;
mod truth;
mod values;
mod vector;
mod vocabulary;
mod words;

use std::sync::Arc;

use arrow::array::ArrayRef;
use mlsys_plan::{Call, Impute, ModelInput, Type, columns};
use mlsys_training::InputReport;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub(crate) use encoded::{Encoded, Sequence};
pub(crate) use fill::{Fill, Strided};

use crate::error::TrainError;
use crate::examples::Examples;
use crate::implemented::named;

/// A fitted encoder of one input.
pub(crate) trait Encoder: Send + Sync {
    /// What it makes of a column, and how.
    fn form(&self) -> Form<'_>;
    /// What it does, for the report.
    fn describe(&self) -> String;
    /// The share of the training part's values that were missing.
    fn missing(&self) -> f64;
    /// What was fitted.
    fn state(&self) -> Value;
}

/// What an encoder makes of a column.
pub(crate) enum Form<'a> {
    /// Numbers, so many a row.
    Numbers(usize, &'a dyn Fills<f32>),
    /// An index into a table of embeddings.
    Category(Table, &'a dyn Fills<i64>),
    /// Indices into a table of embeddings, so many a row at most; 0 is no index.
    Items(Table, usize, &'a dyn Fills<i64>),
    /// Numbers in order, so many a row at most; what is missing is no number.
    Series(usize, &'a dyn Fills<f32>),
}

/// A table of embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// How many embeddings there are.
    pub(crate) size: usize,
    /// How wide they are.
    pub(crate) width: usize,
    /// How many indices from 0 on stand for no value of their own: padding, unknown and missing values.
    pub(crate) reserved: usize,
}

/// Fills cells of a table from a column.
pub(crate) trait Fills<T> {
    /// How cells are filled from the rows of a column.
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, T>, String>;
}

/// What an encoder is fitted on.
pub(crate) struct Fit<'a> {
    pub(crate) input: &'a ModelInput,
    pub(crate) call: &'a Call,
    pub(crate) impute: Option<&'a Impute>,
    pub(crate) column: &'a ArrayRef,
    pub(crate) rows: &'a [usize],
}

/// Fits an encoder.
type Make = fn(&Fit<'_>) -> Result<Box<dyn Encoder>, String>;

/// Reads a fitted encoder.
type Read = fn(Value) -> Result<Box<dyn Encoder>, serde_json::Error>;

/// Every encoder by its name in the language.
pub(crate) const ENCODERS: &[(&str, (Make, Read))] = &[
    ("code", (code::fit, code::read)),
    ("cyclic", (cyclic::fit, cyclic::read)),
    ("embedding", (embedding::fit, embedding::read)),
    ("hashing", (hashing::fit, hashing::read)),
    ("items", (items::fit, items::read)),
    ("one_hot", (one_hot::fit, one_hot::read)),
    ("quantile", (quantile::fit, quantile::read)),
    ("range", (range::fit, range::read)),
    ("raw", (raw::fit, raw::read)),
    ("series", (series::fit, series::read)),
    ("standard", (standard::fit, standard::read)),
    ("truth", (truth::fit, truth::read)),
    ("vector", (vector::fit, vector::read)),
    ("words", (words::fit, words::read)),
];

/// What networks read of an input whose encoder the program does not name.
pub(crate) fn for_networks(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "truth",
        Type::Timestamp | Type::Date => "cyclic",
        Type::String | Type::Enum(_) | Type::Bytes => "embedding",
        Type::Vector(_) => "vector",
        Type::List(item) if item.is_float() || matches!(**item, Type::Duration) => "series",
        Type::List(_) => "items",
        _ => "standard",
    }
}

/// What trees read of an input whose encoder the program does not name.
pub(crate) fn for_trees(ty: &Type) -> &'static str {
    match ty {
        Type::String | Type::Enum(_) | Type::Bytes => "code",
        Type::Timestamp | Type::Date => "cyclic",
        Type::Vector(_) => "vector",
        Type::List(_) => "items",
        _ => "raw",
    }
}

/// The encoders of a model's inputs, in the order of the inputs.
#[derive(Clone)]
pub(crate) struct Encoders(Vec<Named>);

/// An encoder with the names of its input and of its kind.
#[derive(Clone)]
struct Named {
    input: String,
    kind: String,
    encoder: Arc<dyn Encoder>,
}

impl Encoders {
    /// Fits an encoder for each input on the given rows: the one that the program names, or the usual one of its type.
    pub(crate) fn fit(
        inputs: &[ModelInput],
        usual: fn(&Type) -> &'static str,
        impute: Option<&Impute>,
        examples: &Examples,
        rows: &[usize],
    ) -> Result<Self, TrainError> {
        let fitted = inputs.iter().map(|input| {
            let usual = Call { name: usual(&input.ty.ty).to_owned(), ..Call::default() };
            let call = input.encoder.as_ref().unwrap_or(&usual);
            let column = examples.column(&input.name)?;
            let (make, _) = named("encoder", ENCODERS, call)?;
            let encoder = make(&Fit { input, call, impute, column, rows });
            let encoder = encoder.map_err(|reason| TrainError::Column { name: input.name.clone(), reason })?;
            Ok(Named { input: input.name.clone(), kind: call.name.clone(), encoder: encoder.into() })
        });
        fitted.collect::<Result<_, _>>().map(Encoders)
    }

    /// Adds what is learnt with and predicted without, behind all inputs.
    pub(crate) fn add_debias(&mut self, examples: &Examples, rows: &[usize]) -> Result<(), TrainError> {
        let Some(column) = examples.optional(columns::DEBIAS) else { return Ok(()) };
        let input = ModelInput { name: columns::DEBIAS.to_owned(), ty: Type::String.optional(), encoder: None };
        let call = Call { name: "embedding".to_owned(), ..Call::default() };
        let encoder = embedding::fit(&Fit { input: &input, call: &call, impute: None, column, rows });
        let encoder = encoder.map_err(|reason| TrainError::Column { name: input.name.clone(), reason })?.into();
        self.0.push(Named { input: input.name, kind: call.name, encoder });
        Ok(())
    }

    /// What is made of each input, by its name.
    pub(crate) fn forms(&self) -> impl Iterator<Item = (&str, Form<'_>)> {
        self.all().filter(|(name, _)| *name != columns::DEBIAS)
    }

    /// What is made of each input, and of what is learnt with and predicted without.
    fn all(&self) -> impl Iterator<Item = (&str, Form<'_>)> {
        self.0.iter().map(|named| (named.input.as_str(), named.encoder.form()))
    }

    /// What is learnt with and predicted without: its place among the categories, and its values.
    pub(crate) fn debias(&self) -> Option<(usize, Table)> {
        let categories = self.forms().filter(|(_, form)| matches!(form, Form::Category(..))).count();
        let (_, form) = self.all().find(|(name, _)| *name == columns::DEBIAS)?;
        match form {
            Form::Category(table, _) => Some((categories, table)),
            _ => None,
        }
    }

    /// The places, among the numbers of a row, of inputs that have an encoder of that kind.
    pub(crate) fn columns_of(&self, kind: &str) -> Vec<usize> {
        let (mut columns, mut at) = (Vec::new(), 0);
        for named in &self.0 {
            if let Form::Numbers(width, _) = named.encoder.form() {
                if named.kind == kind {
                    columns.extend(at..at + width);
                }
                at += width;
            }
        }
        columns
    }

    /// Encodes the given rows, in their order.
    pub(crate) fn encode(&self, examples: &Examples, rows: &[usize]) -> Result<Encoded, TrainError> {
        encoded::encode(self, examples, rows)
    }

    /// How each input was encoded, for the report.
    pub(crate) fn report(&self) -> Vec<InputReport> {
        let inputs = self.0.iter().filter(|named| named.input != columns::DEBIAS);
        let each = inputs.map(|named| InputReport {
            name: named.input.clone(),
            encoder: named.encoder.describe(),
            missing: named.encoder.missing(),
        });
        each.collect()
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    input: String,
    encoder: String,
    fitted: Value,
}

impl Serialize for Encoders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|named| Stored {
            input: named.input.clone(),
            encoder: named.kind.clone(),
            fitted: named.encoder.state(),
        }))
    }
}

impl<'de> Deserialize<'de> for Encoders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let stored = Vec::<Stored>::deserialize(deserializer)?;
        let read = stored.into_iter().map(|stored| {
            let known = ENCODERS.iter().find(|(name, _)| *name == stored.encoder);
            let (_, (_, read)) =
                known.ok_or_else(|| D::Error::custom(format!("there is no encoder `{}`", stored.encoder)))?;
            let encoder = read(stored.fitted).map_err(D::Error::custom)?;
            Ok(Named { input: stored.input, kind: stored.encoder, encoder: encoder.into() })
        });
        read.collect::<Result<_, _>>().map(Encoders)
    }
}

/// The share of rows without a value.
#[expect(clippy::cast_precision_loss, reason = "a share for the report")]
fn share(missing: usize, rows: usize) -> f64 {
    missing as f64 / rows.max(1) as f64
}

/// A fitted encoder as JSON.
fn state(fitted: &impl Serialize) -> Value {
    serde_json::to_value(fitted).unwrap_or_default()
}
