//! Rows on disk, divided by what decides first about their order, so that each part can be ordered in memory: the
//! partitioning of a grace hash join (Kitsuregawa, Tanaka, Moto-oka, 1983).

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{self, BatchCoalescer};
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::spill_file::{SpillFile, SpillWriter};
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::SpillMetrics;

/// Rows are divided so finely that those seen so far fill 16 to 32 buckets.
const BITS: u32 = 5;
/// Buckets at most, each of which is an open file. What lies beyond is in the last one, to be divided again.
const MOST: usize = 256;

/// A part of the rows: those with labels, numbers that decide first about their order, from `low` on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    /// No label is less.
    pub(super) low: u64,
    /// Whether all rows have one label.
    pub(super) is_one: bool,
}

/// Rows of a part that do not fit into memory.
pub(super) struct Buckets {
    low: u64,
    shift: u32,
    disk: Disk,
    batch_size: usize,
    buckets: Vec<Option<Bucket>>,
}

/// Where rows are written.
#[derive(Clone)]
pub(super) struct Disk {
    pub(super) schema: SchemaRef,
    pub(super) runtime: Arc<RuntimeEnv>,
    pub(super) metrics: SpillMetrics,
}

struct Bucket {
    file: Arc<dyn SpillFile>,
    writer: StreamWriter<Box<dyn SpillWriter>>,
    waiting: BatchCoalescer,
    /// A row's label.
    label: u64,
    is_one: bool,
}

impl Buckets {
    /// Buckets for a part, of which labels up to `most` were seen.
    pub(super) fn new(part: Part, most: u64, disk: Disk, batch_size: usize) -> Self {
        let bits = u64::BITS - most.saturating_sub(part.low).leading_zeros();
        let shift = bits.saturating_sub(BITS);
        Buckets { low: part.low, shift, disk, batch_size, buckets: Vec::new() }
    }

    /// Puts the rows of a batch, which have these labels, to the others.
    ///
    /// # Errors
    /// The disk is full or cannot be written.
    pub(super) fn add(&mut self, batch: &RecordBatch, labels: &[u64]) -> Result<()> {
        let numbers: Vec<usize> = labels.iter().map(|label| self.number(*label)).collect();
        let (rows, ranges) = gathered(&numbers);
        let batch = compute::take_record_batch(batch, &rows)?;
        for (number, range) in ranges.into_iter().enumerate().filter(|(_, range)| !range.is_empty()) {
            let rows = rows.values()[range.clone()].iter().map(|row| labels[*row as usize]);
            self.push(number, batch.slice(range.start, range.len()), rows)?;
        }
        Ok(())
    }

    /// The buckets that hold rows, in order.
    ///
    /// # Errors
    /// The disk is full or cannot be written.
    pub(super) fn finish(self) -> Result<Vec<(Part, Arc<dyn SpillFile>)>> {
        let mut parts = Vec::new();
        for (number, bucket) in (0..).zip(self.buckets) {
            let Some(mut bucket) = bucket else { continue };
            bucket.waiting.finish_buffered_batch()?;
            bucket.write(&self.disk.metrics)?;
            bucket.writer.finish()?;
            bucket.writer.get_mut().finish()?;
            self.disk.metrics.spilled_bytes.add(bucket.file.size().unwrap_or_default() as usize);
            parts.push((Part { low: self.low + (number << self.shift), is_one: bucket.is_one }, bucket.file));
        }
        Ok(parts)
    }

    fn number(&self, label: u64) -> usize {
        usize::try_from((label - self.low) >> self.shift).map_or(MOST - 1, |number| number.min(MOST - 1))
    }

    fn push(&mut self, number: usize, rows: RecordBatch, labels: impl Iterator<Item = u64>) -> Result<()> {
        if self.buckets.len() <= number {
            self.buckets.resize_with(number + 1, || None);
        }
        let mut labels = labels.peekable();
        let slot = &mut self.buckets[number];
        let bucket = match slot {
            Some(bucket) => bucket,
            None => slot.insert(Bucket::new(&self.disk, self.batch_size, labels.peek().copied().unwrap_or_default())?),
        };
        bucket.is_one = bucket.is_one && labels.all(|label| label == bucket.label);
        bucket.waiting.push_batch(rows)?;
        bucket.write(&self.disk.metrics)
    }
}

impl Disk {
    /// The rows of a file that was finished.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read(&self, file: Arc<dyn SpillFile>) -> Result<SendableRecordBatchStream> {
        let manager = SpillManager::new(Arc::clone(&self.runtime), self.metrics.clone(), Arc::clone(&self.schema));
        manager.read_spill_as_stream(file, None)
    }
}

impl Bucket {
    fn new(disk: &Disk, batch_size: usize, label: u64) -> Result<Self> {
        let file = disk.runtime.disk_manager.create_tmp_file("rows to be ordered")?;
        let writer = StreamWriter::try_new(file.open_writer()?, &disk.schema)?;
        disk.metrics.spill_file_count.add(1);
        let waiting = BatchCoalescer::new(Arc::clone(&disk.schema), batch_size);
        Ok(Bucket { file, writer, waiting, label, is_one: true })
    }

    /// Writes what has come together to whole batches.
    fn write(&mut self, metrics: &SpillMetrics) -> Result<()> {
        while let Some(batch) = self.waiting.next_completed_batch() {
            self.writer.write(&batch)?;
            metrics.spilled_rows.add(batch.num_rows());
        }
        Ok(())
    }
}

/// The rows of a batch gathered by bucket, and the range of each bucket among them.
fn gathered(numbers: &[usize]) -> (UInt32Array, Vec<Range<usize>>) {
    let count = numbers.iter().max().map_or(0, |most| most + 1);
    let mut ranges = vec![0..0; count];
    for number in numbers {
        ranges[*number].end += 1;
    }
    let mut before = 0;
    for range in &mut ranges {
        // The end grows again as the rows are put to their places.
        let rows = range.end;
        *range = before..before;
        before += rows;
    }
    let mut rows = vec![0_u32; numbers.len()];
    for (row, number) in (0..).zip(numbers) {
        let range = &mut ranges[*number];
        rows[range.end] = row;
        range.end += 1;
    }
    (rows.into(), ranges)
}

#[cfg(test)]
mod tests {
    use super::gathered;

    #[test]
    fn rows_keep_their_order_within_a_bucket() {
        let (rows, ranges) = gathered(&[2, 0, 2, 0, 2]);
        assert_eq!(rows.values().to_vec(), [1, 3, 0, 2, 4]);
        assert_eq!(ranges, [0..2, 2..2, 2..5]);
        assert!(gathered(&[]).1.is_empty());
    }
}
