//! Features from a stream are those that a training sees: rows are replayed through the stream, with disorder, duplicates,
//! later versions, commits and restarts, and every feature at every observation is held against the batch engine's.

mod random;
mod replay;
mod shared;

use std::process::Command;
use std::time::Duration;

use mlsys_tests::{binaries, printed, repository};

use replay::{Replay, Way};

const HOUR: i64 = 3_600_000_000;

const DAY: Duration = Duration::from_secs(86_400);

const MINUTES: Duration = Duration::from_secs(300);

/// Fraud: known a week later, keyed by two entities.
#[test]
fn payments_from_a_stream_are_those_of_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binaries().join("mlsys-fraud-simulator"))
        .arg(folder.path().join("data"))
        .args(["--customers", "100", "--terminals", "50", "--radius", "20", "--days", "170"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    std::fs::copy(repository().join("examples/fraud/fraud.mlsys"), folder.path().join("fraud.mlsys")).unwrap();
    let replay = Replay::new(folder.path(), "fraud", "approve", &[]);
    let way =
        Way { seed: 1, disorder: HOUR / 7, at_once: 700, duplicates: 0.05, restarts: 6, asked: 500, margin: DAY * 10 };
    let compared = replay.compare(&way);
    assert!(compared > 10_000 * 14, "{compared}");
}

/// Flights: seen when they land, by instants that are computed of what is known then. What has no stream is still.
#[test]
fn flights_from_a_stream_are_those_of_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(repository().join("examples/flights/flights.mlsys")).unwrap();
    let streamed = text.replace(
        "from csv(\"{data}/flights.csv\", null: \"NA\")",
        "from csv(\"{data}/flights.csv\", null: \"NA\")\n  stream file(path: \"flights.ndjson\")",
    );
    assert_ne!(streamed, text);
    std::fs::write(folder.path().join("flights.mlsys"), streamed).unwrap();
    let data = repository().join("examples/flights/data");
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for name in ["flights.csv", "weather.csv"] {
        let lines = std::fs::read_to_string(data.join(name)).unwrap();
        // The first weeks.
        let most = if name == "flights.csv" { 20_000 } else { usize::MAX };
        let kept: String = lines.lines().take(most).flat_map(|line| [line, "\n"]).collect();
        std::fs::write(folder.path().join("data").join(name), kept).unwrap();
    }
    let replay = Replay::new(folder.path(), "late_arrival", "late_api", &["arr_delay"]);
    let way =
        Way { seed: 2, disorder: HOUR, at_once: 900, duplicates: 0.02, restarts: 4, asked: 500, margin: DAY * 10 };
    let compared = replay.compare(&way);
    assert!(compared > 15_000 * 8, "{compared}");
}

/// Every aggregate, window and shape of program, on rows with ties, nulls, and entities that nobody knows.
#[test]
fn made_up_rows_from_a_stream_are_those_of_the_batch() {
    for seed in 1..=random::SEEDS {
        let folder = tempfile::tempdir().unwrap();
        random::write(folder.path(), seed);
        let replay = Replay::new(folder.path(), "m", "api", &["k", "n"]);
        for at_once in [1, 37] {
            let way =
                Way { seed, disorder: 20_000_000, at_once, duplicates: 0.1, restarts: 5, asked: 40, margin: MINUTES };
            assert!(replay.compare(&way) > 0);
        }
    }
}

/// The same through two processes that share a store and change the same entities.
#[test]
fn processes_that_share_a_store_come_to_the_same() {
    let mut all = 0;
    for seed in 1..=random::SEEDS {
        let folder = tempfile::tempdir().unwrap();
        random::write(folder.path(), seed);
        let replay = Replay::new(folder.path(), "m", "api", &["k", "n"]);
        let way =
            Way { seed, disorder: 20_000_000, at_once: 9, duplicates: 0.1, restarts: 0, asked: 0, margin: MINUTES };
        let (compared, overtaken) = shared::compare(&replay, &way);
        assert!(compared > 0);
        all += overtaken;
    }
    assert!(all > 0, "no process was ever overtaken");
}
