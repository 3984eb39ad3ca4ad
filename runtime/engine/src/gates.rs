//! Gates: what a version must reach to be registered.

use std::collections::BTreeMap;

use mlsys_plan::{Bound, Gate};
use mlsys_training::{GateResult, Scores, TrainReport};

use crate::champion::Champion;

/// Every gate against the report; a gate on slices gives one result a slice, in the slices' order.
pub(crate) fn judge(gates: &[Gate], report: &TrainReport, champion: &Champion) -> Vec<GateResult> {
    gates.iter().flat_map(|gate| Judged { gate, champion }.results(report)).collect()
}

/// What a gate is read from.
struct Read<'a> {
    metrics: &'a Scores,
    /// Metrics of inputs that are taken as the prediction.
    baselines: Option<&'a BTreeMap<String, Scores>>,
}

impl Default for Read<'_> {
    fn default() -> Self {
        static NONE: Scores = Scores(Vec::new());
        Read { metrics: &NONE, baselines: None }
    }
}

struct Judged<'a> {
    gate: &'a Gate,
    champion: &'a Champion,
}

impl Judged<'_> {
    fn results(&self, report: &TrainReport) -> Vec<GateResult> {
        let Some(part) = report.parts.get(&self.gate.part) else {
            return vec![self.result(None, 0, &Read::default())];
        };
        let Some(column) = &self.gate.by else {
            return vec![self.result(
                None,
                part.rows,
                &Read { metrics: &part.metrics, baselines: Some(&part.baselines) },
            )];
        };
        let slices = part.slices.iter().filter(|slice| slice.column == *column);
        slices
            .map(|slice| {
                let read = Read { metrics: &slice.metrics, baselines: Some(&slice.baselines) };
                let mut result = self.result(Some((column, slice.value.as_deref())), slice.rows, &read);
                // A metric that is not defined on a slice, because it holds one class only, judges nothing.
                result.judged = slice.rows >= self.gate.min_rows && result.value.is_some();
                result.slice = Some(slice.value.clone().unwrap_or_else(|| "(missing)".to_owned()));
                result
            })
            .collect()
    }

    fn result(&self, slice: Option<(&str, Option<&str>)>, rows: u64, read: &Read<'_>) -> GateResult {
        let gate = self.gate;
        let value = read.metrics.of_gate(gate);
        let known = |bound: &Bound| match bound {
            Bound::Champion => self.champion.value(gate, slice),
            Bound::Baseline(input) => read.baselines?.get(input)?.of_gate(gate),
            _ => None,
        };
        let bound = gate.bound.evaluate(&known);
        let asks = gate.bound.names_champion();
        let met = match bound {
            Some(bound) => value.is_some_and(|value| gate.comparison.holds(value, bound)),
            None => asks && self.champion.is_absent() && value.is_some(),
        };
        let note = if asks { self.champion.note() } else { None };
        GateResult { gate: gate.clone(), slice: None, rows, value, bound, note, judged: true, met }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mlsys_plan::{Bound, Call, Comparison, Gate, Part, Task};
    use mlsys_training::{PartReport, Score, Scores, SliceReport, TrainReport};

    use super::judge;
    use crate::champion::Champion;

    fn metrics(auc: f64) -> Scores {
        Scores(vec![Score { metric: "auc".to_owned(), value: auc, interval: None }])
    }

    fn parts(auc: f64, of_slice: f64) -> BTreeMap<Part, PartReport> {
        let slice = SliceReport {
            column: "shop".to_owned(),
            value: Some("S1".to_owned()),
            rows: 300,
            metrics: metrics(of_slice),
            baselines: BTreeMap::new(),
        };
        let part = PartReport {
            rows: 1000,
            positives: Some(10),
            metrics: metrics(auc),
            baselines: BTreeMap::from([("rule".to_owned(), metrics(0.5))]),
            slices: vec![slice],
            curves: None,
        };
        BTreeMap::from([(Part::Test, part)])
    }

    fn report(auc: f64, of_slice: f64) -> TrainReport {
        TrainReport {
            task: Task::Binary,
            parts: parts(auc, of_slice),
            left_out: 0,
            epochs: Vec::new(),
            best_epoch: 1,
            parameters: 1,
            inputs: Vec::new(),
            importance: Vec::new(),
            rows_per_second: None,
            trials: Vec::new(),
            best_trial: None,
            folds: Vec::new(),
            seconds: 0.0,
        }
    }

    /// `test.auc >= champion - 0.01`
    fn gate(by: Option<&str>) -> Gate {
        Gate {
            part: Part::Test,
            metric: Call { name: "auc".to_owned(), args: BTreeMap::new() },
            per: None,
            comparison: Comparison::GreaterOrEqual,
            bound: Bound::Difference(Box::new(Bound::Champion), Box::new(Bound::Number(0.01))),
            by: by.map(str::to_owned),
            min_rows: 200,
            line: 1,
        }
    }

    fn met(champion: &Champion, by: Option<&str>) -> (bool, Option<f64>) {
        let results = judge(&[gate(by)], &report(0.80, 0.60), champion);
        assert_eq!(results.len(), 1);
        assert!(results[0].judged && results[0].note.is_some());
        (results[0].met, results[0].bound)
    }

    #[test]
    fn a_gate_is_held_against_the_champion_on_the_same_rows() {
        let champion = |auc, of_slice| Champion::Judged { version: 3, is_this: false, parts: parts(auc, of_slice) };
        assert!(met(&champion(0.805, 0.7), None).0);
        assert!(!met(&champion(0.82, 0.5), None).0);
        assert!(met(&champion(0.82, 0.5), Some("shop")).0);
        assert!(!met(&champion(0.1, 0.7), Some("shop")).0);
        assert!((met(&champion(0.82, 0.5), None).1.unwrap() - 0.81).abs() < 1e-12);
    }

    #[test]
    fn a_baseline_is_the_metric_of_an_input_on_the_same_rows() {
        let bound = Bound::Product(Box::new(Bound::Number(1.5)), Box::new(Bound::Baseline("rule".to_owned())));
        let gate = Gate { bound, ..gate(None) };
        let results = judge(&[gate], &report(0.80, 0.60), &Champion::NotAsked);
        assert_eq!((results[0].bound, results[0].met), (Some(0.75), true));
    }

    #[test]
    fn it_holds_without_a_champion_and_not_with_one_that_cannot_be_judged() {
        assert_eq!(met(&Champion::Absent, None), (true, None));
        let unusable = Champion::Unusable { version: 1, reason: "it reads what is gone".to_owned() };
        assert_eq!(met(&unusable, None), (false, None));
    }
}
