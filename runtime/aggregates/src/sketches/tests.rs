//! Sketches of generated values that were split, written, read and merged, against the values themselves; and their bytes,
//! which never change.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use proptest::prelude::*;

use super::{Bins, DifferentTexts, Distinct, Frequent, Moments, Quantiles};
use crate::bytes::Reader;
use crate::error::AggregateError;

/// What all sketches can do.
trait Sketch: Clone + Sized {
    fn empty() -> Self;
    fn merge(&mut self, other: &Self);
    fn write(&self, out: &mut Vec<u8>);
    fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError>;
}

macro_rules! sketches {
    ($($name:ident),*) => {$(
        impl Sketch for $name {
            fn empty() -> Self {
                $name::default()
            }
            fn merge(&mut self, other: &Self) {
                $name::merge(self, other);
            }
            fn write(&self, out: &mut Vec<u8>) {
                $name::write(self, out);
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
                $name::read(reader)
            }
        }
    )*};
}

sketches!(Bins, Distinct, Frequent, Quantiles);

fn bytes_of<S: Sketch>(sketch: &S) -> Vec<u8> {
    let mut bytes = Vec::new();
    sketch.write(&mut bytes);
    bytes
}

fn read<S: Sketch>(bytes: &[u8]) -> Result<S, AggregateError> {
    let mut reader = Reader::new("sketch", bytes);
    let sketch = S::read(&mut reader)?;
    reader.end().map(|()| sketch)
}

/// The sketch of all parts, each of which was stored, merged one after the other and stored again.
fn merged<S: Sketch, T>(parts: &[Vec<T>], sketch: impl Fn(&[T]) -> S) -> S {
    parts.iter().fold(S::empty(), |mut all, part| {
        all.merge(&read(&bytes_of(&sketch(part))).unwrap());
        read(&bytes_of(&all)).unwrap()
    })
}

fn quantiles(values: &[f64]) -> Quantiles {
    let mut sketch = Quantiles::default();
    values.chunks(7).for_each(|batch| sketch.add(batch));
    sketch
}

fn bins(values: &[i64]) -> Bins {
    let mut sketch = Bins::default();
    values.chunks(900).for_each(|batch| sketch.add(batch));
    sketch
}

fn column(texts: &[String]) -> StringArray {
    texts.iter().map(|text| (!text.is_empty()).then_some(text)).collect()
}

fn frequent(texts: &[String]) -> Frequent {
    let mut sketch = Frequent::default();
    texts.chunks(500).for_each(|batch| sketch.add(&DifferentTexts::of(&column(batch))));
    sketch
}

fn distinct(texts: &[String]) -> Distinct {
    let mut sketch = Distinct::default();
    texts.chunks(500).for_each(|batch| sketch.add_texts(&DifferentTexts::of(&column(batch))));
    sketch
}

/// The value at rank `floor(q (n - 1))`.
fn at_rank<T: Copy>(sorted: &[T], q: f64) -> T {
    sorted[((sorted.len() - 1) as f64 * q) as usize]
}

/// Names of which some are much more frequent than others; no text stands for a missing one.
fn names(most: u32) -> impl Strategy<Value = Vec<Vec<String>>> {
    let name = (0..most, 0..most).prop_map(move |(one, other)| match one.min(other) {
        0 => String::new(),
        // Few are too long to be counted.
        7 => "é".repeat(200),
        name => format!("name {name}"),
    });
    prop::collection::vec(prop::collection::vec(name, 0..1500), 1..4)
}

fn exact_counts(texts: &[String]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    texts.iter().filter(|text| !text.is_empty()).for_each(|text| *counts.entry(text.as_str()).or_default() += 1);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn quantiles_are_within_one_percent(
        parts in prop::collection::vec(prop::collection::vec(-1e9..1e9_f64, 0..200), 1..4),
        q in 0.0..=1.0_f64,
    ) {
        let (all, sketch) = (parts.concat(), merged(&parts, quantiles));
        prop_assert_eq!(bytes_of(&sketch), bytes_of(&quantiles(&all)));
        prop_assert_eq!(sketch.count(), all.len() as u64);
        prop_assert_eq!(sketch.places().map(|(_, count)| count).sum::<u64>(), all.len() as u64);
        let mut sorted = all;
        sorted.sort_by(f64::total_cmp);
        let found = sketch.quantile(q);
        prop_assert_eq!(found.is_some(), !sorted.is_empty());
        if let Some(found) = found {
            let exact = at_rank(&sorted, q);
            prop_assert!((found - exact).abs() <= exact.abs() * 0.010_000_001, "{} is {}", found, exact);
        }
    }

    #[test]
    fn bins_are_those_of_all_values_and_as_narrow_as_said(
        parts in prop::collection::vec(prop::collection::vec(any::<i64>(), 0..6000), 1..4),
        shift in 0_u32..60,
        q in 0.0..=1.0_f64,
    ) {
        let parts: Vec<Vec<i64>> =
            parts.iter().map(|part| part.iter().map(|value| value >> shift).collect()).collect();
        let (all, sketch) = (parts.concat(), merged(&parts, bins));
        prop_assert_eq!(&sketch, &bins(&all));
        prop_assert_eq!(sketch.count(), all.len() as u64);
        let mut sorted = all;
        sorted.sort_unstable();
        if let (Some(found), Some(first), Some(last)) = (sketch.quantile(q), sorted.first(), sorted.last()) {
            prop_assert!(found.abs_diff(at_rank(&sorted, q)) <= sketch.width().div_ceil(2));
            prop_assert!(sketch.width() == 1 || sketch.width() < last.abs_diff(*first) / 2047);
        }
    }

    #[test]
    fn frequent_texts_are_within_the_bound(parts in names(3000)) {
        let (all, sketch) = (parts.concat(), merged(&parts, frequent));
        let exact = exact_counts(&all);
        prop_assert!(sketch.error() <= all.len() as u64 / 257, "{}", sketch.error());
        let counted = sketch.texts();
        prop_assert!(counted.is_sorted_by_key(|frequency| std::cmp::Reverse(frequency.least)));
        for frequency in &counted {
            let exact = exact[frequency.text];
            prop_assert!((frequency.least..=frequency.most).contains(&exact), "{:?} is {}", frequency, exact);
        }
        for (text, count) in exact.iter().filter(|(text, _)| text.len() <= 256) {
            let known = counted.iter().any(|frequency| frequency.text == *text);
            prop_assert!(known || *count <= sketch.error(), "{} has {}", text, count);
        }
    }

    #[test]
    fn few_texts_are_counted_exactly(parts in names(200)) {
        let (all, sketch) = (parts.concat(), merged(&parts, frequent));
        prop_assert_eq!(bytes_of(&sketch), bytes_of(&frequent(&all)));
        let found: BTreeMap<&str, u64> =
            sketch.texts().iter().map(|frequency| (frequency.text, frequency.most)).collect();
        let mut exact = exact_counts(&all);
        exact.retain(|text, _| text.len() <= 256);
        prop_assert_eq!(found, exact);
    }

    #[test]
    fn different_texts_are_about_counted(parts in names(3000)) {
        let (all, sketch) = (parts.concat(), merged(&parts, distinct));
        prop_assert_eq!(bytes_of(&sketch), bytes_of(&distinct(&all)));
        // Whole columns give the same sketch as their different texts.
        let mut whole = Distinct::default();
        let present: StringArray = column(&all).iter().flatten().map(Some).collect();
        whole.add(&(Arc::new(present) as ArrayRef)).unwrap();
        prop_assert_eq!(bytes_of(&whole), bytes_of(&sketch));
        let exact = exact_counts(&all).len() as f64;
        // Six standard errors.
        prop_assert!((sketch.estimate() as f64 - exact).abs() <= 1.0 + exact * 0.1, "{} of {}", sketch.estimate(), exact);
    }

    #[test]
    fn moments_agree_with_their_definition(
        parts in prop::collection::vec(prop::collection::vec(-1e6..1e6_f64, 1..100), 1..4),
    ) {
        let found = parts.iter().filter_map(|part| Moments::of(part)).reduce(Moments::merge).unwrap();
        let all = parts.concat();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let squares: f64 = all.iter().map(|value| (value - mean) * (value - mean)).sum();
        prop_assert!((found.mean() - mean).abs() < 1e-6);
        match found.deviation() {
            Some(deviation) => prop_assert!((deviation - (squares / (all.len() - 1) as f64).sqrt()).abs() < 1e-6),
            None => prop_assert_eq!(all.len(), 1),
        }
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..4, Just(0xff)], 0..80)) {
        use_all::<Bins>(&bytes);
        use_all::<Distinct>(&bytes);
        use_all::<Frequent>(&bytes);
        use_all::<Quantiles>(&bytes);
    }
}

/// Whatever the bytes are, the sketch may be used.
fn use_all<S: Sketch>(bytes: &[u8]) {
    if let Ok(mut sketch) = read::<S>(bytes) {
        sketch.merge(&sketch.clone());
        let again = bytes_of(&sketch);
        assert_eq!(bytes_of(&read::<S>(&again).unwrap()), again);
    }
}

/// What was written once is read for ever: a version that writes something else keeps these bytes, still reads them, and
/// adds its own.
#[test]
fn bytes_do_not_change() {
    let texts: Vec<String> = ["b", "", "é", "b", "a"].map(str::to_owned).into();
    let instants = [-3_600_000_000, 0, 0, 1_700_000_000_000_000];
    golden(&bins(&instants), "0003ff8f9de91a0180909de91a028080f2818389850601");
    golden(&distinct(&texts), "03fd0202870c02a00b01");
    golden(&frequent(&texts), "000301610101620202c3a901");
    golden(&quantiles(&[-2.5, 0.0, 0.0, 1e10]), "03dbf10401dcf1040280830501");
}

fn golden<S: Sketch>(sketch: &S, expected: &str) {
    let found: String = bytes_of(sketch).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, expected, "{}", std::any::type_name::<S>());
    let bytes: Vec<u8> =
        (0..expected.len()).step_by(2).map(|at| u8::from_str_radix(&expected[at..at + 2], 16).unwrap()).collect();
    assert_eq!(bytes_of(&read::<S>(&bytes).unwrap()), bytes);
    for length in 0..bytes.len() {
        assert!(read::<S>(&bytes[..length]).is_err(), "{length} bytes");
    }
}
