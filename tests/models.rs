//! The commands on versions of models, on a small project through the real programs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use mlsys_tests::{mlsysc, payments, printed};
use tempfile::TempDir;

const PROGRAM: &str = r#"source payments {
  from csv("payments.csv")
  schema { payment_id: int64  amount: float64  paid_at: timestamp  is_fraud: bool known at paid_at + 1h }
  time paid_at
  key  payment_id
}

model fraud {
  observe payments
  label   is_fraud
  inputs  { amount }
  split   time(validate: @2024-01-03, test: @2024-01-04)
  learn   LEARNER
  train   { epochs 20  batch 64  optimizer adam(lr: 0.02)  seed SEED }
  require test.auc >= 0.6
}
"#;

struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        fs::write(project.path("payments.csv"), payments()).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, learner: &str, seed: u32) {
        let text = PROGRAM.replace("LEARNER", learner).replace("SEED", &seed.to_string());
        fs::write(self.path("fraud.mlsys"), text).unwrap();
        let program = self.path("fraud.mlsys");
        let output = mlsysc(&["run", "--threads", "1"]).arg(program).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }

    fn models(&self, arguments: &[&str]) -> Output {
        let program = self.path("fraud.mlsys");
        let mut command = mlsysc(&["models"]);
        command.args(arguments).arg("--program").arg(program).env("MLSYS_USER", "ann");
        command.output().unwrap()
    }

    /// What a command that succeeds prints.
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.models(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints that finds the program or the data wrong.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.models(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", printed(&output));
        printed(&output)
    }
}

#[test]
fn versions_are_looked_at_moved_and_exported() {
    let project = Project::new();
    fs::write(project.path("fraud.mlsys"), PROGRAM.replace("LEARNER", "linear()").replace("SEED", "1")).unwrap();
    assert!(project.refused(&["list"]).contains("E0943"));
    project.run("mlp(hidden: [8])", 1);
    project.run("trees(rounds: 20)", 1);
    let listed = project.told(&["list"]);
    assert!(listed.lines().count() == 3 && listed.contains("champion") && listed.contains("auc"), "{listed}");
    let shown = project.told(&["show", "fraud"]);
    for expected in ["fraud version 2  (champion)", "source payments", "inputs", "amount", "test:", "met", "history"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    let json: serde_json::Value = serde_json::from_str(&project.told(&["show", "fraud@1", "--json"])).unwrap();
    assert_eq!(json["version"]["lineage"]["inputs"][0], "amount");
    assert!(project.told(&["compare", "fraud", "1", "champion"]).contains("difference"));

    assert!(project.told(&["rollback", "fraud", "--because", "it was slow"]).contains("version 1 of fraud"));
    // A run that trains nothing new does not undo it.
    project.run("trees(rounds: 20)", 1);
    let shown = project.told(&["show", "fraud"]);
    assert!(shown.contains("fraud version 1  (champion)") && shown.contains("because it was slow"), "{shown}");
    assert!(project.refused(&["rollback", "fraud"]).contains("E0943"));
    project.told(&["promote", "fraud", "2", "--to", "candidate"]);
    assert!(project.told(&["show", "fraud@candidate"]).contains("version 2  (candidate)"));

    let folder = project.path("out");
    project.told(&["export", "fraud@2", folder.to_str().unwrap()]);
    assert!(folder.join("model.txt").is_file() && folder.join("version.json").is_file());
    assert!(project.refused(&["export", "fraud@2", folder.to_str().unwrap()]).contains("E0942"));
}

#[test]
fn a_version_is_shown_as_a_card_and_as_a_page() {
    let project = Project::new();
    project.run("trees(rounds: 20)", 1);
    let folder = project.path("out");
    project.told(&["export", "fraud", folder.to_str().unwrap(), "--license", "apache-2.0"]);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();

    let card = read("README.md");
    let (front, body) = card.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).unwrap();
    for line in [
        "library_name: mlsys",
        "license: \"apache-2.0\"",
        "- name: \"fraud\"",
        "      name: \"payments\"",
        "    - type: \"roc_auc\"",
    ] {
        assert!(front.lines().any(|each| each == line), "{line}: {front}");
    }
    for told in [
        "# fraud version 1",
        "Predicts `is_fraud`",
        "learnt by `trees`",
        "rounds: 20",
        "- alias: `champion`",
        "gates: 1 of 1 hold",
        "`test.auc >= 0.6`",
        "## Lineage",
        "registered",
    ] {
        assert!(body.contains(told), "{told}: {body}");
    }
    let shown = project.told(&["show", "fraud", "--card"]);
    assert!(shown.contains("# fraud version 1") && shown.contains("exported") && !shown.contains("license"), "{shown}");

    let page = read("report.html");
    assert!(page.len() < 1_000_000 && page.ends_with("</html>"), "{} bytes", page.len());
    for chart in ["roc", "precision-recall", "calibration", "predictions", "importance-chart", "learning-0"] {
        assert!(page.contains(&format!("<title id=\"{chart}-title\">")), "{chart}");
    }
    let file = project.path("fraud.html");
    assert!(project.told(&["show", "fraud", "--html", file.to_str().unwrap()]).contains("fraud.html"));
    assert!(fs::read_to_string(file).unwrap().contains("fraud version 1"));
    let nowhere = project.models(&["show", "fraud", "--html", project.path("no/where.html").to_str().unwrap()]);
    assert!(nowhere.status.code() == Some(4) && printed(&nowhere).contains("E0911"), "{}", printed(&nowhere));
    assert_eq!(project.models(&["show", "fraud", "--html", "x", "--json"]).status.code(), Some(2));
}

#[test]
fn what_there_is_not_is_told() {
    let project = Project::new();
    project.run("linear()", 1);
    assert!(project.refused(&["show", "frud"]).contains("did you mean `fraud`?"));
    assert!(project.refused(&["show", "fraud@7"]).contains("`fraud` has no version 7"));
    assert!(project.refused(&["promote", "fraud", "candidate"]).contains("alias `candidate`"));
    let wrong = project.models(&["promote", "fraud", "1", "--to", "The Best"]);
    assert!(wrong.status.code() == Some(2) && printed(&wrong).contains("small letters"), "{}", printed(&wrong));
}

#[test]
fn files_of_old_versions_are_removed() {
    let project = Project::new();
    for seed in 1..=3 {
        project.run("mlp(hidden: [4])", seed);
    }
    project.told(&["promote", "fraud", "1", "--to", "first"]);
    let folders = || fs::read_dir(project.path(".mlsys/models")).unwrap().count();
    assert!(project.told(&["gc", "--keep", "1", "--dry-run"]).contains("fraud version 2"));
    assert_eq!(folders(), 3);
    assert!(project.told(&["gc", "--keep", "1"]).contains("freed"));
    assert_eq!(folders(), 2);
    assert!(project.told(&["list"]).contains("removed"));
    assert!(project.told(&["gc", "--keep", "1"]).contains("nothing to remove"));
    let output = project.models(&["promote", "fraud", "2"]);
    assert!(output.status.code() == Some(4) && printed(&output).contains("E0933"), "{}", printed(&output));
}
