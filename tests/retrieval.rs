//! Retrieval through the binaries: two towers are trained, judged, gated and registered, and what there is not is refused.

use std::fs;

use mlsys_tests::{mlsysc, printed, score};
use serde_json::Value;
use tempfile::TempDir;

/// Clicks on one of forty items, of which a user's taste says a part.
const PROGRAM: &str = r#"
source items {
  from csv("items.csv")
  schema { item_id: int64  category: string  shelf: string }
  key item_id
  static
}

source clicks {
  from csv("clicks.csv")
  schema {
    click_id:   int64
    item_id:    int64
    taste:      string
    device:     string
    clicked_at: timestamp
  }
  time clicked_at
  key  click_id
}

model retrieve {
  observe clicks
  inputs {
    taste
    device
    category = items[item_id].category
    shelf    = items[item_id].shelf
  }
  impute 0
  split time(validate: @2024-01-15, test: @2024-01-18)
  learn two_tower(query: [taste, device], candidate: [category, shelf], dim: 8, hidden: [16])
  train {
    optimizer adam(lr: 0.01)
    loss      sampled_softmax(temperature: 0.1)
    epochs    15
    batch     128
    stop_early(on: validate.mrr, patience: 15)
    seed      3
  }
  require test.recall(10) >= 0.6
  require test.mrr >= champion - 0.2
  require test.hit_rate(20) by device >= 0.5
}
"#;

struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        let items = (0..40).map(|item| format!("{item},category {},shelf {}\n", item % 10, item / 10));
        project.write("items.csv", &("item_id,category,shelf\n".to_owned() + &items.collect::<String>()));
        let clicks = (0..2000_u32).map(|click| {
            // A hash (Knuth): the same clicks everywhere.
            let chance = click.wrapping_mul(2_654_435_761) >> 12;
            let taste = click * 7 % 10;
            // Seven of eight are of the category that the taste is of; the shelf is anybody's.
            let category = if chance.is_multiple_of(8) { chance / 8 % 10 } else { taste };
            let (item, device) =
                (category + chance / 80 % 4 * 10, if click.is_multiple_of(3) { "phone" } else { "desk" });
            let (day, minute) = (click / 100 + 1, click % 100 * 14);
            format!(
                "{click},{item},taste {taste},{device},2024-01-{day:02}T{:02}:{:02}:00Z\n",
                minute / 60,
                minute % 60
            )
        });
        project.write(
            "clicks.csv",
            &("click_id,item_id,taste,device,clicked_at\n".to_owned() + &clicks.collect::<String>()),
        );
        project.write("retrieve.mlsys", PROGRAM);
        project
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// A run's record; the exit code must be the expected one.
    fn record(&self, expected: i32) -> Value {
        let output = mlsysc(&["run", "--json"]).current_dir(self.folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn refused(&self) -> String {
        let output = mlsysc(&["run"]).current_dir(self.folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
        printed(&output)
    }
}

#[test]
fn a_retrieval_is_judged_and_registered() {
    let project = Project::new();
    let record = project.record(0);
    let model = &record["models"][0];
    assert_eq!(model["version"], 1);
    let test = &model["report"]["parts"]["test"];
    // Of forty candidates four are of the right category, in any order among themselves.
    let recall = score(test, "recall(k: 10)");
    let mrr = score(test, "mrr");
    assert!(recall > 0.8 && mrr > 0.3 && mrr < 0.8, "{test}");
    assert!(score(test, "ndcg(k: 10)") > mrr, "{test}");
    assert_eq!(test["slices"].as_array().unwrap().len(), 2);
    assert!(model["report"]["parts"]["train"]["rows"].as_u64().unwrap() > 1000);
    assert!(model["gates"].as_array().unwrap().iter().all(|gate| gate["met"] == true), "{}", model["gates"]);

    // A second version is held against the first one, on the same candidates.
    project.write("retrieve.mlsys", &PROGRAM.replace("seed      3", "seed      4"));
    let record = project.record(0);
    let gates = record["models"][0]["gates"].to_string();
    assert!(record["models"][0]["version"] == 2 && gates.contains("the champion is version 1"), "{gates}");
}

#[test]
fn what_a_retrieval_cannot_do_is_refused() {
    let project = Project::new();
    let scored =
        "\ndeployment nightly {\n  model retrieve\n  score clicks every 1d at 02:00\n  into  csv(\"out\")\n}\n";
    project.write("retrieve.mlsys", &(PROGRAM.to_owned() + scored));
    let text = project.refused();
    assert!(text.contains("E0910") && text.contains("score rows by a model that retrieves"), "{text}");
}
