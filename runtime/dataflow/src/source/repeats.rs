//! Rows with values that an earlier row has, where an expectation of uniqueness says that they go.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::runtime_env::RuntimeEnv;
use mlsys_plan::{Check, OnViolation, Source, TableCheck};

use super::judge::Judged;
use super::report::CheckReport;
use super::seen::Seen;
use super::whole;
use crate::error::DataError;

/// The expectations of uniqueness of a source that rows are left out by, at work. The first row that has some values stays.
pub(super) struct Repeats<'a>(Vec<Repeat<'a>>);

struct Repeat<'a> {
    check: &'a TableCheck,
    seen: Seen,
    violations: u64,
}

/// Whether a check leaves out rows, and does not only judge the table.
pub(super) fn leaves_out(check: &TableCheck) -> bool {
    columns(check).is_some()
}

/// The columns in which a check leaves no two equal rows.
pub(super) fn columns(check: &TableCheck) -> Option<&[String]> {
    match &check.check {
        Check::Unique(columns) if matches!(check.on_violation, OnViolation::Drop | OnViolation::Quarantine) => {
            Some(columns)
        }
        _ => None,
    }
}

impl<'a> Repeats<'a> {
    /// Those of a source, of which no row has been read.
    ///
    /// # Errors
    /// E0999 if the source has no such column.
    pub(super) fn new(source: &'a Source, schema: &SchemaRef, runtime: &RuntimeEnv) -> Result<Self, DataError> {
        let repeat = |check: &'a TableCheck| {
            let columns = columns(check)?;
            let whose = format!("values of {} that are unique", source.name);
            Some(Seen::new(columns, schema, runtime, &whose).map(|seen| Repeat { check, seen, violations: 0 }))
        };
        Ok(Repeats(source.checks.iter().filter_map(repeat).collect::<Result<_, _>>()?))
    }

    /// Leaves out those of the next rows that are left which repeat an earlier one.
    ///
    /// # Errors
    /// E0912 if the values do not fit into memory.
    pub(super) fn judge(&mut self, batch: &RecordBatch, judged: &mut Judged) -> Result<(), DataError> {
        for (number, repeat) in self.0.iter_mut().enumerate() {
            let values = repeat.seen.values(batch)?;
            for row in (0..batch.num_rows()).filter(|row| judged.stays(*row)).collect::<Vec<_>>() {
                let Some(values) = values.of(row) else { continue };
                if repeat.seen.insert(values, 0).is_some() {
                    repeat.violations += 1;
                    let aside = (repeat.check.on_violation == OnViolation::Quarantine).then_some(number);
                    judged.leave_out_repeated(row, aside);
                }
            }
            repeat.seen.reserve(0)?;
        }
        Ok(())
    }

    /// What a row in quarantine does not satisfy.
    pub(super) fn reason(&self, number: usize) -> String {
        whole::text(&self.0[number].check.check)
    }

    /// What became of each of them.
    pub(super) fn reports(&self) -> Vec<CheckReport> {
        let report = |repeat: &Repeat<'_>| CheckReport {
            line: repeat.check.line,
            text: whole::text(&repeat.check.check),
            action: repeat.check.on_violation.name().to_owned(),
            violations: repeat.violations,
        };
        self.0.iter().map(report).collect()
    }
}
