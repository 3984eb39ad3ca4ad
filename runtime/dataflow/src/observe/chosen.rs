//! Examples that are chosen by their features, once these are there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableSource, lit, when};
use futures::StreamExt;
use mlsys_plan::{Expr, Part, Type, columns};

use crate::error::DataError;
use crate::expr::{column, lower};
use crate::session::{Dataflow, Execution};
use crate::sink::Sink;
use crate::table::{Manifest, POSITION, StoredTable};
use crate::types;
use crate::zip::zip;

impl Dataflow {
    /// Writes to `output` the part of each example, one column `__part`: as it was, or `left_out` where a condition on
    /// features does not hold. Says how many examples of a part are left out by it.
    ///
    /// # Errors
    /// E0910 if the condition is not known, E0911 if a file cannot be read or written, E0912.
    pub async fn choose(
        &self,
        condition: &Expr,
        examples: &Path,
        features: &[&Path],
        output: &Path,
    ) -> Result<u64, DataError> {
        let examples = provider_as_source(Arc::new(StoredTable::open(examples)?));
        let features = features.iter().map(|path| columns_of(path)).collect::<Result<Vec<_>, _>>()?;
        let plan = logical_plan(condition, examples, features.concat())?;
        let Execution { mut rows, .. } = self.execute(&self.ordered_session(), plan, None).await?;
        let schema: SchemaRef = Arc::new(Schema::new(vec![types::column(columns::PART, &Type::String.optional())]));
        let mut table = Sink::create(output, &schema)?;
        let mut left_out = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let (before, after) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
            let is_part = |name: Option<&str>| Part::ALL.iter().any(|part| Some(part.name()) == name);
            left_out +=
                before.iter().zip(after).filter(|(before, after)| is_part(*before) && before != after).count() as u64;
            table.write(RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(batch.column(1))])?).await?;
        }
        table.finish().await?.publish()?;
        Ok(left_out)
    }
}

/// Columns that lie beside the examples.
#[derive(Clone)]
struct Beside {
    rows: Arc<dyn TableSource>,
    /// Those that count.
    names: Vec<String>,
}

/// The columns of a table, also those that were made apart from the others.
fn columns_of(table: &Path) -> Result<Vec<Beside>, DataError> {
    let manifest = Manifest::of(table)?;
    let apart: BTreeSet<&String> = manifest.beside.iter().flat_map(|columns| &columns.names).collect();
    let first = StoredTable::of(manifest.files.clone())?;
    let stored = first.stored_schema();
    let names = stored.fields().iter().map(|field| field.name().clone());
    let names = names.filter(|name| !apart.contains(name)).collect();
    let mut all = vec![Beside { rows: provider_as_source(Arc::new(first)), names }];
    for columns in &manifest.beside {
        let rows = provider_as_source(Arc::new(StoredTable::of(columns.files.clone())?));
        let names = columns.names.iter().filter(|name| last_of(&manifest, name) == Some(&columns.names));
        all.push(Beside { rows, names: names.cloned().collect() });
    }
    Ok(all)
}

/// The columns among which the one of that name counts.
fn last_of<'a>(manifest: &'a Manifest, name: &String) -> Option<&'a Vec<String>> {
    manifest.beside.iter().rev().map(|columns| &columns.names).find(|names| names.contains(name))
}

/// The plan whose columns are the part of each example without the condition and with it, in the examples' order.
fn logical_plan(
    condition: &Expr,
    examples: Arc<dyn TableSource>,
    features: Vec<Beside>,
) -> Result<LogicalPlan, DataError> {
    let mut plan = LogicalPlanBuilder::scan("examples", examples, None)?;
    for (number, table) in features.into_iter().enumerate() {
        let own = table.names.iter().map(String::as_str).chain([POSITION]).map(column).collect::<Vec<_>>();
        let beside = LogicalPlanBuilder::scan(format!("features.{number}"), table.rows, None)?.project(own)?.build()?;
        plan = LogicalPlanBuilder::from(zip(plan.build()?, beside)?);
    }
    let part = when(lower(condition)?, column(columns::PART)).otherwise(lit(columns::LEFT_OUT))?;
    Ok(plan.project([column(columns::PART).alias("__before"), part.alias(columns::PART)])?.build()?)
}
