//! `arrow(path)`: Arrow IPC files, also known as Feather version 2, columns matched by name.

use std::fs::File;
use std::io::BufReader;

use arrow::ipc::reader::FileReader;
use mlsys_plan::{Call, Field};

use super::typed::{Typed, positions, unreadable};
use super::{Batches, Connector, InputFile};
use crate::error::DataError;

const FORMAT: &str = "Arrow";

/// The connector `arrow`.
pub(super) struct Arrow;

impl Connector for Arrow {
    fn name(&self) -> &'static str {
        "arrow"
    }

    fn check(&self, _call: &Call, _columns: &[Field]) -> Result<(), DataError> {
        Ok(())
    }

    fn read(&self, _call: &Call, file: &InputFile, columns: &[Field]) -> Result<Batches, DataError> {
        let schema = open(file, None)?.schema();
        let positions = positions(file, &schema, columns)?;
        let reader = open(file, Some(positions))?;
        Ok(Box::new(Typed::new(reader, FORMAT, file.clone(), columns.to_vec())))
    }
}

/// A reader of the columns at these positions, or of all.
fn open(file: &InputFile, positions: Option<Vec<usize>>) -> Result<FileReader<BufReader<File>>, DataError> {
    let opened = File::open(&file.path).map_err(|error| unreadable(file, FORMAT, &error.to_string()))?;
    FileReader::try_new_buffered(opened, positions).map_err(|error| unreadable(file, FORMAT, &error.to_string()))
}
