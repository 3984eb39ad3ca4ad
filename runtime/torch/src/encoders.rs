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

use arrow::array::{Array, ArrayRef};
use mlsys_plan::{Call, Impute, ModelInput, Type, columns};
use mlsys_training::InputReport;
use serde::de::DeserializeOwned;
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
}

/// A kind of encoder, which is kept as JSON.
trait Fitted: Encoder + Serialize + DeserializeOwned + 'static {
    /// Fits one.
    fn fit(fit: &Fit<'_>) -> Result<Self, String>;
}

/// A fitted encoder of any kind.
trait Kept: Encoder {
    /// What was fitted, as JSON.
    fn state(&self) -> Value;
}

impl<E: Encoder + Serialize> Kept for E {
    fn state(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
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

impl Fit<'_> {
    /// The share of rows without a value.
    fn missing(&self) -> f64 {
        share(self.rows.iter().filter(|&&row| self.column.is_null(row)).count(), self.rows.len())
    }

    /// Whether a further number is to say that a value was missing.
    fn indicator(&self) -> bool {
        self.input.ty.nullable && self.impute.is_some_and(|impute| impute.indicator)
    }

    /// An argument that is a count; none if it is zero or left out.
    fn count(&self, name: &str) -> Option<usize> {
        self.call.count(name).filter(|count| *count > 0)
    }
}

/// Fits and reads encoders of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    fit: fn(&Fit<'_>) -> Result<Arc<dyn Kept>, String>,
    read: fn(Value) -> Result<Arc<dyn Kept>, serde_json::Error>,
}

const fn kind<E: Fitted>() -> Kind {
    Kind { fit: |fit| Ok(Arc::new(E::fit(fit)?)), read: |fitted| Ok(Arc::new(serde_json::from_value::<E>(fitted)?)) }
}

/// Every encoder by its name in the language.
pub(crate) const ENCODERS: &[(&str, Kind)] = &[
    ("code", kind::<code::Code>()),
    ("cyclic", kind::<cyclic::Cyclic>()),
    ("embedding", kind::<embedding::Embedding>()),
    ("hashing", kind::<hashing::Hashing>()),
    ("items", kind::<items::Items>()),
    ("one_hot", kind::<one_hot::OneHot>()),
    ("quantile", kind::<quantile::Quantile>()),
    ("range", kind::<range::Range>()),
    ("raw", kind::<raw::Raw>()),
    ("series", kind::<series::Series>()),
    ("standard", kind::<standard::Standard>()),
    ("truth", kind::<truth::Truth>()),
    ("vector", kind::<vector::Vector>()),
    ("words", kind::<words::Words>()),
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
    encoder: Arc<dyn Kept>,
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
            let encoder = (named("encoder", ENCODERS, call)?.fit)(&Fit { input, call, impute, column, rows });
            let encoder = encoder.map_err(|reason| TrainError::Column { name: input.name.clone(), reason })?;
            Ok(Named { input: input.name.clone(), kind: call.name.clone(), encoder })
        });
        fitted.collect::<Result<_, _>>().map(Encoders)
    }

    /// Adds what is learnt with and predicted without, behind all inputs.
    pub(crate) fn add_debias(&mut self, examples: &Examples, rows: &[usize]) -> Result<(), TrainError> {
        let Some(column) = examples.optional(columns::DEBIAS) else { return Ok(()) };
        let input = ModelInput { name: columns::DEBIAS.to_owned(), ty: Type::String.optional(), encoder: None };
        let call = Call { name: "embedding".to_owned(), ..Call::default() };
        let encoder =
            (kind::<embedding::Embedding>().fit)(&Fit { input: &input, call: &call, impute: None, column, rows });
        let encoder = encoder.map_err(|reason| TrainError::Column { name: input.name.clone(), reason })?;
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

    /// How many numbers a row has.
    pub(crate) fn numbers(&self) -> usize {
        let widths = self.forms().map(|(_, form)| if let Form::Numbers(width, _) = form { width } else { 0 });
        widths.sum()
    }

    /// The tables of embeddings of categories, in the order of the inputs.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Table> {
        self.forms().filter_map(|(_, form)| if let Form::Category(table, _) = form { Some(table) } else { None })
    }

    /// What is learnt with and predicted without: its place among the categories, and its values.
    pub(crate) fn debias(&self) -> Option<(usize, Table)> {
        let categories = self.tables().count();
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
            let (_, kind) =
                known.ok_or_else(|| D::Error::custom(format!("there is no encoder `{}`", stored.encoder)))?;
            let encoder = (kind.read)(stored.fitted).map_err(D::Error::custom)?;
            Ok(Named { input: stored.input, kind: stored.encoder, encoder })
        });
        read.collect::<Result<_, _>>().map(Encoders)
    }
}

/// A share of rows.
#[expect(clippy::cast_precision_loss, reason = "a share for the report")]
fn share(missing: usize, rows: usize) -> f64 {
    missing as f64 / rows.max(1) as f64
}
