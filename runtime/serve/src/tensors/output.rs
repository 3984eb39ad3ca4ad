//! The columns of an answer as tensors.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::concat;
use arrow::datatypes::{
    Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use mlsys_plan::{Field, Type};

use super::{Datatype, Values};
use crate::answer::Answer;
use crate::refusal::{Kind, Refusal};

/// A tensor of an answer.
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) datatype: Datatype,
    pub(crate) shape: Vec<i64>,
    pub(crate) values: Values<'static>,
}

/// The tensors that are asked for, or all of them where none is named. The protocol has no errors of single rows: one row
/// without a prediction refuses the request.
pub(crate) fn outputs(answer: &Answer, fields: &[Field], wanted: &[&str]) -> Result<Vec<Output>, Refusal> {
    if let Some((row, reason)) = answer.first_failure() {
        return Err(Refusal::new(Kind::Failed, format!("row {row}: {reason}")));
    }
    if wanted.is_empty() {
        return fields.iter().enumerate().map(|(place, field)| output(answer, place, field)).collect();
    }
    let named = wanted.iter().map(|name| {
        let place = fields.iter().position(|field| field.name == *name).ok_or_else(|| unknown(name, fields))?;
        output(answer, place, &fields[place])
    });
    named.collect()
}

/// That the names of wanted outputs are there, before anything is computed.
pub(crate) fn check_names(fields: &[Field], wanted: &[&str]) -> Result<(), Refusal> {
    match wanted.iter().find(|name| !fields.iter().any(|field| field.name == **name)) {
        Some(name) => Err(unknown(name, fields)),
        None => Ok(()),
    }
}

fn unknown(name: &str, fields: &[Field]) -> Refusal {
    let near = mlsys_rows::nearest(name, fields.iter().map(|field| field.name.as_str()));
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let shown: String = name.chars().take(60).collect();
    Refusal::invalid(format!("the model has no output `{shown}`{hint}"))
}

fn output(answer: &Answer, place: usize, field: &Field) -> Result<Output, Refusal> {
    let pieces: Vec<ArrayRef> = answer
        .parts
        .iter()
        .map(|part| part.scored.predictions.column(place).slice(part.rows.start, part.rows.len()))
        .collect();
    let slices: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    let rows = i64::try_from(answer.len()).unwrap_or(i64::MAX);
    let (datatype, shape) = match &field.ty.ty {
        Type::Vector(length) => (Datatype::Fp32, vec![rows, i64::from(*length)]),
        ty => (Datatype::of(ty), vec![rows]),
    };
    let values = match slices.is_empty() {
        true => Values::empty(datatype),
        false => {
            let column = concat(&slices).map_err(|error| Refusal::new(Kind::Failed, error.to_string()))?;
            values(&column, field)?
        }
    };
    Ok(Output { name: field.name.clone(), datatype, shape, values })
}

fn values(column: &ArrayRef, field: &Field) -> Result<Values<'static>, Refusal> {
    let missing = || {
        let reason = format!("output `{}` has no value in some row, which a tensor cannot say", field.name);
        Refusal::new(Kind::Failed, reason)
    };
    let bytes = |text: Option<&[u8]>| Cow::Owned(text.unwrap_or_default().to_vec());
    Ok(match &field.ty.ty {
        Type::Float32 => Values::Floats(
            column.as_primitive::<Float32Type>().iter().map(|value| value.map_or(f64::NAN, f64::from)).collect(),
        ),
        Type::Float64 => {
            Values::Floats(column.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        }
        Type::Vector(length) => floats(column, *length as usize),
        Type::String | Type::Enum(_) => {
            Values::Bytes(column.as_string::<i32>().iter().map(|text| bytes(text.map(str::as_bytes))).collect())
        }
        Type::Bytes => Values::Bytes(column.as_binary::<i32>().iter().map(bytes).collect()),
        Type::List(_) => {
            let reason = format!("output `{}` is a list, which has no form as a tensor", field.name);
            return Err(Refusal::new(Kind::Unsupported, reason));
        }
        _ if column.null_count() > 0 => return Err(missing()),
        Type::Bool => Values::Bools(column.as_boolean().values().iter().collect()),
        Type::Int32 => {
            Values::Ints(column.as_primitive::<Int32Type>().values().iter().map(|v| i64::from(*v)).collect())
        }
        Type::Date => {
            Values::Ints(column.as_primitive::<Date32Type>().values().iter().map(|v| i64::from(*v)).collect())
        }
        Type::Int64 => Values::Ints(column.as_primitive::<Int64Type>().values().to_vec()),
        Type::Timestamp => Values::Ints(column.as_primitive::<TimestampMicrosecondType>().values().to_vec()),
        Type::Duration => Values::Ints(column.as_primitive::<DurationMicrosecondType>().values().to_vec()),
    })
}

/// The numbers of vectors; those of a missing vector are NaN.
fn floats(column: &ArrayRef, length: usize) -> Values<'static> {
    let lists = column.as_fixed_size_list();
    let items = lists.values().as_primitive::<Float32Type>();
    let number = |row: usize, index: usize| {
        let place = row * length + index;
        match lists.is_valid(row) && items.is_valid(place) {
            true => f64::from(items.value(place)),
            false => f64::NAN,
        }
    };
    Values::Floats((0..lists.len()).flat_map(|row| (0..length).map(move |index| number(row, index))).collect())
}
