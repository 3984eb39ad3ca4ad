//! The quality of data in whole runs: checks that depend on the clock, and profiles.

use std::fs;
use std::path::PathBuf;

use mlsys_engine::{Options, Outcome, Summary};
use mlsys_tests::{compile, mlsysc, printed};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = r#"
source payments {
  from csv("payments.csv")
  schema {
    payment_id: int64
    shop:       string?
    email:      string pii
    amount:     float64
    paid_at:    timestamp
  }
  time paid_at
  key  payment_id
  expect fresh within 1d          else warn
  expect missing(shop) < 20% over 1d else warn
}
"#;

const PAYMENTS: &str = "payment_id,shop,email,amount,paid_at\n\
    1,Kiel,ann@x.org,2.5,2024-03-01T08:00:00Z\n\
    2,Ulm,bob@x.org,7.5,2024-03-01T09:00:00Z\n\
    3,Kiel,ann@x.org,10.0,2024-03-02T08:00:00Z\n\
    4,,cyd@x.org,4.0,2024-03-02T12:00:00Z\n";

/// 2024-03-02T12:00:00Z, when the last payment was made, in microseconds since 1970.
const LAST: i64 = 1_709_380_800_000_000;
const HOUR: i64 = 3_600_000_000;

struct Project {
    folder: TempDir,
}

impl Project {
    fn new(program: &str) -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        fs::write(project.path("shop.mlsys"), program).unwrap();
        fs::write(project.path("payments.csv"), PAYMENTS).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn call(&self, arguments: &[&str]) -> (i32, String) {
        let output = mlsysc(arguments).current_dir(self.folder.path()).output().unwrap();
        (output.status.code().unwrap_or(-1), printed(&output))
    }

    fn profile(&self) -> Value {
        let (code, text) = self.call(&["profile", "payments", "--json"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// A run at a moment of the test's choice.
    async fn run_at(&self, program: &str, now: i64) -> Summary {
        let options = Options {
            project: self.folder.path().to_path_buf(),
            state: self.path(".mlsys"),
            store: None,
            registry: None,
            tracking: None,
            worker: PathBuf::new(),
            threads: Some(1),
            memory: None,
            explain: false,
            profiles: false,
            only: Vec::new(),
            now: Some(now),
        };
        mlsys_engine::run(&compile(program).0.unwrap(), &options, &|_| {}).await.unwrap()
    }
}

/// What is current is not read again, and its age is judged all the same.
#[tokio::test(flavor = "multi_thread")]
async fn age_is_judged_in_every_run() {
    let strict = PROGRAM.replace("expect fresh within 1d          else warn", "expect fresh within 1d");
    let project = Project::new(&strict);
    let young = project.run_at(&strict, LAST + HOUR).await;
    assert_eq!(young.nodes[0].outcome, Outcome::Done);
    let checks = young.nodes[0].report.as_ref().unwrap()["table_checks"].clone();
    assert_eq!(checks[0]["text"], "fresh within 1d");
    assert_eq!((&checks[0]["holds"], &checks[0]["found"]), (&Value::Bool(true), &"its latest row is 1h old".into()));
    assert_eq!(checks[1]["text"], "missing(shop) < 0.2 over 1d");

    let old = project.run_at(&strict, LAST + 51 * HOUR).await;
    let failure = old.failures().next().unwrap();
    assert_eq!((failure.code.as_str(), failure.line), ("E0904", Some(13)));
    assert_eq!(failure.message, "payments does not satisfy `fresh within 1d`: its latest row is 2d 3h old");

    // Nothing has happened to the result.
    assert_eq!(project.run_at(&strict, LAST + HOUR).await.nodes[0].outcome, Outcome::Current);
}

#[test]
fn checks_that_do_not_hold_are_told_in_every_run() {
    let project = Project::new(PROGRAM);
    for _ in 0..2 {
        let (code, text) = project.call(&["run"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("`fresh within 1d` (line 13) does not hold: its latest row is "), "{text}");
        let missing = "`missing(shop) < 0.2 over 1d` (line 14) does not hold: 1 of 2 windows is outside the bound; \
                       the worst begins at @2024-03-02, where it is 0.5000";
        assert!(text.contains(missing), "{text}");
    }
}

#[test]
fn a_run_leaves_a_profile_of_each_source() {
    let project = Project::new(PROGRAM);
    let (code, text) = project.call(&["profile", "payments"]);
    assert_eq!(code, 1);
    assert!(text.contains("E0914") && text.contains("mlsysc run --only source.payments --profile-data"), "{text}");
    assert!(!project.path(".mlsys").exists());
    let (code, text) = project.call(&["profile", "payment"]);
    assert_eq!(code, 1);
    assert!(text.contains("E0917") && text.contains("did you mean `payments`?"), "{text}");

    assert_eq!(project.call(&["run"]).0, 0);
    let (code, text) = project.call(&["profile", "payments"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("payments: 4 rows\n") && text.contains("Kiel 50.0%, Ulm 25.0%"), "{text}");
    assert!(text.contains("string pii") && !text.contains("x.org"), "{text}");
    let profile = project.profile();
    assert_eq!((&profile["from"], &profile["rows"]), (&"rows".into(), &4.into()));
    let amount = &profile["columns"][3];
    assert_eq!((&amount["min"], &amount["max"], &amount["mean"]), (&2.5.into(), &10.0.into(), &6.0.into()));
    assert_eq!(profile["columns"][2]["distinct"], 3);
    assert_eq!(profile["columns"][4]["max"], "2024-03-02T12:00:00Z");
}

/// The files of a source that need not be read are profiled when that is asked for, also after they have become current.
#[test]
fn files_that_are_not_read_are_profiled_on_request() {
    let project = Project::new(PROGRAM);
    assert_eq!(project.call(&["run"]).0, 0);
    let results = fs::read_dir(project.path(".mlsys/parts/source.payments")).unwrap();
    let written =
        results.map(|entry| entry.unwrap().path()).find(|path| path.extension() == Some("parquet".as_ref())).unwrap();
    fs::copy(written, project.path("payments.parquet")).unwrap();
    let plain = PROGRAM.replace("csv(\"payments.csv\")", "parquet(\"payments.parquet\")");
    let plain: String =
        plain.lines().filter(|line| !line.contains("expect") && !line.contains("key")).collect::<Vec<_>>().join("\n");
    fs::write(project.path("shop.mlsys"), plain).unwrap();
    fs::remove_dir_all(project.path(".mlsys")).unwrap();

    assert_eq!(project.call(&["run"]).0, 0);
    let footers = project.profile();
    assert_eq!((&footers["from"], &footers["columns"][3]["max"]), (&"footers".into(), &10.0.into()));
    assert_eq!(footers["columns"][1]["nulls"], 1);
    assert!(footers["columns"][3].get("mean").is_none());
    let (_, text) = project.call(&["profile", "payments"]);
    assert!(text.contains("mlsysc run --only source.payments --profile-data"), "{text}");

    let (code, text) = project.call(&["run", "--profile-data"]);
    assert!(code == 0 && text.contains("nothing to do"), "{text}");
    let rows = project.profile();
    assert_eq!((&rows["from"], &rows["columns"][3]["mean"]), (&"rows".into(), &6.0.into()));
}
