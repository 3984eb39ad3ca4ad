//! What answers hold.

use serde_json::Value;

use super::client::{NOT_MLFLOW, closed};
use crate::tracker::Trouble;

/// A field that is text; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A field that is text, without which nothing goes on.
pub(super) fn required(value: &Value, name: &str) -> Result<String, Trouble> {
    match text(value, name) {
        "" => Err(closed(&format!("its answer has no `{name}`"), NOT_MLFLOW)),
        text => Ok(text.to_owned()),
    }
}

/// A whole number; large ones may come as text (protocol buffers as JSON).
pub(super) fn whole(value: &Value, name: &str) -> Option<i64> {
    let field = value.get(name)?;
    field.as_i64().or_else(|| field.as_str()?.parse().ok())
}

/// Entries of a list; none where there is none.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The value of a tag among `tags`.
pub(super) fn tag<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    list(value, "tags").iter().find(|tag| text(tag, "key") == name).map(|tag| text(tag, "value"))
}
