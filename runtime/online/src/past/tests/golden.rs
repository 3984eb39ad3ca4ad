//! The bytes of states as the first version wrote them: later versions still read them.

use super::{Row, Run, check, row};
use crate::past::Past;
use crate::stores::{Part, Parts};

/// A few rows of every kind, in two parts.
fn few() -> Run {
    let mut run = Run::new(true, 128);
    let text = Some("é".to_owned());
    run.add(Row { text, flag: Some(true), ..row(-7_000_000, 3) }).unwrap();
    run.add(Row { amount: None, count: None, ..row(60_000_000, -1) }).unwrap();
    run.store(false);
    run.add(Row { count: Some(-(1 << 40)), ..row(61_000_001, 0) }).unwrap();
    run.store(false);
    run
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

const FIRST: &str = "0102c0843d0d86010909038000000000000003037fffffffffffffff0101000000000000f83f00000000000000000101ffbed6060001010200c3a901010100";
const SECOND: &str = "01010182a5963a0903800000000000000000000000000000f83f00ffffffffff3f010000010000";

#[test]
fn states_are_written_as_they_always_were() {
    let run = few();
    let stored: Vec<String> = run.stored.values().map(|bytes| hex(bytes)).collect();
    assert_eq!(stored, [FIRST, SECOND]);
}

#[test]
fn states_of_the_first_version_are_read() {
    let run = few();
    let part = |part, text| (Part::Rows { block: 0, part }, bytes(text));
    let parts: Parts = vec![part(0, FIRST), part(1, SECOND)];
    let past = Past::read(&run.layout, &parts).unwrap();
    check(&past, &run.layout, &run.all, 61_000_002).unwrap();
}

/// Rows of which most have left.
fn left() -> Run {
    let mut run = Run::new(true, 128);
    for at in 0..20 {
        let text = (at % 3 > 0).then(|| format!("t{}", at % 4));
        run.add(Row { text, flag: Some(at == 7), ..row(at, 0) }).unwrap();
    }
    run.watermark = 200;
    run.past.forget(&run.layout, run.watermark).unwrap();
    run.store(false);
    run
}

const HEAD: &str = "011c0903800000000000000001040103000f040103010f14010b050f0000000000803640000000000000000014010b030f69\
    000000000000000000000000000000140108050f000000000080364000000000000000000d01090301000000000000000000\
    0d0107050100000000000000f83f08010509010002743109010609010100027432160111030202000d000000000000000e00\
    0000000000001401040904027430020274310302743203027433021b0112050f80808080808080f87f000000000000000000\
    0000000000140102010f01000000000000000000000000000000";

#[test]
fn what_has_left_is_written_and_read_as_it_always_was() {
    let run = left();
    assert_eq!(hex(&run.stored[&Part::Head]), HEAD);
    let mut parts: Parts = run.stored.clone().into_iter().collect();
    parts[0] = (Part::Head, bytes(HEAD));
    let past = Past::read(&run.layout, &parts).unwrap();
    assert_eq!(past.len(), 5);
    check(&past, &run.layout, &run.all, 201).unwrap();
}
