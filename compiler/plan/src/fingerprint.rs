//! Fingerprints: equal for equal meaning, so that a comment or a moved line never recomputes anything.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::node::Operation;

/// A SHA-256 digest in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Fingerprint(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fingerprint of what a node does: its definition without lines and files, and the fingerprints of its inputs, which stand
/// for their definitions or for the data they read.
///
/// # Errors
/// Fails only if a number in the definition is not finite.
pub fn fingerprint(operation: &Operation, inputs: &[&Fingerprint]) -> Result<Fingerprint, serde_json::Error> {
    let mut definition = serde_json::to_value(operation)?;
    forget_lines(&mut definition);
    let mut text = definition.to_string();
    for input in inputs {
        text.push('\n');
        text.push_str(input.as_str());
    }
    Ok(Fingerprint::of(text.as_bytes()))
}

/// Removes the fields that exist for messages only.
fn forget_lines(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("line");
            fields.remove("origin");
            fields.values_mut().for_each(forget_lines);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(forget_lines),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}
