//! Cards of any size are written within bounds.

use std::time::{Duration, Instant};

use mlsys_metrics::{Bar, Bin};
use mlsys_plan::Value;
use mlsys_report::{Card, Event};
use mlsys_training::Score;

use crate::cards::{behaviour, gate, importance, input, rich, slice};

/// Far more than is drawn.
const MANY: u32 = 100_000;

/// What is promised of a page.
const MEGABYTE: usize = 1_000_000;

/// The same card with a great many of everything, each with a long text that becomes longer when it is escaped.
fn huge() -> Card {
    let mut card = rich();
    let text = |place: u32| format!("{place}{}", "\"&<".repeat(200));
    card.model = text(0);
    card.label = Some(text(0));
    card.learner = Some(text(0));
    card.classes = (0..1000).map(text).collect();
    card.aliases = (0..1000).map(text).collect();
    card.gates =
        (0..MANY / 10).map(|place| gate(&text(place), Some(&text(place % 50)), Some(&text(place)), 0.7, 0.6)).collect();
    card.behaviours = (0..1000).map(|place| behaviour(&text(place), &text(place), 5)).collect();
    card.history = (0..1000)
        .map(|place| Event {
            at: text(place),
            version: 1,
            what: text(place),
            who: Some(text(place)),
            why: Some(text(place)),
        })
        .collect();
    card.origin.sources = (0..1000).map(|place| (text(place), text(place))).collect();
    card.origin.groups = (0..1000).map(|place| (text(place), text(place))).collect();
    let report = &mut card.report;
    report.inputs = (0..MANY).map(|place| input(&text(place), &text(place), 0.1)).collect();
    report.importance = (0..MANY).map(|place| importance(&text(place), 1.0 / f64::from(place + 1), 0.01)).collect();
    let (epoch, trial) = (report.epochs[0].clone(), report.trials[0].clone());
    report.epochs = (1..=MANY).map(|number| mlsys_training::EpochReport { epoch: number, ..epoch.clone() }).collect();
    report.trials = (1..=MANY / 10)
        .map(|number| {
            let values = (0..20).map(|place| (text(place), Value::String(text(place)))).collect();
            mlsys_training::TrialReport { trial: number, values, failure: Some(text(number)), ..trial.clone() }
        })
        .collect();
    let fold = report.folds[0].clone();
    report.folds = (1..=MANY).map(|number| mlsys_training::FoldReport { fold: number, ..fold.clone() }).collect();
    for part in report.parts.values_mut() {
        part.metrics.0 = (0..200)
            .map(|place| Score { metric: text(place), value: -1e300, interval: Some((-1e300, 1e300)) })
            .collect();
        part.baselines = (0..200).map(|place| (text(place), part.metrics.clone())).collect();
        part.slices = (0..MANY).map(|place| slice(&text(place), u64::from(place), 0.7, 0.1)).collect();
        for (each, place) in part.slices.iter_mut().zip(0..) {
            each.column = text(place / 5000);
            each.metrics.0.truncate(1);
            each.metrics.0[0].metric = text(place / 5000);
        }
        let curves = part.curves.as_mut().unwrap();
        curves.roc = (0..MANY).map(|place| (f64::from(place) / f64::from(MANY), 0.123_456_789)).collect();
        curves.precision_recall.clone_from(&curves.roc);
        curves.reliability = vec![Bin { predicted: 0.123_456, actual: 0.5, rows: u64::MAX }; 100_000];
        curves.predicted = vec![Bar { from: 0.1, to: 0.2, rows: 1 << 50 }; 100_000];
        curves.confusion = vec![vec![u64::from(MANY); 500]; 500];
    }
    card
}

#[test]
fn any_card_is_written_below_a_megabyte() {
    let card = huge();
    let began = Instant::now();
    let (page, text) = (mlsys_report::html(&card), mlsys_report::card(&card));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(page.len() < MEGABYTE, "a page of {} bytes", page.len());
    assert!(text.len() < MEGABYTE, "a card of {} bytes", text.len());
    for counted in
        ["and 99,970 more", "and 99,700 more", "and 4,970 more with fewer examples", "and 9,960 more", "and 980 more"]
    {
        assert!(page.contains(counted) && text.contains(counted), "{counted}");
    }
}
