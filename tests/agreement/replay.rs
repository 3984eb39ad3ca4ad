//! A project whose rows are read by the batch engine and replayed through the stream.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array, new_null_array};
use arrow::compute;
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use async_trait::async_trait;
use mlsys_connectors::Positions;
use mlsys_dataflow::{Dataflow, files_of};
use mlsys_engine::serving::Serving;
use mlsys_live::{Arrived, Counted, History, Intake, Live, LiveError, Options, Outcome, Reading};
use mlsys_online::Store;
use mlsys_online::stores::embedded::Durability;
use mlsys_online::stores::{Embedded, Memory};
use mlsys_plan::{Deployment, Operation, Plan, Source, columns};
use mlsys_tests::{mlsysc, printed};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// How rows come.
pub(crate) struct Way {
    pub(crate) seed: u64,
    /// How much later than its instant a row comes at most, in microseconds.
    pub(crate) disorder: i64,
    /// How many come at once.
    pub(crate) at_once: usize,
    /// Which share of them comes twice.
    pub(crate) duplicates: f64,
    /// How often the process is killed and begins again.
    pub(crate) restarts: usize,
    /// How many observations are asked for at once.
    pub(crate) asked: usize,
    /// How long rows stay that windows no longer see.
    pub(crate) margin: Duration,
}

/// A project that the batch engine has been through.
pub(crate) struct Replay {
    pub(crate) folder: PathBuf,
    pub(crate) plan: Plan,
    pub(crate) source: Source,
    pub(crate) deployment: Deployment,
    /// The source's rows.
    rows: RecordBatch,
    /// The rows that are observed, by number.
    observed: Vec<usize>,
    pub(crate) instants: Vec<i64>,
    /// The features at every observation, by name.
    expected: BTreeMap<String, ArrayRef>,
}

/// A row, or a version of it, as it comes.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) row: usize,
    is_whole: bool,
    comes: i64,
}

struct Nobody(usize);

/// Groups without a stream are asked for moments long before their last row.
pub(crate) const YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

pub(crate) fn options(margin: Duration) -> Options {
    Options { margin, ..Options::default() }
}

#[async_trait]
impl Counted for Nobody {
    async fn counted(&mut self, _rows: &RecordBatch, outcome: &Outcome) -> Result<(), LiveError> {
        self.0 += outcome.set_aside.len();
        Ok(())
    }
}

impl Replay {
    /// Runs the joins of a model. Only rows in which none of some columns is null are observed.
    pub(crate) fn new(folder: &Path, model: &str, deployment: &str, present: &[&str]) -> Self {
        let run = |arguments: &[&str]| {
            let output = mlsysc(arguments).current_dir(folder).output().unwrap();
            assert!(output.status.success(), "{}", printed(&output));
        };
        run(&["build"]);
        let plan = std::fs::read_to_string(plan_file(folder)).unwrap();
        let plan = Plan::from_json(&plan).unwrap();
        let joins: Vec<String> = plan
            .nodes
            .iter()
            .filter(|node| matches!(&node.operation, Operation::Join(join) if join.model == model))
            .map(|node| node.id.as_str().to_owned())
            .collect();
        let mut arguments = vec!["run"];
        joins.iter().for_each(|join| arguments.extend(["--only", join.as_str()]));
        run(&arguments);
        let deployment = plan.nodes.iter().find_map(|node| match &node.operation {
            Operation::Deployment(found) if found.name == deployment => Some(found.clone()),
            _ => None,
        });
        let observe = plan.nodes.iter().find_map(|node| match &node.operation {
            Operation::Observe(observe) if observe.model == model => Some(observe.clone()),
            _ => None,
        });
        let observe = observe.unwrap();
        let source = plan.nodes.iter().find_map(|node| match &node.operation {
            Operation::Source(source) if source.name == observe.source => Some(source.clone()),
            _ => None,
        });
        let source = source.unwrap();
        let rows = table(folder, &format!("source.{}", source.name));
        let examples = table(folder, &format!("observe.{model}"));
        let instants = examples.column_by_name(columns::AT).unwrap().as_primitive::<TimestampMicrosecondType>();
        let is_observed = |row: &usize| present.iter().all(|name| rows.column_by_name(name).unwrap().is_valid(*row));
        let observed: Vec<usize> = (0..rows.num_rows()).filter(is_observed).collect();
        assert_eq!(observed.len(), instants.len());
        let mut expected = BTreeMap::new();
        for join in &joins {
            let found = table(folder, join);
            for (field, column) in found.schema().fields().iter().zip(found.columns()) {
                expected.insert(field.name().clone(), Arc::clone(column));
            }
        }
        Replay {
            folder: folder.to_owned(),
            instants: instants.values().to_vec(),
            deployment: deployment.unwrap(),
            plan,
            source,
            rows,
            observed,
            expected,
        }
    }

    /// Replays, and says how many values were compared.
    pub(crate) fn compare(&self, way: &Way) -> usize {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(self.replay(way))
    }

    async fn replay(&self, way: &Way) -> usize {
        let state = self.folder.join(".mlsys");
        let serving = Serving::open(&self.plan, (&self.folder, &state), None, None).await.unwrap();
        let dataflow = serving.dataflow().await.unwrap();
        let model = self.deployment.model();
        let reading = Reading::new(&self.plan, &dataflow, model, &self.deployment.request).unwrap();
        let is_live = |group: &&str| group_source(&self.plan, group) == self.source.name;
        let (live, still): (Vec<&str>, Vec<&str>) = reading.groups().partition(is_live);
        let names = |groups: Vec<&str>| groups.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let (live, still) = (names(live), names(still));
        let still = self.still(&serving, &dataflow, &still).await;
        let folder = tempfile::tempdir().unwrap();
        let open = || async {
            let store: Arc<dyn Store> = Arc::new(Embedded::open(folder.path(), Durability::Process).unwrap());
            let none = BTreeMap::new();
            let live = Live::open(&self.plan, dataflow.clone(), store, (&live, &[]), &none, options(way.margin));
            let live = Arc::new(live.await.unwrap());
            let intake = live.intake(&self.source.name).await.unwrap();
            (live, intake)
        };
        let mut draw = random(way.seed);
        let sent = self.sent(way, &mut draw);
        let every = (sent.len() / way.at_once / (way.restarts + 1)).max(1);
        let (mut state, mut intake) = open().await;
        let (mut next, mut round, mut asked, mut compared, mut aside) = (0, 0, 0, 0, 0);
        while next < sent.len() {
            let until = (next + way.at_once).min(sent.len());
            aside += self.take(&state, &mut intake, &sent[next..until], (0, until)).await;
            next = until;
            // Whatever comes from now on, comes this much after its instant at most.
            let settled = sent[next - 1].comes - way.disorder;
            let ready = self.instants[asked..]
                .iter()
                .position(|at| *at > settled)
                .map_or(self.instants.len(), |place| asked + place);
            let many = ready - asked >= way.asked || next == sent.len();
            if many {
                let states = [Arc::clone(&state), Arc::clone(&still)];
                compared += self.ask(&reading, &states, asked, ready).await;
                asked = ready;
                state.commit().await.unwrap();
            }
            round += 1;
            if round % every == 0 && next < sent.len() {
                // What was not committed is lost, and comes again.
                let is_committed = draw(2) == 0;
                if is_committed {
                    state.commit().await.unwrap();
                }
                drop((state, intake));
                (state, intake) = open().await;
                let stored = intake.begin(&state, 0).await.unwrap();
                next = stored.map_or(0, |next| usize::try_from(next).unwrap());
                assert!(!is_committed || next == until);
            }
        }
        let states = [Arc::clone(&state), Arc::clone(&still)];
        compared += self.ask(&reading, &states, asked, self.instants.len()).await;
        assert_eq!(aside, 0, "rows were set aside");
        compared
    }

    /// The groups of other sources, made of what the run has left.
    async fn still(&self, serving: &Serving, dataflow: &Dataflow, groups: &[String]) -> Arc<Live> {
        let mut histories = BTreeMap::new();
        for group in groups {
            let source = group_source(&self.plan, group);
            let rows = serving.rows(&source).unwrap().unwrap();
            histories.insert(source, History { files: rows.files, fingerprint: rows.fingerprint });
        }
        let store: Arc<dyn Store> = Arc::new(Memory::new());
        let live =
            Live::open(&self.plan, dataflow.clone(), store, (groups, &[]), &histories, options(YEARS)).await.unwrap();
        for (source, history) in &histories {
            live.seed(source, history, &mut |_| {}).await.unwrap();
        }
        Arc::new(live)
    }

    /// Rows in the order in which they come: at their time without what is known later, and again when that is known.
    pub(crate) fn sent(&self, way: &Way, draw: &mut impl FnMut(u64) -> u64) -> Vec<Sent> {
        let times = self.rows.column_by_name(self.source.time.as_ref().unwrap()).unwrap();
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let known = self.source.known_at.first().and_then(|known| match &known.at.kind {
            mlsys_plan::ExprKind::Column { name } => self.rows.column_by_name(name),
            _ => None,
        });
        let mut sent = Vec::new();
        let disorder = u64::try_from(way.disorder).unwrap();
        for row in 0..self.rows.num_rows() {
            let mut send = |instant: i64, is_whole: bool| {
                let comes = instant + draw(disorder) as i64;
                sent.push(Sent { row, is_whole, comes });
                if (draw(10_000) as f64) < way.duplicates * 10_000.0 {
                    sent.push(Sent { row, is_whole, comes: instant + draw(disorder) as i64 });
                }
            };
            let later =
                known.map(|known| known.as_primitive::<TimestampMicrosecondType>()).filter(|known| known.is_valid(row));
            send(times.value(row), later.is_none());
            if let Some(known) = later {
                send(known.value(row), true);
            }
        }
        sent.sort_by_key(|one| one.comes);
        sent
    }

    /// Gives rows of a partition, which goes on at a place, to a process; how many it has set aside.
    pub(crate) async fn take(
        &self,
        live: &Live,
        intake: &mut Intake,
        sent: &[Sent],
        (partition, next): (u32, usize),
    ) -> usize {
        let indices = UInt64Array::from_iter_values(sent.iter().map(|one| one.row as u64));
        let whole: BooleanArray = sent.iter().map(|one| Some(one.is_whole)).collect();
        let columns = self.source.schema.iter().map(|field| {
            let column = compute::take(self.rows.column_by_name(&field.name).unwrap(), &indices, None).unwrap();
            let is_late = self.source.known_at.iter().any(|known| known.column == field.name);
            let none = new_null_array(column.data_type(), column.len());
            let column = if is_late { compute::kernels::zip::zip(&whole, &column, &none).unwrap() } else { column };
            (field.name.clone(), column, true)
        });
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let arrived = Arrived { rows, partitions: vec![partition; sent.len()] };
        let next = Positions::from_iter([(partition, next as u64)]);
        let mut nobody = Nobody(0);
        intake.take(live, &arrived, &next, i64::MAX / 2, &mut nobody).await.unwrap();
        nobody.0
    }

    /// Asks for the features of some observations, and compares.
    pub(crate) async fn ask(&self, reading: &Reading, states: &[Arc<Live>], from: usize, to: usize) -> usize {
        if from == to {
            return 0;
        }
        let indices = UInt64Array::from_iter_values(self.observed[from..to].iter().map(|row| *row as u64));
        let request = self.deployment.request.iter().map(|field| {
            let column = self.rows.column_by_name(&field.name).unwrap();
            (field.name.clone(), compute::take(column, &indices, None).unwrap(), true)
        });
        let request = RecordBatch::try_from_iter_with_nullable(request).unwrap();
        // No request says anything but its own instant.
        let found = reading.inputs(states, &request, i64::MIN / 2).await.unwrap().features;
        for (field, column) in found.schema().fields().iter().zip(found.columns()) {
            let expected = self.expected[field.name()].slice(from, to - from);
            self.same(field.name(), column, &expected, from);
        }
        found.num_columns() * found.num_rows()
    }

    fn same(&self, name: &str, found: &ArrayRef, expected: &ArrayRef, from: usize) {
        let is_float = matches!(expected.data_type(), DataType::Float64 | DataType::Float32);
        for row in 0..expected.len() {
            let place = || format!("`{name}` of observation {} at {}", from + row, self.instants[from + row]);
            assert_eq!(found.is_null(row), expected.is_null(row), "{}: {found:?} {expected:?}", place());
            if expected.is_null(row) {
                continue;
            }
            if is_float {
                let number = |column: &ArrayRef| {
                    compute::cast(&column.slice(row, 1), &DataType::Float64)
                        .unwrap()
                        .as_primitive::<Float64Type>()
                        .value(0)
                };
                let (found, expected) = (number(found), number(expected));
                let most = 1e-9 * expected.abs().max(found.abs()) + 1e-12;
                assert!((found - expected).abs() <= most || found == expected, "{}: {found} {expected}", place());
            } else {
                let found = compute::cast(&found.slice(row, 1), expected.data_type()).unwrap();
                assert_eq!(&found, &expected.slice(row, 1), "{}", place());
            }
        }
    }
}

/// Where `mlsysc build` leaves the plan.
fn plan_file(folder: &Path) -> PathBuf {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder.join("build")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().contains("plan") && path.is_file() {
            found.push(path);
        }
    }
    found.pop().unwrap()
}

/// The rows of a node.
fn table(folder: &Path, node: &str) -> RecordBatch {
    let slot = std::fs::read_dir(folder.join(".mlsys/offline").join(node)).unwrap().next().unwrap().unwrap().path();
    let files = files_of(&slot.join("data.parquet")).unwrap().into_iter().next().unwrap();
    let mut batches = Vec::new();
    for file in files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
        let schema = Arc::clone(reader.schema());
        batches.push(RecordBatch::new_empty(schema));
        batches.extend(reader.build().unwrap().map(Result::unwrap));
    }
    compute::concat_batches(&batches[0].schema(), &batches).unwrap()
}

fn group_source(plan: &Plan, group: &str) -> String {
    let found = plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Features(features) if features.name == group => Some(features.source.clone()),
        _ => None,
    });
    found.unwrap()
}

pub(crate) fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(7);
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below.max(1)
    }
}
