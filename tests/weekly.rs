//! Examples at ticks, whose labels look ahead: what an appended week costs.

use std::fs;

use mlsys_tests::{mlsysc, printed};
use serde_json::Value;
use tempfile::TempDir;

/// Which customers hardly buy in the two weeks to come?
const PROGRAM: &str = r#"
entity customer { customer_id: int64 }

source customers {
  from csv("customers.csv")
  schema { customer_id: int64  joined_at: timestamp }
  time joined_at
  key  customer_id
}

source payments {
  from csv("payments/*.csv")
  schema { payment_id: int64  paid_at: timestamp  customer_id: int64  amount: float64 }
  time paid_at
  key  payment_id
}

features spend for customer from payments {
  payments = count() over 30d
  mean     = mean(amount) over 7d
}

model silence {
  observe every 7d for customer in customers where spend.payments > 2
  label   silent = count() from payments for customer over next 14d <= 3
  inputs  { spend.*, age = (now - joined_at) / 1d }
  impute  median with indicator
  split   time(test: @2024-02-25)
  learn   mlp(hidden: [4])
  train   { epochs 2  seed 1 }
}
"#;

struct Project {
    folder: TempDir,
}

impl Project {
    /// A project with fifty customers and so many weeks of payments, from the first Thursday of the year on.
    fn new(weeks: u64) -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        project.write("churn.mlsys", PROGRAM);
        let customers: String = (0..50).map(|id| format!("{id},2024-01-0{}T00:00:00Z\n", id % 3 + 1)).collect();
        project.write("customers.csv", &format!("customer_id,joined_at\n{customers}"));
        fs::create_dir(project.folder.path().join("payments")).unwrap();
        (0..weeks).for_each(|week| project.week(week));
        project
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Writes a week of payments, from a Thursday to the Wednesday after it.
    fn week(&self, week: u64) {
        let payment = |number: u64| {
            let (id, day) = (week * 100 + number, 3 + week * 7 + number * 7 / 100);
            format!("{id},{}T00:00:00Z,{},{}.5\n", date(day), (number * number + number / 7 + week) % 50, id % 90)
        };
        let rows: String = (0..100).map(payment).collect();
        let header = "payment_id,paid_at,customer_id,amount";
        self.write(&format!("payments/{week:02}.csv"), &format!("{header}\n{rows}"));
    }

    /// A run's record.
    fn record(&self) -> Value {
        let output = mlsysc(&["run", "--json"]).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// A day of 2024, counted from 0.
fn date(mut day: u64) -> String {
    for (month, days) in (1..).zip([31, 29, 31, 30]) {
        if day < days {
            return format!("2024-{month:02}-{:02}", day + 1);
        }
        day -= days;
    }
    panic!("later than April")
}

/// What is told of a node.
fn report<'a>(record: &'a Value, name: &str) -> &'a Value {
    let nodes = record["nodes"].as_array().unwrap();
    &nodes.iter().find(|node| node["node"] == name).unwrap()["report"]
}

/// Of weekly examples whose label looks two weeks ahead, an appended week of orders makes those of one tick, and labels of one
/// more; features are made at the new tick alone. The model is that of a run from nothing.
#[test]
fn an_appended_week_makes_a_week_of_examples() {
    let project = Project::new(11);
    project.record();
    let mut record = Value::Null;
    for weeks in 12..14 {
        project.week(weeks - 1);
        record = project.record();
        let parts = |name: &str| report(&record, name)["parts"].clone();
        // Ticks are Thursdays, as 1970 began with one; the data end on a Wednesday.
        assert_eq!(parts("observe.silence"), serde_json::json!({ "total": weeks, "made": 2 }));
        assert_eq!(parts("join.silence.spend"), serde_json::json!({ "total": weeks, "made": 1 }));
    }
    let fresh = Project::new(13).record();
    for counted in ["rows", "left_out", "left_out_by_part", "outside", "without_time"] {
        let of = |record| report(record, "observe.silence")[counted].clone();
        assert_eq!(of(&record), of(&fresh), "{counted}");
    }
    let trained = |record: &Value| record["models"][0]["report"]["parts"].clone();
    assert_eq!(trained(&record), trained(&fresh));
    assert!(trained(&record)["test"]["rows"].as_u64().unwrap() > 20, "{record}");

    // Another input is another column of the examples; features stay.
    project.write("churn.mlsys", &PROGRAM.replace("/ 1d", "/ 2d"));
    let changed = project.record();
    let made = |name: &str| report(&changed, name)["parts"]["made"].clone();
    assert_eq!((made("observe.silence"), made("join.silence.spend")), (13.into(), 0.into()));
}
