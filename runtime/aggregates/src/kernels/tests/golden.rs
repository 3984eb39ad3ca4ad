//! The byte form of every kernel: what was written once is read for ever. A version that writes something else keeps these
//! lines, still reads them, and adds its own.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, DurationMicrosecondArray, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use proptest::prelude::*;

use super::{by_name, kernels, parameters};
use crate::error::AggregateError;
use crate::input::{Input, Parameters};
use crate::kernel::Kernel;
use crate::summary::Summary;

/// Lines of a kernel, a column, how many of its first rows were summarised, and the bytes.
const GOLDEN: &str = include_str!("golden.txt");

fn golden() -> impl Iterator<Item = (&'static str, &'static str, usize, &'static str)> {
    GOLDEN.lines().map(|line| {
        let parts: Vec<&str> = line.split(' ').collect();
        (parts[0], parts[1], parts[2].parse().unwrap(), parts[3])
    })
}

/// The columns that the lines name; rows are a second apart.
fn column(name: &str) -> ArrayRef {
    match name {
        "floats" => Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-2.0), Some(1e10), Some(1.5), Some(0.0)])),
        "specials" => Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324])),
        "integers" => Arc::new(Int64Array::from(vec![Some(3), None, Some(i64::MIN), Some(3), Some(-1)])),
        "truths" => Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
        "texts" => Arc::new(StringArray::from(vec![Some("b"), None, Some("é"), Some(""), Some("b")])),
        "times" => Arc::new(TimestampMicrosecondArray::from(vec![-1, 1_700_000_000_000_000]).with_timezone("UTC")),
        "durations" => Arc::new(DurationMicrosecondArray::from(vec![1, 2, -8])),
        other => unreachable!("{other}"),
    }
}

/// The columns over which each kernel is written down.
fn columns(kernel: &dyn Kernel) -> Vec<&'static str> {
    let names = ["floats", "specials", "integers", "truths", "texts", "times", "durations"];
    let defined = |name: &&str| kernel.output(Some(column(name).data_type())).is_some();
    if kernel.output(None).is_some() { vec!["rows"] } else { names.into_iter().filter(defined).collect() }
}

fn input<'a>(column: Option<&'a ArrayRef>, parameters: &'a Parameters) -> Input<'a> {
    Input { argument: column.map(|column| column.data_type()), parameters, windows: &[] }
}

/// The argument of a line, and the rows that are counted or summarised.
fn rows(name: &str) -> (Option<ArrayRef>, ArrayRef) {
    if name == "rows" { (None, column("texts")) } else { (Some(column(name)), column(name)) }
}

fn summary(kernel: &dyn Kernel, name: &str, length: usize) -> Box<dyn Summary> {
    let (argument, rows) = rows(name);
    let mut summary = kernel.summary(&input(argument.as_ref(), &parameters())).unwrap();
    let times: Vec<i64> = (0..length).map(|row| 1_700_000_000_000_000 + row as i64 * 1_000_000).collect();
    summary.update(&rows.slice(0, length), &times).unwrap();
    summary
}

fn read(kernel: &dyn Kernel, name: &str, bytes: &[u8]) -> Result<Box<dyn Summary>, AggregateError> {
    kernel.read(&input(rows(name).0.as_ref(), &parameters()), bytes)
}

fn bytes_of(summary: &dyn Summary) -> Vec<u8> {
    let mut bytes = Vec::new();
    summary.write(&mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

#[test]
fn what_is_written_has_not_changed() {
    let mut missing = Vec::new();
    for kernel in kernels() {
        for name in columns(*kernel) {
            for length in [0, rows(name).1.len()] {
                let text = hex(&bytes_of(summary(*kernel, name, length).as_ref()));
                let line = (kernel.name(), name, length, text.as_str());
                if !golden().any(|known| known == line) {
                    missing.push(format!("{} {name} {length} {text}", kernel.name()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "lines to add to those that are there:\n{}", missing.join("\n"));
}

#[test]
fn what_was_written_is_read() {
    for (kernel, name, length, text) in golden() {
        let kernel = by_name(kernel).unwrap();
        let read = read(kernel, name, &unhex(text)).unwrap();
        let (found, expected) = (read.finish(Some(1)), summary(kernel, name, length).finish(Some(1)));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}"),
            (found, expected) => assert_eq!(found.is_err(), expected.is_err(), "{text}"),
        }
    }
}

/// Whatever the bytes are, the state may be used.
fn use_all(kernel: &dyn Kernel, name: &str, bytes: &[u8]) {
    let Ok(mut found) = read(kernel, name, bytes) else { return };
    let other = read(kernel, name, bytes).unwrap();
    found.merge(other.as_ref()).unwrap();
    let full = summary(kernel, name, rows(name).1.len());
    let _ = found.merge(full.as_ref());
    let _ = found.finish(Some(1));
    bytes_of(found.as_ref());
}

#[test]
fn truncated_and_foreign_bytes_are_refused() {
    for (name, column, _, text) in golden() {
        let (kernel, bytes) = (by_name(name).unwrap(), unhex(text));
        for length in 0..bytes.len() {
            assert!(read(kernel, column, &bytes[..length]).is_err(), "{name} {column} {length}");
        }
        for (place, reason) in [(0, "its version is not known"), (1, "another aggregate"), (2, "another type")] {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0x40;
            let error = read(kernel, column, &bytes).err().unwrap().to_string();
            assert!(error.starts_with(&format!("this is no state of `{name}`")) && error.contains(reason), "{error}");
        }
        let long = [&bytes[..], &[0]].concat();
        assert!(read(kernel, column, &long).is_err(), "{name} {column}");
    }
}

#[test]
fn corrupted_bytes_do_no_harm() {
    for (name, column, _, text) in golden() {
        let (kernel, bytes) = (by_name(name).unwrap(), unhex(text));
        for place in 3..bytes.len() {
            for flip in [1, 2, 0x10, 0x40, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[place] ^= flip;
                use_all(kernel, column, &bytes);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(tail in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..4, Just(0xff)], 0..60)) {
        for kernel in kernels() {
            for column in columns(*kernel) {
                let mut bytes = bytes_of(summary(*kernel, column, 0).as_ref());
                bytes.truncate(3);
                bytes.extend_from_slice(&tail);
                use_all(*kernel, column, &bytes);
            }
        }
    }
}
