//! Ordering one partition: in memory if it fits, or else part by part.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute;
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{BaselineMetrics, RecordOutput};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::spill::get_record_batch_memory_size;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};

use super::Order;
use super::buckets::{Buckets, Disk, Part};
use super::hashes::hashes;
use super::permutation::permutation;
use super::placed::Placed;
use super::replay::ReplayExec;

/// Rows that come in batches.
pub(super) type Batches = stream::BoxStream<'static, Result<RecordBatch>>;

/// What ordering one partition needs.
pub(super) struct Work {
    pub(super) order: Order,
    /// The order within one key.
    pub(super) ordering: LexOrdering,
    pub(super) reservation: MemoryReservation,
    pub(super) metrics: BaselineMetrics,
    pub(super) disk: Disk,
    pub(super) context: Arc<TaskContext>,
}

/// What has become of an attempt to hold all rows.
enum Held {
    /// They are in order.
    All(Batches),
    /// There is no memory for more than these.
    Some(Vec<RecordBatch>),
}

impl Work {
    /// All rows in order.
    pub(super) fn ordered(self: Arc<Self>, input: Batches) -> BoxFuture<'static, Result<Batches>> {
        self.part(Part::default(), input)
    }

    /// The rows of a part in order.
    fn part(self: Arc<Self>, part: Part, mut input: Batches) -> BoxFuture<'static, Result<Batches>> {
        async move {
            self.reservation.free();
            let held = match self.placed(part) {
                Some(placed) => Arc::clone(&self).place(placed, &mut input).await?,
                None => Arc::clone(&self).sort(&mut input).await?,
            };
            match held {
                Held::All(batches) => Ok(batches),
                Held::Some(read) => {
                    self.reservation.free();
                    if part.is_one {
                        return self.spilling_sort(stream::iter(read.into_iter().map(Ok)).chain(input).boxed());
                    }
                    self.divided(part, read, input).await
                }
            }
        }
        .boxed()
    }

    /// Where rows go, if their positions and kinds of values allow to put them there.
    fn placed(&self, part: Part) -> Option<Placed> {
        match self.order {
            Order::Position(position) => Placed::new(&self.disk.schema, position, part.low),
            Order::Keys { .. } => None,
        }
    }

    /// Rows by position, each written to its place as it comes.
    async fn place(self: Arc<Self>, mut placed: Placed, input: &mut Batches) -> Result<Held> {
        let (time, size) = (self.metrics.elapsed_compute().clone(), self.batch_size());
        while let Some(batch) = input.next().await.transpose()? {
            if self.reservation.try_resize(placed.bytes_with(&batch)).is_err() {
                let read = placed.batches(size).chain([Ok(batch)]);
                return Ok(Held::Some(read.collect::<Result<_>>()?));
            }
            let working = time.timer();
            placed.add(&batch)?;
            drop(working);
        }
        let batches = placed.batches(size).map(move |batch| batch.record_output(&self.metrics));
        Ok(Held::All(stream::iter(batches).boxed()))
    }

    /// Rows by what is compared, once all of them are there.
    async fn sort(self: Arc<Self>, input: &mut Batches) -> Result<Held> {
        let mut batches: Vec<RecordBatch> = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        let is_fixed = self.disk.schema.fields().iter().all(|field| field.data_type().primitive_width().is_some());
        while let Some(batch) = input.next().await.transpose()? {
            rows += batch.num_rows();
            bytes += get_record_batch_memory_size(&batch);
            // Rows are numbered with 32 bits, and texts that are put together are addressed with 31.
            let fits = u32::try_from(rows).is_ok() && (is_fixed || i32::try_from(bytes).is_ok());
            let fits = fits && self.reservation.try_grow(needed(&batch)).is_ok();
            batches.push(batch);
            if !fits {
                return Ok(Held::Some(batches));
            }
        }
        let timer = self.metrics.elapsed_compute().clone();
        let started = timer.timer();
        let columns = concatenated(&self.disk.schema, batches)?;
        let places = match &self.order {
            Order::Keys { keys, then } => permutation(&columns, *keys, then)?,
            Order::Position(position) => permutation(&columns, 0, &[*position])?,
        };
        drop(started);
        Ok(Held::All(self.taken(columns, places)))
    }

    /// Rows on disk, each part of which is read and ordered when its turn comes.
    async fn divided(self: Arc<Self>, part: Part, read: Vec<RecordBatch>, mut rest: Batches) -> Result<Batches> {
        let time = self.metrics.elapsed_compute().clone();
        let labels = read.iter().map(|batch| self.labels(batch)).collect::<Result<Vec<_>>>()?;
        let most = labels.iter().flatten().copied().max().unwrap_or_default();
        let mut buckets = Buckets::new(part, most, self.disk.clone(), self.batch_size());
        for (batch, labels) in read.into_iter().zip(labels) {
            buckets.add(&batch, &labels)?;
        }
        while let Some(batch) = rest.next().await.transpose()? {
            let _working = time.timer();
            buckets.add(&batch, &self.labels(&batch)?)?;
        }
        let parts = stream::iter(buckets.finish()?).then(move |(part, file)| {
            let work = Arc::clone(&self);
            async move {
                let rows = work.disk.read(file)?;
                work.part(part, rows).await
            }
        });
        Ok(parts.try_flatten().boxed())
    }

    /// Rows of one key, by DataFusion's sort: there is nothing left to divide them by.
    fn spilling_sort(&self, rows: Batches) -> Result<Batches> {
        let rows = RecordBatchStreamAdapter::new(Arc::clone(&self.disk.schema), rows);
        let sort = SortExec::new(self.ordering.clone(), Arc::new(ReplayExec::new(Box::pin(rows))));
        Ok(sort.execute(0, Arc::clone(&self.context))?.boxed())
    }

    /// The rows in the order of their places, batch by batch.
    fn taken(self: Arc<Self>, columns: Vec<ArrayRef>, places: Vec<u32>) -> Batches {
        let size = self.batch_size();
        let places = UInt32Array::from(places);
        let starts = (0..places.len()).step_by(size);
        let batches = starts.map(move |start| {
            let chunk = places.slice(start, size.min(places.len() - start));
            let taken = columns.iter().map(|column| compute::take(column, &chunk, None));
            let batch = RecordBatch::try_new(Arc::clone(&self.disk.schema), taken.collect::<Result<_, _>>()?)?;
            Ok(batch.record_output(&self.metrics))
        });
        stream::iter(batches).boxed()
    }

    fn batch_size(&self) -> usize {
        self.context.session_config().batch_size()
    }

    /// The number that decides first about each row's place.
    fn labels(&self, batch: &RecordBatch) -> Result<Vec<u64>> {
        match &self.order {
            Order::Keys { keys, .. } => hashes(&batch.columns()[..*keys], batch.num_rows()),
            Order::Position(position) => {
                let positions = batch.column(*position).as_primitive::<Int64Type>();
                let label = |position: &i64| u64::try_from(*position);
                let labels: std::result::Result<_, _> = positions.values().iter().map(label).collect();
                labels.map_err(|_| DataFusionError::Internal("a row without a position".to_owned()))
            }
        }
    }
}

/// Bytes that ordering a batch needs: its columns, one of which is there twice for a moment, and two numbers and an
/// instant for every row.
fn needed(batch: &RecordBatch) -> usize {
    let bytes = get_record_batch_memory_size(batch);
    bytes + bytes / batch.num_columns().max(1) + batch.num_rows() * 16
}

/// The columns of all batches, each as one array; batches are let go of column by column.
fn concatenated(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Vec<ArrayRef>> {
    if batches.is_empty() {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)).columns().to_vec());
    }
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::with_capacity(batches.len()); schema.fields().len()];
    for batch in batches {
        for (part, column) in parts.iter_mut().zip(batch.columns()) {
            part.push(Arc::clone(column));
        }
    }
    let whole = |part: Vec<ArrayRef>| {
        let arrays: Vec<&dyn Array> = part.iter().map(AsRef::as_ref).collect();
        Ok(compute::concat(&arrays)?)
    };
    parts.into_iter().map(whole).collect()
}
