//! Rows as JSON and as Arrow columns: what streams bring and what requests carry, by the types of the plan.
//!
//! A [`RowReader`] reads JSON objects straight into typed columns, one pass and no tree in between; a [`RowBuilder`] is
//! what it fills, and what readers of other formats fill as well. [`RowWriter`] goes the other way. [`text`] has the text
//! forms of times and durations, which are those of the batch connectors: a row from a stream becomes the values that the
//! same row in a file becomes.

mod builder;
mod column;
mod error;
mod names;
mod reader;
pub mod text;
mod types;
mod writer;

pub use builder::RowBuilder;
pub use column::{Column, Given, Misfit};
pub use error::{RowError, SchemaError};
pub use names::{closest, nearest};
pub use reader::{RowReader, RowSeed, RowsSeed, Rules, Unknown};
pub use types::{arrow_field, arrow_schema, arrow_type};
pub use writer::{RowWriter, write_row, write_rows};
