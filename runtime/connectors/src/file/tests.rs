//! Files that grow, are rotated, cut and lost, and readers that are killed in between.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use mlsys_plan::{Call, Value};
use proptest::prelude::*;

use crate::connectors::{Opening, open_stream};
use crate::stream::{Change, Positions, Start, Stream};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// Enough to see that nothing comes.
const SHORT: Duration = Duration::from_millis(30);

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("events.ndjson")
    }

    fn append(&self, text: &str) {
        append(&self.path(), text);
    }

    fn open(&self) -> Box<dyn Stream> {
        let args = BTreeMap::from([("path".to_owned(), Value::String("events.ndjson".to_owned()))]);
        let call = Call { name: "file".to_owned(), args };
        let settings = BTreeMap::from([("rotation_grace_ms".to_owned(), "20".to_owned())]);
        let opening = Opening {
            call: &call,
            settings: &settings,
            environment: &|_| None,
            project: self.0.path(),
            folder: &self.0.path().join("state"),
        };
        open_stream(&opening).unwrap()
    }

    /// A stream that goes on at a place.
    async fn start(&self, start: Start) -> Box<dyn Stream> {
        let mut stream = self.open();
        let first = stream.next(10, LONG).await.unwrap();
        assert_eq!(first.changes, [Change::Assigned(vec![0])]);
        stream.seek(0, start).await.unwrap();
        stream
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// What a reader has: its rows and its position, as it would commit them.
#[derive(Default)]
struct Taken {
    lines: Vec<String>,
    position: u64,
    gaps: Vec<Change>,
}

impl Taken {
    /// Takes deliveries until there are so many lines.
    async fn read(&mut self, stream: &mut dyn Stream, lines: usize) {
        let deadline = tokio::time::Instant::now() + LONG;
        while self.lines.len() < lines {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", self.lines);
            self.once(stream, LONG).await;
        }
    }

    async fn once(&mut self, stream: &mut dyn Stream, wait: Duration) {
        let delivery = stream.next(3, wait).await.unwrap();
        for message in &delivery.messages {
            assert!(message.offset >= self.position, "{} comes again", message.offset);
            self.lines.push(String::from_utf8(message.payload.to_vec()).unwrap());
        }
        self.position = delivery.next.get(0).unwrap_or(self.position);
        self.gaps.extend(delivery.changes.into_iter().filter(|change| matches!(change, Change::Gap { .. })));
        stream.taken(&Positions::from_iter([(0, self.position)])).await.unwrap();
    }

    /// Nothing more comes.
    async fn nothing(&mut self, stream: &mut dyn Stream) {
        let before = self.lines.len();
        self.once(stream, SHORT).await;
        self.once(stream, SHORT).await;
        assert_eq!(self.lines.len(), before);
    }
}

#[tokio::test]
async fn the_last_line_counts_when_its_end_is_written() {
    let place = Place::new();
    place.append("one\ntwo\n\n  \nthr");
    let mut stream = place.start(Start::Beginning).await;
    let mut taken = Taken::default();
    taken.read(&mut *stream, 2).await;
    taken.nothing(&mut *stream).await;
    place.append("ee\nfour\r\n");
    taken.read(&mut *stream, 4).await;
    assert_eq!(taken.lines, ["one", "two", "three", "four\r"]);
    assert_eq!(taken.position, 24);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_waited_for() {
    let place = Place::new();
    let mut stream = place.start(Start::Beginning).await;
    let delivery = stream.next(10, SHORT).await.unwrap();
    assert!(delivery.messages.is_empty());
    assert!(stream.health().connected_since.is_none());
    assert!(stream.health().last_error.unwrap().reason.contains("events.ndjson"));
    place.append("one\n");
    Taken::default().read(&mut *stream, 1).await;
    assert!(stream.health().connected_since.is_some());
}

#[tokio::test]
async fn the_end_of_what_there_is_is_told_once() {
    let place = Place::new();
    place.append("one\n");
    let mut stream = place.start(Start::Beginning).await;
    let mut told = Vec::new();
    for _ in 0..5 {
        let delivery = stream.next(10, SHORT).await.unwrap();
        told.push((delivery.messages.len(), delivery.changes.contains(&Change::CaughtUp(0))));
    }
    assert_eq!(told.iter().filter(|(_, at_end)| *at_end).count(), 1);
    assert_eq!(told[0], (1, false));
    assert_eq!(told[1], (0, true));
}

#[tokio::test]
async fn what_is_there_can_be_passed_over() {
    let place = Place::new();
    place.append("one\ntwo\nthr");
    let mut stream = place.start(Start::End).await;
    let mut taken = Taken { position: 8, ..Taken::default() };
    taken.nothing(&mut *stream).await;
    place.append("ee\n");
    taken.read(&mut *stream, 1).await;
    assert_eq!(taken.lines, ["three"]);
}

#[tokio::test]
async fn a_restart_goes_on_at_the_readers_own_position() {
    let place = Place::new();
    place.append("one\ntwo\nthree\n");
    let mut stream = place.start(Start::Beginning).await;
    stream.next(2, LONG).await.unwrap();
    drop(stream);
    let mut stream = place.start(Start::At(4)).await;
    let mut taken = Taken { position: 4, ..Taken::default() };
    taken.read(&mut *stream, 2).await;
    assert_eq!(taken.lines, ["two", "three"]);
    assert!(taken.gaps.is_empty());
}

#[tokio::test]
async fn a_file_that_was_rotated_is_read_to_its_end_first() {
    let place = Place::new();
    place.append("one\n");
    let mut writer = OpenOptions::new().append(true).open(place.path()).unwrap();
    let mut stream = place.start(Start::Beginning).await;
    let mut taken = Taken::default();
    taken.read(&mut *stream, 1).await;
    fs::rename(place.path(), place.path().with_extension("ndjson.1")).unwrap();
    place.append("three\n");
    // The writer notices late.
    writer.write_all(b"two\nlast of it").unwrap();
    taken.read(&mut *stream, 4).await;
    assert_eq!(taken.lines, ["one", "two", "last of it", "three"]);
    place.append("four\n");
    taken.read(&mut *stream, 5).await;
}

#[tokio::test]
async fn rotations_while_nobody_reads_are_followed() {
    let place = Place::new();
    place.append("one\ntwo\n");
    let mut stream = place.start(Start::Beginning).await;
    let mut taken = Taken::default();
    taken.read(&mut *stream, 2).await;
    drop(stream);
    place.append("three\n");
    for (name, text) in [("ndjson.2", "four\n"), ("ndjson.1", "five\n")] {
        fs::rename(place.path(), place.path().with_extension(name)).unwrap();
        // Files of one moment have no order.
        let last = fs::metadata(place.path().with_extension(name)).unwrap().modified().unwrap();
        let file = File::create(place.path()).unwrap();
        (&file).write_all(text.as_bytes()).unwrap();
        file.set_modified(last + Duration::from_secs(1)).unwrap();
    }
    let mut stream = place.start(Start::At(taken.position)).await;
    taken.read(&mut *stream, 5).await;
    assert_eq!(taken.lines, ["one", "two", "three", "four", "five"]);
    assert!(taken.gaps.is_empty());
}

#[tokio::test]
async fn a_file_that_was_cut_is_read_anew_with_new_numbers() {
    let place = Place::new();
    place.append("one\ntwo\n");
    let mut stream = place.start(Start::Beginning).await;
    let mut taken = Taken::default();
    taken.read(&mut *stream, 2).await;
    // Shorter than before, then longer, both in place.
    for (text, expected) in [("x\n", 3), ("a longer line\nand another\n", 5)] {
        File::options().write(true).truncate(true).open(place.path()).unwrap().write_all(text.as_bytes()).unwrap();
        taken.read(&mut *stream, expected).await;
    }
    assert_eq!(taken.lines, ["one", "two", "x", "a longer line", "and another"]);
    drop(stream);
    let mut stream = place.start(Start::At(taken.position)).await;
    place.append("more\n");
    taken.read(&mut *stream, 6).await;
    assert!(taken.gaps.is_empty());
}

#[tokio::test]
async fn what_is_lost_is_told() {
    let place = Place::new();
    place.append("one\ntwo\n");
    let mut stream = place.start(Start::Beginning).await;
    let mut taken = Taken::default();
    taken.read(&mut *stream, 2).await;
    drop(stream);
    place.append("three\n");
    fs::remove_file(place.path()).unwrap();
    place.append("an altogether different file\n");
    let mut stream = place.start(Start::At(taken.position)).await;
    taken.read(&mut *stream, 3).await;
    let [Change::Gap { partition: 0, from: 8, reason, .. }] = taken.gaps.as_slice() else {
        panic!("{:?}", taken.gaps);
    };
    assert!(reason.contains("gone"), "{reason}");
}

#[tokio::test]
async fn a_line_without_an_end_is_bounded() {
    let place = Place::new();
    place.append("one\n");
    let mut stream = place.start(Start::Beginning).await;
    let chunk = "x".repeat(1 << 20);
    for _ in 0..18 {
        place.append(&chunk);
    }
    place.append("\ntwo\n");
    let (mut lines, mut wrong) = (0, Vec::new());
    while lines < 2 {
        let delivery = stream.next(10, LONG).await.unwrap();
        lines += delivery.messages.len();
        wrong.extend(delivery.malformed);
    }
    assert_eq!((wrong.len(), wrong[0].offset, wrong[0].payload.len()), (1, 4, 64 << 10));
    assert!(wrong[0].reason.contains("at most"), "{}", wrong[0].reason);
}

/// What may happen to a file and its reader.
#[derive(Clone, Debug)]
enum Act {
    Append(usize),
    AppendHalf,
    Rotate,
    Read,
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_usize..6).prop_map(Act::Append),
        1 => Just(Act::AppendHalf),
        1 => Just(Act::Rotate),
        3 => Just(Act::Read),
        2 => Just(Act::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever happens, a reader that goes on at its own positions has every line once and in order.
    #[test]
    fn every_line_comes_once(acts in prop::collection::vec(act(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let (mut written, mut rotated, mut is_half) = (0, 0, false);
            // A first file that has another name before anybody has looked was never there.
            let mut is_known = false;
            let mut taken = Taken::default();
            let mut stream = place.start(Start::Beginning).await;
            for act in acts.into_iter().chain([Act::Append(1)]) {
                match act {
                    Act::Append(lines) => {
                        for _ in 0..lines {
                            let rest = if std::mem::take(&mut is_half) { "" } else { "line " };
                            place.append(&format!("{rest}{written}\n"));
                            written += 1;
                        }
                    }
                    Act::AppendHalf if !is_half => {
                        place.append("line ");
                        is_half = true;
                    }
                    // Writers rotate between lines.
                    Act::Rotate if !is_half && is_known && place.path().exists() => {
                        rotated += 1;
                        let name = format!("ndjson.{rotated:03}");
                        fs::rename(place.path(), place.path().with_extension(&name)).unwrap();
                        let second = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000 + rotated);
                        File::open(place.path().with_extension(&name)).unwrap().set_modified(second).unwrap();
                    }
                    Act::Read => {
                        taken.once(&mut *stream, Duration::ZERO).await;
                        is_known |= place.path().exists();
                    }
                    Act::Restart => stream = place.start(Start::At(taken.position)).await,
                    _ => {}
                }
            }
            taken.read(&mut *stream, written).await;
            let expected: Vec<String> = (0..written).map(|line| format!("line {line}")).collect();
            prop_assert_eq!(taken.lines, expected);
            prop_assert_eq!(taken.gaps, Vec::new());
            Ok(())
        })?;
    }
}
