//! What integration tests share: a group with some features, seeded rows for it, and its features as text.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use mlsys_aggregates::{Parameters, by_name};
use mlsys_online::{Asked, Frame, Groups, Kept, Keys, Layout, Measure, Order, Rows};
use mlsys_plan::Window;

/// Room for everything.
pub(crate) const ROOM: usize = 1 << 30;

pub(crate) const MINUTE: i64 = 60_000_000;

/// Counts, exact and ordered aggregates, over windows of every kind.
pub(crate) fn layout(is_keyed: bool) -> Layout {
    let frames = [
        Frame::of(Window::Range { width: 10 * MINUTE }),
        Frame::of(Window::Range { width: 60 * MINUTE }),
        Frame::of(Window::All),
        Frame::of(Window::Last { rows: 5 }),
    ];
    let calls = [("count", None), ("sum", Some(1)), ("max", Some(0)), ("last", Some(2)), ("count_distinct", Some(2))];
    let measure = |frame| {
        calls.map(|(name, argument)| {
            let kernel = by_name(name).expect("a kernel");
            Measure { kernel, argument, parameters: Parameters::new(), frame }
        })
    };
    Layout::new(Kept {
        keys: vec![DataType::Int64],
        arguments: vec![DataType::Float64, DataType::Int64, DataType::Utf8],
        order: vec![Order::Column(DataType::Int64)],
        is_keyed,
        measures: frames.into_iter().flat_map(measure).collect(),
    })
    .expect("a layout")
}

/// The rows `from..to` of a seeded stream over some entities: one a second, a few of them late.
pub(crate) fn rows(layout: &Layout, from: i64, to: i64, entities: i64) -> (Keys, Rows) {
    let hash = |row: i64| (row.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 20) & 0xffff;
    let late = |row: i64| if hash(row) % 7 == 0 { hash(row) % 300 } else { 0 };
    let numbers = from..to;
    let instants =
        numbers.clone().map(|row| Some((row - late(row)) * 1_000_000)).collect::<TimestampMicrosecondArray>();
    let arguments: Vec<ArrayRef> = vec![
        Arc::new(numbers.clone().map(|row| Some(hash(row) as f64 / 4.0)).collect::<Float64Array>()),
        Arc::new(numbers.clone().map(|row| (row % 3 > 0).then_some(hash(row))).collect::<Int64Array>()),
        Arc::new(numbers.clone().map(|row| Some(format!("place {}", hash(row) % 5))).collect::<StringArray>()),
    ];
    let order: ArrayRef = Arc::new(numbers.clone().collect::<Int64Array>());
    let instants: ArrayRef = Arc::new(instants.with_timezone("UTC"));
    let keys = keys(numbers.map(|row| hash(row) % entities));
    (keys, Rows::new(layout, &instants, &arguments, &[order]).expect("rows"))
}

pub(crate) fn keys(keys: impl Iterator<Item = i64>) -> Keys {
    Keys::new(&[DataType::Int64], &[Arc::new(keys.collect::<Int64Array>()) as ArrayRef]).expect("keys")
}

/// Every feature of the first entities at a moment, a line for each entity.
pub(crate) async fn features(groups: &Groups, entities: i64, at: i64) -> Vec<String> {
    let keys = keys(0..entities);
    let moments = vec![at; keys.len()];
    let columns = groups.features(&[Asked { group: 0, keys: &keys, moments: &moments }]).await.expect("features");
    let value = |row, column: &ArrayRef| array_value_to_string(column, row).expect("a value");
    (0..keys.len())
        .map(|row| columns[0].iter().map(|column| value(row, column)).collect::<Vec<_>>().join(" "))
        .collect()
}
