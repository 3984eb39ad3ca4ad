//! Profiles of generated rows, whole and merged from parts, against the rows themselves; and their bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DurationMicrosecondArray, Float32Array, Int64Array, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use mlsys_plan::{Derived, Expr, ExprKind, Field, Source, Type, ValueType};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ColumnReport, Profile, ProfileFrom, Specials};

/// A column of each kind.
const COLUMNS: [&str; 8] = ["n", "x", "s", "flag", "at", "day", "took", "email"];

fn field(name: &str, ty: Type) -> Field {
    Field { name: name.to_owned(), ty: ty.optional(), default: None, pii: name == "email", line: 1 }
}

fn source() -> Source {
    let types = [
        Type::Int64,
        Type::Float32,
        Type::String,
        Type::Bool,
        Type::Timestamp,
        Type::Date,
        Type::Duration,
        Type::String,
    ];
    let schema = COLUMNS.into_iter().zip(types).map(|(name, ty)| field(name, ty)).collect();
    Source { name: "rides".to_owned(), schema, ..Source::default() }
}

/// A row from which every column has its value; a missing one leaves them all missing.
type Row = Option<i32>;

fn batch(rows: &[Row]) -> RecordBatch {
    let long = || rows.iter().map(|row| row.map(i64::from));
    let floats = rows.iter().map(|row| row.map(float));
    let columns: [ArrayRef; 8] = [
        Arc::new(long().collect::<Int64Array>()),
        Arc::new(floats.collect::<Float32Array>()),
        Arc::new(rows.iter().map(|row| row.map(text)).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.map(|value| value > 3)).collect::<BooleanArray>()),
        Arc::new(long().map(|value| value.map(instant)).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
        Arc::new(rows.iter().copied().collect::<Date32Array>()),
        Arc::new(long().collect::<DurationMicrosecondArray>()),
        Arc::new(rows.iter().map(|row| row.map(text)).collect::<StringArray>()),
    ];
    RecordBatch::try_from_iter_with_nullable(
        COLUMNS.into_iter().zip(columns).map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

/// Some are no finite numbers.
fn float(value: i32) -> f32 {
    match value {
        5 => f32::NAN,
        6 => f32::INFINITY,
        7 => f32::NEG_INFINITY,
        value => value as f32 / 4.0,
    }
}

fn text(value: i32) -> String {
    format!("é{}", value.rem_euclid(300))
}

fn instant(value: i64) -> i64 {
    1_700_000_000_000_000 + value * 1_000_001
}

fn profile(rows: &[Row]) -> Profile {
    let mut profile = Profile::new(&source());
    rows.chunks(100).for_each(|rows| profile.update(&batch(rows)).unwrap());
    profile
}

fn columns(profile: &Profile) -> BTreeMap<String, ColumnReport> {
    profile.report().columns.into_iter().map(|column| (column.name.clone(), column)).collect()
}

fn rows() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let value = prop_oneof![4 => (-20_i32..20).prop_map(Some), 2 => any::<i32>().prop_map(|value| Some(value >> 8)), 1 => Just(None)];
    prop::collection::vec(prop::collection::vec(value, 0..400), 1..4)
}

/// The value at rank `floor(q (n - 1))`.
fn at_rank<T: Copy>(sorted: &[T], q: f64) -> T {
    sorted[((sorted.len() - 1) as f64 * q) as usize]
}

fn number(value: &Option<Value>) -> Option<f64> {
    value.as_ref().and_then(Value::as_f64)
}

fn check_numbers(column: &ColumnReport, mut values: Vec<f64>) -> Result<(), TestCaseError> {
    values.sort_by(f64::total_cmp);
    prop_assert_eq!(number(&column.min), values.first().copied());
    prop_assert_eq!(number(&column.max), values.last().copied());
    prop_assert_eq!(column.histogram.iter().map(|bar| bar.count).sum::<u64>(), values.len() as u64);
    let scale = values.iter().fold(1.0, |scale: f64, value| scale.max(value.abs()));
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    match number(&column.mean) {
        Some(found) => prop_assert!((found - mean).abs() <= 1e-9 * scale, "{} for {}", found, mean),
        None => prop_assert!(values.is_empty()),
    }
    for (name, q) in [("p01", 0.01), ("p50", 0.5), ("p95", 0.95)] {
        let Some(found) = column.quantiles.get(name).and_then(Value::as_f64) else { continue };
        let exact = at_rank(&values, q);
        prop_assert!((found - exact).abs() <= exact.abs() * 0.010_000_001, "{} is {}, not {}", name, found, exact);
    }
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let deviation = (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt());
    match (column.stddev, deviation) {
        (Some(found), Some(exact)) => prop_assert!((found - exact).abs() <= 1e-7 * scale, "{} for {}", found, exact),
        (found, exact) => prop_assert_eq!(found, exact),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn profiles_agree_with_the_rows(parts in rows()) {
        // Parts are stored before they are merged.
        let mut merged = Profile::new(&source());
        for part in &parts {
            merged.merge(&Profile::read(&profile(part).write()).unwrap()).unwrap();
        }
        let all = parts.concat();
        let present: Vec<i32> = all.iter().flatten().copied().collect();
        let found = columns(&merged);
        for column in found.values() {
            prop_assert_eq!(column.nulls, Some((all.len() - present.len()) as u64), "{}", &column.name);
        }
        check_numbers(&found["n"], present.iter().map(|value| f64::from(*value)).collect())?;
        check_numbers(&found["took"], present.iter().map(|value| f64::from(*value) / 1e6).collect())?;
        let floats: Vec<f64> = present.iter().map(|value| f64::from(float(*value))).collect();
        check_numbers(&found["x"], floats.iter().copied().filter(|value| value.is_finite()).collect())?;
        let count = |wanted: i32| present.iter().filter(|value| **value == wanted).count() as u64;
        let specials = Specials { nan: count(5), infinite: count(6), negative_infinite: count(7) };
        prop_assert_eq!(found["x"].specials, (specials != Specials::default()).then_some(specials));
        check_texts(&found["s"], &present)?;
        let yes = present.iter().filter(|value| **value > 3).count();
        let share = (!present.is_empty()).then(|| yes as f64 / present.len() as f64);
        prop_assert_eq!(number(&found["flag"].mean), share);
    }

    #[test]
    fn a_profile_of_parts_is_that_of_the_whole(parts in rows()) {
        let mut merged = Profile::new(&source());
        parts.iter().for_each(|part| merged.merge(&profile(part)).unwrap());
        let whole = profile(&parts.concat());
        prop_assert_eq!((merged.rows(), whole.rows()), (parts.concat().len() as u64, merged.rows()));
        for (one, other) in merged.report().columns.into_iter().zip(whole.report().columns) {
            // Means and deviations are rounded differently.
            let exact = |column: ColumnReport| ColumnReport { mean: None, stddev: None, ..column };
            let lengths = (one.lengths, other.lengths);
            prop_assert_eq!(exact(one), exact(other));
            prop_assert_eq!(lengths.0, lengths.1);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(place in 0_usize..2000, flip in 1_u8..=255) {
        let mut bytes = profile(&[Some(1), None, Some(-700), Some(5)]).write();
        let place = place % bytes.len();
        bytes[place] ^= flip;
        if let Ok(mut found) = Profile::read(&bytes) {
            let _ = found.merge(&found.clone());
            found.report();
        }
        prop_assert!(Profile::read(&bytes[..place]).is_err());
    }
}

fn check_texts(column: &ColumnReport, present: &[i32]) -> Result<(), TestCaseError> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    present.iter().for_each(|value| *counts.entry(text(*value)).or_default() += 1);
    let distinct = column.distinct.unwrap_or_default() as f64;
    prop_assert!((distinct - counts.len() as f64).abs() <= 2.0 + counts.len() as f64 * 0.1);
    for top in &column.top {
        let exact = counts[&top.value];
        prop_assert!(top.count <= exact && exact <= top.most.unwrap_or(top.count), "{:?} is {}", top, exact);
    }
    let lengths: Vec<usize> = present.iter().map(|value| text(*value).chars().count()).collect();
    let found = column.lengths.map(|lengths| (lengths.min, lengths.max));
    let least = lengths.iter().min().zip(lengths.iter().max());
    prop_assert_eq!(found, least.map(|(least, most)| (*least as u64, *most as u64)));
    Ok(())
}

#[test]
fn instants_are_told_as_the_language_writes_them() {
    let rows: Vec<Row> = (0..=1000).map(Some).collect();
    let found = columns(&profile(&rows));
    let (at, day) = (&found["at"], &found["day"]);
    assert_eq!((&at.min, &at.max), (&Some(json!("2023-11-14T22:13:20Z")), &Some(json!("2023-11-14T22:30:00.001000Z"))));
    assert_eq!(
        (&day.min, &day.max, &day.quantiles["p50"]),
        (&Some(json!("1970-01-01")), &Some(json!("1972-09-27")), &json!("1971-05-16"))
    );
    assert_eq!(found["took"].max, Some(json!(0.001)));
}

/// Personal data has counts only, and so has what is computed from it or looked up.
#[test]
fn personal_data_leaves_no_value() {
    let mut source = source();
    let derived = |name: &str, kind| Derived {
        name: name.to_owned(),
        expr: Expr { kind, ty: ValueType { ty: Type::String, nullable: true } },
    };
    let column = |name: &str| ExprKind::Column { name: name.to_owned() };
    let key = Expr::column("n", Type::Int64.optional());
    source.derived = vec![
        derived("copy", column("email")),
        derived("again", column("copy")),
        derived("plain", column("s")),
        derived(
            "looked_up",
            ExprKind::Lookup { table: "users".to_owned(), keys: vec![key], column: "city".to_owned() },
        ),
    ];
    let rows = batch(&[Some(1), Some(2), Some(2), None]);
    let texts = Arc::clone(rows.column(2));
    let mut fields: Vec<(String, ArrayRef)> =
        COLUMNS.iter().zip(rows.columns()).map(|(name, column)| ((*name).to_owned(), Arc::clone(column))).collect();
    fields.extend(["copy", "again", "plain", "looked_up"].map(|name| (name.to_owned(), Arc::clone(&texts))));
    let rows = RecordBatch::try_from_iter_with_nullable(fields.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap();
    let mut profile = Profile::new(&source);
    profile.update(&rows).unwrap();
    let found = columns(&profile);
    for name in ["email", "copy", "again", "looked_up"] {
        let expected = ColumnReport {
            name: name.to_owned(),
            ty: "string?".to_owned(),
            pii: true,
            nulls: Some(1),
            distinct: Some(2),
            ..ColumnReport::default()
        };
        assert_eq!(found[name], expected);
    }
    assert!(!found["plain"].pii && found["plain"].top[0].value == "é2");
}

#[test]
fn what_cannot_be_profiled_is_counted() {
    let mut source = source();
    source.schema = vec![field("tags", Type::List(Box::new(Type::Int64)))];
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None]);
    let rows = RecordBatch::try_from_iter_with_nullable([("tags", Arc::new(lists) as ArrayRef, true)]).unwrap();
    let mut profile = Profile::new(&source);
    profile.update(&rows).unwrap();
    let report = Profile::read(&profile.write()).unwrap().report();
    assert_eq!((report.from, report.rows, report.columns[0].nulls), (ProfileFrom::Rows, 2, Some(1)));
    assert!(profile.update(&batch(&[None])).is_err());
    assert!(profile.merge(&Profile::new(&self::source())).is_err());
}

/// What was written once is read for ever: a version that writes something else keeps these bytes, still reads them, and
/// adds its own.
#[test]
fn bytes_do_not_change() {
    let written = profile(&[Some(1), None, Some(-700), Some(5), Some(1)]).write();
    let found: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
    let golden = include_str!("golden.txt").trim();
    assert_eq!(found, golden);
    let error = Profile::read(b"MLSP\x02").unwrap_err();
    assert_eq!(error.code(), "E0911");
    assert!(error.message().contains("its version is not known"), "{}", error.message());
}
