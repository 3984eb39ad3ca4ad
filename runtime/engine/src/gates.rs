//! Gates: what a version must reach to be registered.

use mlsys_plan::{Gate, TrainReport};

use crate::summary::GateResult;

/// Every gate against the report; a gate on slices gives one result a slice, in the slices' order.
pub(crate) fn judge(gates: &[Gate], report: &TrainReport) -> Vec<GateResult> {
    gates.iter().flat_map(|gate| one(gate, report)).collect()
}

fn one(gate: &Gate, report: &TrainReport) -> Vec<GateResult> {
    let result = |slice: Option<String>, rows: u64, value: Option<f64>, judged: bool| GateResult {
        gate: gate.clone(),
        slice,
        rows,
        value,
        judged,
        met: value.is_some_and(|value| gate.comparison.holds(value, gate.bound)),
    };
    let Some(part) = report.parts.get(&gate.part) else { return vec![result(None, 0, None, true)] };
    match &gate.by {
        None => vec![result(None, part.rows, part.metrics.get(&gate.metric).copied(), true)],
        Some(column) => part
            .slices
            .iter()
            .filter(|slice| slice.column == *column)
            .map(|slice| {
                let value = slice.metrics.get(&gate.metric).copied();
                // A metric that is not defined on a slice, because it holds one class only, judges nothing.
                let judged = slice.rows >= gate.min_rows && value.is_some();
                let name = slice.value.clone().unwrap_or_else(|| "(missing)".to_owned());
                result(Some(name), slice.rows, value, judged)
            })
            .collect(),
    }
}
