//! The rows of a stream: derived and checked as a run's are.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use mlsys_plan::{Field, OnViolation, Source};

use super::program::Program;
use crate::error::DataError;
use crate::expr::lower;
use crate::session::Dataflow;
use crate::source::checks;
use crate::types::{declared_schema, source_schema};

/// Derives and checks the rows of a source's stream.
pub struct LiveSource {
    fields: Vec<Field>,
    declared: SchemaRef,
    schema: SchemaRef,
    columns: Program,
    judged: Program,
    rules: Vec<Rule>,
    /// The column of the rows' time, and the columns that become known later.
    time: Option<usize>,
    later: Vec<usize>,
    /// When they become known.
    known: Program,
}

/// A rule that rows are held against, in the order of checks.
struct Rule {
    text: String,
    action: OnViolation,
}

/// What has become of rows.
#[derive(Debug)]
pub struct Taken {
    /// Those that stay, with their derived columns.
    pub rows: RecordBatch,
    /// The numbers that they had among the rows that came.
    pub numbers: Vec<usize>,
    /// Their times, in microseconds since 1970.
    pub times: Vec<i64>,
    /// When the last of what each of them carries became known: its time, or that of a column that is known later.
    pub known: Vec<i64>,
    /// Those that are kept aside.
    pub set_aside: Vec<SetAside>,
    /// How many were left out by `else drop`.
    pub dropped: u64,
    /// How many stay although they do not meet an expectation.
    pub warned: u64,
}

/// A row that does not stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its number among the rows that came.
    pub row: usize,
    /// What it does not satisfy.
    pub reason: String,
    /// Whether it would have stopped a run.
    pub is_failure: bool,
}

impl LiveSource {
    pub(super) fn new(dataflow: &Dataflow, source: &Source) -> Result<Self, DataError> {
        let declared = declared_schema(&source.schema);
        let columns = Program::of(dataflow, &declared, &source.derived)?;
        let schema = source_schema(source);
        let named = checks(source)?.into_iter().enumerate().map(|(index, check)| (format!("__check.{index}"), check));
        let judged = Program::new(dataflow, &schema, named)?;
        let place = |name: &String| schema.index_of(name).map_err(DataError::from);
        let time = source.time.as_ref().map(place).transpose()?;
        let later = source.known_at.iter().map(|known| place(&known.column)).collect::<Result<_, _>>()?;
        let instants = source
            .known_at
            .iter()
            .enumerate()
            .map(|(index, known)| Ok((format!("__known.{index}"), lower(&known.at)?)));
        let known = Program::new(dataflow, &schema, instants.collect::<Result<Vec<_>, DataError>>()?)?;
        Ok(LiveSource {
            fields: fields(source),
            declared,
            schema: Arc::clone(&schema),
            columns,
            judged,
            rules: rules(source),
            time,
            later,
            known,
        })
    }

    /// What a message carries: the declared columns, of which those that are known later may still be missing.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The source's columns: the declared ones, then the derived ones.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Derives and checks rows with the columns of [`LiveSource::fields`]. A row that would stop a run is kept aside, as a
    /// stream has no end at which somebody could begin again.
    ///
    /// # Errors
    /// An expression fails on a value.
    pub fn take(&self, rows: &RecordBatch) -> Result<Taken, DataError> {
        let count = rows.num_rows();
        let declared = RecordBatch::try_new(Arc::clone(&self.declared), rows.columns().to_vec())?;
        let derived = self.columns.extend(declared)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), derived.columns().to_vec())?;
        let judged = self.judged.extend(rows.clone())?;
        let mut taken = Taken {
            rows: rows.clone(),
            numbers: Vec::new(),
            times: Vec::new(),
            known: Vec::new(),
            set_aside: Vec::new(),
            dropped: 0,
            warned: 0,
        };
        let mut stays = vec![true; count];
        for (index, rule) in self.rules.iter().enumerate() {
            rule.apply(judged.column(rows.num_columns() + index).as_boolean(), &mut stays, &mut taken);
        }
        taken.set_aside.sort_by_key(|one| one.row);
        taken.numbers = (0..count).filter(|row| stays[*row]).collect();
        if taken.numbers.len() < count {
            taken.rows = compute::filter_record_batch(&rows, &BooleanArray::from(stays))?;
        }
        (taken.times, taken.known) = self.instants(&taken.rows)?;
        Ok(taken)
    }

    /// Rows that were derived and checked before, such as those of a run.
    ///
    /// # Errors
    /// As [`LiveSource::take`]; the columns are not those of [`LiveSource::schema`].
    pub fn already(&self, rows: RecordBatch) -> Result<Taken, DataError> {
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), rows.columns().to_vec())?;
        let (times, known) = self.instants(&rows)?;
        let numbers = (0..rows.num_rows()).collect();
        Ok(Taken { rows, numbers, times, known, set_aside: Vec::new(), dropped: 0, warned: 0 })
    }

    /// The times of rows, and when what they carry became known.
    fn instants(&self, rows: &RecordBatch) -> Result<(Vec<i64>, Vec<i64>), DataError> {
        let Some(time) = self.time else { return Ok((vec![0; rows.num_rows()], vec![0; rows.num_rows()])) };
        let times = rows.column(time).as_primitive::<TimestampMicrosecondType>().values().to_vec();
        let mut known = times.clone();
        let instants = self.known.extend(rows.clone())?;
        for (index, column) in self.later.iter().enumerate() {
            let column = rows.column(*column);
            let at = instants.column(rows.num_columns() + index).as_primitive::<TimestampMicrosecondType>();
            for row in (0..rows.num_rows()).filter(|row| column.is_valid(*row) && at.is_valid(*row)) {
                known[row] = known[row].max(at.value(row));
            }
        }
        Ok((times, known))
    }
}

impl Rule {
    /// Null counts as satisfied, and a row that has been left out is not judged again.
    fn apply(&self, satisfied: &BooleanArray, stays: &mut [bool], taken: &mut Taken) {
        if satisfied.false_count() == 0 {
            return;
        }
        for row in (0..satisfied.len()).filter(|row| satisfied.is_valid(*row) && !satisfied.value(*row)) {
            if !stays[row] {
                continue;
            }
            stays[row] = self.action == OnViolation::Warn;
            match self.action {
                OnViolation::Warn => taken.warned += 1,
                OnViolation::Drop => taken.dropped += 1,
                OnViolation::Quarantine | OnViolation::Fail => taken.set_aside.push(SetAside {
                    row,
                    reason: self.text.clone(),
                    is_failure: self.action == OnViolation::Fail,
                }),
            }
        }
    }
}

/// The rules of a source, in the order of [`checks`].
fn rules(source: &Source) -> Vec<Rule> {
    let fail = |text: String| Rule { text, action: OnViolation::Fail };
    let mut rules = Vec::new();
    if let Some(time) = &source.time {
        rules.push(fail(format!("{time} is not null")));
        rules.extend(source.known_at.iter().map(|known| fail(format!("{} known at {}", known.column, known.at))));
    }
    rules.extend(
        source.expectations.iter().map(|one| Rule { text: one.predicate.to_string(), action: one.on_violation }),
    );
    rules
}

fn fields(source: &Source) -> Vec<Field> {
    let mut fields = source.schema.clone();
    for field in &mut fields {
        field.ty.nullable |= source.known_at.iter().any(|known| known.column == field.name);
    }
    fields
}
