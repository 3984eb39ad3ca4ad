//! The rows of a static source, found by key.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::hash_utils::RandomState;
use datafusion::error::{DataFusionError, Result};

use crate::error::DataError;

/// The rows of a static source, found by key.
pub(crate) struct StaticTable {
    rows: RecordBatch,
    /// The types of the key columns, in the source's order.
    keys: Vec<DataType>,
    converter: RowConverter,
    /// The row of each key, in Arrow's row format, which is injective.
    places: HashMap<Box<[u8]>, u32, RandomState>,
}

impl StaticTable {
    /// The rows of a source with these key columns. Of rows with equal keys the last one is found; one with a missing
    /// part of its key is not.
    ///
    /// # Errors
    /// A key column is missing, or has a type that cannot be compared.
    pub(crate) fn new(rows: RecordBatch, keys: &[String]) -> Result<Self, DataError> {
        let column = |name: &String| {
            let found = rows.column_by_name(name).cloned();
            found.ok_or_else(|| DataError::internal(format!("a table that is looked up has no column `{name}`")))
        };
        let columns: Vec<ArrayRef> = keys.iter().map(column).collect::<Result<_, _>>()?;
        let keys: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
        let converter = RowConverter::new(keys.iter().cloned().map(SortField::new).collect())?;
        let mut places = HashMap::default();
        for (row, key) in (0..).zip(&converter.convert_columns(&columns)?) {
            if columns.iter().all(|column| column.is_valid(row as usize)) {
                places.insert(key.as_ref().into(), row);
            }
        }
        Ok(StaticTable { rows, keys, converter, places })
    }

    /// The values of a column in the rows with these keys; missing where there is no such row.
    pub(super) fn values(&self, keys: &[ArrayRef], column: &str) -> Result<ArrayRef> {
        let same = |(key, ty): (&ArrayRef, &DataType)| Ok(compute::cast(key, ty)?);
        let keys: Vec<ArrayRef> = keys.iter().zip(&self.keys).map(same).collect::<Result<_>>()?;
        let rows = self.converter.convert_columns(&keys)?;
        let places: UInt32Array = rows.iter().map(|key| self.places.get(key.as_ref()).copied()).collect();
        let values = self.rows.column_by_name(column);
        let values =
            values.ok_or_else(|| DataFusionError::Internal(format!("a looked-up table has no column `{column}`")))?;
        Ok(compute::take(values, &places, None)?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};

    use super::StaticTable;

    #[test]
    fn rows_are_found_by_their_whole_key() {
        let text = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let rows = RecordBatch::try_from_iter_with_nullable([
            ("a", text(vec![Some("1"), Some("12"), None, Some("1")]), true),
            ("b", Arc::new(Int64Array::from(vec![23, 3, 3, 4])) as ArrayRef, true),
            ("value", Arc::new(Int64Array::from(vec![Some(10), None, Some(30), Some(40)])) as ArrayRef, true),
        ])
        .unwrap();
        let table = StaticTable::new(rows, &["a".to_owned(), "b".to_owned()]).unwrap();
        let keys = [
            text(vec![Some("1"), Some("12"), None, Some("123"), Some("1")]),
            Arc::new(Int32Array::from(vec![23, 3, 3, 3, 4])),
        ];
        let found = table.values(&keys, "value").unwrap();
        assert_eq!(found.as_ref(), &Int64Array::from(vec![Some(10), None, None, None, Some(40)]));
        assert!(
            StaticTable::new(RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty())), &["a".to_owned()])
                .is_err()
        );
    }
}
