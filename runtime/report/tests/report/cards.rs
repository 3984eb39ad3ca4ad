//! Cards to write: what a search over flights may have left, a small one, and an empty one.

use std::collections::BTreeMap;

use mlsys_metrics::{Bar, Bin, Curves};
use mlsys_plan::{Behaviour, Bound, Call, Comparison, Gate, Part, Relation, Task, Value};
use mlsys_report::{Card, Event, Origin};
use mlsys_training::{
    BehaviourResult, EpochReport, FoldReport, GateResult, Importance, InputReport, PartReport, Score, Scores, Seen,
    SliceReport, TrainReport, TrialReport,
};

/// A version of which nothing is known but that it is there.
pub(crate) fn empty(task: Task) -> Card {
    let report = TrainReport {
        task,
        parts: BTreeMap::new(),
        left_out: 0,
        epochs: Vec::new(),
        best_epoch: 1,
        parameters: 0,
        inputs: Vec::new(),
        importance: Vec::new(),
        trials: Vec::new(),
        best_trial: None,
        folds: Vec::new(),
        rows_per_second: None,
        seconds: 0.0,
    };
    Card {
        model: "late".to_owned(),
        version: 1,
        registered_at: "2026-03-01T10:00:00Z".to_owned(),
        aliases: Vec::new(),
        label: None,
        learner: None,
        classes: Vec::new(),
        license: None,
        report,
        gates: Vec::new(),
        unread_gates: 0,
        behaviours: Vec::new(),
        origin: Origin::default(),
        history: Vec::new(),
    }
}

/// A version with a little of everything that a card tells.
pub(crate) fn small() -> Card {
    let mut card = empty(Task::Binary);
    card.aliases = vec!["champion".to_owned()];
    card.label = Some("late".to_owned());
    card.learner = Some("mlp(dropout: 0.1, hidden: [8])".to_owned());
    card.license = Some("apache-2.0".to_owned());
    card.gates = vec![
        gate("auc", None, None, 0.7175, 0.7),
        gate("auc", Some("carrier"), Some("VX"), 0.6583, 0.55),
        GateResult { judged: false, ..gate("auc", Some("carrier"), Some("HA"), 0.4, 0.55) },
    ];
    let report = &mut card.report;
    report.parts = BTreeMap::from([
        (Part::Train, part(217_579, 0.74, 0.001)),
        (Part::Validate, part(55_442, 0.7038, 0.0)),
        (Part::Test, part(54_065, 0.7175, 0.004)),
    ]);
    let test = report.parts.get_mut(&Part::Test).unwrap();
    test.baselines = BTreeMap::from([("airline_punctuality.late_rate_7d".to_owned(), scores(0.601, 0.0))]);
    test.slices = vec![slice("HA", 60, 0.4, 0.2), slice("UA", 9000, 0.7207, 0.01), slice("VX", 800, 0.6583, 0.04)];
    report.left_out = 260;
    report.best_epoch = 2;
    report.parameters = 18_049;
    report.seconds = 5.3;
    report.epochs = (1..=3).map(|epoch| self::epoch(epoch, 0.5, 0.7)).collect();
    report.inputs = vec![input("distance", "standardise", 0.0), input("carrier", "embedding(16 -> 9)", 0.012)];
    report.importance = vec![importance("carrier", 0.04, 0.002), importance("distance", -0.001, 0.0005)];
    card.origin = Origin {
        training: "3f786850e387550fdab836ed7e6dc881de23001b".to_owned(),
        plan: "89e6c98d92887913cadf06b2adb97f26cde4849b".to_owned(),
        data: "2b66fd261ee5c6cfc8de7fa466bab600bcfe4f69".to_owned(),
        artefact: "ea02fe8ffd2d2f1ba3f2ddc4d5dcdb3b8ae6a2f7".to_owned(),
        seed: 7,
        sources: BTreeMap::from([("flights".to_owned(), "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c".to_owned())]),
        groups: BTreeMap::from([(
            "airline_punctuality".to_owned(),
            "356a192b7913b04c54574d18c28d46e6395428ab".to_owned(),
        )]),
        commit: Some("da4b9237bacccdf19c0760cab7aec4a8359010b0 (changed)".to_owned()),
        mlsys: Some("0.1.0".to_owned()),
    };
    card.history = vec![Event {
        at: "2026-03-01T10:00:00Z".to_owned(),
        version: 1,
        what: "registered".to_owned(),
        who: Some("ann@here".to_owned()),
        why: None,
    }];
    card
}

/// An expectation of which so many comparisons do not hold.
pub(crate) fn behaviour(test: &str, input: &str, astray: u64) -> BehaviourResult {
    let behaviour = Behaviour {
        test: test.to_owned(),
        origin: mlsys_plan::Origin { file: "flights.mlsys".to_owned(), line: 120, name: format!("test {test:?}") },
        relation: Relation::Rising,
        input: input.to_owned(),
        tolerance: 0.01,
        share: 0.999,
        hidden: false,
    };
    let seen = Seen { examples: 20_000, compared: 59_000, held: 59_000 - astray, worst: None };
    BehaviourResult { behaviour, met: astray <= 59, seen }
}

/// A version with everything: many epochs, inputs, slices and trials, and curves.
pub(crate) fn rich() -> Card {
    let mut card = small();
    card.report.epochs = (1..=40).map(|epoch| self::epoch(epoch, 0.36, 0.715)).collect();
    card.report.best_epoch = 31;
    card.report.folds = (1..=5)
        .map(|fold| FoldReport { fold, rows: 10_813, metrics: scores(0.70 + 0.02 * wave(fold), 0.0), best_epoch: 30 })
        .collect();
    let carriers = ["9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"];
    let sliced = carriers.iter().zip(0_u32..).map(|(carrier, place)| {
        let rows = [4200, 9100, 180, 15_000, 13_000, 14_400, 210, 900, 88, 7000, 12, 17_000, 6100, 1500, 3400, 160]
            [place as usize];
        slice(carrier, rows, 0.62 + 0.13 * wave(place), 1.2 / f64::from(u32::try_from(rows).unwrap()).sqrt())
    });
    let sliced: Vec<SliceReport> = sliced.collect();
    card.behaviours =
        vec![behaviour("a longer way is not safer", "distance", 0), behaviour("no favourites", "carrier", 37)];
    card.gates.truncate(1);
    card.gates.push(GateResult {
        note: Some("the champion is version 2".to_owned()),
        ..gate("log_loss", None, None, 0.42, 0.45)
    });
    for each in &sliced {
        let value = each.metrics.0[0].value;
        let result = gate("auc", Some("carrier"), each.value.as_deref(), value, 0.6);
        card.gates.push(GateResult { judged: each.rows >= 200, rows: each.rows, ..result });
    }
    for (part, sharpness) in [(Part::Train, 1.5), (Part::Validate, 1.0), (Part::Test, 1.15)] {
        let report = card.report.parts.get_mut(&part).unwrap();
        report.curves = Some(curves(sharpness));
        report.slices.clone_from(&sliced);
    }
    let names = [
        "distance",
        "carrier",
        "dest",
        "hour",
        "weekday",
        "aircraft_history.last_delay",
        "aircraft_history.late_rate_30d",
        "airline_punctuality.mean_delay_7d",
        "airline_punctuality.late_rate_30d",
        "airport_weather.wind",
        "airport_weather.fog",
    ];
    card.report.inputs = names.iter().map(|name| input(name, "standardise", 0.02)).collect();
    let weights = names.iter().rev().zip(0_u32..);
    card.report.importance =
        weights.map(|(name, place)| importance(name, 0.06 * 0.6_f64.powf(f64::from(place)) - 0.001, 0.003)).collect();
    card.report.trials = (1..=25).map(trial).collect();
    card.report.best_trial = card
        .report
        .trials
        .iter()
        .max_by(|a, b| a.score.unwrap_or(0.0).total_cmp(&b.score.unwrap_or(0.0)))
        .map(|best| best.trial);
    card
}

/// A number between 0 and 1 that looks like chance.
fn wave(place: u32) -> f64 {
    (f64::from(place) * 12.9898).sin().mul_add(0.5, 0.5)
}

fn trial(trial: u32) -> TrialReport {
    let failure = (trial == 9).then(|| "the loss is not a number".to_owned());
    TrialReport {
        trial,
        values: BTreeMap::from([
            ("lr".to_owned(), Value::Float(1e-4 * f64::from(trial))),
            ("hidden".to_owned(), Value::List(vec![Value::Int(64), Value::Int(32)])),
        ]),
        score: failure.is_none().then(|| 0.66 + 0.05 * wave(trial) + 0.0005 * f64::from(trial)),
        best_epoch: 6,
        ended_after: trial.is_multiple_of(7).then_some(4),
        seconds: 12.5,
        failure,
    }
}

fn curves(sharpness: f64) -> Curves {
    let share = |place: u32, all: u32| f64::from(place) / f64::from(all);
    let roc: Vec<(f64, f64)> =
        (0..=150).map(|place| share(place, 150)).map(|x| (x, x.powf(0.45 / sharpness))).collect();
    let precision = roc[1..].iter().map(|(x, y)| (*y, 0.25 * y / (0.25 * y + 0.75 * x))).collect();
    let reliability = (0..12).map(|bin| {
        let predicted = (f64::from(bin) + 0.5) / 15.0;
        Bin { predicted, actual: (predicted * 1.1 - 0.03 * wave(bin)).max(0.0), rows: 9000 / u64::from(bin + 1) }
    });
    let predicted = (0..30).map(|bar| Bar {
        from: share(bar, 36),
        to: share(bar + 1, 36),
        rows: u64::from(bar * bar * 20) / (1 + u64::from(bar / 6).pow(4)),
    });
    Curves {
        roc,
        precision_recall: precision,
        reliability: reliability.collect(),
        predicted: predicted.collect(),
        confusion: vec![vec![38_211, 2100], vec![9800, 3954]],
    }
}

fn epoch(epoch: u32, loss: f64, auc: f64) -> EpochReport {
    let x = f64::from(epoch);
    EpochReport { epoch, loss: loss + 0.2 / x, validate: scores(auc - 0.1 / x - 0.002 * wave(epoch), 0.0), seconds: x }
}

fn part(rows: u64, auc: f64, half: f64) -> PartReport {
    PartReport {
        rows,
        positives: Some(rows / 4),
        metrics: scores(auc, half),
        baselines: BTreeMap::new(),
        slices: Vec::new(),
        curves: None,
    }
}

pub(crate) fn scores(auc: f64, half: f64) -> Scores {
    let interval = |value: f64| (half > 0.0).then_some((value - half, value + half));
    let score = |metric: &str, value| Score { metric: metric.to_owned(), value, interval: interval(value) };
    Scores(vec![score("auc", auc), score("log_loss", 1.1 - auc)])
}

pub(crate) fn slice(value: &str, rows: u64, auc: f64, half: f64) -> SliceReport {
    SliceReport {
        column: "carrier".to_owned(),
        value: Some(value.to_owned()),
        rows,
        metrics: scores(auc, half),
        baselines: BTreeMap::new(),
    }
}

pub(crate) fn input(name: &str, encoder: &str, missing: f64) -> InputReport {
    InputReport { name: name.to_owned(), encoder: encoder.to_owned(), missing }
}

pub(crate) fn importance(name: &str, worse: f64, deviation: f64) -> Importance {
    Importance { name: name.to_owned(), metric: "auc".to_owned(), worse, deviation }
}

pub(crate) fn gate(metric: &str, by: Option<&str>, slice: Option<&str>, value: f64, bound: f64) -> GateResult {
    let larger = metric == "auc";
    let gate = Gate {
        part: Part::Test,
        metric: Call { name: metric.to_owned(), args: BTreeMap::new() },
        per: None,
        comparison: if larger { Comparison::GreaterOrEqual } else { Comparison::LessOrEqual },
        bound: Bound::Number(bound),
        by: by.map(str::to_owned),
        min_rows: 200,
        line: 1,
    };
    GateResult {
        met: gate.comparison.holds(value, bound),
        gate,
        slice: slice.map(str::to_owned),
        rows: 1000,
        value: Some(value),
        bound: Some(bound),
        note: None,
        judged: true,
    }
}
