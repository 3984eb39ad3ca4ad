//! Values that rows have had so far, each with the last row that had them.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::error::DataError;

/// The values of some columns. They are compared whole, in Arrow's row format, which is injective; the memory they take grows
/// with the number of different ones and is reserved from the pool.
pub(super) struct Seen {
    columns: Vec<usize>,
    converter: RowConverter,
    hasher: DefaultHashBuilder,
    table: HashTable<Entry>,
    /// The bytes of all values, one after the other.
    bytes: Vec<u8>,
    reservation: MemoryReservation,
}

/// Values: where their bytes are, and the last row that has them.
struct Entry {
    hash: u64,
    start: usize,
    end: usize,
    row: u64,
}

/// The values of a batch.
pub(super) struct Values {
    columns: Vec<ArrayRef>,
    rows: Rows,
}

impl Values {
    /// The values of a row; none where one of them is missing, which equals nothing.
    pub(super) fn of(&self, row: usize) -> Option<&[u8]> {
        self.columns.iter().all(|column| column.is_valid(row)).then(|| self.rows.row(row).data())
    }
}

impl Seen {
    /// No values yet of these columns; `whose` says what they are, for messages about memory.
    ///
    /// # Errors
    /// E0999 if there is no such column.
    pub(super) fn new(
        names: &[String],
        schema: &SchemaRef,
        runtime: &RuntimeEnv,
        whose: &str,
    ) -> Result<Self, DataError> {
        let columns: Vec<usize> = names.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
        let fields = columns.iter().map(|index| SortField::new(schema.field(*index).data_type().clone()));
        Ok(Seen {
            converter: RowConverter::new(fields.collect())?,
            columns,
            hasher: DefaultHashBuilder::default(),
            table: HashTable::new(),
            bytes: Vec::new(),
            reservation: MemoryConsumer::new(whose).register(&runtime.memory_pool),
        })
    }

    /// The values of a batch whose first columns are those of the schema.
    ///
    /// # Errors
    /// The columns do not have the schema's types.
    pub(super) fn values(&self, batch: &RecordBatch) -> Result<Values, DataError> {
        let columns: Vec<ArrayRef> = self.columns.iter().map(|index| Arc::clone(batch.column(*index))).collect();
        Ok(Values { rows: self.converter.convert_columns(&columns)?, columns })
    }

    /// Takes the values of a row; the last row that had them, if there was one.
    pub(super) fn insert(&mut self, values: &[u8], row: u64) -> Option<u64> {
        let hash = self.hasher.hash_one(values);
        let Seen { table, bytes, .. } = self;
        let known = table.find_mut(hash, |entry| entry.hash == hash && bytes[entry.start..entry.end] == *values);
        if let Some(entry) = known {
            return Some(std::mem::replace(&mut entry.row, row));
        }
        let start = bytes.len();
        bytes.extend_from_slice(values);
        let entry = Entry { hash, start, end: bytes.len(), row };
        table.insert_unique(hash, entry, |entry| entry.hash);
        None
    }

    /// Reserves what the values take, and so many bytes besides.
    ///
    /// # Errors
    /// E0912 if they do not fit into memory.
    pub(super) fn reserve(&self, besides: usize) -> Result<(), DataError> {
        Ok(self.reservation.try_resize(self.bytes.capacity() + self.table.allocation_size() + besides)?)
    }
}
