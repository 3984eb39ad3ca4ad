//! A model's inputs of requests: what the observed row would have come to, and features of that moment beside it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray};
use arrow::compute;
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use mlsys_plan::{Derived, Expr, Features, Field, Join, Observe, Source, columns};

use super::program::Program;
use crate::error::DataError;
use crate::expr::lower;
use crate::join::output_name;
use crate::session::Dataflow;
use crate::types::{arrow_type, declared_schema, timestamp, typed};

/// Makes a model's inputs of the rows of requests.
pub struct LiveExamples {
    request: SchemaRef,
    /// The derived columns that a request has all columns for, and the moment, if it says that.
    derived: Program,
    says_when: bool,
    /// The columns with the moment behind them.
    timed: SchemaRef,
    computed: Program,
    /// Where the keys and inputs begin in what is computed.
    first: usize,
    /// The keys and inputs by their own names.
    made: SchemaRef,
}

/// Rows for which a prediction is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The moment as of which features are asked, for each row.
    pub at: ArrayRef,
    /// The keys of entities and the model's inputs of the row itself.
    made: RecordBatch,
}

/// Where the key of an entity is among what requests come to.
#[derive(Clone, Debug)]
pub struct AskedKey(Vec<(usize, DataType)>);

/// Where a model's inputs are, worked out once.
#[derive(Clone, Debug)]
pub struct LiveInputs {
    rows: SchemaRef,
    features: SchemaRef,
    /// For each feature the number of its join, and its column there.
    places: Vec<(usize, usize)>,
}

/// The name under which the moment is computed before it has its place.
const MOMENT: &str = "__moment";

impl LiveExamples {
    pub(super) fn new(
        dataflow: &Dataflow,
        source: &Source,
        observe: &Observe,
        request: &[Field],
    ) -> Result<Self, DataError> {
        let request = declared_schema(request);
        let mut known: BTreeSet<String> = request.fields().iter().map(|field| field.name().clone()).collect();
        let mut computed = Vec::new();
        for one in &source.derived {
            if !known.contains(&one.name) && reads_only(&one.expr, &known) {
                computed.push((one.name.clone(), lower(&one.expr)?));
                known.insert(one.name.clone());
            }
        }
        let says_when = reads_only(&observe.at, &known);
        if says_when {
            computed.push((MOMENT.to_owned(), lower(&observe.at)?));
        }
        let derived = Program::new(dataflow, &request, computed)?;
        let timed = with_moment(&derived.schema(&request), says_when);
        let wanted = observe.keys.iter().map(|one| (format!("{}{}", columns::KEY, one.name), one));
        let wanted = wanted.chain(observe.inputs.iter().map(|one| (one.name.clone(), one)));
        // A column that is asked for as it is has its name twice.
        let renamed = wanted.map(|(name, one): (String, &Derived)| Ok((format!("__made.{name}"), lower(&one.expr)?)));
        let computed = Program::new(dataflow, &timed, renamed.collect::<Result<Vec<_>, DataError>>()?)?;
        let (all, first) = (computed.schema(&timed), timed.fields().len());
        let own = all.fields().iter().skip(first).map(|field| {
            let name = field.name().strip_prefix("__made.").unwrap_or(field.name());
            ArrowField::new(name, field.data_type().clone(), true)
        });
        let made = Arc::new(Schema::new(own.collect::<Vec<_>>()));
        Ok(LiveExamples { request, derived, says_when, timed, computed, first, made })
    }

    /// Rows with the columns of requests, asked at a moment in microseconds since 1970. A row that says itself when it is
    /// observed is asked as of then: it gets what a training would have seen.
    ///
    /// # Errors
    /// An expression fails on a value.
    pub fn asked(&self, requests: &RecordBatch, now: i64) -> Result<Asked, DataError> {
        let rows = RecordBatch::try_new(Arc::clone(&self.request), requests.columns().to_vec())?;
        let mut columns = self.derived.extend(rows)?.columns().to_vec();
        let clock = || TimestampMicrosecondArray::from(vec![now; requests.num_rows()]).with_data_type(timestamp());
        let own = if self.says_when { columns.pop() } else { None };
        let at = match own {
            Some(own) if own.null_count() == 0 => own,
            Some(own) => {
                compute::kernels::zip::zip(&compute::is_not_null(&own)?, &own, &(Arc::new(clock()) as ArrayRef))?
            }
            None => Arc::new(clock()),
        };
        columns.push(Arc::clone(&at));
        let computed = self.computed.extend(RecordBatch::try_new(Arc::clone(&self.timed), columns)?)?;
        let made = RecordBatch::try_new(Arc::clone(&self.made), computed.columns()[self.first..].to_vec())?;
        Ok(Asked { at, made })
    }
}

impl LiveExamples {
    /// Where the key of a group's entity is, in the entity's order.
    ///
    /// # Errors
    /// E0999 if the plan does not say which columns it is.
    pub fn key(&self, join: &Join, features: &Features) -> Result<AskedKey, DataError> {
        let key = |key: &mlsys_plan::EntityKey| {
            let played = join.keys.iter().find(|played| played.key == key.name);
            let column =
                played.and_then(|played| self.made.index_of(&format!("{}{}", columns::KEY, played.column)).ok());
            let column = column.ok_or_else(|| {
                DataError::internal(format!("the plan says not which request column plays the key `{}`", key.name))
            })?;
            Ok((column, arrow_type(&key.ty.ty)))
        };
        features.keys.iter().map(key).collect::<Result<_, DataError>>().map(AskedKey)
    }

    /// Where a model's inputs are: the request's own, and for each of its joins the features of a batch with these columns.
    ///
    /// # Errors
    /// E0999 if a feature that is wanted is not there.
    pub fn inputs(&self, joined: &[(&Join, SchemaRef)]) -> Result<LiveInputs, DataError> {
        let (mut features, mut places) = (Vec::new(), Vec::new());
        for (index, (join, schema)) in joined.iter().enumerate() {
            for name in &join.features {
                let missing = |_| DataError::internal(format!("there is no feature `{name}`"));
                let place = schema.index_of(name).map_err(missing)?;
                let ty = schema.field(place).data_type().clone();
                features.push(ArrowField::new(output_name(join, name), ty, true));
                places.push((index, place));
            }
        }
        let own = self.made.fields().iter().map(|field| field.as_ref().clone());
        let at = ArrowField::new(columns::AT, timestamp(), true);
        let rows: Vec<ArrowField> = [at].into_iter().chain(own).chain(features.iter().cloned()).collect();
        Ok(LiveInputs { rows: Arc::new(Schema::new(rows)), features: Arc::new(Schema::new(features)), places })
    }
}

impl Asked {
    /// The columns of an entity's key.
    ///
    /// # Errors
    /// A value cannot be one of the key.
    pub fn key(&self, key: &AskedKey) -> Result<Vec<ArrayRef>, DataError> {
        let column = |(column, ty): &(usize, DataType)| Ok(typed(self.made.column(*column), ty)?);
        key.0.iter().map(column).collect()
    }
}

impl LiveInputs {
    /// The model's inputs as a training has them, and the features among them; `found` has the features of each join.
    ///
    /// # Errors
    /// E0999 if the features have other columns than were announced.
    pub fn of(&self, asked: &Asked, found: &[RecordBatch]) -> Result<(RecordBatch, RecordBatch), DataError> {
        let features = self.places.iter().map(|(join, place)| Arc::clone(found[*join].column(*place)));
        let features: Vec<ArrayRef> = features.collect();
        let own = asked.made.columns().iter().chain(&features).cloned();
        let rows = [Arc::clone(&asked.at)].into_iter().chain(own).collect();
        // A model without features has a batch without columns.
        let options = RecordBatchOptions::new().with_row_count(Some(asked.at.len()));
        Ok((
            RecordBatch::try_new(Arc::clone(&self.rows), rows)?,
            RecordBatch::try_new_with_options(Arc::clone(&self.features), features, &options)?,
        ))
    }
}

/// Whether an expression reads these columns alone.
fn reads_only(expr: &Expr, known: &BTreeSet<String>) -> bool {
    let mut all = true;
    expr.visit_columns(&mut |name| all &= known.contains(name));
    all
}

/// The columns with the moment behind them, in the place of its computed value.
fn with_moment(rows: &SchemaRef, says_when: bool) -> SchemaRef {
    let own = rows.fields().len() - usize::from(says_when);
    let at = Arc::new(ArrowField::new(columns::AT, timestamp(), true));
    Arc::new(Schema::new(rows.fields().iter().take(own).cloned().chain([at]).collect::<Vec<_>>()))
}
