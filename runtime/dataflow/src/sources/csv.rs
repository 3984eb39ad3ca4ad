//! `csv(path, null, header, delimiter)`: comma-separated text, columns matched by the header's names.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::csv::reader::{BufReader as CsvReader, Format, ReaderBuilder};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use arrow::error::ArrowError;
use mlsys_plan::{Call, Field};

use super::files::text_argument;
use super::{Batches, Connector, InputFile, conform, text};
use crate::error::{Code, DataError};
use crate::types::column;

const BATCH: usize = 8192;

/// The connector `csv`.
pub(super) struct Csv;

/// The arguments of a call.
#[derive(Clone)]
struct Arguments {
    /// The text that means missing.
    null: Option<String>,
    /// Whether the first row names the columns; otherwise columns are in declared order.
    header: bool,
    delimiter: u8,
}

impl Connector for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn check(&self, call: &Call, columns: &[Field]) -> Result<(), DataError> {
        arguments(call)?;
        match columns.iter().find(|field| !text::is_readable(&field.ty.ty)) {
            None => Ok(()),
            Some(field) => {
                let message = format!("`csv` cannot read column `{}`: `{}` has no text form", field.name, field.ty.ty);
                Err(DataError::new(Code::Unsupported, message).at_line(field.line))
            }
        }
    }

    fn read(&self, call: &Call, file: &InputFile, columns: &[Field]) -> Result<Batches, DataError> {
        let arguments = arguments(call)?;
        let names = column_names(file, &arguments)?;
        let positions = if arguments.header {
            conform::positions(file, &names, columns)?
        } else {
            by_position(file, names.len(), columns)?
        };
        let reader = open_reader(file, &arguments, &names, positions)?;
        Ok(Box::new(Rows::new(reader, file.clone(), columns.to_vec(), arguments.null)))
    }
}

fn arguments(call: &Call) -> Result<Arguments, DataError> {
    let delimiter = call.string("delimiter").unwrap_or(",");
    let &[delimiter] = delimiter.as_bytes() else {
        let message = format!("`csv` needs a delimiter of one character, not {delimiter:?}");
        return Err(DataError::new(Code::Unsupported, message));
    };
    Ok(Arguments { null: text_argument(call, "null")?, header: call.bool("header").unwrap_or(true), delimiter })
}

/// The names of a file's columns; numbers where it has no header.
fn column_names(file: &InputFile, arguments: &Arguments) -> Result<Vec<String>, DataError> {
    let format = Format::default().with_header(arguments.header).with_delimiter(arguments.delimiter);
    let probed_rows = usize::from(!arguments.header);
    let (schema, _) = format.infer_schema(open(file)?, Some(probed_rows)).map_err(|error| unreadable(file, &error))?;
    Ok(schema.fields().iter().map(|field| field.name().clone()).collect())
}

fn by_position(file: &InputFile, found: usize, columns: &[Field]) -> Result<Vec<usize>, DataError> {
    match columns.get(found) {
        None => Ok((0..columns.len()).collect()),
        Some(field) => {
            let message = format!("`{}` has {found} columns, but `{}` is number {}", file.name, field.name, found + 1);
            Err(DataError::new(Code::ColumnMissing, message).at_line(field.line))
        }
    }
}

/// The file's bytes, without the mark that some programs write before UTF-8 text.
fn open(file: &InputFile) -> Result<BufReader<File>, DataError> {
    let opened = File::open(&file.path).and_then(|opened| {
        let mut reader = BufReader::with_capacity(1 << 16, opened);
        if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(reader)
    });
    opened.map_err(|error| DataError::new(Code::SourceUnreadable, format!("`{}` cannot be read: {error}", file.name)))
}

fn open_reader(
    file: &InputFile,
    arguments: &Arguments,
    names: &[String],
    positions: Vec<usize>,
) -> Result<CsvReader<BufReader<File>>, DataError> {
    let texts: Vec<ArrowField> = names.iter().map(|name| ArrowField::new(name, DataType::Utf8, true)).collect();
    ReaderBuilder::new(Arc::new(Schema::new(texts)))
        .with_header(arguments.header)
        .with_delimiter(arguments.delimiter)
        .with_batch_size(BATCH)
        .with_projection(positions)
        .build_buffered(open(file)?)
        .map_err(|error| unreadable(file, &error))
}

/// The rows of one file, typed.
struct Rows {
    reader: CsvReader<BufReader<File>>,
    file: InputFile,
    columns: Vec<Field>,
    schema: SchemaRef,
    null: Option<String>,
    /// Rows that were read.
    rows: u64,
}

impl Rows {
    fn new(reader: CsvReader<BufReader<File>>, file: InputFile, columns: Vec<Field>, null: Option<String>) -> Self {
        let fields: Vec<ArrowField> = columns.iter().map(|field| column(&field.name, &field.ty)).collect();
        Rows { reader, file, columns, schema: Arc::new(Schema::new(fields)), null, rows: 0 }
    }

    fn convert(&mut self, batch: &RecordBatch) -> Result<RecordBatch, DataError> {
        let pairs = self.columns.iter().zip(batch.columns());
        let columns: Vec<ArrayRef> = pairs.map(|(field, texts)| self.column(field, texts)).collect::<Result<_, _>>()?;
        self.rows += batch.num_rows() as u64;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn column(&self, field: &Field, texts: &ArrayRef) -> Result<ArrayRef, DataError> {
        let texts = texts.as_string::<i32>();
        let first_row = self.rows + 1;
        let column = text::parse(texts, &field.ty.ty, self.null.as_deref()).map_err(|text::BadField(row)| {
            conform::wrong_value(&self.file, field, first_row + row as u64, texts.value(row))
        })?;
        conform::finish(&self.file, field, column, first_row)
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(match batch {
            Ok(batch) => self.convert(&batch),
            Err(error) => Err(unreadable(&self.file, &error)),
        })
    }
}

fn unreadable(file: &InputFile, error: &ArrowError) -> DataError {
    let reason = match error {
        ArrowError::CsvError(reason) => reason.clone(),
        other => other.to_string(),
    };
    DataError::new(Code::SourceUnreadable, format!("`{}` cannot be read as CSV: {reason}", file.name))
}
