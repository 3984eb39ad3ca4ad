//! Availability: when a value becomes known, relative to its row, and which moments come before which.
//!
//! A moment is a timestamp column plus a fixed duration. Two moments can be ordered if they share the column; a row's own
//! time comes before every moment that a source declares with `known at`, because rows that violate this are refused.

use mlsys_plan::{BinaryOp, Derived, Expr, ExprKind, Literal};

/// A moment in the life of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moment {
    /// The column it is counted from, or the text of an expression that is no column.
    base: String,
    /// Microseconds after it.
    offset: i64,
    /// The moment as an expression on the row.
    pub(crate) expr: Expr,
    /// The moment as it was written.
    pub(crate) text: String,
}

/// When a value becomes known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Known {
    /// With its row.
    WithRow,
    /// At a later moment.
    At(Moment),
    /// It cannot be said; why has been reported.
    Unclear,
}

impl Moment {
    /// The moment of a timestamp expression; derived columns that add a fixed duration are looked through.
    pub(crate) fn of(expr: &Expr, derived: &[Derived], text: String) -> Moment {
        let mut base = expr;
        let mut offset = 0_i64;
        // A chain of derived columns is no longer than there are columns.
        for _ in 0..=derived.len() {
            match step(base, derived) {
                Some((inner, added)) => {
                    base = inner;
                    offset = offset.saturating_add(added);
                }
                None => break,
            }
        }
        Moment { base: base.to_string(), offset, expr: expr.clone(), text }
    }

    /// Whether this moment is known to be no later than another.
    pub(crate) fn no_later_than(&self, other: &Moment) -> bool {
        self.base == other.base && self.offset <= other.offset
    }
}

/// One step from `column + duration`, or from a derived column that is such a sum, towards its base.
fn step<'a>(expr: &'a Expr, derived: &'a [Derived]) -> Option<(&'a Expr, i64)> {
    match &expr.kind {
        ExprKind::Binary { operator: operator @ (BinaryOp::Add | BinaryOp::Subtract), left, right } => {
            match &right.kind {
                ExprKind::Literal { value: Literal::Duration(micros) } => {
                    Some((left, if *operator == BinaryOp::Add { *micros } else { -micros }))
                }
                _ => None,
            }
        }
        ExprKind::Column { name } => {
            let definition = derived.iter().find(|derived| derived.name == *name)?;
            let fixed =
                matches!(&definition.expr.kind, ExprKind::Column { .. }) || step(&definition.expr, &[]).is_some();
            fixed.then_some((&definition.expr, 0))
        }
        _ => None,
    }
}

/// The moments that can be compared within a source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timeline {
    /// The row's own time.
    pub(crate) row: Moment,
    /// Moments that `known at` declares: never before the row.
    pub(crate) declared: Vec<Moment>,
}

impl Timeline {
    /// The column that holds the row's own time.
    pub(crate) fn column(&self) -> Option<String> {
        match &self.row.expr.kind {
            ExprKind::Column { name } => Some(name.clone()),
            _ => None,
        }
    }

    /// Whether a value that is known at `known` can be used at `moment`.
    pub(crate) fn usable(&self, known: &Known, moment: &Moment) -> bool {
        match known {
            Known::WithRow => self.not_before_row(moment),
            Known::At(at) => at.no_later_than(moment),
            Known::Unclear => true,
        }
    }

    /// Whether a moment never lies before its row's own time.
    pub(crate) fn not_before_row(&self, moment: &Moment) -> bool {
        self.row.no_later_than(moment) || self.declared.iter().any(|declared| declared.no_later_than(moment))
    }

    /// The later of two availabilities, if they can be compared.
    pub(crate) fn later(&self, left: Known, right: Known) -> Result<Known, Box<(Moment, Moment)>> {
        match (left, right) {
            (Known::Unclear, _) | (_, Known::Unclear) => Ok(Known::Unclear),
            (Known::WithRow, other) | (other, Known::WithRow) => Ok(other),
            (Known::At(left), Known::At(right)) if left.no_later_than(&right) => Ok(Known::At(right)),
            (Known::At(left), Known::At(right)) if right.no_later_than(&left) => Ok(Known::At(left)),
            (Known::At(left), Known::At(right)) => Err(Box::new((left, right))),
        }
    }
}
