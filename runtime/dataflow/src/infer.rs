//! What a file holds, as far as can be told by looking: the columns of a `source` that would read it.

mod candidates;
mod read;
mod texts;

use std::path::Path;

use mlsys_plan::{Call, Type, ValueType};
use serde::Serialize;

use crate::error::{Code, DataError};

/// How many rows are looked at.
const LOOKED_AT: usize = 10_000;

/// How many different values are shown of a column.
const EXAMPLES: usize = 3;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inferred {
    /// The connector that reads it, with `path` and whatever else it needs.
    pub connector: Call,
    /// The columns that can be declared, in the file's order.
    pub columns: Vec<InferredColumn>,
    /// The columns that cannot, each with the reason.
    pub unsupported: Vec<UnsupportedColumn>,
    /// How many rows were looked at, at most 10,000.
    pub rows_looked_at: u64,
    /// Timestamps that are never missing, in the file's order: each may be the row's time.
    pub time_candidates: Vec<String>,
    /// The smallest sets of columns in which no two of the rows are equal, one column each or two.
    pub key_candidates: Vec<Vec<String>>,
}

/// A column that can be declared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InferredColumn {
    /// The column's name in the file.
    pub name: String,
    /// Its type; nullable if a value is missing in the rows that were looked at, or by the file's own statistics.
    pub ty: ValueType,
    /// Its first different values, as text.
    pub examples: Vec<String>,
}

/// A column that cannot be declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnsupportedColumn {
    /// The column's name in the file.
    pub name: String,
    /// Why not.
    pub reason: String,
}

/// A column as it was read.
struct Sample {
    name: String,
    /// Its type, or why it has none.
    ty: Result<ValueType, String>,
    /// The values of the rows that were looked at, as text.
    values: Vec<Option<String>>,
}

/// Looks at a Parquet, CSV or NDJSON file, told apart by its extension.
///
/// # Errors
/// E0901 if the file cannot be read, or is none of these.
pub fn infer(path: &Path) -> Result<Inferred, DataError> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let (connector, samples) = match extension.as_deref() {
        Some("parquet") => read::parquet(path)?,
        Some("csv" | "tsv" | "txt") => read::csv(path)?,
        Some("json" | "ndjson" | "jsonl") => read::json(path)?,
        _ => {
            let message = format!("`{}` is not named as a Parquet, CSV or JSON file", path.display());
            let help = "files end with `.parquet`, `.csv`, or `.json`, `.ndjson`, `.jsonl` (an object a line)";
            return Err(DataError::new(Code::SourceUnreadable, message).with_help(help));
        }
    };
    Ok(told(connector, &samples))
}

fn told(connector: Call, samples: &[Sample]) -> Inferred {
    let (mut columns, mut unsupported) = (Vec::new(), Vec::new());
    for sample in samples {
        match sample.ty.clone().and_then(|ty| speakable(&sample.name).map(|()| ty)) {
            Ok(mut ty) => {
                // What the rest of a long file holds is not known: a further name would stop a run.
                if sample.values.len() >= LOOKED_AT && matches!(ty.ty, Type::Enum(_)) {
                    ty.ty = Type::String;
                }
                columns.push(InferredColumn { name: sample.name.clone(), ty, examples: examples(&sample.values) });
            }
            Err(reason) => unsupported.push(UnsupportedColumn { name: sample.name.clone(), reason }),
        }
    }
    let usable: Vec<&Sample> =
        samples.iter().filter(|one| columns.iter().any(|known| known.name == one.name)).collect();
    Inferred {
        connector,
        rows_looked_at: samples.first().map_or(0, |sample| sample.values.len() as u64),
        time_candidates: candidates::times(&usable),
        key_candidates: candidates::keys(&usable),
        columns,
        unsupported,
    }
}

/// Whether a program can name a column.
fn speakable(name: &str) -> Result<(), String> {
    const RESERVED: [&str; 13] =
        ["and", "between", "else", "false", "if", "in", "is", "not", "null", "or", "over", "true", "where"];
    let fits = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_');
    if !fits {
        return Err("a program cannot name it: names hold letters, digits and `_`; rename it in the file".to_owned());
    }
    if RESERVED.contains(&name) {
        return Err("its name is a reserved word; rename it in the file".to_owned());
    }
    if name.starts_with("__") {
        return Err("names that begin with `__` are the runtime's own; rename it in the file".to_owned());
    }
    Ok(())
}

fn examples(values: &[Option<String>]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in values.iter().flatten() {
        if !found.contains(value) {
            found.push(value.clone());
        }
        if found.len() == EXAMPLES {
            break;
        }
    }
    found
}
