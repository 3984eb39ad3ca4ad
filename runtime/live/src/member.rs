//! A group at work: its rows among those of its source.

use arrow::array::RecordBatch;
use mlsys_dataflow::{Dataflow, LiveGroup};
use mlsys_online::{Keys, Layout, Rows};
use mlsys_plan::{Features, Source};

use crate::error::LiveError;
use crate::kept;

/// A group whose entities are kept.
pub(crate) struct Member {
    pub(crate) features: Features,
    pub(crate) group: LiveGroup,
    /// Its number among the groups of the store.
    pub(crate) number: usize,
}

/// A group's rows.
pub(crate) struct Made {
    pub(crate) keys: Keys,
    pub(crate) rows: Rows,
    /// Their numbers among the rows of the source, ascending.
    pub(crate) numbers: Vec<usize>,
}

impl Member {
    /// A group, and how its entities are kept.
    pub(crate) fn new(
        dataflow: &Dataflow,
        source: &Source,
        features: &Features,
        number: usize,
    ) -> Result<(Self, Layout), LiveError> {
        let group = dataflow.live_group(source, features)?;
        let layout = kept::layout(&group)?;
        Ok((Member { features: features.clone(), group, number }, layout))
    }

    /// The group's rows of those of its source.
    pub(crate) fn rows(&self, layout: &Layout, source: &RecordBatch) -> Result<Made, LiveError> {
        let (rows, numbers) = self.group.rows(source)?;
        let (keys, rest) = rows.columns().split_at(self.group.keys());
        let (arguments, order) = rest[1..].split_at(self.group.arguments());
        Ok(Made {
            keys: Keys::new(layout.keys(), keys)?,
            rows: Rows::new(layout, &rest[0], arguments, order)?,
            numbers,
        })
    }
}
