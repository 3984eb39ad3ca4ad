//! Predictions: what they are like, and how they leave as files.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use futures::StreamExt;
use mlsys_plan::{Expr, Source, Type};

use crate::error::DataError;
use crate::expr::{column, lower};
use crate::profile::Profile;
use crate::session::{Dataflow, Execution};
use crate::sink::store;
use crate::table::StoredTable;

/// The column that holds predictions.
const PREDICTION: &str = "prediction";

/// A form in which tables leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values with a line of names.
    Csv,
}

impl Format {
    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Csv => "csv",
        }
    }
}

impl Dataflow {
    /// What the predictions of a table are like; rows without one are counted as missing.
    ///
    /// # Errors
    /// E0911 if the table cannot be read.
    pub async fn profile_of_predictions(&self, table: &Path) -> Result<Profile, DataError> {
        let plan = scan(&[table.to_owned()])?.project([column(PREDICTION)])?.build()?;
        let mut profile = no_predictions();
        let Execution { mut rows, .. } = self.execute(&self.ordered_session(), plan, None).await?;
        while let Some(batch) = rows.next().await {
            profile.update(&batch?)?;
        }
        Ok(profile)
    }

    /// Writes tables one after the other as one file, without rows that have no prediction and those of which the filter does
    /// not hold; how many rows it has.
    ///
    /// # Errors
    /// E0911 if a table cannot be read or the file cannot be written.
    pub async fn export_predictions(
        &self,
        tables: &[PathBuf],
        filter: Option<&Expr>,
        format: Format,
        output: &Path,
    ) -> Result<u64, DataError> {
        let plan = kept(tables, filter)?;
        let Execution { mut rows, .. } = self.execute(&self.ordered_session(), plan, None).await?;
        let schema = rows.schema();
        match format {
            Format::Parquet => store(rows, &schema, output, &|_| {}).await,
            Format::Csv => {
                let mut count = 0;
                let failed = |error: &dyn std::error::Error| DataError::store("write", output, error);
                let file = BufWriter::new(File::create(output).map_err(|error| failed(&error))?);
                let mut writer = WriterBuilder::new().with_header(true).build(file);
                let none = RecordBatch::new_empty(Arc::clone(&schema));
                writer.write(&none).map_err(|error| failed(&error))?;
                while let Some(batch) = rows.next().await {
                    let batch = batch?;
                    count += batch.num_rows() as u64;
                    writer.write(&batch).map_err(|error| failed(&error))?;
                }
                let file = writer.into_inner().into_inner().map_err(|error| failed(error.error()))?;
                file.sync_all().map_err(|error| failed(&error))?;
                Ok(count)
            }
        }
    }
}

/// The profile of no predictions.
pub fn no_predictions() -> Profile {
    let field = mlsys_plan::Field {
        name: PREDICTION.to_owned(),
        ty: Type::Float64.optional(),
        default: None,
        pii: false,
        line: 0,
    };
    Profile::new(&Source { name: "predictions".to_owned(), schema: vec![field], ..Source::default() })
}

fn scan(tables: &[PathBuf]) -> Result<LogicalPlanBuilder, DataError> {
    let table = provider_as_source(Arc::new(StoredTable::of_all(tables)?));
    Ok(LogicalPlanBuilder::scan("predictions", table, None)?)
}

fn kept(tables: &[PathBuf], filter: Option<&Expr>) -> Result<LogicalPlan, DataError> {
    let plan = scan(tables)?;
    let names: Vec<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut plan = plan.filter(column(PREDICTION).is_not_null())?;
    if let Some(filter) = filter {
        plan = plan.filter(lower(filter)?)?;
    }
    // The last column numbers the rows.
    let own = names.len().saturating_sub(1);
    Ok(plan.project(names[..own].iter().map(|name| column(name)).collect::<Vec<_>>())?.build()?)
}
