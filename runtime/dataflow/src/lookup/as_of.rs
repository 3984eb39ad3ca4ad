//! Tables that are looked up as of the time of the row that asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use mlsys_plan::{
    Aggregate, EntityKey, Expr as PlanExpr, ExprKind, Features, Source, Type, ValueType, Window, columns,
};

use super::Tables;
use super::function::LookUp;
use crate::error::{Code, DataError};
use crate::expr::column;
use crate::join::{Asked, Events, Reach, beside as features_beside, source_span};
use crate::table::{Member, Span, StoredTable};

/// A group, or a source with a time as one: of each key the latest row counts.
pub(crate) struct AsOf {
    features: Features,
    members: Vec<Member>,
    /// The instants of each file's rows, once somebody has asked.
    spans: OnceLock<Vec<Span>>,
    events: Events,
    /// Whether rows that were replaced later are seen until then.
    versions: bool,
}

impl AsOf {
    /// A group over rows of its source that lie in memory.
    pub(crate) fn group(features: &Features, rows: Arc<dyn TableSource>) -> Self {
        AsOf::on(features.clone(), Vec::new(), Events::of(rows), false)
    }

    /// The latest rows of a source that lie in memory; none if rows have no time.
    pub(crate) fn source(source: &Source, rows: Arc<dyn TableSource>) -> Option<Self> {
        Some(AsOf::on(latest_of(source)?, Vec::new(), Events::of(rows), true))
    }

    /// A group over the rows of its source, which lie in these files.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(crate) fn group_of(features: &Features, members: Vec<Member>) -> std::result::Result<Self, DataError> {
        AsOf::of(features.clone(), members, None, false)
    }

    fn of(
        features: Features,
        members: Vec<Member>,
        span: Option<(i64, i64)>,
        versions: bool,
    ) -> std::result::Result<Self, DataError> {
        let table = StoredTable::of(members.clone())?;
        let table = if versions { table.with_versions() } else { table };
        let events = Events::between(provider_as_source(Arc::new(table)), span);
        Ok(AsOf::on(features, members, events, versions))
    }

    fn on(features: Features, members: Vec<Member>, events: Events, versions: bool) -> Self {
        AsOf { features, members, spans: OnceLock::new(), events, versions }
    }

    /// The same table as it is seen by rows between two instants, for which these files are enough.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(crate) fn seeing(
        &self,
        members: Vec<Member>,
        span: Option<(i64, i64)>,
    ) -> std::result::Result<Self, DataError> {
        AsOf::of(self.features.clone(), members, span, self.versions)
    }

    /// The instants of each file's rows.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(crate) fn spans(&self) -> std::result::Result<&[Span], DataError> {
        if let Some(spans) = self.spans.get() {
            return Ok(spans);
        }
        let spans = self.members.iter().map(|member| source_span(&self.features, member));
        let spans = spans.collect::<std::result::Result<_, DataError>>()?;
        Ok(self.spans.get_or_init(|| spans))
    }

    /// How far it sees from whoever asks.
    pub(crate) fn reach(&self) -> Reach {
        Reach::of(&self.features.aggregates.iter().collect::<Vec<_>>())
    }

    /// The tables that its rows look up themselves.
    pub(crate) fn lookups(&self) -> BTreeSet<&str> {
        PlanExpr::lookups(self.features.exprs())
    }

    /// The files that hold its rows.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The latest rows of a source, which lie in these files.
    ///
    /// # Errors
    /// E0911 if a file cannot be read, E0999 if rows have no time or the key is no column.
    pub(crate) fn source_of(source: &Source, members: Vec<Member>) -> std::result::Result<Self, DataError> {
        let features = latest_of(source);
        let features = features.ok_or_else(|| DataError::internal(format!("`{}` has no such key", source.name)))?;
        AsOf::of(features, members, None, true)
    }
}

/// The latest row of each key as a group; none if rows have no time.
fn latest_of(source: &Source) -> Option<Features> {
    let time = source.time.clone()?;
    let columns = source.columns();
    let key = |name: &String| {
        let (_, ty) = columns.iter().find(|(known, _)| known == name)?;
        Some(EntityKey { name: name.clone(), column: name.clone(), ty: (*ty).clone() })
    };
    Some(Features {
        name: source.name.clone(),
        entity: source.name.clone(),
        keys: source.key.iter().map(key).collect::<Option<_>>()?,
        source: source.name.clone(),
        at: PlanExpr { kind: ExprKind::Column { name: time.clone() }, ty: Type::Timestamp.required() },
        time: Some(time),
        filter: None,
        // All rows of a key are equal in it: of one instant the row that was read last is the latest.
        order: source.key.clone(),
        aggregates: columns.iter().map(|(name, ty)| latest(name, ty)).collect(),
        derived: Vec::new(),
        refresh: None,
    })
}

/// The value of a column in the latest row, also where it is missing there.
fn latest(name: &str, ty: &ValueType) -> Aggregate {
    Aggregate {
        name: name.to_owned(),
        argument: Some(PlanExpr { kind: ExprKind::Column { name: name.to_owned() }, ty: ty.clone() }),
        function: "last".to_owned(),
        args: BTreeMap::new(),
        filter: None,
        window: Window::Last { rows: 1 },
        step: None,
        offset: 0,
        ty: ty.clone().with_nullable(true),
        line: 0,
    }
}

/// Lookups of one table by the same keys.
struct Looked<'a> {
    table: &'a AsOf,
    keys: Vec<Expr>,
    columns: BTreeSet<String>,
}

/// A node of a plan whose lookups as of a time are columns that stand beside the rows of its input.
pub(super) fn beside(node: LogicalPlan, tables: &Tables, time: Option<&str>) -> Result<Transformed<LogicalPlan>> {
    let looked = looked(&node, tables)?;
    if looked.is_empty() {
        return Ok(Transformed::no(node));
    }
    let [input] = node.inputs()[..] else { return Err(DataError::internal("a lookup in a join").into()) };
    let mut plan = input.clone();
    for (number, one) in looked.iter().enumerate() {
        let at = own_time(&plan, time, &one.table.features.name)?;
        let wanted = one.columns.iter().map(|name| (name.clone(), value(number, name)));
        let asked = Asked { keys: one.keys.clone(), at, wanted: wanted.collect() };
        // What the looked-up rows themselves look up.
        let events = |plan| super::bind(plan, tables, one.table.features.time.as_deref());
        plan = features_beside(plan, &asked, &one.table.features, &one.table.events, &events)?;
    }
    let replaced = node.expressions().into_iter().map(|expr| Ok(named(expr, &looked)?.data));
    let replaced = replaced.collect::<Result<Vec<Expr>>>()?;
    let narrowed = match &node {
        // A filter passes every column on: those of the lookups end here.
        LogicalPlan::Filter(_) => Some(input.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>()),
        _ => None,
    };
    let node = node.with_new_exprs(replaced, vec![plan])?;
    let node = match narrowed {
        Some(columns) => LogicalPlanBuilder::from(node).project(columns)?.build()?,
        None => node,
    };
    Ok(Transformed::yes(node))
}

/// What a node looks up, each table once for the same keys.
fn looked<'a>(node: &LogicalPlan, tables: &'a Tables) -> Result<Vec<Looked<'a>>> {
    let mut all: Vec<Looked<'a>> = Vec::new();
    node.apply_expressions(|expr| {
        expr.apply(|each| {
            if let Some((found, keys)) = LookUp::unbound(each)
                && let Some(super::Table::AsOf(table)) = tables.get(&found.table)
            {
                let known = all.iter_mut().find(|one| std::ptr::eq(one.table, table.as_ref()) && one.keys == keys);
                match known {
                    Some(known) => drop(known.columns.insert(found.column.clone())),
                    None => {
                        all.push(Looked { table, keys: keys.to_vec(), columns: BTreeSet::from([found.column.clone()]) })
                    }
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(all)
}

/// An expression that reads the columns in which its lookups stand.
fn named(expr: Expr, looked: &[Looked<'_>]) -> Result<Transformed<Expr>> {
    let name = expr.schema_name().to_string();
    let is_alias = matches!(expr, Expr::Alias(_));
    let replaced = expr.transform_up(|each| {
        let Some((found, keys)) = LookUp::unbound(&each) else { return Ok(Transformed::no(each)) };
        let number = looked.iter().position(|one| one.table.features.name == found.table && one.keys == keys);
        let number = number.ok_or_else(|| DataError::internal("a lookup that was not found again"))?;
        let value = datafusion::logical_expr::cast(column(&value(number, &found.column)), found.ty.clone());
        Ok(Transformed::yes(value))
    })?;
    Ok(if replaced.transformed && !is_alias { Transformed::yes(replaced.data.alias(name)) } else { replaced })
}

/// The column in which a looked-up value stands beside the row that asks.
fn value(number: usize, column: &str) -> String {
    format!("__as_of.{number}.{column}")
}

/// The time of the rows that ask: their own, or the moment for which features are asked.
fn own_time(plan: &LogicalPlan, time: Option<&str>, table: &str) -> Result<Expr> {
    let names = [time, Some(columns::AT)];
    let found = names.into_iter().flatten().find(|name| plan.schema().has_column_with_unqualified_name(name));
    let found = found.ok_or_else(|| {
        let message = format!("`{table}` is looked up as of the time of a row that has none");
        DataError::new(Code::Unsupported, message).with_help("look it up in a source with a `time`")
    })?;
    Ok(column(found))
}
