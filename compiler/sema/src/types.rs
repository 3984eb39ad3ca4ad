//! Types as written, resolved.

use mlsys_diagnostics::nearest;
use mlsys_plan::{Type, ValueType};
use mlsys_syntax::ast::{TypeArgument, TypeRef};

use crate::report::Reports;

/// The types that need no argument, by name.
pub(crate) const PLAIN: [(&str, Type); 10] = [
    ("bool", Type::Bool),
    ("int32", Type::Int32),
    ("int64", Type::Int64),
    ("float32", Type::Float32),
    ("float64", Type::Float64),
    ("string", Type::String),
    ("bytes", Type::Bytes),
    ("timestamp", Type::Timestamp),
    ("date", Type::Date),
    ("duration", Type::Duration),
];

/// The type that is written; none, with a report, if there is no such type.
pub(crate) fn resolve(reports: &mut Reports, written: &TypeRef) -> Option<ValueType> {
    let ty = type_of(reports, written)?;
    Some(ValueType { ty, nullable: written.nullable })
}

fn type_of(reports: &mut Reports, written: &TypeRef) -> Option<Type> {
    let name = written.name.text.as_str();
    if let Some((_, ty)) = PLAIN.iter().find(|(plain, _)| *plain == name) {
        if written.argument.is_none() && written.names.is_empty() {
            return Some(ty.clone());
        }
        reports.error("E0208", written.span, format!("`{name}` takes no argument"), "takes no argument");
        return None;
    }
    match (name, &written.argument) {
        ("enum", None) if !written.names.is_empty() => {
            let repeated =
                written.names.iter().enumerate().find(|(index, name)| written.names[..*index].contains(name));
            if let Some((_, name)) = repeated {
                let message = format!("the enum names {name:?} twice");
                reports.error("E0208", written.span, message, "named a second time").help("remove one of them");
                return None;
            }
            Some(Type::Enum(written.names.clone()))
        }
        ("list", Some(TypeArgument::Type(item))) => type_of(reports, item).map(|item| Type::List(Box::new(item))),
        ("vector", Some(TypeArgument::Length(length))) => {
            let length = u32::try_from(*length).ok().filter(|length| (1..=65_536).contains(length));
            if length.is_none() {
                reports.error("E0208", written.span, "a vector has 1 to 65536 values", "not a length");
            }
            length.map(Type::Vector)
        }
        ("enum" | "list" | "vector", _) => {
            let form = match name {
                "enum" => "`enum(\"a\", \"b\")`",
                "list" => "`list<string>`",
                _ => "`vector<64>`",
            };
            reports.error("E0208", written.span, format!("`{name}` is written {form}"), "incomplete");
            None
        }
        _ => {
            let known = PLAIN.iter().map(|(name, _)| *name).chain(["enum", "list", "vector"]);
            let near = nearest(name, known).or_else(|| alias(name));
            reports
                .error("E0208", written.name.span, format!("there is no type `{name}`"), "no such type")
                .help("types are bool, int32, int64, float32, float64, string, bytes, timestamp, date, duration, enum, list and vector")
                .did_you_mean(near);
            None
        }
    }
}

/// What other languages call our types.
fn alias(name: &str) -> Option<&'static str> {
    match name {
        "int" | "integer" | "bigint" | "long" => Some("int64"),
        "smallint" | "short" => Some("int32"),
        "double" | "float" | "number" | "decimal" | "real" => Some("float64"),
        "text" | "varchar" | "str" | "utf8" => Some("string"),
        "boolean" => Some("bool"),
        "datetime" | "time" => Some("timestamp"),
        "interval" | "timedelta" => Some("duration"),
        _ => None,
    }
}
