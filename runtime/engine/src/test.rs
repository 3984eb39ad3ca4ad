//! Tests of definitions: rows written in a program, through the same pipeline as real ones.
//!
//! Each case has sources of its own, in memory: its rows get their defaults and derived columns, expectations and keys
//! apply, and groups are asked for their features through the point-in-time join that a run uses. No file is read, and
//! nothing is left behind.

mod case;
mod compare;

use std::time::Instant;

use mlsys_dataflow::InMemory;
use mlsys_plan::{Literal, Origin, Plan, TestCase};
use serde::Serialize;

use crate::error::RunError;

/// What came of a test.
#[derive(Clone, Debug, Serialize)]
pub struct CaseResult {
    /// The test's name.
    pub name: String,
    /// Where the program says so.
    pub origin: Origin,
    /// Whether it passed.
    pub outcome: CaseOutcome,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// Everything is as expected.
    Passed,
    /// Something is not as expected; in the order of the program.
    Failed(Vec<Failure>),
    /// The test could not be carried out: a given row is not what its source declares, or something is not implemented.
    Error(RunError),
}

/// An expectation that does not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Failure {
    /// Features have other values.
    Features {
        /// The line of the expectation.
        line: u32,
        /// The group.
        group: String,
        /// The entity's keys, by name, in the entity's order.
        entity: Vec<(String, Literal)>,
        /// The instant, in microseconds since 1970.
        at: i64,
        /// The features with other values, ordered by name.
        values: Vec<ValueFailure>,
    },
    /// A condition does not hold.
    Condition {
        /// The line of the expectation.
        line: u32,
        /// The condition.
        text: String,
        /// What the condition is: false, or null.
        found: Literal,
        /// The values of both sides, if it is a comparison.
        sides: Option<(Literal, Literal)>,
    },
}

/// A feature with another value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueFailure {
    /// The feature.
    pub feature: String,
    /// What the test expects.
    pub expected: Literal,
    /// What it is.
    pub found: Literal,
}

impl Failure {
    /// The line of the expectation.
    pub fn line(&self) -> u32 {
        match self {
            Failure::Features { line, .. } | Failure::Condition { line, .. } => *line,
        }
    }
}

impl CaseResult {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.outcome == CaseOutcome::Passed
    }
}

/// Carries out the tests of a program, one after the other; one result a case, in their order.
///
/// Floats are equal up to a relative difference of 1e-9 (or 1e-12 about zero), everything else exactly. Must not be
/// called from within a tokio runtime: it has one of its own.
pub fn run(plan: &Plan, cases: &[TestCase]) -> Vec<CaseResult> {
    let ready = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| RunError::internal(format!("cannot start a tokio runtime: {error}")));
    let mut ready = ready.and_then(|runtime| Ok((runtime, InMemory::new()?)));
    let one = |case: &TestCase| {
        let started = Instant::now();
        let outcome = match &mut ready {
            Ok((runtime, memory)) => runtime.block_on(case::carry_out(plan, case, memory)),
            Err(error) => Err(error.clone()),
        };
        CaseResult {
            name: case.name.clone(),
            origin: case.origin.clone(),
            outcome: outcome.unwrap_or_else(|error| CaseOutcome::Error(error.at(&case.origin))),
            seconds: started.elapsed().as_secs_f64(),
        }
    };
    cases.iter().map(one).collect()
}
