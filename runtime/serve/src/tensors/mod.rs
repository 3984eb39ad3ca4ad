//! Tensors of the Open Inference Protocol: one for each column, the first dimension is the row.
//!
//! A scalar column is a tensor of shape `[n]` or `[n, 1]`, a vector of shape `[n, length]`, and a list of shape `[n, k]`
//! where all rows have `k` items. Numbers may come in another width than the metadata says, as long as they fit. Text and
//! enums are `BYTES` in UTF-8. Timestamps are `INT64` microseconds since 1970, durations `INT64` microseconds and dates
//! `INT32` days since 1970; all three may come as `BYTES` in their text forms too. The protocol has no missing values: a
//! column that may be missing can be left out as a whole; in answers a missing float is NaN and a missing text is empty.

mod input;
mod output;
mod values;

use mlsys_plan::{Field, Type};

pub(crate) use input::{Tensor, rows};
pub(crate) use output::{Output, check_names, outputs};
pub(crate) use values::Values;

use crate::refusal::{Kind, Refusal};

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp32,
    Fp64,
    Bytes,
}

impl Datatype {
    const ALL: [(Datatype, &'static str); 12] = [
        (Datatype::Bool, "BOOL"),
        (Datatype::Uint8, "UINT8"),
        (Datatype::Uint16, "UINT16"),
        (Datatype::Uint32, "UINT32"),
        (Datatype::Uint64, "UINT64"),
        (Datatype::Int8, "INT8"),
        (Datatype::Int16, "INT16"),
        (Datatype::Int32, "INT32"),
        (Datatype::Int64, "INT64"),
        (Datatype::Fp32, "FP32"),
        (Datatype::Fp64, "FP64"),
        (Datatype::Bytes, "BYTES"),
    ];

    /// A type by its name in the protocol.
    pub(crate) fn parse(tensor: &str, name: &str) -> Result<Self, Refusal> {
        if let Some((datatype, _)) = Datatype::ALL.iter().find(|(_, known)| *known == name) {
            return Ok(*datatype);
        }
        let shown: String = name.chars().take(60).collect();
        match name {
            "FP16" | "BF16" => {
                Err(Refusal::new(Kind::Unsupported, format!("input `{tensor}`: {name} is not supported, send FP32")))
            }
            _ => Err(Refusal::invalid(format!("input `{tensor}`: `{shown}` is no datatype of the protocol"))),
        }
    }

    /// The name in the protocol.
    pub(crate) fn name(self) -> &'static str {
        Datatype::ALL.iter().find(|(datatype, _)| *datatype == self).map_or("", |(_, name)| name)
    }

    /// Bytes of an element, where all have the same number.
    pub(crate) fn width(self) -> Option<usize> {
        Some(match self {
            Datatype::Bool | Datatype::Uint8 | Datatype::Int8 => 1,
            Datatype::Uint16 | Datatype::Int16 => 2,
            Datatype::Uint32 | Datatype::Int32 | Datatype::Fp32 => 4,
            Datatype::Uint64 | Datatype::Int64 | Datatype::Fp64 => 8,
            Datatype::Bytes => return None,
        })
    }

    /// As what values of a type are announced and answered.
    pub(crate) fn of(ty: &Type) -> Self {
        match ty {
            Type::Bool => Datatype::Bool,
            Type::Int32 | Type::Date => Datatype::Int32,
            Type::Int64 | Type::Timestamp | Type::Duration => Datatype::Int64,
            Type::Float32 | Type::Vector(_) => Datatype::Fp32,
            Type::Float64 => Datatype::Fp64,
            Type::String | Type::Enum(_) | Type::Bytes => Datatype::Bytes,
            Type::List(item) => Datatype::of(item),
        }
    }
}

/// What the metadata says of a column's tensor.
pub(crate) struct Announced<'a> {
    pub(crate) name: &'a str,
    pub(crate) datatype: Datatype,
    /// -1 where the number is not fixed.
    pub(crate) shape: Vec<i64>,
}

/// The tensors of columns, as metadata has them.
pub(crate) fn announced(fields: &[Field]) -> impl Iterator<Item = Announced<'_>> {
    fields.iter().map(|field| {
        let shape = match &field.ty.ty {
            Type::Vector(length) => vec![-1, i64::from(*length)],
            Type::List(_) => vec![-1, -1],
            _ => vec![-1],
        };
        Announced { name: &field.name, datatype: Datatype::of(&field.ty.ty), shape }
    })
}
