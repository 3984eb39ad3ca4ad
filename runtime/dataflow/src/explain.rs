//! Batch nodes as text: their logical plans, from the plan alone.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::{LogicalTableSource, TableSource};
use mlsys_plan::{Features, Node, Observe, Operation, Plan, Source};

use crate::error::DataError;
use crate::join::{self, Events, Inputs};
use crate::observe::{Following, Period};
use crate::sources::scan_schema;
use crate::table::with_position;
use crate::types::source_schema;
use crate::{observe, source};

/// The DataFusion logical plan of a source, observe or join node as text that depends on the plan alone; none for
/// nodes of other kinds. Needs no data.
///
/// # Errors
/// E0910 if the runtime lacks something that the node uses, E0999 if the plan is not consistent.
pub fn explain(plan: &Plan, node: &Node) -> Result<Option<String>, DataError> {
    let logical = match &node.operation {
        Operation::Source(source) => source::logical_plan(source, table(scan_schema(source)))?,
        Operation::Observe(observe) => {
            let source = source_named(plan, &observe.source)?;
            let looks = observe.label.iter().flat_map(|label| &label.looks);
            let following = looks.map(|look| following(plan, &look.source)).collect::<Result<Vec<_>, DataError>>()?;
            // Ticks end with the data, which is not here.
            let period = Period { first: Some(0), last: Some(0) };
            let source = table(with_position(&source_schema(source)));
            observe::logical_plan(observe, source, period, &following, None)?
        }
        Operation::Join(join) => {
            let features = features_named(plan, &join.group)?;
            let source = source_named(plan, &features.source)?;
            let observations = observe::output_schema(observe_of(plan, &join.model)?);
            let inputs = Inputs {
                observations: table(with_position(&observations)),
                events: Events::of(table(with_position(&source_schema(source)))),
            };
            join::logical_plan(join, features, inputs, &Ok)?
        }
        _ => return Ok(None),
    };
    Ok(Some(format!("{}\n", logical.display_indent())))
}

fn following<'a>(plan: &'a Plan, source: &str) -> Result<Following<'a>, DataError> {
    let source = source_named(plan, source)?;
    Ok(Following { source, rows: table(with_position(&source_schema(source))), end: Some(0), span: None })
}

fn table(schema: SchemaRef) -> Arc<dyn TableSource> {
    Arc::new(LogicalTableSource::new(schema))
}

fn source_named<'a>(plan: &'a Plan, name: &str) -> Result<&'a Source, DataError> {
    find(plan, "source", name, |operation| match operation {
        Operation::Source(source) if source.name == name => Some(source),
        _ => None,
    })
}

fn features_named<'a>(plan: &'a Plan, name: &str) -> Result<&'a Features, DataError> {
    find(plan, "features", name, |operation| match operation {
        Operation::Features(features) if features.name == name => Some(features),
        _ => None,
    })
}

fn observe_of<'a>(plan: &'a Plan, model: &str) -> Result<&'a Observe, DataError> {
    find(plan, "observe", model, |operation| match operation {
        Operation::Observe(observe) if observe.model == model => Some(observe),
        _ => None,
    })
}

fn find<'a, T>(
    plan: &'a Plan,
    kind: &str,
    name: &str,
    select: impl Fn(&'a Operation) -> Option<&'a T>,
) -> Result<&'a T, DataError> {
    let found = plan.nodes.iter().find_map(|node| select(&node.operation));
    found.ok_or_else(|| DataError::internal(format!("the plan has no node `{kind} {name}`")))
}
