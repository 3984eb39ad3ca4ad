//! Definitions on a few rows in memory: the same pipeline and the same point-in-time join as a run's, without files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use datafusion::common::ScalarValue;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, TableSource};
use mlsys_plan::{Expr, Features, Join, JoinKey, Literal, Source, columns};

use crate::error::DataError;
use crate::expr::{column as column_named, lower};
use crate::join::{self, Events, Inputs};
use crate::literal::literal;
use crate::lookup::{AsOf, StaticTable, Table, Tables, bind};
use crate::options::Options;
use crate::session::Dataflow;
use crate::source::{InlineRows, logical_plan, versions};
use crate::sources::{InputFile, finish, scan_schema};
use crate::table::{POSITION, REPLACED};
use crate::types::{arrow_type, scalar};

/// Runs definitions on rows in memory, inside a tokio runtime.
pub struct InMemory {
    dataflow: Dataflow,
    session: SessionContext,
    tables: Tables,
}

/// Rows of a source, derived and checked.
#[derive(Clone, Debug)]
pub struct Rows(RecordBatch);

/// For whom and when features are asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// The entity's keys, in the entity's order.
    pub keys: Vec<Literal>,
    /// The instant, in microseconds since 1970.
    pub at: i64,
}

impl InMemory {
    /// Gets ready; everything that follows shares one session.
    ///
    /// # Errors
    /// E0911 if the folder for spilled data cannot be used.
    pub fn new() -> Result<Self, DataError> {
        let dataflow = Dataflow::new(&Options { threads: Some(1), ..Options::default() })?;
        let session = dataflow.ordered_session();
        Ok(InMemory { dataflow, session, tables: Tables::new() })
    }

    /// What a source holds if these are its rows: defaults filled in, columns derived, expectations applied, and of
    /// rows with equal keys the last one. What follows looks values up in them. Checks on the table as a whole are left
    /// out: they are about real data.
    ///
    /// # Errors
    /// E0903 to E0907 if the rows are not what the source declares; E0910 if an expression is not known.
    pub async fn rows(&mut self, source: &Source, given: &[BTreeMap<String, Literal>]) -> Result<Rows, DataError> {
        let file = InputFile { path: PathBuf::new(), name: format!("given {}", source.name) };
        let columns = source.schema.iter().map(|field| {
            let values = given.iter().map(|row| row.get(&field.name).unwrap_or(&Literal::Null));
            finish(&file, field, column(values, &field.ty.ty)?, 1)
        });
        let mut columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        columns.push(Arc::new(Int32Array::from(vec![0; given.len()])));
        columns.push(Arc::new(Int64Array::from_iter_values(1..=given.len() as i64)));
        let batch = RecordBatch::try_new(scan_schema(source), columns)?;
        let plan = logical_plan(source, table(batch)?)?;
        let mut rows = InlineRows::new(&self.dataflow, source, file)?;
        for batch in self.collect(plan, source.time.as_deref()).await? {
            rows.add(&batch)?;
        }
        // Of rows with one key and time the last one is the latest, as of any moment.
        let (versions, mut rows) = rows.finish()?;
        if source.time.is_some() && rows.num_rows() < versions.num_rows() {
            rows = self.current(source, &versions).await?;
        }
        if !source.key.is_empty() {
            let looked_up = match AsOf::source(source, table(numbered(&versions)?)?) {
                Some(table) => Table::AsOf(Arc::new(table)),
                None => Table::Static(Arc::new(StaticTable::new(rows.clone(), &source.key)?)),
            };
            self.tables.insert(source.name.clone(), looked_up);
        }
        Ok(Rows(rows))
    }

    /// Those among the rows of a source with a time that no later one replaces.
    async fn current(&self, source: &Source, rows: &RecordBatch) -> Result<RecordBatch, DataError> {
        let scan = LogicalPlanBuilder::scan(source.name.as_str(), table(numbered(rows)?)?, None)?;
        let plan = LogicalPlanBuilder::from(versions(scan, source)?).filter(column_named(REPLACED).is_null())?;
        let found = self.collect(plan.build()?, None).await?;
        let columns = |batch: &RecordBatch| batch.columns()[..rows.num_columns()].to_vec();
        let found = found.iter().map(|batch| RecordBatch::try_new(rows.schema(), columns(batch)));
        Ok(concat_batches(&rows.schema(), &found.collect::<Result<Vec<_>, _>>()?)?)
    }

    /// Lets what follows look values of a group up, over these rows of its source.
    ///
    /// # Errors
    /// E0999 if the rows cannot be numbered.
    pub fn group(&mut self, features: &Features, rows: &Rows) -> Result<(), DataError> {
        let group = AsOf::group(features, table(numbered(&rows.0)?)?);
        self.tables.insert(features.name.clone(), Table::AsOf(Arc::new(group)));
        Ok(())
    }

    /// Features of a group, one row of values a question, in the order of the names.
    ///
    /// # Errors
    /// E0910 if an aggregate or function is not known; E0999 if a name is no feature of the group.
    pub async fn features(
        &self,
        features: &Features,
        names: &[String],
        questions: &[Question],
        events: &Rows,
    ) -> Result<Vec<Vec<Literal>>, DataError> {
        let key = |name: &String| JoinKey { key: name.clone(), column: name.clone() };
        let join = Join {
            model: "test".to_owned(),
            group: features.name.clone(),
            alias: None,
            keys: features.keys.iter().map(|one| key(&one.name)).collect(),
            features: names.to_vec(),
        };
        let (observations, events) = (table(observations(features, questions)?)?, table(numbered(&events.0)?)?);
        let inputs = Inputs { observations, events: Events::of(events) };
        let bound = |plan| bind(plan, &self.tables, features.time.as_deref());
        let batches = self.collect(join::logical_plan(&join, features, inputs, &bound)?, None).await?;
        let mut found = Vec::new();
        for batch in &batches {
            for row in 0..batch.num_rows() {
                found.push(batch.columns().iter().map(|column| literal(column, row)).collect::<Result<_, _>>()?);
            }
        }
        Ok(found)
    }

    /// The values of expressions without columns.
    ///
    /// # Errors
    /// E0910 if an expression is not known.
    pub async fn values(&self, exprs: &[&Expr]) -> Result<Vec<Literal>, DataError> {
        let outputs = exprs.iter().enumerate().map(|(index, expr)| Ok(lower(expr)?.alias(index.to_string())));
        let outputs = outputs.collect::<Result<Vec<_>, DataError>>()?;
        let plan = LogicalPlanBuilder::empty(true).project(outputs)?.build()?;
        let batches = self.collect(plan, None).await?;
        let batch = batches.first().ok_or_else(|| DataError::internal("an expression without a value"))?;
        batch.columns().iter().map(|column| literal(column, 0)).collect()
    }

    async fn collect(&self, plan: LogicalPlan, time: Option<&str>) -> Result<Vec<RecordBatch>, DataError> {
        let plan = bind(plan, &self.tables, time)?;
        Ok(self.session.execute_logical_plan(plan).await?.collect().await?)
    }
}

/// Values as a column; an empty one has the type all the same.
fn column<'a>(
    values: impl ExactSizeIterator<Item = &'a Literal>,
    ty: &mlsys_plan::Type,
) -> Result<ArrayRef, DataError> {
    if values.len() == 0 {
        return Ok(arrow::array::new_empty_array(&arrow_type(ty)));
    }
    let values: Vec<ScalarValue> = values.map(|value| scalar(value, ty)).collect::<Result<_, _>>()?;
    Ok(ScalarValue::iter_to_array(values)?)
}

/// Questions in the form of an observe node's table.
fn observations(features: &Features, questions: &[Question]) -> Result<RecordBatch, DataError> {
    let at = TimestampMicrosecondArray::from_iter_values(questions.iter().map(|one| one.at)).with_timezone("UTC");
    let at: ArrayRef = Arc::new(at);
    let mut named = vec![(columns::AT.to_owned(), at)];
    for (index, key) in features.keys.iter().enumerate() {
        let none = Literal::Null;
        let values: Vec<&Literal> = questions.iter().map(|one| one.keys.get(index).unwrap_or(&none)).collect();
        named.push((format!("{}{}", columns::KEY, key.name), column(values.into_iter(), &key.ty.ty)?));
    }
    let fields = named.iter().map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    numbered(&RecordBatch::try_new(schema, named.into_iter().map(|(_, column)| column).collect())?)
}

/// Rows with the column that numbers them, as stored tables have it.
fn numbered(rows: &RecordBatch) -> Result<RecordBatch, DataError> {
    let position = Field::new(POSITION, arrow::datatypes::DataType::Int64, false);
    let fields =
        rows.schema().fields().iter().map(|field| field.as_ref().clone()).chain([position]).collect::<Vec<_>>();
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int64Array::from_iter_values(0..rows.num_rows() as i64)));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn table(rows: RecordBatch) -> Result<Arc<dyn TableSource>, DataError> {
    Ok(provider_as_source(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)))
}
