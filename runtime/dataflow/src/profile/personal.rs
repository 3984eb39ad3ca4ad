//! Which columns of a source a profile must keep the values of to itself.

use std::collections::BTreeSet;

use mlsys_plan::{Expr, ExprKind, Source};

/// The columns that are personal data, and derived ones that read such a column or look something up: what another table
/// holds is not known here. A function such as `hash` makes no difference: a profile errs on the safe side.
pub(super) fn personal(source: &Source) -> BTreeSet<&str> {
    let mut found: BTreeSet<&str> = source.schema.iter().filter(|field| field.pii).map(|field| &*field.name).collect();
    // A derived column reads only columns before it.
    for derived in &source.derived {
        if looks_up(&derived.expr) || reads(&derived.expr, &found) {
            found.insert(&derived.name);
        }
    }
    found
}

fn looks_up(expr: &Expr) -> bool {
    let mut found = false;
    expr.visit(&mut |each| found |= matches!(each.kind, ExprKind::Lookup { .. }));
    found
}

fn reads(expr: &Expr, columns: &BTreeSet<&str>) -> bool {
    let mut found = false;
    expr.visit_columns(&mut |name| found |= columns.contains(name));
    found
}
