//! The types of values: what a column or an expression may hold.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A type of the language, without nullability.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// Signed 32-bit integer.
    Int32,
    /// Signed 64-bit integer.
    Int64,
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 double precision.
    Float64,
    /// UTF-8 text.
    String,
    /// Raw bytes.
    Bytes,
    /// An instant: microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// A calendar day: days since 1970-01-01.
    Date,
    /// A length of time in microseconds.
    Duration,
    /// One of a fixed set of names.
    Enum(Vec<String>),
    /// A list of values of one type.
    List(Box<Type>),
    /// A fixed number of `float32` values.
    Vector(u32),
}

impl Type {
    /// Whether values are integers.
    pub fn is_integer(&self) -> bool {
        matches!(self, Type::Int32 | Type::Int64)
    }

    /// Whether values are floating-point numbers.
    pub fn is_float(&self) -> bool {
        matches!(self, Type::Float32 | Type::Float64)
    }

    /// Whether values are numbers.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_float()
    }

    /// This type, with values that are always present.
    pub fn required(self) -> ValueType {
        ValueType { ty: self, nullable: false }
    }

    /// This type, with values that may be missing.
    pub fn optional(self) -> ValueType {
        ValueType { ty: self, nullable: true }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::Int32 => f.write_str("int32"),
            Type::Int64 => f.write_str("int64"),
            Type::Float32 => f.write_str("float32"),
            Type::Float64 => f.write_str("float64"),
            Type::String => f.write_str("string"),
            Type::Bytes => f.write_str("bytes"),
            Type::Timestamp => f.write_str("timestamp"),
            Type::Date => f.write_str("date"),
            Type::Duration => f.write_str("duration"),
            Type::Enum(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
                write!(f, "enum({})", quoted.join(", "))
            }
            Type::List(item) => write!(f, "list<{item}>"),
            Type::Vector(length) => write!(f, "vector<{length}>"),
        }
    }
}

/// A type together with whether a value may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ValueType {
    /// The type of the values that are present.
    #[serde(rename = "type")]
    pub ty: Type,
    /// Whether a value may be missing (`T?`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub nullable: bool,
}

impl ValueType {
    /// The same type with the given nullability.
    pub fn with_nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.ty, if self.nullable { "?" } else { "" })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}
