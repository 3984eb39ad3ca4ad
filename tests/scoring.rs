//! Batch scoring through the binaries: what is scored and what is left alone, what leaves and what stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use mlsys_tests::{mlsysc, printed, score};
use serde_json::Value;
use tempfile::TempDir;

/// A model on payments with a group, and a deployment that scores them.
const PROGRAM: &str = r#"
entity customer { customer_id: int64 }

source payments {
  from csv("payments/*.csv")
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
}

features spend for customer from payments {
  payments = count() over [1d, 7d]
  mean     = mean(amount) over 7d
}

model fraud {
  observe payments
  label   is_fraud
  inputs {
    amount
    shop_id
    spend.*
  }
  impute median with indicator
  split time(validate: @2024-02-20, test: @2024-03-05)
  learn mlp(hidden: [8])
  train {
    optimizer adam(lr: 0.02)
    epochs    4
    batch     128
    seed      5
  }
  require test.auc >= 0.5
}

deployment nightly {
  model fraud
  score payments every 1d at 02:00
  into  csv("out/scores")
}
"#;

/// A row of predictions by the name of its column.
type Row = BTreeMap<String, String>;

struct Project {
    folder: TempDir,
}

impl Project {
    /// A project with three files of payments.
    fn new(program: &str) -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        project.program(program);
        (0..3).for_each(|file| project.payments(file));
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, text: &str) {
        fs::write(self.path("fraud.mlsys"), text).unwrap();
    }

    /// Writes a file of payments: 500 a month, the first one from January on.
    fn payments(&self, file: u64) {
        fs::create_dir_all(self.path("payments")).unwrap();
        fs::write(self.path(&format!("payments/{file}.csv")), payments(file)).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = mlsysc(arguments);
        command.current_dir(self.folder.path());
        command
    }

    /// Runs to the end; the exit code and what was printed.
    fn run(&self) -> (i32, String) {
        let output = self.command(&["run"]).output().unwrap();
        (output.status.code().unwrap_or(-1), printed(&output))
    }

    /// What a run says of the deployment, and the run's record; the exit code must be the expected one.
    fn scored(&self, expected: i32) -> (Value, Value) {
        let output = self.command(&["run", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", printed(&output));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        let nodes = record["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["node"] == "deployment.nightly").unwrap();
        (node["report"]["scoring"][0].clone(), record)
    }

    /// The files of a folder by name, with their content.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return BTreeMap::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())).collect()
    }

    /// All rows of the CSV files in a folder.
    fn rows(&self, folder: &str) -> Vec<Row> {
        self.files(folder).values().flat_map(|content| parsed(&String::from_utf8_lossy(content))).collect()
    }
}

fn parsed(text: &str) -> Vec<Row> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row =
        |line: &str| names.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect();
    lines.map(row).collect()
}

fn payments(file: u64) -> String {
    let mut text = String::from("payment_id,paid_at,customer_id,shop_id,amount,is_fraud\n");
    let mut state = 42_u64 + file;
    let mut random = move || {
        // A linear congruential generator (Knuth): the same table everywhere.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    for row in 0..500 {
        let minute = row * 28 * 1440 / 500;
        let (shop, amount) = (random() % 7, random() % 20_000);
        let fraud = amount > 15_000 && shop < 4 || random() % 40 == 0;
        text.push_str(&format!(
            "{},2024-{:02}-{:02}T{:02}:{:02}:00Z,{},S{shop},{}.{:02},{fraud}\n",
            file * 500 + row,
            file + 1,
            minute / 1440 + 1,
            minute / 60 % 24,
            minute % 60,
            random() % 50,
            amount / 100,
            amount % 100
        ));
    }
    text
}

fn versions(rows: &[Row]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    rows.iter().for_each(|row| *counts.entry(row["version"].as_str()).or_default() += 1);
    counts
}

/// The first run scores every row, the second none, and an appended file its own rows.
#[test]
fn an_appended_file_costs_a_file() {
    let project = Project::new(PROGRAM);
    let (first, record) = project.scored(0);
    assert_eq!((&first["scored"], &first["before"], &first["coverage"]), (&1500.into(), &0.into(), &1.0.into()));
    assert_eq!((&first["version"], &first["versions"]["1"], &first["files"]), (&1.into(), &1500.into(), &3.into()));
    assert_eq!(record["not_executed"].as_array().unwrap().len(), 0, "{record}");
    let rows = project.rows("out/scores");
    let ids: BTreeSet<&str> = rows.iter().map(|row| row["payment_id"].as_str()).collect();
    assert_eq!((rows.len(), ids.len()), (1500, 1500));
    let columns: Vec<&str> = rows[0].keys().map(String::as_str).collect();
    assert_eq!(columns, ["at", "customer_id", "model", "payment_id", "prediction", "scored_at", "version"]);
    let first_row = rows.iter().find(|row| row["payment_id"] == "0").unwrap();
    assert_eq!((first_row["at"].as_str(), first_row["model"].as_str()), ("2024-01-01T00:00:00Z", "fraud"));
    let told = &first["predictions"];
    let numbers: Vec<f64> = rows.iter().map(|row| row["prediction"].parse().unwrap()).collect();
    let greatest = numbers.iter().copied().fold(0.0, f64::max);
    assert!((told["max"].as_f64().unwrap() - greatest).abs() < 1e-12, "{told}");
    assert!(told["quantiles"]["p05"].is_number() && told["histogram"].is_array(), "{told}");

    let before = project.files("out/scores");
    let (code, text) = project.run();
    assert!(code == 0 && text.contains("nothing to do"), "{text}");
    let elsewhere = mlsysc(&["run"]).arg(project.folder.path()).output().unwrap();
    assert!(elsewhere.status.success() && printed(&elsewhere).contains("nothing to do"), "{}", printed(&elsewhere));
    assert_eq!(project.files("out/scores"), before);

    project.payments(3);
    let (code, text) = project.run();
    assert!(code == 0 && text.contains("500 rows of payments by fraud version 2"), "{text}");
    assert!(text.contains("1,500 stand as they were") && text.contains("versions     version 1 1,500"), "{text}");
    let after = project.files("out/scores");
    assert_eq!(after.len(), 4);
    assert!(before.iter().all(|(name, content)| after[name] == *content));
    assert_eq!(versions(&project.rows("out/scores")), BTreeMap::from([("1", 1500), ("2", 500)]));
}

/// A row that is also an example has the probability that training's own evaluation gave it.
#[test]
fn predictions_are_those_of_training() {
    let project = Project::new(PROGRAM);
    let (_, record) = project.scored(0);
    are_those_of_training(&project, &record);
}

/// Groups of one entity are made together, those of others beside them; so are the parts of an appended file. A group that
/// fails is told of, and what was delivered stays.
#[test]
fn several_groups_are_scored_as_they_are_trained() {
    let groups = "features habits for customer from payments {
  last_amount = last(amount) over all
  spread      = stddev(amount) over 14d
  numbers     = sum(payment_id) over all
}

features sales for shop from payments {
  payments = count() over 1d
  largest  = max(amount) over [2d, 9d]
}

model fraud {";
    let program = PROGRAM
        .replace("entity customer", "entity shop { shop_id: string }\n\nentity customer")
        .replace("model fraud {\n  observe", &format!("{groups}\n  observe"))
        .replace("    spend.*\n", "    spend.*\n    sales.*\n    habits.*\n");
    let project = Project::new(&program);
    let (first, record) = project.scored(0);
    assert_eq!(first["scored"], 1500);
    are_those_of_training(&project, &record);

    project.payments(3);
    let (more, record) = project.scored(0);
    assert_eq!((&more["scored"], &more["before"]), (&500.into(), &1500.into()), "{record}");
    let delivered = project.files("out/scores");

    // Two numbers of one customer whose sum is out of range.
    let row = |id: i64, day| format!("{id},2024-04-{day}T00:00:00Z,1,S1,1.00,false\n");
    let rows: String = (0..3).map(|number| row(i64::MAX - number, 28 + number)).collect();
    let header = "payment_id,paid_at,customer_id,shop_id,amount,is_fraud\n";
    fs::write(project.path("payments/4.csv"), format!("{header}{rows}")).unwrap();
    let (code, text) = project.run();
    assert!(code == 1 && text.matches("E0903").count() >= 2, "{code}: {text}");
    assert!(text.contains("deployment.nightly"), "{text}");
    assert_eq!(project.files("out/scores"), delivered);
}

fn are_those_of_training(project: &Project, record: &Value) {
    let labels: BTreeMap<String, bool> = project
        .files("payments")
        .values()
        .flat_map(|content| parsed(&String::from_utf8_lossy(content)))
        .map(|row| (row["payment_id"].clone(), row["is_fraud"] == "true"))
        .collect();
    let test: Vec<(f64, bool)> = project
        .rows("out/scores")
        .iter()
        .filter(|row| row["at"].as_str() >= "2024-03-05")
        .map(|row| (row["prediction"].parse().unwrap(), labels[&row["payment_id"]]))
        .collect();
    let part = &record["models"][0]["report"]["parts"]["test"];
    assert_eq!(part["rows"].as_u64().unwrap() as usize, test.len());
    let mean = |of: &dyn Fn(f64, f64) -> f64| {
        test.iter().map(|(p, label)| of(*p, f64::from(u8::from(*label)))).sum::<f64>() / test.len() as f64
    };
    let brier = mean(&|p, y| (p - y) * (p - y));
    let log_loss = mean(&|p, y| -(y * p.ln() + (1.0 - y) * (1.0 - p).ln()));
    for (name, found) in [("brier", brier), ("log_loss", log_loss)] {
        let expected = score(part, name);
        assert!((found - expected).abs() < 1e-6, "{name}: {found}, training found {expected}");
    }
}

/// Other settings make another version, which scores new rows; so does a version with other inputs. What was predicted stays.
#[test]
fn predictions_stay_with_the_version_that_made_them() {
    let project = Project::new(PROGRAM);
    project.scored(0);
    let before = project.files("out/scores");
    project.program(&PROGRAM.replace("hidden: [8]", "hidden: [6]"));
    let (second, _) = project.scored(0);
    assert_eq!((&second["version"], &second["scored"]), (&2.into(), &0.into()));
    assert_eq!(project.files("out/scores"), before);

    project.payments(3);
    project.program(&PROGRAM.replace("mean(amount) over 7d", "mean(amount) over 14d"));
    let (third, _) = project.scored(0);
    assert_eq!((&third["version"], &third["scored"], &third["before"]), (&3.into(), &500.into(), &1500.into()));
    assert_eq!(versions(&project.rows("out/scores")), BTreeMap::from([("1", 1500), ("3", 500)]));

    // A row that was corrected is another row, and so are those whose features see it.
    let text = payments(3).replacen("2024-04-01T00:00:00Z", "2024-04-01T00:00:30Z", 1);
    fs::write(project.path("payments/3.csv"), text).unwrap();
    let (fourth, _) = project.scored(0);
    assert_eq!((&fourth["scored"], &fourth["before"], &fourth["files"]), (&500.into(), &1500.into(), &4.into()));
    assert_eq!(project.rows("out/scores").len(), 2000);

    // A row that comes late is scored itself, and the rows whose features see it once more.
    let late = "payment_id,paid_at,customer_id,shop_id,amount,is_fraud\n9000,2024-04-20T00:00:00Z,7,S1,5.0,false\n";
    fs::write(project.path("payments/late.csv"), late).unwrap();
    let (fifth, _) = project.scored(0);
    assert_eq!((&fifth["scored"], &fifth["before"]), (&501.into(), &1500.into()));
    assert_eq!(versions(&project.rows("out/scores")), BTreeMap::from([("1", 1500), ("5", 501)]));
}

/// Rows are known by their keys and times: what else is computed or expected of them does not make them others.
#[test]
fn rows_are_known_by_their_keys() {
    let project = Project::new(PROGRAM);
    project.scored(0);
    let before = project.files("out/scores");
    let derived = "derive { settled_at = paid_at + 7d  cents = amount * 100.0 }\n  expect amount >= 0";
    project.program(&PROGRAM.replace("derive { settled_at = paid_at + 7d }", derived));
    let (second, _) = project.scored(0);
    assert_eq!((&second["scored"], &second["before"]), (&0.into(), &1500.into()), "{second}");
    assert_eq!(project.files("out/scores"), before);

    // A value is corrected: what was predicted under another definition stays, under the same one it is predicted again.
    let text = fs::read_to_string(project.path("payments/2.csv")).unwrap();
    let line = text.lines().nth(1).unwrap().to_owned();
    let mut cells: Vec<&str> = line.split(',').collect();
    cells[4] = "1.25";
    fs::write(project.path("payments/2.csv"), text.replacen(&line, &cells.join(","), 1)).unwrap();
    let (third, _) = project.scored(0);
    assert_eq!((&third["scored"], &third["before"]), (&0.into(), &1500.into()), "{third}");
    project.program(PROGRAM);
    let (fourth, _) = project.scored(0);
    assert_eq!((&fourth["scored"], &fourth["before"]), (&500.into(), &1000.into()), "{fourth}");
}

/// What a version needs to score is looked for before it does; a model that is gone as a whole comes back with its training.
#[test]
fn a_model_that_is_gone_is_told() {
    let project = Project::new(PROGRAM);
    project.scored(0);
    let models = fs::read_dir(project.path(".mlsys/models")).unwrap().map(|entry| entry.unwrap().path());
    let model = models.into_iter().next().unwrap();
    fs::remove_file(model.join("model.safetensors")).unwrap();
    let (code, text) = project.run();
    assert!(code == 4 && text.contains("E0933") && text.contains("model.safetensors"), "{text}");
    fs::remove_dir_all(&model).unwrap();
    let (code, text) = project.run();
    assert!(code == 0 && model.join("model.safetensors").exists(), "{text}");
}

/// A training that fails, or a version that misses its gates, does not keep the champion from scoring; what is made in
/// another way than the champion has learnt does.
#[test]
fn the_champion_scores_whatever_becomes_of_others() {
    let strict = PROGRAM.replace("test.auc >= 0.5", "test.auc >= 0.9999");
    let project = Project::new(&strict);
    let (code, text) = project.run();
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("E0940") && text.contains("no version of `fraud` has met its gates"), "{text}");
    assert!(text.contains("deployment.nightly") && !project.path("out").exists(), "{text}");

    project.program(PROGRAM);
    assert_eq!(project.scored(0).0["scored"], 1500);

    project.payments(3);
    project.program(&PROGRAM.replace("validate: @2024-02-20", "validate: @2024-01-02"));
    let (failed, record) = project.scored(1);
    assert_eq!((&failed["version"], &failed["scored"]), (&1.into(), &500.into()), "{record}");

    project.payments(4);
    project.program(&strict.replace("mean(amount) over 7d", "mean(amount) over 14d"));
    let before = project.files("out/scores");
    let (code, text) = project.run();
    assert!(code == 3 && text.contains("was trained on inputs that the program now makes in"), "{text}");
    assert_eq!(project.files("out/scores"), before);
}

/// Files with the same rows are scored each by itself, and those without any are no trouble.
#[test]
fn files_that_are_alike_are_all_scored() {
    let project = Project::new(&PROGRAM.replace("  key  payment_id\n", ""));
    fs::copy(project.path("payments/2.csv"), project.path("payments/3.csv")).unwrap();
    let header = "payment_id,paid_at,customer_id,shop_id,amount,is_fraud\n";
    fs::write(project.path("payments/4.csv"), header).unwrap();
    fs::write(project.path("payments/5.csv"), header).unwrap();
    let (first, _) = project.scored(0);
    assert_eq!((&first["scored"], &first["files"]), (&2000.into(), &6.into()));
    assert_eq!(project.files("out/scores").len(), 6);
    let rows = project.rows("out/scores");
    assert!(rows.len() == 2000 && rows.iter().all(|row| !row.contains_key("payment_id")));
    let (code, text) = project.run();
    assert!(code == 0 && text.contains("nothing to do"), "{text}");
}

/// Another source, of which some rows lack an input that was never missing before.
const ARRIVALS: &str = r#"
source arrivals {
  from csv("arrivals/*.csv")
  schema {
    arrival_id:  int64
    seen_at:     timestamp
    customer_id: int64
    shop_id:     string
    amount:      float64?
  }
  time seen_at
  key  arrival_id
}
"#;

/// What does not meet what is expected is not delivered, and earlier predictions stay as they were, byte for byte.
#[test]
fn predictions_that_are_not_as_expected_stay_inside() {
    let clause = "score arrivals every 1d\n  into  parquet(\"out/scores.parquet\")\n  expect coverage >= 99%";
    let text = PROGRAM.replace("score payments every 1d at 02:00\n  into  csv(\"out/scores\")", clause) + ARRIVALS;
    let project = Project::new(&text);
    fs::create_dir(project.path("arrivals")).unwrap();
    let header = "arrival_id,seen_at,customer_id,shop_id,amount\n";
    let good = format!("{header}1,2024-03-10T00:00:00Z,7,S1,20.5\n2,2024-03-10T01:00:00Z,8,S2,1.5\n");
    fs::write(project.path("arrivals/0.csv"), good).unwrap();
    let (first, _) = project.scored(0);
    assert_eq!((&first["scored"], &first["delivered"]), (&2.into(), &2.into()));
    let before = fs::read(project.path("out/scores.parquet")).unwrap();

    let bad = format!("{header}3,2024-03-11T00:00:00Z,7,S1,\n4,2024-03-11T01:00:00Z,8,S2,2.5\n");
    fs::write(project.path("arrivals/1.csv"), bad).unwrap();
    let (code, printed) = project.run();
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("E0904") && printed.contains("expect coverage >= 0.99"), "{printed}");
    assert!(printed.contains("their coverage is 0.5000") && printed.contains("rejected"), "{printed}");
    let (second, _) = project.scored(1);
    assert_eq!((&second["coverage"], &second["scored"]), (&0.5.into(), &2.into()));
    assert_eq!(fs::read_dir(project.path(second["rejected"].as_str().unwrap())).unwrap().count(), 1);
    assert_eq!(fs::read(project.path("out/scores.parquet")).unwrap(), before);

    fs::write(project.path("arrivals/1.csv"), format!("{header}3,2024-03-11T00:00:00Z,7,S1,9.0\n")).unwrap();
    let (third, _) = project.scored(0);
    assert_eq!((&third["scored"], &third["before"], &third["delivered"]), (&1.into(), &2.into(), &3.into()));
    assert!(third["rejected"].is_null());
    assert_ne!(fs::read(project.path("out/scores.parquet")).unwrap(), before);
}

/// A condition chooses what leaves, and a change of it needs no new predictions.
#[test]
fn a_condition_chooses_what_leaves() {
    let filtered =
        PROGRAM.replace("into  csv(\"out/scores\")", "into  csv(\"out/high.csv\")\n  where prediction > 0.3");
    let project = Project::new(&filtered);
    let (first, _) = project.scored(0);
    let high = parsed(&fs::read_to_string(project.path("out/high.csv")).unwrap());
    assert!(high.iter().all(|row| row["prediction"].parse::<f64>().unwrap() > 0.3));
    assert_eq!((&first["scored"], first["delivered"].as_u64().unwrap() as usize), (&1500.into(), high.len()));
    assert!(!high.is_empty() && high.len() < 1500, "{}", high.len());

    project.program(&filtered.replace("prediction > 0.3", "prediction >= 0.0"));
    let (second, _) = project.scored(0);
    assert_eq!((&second["scored"], &second["delivered"], &second["written"]), (&0.into(), &1500.into(), &1.into()));
    let all = parsed(&fs::read_to_string(project.path("out/high.csv")).unwrap());
    let ids: Vec<&str> = all.iter().map(|row| row["payment_id"].as_str()).collect();
    assert_eq!((ids.len(), ids[0], ids[1499]), (1500, "0", "1499"));

    // A file that was lost is written again.
    fs::remove_file(project.path("out/high.csv")).unwrap();
    let (third, _) = project.scored(0);
    assert_eq!((&third["scored"], &third["written"]), (&0.into(), &1.into()));
    assert!(project.path("out/high.csv").exists());

    // Predictions may go elsewhere, and come back: what was left is known to be our own.
    project.program(&filtered.replace("out/high.csv", "out/other.csv"));
    assert_eq!(project.scored(0).0["written"], 1);
    assert!(project.path("out/high.csv").exists() && project.path("out/other.csv").exists());
    project.program(&filtered);
    let (back, _) = project.scored(0);
    assert_eq!((&back["scored"], &back["delivered"]), (&0.into(), &first["delivered"]));
}

/// Nobody's file is replaced, and a place that cannot be written costs no second scoring.
#[test]
fn what_others_have_written_stays() {
    let project = Project::new(&PROGRAM.replace("csv(\"out/scores\")", "csv(\"out/scores.csv\")"));
    fs::create_dir(project.path("out")).unwrap();
    fs::write(project.path("out/scores.csv"), "mine").unwrap();
    let (code, text) = project.run();
    assert!(code == 1 && text.contains("E0942") && text.contains("scores.csv` is in the way"), "{text}");
    assert_eq!(fs::read_to_string(project.path("out/scores.csv")).unwrap(), "mine");
    fs::remove_file(project.path("out/scores.csv")).unwrap();
    let (second, _) = project.scored(0);
    assert_eq!(second["delivered"], 1500);

    // What was delivered and changed by somebody is somebody's.
    let text = fs::read_to_string(project.path("out/scores.csv")).unwrap();
    fs::write(project.path("out/scores.csv"), text + "\n").unwrap();
    let (code, text) = project.run();
    assert!(code == 1 && text.contains("E0942"), "{text}");

    // A file stands where a folder should be.
    project.program(&PROGRAM.replace("out/scores", "out/scores.csv/here"));
    let (code, text) = project.run();
    assert!(code == 4 && text.contains("E0941"), "{text}");
}

/// A run that is killed while rows are predicted leaves what was delivered, and the next one completes; so does one that is
/// killed while files are put into their place.
#[test]
fn a_killed_run_leaves_what_was_delivered() {
    let project = Project::new(PROGRAM);
    project.scored(0);
    let (before, ledger) = (project.files("out/scores"), project.path(".mlsys/scores/nightly/payments/ledger.json"));
    let old = fs::read(&ledger).unwrap();
    project.payments(3);
    let worker = project.path("worker.sh");
    let real = mlsys_tests::binaries().join("mlsysd");
    fs::write(
        &worker,
        format!(
            "#!/bin/sh\nif [ \"$1\" = predict ]; then touch \"{}\"; exec sleep 600; fi\nexec \"{}\" \"$@\"\n",
            project.path("begun").display(),
            real.display()
        ),
    )
    .unwrap();
    make_executable(&worker);
    let mut child =
        project.command(&["run"]).env("MLSYSD", &worker).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !project.path("begun").exists() {
        assert!(started.elapsed() < Duration::from_secs(120), "predicting has not begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(project.files("out/scores"), before);

    let (next, _) = project.scored(0);
    assert_eq!((&next["scored"], &next["before"], &next["files"]), (&500.into(), &1500.into(), &4.into()));
    let after = project.files("out/scores");

    // Killed when everything was in its place and not yet remembered: what is pending is known to be our own.
    let new: Value = serde_json::from_slice(&fs::read(&ledger).unwrap()).unwrap();
    fs::write(ledger.with_file_name("pending.json"), new["files"].to_string()).unwrap();
    fs::write(&ledger, old).unwrap();
    project.scored(0);
    assert_eq!(project.files("out/scores").keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert_eq!(project.rows("out/scores").len(), 2000);
    assert!(!ledger.with_file_name("pending.json").exists());
}

#[cfg(unix)]
fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Entities are scored at every tick, those with features that the model asks for; an appended week costs a week.
#[test]
fn entities_are_scored_every_week() {
    let program = r#"
entity customer { customer_id: int64 }

source customers {
  from csv("customers.csv")
  schema { customer_id: int64  joined_at: timestamp }
  time joined_at
  key  customer_id
}

source payments {
  from csv("visits/*.csv")
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
  label   silent = count() from payments for customer over next 30d <= 20
  inputs  { spend.* }
  impute  median with indicator
  split   time(test: @2024-03-01)
  learn   mlp(hidden: [4])
  train   { epochs 2  seed 1 }
}

deployment nightly {
  model silence
  score every 7d into csv("out/scores")
}
"#;
    let project = Project::new(program);
    let customers: String = (0..50).map(|id| format!("{id},2024-01-0{}T00:00:00Z\n", id % 7 + 1)).collect();
    fs::write(project.path("customers.csv"), format!("customer_id,joined_at\n{customers}")).unwrap();
    fs::create_dir(project.path("visits")).unwrap();
    let visit = |id: u64| {
        let day = id * 120 / 4000;
        let (month, day) = ([1, 2, 3, 4][(day / 30) as usize], day % 30 + 1);
        let day = if month == 2 { day.min(29) } else { day };
        format!("{id},2024-{month:02}-{day:02}T00:00:00Z,{},{}.5\n", (id * id + id / 97) % 50, id % 90)
    };
    let header = "payment_id,paid_at,customer_id,amount\n";
    let first: String = (0..3600).map(visit).collect();
    fs::write(project.path("visits/0.csv"), format!("{header}{first}")).unwrap();
    let (scored, record) = project.scored(0);
    let rows = project.rows("out/scores");
    assert_eq!(scored["scored"].as_u64().unwrap() as usize, rows.len(), "{record}");
    let ticks: BTreeSet<String> = rows.iter().map(|row| row["at"].clone()).collect();
    let last = ticks.iter().next_back().unwrap().clone();
    // The examples end where labels do, and predictions where the data do.
    assert!(last.as_str() > "2024-04-10" && last.as_str() <= "2024-04-18T00:00:00Z", "{last}");
    assert_eq!(scored["files"].as_u64().unwrap() as usize, project.files("out/scores").len(), "{scored}");

    let before = project.files("out/scores");
    let (code, text) = project.run();
    assert!(code == 0 && text.contains("nothing to do"), "{text}");
    assert_eq!(project.files("out/scores"), before);

    let second: String = (3600..4000).map(visit).collect();
    fs::write(project.path("visits/1.csv"), format!("{header}{second}")).unwrap();
    let (more, _) = project.scored(0);
    assert_eq!(more["before"], scored["scored"]);
    let all = project.rows("out/scores");
    let new: Vec<&Row> = all.iter().filter(|row| row["version"] == "2").collect();
    assert!(!new.is_empty() && new.iter().all(|row| row["at"] > last), "{more}");
}

/// What cannot be judged of scored rows, or chosen by, is refused by name before anything is read.
#[test]
fn what_cannot_be_done_is_refused() {
    let clause = "into  csv(\"out/scores\")\n  where prediction > quantile(0.99)\n  expect psi(prediction) < 0.25";
    let project = Project::new(&PROGRAM.replace("into  csv(\"out/scores\")", clause));
    let (code, text) = project.run();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("E0910") && text.contains("`quantile` of the training part"), "{text}");
    assert!(text.contains("hold scored rows against `expect psi`"), "{text}");
    assert!(!project.path(".mlsys").exists());

    // A sink that a run does not serve is named, and the rest is done.
    let kafka = "kafka(topic: \"scores\", brokers: \"localhost:9092\")";
    let project = Project::new(&PROGRAM.replace("csv(\"out/scores\")", kafka));
    let (code, text) = project.run();
    assert!(code == 0 && text.contains("not executed by a run: deployment nightly (score)"), "{text}");
}
