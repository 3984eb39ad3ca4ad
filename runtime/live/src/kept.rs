//! What the online store keeps for a group, as the plan has it.

use arrow::datatypes::DataType;
use mlsys_aggregates::by_name;
use mlsys_dataflow::{LiveGroup, Sought};
use mlsys_online::{Frame, Kept, Layout, Measure, Order};

use crate::error::LiveError;

/// The layout of a group's entities. Its rows are those of [`LiveGroup::rows`].
///
/// # Errors
/// A type of a key or an argument cannot be kept.
pub(crate) fn layout(group: &LiveGroup) -> Result<Layout, LiveError> {
    let types: Vec<DataType> = group.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    let (keys, rest) = types.split_at(group.keys());
    let (arguments, order) = rest[1..].split_at(group.arguments());
    let is_keyed = !order.is_empty();
    let order = if is_keyed {
        order.iter().cloned().map(Order::Column).collect()
    } else {
        group.chosen().iter().copied().map(Order::Argument).collect()
    };
    Ok(Layout::new(Kept {
        keys: keys.to_vec(),
        arguments: arguments.to_vec(),
        order,
        is_keyed,
        measures: group.sought().iter().map(measure).collect::<Result<_, _>>()?,
    })?)
}

fn measure(sought: &Sought) -> Result<Measure, LiveError> {
    let unknown = || LiveError::Missing(format!("aggregate `{}`", sought.function));
    let window = sought.window;
    Ok(Measure {
        kernel: by_name(&sought.function).ok_or_else(unknown)?,
        argument: sought.argument,
        parameters: sought.parameters.clone(),
        frame: Frame { window: window.window, offset: window.offset, step: window.step },
    })
}
