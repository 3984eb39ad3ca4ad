//! Look-ahead labels: aggregates over what follows the observation.

use std::path::Path;
use std::sync::Arc;

use datafusion::logical_expr::{Expr as RowExpr, LogicalPlan, TableSource};
use mlsys_plan::{Aggregate, Expr, ExprKind, Features, LookAhead, Source, Type, Window};

use crate::error::DataError;
use crate::expr::column;
use crate::join::{Asked, Events, beside};
use crate::lookup::{Tables, bind};

/// A source that labels look ahead into.
#[derive(Clone, Copy, Debug)]
pub struct Ahead<'a> {
    /// The source.
    pub source: &'a Source,
    /// Its table, as [`crate::Dataflow::source`] has written it.
    pub table: &'a Path,
}

/// Rows that follow observations.
pub(crate) struct Following<'a> {
    pub(crate) source: &'a Source,
    pub(crate) rows: Arc<dyn TableSource>,
    /// The instant of the last of them.
    pub(crate) end: Option<i64>,
    /// The first and the last instant of the observations, where they are known: other rows need not be read.
    pub(crate) span: Option<(i64, i64)>,
}

/// The rows of a plan with the values of look-aheads from an instant on beside them, under their names.
///
/// # Errors
/// E0910 if an aggregate is not known, E0999 if a source is not there.
pub(super) fn with_looks(
    mut plan: LogicalPlan,
    at: &RowExpr,
    looks: &[LookAhead],
    following: &[Following<'_>],
    tables: Option<&Tables>,
) -> Result<LogicalPlan, DataError> {
    for look in looks {
        let rows = following.iter().find(|one| one.source.name == look.source);
        let rows = rows.ok_or_else(|| DataError::internal(format!("`{}` is looked ahead into", look.source)))?;
        let asked = Asked {
            keys: look.keys.iter().map(|key| column(&key.name)).collect(),
            at: at.clone(),
            wanted: vec![(look.name.clone(), look.name.clone())],
        };
        let features = features(look, rows.source)?;
        let look_up = |plan| match tables {
            Some(tables) => bind(plan, tables, rows.source.time.as_deref()),
            None => Ok(plan),
        };
        let events = Events::between(Arc::clone(&rows.rows), rows.span);
        plan = beside(plan, &asked, &features, &events, &look_up)?;
    }
    Ok(plan)
}

/// A look ahead as an aggregate: rows with `t < time <= t + width`, which for whole microseconds are those of a window of
/// that width which is shifted by itself and one microsecond into the future.
pub(crate) fn aggregate(look: &LookAhead) -> Aggregate {
    Aggregate {
        name: look.name.clone(),
        function: look.function.clone(),
        argument: look.argument.clone(),
        args: look.args.clone(),
        filter: look.filter.clone(),
        window: Window::Range { width: look.width },
        step: None,
        offset: look.width.saturating_add(1).saturating_neg(),
        ty: look.ty.clone(),
        line: 0,
    }
}

fn features(look: &LookAhead, source: &Source) -> Result<Features, DataError> {
    let time = source.time.clone();
    let time = time.ok_or_else(|| DataError::internal(format!("`{}` has no time to look ahead in", source.name)))?;
    Ok(Features {
        name: look.name.clone(),
        entity: look.name.clone(),
        keys: look.keys.clone(),
        source: look.source.clone(),
        at: Expr { kind: ExprKind::Column { name: time.clone() }, ty: Type::Timestamp.required() },
        time: Some(time),
        filter: None,
        order: source.key.clone(),
        aggregates: vec![aggregate(look)],
        derived: Vec::new(),
        refresh: None,
    })
}
