//! The entry point: a DataFusion session with our planner, shared by all nodes of a run.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::execution::context::{QueryPlanner, SessionContext};
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use datafusion::prelude::SessionConfig;
use mlsys_plan::{Features, Source};

use crate::error::DataError;
use crate::join::{PointInTimePlanner, TilePlanner};
use crate::lookup::{AsOf, StaticTable, Table, Tables, bind};
use crate::options::Options;
use crate::order::OrderByPosition;
use crate::table::{Manifest, StoredTable};
use crate::zip::ZipPlanner;

/// Runs the batch nodes of a plan, inside a tokio runtime with its clock enabled. Cloning is cheap: clones share memory
/// and threads.
#[derive(Clone)]
pub struct Dataflow {
    runtime: Arc<RuntimeEnv>,
    /// What sessions begin with: DataFusion's functions are many, and registered once.
    common: Arc<SessionState>,
    threads: usize,
    batch_size: usize,
    tiles_from: u64,
    explain: bool,
    /// The moment of the run, in microseconds since 1970.
    now: i64,
    /// What expressions look values up in.
    tables: Arc<Tables>,
}

/// A table that expressions look values up in.
#[derive(Clone, Debug)]
pub struct LookedUp<'a> {
    /// The source, or that of the group.
    pub source: &'a Source,
    /// The group, if it is one.
    pub group: Option<&'a Features>,
    /// The source's table, as [`Dataflow::source`] has written it.
    pub table: PathBuf,
}

/// A plan whose rows are being read.
pub(crate) struct Execution {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) rows: SendableRecordBatchStream,
}

/// Rows per batch: DataFusion's own default.
const BATCH: usize = 8192;

/// Where the next part of a join is going to see fewer rows, reading them is faster than looking for tiles.
const TILES_FROM: u64 = 250_000;

/// The metrics of an operator that a reader of `explain` is shown: rows, bytes, time, and what did not fit into memory.
const METRICS: [&str; 10] = [
    "output_rows",
    "output_bytes",
    "elapsed_compute",
    "time_elapsed_processing",
    "bytes_scanned",
    "row_groups_pruned_statistics",
    "files_ranges_pruned_statistics",
    "spill_count",
    "spilled_bytes",
    "spilled_rows",
];

impl Dataflow {
    /// A dataflow that may use what the options say.
    ///
    /// # Errors
    /// E0911 if the folder for spilled data cannot be used.
    pub fn new(options: &Options) -> Result<Self, DataError> {
        let runtime = options.runtime()?;
        Ok(Dataflow {
            common: Arc::new(common(&runtime)),
            runtime,
            threads: options.threads(),
            batch_size: BATCH,
            tiles_from: TILES_FROM,
            explain: options.explain,
            now: options.now(),
            tables: Arc::default(),
        })
    }

    /// The same dataflow with so many rows per batch; results do not depend on it.
    #[must_use]
    pub fn with_batch_size(mut self, rows: usize) -> Self {
        self.batch_size = rows.max(1);
        self
    }

    /// The same dataflow, which keeps tiles of what windows see from so many rows on; results do not depend on it.
    #[must_use]
    pub fn with_tiles_from(mut self, rows: u64) -> Self {
        self.tiles_from = rows;
        self
    }

    /// The same dataflow with tables in which expressions look values up, with those that these look up themselves.
    /// Static sources are read now, as a whole.
    ///
    /// # Errors
    /// E0911 if a table cannot be read.
    pub async fn looking_up(mut self, tables: &[LookedUp<'_>]) -> Result<Self, DataError> {
        let mut read = Tables::new();
        for one in tables {
            let name = one.group.map_or(&one.source.name, |group| &group.name);
            read.insert(name.clone(), self.looked_up(one).await?);
        }
        self.tables = Arc::new(read);
        Ok(self)
    }

    async fn looked_up(&self, one: &LookedUp<'_>) -> Result<Table, DataError> {
        let (source, members) = (one.source, Manifest::of(&one.table)?.files);
        if let Some(group) = one.group {
            return Ok(Table::AsOf(Arc::new(AsOf::group_of(group, members)?)));
        }
        if source.time.is_none() {
            let rows = self.whole(StoredTable::of(members)?).await?;
            return Ok(Table::Static(Arc::new(StaticTable::new(rows, &source.key)?)));
        }
        Ok(Table::AsOf(Arc::new(AsOf::source_of(source, members)?)))
    }

    /// The same dataflow with other tables to look values up in.
    pub(crate) fn with_tables(mut self, tables: Tables) -> Self {
        self.tables = Arc::new(tables);
        self
    }

    /// All rows of a table.
    async fn whole(&self, table: StoredTable) -> Result<RecordBatch, DataError> {
        let plan = LogicalPlanBuilder::scan("table", provider_as_source(Arc::new(table)), None)?.build()?;
        let schema = Arc::clone(plan.schema().inner());
        let batches = self.ordered_session().execute_logical_plan(plan).await?.collect().await?;
        Ok(compute::concat_batches(&schema, &batches)?)
    }

    /// What expressions look values up in.
    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// A session in which rows keep the order of their source: one stream, nothing dealt out.
    pub(crate) fn ordered_session(&self) -> SessionContext {
        self.session(1)
    }

    /// A session that uses every thread; an order must be asked for.
    pub(crate) fn parallel_session(&self) -> SessionContext {
        self.session(self.threads)
    }

    /// Begins to execute a plan; `time` is the column with the own time of rows that look values up.
    ///
    /// # Errors
    /// E0910 to E0912.
    pub(crate) async fn execute(
        &self,
        session: &SessionContext,
        plan: LogicalPlan,
        time: Option<&str>,
    ) -> Result<Execution, DataError> {
        let plan = bind(plan, &self.tables, time)?;
        let plan = session.execute_logical_plan(plan).await?.create_physical_plan().await?;
        let rows = execute_stream(Arc::clone(&plan), session.task_ctx())?;
        Ok(Execution { plan, rows })
    }

    /// How a plan ran, one operator a line with DataFusion's metrics; none unless that was asked for.
    pub(crate) fn explained(&self, plan: &dyn ExecutionPlan) -> Option<String> {
        let names = METRICS.map(str::to_owned).to_vec();
        let shown = || DisplayableExecutionPlan::with_metrics(plan).set_metric_names(names);
        self.explain.then(|| shown().indent(false).to_string())
    }

    /// From how many rows on tiles are kept of what windows see.
    pub(crate) fn tiles_from(&self) -> u64 {
        self.tiles_from
    }

    /// How many threads there are.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// The moment of the run, in microseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    /// What each sort sets aside to merge what it spilled: DataFusion's own 10 MiB, or less where the memory limit is
    /// so small that the sorts of a join, three per partition, would have nothing left to sort in.
    fn merge_reserve(&self, partitions: usize) -> usize {
        const USUAL: usize = 10 << 20;
        match self.runtime.memory_pool.memory_limit() {
            MemoryLimit::Finite(limit) => USUAL.min(limit / (partitions * 12)),
            _ => USUAL,
        }
    }

    fn session(&self, partitions: usize) -> SessionContext {
        let mut config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(self.batch_size);
        let options = config.options_mut();
        // Stored tables have the types that the plan says; views would make them differ from it.
        options.execution.parquet.schema_force_view_types = false;
        options.execution.sort_spill_reservation_bytes = self.merge_reserve(partitions);
        let common = SessionStateBuilder::new_from_existing(self.common.as_ref().clone());
        SessionContext::new_with_state(common.with_config(config).build())
    }
}

fn common(runtime: &Arc<RuntimeEnv>) -> SessionState {
    SessionStateBuilder::new()
        .with_runtime_env(Arc::clone(runtime))
        .with_default_features()
        .with_query_planner(Arc::new(Planner))
        .with_physical_optimizer_rule(Arc::new(OrderByPosition))
        .build()
}

impl std::fmt::Debug for Dataflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dataflow").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// DataFusion's planner, which also knows our own operators.
#[derive(Debug)]
struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let ours: Vec<Arc<dyn ExtensionPlanner + Send + Sync>> =
            vec![Arc::new(PointInTimePlanner), Arc::new(TilePlanner), Arc::new(ZipPlanner)];
        DefaultPhysicalPlanner::with_extension_planners(ours).create_physical_plan(plan, session).await
    }
}
