//! Typed contents of tensors: a list of its own for each kind of element.

use std::borrow::Cow;

use prost::bytes::Bytes;

use super::proto::InferTensorContents;
use crate::refusal::Refusal;
use crate::tensors::{Datatype, Values};

/// The elements of a tensor from the list of its datatype. That they are as many as the shape says is checked later; that
/// no other list has elements is checked here.
pub(super) fn read<'a>(
    tensor: &str,
    datatype: Datatype,
    contents: &'a InferTensorContents,
) -> Result<Values<'a>, Refusal> {
    let values = match datatype {
        Datatype::Bool => Values::Bools(contents.bool_contents.clone()),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 => {
            Values::Ints(contents.int_contents.iter().map(|value| i64::from(*value)).collect())
        }
        Datatype::Int64 => Values::Ints(contents.int64_contents.clone()),
        Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => {
            Values::Unsigned(contents.uint_contents.iter().map(|value| u64::from(*value)).collect())
        }
        Datatype::Uint64 => Values::Unsigned(contents.uint64_contents.clone()),
        Datatype::Fp32 => Values::Floats(contents.fp32_contents.iter().map(|value| f64::from(*value)).collect()),
        Datatype::Fp64 => Values::Floats(contents.fp64_contents.clone()),
        Datatype::Bytes => {
            Values::Bytes(contents.bytes_contents.iter().map(|value| Cow::Borrowed(value.as_ref())).collect())
        }
    };
    match count(contents) == values.len() {
        true => Ok(values),
        false => Err(Refusal::invalid(format!("input `{tensor}` of {} has contents of other types", datatype.name()))),
    }
}

/// How many elements there are in all lists.
fn count(contents: &InferTensorContents) -> usize {
    contents.bool_contents.len()
        + contents.int_contents.len()
        + contents.int64_contents.len()
        + contents.uint_contents.len()
        + contents.uint64_contents.len()
        + contents.fp32_contents.len()
        + contents.fp64_contents.len()
        + contents.bytes_contents.len()
}

/// Elements as the list of their datatype.
#[expect(clippy::cast_possible_truncation, reason = "columns have the width of their datatype")]
pub(super) fn write(datatype: Datatype, values: Values<'_>) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match (values, datatype) {
        (Values::Bools(values), _) => contents.bool_contents = values,
        (Values::Ints(values), Datatype::Int32) => {
            contents.int_contents = values.into_iter().map(|value| value as i32).collect();
        }
        (Values::Ints(values), _) => contents.int64_contents = values,
        (Values::Unsigned(values), _) => contents.uint64_contents = values,
        (Values::Floats(values), Datatype::Fp32) => {
            contents.fp32_contents = values.into_iter().map(|value| value as f32).collect();
        }
        (Values::Floats(values), _) => contents.fp64_contents = values,
        (Values::Bytes(values), _) => {
            contents.bytes_contents = values.into_iter().map(|value| Bytes::from(value.into_owned())).collect();
        }
    }
    contents
}
