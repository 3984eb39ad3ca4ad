//! Values of named arguments: what `mlp(hidden: [128, 64])` carries into the plan.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A call of something declared in the standard library, with every argument present.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Call {
    /// The name of what is called, such as `csv` or `adam`.
    pub name: String,
    /// Every declared argument by name, defaults filled in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Value>,
}

/// A value of a named argument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A finite floating-point number.
    Float(f64),
    /// Text.
    String(String),
    /// Microseconds.
    Duration(i64),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Values in order.
    List(Vec<Value>),
    /// The name of an environment variable that holds the value at run time; the value itself never enters a plan.
    Env(String),
    /// A nested call.
    Call(Call),
}

impl Call {
    /// The argument's value as text, if it is text.
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.args.get(name)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The argument's value as an integer, if it is one.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.args.get(name)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The argument's value as a count, if it is an integer that is not negative.
    pub fn count(&self, name: &str) -> Option<usize> {
        self.int(name).and_then(|count| usize::try_from(count).ok())
    }

    /// The argument's value as a number, if it is one.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.args.get(name)? {
            Value::Float(value) => Some(*value),
            #[expect(clippy::cast_precision_loss, reason = "arguments are small numbers written by hand")]
            Value::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The argument's value as a truth value, if it is one.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.args.get(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The argument's value as a list, if it is one.
    pub fn list(&self, name: &str) -> Option<&[Value]> {
        match self.args.get(name)? {
            Value::List(values) => Some(values),
            _ => None,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.args.is_empty() {
            return f.write_str(&self.name);
        }
        let args: Vec<String> = self.args.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        write!(f, "{}({})", self.name, args.join(", "))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::String(value) => write!(f, "{value:?}"),
            Value::Duration(micros) => f.write_str(&crate::text::duration(*micros)),
            Value::Timestamp(micros) => f.write_str(&crate::text::instant(*micros)),
            Value::List(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Value::Env(name) => write!(f, "env({name:?})"),
            Value::Call(call) => write!(f, "{call}"),
        }
    }
}
