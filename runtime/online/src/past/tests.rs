//! Pasts against an oracle that keeps every row in a list, and against themselves written and read.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use mlsys_aggregates::{Parameter, Parameters, by_name};
use mlsys_plan::Window;
use proptest::prelude::*;

use super::{Added, Past};
use crate::error::OnlineError;
use crate::layout::{Frame, Kept, Layout, Measure, Order};
use crate::rows::Rows;
use crate::stores::{Part, Parts};

mod golden;

/// A row as the oracle has it: `order` is its key, `number` tells in which order rows came.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    at: i64,
    order: i64,
    number: usize,
    amount: Option<f64>,
    count: Option<i64>,
    text: Option<String>,
    flag: Option<bool>,
}

const AMOUNT: usize = 0;
const COUNT: usize = 1;
const TEXT: usize = 2;
const FLAG: usize = 3;

fn frames() -> Vec<Frame> {
    let range = |width| Frame::of(Window::Range { width });
    vec![
        Frame::of(Window::All),
        range(7),
        range(40),
        Frame { offset: 5, ..range(10) },
        Frame { step: Some(6), ..range(20) },
        Frame { step: Some(4), offset: 3, ..range(9) },
        Frame::of(Window::Last { rows: 3 }),
        Frame { offset: 4, ..Frame::of(Window::Last { rows: 5 }) },
        Frame { offset: 8, ..Frame::of(Window::All) },
    ]
}

/// Aggregates with a result that the oracle computes by hand.
const CALLS: [(&str, Option<usize>); 13] = [
    ("count", None),
    ("count", Some(FLAG)),
    ("sum", Some(AMOUNT)),
    ("sum", Some(COUNT)),
    ("mean", Some(AMOUNT)),
    ("min", Some(COUNT)),
    ("max", Some(AMOUNT)),
    ("first", Some(TEXT)),
    ("last", Some(TEXT)),
    ("last_n", Some(COUNT)),
    ("count_distinct", Some(TEXT)),
    ("median", Some(AMOUNT)),
    ("any", Some(FLAG)),
];

/// Blocks of a few rows, so that a test has many of them.
const BLOCK: usize = 6;

fn layout(is_keyed: bool) -> Layout {
    let calls = |frame: Frame| {
        let measure = move |(name, argument): (&str, Option<usize>)| {
            let parameters = Parameters::new();
            let parameters = if name == "last_n" { parameters.with("n", Parameter::Integer(2)) } else { parameters };
            Measure { kernel: by_name(name).unwrap(), argument, parameters, frame }
        };
        CALLS.into_iter().map(measure)
    };
    let kept = Kept {
        keys: vec![DataType::Int64],
        arguments: vec![DataType::Float64, DataType::Int64, DataType::Utf8, DataType::Boolean],
        order: vec![Order::Column(DataType::Int64)],
        is_keyed,
        measures: frames().into_iter().flat_map(calls).collect(),
    };
    Layout::new(kept).unwrap()
}

fn rows(layout: &Layout, rows: &[Row]) -> Rows {
    let instants = rows.iter().map(|row| Some(row.at)).collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    let arguments: Vec<ArrayRef> = vec![
        Arc::new(rows.iter().map(|row| row.amount).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|row| row.count).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.text.clone()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.flag).collect::<BooleanArray>()),
    ];
    let order: ArrayRef = Arc::new(rows.iter().map(|row| row.order).collect::<Int64Array>());
    Rows::new(layout, &(Arc::new(instants) as ArrayRef), &arguments, &[order]).unwrap()
}

/// The rows that a frame sees at a moment, in order.
fn seen<'a>(all: &'a [Row], frame: &Frame, at: i64) -> Vec<&'a Row> {
    let end = at - frame.offset;
    let mut rows: Vec<&Row> = all.iter().filter(|row| row.at < end).collect();
    rows.sort_by_key(|row| (row.at, row.order, row.number));
    match frame.window {
        Window::All => rows,
        Window::Last { rows: last } => rows.split_off(rows.len().saturating_sub(last as usize)),
        Window::Range { width } => {
            let begin = end - width;
            let begin = frame.step.map_or(begin, |step| begin.div_euclid(step) * step);
            rows.into_iter().filter(|row| row.at >= begin).collect()
        }
    }
}

/// A result in a form that is compared: floats within 1e-9.
#[derive(Debug)]
enum Answer {
    Missing,
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
    Ints(Vec<i64>),
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Answer::Missing, Answer::Missing) => true,
            (Answer::Int(one), Answer::Int(other)) => one == other,
            (Answer::Float(one), Answer::Float(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1.0),
            (Answer::Text(one), Answer::Text(other)) => one == other,
            (Answer::Bool(one), Answer::Bool(other)) => one == other,
            (Answer::Ints(one), Answer::Ints(other)) => one == other,
            _ => false,
        }
    }
}

fn answer(column: &ArrayRef) -> Answer {
    assert_eq!(column.len(), 1);
    if column.is_null(0) {
        return Answer::Missing;
    }
    match column.data_type() {
        DataType::Int64 => Answer::Int(column.as_primitive::<Int64Type>().value(0)),
        DataType::Float64 => Answer::Float(column.as_primitive::<Float64Type>().value(0)),
        DataType::Utf8 => Answer::Text(column.as_string::<i32>().value(0).to_owned()),
        DataType::Boolean => Answer::Bool(column.as_boolean().value(0)),
        DataType::List(_) => {
            let items = column.as_any().downcast_ref::<ListArray>().unwrap().value(0);
            Answer::Ints(items.as_primitive::<Int64Type>().values().to_vec())
        }
        other => panic!("{other}"),
    }
}

/// What an aggregate of rows in order comes to, by hand.
#[expect(clippy::cast_precision_loss, reason = "numbers are small")]
fn expected(name: &str, argument: Option<usize>, rows: &[&Row]) -> Answer {
    let mut amounts: Vec<f64> = rows.iter().filter_map(|row| row.amount).collect();
    let mut counts: Vec<i64> = rows.iter().filter_map(|row| row.count).collect();
    let texts: Vec<&String> = rows.iter().filter_map(|row| row.text.as_ref()).collect();
    let flags: Vec<bool> = rows.iter().filter_map(|row| row.flag).collect();
    let int = |value: usize| Answer::Int(i64::try_from(value).unwrap());
    let or_missing = |value: Option<Answer>| value.unwrap_or(Answer::Missing);
    match (name, argument) {
        ("count", None) => int(rows.len()),
        ("count", _) => int(flags.len()),
        ("sum", Some(AMOUNT)) => Answer::Float(amounts.iter().sum()),
        ("sum", _) => Answer::Int(counts.iter().sum()),
        ("mean", _) if amounts.is_empty() => Answer::Missing,
        ("mean", _) => Answer::Float(amounts.iter().sum::<f64>() / amounts.len() as f64),
        ("min", _) => or_missing(counts.iter().min().map(|value| Answer::Int(*value))),
        ("max", _) => or_missing(amounts.iter().copied().reduce(f64::max).map(Answer::Float)),
        ("first", _) => or_missing(texts.first().map(|text| Answer::Text((*text).clone()))),
        ("last", _) => or_missing(texts.last().map(|text| Answer::Text((*text).clone()))),
        ("last_n", _) if counts.is_empty() => Answer::Missing,
        ("last_n", _) => Answer::Ints(counts.split_off(counts.len().saturating_sub(2))),
        ("count_distinct", _) => int(texts.iter().collect::<std::collections::BTreeSet<_>>().len()),
        ("median", _) if amounts.is_empty() => Answer::Missing,
        ("median", _) => {
            amounts.sort_unstable_by(f64::total_cmp);
            Answer::Float(f64::midpoint(amounts[(amounts.len() - 1) / 2], amounts[amounts.len() / 2]))
        }
        ("any", _) if flags.is_empty() => Answer::Missing,
        ("any", _) => Answer::Bool(flags.contains(&true)),
        other => panic!("{other:?}"),
    }
}

fn check(past: &Past, layout: &Layout, all: &[Row], at: i64) -> Result<(), TestCaseError> {
    let found = past.features(layout, at).unwrap();
    let measures = frames().into_iter().flat_map(|frame| CALLS.map(|call| (frame, call)));
    for ((frame, (name, argument)), column) in measures.zip(&found) {
        let wanted = expected(name, argument, &seen(all, &frame, at));
        prop_assert_eq!(answer(column), wanted, "{} of {:?} over {:?} at {}", name, argument, frame, at);
    }
    Ok(())
}

/// A step of a test.
#[derive(Clone, Debug)]
enum Step {
    /// A row comes, so much before the latest instant, and at most so late as is allowed.
    Add { back: i64, order: i64, amount: Option<f64>, count: Option<i64>, text: Option<u8>, flag: Option<bool> },
    /// So much time passes.
    Pass(i64),
    /// One of the rows that may still leave does.
    Remove(usize),
    /// Rows that nothing sees any more are forgotten.
    Forget,
    /// Features are asked for, so much after the watermark.
    Ask(i64),
    /// What has changed is stored, and perhaps everything is read from there.
    Store(bool),
}

/// How late rows come.
const LATENESS: i64 = 30;

fn step() -> impl Strategy<Value = Step> {
    let amount = prop::option::weighted(0.8, (-1000_i64..1000).prop_map(|value| f64::from(value as i32) / 8.0 + 0.1));
    let count = prop::option::weighted(0.7, -9_i64..9);
    let text = prop::option::weighted(0.8, 0_u8..4);
    let flag = prop::option::weighted(0.4, any::<bool>());
    let back = prop_oneof![4 => Just(0), 2 => 0..LATENESS];
    let add = (back, 0_i64..4, amount, count, text, flag)
        .prop_map(|(back, order, amount, count, text, flag)| Step::Add { back, order, amount, count, text, flag });
    prop_oneof![
        12 => add,
        4 => (0_i64..6).prop_map(Step::Pass),
        // So long that few rows, or none, are in a window.
        1 => (20_i64..200).prop_map(Step::Pass),
        1 => any::<usize>().prop_map(Step::Remove),
        1 => Just(Step::Forget),
        2 => (0_i64..80).prop_map(Step::Ask),
        1 => any::<bool>().prop_map(Step::Store),
    ]
}

/// A past, the oracle's rows, and what is stored.
struct Run {
    layout: Layout,
    past: Past,
    all: Vec<Row>,
    stored: std::collections::BTreeMap<Part, Vec<u8>>,
    now: i64,
    /// No row before it comes or goes.
    watermark: i64,
    came: usize,
}

impl Run {
    fn new(is_keyed: bool, block: usize) -> Self {
        let (past, stored) = (Past::new(), std::collections::BTreeMap::new());
        let mut layout = layout(is_keyed);
        layout.block = block;
        // Before 1970 at first.
        Run { layout, past, all: Vec::new(), stored, now: -50, watermark: -50 - LATENESS, came: 0 }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Pass(time) => self.now += time,
            Step::Add { back, order, amount, count, text, flag } => {
                let at = (self.now - back).max(self.watermark);
                let text = text.map(|text| format!("t{text}"));
                let (amount, count, flag) = (*amount, *count, *flag);
                self.came += 1;
                self.add(Row { at, order: *order, number: self.came, amount, count, text, flag })?;
            }
            Step::Remove(which) => {
                let may: Vec<usize> = (0..self.all.len()).filter(|row| self.all[*row].at >= self.watermark).collect();
                if let Some(row) = may.get(which % may.len().max(1)) {
                    self.remove(*row)?;
                }
            }
            Step::Forget => {
                self.watermark = self.watermark.max(self.now - LATENESS);
                self.past.forget(&self.layout, self.watermark).unwrap();
            }
            Step::Ask(after) => check(&self.past, &self.layout, &self.all, self.watermark + after)?,
            Step::Store(reads) => self.store(*reads),
        }
        Ok(())
    }

    fn add(&mut self, row: Row) -> Result<(), TestCaseError> {
        let known = self.all.iter().position(|one| (one.at, one.order) == (row.at, row.order));
        let known = known.filter(|_| self.layout.is_keyed);
        let outcome = self.past.add(&self.layout, &rows(&self.layout, std::slice::from_ref(&row)), 0);
        prop_assert_eq!(outcome, if known.is_some() { Added::Instead } else { Added::New });
        match known {
            Some(known) => self.all[known] = row,
            None => self.all.push(row),
        }
        Ok(())
    }

    /// Removes the first of the rows that are identified as this one is.
    fn remove(&mut self, row: usize) -> Result<(), TestCaseError> {
        let row = self.all[row].clone();
        prop_assert!(self.past.remove(&rows(&self.layout, std::slice::from_ref(&row)), 0));
        let same = |one: &(usize, &Row)| (one.1.at, one.1.order) == (row.at, row.order);
        let first = self.all.iter().enumerate().filter(same).min_by_key(|(_, one)| one.number).map(|(index, _)| index);
        self.all.remove(first.unwrap());
        Ok(())
    }

    fn store(&mut self, reads: bool) {
        let changes = self.past.changes(&self.layout);
        for part in changes.deletes {
            self.stored.remove(&part);
        }
        self.stored.extend(changes.puts);
        if reads {
            let parts: Parts = self.stored.clone().into_iter().collect();
            self.past = Past::read(&self.layout, &parts).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever comes, leaves, is forgotten, stored and read: features are those of the rows that a window sees.
    #[test]
    fn features_are_those_of_the_rows(is_keyed: bool, steps in prop::collection::vec(step(), 1..100)) {
        let mut run = Run::new(is_keyed, BLOCK);
        for step in &steps {
            run.take(step)?;
        }
        for after in [0, 7, 1_000] {
            run.take(&Step::Ask(after))?;
        }
    }

    /// Bytes that are no state are refused, and never more than that.
    #[test]
    fn corrupted_bytes_are_refused(
        steps in prop::collection::vec(step(), 1..60),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: prop::sample::Index,
    ) {
        let mut run = Run::new(false, BLOCK);
        for step in &steps {
            run.take(step)?;
        }
        run.store(false);
        let mut parts: Parts = run.stored.clone().into_iter().collect();
        prop_assume!(!parts.is_empty());
        for (part, byte, value) in changes {
            let bytes = part.get_mut(&mut parts);
            let byte = byte.index(bytes.1.len());
            bytes.1[byte] = value;
        }
        if let Ok(past) = Past::read(&run.layout, &parts) {
            let _ = past.features(&run.layout, 10);
        }
        let bytes = &mut parts[0].1;
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(Past::read(&run.layout, &parts).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let layout = layout(true);
        for part in [Part::Head, Part::Rows { block: 0, part: 0 }] {
            let _ = Past::read(&layout, &vec![(part, [&[1], bytes.as_slice()].concat())]);
            let _ = Past::read(&layout, &vec![(part, bytes.clone())]);
        }
    }
}

fn row(at: i64, order: i64) -> Row {
    Row { at, order, number: 0, amount: Some(1.5), count: Some(at), text: None, flag: None }
}

/// Rows enough for many blocks, in disorder, so that blocks are split and their summaries made anew.
#[test]
fn many_rows_in_disorder_are_those_of_the_oracle() {
    for is_keyed in [true, false] {
        let mut run = Run::new(is_keyed, layout(true).block);
        let mut seed = 7_u64;
        for number in 0..1_500_usize {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let late = i64::try_from((seed >> 33) % 300).unwrap();
            let at = i64::try_from(number).unwrap() / 3 - late * i64::from(number % 4 == 0);
            run.came += 1;
            run.add(Row { number: run.came, ..row(at, i64::try_from(number % 5).unwrap()) }).unwrap();
            if number % 97 == 0 {
                run.store(number % 2 == 0);
                check(&run.past, &run.layout, &run.all, at + 1).unwrap();
            }
        }
        assert!(run.past.blocks.len() > 5);
        for at in [-400, 0, 3, 77, 499, 2_000] {
            check(&run.past, &run.layout, &run.all, at).unwrap();
        }
    }
}

#[test]
fn rows_before_those_that_have_left_are_told_apart() {
    let layout = layout(true);
    let mut past = Past::new();
    let come: Vec<Row> = (0..400).map(|at| row(at, 0)).collect();
    let come = rows(&layout, &come);
    (0..400).for_each(|index| assert_eq!(past.add(&layout, &come, index), Added::New));
    past.forget(&layout, 300).unwrap();
    assert!(past.len() < 400 && past.len() >= 100 + 40);
    assert_eq!(past.add(&layout, &come, 10), Added::TooLate);
    assert!(!past.remove(&come, 10));
    let error = past.features(&layout, 100).unwrap_err();
    assert!(matches!(error, OnlineError::Forgotten { at: 100, .. }), "{error}");
    let all = answer(&past.features(&layout, 300).unwrap()[0]);
    assert_eq!(all, Answer::Int(300));
}

#[test]
fn an_entity_of_which_nothing_can_be_seen_is_gone() {
    let measure = Measure {
        kernel: by_name("count").unwrap(),
        argument: None,
        parameters: Parameters::new(),
        frame: Frame::of(Window::Range { width: 10 }),
    };
    let kept = Kept {
        keys: vec![DataType::Int64],
        arguments: Vec::new(),
        order: Vec::new(),
        is_keyed: false,
        measures: vec![measure],
    };
    let layout = Layout::new(kept).unwrap();
    let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("UTC"));
    let rows = Rows::new(&layout, &instants, &[], &[]).unwrap();
    let mut past = Past::new();
    past.add(&layout, &rows, 0);
    past.add(&layout, &rows, 1);
    assert_eq!(past.changes(&layout).puts.len(), 1);
    past.forget(&layout, 13).unwrap();
    let changes = past.changes(&layout);
    assert!(past.is_empty() && changes.puts.is_empty());
    assert_eq!(changes.deletes, [Part::Rows { block: 0, part: 0 }, Part::Head]);
}

#[test]
fn columns_of_other_types_are_refused() {
    let layout = layout(true);
    let instants: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let error = Rows::new(&layout, &instants, &[], &[]).unwrap_err().to_string();
    assert_eq!(error, "the instant of rows is Int64, expected a timestamp in microseconds");
    let timestamps = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let missing = arrow::array::new_null_array(&timestamps, 2);
    assert!(Rows::new(&layout, &missing, &[], &[]).unwrap_err().to_string().contains("missing in 2 rows"));
}
