//! Whole runs of the binaries on small projects: what is recomputed, what fails and how, what survives.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mlsys_tests::{mlsysc, printed};
use serde_json::Value;
use tempfile::TempDir;

/// A model on payments: two groups, one gate.
const PROGRAM: &str = r#"
entity customer { customer_id: int64 }
entity shop { shop_id: string }

source payments {
  from csv("payments.csv")
  schema {
    payment_id:  int64
    paid_at:     timestamp
    customer_id: int64
    shop_id:     string
    amount:      float64
    is_fraud:    bool known at settled_at
  }
  derive { settled_at = paid_at + 7d }
  time paid_at
  key  payment_id
  expect amount > 0 else quarantine
}

features spend for customer from payments {
  payments = count() over [1d, 7d]
  mean     = mean(amount) over 7d
}

features risk for shop from payments at settled_at {
  risk = mean(is_fraud) over 30d
}

model fraud {
  observe payments
  label   is_fraud
  inputs {
    amount
    shop_id
    spend.*
    risk.*
  }
  impute median with indicator
  split time(validate: @2024-03-01, test: @2024-03-20)
  learn mlp(hidden: [8])
  train {
    optimizer adam(lr: 0.02)
    epochs    8
    batch     128
    seed      5
  }
  require test.auc >= 0.5
}
"#;

/// A project in a folder of its own, with a deterministic table of payments.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new(program: &str) -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        project.write("fraud.mlsys", program);
        project.write("payments.csv", &payments(2000));
        project
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mlsysc(arguments);
        command.current_dir(self.path());
        command
    }

    /// Runs to the end; the exit code and what was printed.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        (output.status.code().unwrap_or(-1), printed(&output))
    }

    /// A run's record; the exit code must be the expected one.
    fn record(&self, expected: i32) -> Value {
        let output = self.command(&["run", "--json", "."]).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn payments(rows: u64) -> String {
    let mut text = String::from("payment_id,paid_at,customer_id,shop_id,amount,is_fraud\n");
    let mut state = 42_u64;
    let mut random = move || {
        // A linear congruential generator (Knuth): the same table everywhere.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for id in 0..rows {
        let minute = id * 100 * 1440 / rows;
        let (day, month) = (minute / 1440 % 30 + 1, minute / 1440 / 30 + 1);
        let shop = random() % 7;
        let amount = random() % 20_000;
        let fraud = amount > 15_000 && shop < 4 || random() % 40 == 0;
        let day = if month == 2 { day.min(29) } else { day };
        text.push_str(&format!(
            "{id},2024-{month:02}-{day:02}T{:02}:{:02}:00Z,{},S{shop},{}.{:02},{fraud}\n",
            minute / 60 % 24,
            minute % 60,
            random() % 50,
            amount / 100,
            amount % 100
        ));
    }
    text
}

fn outcomes(record: &Value) -> Vec<(String, String)> {
    let nodes = record["nodes"].as_array().unwrap().iter();
    let named = nodes.map(|node| {
        let outcome = match &node["outcome"] {
            Value::String(text) => text.clone(),
            Value::Object(fields) => fields.keys().next().unwrap().clone(),
            other => panic!("{other}"),
        };
        (node["node"].as_str().unwrap().to_owned(), outcome)
    });
    named.collect()
}

fn done(record: &Value) -> Vec<String> {
    outcomes(record).into_iter().filter(|(_, outcome)| outcome == "done").map(|(node, _)| node).collect()
}

#[test]
fn what_is_current_is_left_alone() {
    let project = Project::new(PROGRAM);
    let first = project.record(0);
    assert_eq!(
        done(&first),
        [
            "source.payments",
            "features.spend",
            "features.risk",
            "observe.fraud",
            "join.fraud.spend",
            "join.fraud.risk",
            "train.fraud"
        ]
    );
    assert_eq!(first["models"][0]["version"], 1);

    // Other tests are at work beside this one: the best of three says what it costs.
    let best = (0..3).map(|_| {
        let started = Instant::now();
        let (code, text) = project.run(&["run"]);
        assert_eq!(code, 0);
        assert!(text.contains("nothing to do"), "{text}");
        started.elapsed()
    });
    let best = best.min().unwrap();
    assert!(best < Duration::from_secs(1), "{best:?}");

    // A comment moves every line and changes nothing.
    project.write("fraud.mlsys", &format!("// a remark\n{PROGRAM}"));
    assert!(done(&project.record(0)).is_empty());

    // One window reaches its group's values and join and the training, and nothing else.
    project.write("fraud.mlsys", &PROGRAM.replace("mean(amount) over 7d", "mean(amount) over 14d"));
    let changed = project.record(0);
    assert_eq!(done(&changed), ["features.spend", "join.fraud.spend", "train.fraud"]);
    assert_eq!(changed["models"][0]["version"], 2);

    // Changed back, the earlier results are still there.
    project.write("fraud.mlsys", PROGRAM);
    assert!(done(&project.record(0)).is_empty());

    // New data reaches everything.
    project.write("payments.csv", &payments(2100));
    assert_eq!(done(&project.record(0)).len(), 7);
}

/// A table that is looked up is read by whoever looks it up; `--only` does without the training.
#[test]
fn a_table_that_is_looked_up_reaches_what_reads_it() {
    let shops = "source shops {\n  from csv(\"shops.csv\")\n  schema { shop_id: string  size: int64 }\n  key shop_id\n  static\n}\n";
    let sized = PROGRAM.replace("mean(amount) over 7d", "mean(amount) where shops[shop_id].size > 2 over 7d");
    let project = Project::new(&format!("{sized}{shops}"));
    project.write("shops.csv", "shop_id,size\nS1,1\nS2,3\n");
    let only = |node: &str| {
        let output = project.command(&["run", "--json", "--only", node, "."]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        done(&serde_json::from_slice(&output.stdout).unwrap())
    };
    assert_eq!(only("join.fraud.spend"), ["source.payments", "observe.fraud", "source.shops", "join.fraud.spend"]);
    assert_eq!(only("join.fraud.risk"), ["join.fraud.risk"]);
    project.write("shops.csv", "shop_id,size\nS1,5\nS2,3\n");
    assert_eq!(only("join.fraud.spend"), ["source.shops", "join.fraud.spend"]);
    assert!(only("join.fraud.risk").is_empty());
    let (code, text) = project.run(&["run", "--only", "join.fraud.spent", "."]);
    assert!(code == 1 && text.contains("did you mean `join.fraud.spend`?"), "{text}");
}

/// Groups of one model are made together; the one that fails is told of, and the others are there.
#[test]
fn of_groups_that_are_made_together_the_right_one_fails() {
    let total =
        "features total for customer from payments {\n  large = sum(payment_id * 4_000_000_000_000_000) over all\n}\n";
    let program = PROGRAM.replace("    spend.*\n", "    spend.*\n    total.*\n");
    let project = Project::new(&format!("{program}{total}"));
    let groups = ["--only", "join.fraud.spend", "--only", "join.fraud.risk", "--only", "join.fraud.total", "."];
    let output = project.command(&[["run", "--json"].as_slice(), &groups].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |name: &str| outcomes(&record).into_iter().find(|(node, _)| node == name).unwrap().1;
    let joins = ["join.fraud.spend", "join.fraud.risk", "join.fraud.total"].map(of);
    assert_eq!(joins, ["done", "done", "failed"]);
    let (code, text) = project.run(&[["run"].as_slice(), &groups].concat());
    assert!(code == 1 && text.contains("E0903") && text.contains("in `join.fraud.total`"), "{text}");
    // Together with others, and each of them told.
    let right = Project::new(&program.replace("    total.*\n", ""));
    assert_eq!(done(&right.record(0)).len(), 7);
}

/// Every customer is observed every week, by features; the label looks 30 days ahead, which for the last weeks nobody can
/// do yet.
#[test]
fn entities_are_observed_every_week() {
    let project = Project::new(
        r#"
entity customer { customer_id: int64 }

source customers {
  from csv("customers.csv")
  schema { customer_id: int64  joined_at: timestamp }
  time joined_at
  key  customer_id
}

source payments {
  from csv("payments.csv")
  schema { payment_id: int64  paid_at: timestamp  customer_id: int64  amount: float64 }
  time paid_at
  key  payment_id
}

features spend for customer from payments {
  payments = count() over 30d
  mean     = mean(amount) over 30d
}

model silence {
  observe every 7d for customer in customers where spend.payments > 8
  label   silent = count() from payments for customer over next 30d <= 10
  inputs  { spend.* }
  impute  median with indicator
  split   time(test: @2024-03-01)
  learn   mlp(hidden: [4])
  train   { epochs 2  seed 1 }
}
"#,
    );
    let customers: String = (0..50).map(|id| format!("{id},2024-01-0{}T00:00:00Z\n", id % 7 + 1)).collect();
    project.write("customers.csv", &format!("customer_id,joined_at\n{customers}"));
    let record = project.record(0);
    let report = |name: &str| {
        let nodes = record["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["node"] == name).unwrap()["report"].clone()
    };
    // Thursdays, as 1970 began with one, from 4 January, when 22 customers have come, to 4 April; payments end on the 9th.
    // Labels of training examples are known before March only up to 25 January, those of test examples only on 7 March.
    let observed = report("observe.silence");
    assert_eq!(observed["rows"], serde_json::json!({ "train": 22 + 3 * 50, "test": 50 }));
    assert_eq!(observed["left_out_by_part"], serde_json::json!({ "train": 5 * 50, "test": 4 * 50 }));
    let trained = report("train.silence");
    let examples = trained["parts"]["train"]["rows"].as_u64().unwrap();
    assert!(examples > 20 && examples < 172, "{trained}");
}

#[test]
fn equal_seeds_give_equal_models() {
    let (left, right) = (Project::new(PROGRAM), Project::new(PROGRAM));
    let (left, right) = (left.record(0), right.record(0));
    assert_eq!(left["models"][0]["report"]["parts"], right["models"][0]["report"]["parts"]);
    let other = Project::new(&PROGRAM.replace("seed      5", "seed 6")).record(0);
    assert_ne!(left["models"][0]["report"]["parts"], other["models"][0]["report"]["parts"]);
}

#[test]
fn a_missed_gate_registers_nothing() {
    let project = Project::new(&PROGRAM.replace("test.auc >= 0.5", "test.auc >= 0.999"));
    let (code, text) = project.run(&["run"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("MISSED") && text.contains("not registered"), "{text}");
    // The same again: judged again, not trained again.
    let (code, text) = project.run(&["run"]);
    assert_eq!(code, 3, "{text}");
    // A gate that it meets registers what has been trained.
    project.write("fraud.mlsys", PROGRAM);
    let record = project.record(0);
    assert!(done(&record).is_empty(), "{:?}", done(&record));
    assert_eq!(record["models"][0]["version"], 1);
}

#[test]
fn rows_that_fail_are_kept_aside() {
    let project = Project::new(PROGRAM);
    let broken = payments(2000) + "9999,2024-03-01T00:00:00Z,1,S1,-5.0,false\n";
    project.write("payments.csv", &broken);
    let (code, text) = project.run(&["run"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("quarantined rows are in"), "{text}");
}

#[test]
fn wrong_data_is_shown_at_its_declaration() {
    let cases = [
        ("schema {", "schema {\n    country: string", "E0902"),
        ("from csv(\"payments.csv\")", "from csv(\"nothing.csv\")", "E0901"),
        ("shop_id:     string", "shop_id:     int64", "E0903"),
        ("else quarantine", "else quarantine\n  expect amount > 1.5", "E0904"),
        ("settled_at = paid_at + 7d", "settled_at = paid_at + 7d * (amount - 100.0)", "E0906"),
    ];
    for (right, wrong, code) in cases {
        let program = PROGRAM.replacen(right, wrong, 1).replace(
            "entity shop { shop_id: string }",
            match code {
                "E0903" => "entity shop { shop_id: int64 }",
                _ => "entity shop { shop_id: string }",
            },
        );
        let project = Project::new(&program);
        let (status, text) = project.run(&["run"]);
        assert_eq!(status, 1, "{code}: {text}");
        assert!(text.contains(code), "{code}: {text}");
        assert!(text.contains("fraud.mlsys:"), "{code}: no place in the program: {text}");
    }
}

#[test]
fn a_killed_worker_is_reported_as_such() {
    let project = Project::new(&PROGRAM.replace("epochs    8", "epochs 100000"));
    let mut child = project.command(&["run"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let said = wait_for_epoch(&mut child);
    assert!(Command::new("kill").args(["-9", &worker_of(child.id())]).status().unwrap().success());
    let status = child.wait().unwrap();
    let text = said.join().unwrap();
    assert_eq!(status.code(), Some(4), "{text}");
    assert!(text.contains("E0921") && text.contains("signal 9"), "{text}");
    // The rest stands, and the next run trains.
    project.write("fraud.mlsys", PROGRAM);
    assert_eq!(done(&project.record(0)), ["train.fraud"]);
}

/// The program with steps that two workers can share, and the number of them.
fn shared_by(workers: u32) -> String {
    PROGRAM.replace("batch     128", &format!("batch 1024\n    workers {workers}"))
}

#[test]
fn several_workers_train_what_one_does() {
    let alone = Project::new(&PROGRAM.replace("batch     128", "batch 1024")).record(0);
    let together = Project::new(&shared_by(2)).record(0);
    assert_eq!(alone["models"][0]["report"]["parts"], together["models"][0]["report"]["parts"]);
    let losses = |record: &Value| {
        let epochs = record["models"][0]["report"]["epochs"].as_array().unwrap().clone();
        epochs.iter().map(|epoch| epoch["loss"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(losses(&alone), losses(&together));
}

/// Of several workers the one that was killed is named, and none is left behind.
#[test]
fn a_killed_worker_among_several_is_named() {
    let project = Project::new(&shared_by(2).replace("epochs    8", "epochs 100000"));
    let mut child = project.command(&["run"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let said = wait_for_epoch(&mut child);
    let workers = workers_of(child.id());
    let is_second = |worker: &&String| {
        fs::read_to_string(format!("/proc/{worker}/cmdline")).unwrap_or_default().contains("--rank\x001\x00")
    };
    let second = workers.iter().find(is_second).unwrap_or_else(|| panic!("{workers:?}"));
    assert!(Command::new("kill").args(["-9", second]).status().unwrap().success());
    let status = child.wait().unwrap();
    let text = said.join().unwrap();
    assert_eq!(status.code(), Some(4), "{text}");
    assert!(text.contains("E0921") && text.contains("rank 1 of 2 was killed by signal 9"), "{text}");
    assert!(workers.iter().all(|worker| !Path::new(&format!("/proc/{worker}/exe")).exists()), "{workers:?}");
}

#[test]
fn workers_without_work_are_refused_before_anything_is_read() {
    let learners = [("learn mlp(hidden: [8])", "`batch` of 1024 among 3 `workers`"), ("learn trees()", "grow `trees`")];
    for (learner, says) in learners {
        let project = Project::new(&shared_by(3).replace("learn mlp(hidden: [8])", learner));
        let (code, text) = project.run(&["run"]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("E0910") && text.contains(says), "{text}");
    }
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let project = Project::new(&PROGRAM.replace("epochs    8", "epochs 100000"));
    for signal in ["-INT", "-9"] {
        let mut child = project.command(&["run"]).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let said = wait_for_epoch(&mut child);
        let worker = worker_of(child.id());
        // While it is at work, nobody else is.
        let (code, text) = project.run(&["run"]);
        assert_eq!(code, 4, "{text}");
        assert!(text.contains("E0913"), "{text}");
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let status = child.wait().unwrap();
        let text = said.join().unwrap();
        assert_eq!(status.code(), (signal == "-INT").then_some(130), "{text}");
        // The worker notices that nobody listens.
        let gone = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            !Path::new(&format!("/proc/{worker}/exe")).exists()
        });
        assert!(gone, "the worker outlived its run");
    }
    project.write("fraud.mlsys", PROGRAM);
    assert_eq!(done(&project.record(0)), ["train.fraud"]);
}

#[test]
fn builds_are_equal_to_the_byte() {
    let project = Project::new(PROGRAM);
    let built = |out: &str| {
        let (code, text) = project.run(&["build", "--out", out]);
        assert_eq!(code, 0, "{text}");
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for folder in ["", "jobs"] {
            for entry in fs::read_dir(project.path().join(out).join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
                    files.push((name, fs::read(&path).unwrap()));
                }
            }
        }
        files.sort();
        files
    };
    let first = built("one");
    assert!(first.len() >= 8, "{:?}", first.iter().map(|(name, _)| name).collect::<Vec<_>>());
    assert_eq!(first, built("two"));
}

#[test]
fn wrong_usage_is_told_apart() {
    let project = Project::new(PROGRAM);
    assert_eq!(project.run(&["run", "--set", "nonsense"]).0, 2);
    assert_eq!(project.run(&["explain", "E9999"]).0, 2);
    assert_eq!(project.run(&["check", "nowhere.mlsys"]).0, 1);
    let (code, text) = project.run(&["run", "--set", "data=x"]);
    assert_eq!(code, 1);
    assert!(text.contains("no such parameter"), "{text}");
    let (code, text) = project.run(&["check", "--json"]);
    assert_eq!((code, text.trim()), (0, r#"{"diagnostics":[]}"#));
}

/// Waits until training has begun; what the run says from then on.
fn wait_for_epoch(child: &mut Child) -> JoinHandle<String> {
    let stderr = child.stderr.take().unwrap();
    let mut lines = BufReader::new(stderr).lines().map(Result::unwrap);
    let mut before = Vec::new();
    let found = lines.by_ref().inspect(|line| before.push(line.clone())).any(|line| line.contains("epoch 2/"));
    assert!(found, "training never began:\n{}", before.join("\n"));
    std::thread::spawn(move || lines.collect::<Vec<_>>().join("\n"))
}

/// The process that a run has started.
fn worker_of(run: u32) -> String {
    workers_of(run).into_iter().next().unwrap_or_else(|| panic!("no worker of {run}"))
}

/// The processes that a run has started.
fn workers_of(run: u32) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let of_run = entries.filter(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().nth(1) == Some(&run.to_string())
    });
    of_run.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
