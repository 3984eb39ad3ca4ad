//! Row identity: which rows a later row with the same key replaces.

use std::fs::File;
use std::hash::BuildHasher;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use hashbrown::{DefaultHashBuilder, HashTable};
use mlsys_plan::Source;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::sync::mpsc;

use crate::error::DataError;

/// The keys of the rows so far. Keys are compared whole, in Arrow's row format, which is injective; the memory they
/// take grows with the number of different keys and is reserved from the pool.
pub(super) struct Keys {
    columns: Vec<usize>,
    converter: Option<RowConverter>,
    hasher: DefaultHashBuilder,
    table: HashTable<Entry>,
    /// The bytes of every key, one after the other.
    bytes: Vec<u8>,
    /// Rows that a later row replaces, as a bitmap by row.
    superseded: Vec<u64>,
    superseded_count: u64,
    rows: u64,
    reservation: MemoryReservation,
}

/// A key: where its bytes are, and the last row that has it.
struct Entry {
    hash: u64,
    start: usize,
    end: usize,
    row: u64,
}

impl Keys {
    pub(super) fn new(source: &Source, schema: &SchemaRef, runtime: &RuntimeEnv) -> Result<Self, DataError> {
        let columns: Vec<usize> = source.key.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
        let fields: Vec<SortField> =
            columns.iter().map(|index| SortField::new(schema.field(*index).data_type().clone())).collect();
        let converter = if columns.is_empty() { None } else { Some(RowConverter::new(fields)?) };
        Ok(Keys {
            columns,
            converter,
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            bytes: Vec::new(),
            superseded: Vec::new(),
            superseded_count: 0,
            rows: 0,
            reservation: MemoryConsumer::new(format!("keys of {}", source.name)).register(&runtime.memory_pool),
        })
    }

    /// Takes the next rows that stay.
    ///
    /// # Errors
    /// E0912 if the keys do not fit into memory.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let Some(converter) = &self.converter else { return Ok(()) };
        let keys: Vec<ArrayRef> = self.columns.iter().map(|index| Arc::clone(batch.column(*index))).collect();
        let rows = converter.convert_columns(&keys)?;
        for index in 0..batch.num_rows() {
            // A key with a missing part says nothing about identity.
            if keys.iter().all(|key| key.is_valid(index)) {
                self.insert(rows.row(index).as_ref(), self.rows + index as u64);
            }
        }
        self.rows += batch.num_rows() as u64;
        self.superseded.resize(self.rows.div_ceil(64) as usize, 0);
        let bytes = self.bytes.capacity() + self.table.allocation_size() + self.superseded.capacity() * 8;
        Ok(self.reservation.try_resize(bytes)?)
    }

    /// How many rows a later row replaces.
    pub(super) fn superseded(&self) -> u64 {
        self.superseded_count
    }

    fn insert(&mut self, key: &[u8], row: u64) {
        let hash = self.hasher.hash_one(key);
        let Keys { table, bytes, .. } = self;
        let known = table.find_mut(hash, |entry| entry.hash == hash && bytes[entry.start..entry.end] == *key);
        if let Some(entry) = known {
            let replaced = std::mem::replace(&mut entry.row, row);
            self.supersede(replaced);
            return;
        }
        let start = bytes.len();
        bytes.extend_from_slice(key);
        let entry = Entry { hash, start, end: bytes.len(), row };
        table.insert_unique(hash, entry, |entry| entry.hash);
    }

    fn supersede(&mut self, row: u64) {
        let word = (row / 64) as usize;
        if word >= self.superseded.len() {
            self.superseded.resize(word + 1, 0);
        }
        self.superseded[word] |= 1 << (row % 64);
        self.superseded_count += 1;
    }

    pub(super) fn is_current(&self, row: u64) -> bool {
        self.superseded[(row / 64) as usize] & (1 << (row % 64)) == 0
    }
}

/// Reads a written table again, without the rows that were replaced.
///
/// # Errors
/// E0911 if the table cannot be read.
pub(super) fn current_rows(
    path: &Path,
    keys: Keys,
) -> Result<mpsc::Receiver<Result<RecordBatch, DataError>>, DataError> {
    let file = File::open(path).map_err(|error| DataError::store("read the table", path, &error))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(8192).build()?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let mut row = 0;
        for batch in reader {
            let current = batch.map_err(DataError::from).and_then(|batch| current(&batch, &mut row, &keys));
            // The receiver is gone when the run has failed.
            if sender.blocking_send(current).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn current(batch: &RecordBatch, row: &mut u64, keys: &Keys) -> Result<RecordBatch, DataError> {
    let end = *row + batch.num_rows() as u64;
    let mask: BooleanArray = (*row..end).map(|row| Some(keys.is_current(row))).collect();
    *row = end;
    Ok(compute::filter_record_batch(batch, &mask)?)
}
