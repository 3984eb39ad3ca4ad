//! How far windows see: which rows need not be read.

use mlsys_plan::{Aggregate, Window};
use serde::{Deserialize, Serialize};

use crate::table::Span;

/// How far windows see, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reach {
    /// How far into the past of an observation; none without an end.
    back: Option<i64>,
    /// How long before an observation they end.
    offset: i64,
}

impl Reach {
    /// How far the windows of aggregates see; those whose far end moves in steps as far as they ever do.
    pub(crate) fn of(aggregates: &[&Aggregate]) -> Self {
        let back = aggregates.iter().map(|aggregate| match aggregate.window {
            Window::Range { width } => {
                let back = width.checked_add(aggregate.offset)?;
                back.checked_add(aggregate.step.unwrap_or(0))
            }
            Window::All | Window::Last { .. } => None,
        });
        let back: Option<Vec<i64>> = back.collect();
        let offset = aggregates.iter().map(|aggregate| aggregate.offset).min().unwrap_or(0);
        Reach { back: back.and_then(|back| back.into_iter().max()), offset }
    }

    /// From when, if there is a beginning, and until when observations at the given first and last instants see rows.
    pub(crate) fn between(self, first: i64, last: i64) -> (Option<i64>, i64) {
        (self.back.map(|back| first.saturating_sub(back)), last.saturating_sub(self.offset))
    }

    /// Whether a window at one of the observations may see one of the rows.
    pub(crate) fn sees(self, at: Span, rows: Span) -> bool {
        match at {
            Span::Empty => false,
            Span::Unknown => true,
            Span::Bounds(first, last) => {
                let (from, until) = self.between(first, last);
                rows.may_meet(from, until)
            }
        }
    }
}
