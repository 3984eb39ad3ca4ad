//! A store that machines share: what one of them has made the others fetch, an appended day costs a day wherever it is
//! appended, and a store that fails halfway leaves nothing half to be read.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use mlsys_dataflow::part_of;
use mlsys_engine::{Objects, Options, Outcome, Remote, RunError, Summary};
use mlsys_plan::{Fingerprint, NodeId, Plan};
use mlsys_tests::{compile, concise, mlsysc, printed};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Name;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use tempfile::TempDir;

/// A group over payments that come in a file a day; one row in nine is set aside.
const PROGRAM: &str = r#"
entity customer { customer_id: int64 }

source payments {
  from csv("day-*.csv")
  schema {
    payment_id:  int64
    paid_at:     timestamp
    customer_id: int64
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

model fraud {
  observe payments
  label   is_fraud
  inputs {
    amount
    spend.*
  }
  impute median with indicator
  split time(validate: @2024-01-03, test: @2024-01-04)
  learn mlp(hidden: [8])
  train {
    optimizer adam(lr: 0.02)
    epochs    1
    batch     64
    seed      5
  }
}
"#;

/// The work up to the features of examples: the training needs a worker, and has a test of its own among the binaries.
fn plan() -> Plan {
    let (whole, diagnostics, files) = compile(PROGRAM);
    let whole = whole.unwrap_or_else(|| panic!("{}", concise(&diagnostics, &files)));
    whole.only(&[NodeId::from("join.fraud.spend"), NodeId::from("features.spend")]).unwrap()
}

/// A folder of its own with the same files, and what it shares.
struct Machine {
    folder: TempDir,
    store: Option<Remote>,
}

impl Machine {
    fn new(days: u32, objects: &Arc<dyn Objects>) -> Self {
        let store = Some(Remote::over(Arc::clone(objects), "team/fraud", "memory"));
        let machine = Machine { folder: tempfile::tempdir().unwrap(), store };
        (1..=days).for_each(|day| machine.append(day));
        machine
    }

    fn append(&self, day: u32) {
        let mut text = String::from("payment_id,paid_at,customer_id,amount,is_fraud\n");
        for number in 0..40 {
            let id = day * 100 + number;
            let amount = if id.is_multiple_of(9) { "-1".to_owned() } else { format!("{}.5", id * 7 % 400) };
            text.push_str(&format!(
                "{id},2024-01-{day:02}T{:02}:00:00Z,{},{amount},{}\n",
                number / 2,
                id % 5,
                id.is_multiple_of(11)
            ));
        }
        fs::write(self.path(&format!("day-{day}.csv")), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn try_run(&self) -> Result<Summary, Vec<RunError>> {
        let options = Options {
            project: self.folder.path().to_path_buf(),
            state: self.path(".mlsys"),
            store: self.store.clone(),
            registry: None,
            tracking: None,
            worker: PathBuf::new(),
            threads: Some(2),
            memory: None,
            explain: false,
            profiles: false,
            only: Vec::new(),
            now: None,
        };
        mlsys_engine::run(&plan(), &options, &|_| {}).await
    }

    async fn run(&self) -> Summary {
        let summary = self.try_run().await.unwrap();
        assert!(summary.failures().next().is_none(), "{:?}", summary.failures().next());
        summary
    }

    /// What is in the files of results and parts, by their names; without tiles, and without what changes.
    fn files(&self) -> BTreeMap<String, Fingerprint> {
        let mut files = BTreeMap::new();
        let root = self.path(".mlsys");
        for folder in ["offline", "parts", "quarantine"] {
            read_below(&root, &root.join(folder), &mut files);
        }
        let has_fingerprint = |name: &str| name.rsplit('/').next().is_some_and(|name| part_of(name).is_some());
        files.retain(|name, _| !name.starts_with("parts/") || has_fingerprint(name));
        files
    }
}

fn read_below(root: &Path, folder: &Path, files: &mut BTreeMap<String, Fingerprint>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            read_below(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, Fingerprint::of(&fs::read(&path).unwrap()));
        }
    }
}

fn outcomes(summary: &Summary) -> Vec<(&str, &Outcome)> {
    summary.nodes.iter().map(|node| (node.node.as_str(), &node.outcome)).collect()
}

fn are_all(summary: &Summary, outcome: &Outcome) -> bool {
    !summary.nodes.is_empty() && summary.nodes.iter().all(|node| node.outcome == *outcome)
}

/// How many parts each node in parts has made, and has.
fn parts(summary: &Summary) -> Vec<(u64, u64)> {
    let number = |parts: &serde_json::Value, name: &str| parts[name].as_u64().unwrap();
    let reports = summary.nodes.iter().filter_map(|node| node.report.as_ref()?.get("parts"));
    reports.filter(|parts| parts.is_object()).map(|parts| (number(parts, "made"), number(parts, "total"))).collect()
}

async fn names(objects: &Arc<dyn Objects>) -> Vec<String> {
    let mut names: Vec<String> = objects.list(None).map(|object| object.unwrap().location.to_string()).collect().await;
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_machine_has_made_another_fetches() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    let first = Machine::new(4, &objects);
    let made = first.run().await;
    assert!(are_all(&made, &Outcome::Done), "{:?}", outcomes(&made));
    let second = Machine::new(4, &objects);
    let fetched = second.run().await;
    assert!(are_all(&fetched, &Outcome::Fetched), "{:?}", outcomes(&fetched));
    assert_eq!(first.files(), second.files());
    assert!(first.files().keys().any(|name| name.starts_with("quarantine/")));
    assert!(names(&objects).await.iter().all(|name| name.starts_with("team/fraud/") && !name.contains("/tile.")));
    // What is told of a node is what was told where it was made.
    let reports = |summary: &Summary| summary.nodes.iter().map(|node| node.report.clone()).collect::<Vec<_>>();
    assert_eq!(reports(&made), reports(&fetched));
    assert!(are_all(&second.run().await, &Outcome::Current));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_serves_as_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let objects: Arc<dyn Objects> = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let first = Machine::new(2, &objects);
    assert!(are_all(&first.run().await, &Outcome::Done));
    let second = Machine::new(2, &objects);
    assert!(are_all(&second.run().await, &Outcome::Fetched));
    assert_eq!(first.files(), second.files());
}

/// Another machine has never seen the days before: it makes one part of each table, and what it makes is fetched in turn.
#[tokio::test(flavor = "multi_thread")]
async fn an_appended_day_costs_a_day_on_another_machine() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    let first = Machine::new(4, &objects);
    first.run().await;
    let second = Machine::new(5, &objects);
    let appended = second.run().await;
    assert!(are_all(&appended, &Outcome::Done), "{:?}", outcomes(&appended));
    assert_eq!(parts(&appended), [(1, 5), (1, 5), (1, 5)]);
    // What a machine makes that has no store, and has seen the days before.
    let alone = Machine { store: None, ..Machine::new(4, &objects) };
    alone.run().await;
    alone.append(5);
    alone.run().await;
    let tables = |machine: &Machine| {
        let is_table =
            |name: &str| name.starts_with("parts/") && name.ends_with(".parquet") && !name.contains("/tile.");
        machine.files().into_iter().filter(|(name, _)| is_table(name)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(tables(&alone), tables(&second));
    first.append(5);
    let fetched = first.run().await;
    assert!(are_all(&fetched, &Outcome::Fetched), "{:?}", outcomes(&fetched));
    assert_eq!(tables(&alone), tables(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_without_its_report_is_none() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    Machine::new(3, &objects).run().await;
    for name in names(&objects).await.iter().filter(|name| name.ends_with("/report.json")) {
        objects.delete(&Name::from(name.as_str())).await.unwrap();
    }
    let second = Machine::new(3, &objects);
    let made = second.run().await;
    assert!(are_all(&made, &Outcome::Done), "{:?}", outcomes(&made));
    // The parts were all there.
    assert!(parts(&made).iter().all(|(made, _)| *made == 0), "{:?}", parts(&made));
    assert!(are_all(&Machine::new(3, &objects).run().await, &Outcome::Fetched));
}

/// Parts that somebody has removed are made again, whatever results say.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_lost_a_part_is_made_again() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    Machine::new(3, &objects).run().await;
    let before = names(&objects).await;
    let lost = before.iter().find(|name| name.contains("/parts/join.") && name.ends_with(".parquet")).unwrap();
    objects.delete(&Name::from(lost.as_str())).await.unwrap();
    let second = Machine::new(3, &objects);
    let made = second.run().await;
    let done: Vec<&str> =
        made.nodes.iter().filter(|node| node.outcome == Outcome::Done).map(|node| node.node.as_str()).collect();
    assert_eq!(done, ["join.fraud.spend"]);
    assert_eq!(names(&objects).await, before);
    assert!(are_all(&Machine::new(3, &objects).run().await, &Outcome::Fetched));
}

/// A store that fails at any one of its writes: the node fails, its result stays, and the next run puts the rest there.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_loses_nothing() {
    let whole: Arc<dyn Objects> = Arc::new(InMemory::new());
    Machine::new(2, &whole).run().await;
    let all = names(&whole).await;
    for fails_at in [1, 2, 5, all.len() as i64 - 1] {
        let failing = Arc::new(Failing { inner: InMemory::new(), left: AtomicI64::new(fails_at) });
        let objects: Arc<dyn Objects> = Arc::clone(&failing) as Arc<dyn Objects>;
        let machine = Machine::new(2, &objects);
        let summary = machine.try_run().await.unwrap();
        let error = summary.failures().next().unwrap();
        assert_eq!(error.code, "E0911");
        assert!(error.message.starts_with("cannot write `memory/") && error.help.is_some(), "{error:?}");
        // Whatever is there can be used: nobody reads a half result.
        let node = error.node.clone().unwrap();
        failing.left.store(i64::MAX, Ordering::SeqCst);
        let again = machine.run().await;
        let outcome = again.nodes.iter().find(|outcome| outcome.node == node).unwrap();
        assert_eq!(outcome.outcome, Outcome::Current, "its result was kept");
        assert_eq!(names(&objects).await, all);
        assert!(are_all(&Machine::new(2, &objects).run().await, &Outcome::Fetched));
    }
}

/// A run that cannot use its store does nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_ends_the_run_at_its_beginning() {
    let objects: Arc<dyn Objects> = Arc::new(Failing { inner: InMemory::new(), left: AtomicI64::new(0) });
    let machine = Machine::new(1, &objects);
    let errors = machine.try_run().await.unwrap_err();
    assert_eq!(errors[0].code, "E0911");
    assert!(errors[0].message.starts_with("cannot use the store `memory`: "), "{}", errors[0].message);
    assert!(machine.files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_another_version_is_left_alone() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    objects.put(&Name::from("team/fraud/format"), "99".into()).await.unwrap();
    let errors = Machine::new(1, &objects).try_run().await.unwrap_err();
    assert_eq!(errors[0].message, "the store `memory` was written by another version of mlsys (format 99)");
}

/// Files that a store names must not lead out of the state folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_cannot_name_files_elsewhere() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    Machine::new(1, &objects).run().await;
    let all = names(&objects).await;
    let list = all.iter().find(|name| name.contains("/offline/source.") && name.ends_with("/data.json")).unwrap();
    let text = r#"{"files": [{"path": "../../../../stolen.parquet", "rows": 1, "size": 1}]}"#;
    objects.put(&Name::from(list.as_str()), text.into()).await.unwrap();
    objects.put(&Name::from("team/fraud/stolen.parquet"), "x".into()).await.unwrap();
    objects.put(&Name::from("team/stolen.parquet"), "x".into()).await.unwrap();
    let machine = Machine::new(1, &objects);
    let made = machine.run().await;
    assert_eq!(made.nodes[0].outcome, Outcome::Done, "what is not whole is made");
    assert!(!machine.path("stolen.parquet").exists());
}

/// What a profile names as its store, and what is said of it: before anything is made, and without what may be a secret.
#[test]
fn addresses_that_cannot_be_used_are_refused() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    let machine = Machine::new(1, &objects);
    fs::write(machine.path("fraud.mlsys"), PROGRAM).unwrap();
    for (store, code, said) in [
        ("gs://bucket/prefix", "E0910", "wants the store `gs://bucket/prefix`, which cannot be used yet"),
        ("az://bucket/prefix", "E0910", "name `s3://BUCKET/PREFIX` or a folder"),
        ("s3://", "E0915", "`s3://` is not the address of a bucket"),
        ("s3://bucket/../other", "E0915", "write `s3://BUCKET` or `s3://BUCKET/PREFIX`"),
        ("s3://AKIA:secret@bucket", "E0915", "is not the address of a bucket"),
    ] {
        fs::write(machine.path("mlsys.toml"), format!("[profile.default]\nstore = \"{store}\"\n")).unwrap();
        let output = mlsysc(&["run"]).current_dir(machine.folder.path()).output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(code) && words.contains(said) && !words.contains("secret"), "{text}");
        assert!(machine.files().is_empty());
    }
}

/// A store that takes so many writes and no more.
#[derive(Debug)]
struct Failing {
    inner: InMemory,
    left: AtomicI64,
}

impl Failing {
    fn take(&self) -> StoreResult<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(Error::Generic { store: "failing", source: "the disk of the store is full".into() })
    }
}

impl Display for Failing {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("failing")
    }
}

#[async_trait]
impl Objects for Failing {
    async fn put_opts(&self, at: &Name, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        self.take()?;
        self.inner.put_opts(at, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Name,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.take()?;
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Name, options: GetOptions) -> StoreResult<GetResult> {
        self.inner.get_opts(at, options).await
    }

    fn delete_stream(&self, names: BoxStream<'static, StoreResult<Name>>) -> BoxStream<'static, StoreResult<Name>> {
        self.inner.delete_stream(names)
    }

    fn list(&self, prefix: Option<&Name>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Name>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Name, to: &Name, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
