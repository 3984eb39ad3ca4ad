//! Several processes that train one model: the same weights as one, and a clear end where one of them fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

#[path = "../../torch/tests/toy/mod.rs"]
mod toy;

use std::io::{BufRead, BufReader, Lines, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use mlsys_plan::{Call, Dimension, Part, Tune, Tuned, Value};
use mlsys_training::{TrainEvent, TrainJob, TrainReport};
use toy::{call, job, table};

/// How long a failure may take to be told, on a busy machine.
const BOUNDED: Duration = Duration::from_secs(60);

/// A process that trains, ended by its id if the test ends before it.
struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// How a process ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    events: Vec<TrainEvent>,
    complaints: String,
}

impl Process {
    fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mlsysd"));
        command.arg("train").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ["RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"] {
            command.env_remove(name);
        }
        let mut child = command.envs(variables.iter().copied()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, lines }
    }

    /// The next event; lines of libtorch's own are none.
    fn next(&mut self) -> Option<TrainEvent> {
        self.lines.by_ref().find_map(|line| serde_json::from_str(&line.unwrap()).ok())
    }

    /// The address at which rank 0 waits.
    fn address(&mut self) -> String {
        match self.next() {
            Some(TrainEvent::Rendezvous { address }) => address,
            other => panic!("{other:?}"),
        }
    }

    fn end(mut self) -> Ended {
        let events = std::iter::from_fn(|| self.next()).collect();
        let mut complaints = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
        Ended { code: self.child.wait().unwrap().code(), events, complaints }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The failure that it told.
    fn failure(&self) -> (&str, &str) {
        match self.events.last() {
            Some(TrainEvent::Failed { code, message }) => (code, message),
            other => panic!("{other:?}\n{}", self.complaints),
        }
    }

    fn expect_success(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
    }
}

/// A job of steps with four shares, with early stopping and dropout.
fn prepared(folder: &Path) -> TrainJob {
    let mut job = job(folder, &table(8000));
    job.train.training.batch = 2048;
    job.train.training.epochs = 8;
    job
}

fn written(folder: &Path, job: &TrainJob) -> String {
    let path = folder.join("job.json");
    std::fs::write(&path, serde_json::to_string(job).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Starts rank 0 of so many, and the others once it waits for them.
fn start(job: &str, size: usize, timeout: &str) -> Vec<Process> {
    let size = size.to_string();
    let rank = |rank: &str, at: &str| {
        let place = ["--rank", rank, "--world-size", &size, "--rendezvous", at, "--timeout", timeout];
        Process::start(&[&[job], &place[..]].concat(), &[])
    };
    let mut all = vec![rank("0", "127.0.0.1:0")];
    let address = all[0].address();
    let others = 1..size.parse::<usize>().unwrap();
    all.extend(others.map(|number| rank(&number.to_string(), &address)));
    all
}

fn alone(job: &str) {
    Process::start(&[job], &[]).end().expect_success();
}

fn report(job: &TrainJob) -> TrainReport {
    serde_json::from_str(&std::fs::read_to_string(job.output.join("report.json")).unwrap()).unwrap()
}

/// The same weights and the same judgements, to the last bit.
fn assert_same(left: &TrainJob, right: &TrainJob) {
    for file in ["model.json", "model.safetensors"] {
        let read = |job: &TrainJob| std::fs::read(job.output.join(file)).unwrap();
        assert!(read(left) == read(right), "{file} differs");
    }
    let (left, right) = (report(left), report(right));
    let losses = |report: &TrainReport| report.epochs.iter().map(|epoch| epoch.loss.to_bits()).collect::<Vec<_>>();
    assert_eq!(losses(&left), losses(&right));
    assert_eq!((left.parts, left.best_epoch), (right.parts, right.best_epoch));
}

#[test]
fn two_and_three_train_what_one_does() {
    let whole = tempfile::tempdir().unwrap();
    let expected = prepared(whole.path());
    alone(&written(whole.path(), &expected));
    for size in [2, 3] {
        let folder = tempfile::tempdir().unwrap();
        let job = prepared(folder.path());
        let ended: Vec<Ended> =
            start(&written(folder.path(), &job), size, "60").into_iter().map(Process::end).collect();
        ended.iter().for_each(Ended::expect_success);
        assert!(matches!(ended[0].events.last(), Some(TrainEvent::Done)));
        assert!(ended[1..].iter().all(|other| other.events.is_empty()), "rank 0 speaks for all: {ended:?}");
        assert_same(&expected, &job);
    }
}

/// Every trial is trained by all, and rank 0's scores choose what is tried next.
#[test]
fn a_search_tries_what_one_process_would() {
    let searching = |folder: &Path| {
        let mut job = prepared(folder);
        let space = |name: &str, of, low, high| Dimension {
            name: name.to_owned(),
            of,
            space: call("uniform", &[("low", Value::Float(low)), ("high", Value::Float(high))]),
        };
        job.train.training.epochs = 4;
        job.train.tune = Some(Tune {
            trials: 4,
            search: call("asha", &[]),
            maximize: true,
            part: Part::Validate,
            metric: call("auc", &[]),
            space: vec![space("lr", Tuned::Optimizer, 0.001, 0.02), space("dropout", Tuned::Learner, 0.0, 0.3)],
        });
        job
    };
    let (whole, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (expected, job) = (searching(whole.path()), searching(folder.path()));
    alone(&written(whole.path(), &expected));
    for process in start(&written(folder.path(), &job), 2, "60") {
        process.end().expect_success();
    }
    assert_same(&expected, &job);
    let trials = |job: &TrainJob| {
        let trials = report(job).trials.into_iter();
        trials.map(|trial| (trial.values, trial.score, trial.ended_after)).collect::<Vec<_>>()
    };
    assert_eq!(trials(&expected), trials(&job));
}

/// One is killed in the middle: the others end soon and name it, and the next training goes on at the last checkpoint.
#[test]
fn a_dead_worker_ends_the_training_which_goes_on_later() {
    let kept = |folder: &Path| {
        let mut job = prepared(folder);
        job.checkpoints = Some(folder.join("checkpoints"));
        job.train.training.settings.push(call("checkpoint", &[("every", Value::Duration(0))]));
        job.train.training.epochs = 40;
        job.train.training.stop_early = None;
        job
    };
    let (whole, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (expected, job) = (kept(whole.path()), kept(folder.path()));
    alone(&written(whole.path(), &expected));

    let path = written(folder.path(), &job);
    let mut processes = start(&path, 3, "60");
    while !matches!(processes[0].next(), Some(TrainEvent::Epoch(report)) if report.epoch == 3) {}
    processes[1].child.kill().unwrap();
    let began = Instant::now();
    let ended: Vec<Ended> = processes.into_iter().map(Process::end).collect();
    assert!(began.elapsed() < BOUNDED, "{:?}", began.elapsed());
    for survivor in [&ended[0], &ended[2]] {
        let (code, message) = survivor.failure();
        assert_eq!((survivor.code, code), (Some(1), "E0923"));
        assert!(message.starts_with("rank 1 of 3 was lost: ") && !message.contains('\n'), "{message}");
    }
    assert!(!job.output.exists(), "what is not done leaves no model");
    assert!(folder.path().join("checkpoints/training.safetensors").exists());

    // By another number of processes: where it goes on does not depend on it.
    let mut processes = start(&path, 2, "60");
    let mut first = None;
    while let Some(event) = processes[0].next() {
        if let TrainEvent::Epoch(report) = event {
            first.get_or_insert(report.epoch);
        }
    }
    for process in processes {
        process.end().expect_success();
    }
    assert!(first.unwrap() >= 3, "the epochs before are not done again: {first:?}");
    assert_same(&expected, &job);
}

/// What one alone cannot do ends all, with its reason.
#[test]
fn the_failure_of_one_is_told_by_all() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = written(folder.path(), &prepared(folder.path()));
    let mut lacking = prepared(folder.path());
    lacking.examples = vec![vec![folder.path().join("nothing.parquet")]];
    let lacking = written(elsewhere.path(), &lacking);
    let place = |rank: &'static str, at: &str| {
        ["--rank", rank, "--world-size", "2", "--timeout", "60", "--rendezvous", at].map(str::to_owned)
    };
    let run = |job: &str, place: [String; 8]| {
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        Process::start(&[&[job], &place[..]].concat(), &[])
    };
    let mut first = run(&path, place("0", "127.0.0.1:0"));
    let second = run(&lacking, place("1", &first.address()));
    let (first, second) = (first.end(), second.end());
    assert_eq!(second.failure().0, "E0930");
    let (code, message) = first.failure();
    assert_eq!(code, "E0923");
    assert!(message.starts_with("rank 1 failed: cannot read the examples"), "{message}");
}

/// With other files on another machine nothing is learnt that one process would not learn.
#[test]
fn all_must_have_the_same_job_and_examples() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = written(folder.path(), &prepared(folder.path()));
    let mut changed = table(8000);
    changed.label[17] = !changed.label[17];
    let mut other_data = job(elsewhere.path(), &changed);
    other_data.train = prepared(folder.path()).train;
    let mut other_job = prepared(folder.path());
    other_job.train.training.seed += 1;
    for (other, says) in [(other_data, "other examples"), (other_job, "another job")] {
        let other = written(elsewhere.path(), &other);
        let mut first = Process::start(
            &[&path, "--rank", "0", "--world-size", "2", "--rendezvous", "127.0.0.1:0", "--timeout", "60"],
            &[],
        );
        let at = first.address();
        let second =
            Process::start(&[&other, "--rank", "1", "--world-size", "2", "--rendezvous", &at, "--timeout", "60"], &[]);
        let (first, second) = (first.end(), second.end());
        for ended in [first, second] {
            let (code, message) = ended.failure();
            assert!(code == "E0923" && message.contains(&format!("rank 1 has {says} than rank 0")), "{message}");
        }
    }
}

#[test]
fn one_that_never_comes_is_missed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &prepared(folder.path()));
    let began = Instant::now();
    let ended = Process::start(
        &[&path, "--rank", "0", "--world-size", "2", "--rendezvous", "127.0.0.1:0", "--timeout", "3"],
        &[],
    )
    .end();
    assert!(began.elapsed() < BOUNDED);
    let (code, message) = ended.failure();
    assert_eq!((ended.code, code), (Some(1), "E0923"));
    assert!(message.starts_with("rank 0 of 2 found no group at 127.0.0.1:0"), "{message}");
    assert!(message.contains("1/2"), "{message}");
}

/// Those who were told different numbers of processes say so.
#[test]
fn world_sizes_that_differ_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &prepared(folder.path()));
    let mut first = Process::start(
        &[&path, "--rank", "0", "--world-size", "2", "--rendezvous", "127.0.0.1:0", "--timeout", "5"],
        &[],
    );
    let at = first.address();
    let second =
        Process::start(&[&path, "--rank", "1", "--world-size", "3", "--rendezvous", &at, "--timeout", "5"], &[]).end();
    let (code, message) = second.failure();
    assert_eq!(code, "E0923");
    assert!(message.contains("others there are 2"), "{message}");
    assert_eq!(first.end().failure().0, "E0923");
}

/// `torchrun` and the like say by variables who is who.
#[test]
fn variables_of_torchrun_are_understood() {
    let (whole, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (expected, job) = (prepared(whole.path()), prepared(folder.path()));
    alone(&written(whole.path(), &expected));
    let path = written(folder.path(), &job);
    let variables = |rank: &'static str, port: &str| {
        let set = [("WORLD_SIZE", "2"), ("RANK", rank), ("LOCAL_RANK", rank), ("MASTER_ADDR", "127.0.0.1")];
        set.into_iter()
            .map(|(name, value)| (name, value.to_owned()))
            .chain([("MASTER_PORT", port.to_owned())])
            .collect()
    };
    let start = |set: Vec<(&str, String)>| {
        let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Process::start(&[&path, "--timeout", "60"], &set)
    };
    let mut first = start(variables("0", "0"));
    let at = first.address();
    let second = start(variables("1", at.rsplit_once(':').unwrap().1));
    first.end().expect_success();
    second.end().expect_success();
    assert_same(&expected, &job);
}

#[test]
fn wrong_usage_has_status_2_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &prepared(folder.path()));
    for (arguments, says) in [
        (&["--rank", "2", "--world-size", "2", "--rendezvous", "127.0.0.1:1"][..], "not below the world size 2"),
        (&["--rank", "0"], "--world-size"),
        (&["--rank", "x"], "--rank"),
        (&["--rank", "0", "--world-size", "2", "--rendezvous", "nowhere"], "`nowhere` is no host and port"),
        (&["--rank", "1", "--world-size", "2", "--rendezvous", "127.0.0.1:0"], "port 0 is for rank 0"),
        (&["--rank", "0", "--world-size", "2"], "MASTER_ADDR"),
        (&["--timeout", "0"], "--timeout"),
    ] {
        let ended = Process::start(&[&[path.as_str()], arguments].concat(), &[]).end();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.complaints.contains(says), "{}", ended.complaints);
    }
}

/// What several processes cannot do is refused before they meet.
#[test]
fn what_cannot_be_divided_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut trees = prepared(folder.path());
    trees.train.learner = Call { name: "trees".to_owned(), ..call("trees", &[]) };
    let mut small = prepared(folder.path());
    small.train.training.batch = 1024;
    for (job, says) in [(trees, "grow `trees`"), (small, "`batch` of 1024 among 3 `workers`")] {
        let path = written(folder.path(), &job);
        let ended = Process::start(
            &[&path, "--rank", "0", "--world-size", "3", "--rendezvous", "127.0.0.1:0", "--timeout", "60"],
            &[],
        )
        .end();
        let (code, message) = ended.failure();
        assert!(code == "E0910" && message.contains(says), "{message}");
    }
}
