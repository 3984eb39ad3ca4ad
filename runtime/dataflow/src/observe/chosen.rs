//! Examples that are chosen by their features, once these are there.

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
use crate::table::StoredTable;
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
        let open = |path: &Path| Ok::<_, DataError>(provider_as_source(Arc::new(StoredTable::open(path)?)));
        let features = features.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
        let plan = logical_plan(condition, open(examples)?, features)?;
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

/// The plan whose columns are the part of each example without the condition and with it, in the examples' order.
fn logical_plan(
    condition: &Expr,
    examples: Arc<dyn TableSource>,
    features: Vec<Arc<dyn TableSource>>,
) -> Result<LogicalPlan, DataError> {
    let mut plan = LogicalPlanBuilder::scan("examples", examples, None)?;
    for (number, table) in features.into_iter().enumerate() {
        let beside = LogicalPlanBuilder::scan(format!("features.{number}"), table, None)?.build()?;
        plan = LogicalPlanBuilder::from(zip(plan.build()?, beside)?);
    }
    let part = when(lower(condition)?, column(columns::PART)).otherwise(lit(columns::LEFT_OUT))?;
    Ok(plan.project([column(columns::PART).alias("__before"), part.alias(columns::PART)])?.build()?)
}
