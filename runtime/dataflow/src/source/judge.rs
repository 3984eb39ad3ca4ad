//! Checks on rows: which rows stay, which are set aside, and whether the run fails.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use mlsys_plan::{Expr, OnViolation, Source};

use super::report::CheckReport;
use crate::error::{Code, DataError};
use crate::names;
use crate::sources::InputFile;

/// Where a row was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which file, from 0.
    pub(super) file: usize,
    /// Which row of it, from 1.
    pub(super) row: u64,
}

/// What a row has to satisfy.
enum Rule<'a> {
    /// The row has a time.
    Time(&'a str),
    /// A column was not known before the row's time.
    Known(&'a str, &'a Expr),
    /// An expectation, by its index.
    Expectation(usize),
}

/// A rule and the rows that did not satisfy it.
struct Check<'a> {
    rule: Rule<'a>,
    action: OnViolation,
    violations: u64,
    /// The first such row: its place and what of it explains the violation.
    example: Option<(Place, String)>,
}

/// The checks of a source at work.
pub(super) struct Judge<'a> {
    source: &'a Source,
    files: Arc<[InputFile]>,
    checks: Vec<Check<'a>>,
    columns: usize,
}

/// The verdict on a batch.
pub(super) struct Judged {
    rows: usize,
    /// Rows that do not stay.
    left_out: Vec<bool>,
    any_left_out: bool,
    /// Rows that are set aside, in order, each with what it does not satisfy.
    pub(super) quarantined: Vec<(usize, Reason)>,
}

/// Why a row is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// It does not meet an expectation, by its index.
    Expectation(usize),
    /// It repeats an earlier row, by the index of what forbids it.
    Repeated(usize),
}

impl<'a> Judge<'a> {
    pub(super) fn new(source: &'a Source, files: Arc<[InputFile]>) -> Self {
        let mut checks = Vec::new();
        let check = |rule, action| Check { rule, action, violations: 0, example: None };
        if let Some(time) = &source.time {
            checks.push(check(Rule::Time(time), OnViolation::Fail));
            for known in &source.known_at {
                checks.push(check(Rule::Known(&known.column, &known.at), OnViolation::Fail));
            }
        }
        for (index, expectation) in source.expectations.iter().enumerate() {
            checks.push(check(Rule::Expectation(index), expectation.on_violation));
        }
        let columns = source.schema.len() + source.derived.len();
        Judge { source, files, checks, columns }
    }

    /// Judges a batch of the source's plan: columns, place, one truth value per check.
    pub(super) fn judge(&mut self, batch: &RecordBatch) -> Result<Judged, DataError> {
        let rows = batch.num_rows();
        let mut judged = Judged { rows, left_out: vec![false; rows], any_left_out: false, quarantined: Vec::new() };
        for index in 0..self.checks.len() {
            let satisfied = batch.column(self.columns + 2 + index).as_boolean();
            if satisfied.false_count() > 0 {
                self.apply(index, satisfied, batch, &mut judged)?;
            }
        }
        judged.quarantined.sort_unstable();
        Ok(judged)
    }

    fn apply(
        &mut self,
        index: usize,
        satisfied: &BooleanArray,
        batch: &RecordBatch,
        judged: &mut Judged,
    ) -> Result<(), DataError> {
        for row in 0..batch.num_rows() {
            // Null counts as satisfied, and a row that has been left out is not judged again.
            if satisfied.is_null(row) || satisfied.value(row) || judged.left_out[row] {
                continue;
            }
            if self.checks[index].violations == 0 {
                self.checks[index].example = Some((self.place(batch, row), self.explain(index, batch, row)?));
            }
            let check = &mut self.checks[index];
            check.violations += 1;
            match (check.action, &check.rule) {
                (OnViolation::Warn, _) => continue,
                (OnViolation::Quarantine, Rule::Expectation(number)) => {
                    judged.quarantined.push((row, Reason::Expectation(*number)));
                }
                _ => {}
            }
            judged.left_out[row] = true;
            judged.any_left_out = true;
        }
        Ok(())
    }

    /// Whether a row has been met that stops the run.
    pub(super) fn failed(&self) -> bool {
        self.checks.iter().any(|check| check.action == OnViolation::Fail && check.violations > 0)
    }

    /// Fails if a row has been met that stops the run: with the first rule, in the order of judging, that was broken.
    pub(super) fn verdict(&self) -> Result<(), DataError> {
        let broken = self.checks.iter().find(|check| check.action == OnViolation::Fail && check.violations > 0);
        broken.map_or(Ok(()), |check| Err(self.failure(check)))
    }

    /// What a row in quarantine does not satisfy.
    pub(super) fn reason(&self, expectation: usize) -> String {
        self.source.expectations[expectation].predicate.to_string()
    }

    /// Where the rows of a batch of the source's plan were read.
    pub(super) fn places(&self, batch: &RecordBatch) -> Result<Vec<Place>, DataError> {
        Ok((0..batch.num_rows()).map(|row| self.place(batch, row)).collect())
    }

    pub(super) fn reports(&self) -> Vec<CheckReport> {
        let report = |check: &Check<'_>| match check.rule {
            Rule::Expectation(index) => {
                let expectation = &self.source.expectations[index];
                Some(CheckReport {
                    line: expectation.line,
                    text: expectation.predicate.to_string(),
                    action: expectation.on_violation.name().to_owned(),
                    violations: check.violations,
                })
            }
            Rule::Time(_) | Rule::Known(_, _) => None,
        };
        self.checks.iter().filter_map(report).collect()
    }

    fn place(&self, batch: &RecordBatch, row: usize) -> Place {
        let files = batch.column(self.columns).as_primitive::<Int32Type>();
        let numbers = batch.column(self.columns + 1).as_primitive::<Int64Type>();
        Place {
            file: usize::try_from(files.value(row)).unwrap_or(0),
            row: u64::try_from(numbers.value(row)).unwrap_or(0),
        }
    }

    /// The values that a rule reads, and the row's key: `distance = 0.0, carrier = UA`.
    fn explain(&self, index: usize, batch: &RecordBatch, row: usize) -> Result<String, DataError> {
        let mut read: Vec<&str> = Vec::new();
        let mut add = |name: &'a str| {
            if !read.contains(&name) {
                read.push(name);
            }
        };
        match &self.checks[index].rule {
            Rule::Time(_) => {}
            Rule::Known(_, at) => {
                at.visit_columns(&mut add);
                self.source.time.as_deref().into_iter().for_each(&mut add);
            }
            Rule::Expectation(number) => self.source.expectations[*number].predicate.visit_columns(&mut add),
        }
        self.source.key.iter().map(String::as_str).for_each(&mut add);
        let values: Vec<String> = read.iter().map(|name| describe(batch, name, row)).collect::<Result<_, _>>()?;
        Ok(values.join(", "))
    }

    fn failure(&self, check: &Check<'_>) -> DataError {
        let count = names::rows(check.violations);
        let example = self.example(check);
        match &check.rule {
            Rule::Time(time) => {
                let message = format!("{count} without a time: `{time}` is missing or out of range{example}");
                DataError::new(Code::TimeMissing, message)
            }
            Rule::Known(column, at) => {
                let time = self.source.time.as_deref().unwrap_or_default();
                let say = plural(check.violations, "says", "say");
                let message = format!(
                    "{count} {say} that `{column}` was known before the row's own time: `{at}` is before `{time}`{example}"
                );
                DataError::new(Code::KnownTooEarly, message)
            }
            Rule::Expectation(index) => {
                let expectation = &self.source.expectations[*index];
                let do_not = plural(check.violations, "does not", "do not");
                let (source, predicate) = (&self.source.name, &expectation.predicate);
                let message = format!("{count} of {source} {do_not} satisfy `{predicate}`{example}");
                DataError::new(Code::ExpectationFailed, message).at_line(expectation.line)
            }
        }
    }

    fn example(&self, check: &Check<'_>) -> String {
        let Some((place, values)) = &check.example else { return String::new() };
        let values = if values.is_empty() { String::new() } else { format!(" ({values})") };
        let lead = if check.violations == 1 { "it is" } else { "the first is" };
        format!("; {lead} row {} of `{}`{values}", place.row, self.files[place.file].name)
    }
}

impl Judged {
    /// Whether a row stays, as far as is known.
    pub(super) fn stays(&self, row: usize) -> bool {
        !self.left_out[row]
    }

    /// Leaves out a row that repeats an earlier one; it is set aside if what forbids it is named.
    pub(super) fn leave_out_repeated(&mut self, row: usize, aside: Option<usize>) {
        self.left_out[row] = true;
        self.any_left_out = true;
        if let Some(number) = aside {
            let place = self.quarantined.partition_point(|(other, _)| *other < row);
            self.quarantined.insert(place, (row, Reason::Repeated(number)));
        }
    }

    /// Which rows stay, unless all do.
    pub(super) fn mask(&self) -> Option<BooleanArray> {
        self.any_left_out.then(|| {
            debug_assert_eq!(self.rows, self.left_out.len(), "one verdict per row");
            BooleanArray::from_iter(self.left_out.iter().map(|left_out| Some(!left_out)))
        })
    }
}

fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn describe(batch: &RecordBatch, name: &str, row: usize) -> Result<String, DataError> {
    let Some(column) = batch.column_by_name(name) else { return Ok(String::new()) };
    let formatter = ArrayFormatter::try_new(column.as_ref(), &FormatOptions::new().with_null("null"))?;
    Ok(format!("{name} = {}", formatter.value(row)))
}
