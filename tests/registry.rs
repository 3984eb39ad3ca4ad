//! Machines that share a registry on a PostgreSQL server: what one registers the others see, move and use.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;

use mlsys_engine::models::{Actor, Models, Which};
use mlsys_engine::{Objects, Options, RegistryAddress, Remote};
use mlsys_tests::{binaries, compile, concise, mlsysc, payments, printed};
use object_store::memory::InMemory;
use postgres::{PASSWORD, Postgres};
use tempfile::TempDir;

#[path = "support/postgres.rs"]
mod postgres;

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
  learn   mlp(hidden: [4])
  train   { epochs 20  batch 64  optimizer adam(lr: 0.02)  seed SEED }
  require test.auc >= 0.6
}

deployment nightly {
  model fraud
  score payments every 1d into csv("out/scores")
}
"#;

/// A folder of its own with the same rows.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Machine(tempfile::tempdir().unwrap());
        fs::write(machine.path("payments.csv"), payments()).unwrap();
        machine.program(1);
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, seed: u32) {
        fs::write(self.path("fraud.mlsys"), PROGRAM.replace("SEED", &seed.to_string())).unwrap();
    }

    fn profile(&self, entries: &str) {
        fs::write(self.path("mlsys.toml"), format!("[profile.default]\n{entries}\n")).unwrap();
    }

    /// A call with the password in a variable that the profile names.
    fn call(&self, arguments: &[&str]) -> Output {
        let mut command = mlsysc(arguments);
        command.current_dir(self.0.path()).env_remove("PGPASSWORD").env("REGISTRY_PASSWORD", PASSWORD);
        command.output().unwrap()
    }

    /// What a call that ends with this status prints, in one line.
    fn told(&self, arguments: &[&str], status: i32) -> String {
        let output = self.call(arguments);
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
        assert!(!text.contains(PASSWORD), "{text}");
        // Long lines are broken, with a rule at the margin.
        text.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
    }

    fn options(&self, store: &Remote, registry: &RegistryAddress) -> Options {
        Options {
            project: self.0.path().to_path_buf(),
            state: self.path(".mlsys"),
            store: Some(store.clone()),
            registry: Some(registry.clone()),
            tracking: None,
            worker: binaries().join("mlsysd"),
            threads: Some(1),
            memory: None,
            explain: false,
            profiles: false,
            only: Vec::new(),
            now: None,
        }
    }

    /// A run with a store in memory, which no other process reaches.
    async fn run(&self, seed: u32, store: &Remote, registry: &RegistryAddress) -> serde_json::Value {
        let (plan, diagnostics, files) = compile(&PROGRAM.replace("SEED", &seed.to_string()));
        let plan = plan.unwrap_or_else(|| panic!("{}", concise(&diagnostics, &files)));
        let summary = mlsys_engine::run(&plan, &self.options(store, registry), &|_| {}).await.unwrap();
        assert!(summary.failures().next().is_none(), "{:?}", summary.failures().next());
        serde_json::to_value(&summary).unwrap()
    }

    fn models(&self) -> usize {
        fs::read_dir(self.path(".mlsys/models")).map_or(0, |folders| folders.count())
    }
}

const PASSWORD_BY_NAME: &str = "secrets = { PGPASSWORD = \"REGISTRY_PASSWORD\" }";

#[test]
fn machines_see_and_move_each_others_versions() {
    let address = Postgres::server().database();
    let (one, other) = (Machine::new(), Machine::new());
    for machine in [&one, &other] {
        machine.profile(&format!("registry = \"{address}\"\n{PASSWORD_BY_NAME}"));
    }
    assert!(other.told(&["models", "list"], 0).starts_with("model version"));
    assert!(other.told(&["models", "show", "fraud"], 1).contains("E0943"));
    assert!(one.told(&["run", "--threads", "1"], 0).contains("version 1 is registered"));
    assert!(!one.path(".mlsys/registry.db").exists());
    let shown = other.told(&["models", "show", "fraud"], 0);
    assert!(shown.contains("fraud version 1 (champion)") && shown.contains("not on this machine"), "{shown}");

    // Without a store the files stay where they were made, and that is said.
    let refused = other.told(&["models", "export", "fraud", "out"], 4);
    assert!(refused.contains("E0933") && refused.contains("store = \"s3://"), "{refused}");
    assert!(other.told(&["models", "gc", "--keep", "0"], 0).contains("nothing to remove"));

    other.program(2);
    assert!(other.told(&["run", "--threads", "1"], 0).contains("version 2 is registered"));
    assert!(one.told(&["models", "rollback", "fraud", "--because", "it was slow"], 0).contains("version 1 of fraud"));
    let shown = other.told(&["models", "show", "fraud"], 0);
    assert!(shown.contains("fraud version 1 (champion)") && shown.contains("because it was slow"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_version_are_fetched_when_they_are_needed() {
    let registry = RegistryAddress::read(&Postgres::server().database(), Some(PASSWORD)).unwrap();
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    let store = Remote::over(objects, "team/fraud", "memory");
    let (one, other) = (Machine::new(), Machine::new());
    one.run(1, &store, &registry).await;
    other.run(2, &store, &registry).await;
    assert_eq!((one.models(), other.models()), (1, 1));

    // A machine without anything exports a version of each, and says which one is used.
    let third = Machine::new();
    let models = Models::open(&third.path(".mlsys"), Some(store.clone()), Some(&registry)).await.unwrap().unwrap();
    let detail = models.detail("fraud", &Which::Number(1)).await.unwrap();
    let card = models.card(&detail).await.unwrap();
    models.export(&detail, &card, &third.path("out"), &Actor::here()).await.unwrap();
    assert!(third.path("out/model.safetensors").is_file() && third.path("out/version.json").is_file());
    assert_eq!(third.models(), 1);
    for (version, before) in [(1, 2), (2, 1)] {
        let promoted = models.promote("fraud", &Which::Number(version), "champion", &Actor::here()).await.unwrap();
        assert_eq!(promoted, (version, Some(before)));
    }
    assert_eq!(third.models(), 2);

    // The first machine scores with the champion that the second has made.
    let summary = one.run(1, &store, &registry).await.to_string();
    assert!(summary.contains("\"version\":2"), "{summary}");
    assert_eq!(one.models(), 2);

    // What is removed on one machine is a copy, and comes back.
    let removed = models.collect(0, false, &Actor::here()).await.unwrap();
    assert_eq!((removed.len(), third.models()), (1, 1));
    let versions = models.versions("fraud").await.unwrap();
    assert!(versions.iter().all(|version| version.removed_at.is_none()), "{versions:?}");
    models.promote("fraud", &Which::Number(1), "candidate", &Actor::here()).await.unwrap();
    assert_eq!(third.models(), 2);
    models.close().await;
}

/// What a profile names as its registry, and what is said of it: before anything is made, and without what may be a secret.
#[test]
fn registries_that_cannot_be_used_are_told() {
    let machine = Machine::new();
    let there = Postgres::server().database();
    for (entries, status, code, said) in [
        ("registry = \"mysql://ann@host/mlsys\"".to_owned(), 1, "E0910", "name `postgres://USER@HOST/DATABASE`"),
        ("registry = \"postgres://ann:secret@host/mlsys\"".to_owned(), 1, "E0915", "has a password in it"),
        ("registry = \"postgres://ann:secret@host/mlsys".to_owned(), 1, "E0915", "cannot be used"),
        ("registry = \"postgres://ann@host/\"".to_owned(), 1, "E0915", "does not name one database"),
        (
            "registry = \"postgres://ann@127.0.0.1:1/mlsys\"".to_owned(),
            4,
            "E0945",
            "`127.0.0.1:1/mlsys`: it cannot be reached",
        ),
        (format!("registry = \"{there}\""), 4, "E0945", "does not take the password"),
        (
            format!("registry = \"{there}\"\nsecrets = {{ PGPASSWORD = \"NOT_THERE\" }}"),
            4,
            "E0945",
            "no variable `NOT_THERE`",
        ),
        (format!("registry = \"{there}_0\"\n{PASSWORD_BY_NAME}"), 4, "E0945", "there is no such database"),
    ] {
        machine.profile(&entries);
        for arguments in [&["run", "--threads", "1"][..], &["models", "list"]] {
            let text = machine.told(arguments, status);
            assert!(text.contains(code) && text.contains(said) && !text.contains("secret@"), "{entries}: {text}");
        }
        assert!(!machine.path(".mlsys/offline/source.payments").exists(), "{entries}");
    }
}
