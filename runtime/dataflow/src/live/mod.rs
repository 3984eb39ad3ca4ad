//! Rows as they come: the expressions of a plan, compiled once and evaluated batch by batch, for streams and requests.
//!
//! It is the batch side's own evaluator: the same lowering of expressions, without a plan around it that would have to be
//! made for every few rows. [`LiveSource`] derives and checks the rows of a stream, [`LiveGroup`] makes of them what a group's
//! windows hold, [`LiveExamples`] makes the inputs of a model of requests and of what windows hold at that moment.

mod examples;
mod filter;
mod group;
mod program;
mod source;

pub use self::examples::{Asked, AskedKey, LiveExamples, LiveInputs};
pub use self::filter::LiveFilter;
pub use self::group::{LiveGroup, Sought};
pub use self::source::{LiveSource, SetAside, Taken};

use crate::error::DataError;
use crate::session::Dataflow;
use mlsys_plan::{Expr, Features, Field, Observe, Source};

impl Dataflow {
    /// What derives and checks the rows of a source's stream.
    ///
    /// # Errors
    /// E0910 if an expression is not known, or looks something up that depends on time.
    pub fn live_source(&self, source: &Source) -> Result<LiveSource, DataError> {
        LiveSource::new(self, source)
    }

    /// What makes a group's rows of those of its source, and its features of what their windows hold.
    ///
    /// # Errors
    /// As [`Dataflow::live_source`].
    pub fn live_group(&self, source: &Source, features: &Features) -> Result<LiveGroup, DataError> {
        LiveGroup::new(self, source, features)
    }

    /// What makes a model's inputs of the rows of requests.
    ///
    /// # Errors
    /// As [`Dataflow::live_source`].
    pub fn live_examples(
        &self,
        source: &Source,
        observe: &Observe,
        request: &[Field],
    ) -> Result<LiveExamples, DataError> {
        LiveExamples::new(self, source, observe, request)
    }

    /// What says which rows with these columns meet a condition.
    ///
    /// # Errors
    /// As [`Dataflow::live_source`].
    pub fn live_filter(&self, columns: &[Field], condition: &Expr) -> Result<LiveFilter, DataError> {
        LiveFilter::new(self, columns, condition)
    }
}
