//! The first rows of a file, by its format.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::csv::reader::{Format, ReaderBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::reader::ValueIter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use mlsys_plan::{Call, Type, Value, ValueType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;

use super::{LOOKED_AT, Sample, texts};
use crate::error::{Code, DataError};

type Read = Result<(Call, Vec<Sample>), DataError>;

/// Texts that stand for a missing value in many CSV files; one of them is taken if it makes more columns readable.
const MISSING: [&str; 8] = ["NA", "null", "NULL", "NaN", "N/A", "None", "-", "\\N"];

/// Types from the schema, missing values from the statistics of all row groups.
pub(super) fn parquet(path: &Path) -> Read {
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?).map_err(|error| unreadable(path, &error))?;
    let (schema, metadata) = (Arc::clone(builder.schema()), Arc::clone(builder.metadata()));
    let reader = builder.with_limit(LOOKED_AT).build().map_err(|error| unreadable(path, &error))?;
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().map_err(|error| unreadable(path, &error))?;
    let rows = concat_batches(&schema, &batches)?;
    let mut samples = Vec::new();
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        let values = shown(column.as_ref())?;
        let missing = missing_values(&metadata, field.name());
        let nullable = field.is_nullable() && missing.is_none_or(|missing| missing > 0);
        let nullable = if missing.is_none() { column.null_count() > 0 } else { nullable };
        let ty = language_type(field.data_type()).map(|ty| match ty {
            Type::String => texts::names(&values).map_or(Type::String, Type::Enum),
            other => other,
        });
        samples.push(Sample { name: field.name().clone(), ty: ty.map(|ty| value_type(ty, nullable)), values });
    }
    Ok((call("parquet", path, []), samples))
}

/// How many values of a column are missing in the whole file, if its statistics say so.
fn missing_values(metadata: &ParquetMetaData, name: &str) -> Option<u64> {
    let columns = metadata.file_metadata().schema_descr().columns();
    let index = columns.iter().position(|column| column.path().parts() == [name])?;
    metadata.row_groups().iter().map(|group| group.column(index).statistics()?.null_count_opt()).sum()
}

/// The type of the language whose values a column holds without loss.
fn language_type(found: &DataType) -> Result<Type, String> {
    Ok(match found {
        DataType::Boolean => Type::Bool,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => Type::Int32,
        DataType::Int64 | DataType::UInt32 => Type::Int64,
        DataType::Float16 | DataType::Float32 => Type::Float32,
        DataType::Float64 => Type::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Type::Bytes,
        DataType::Timestamp(_, _) => Type::Timestamp,
        DataType::Date32 | DataType::Date64 => Type::Date,
        DataType::Duration(_) => Type::Duration,
        DataType::Dictionary(_, values) => return language_type(values),
        DataType::List(item) | DataType::LargeList(item) => Type::List(Box::new(language_type(item.data_type())?)),
        DataType::FixedSizeList(item, length) if item.data_type() == &DataType::Float32 => {
            Type::Vector(u32::try_from(*length).unwrap_or_default())
        }
        other => return Err(format!("the language has no type for `{other}`")),
    })
}

fn shown(column: &dyn Array) -> Result<Vec<Option<String>>, DataError> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    Ok((0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string())).collect())
}

/// Types from the text; the text that means missing is the one that makes most columns something else than text.
pub(super) fn csv(path: &Path) -> Read {
    let delimiter = if path.extension().is_some_and(|extension| extension == "tsv") { b'\t' } else { b',' };
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let (header, _) = format.infer_schema(open(path)?, Some(0)).map_err(|error| unreadable(path, &error))?;
    let fields = header.fields().iter().map(|field| Field::new(field.name(), DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let reader = ReaderBuilder::new(Arc::clone(&schema))
        .with_header(true)
        .with_delimiter(delimiter)
        .with_bounds(0, LOOKED_AT)
        .build_buffered(BufReader::new(open(path)?))
        .map_err(|error| unreadable(path, &error))?;
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().map_err(|error| unreadable(path, &error))?;
    let rows = concat_batches(&schema, &batches)?;
    let columns: Vec<Vec<String>> = rows.columns().iter().map(|column| fields_of(column.as_ref())).collect();
    let missing = missing_text(&columns);
    let samples = schema.fields().iter().zip(&columns).map(|(field, texts)| {
        let values = present(texts, missing);
        let (ty, nullable) = (texts::of_fields(&values), values.iter().any(Option::is_none));
        Sample { name: field.name().clone(), ty: Ok(value_type(ty, nullable)), values }
    });
    let samples = samples.collect();
    let mut arguments = vec![("null", Value::String(missing.to_owned()))];
    if delimiter != b',' {
        arguments.push(("delimiter", Value::String(char::from(delimiter).to_string())));
    }
    Ok((call("csv", path, arguments), samples))
}

fn fields_of(column: &dyn Array) -> Vec<String> {
    let texts = column.as_string::<i32>();
    (0..texts.len()).map(|row| texts.value(row).to_owned()).collect()
}

fn missing_text(columns: &[Vec<String>]) -> &'static str {
    let readable = |missing: &str| {
        columns.iter().filter(|texts| texts::of_fields(&present(texts, missing)) != Type::String).count()
    };
    let mut best = ("", readable(""));
    for candidate in MISSING.into_iter().filter(|text| columns.iter().any(|fields| fields.iter().any(|f| f == text))) {
        let count = readable(candidate);
        if count > best.1 {
            best = (candidate, count);
        }
    }
    best.0
}

fn present(texts: &[String], missing: &str) -> Vec<Option<String>> {
    texts.iter().map(|text| Some(text.clone()).filter(|text| text != missing && !text.is_empty())).collect()
}

/// Types from the values; names in the order in which they are met.
pub(super) fn json(path: &Path) -> Read {
    let mut names: Vec<String> = Vec::new();
    let mut objects: Vec<serde_json::Map<String, serde_json::Value>> = Vec::new();
    for value in ValueIter::new(BufReader::new(open(path)?), Some(LOOKED_AT)) {
        let serde_json::Value::Object(object) = value.map_err(|error| unreadable(path, &error))? else {
            return Err(unreadable(path, &"a line is no object"));
        };
        names.extend(object.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        objects.push(object);
    }
    let samples = names.into_iter().map(|name| {
        let values: Vec<&serde_json::Value> =
            objects.iter().map(|object| object.get(&name).unwrap_or(&serde_json::Value::Null)).collect();
        let nullable = values.iter().any(|value| value.is_null());
        let ty = json_type(&values).map(|ty| value_type(ty, nullable));
        Sample { name, ty, values: values.into_iter().map(text).collect() }
    });
    let samples = samples.collect();
    Ok((call("json", path, []), samples))
}

fn json_type(values: &[&serde_json::Value]) -> Result<Type, String> {
    let present: Vec<&serde_json::Value> = values.iter().copied().filter(|value| !value.is_null()).collect();
    let texts: Vec<Option<String>> = values.iter().map(|value| text(value)).collect();
    let all = |is: fn(&serde_json::Value) -> bool| present.iter().all(|value| is(value));
    if all(serde_json::Value::is_string) {
        return Ok(texts::of_words(&texts));
    }
    if all(serde_json::Value::is_boolean) {
        return Ok(Type::Bool);
    }
    if all(serde_json::Value::is_number) {
        return Ok(texts::of_fields(&texts));
    }
    if all(serde_json::Value::is_array) {
        let items: Vec<&serde_json::Value> = present.iter().filter_map(|value| value.as_array()).flatten().collect();
        let item = if items.iter().all(|item| item.is_string()) { Ok(Type::String) } else { json_type(&items) };
        return item.map(|item| Type::List(Box::new(item)));
    }
    if present.iter().any(|value| value.is_object()) {
        return Err("its values are nested objects: bring what is needed of them to the top level".to_owned());
    }
    Err("its values have several types".to_owned())
}

fn text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn value_type(ty: Type, nullable: bool) -> ValueType {
    if nullable { ty.optional() } else { ty.required() }
}

fn call(name: &str, path: &Path, arguments: impl IntoIterator<Item = (&'static str, Value)>) -> Call {
    let mut args: BTreeMap<String, Value> =
        arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    args.insert("path".to_owned(), Value::String(path.display().to_string()));
    Call { name: name.to_owned(), args }
}

fn open(path: &Path) -> Result<File, DataError> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> DataError {
    DataError::new(Code::SourceUnreadable, format!("`{}` cannot be read: {reason}", path.display()))
}
