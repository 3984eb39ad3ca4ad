//! Lookups: values of a static source by its key, `planes[tailnum].seats`, as functions of one row.
//!
//! In a plan a lookup only says which table it reads; [`bind`] puts the tables' contents in before the plan runs. A table
//! is held in memory as a whole, as it will be where requests are answered.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::hash_utils::RandomState;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Code, DataError};

/// The tables that expressions look values up in, by name.
pub(crate) type Tables = BTreeMap<String, Arc<Table>>;

/// The rows of a static source, found by key.
pub(crate) struct Table {
    rows: RecordBatch,
    /// The types of the key columns, in the source's order.
    keys: Vec<DataType>,
    converter: RowConverter,
    /// The row of each key, in Arrow's row format, which is injective.
    places: HashMap<Box<[u8]>, u32, RandomState>,
}

impl Table {
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
        Ok(Table { rows, keys, converter, places })
    }

    /// The values of a column in the rows with these keys; missing where there is no such row.
    fn values(&self, keys: &[ArrayRef], column: &str) -> Result<ArrayRef> {
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

/// The lookup of a column of a table by keys.
pub(crate) fn lookup(table: &str, column: &str, ty: DataType, keys: Vec<Expr>) -> Expr {
    let signature = Signature::any(keys.len(), Volatility::Immutable);
    let name = format!("lookup.{table}.{column}");
    let (table, column) = (table.to_owned(), column.to_owned());
    Arc::new(ScalarUDF::new_from_impl(LookUp { name, table, column, ty, signature, content: None })).call(keys)
}

/// Puts the contents of tables into a plan's lookups.
///
/// # Errors
/// E0910 if a table is looked up that is not among these.
pub(crate) fn bind(plan: LogicalPlan, tables: &Tables) -> Result<LogicalPlan> {
    let bound =
        plan.transform_down(|node| node.map_expressions(|expr| expr.transform_up(|each| bound(each, tables))))?;
    Ok(bound.data)
}

fn bound(expr: Expr, tables: &Tables) -> Result<Transformed<Expr>> {
    let Expr::ScalarFunction(call) = &expr else { return Ok(Transformed::no(expr)) };
    let Some(found) = call.func.inner().downcast_ref::<LookUp>().filter(|found| found.content.is_none()) else {
        return Ok(Transformed::no(expr));
    };
    let content = tables.get(&found.table).ok_or_else(|| as_of(&found.table))?;
    let function = LookUp { content: Some(Arc::clone(content)), ..found.clone() };
    Ok(Transformed::yes(Arc::new(ScalarUDF::new_from_impl(function)).call(call.args.clone())))
}

/// The refusal of a lookup that depends on the time of the row that asks: into a group, or a source with a time.
pub(crate) fn as_of(table: &str) -> DataError {
    let message = format!("this runtime cannot look up `{table}` as of the time of a row yet");
    let help = format!("make features of `{table}` inputs of a model, or look up a `static` source");
    DataError::new(Code::Unsupported, message).with_help(help)
}

/// A lookup as a function of its keys.
#[derive(Clone)]
struct LookUp {
    name: String,
    table: String,
    column: String,
    ty: DataType,
    signature: Signature,
    content: Option<Arc<Table>>,
}

impl fmt::Debug for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// One plan has one table of a name.
impl PartialEq for LookUp {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.ty == other.ty && self.content.is_some() == other.content.is_some()
    }
}

impl Eq for LookUp {}

impl Hash for LookUp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for LookUp {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.ty.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(table) = &self.content else {
            return Err(DataFusionError::Internal(format!("`{}` was not bound", self.name)));
        };
        let rows = args.number_rows;
        let keys: Vec<ArrayRef> = args.args.into_iter().map(|key| key.into_array(rows)).collect::<Result<_>>()?;
        let values = table.values(&keys, &self.column)?;
        Ok(ColumnarValue::Array(compute::cast(&values, &self.ty)?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};

    use super::Table;

    #[test]
    fn rows_are_found_by_their_whole_key() {
        let text = |values: Vec<Option<&str>>| Arc::new(StringArray::from(values)) as ArrayRef;
        let rows = RecordBatch::try_from_iter_with_nullable([
            ("a", text(vec![Some("1"), Some("12"), None, Some("1")]), true),
            ("b", Arc::new(Int64Array::from(vec![23, 3, 3, 4])) as ArrayRef, true),
            ("value", Arc::new(Int64Array::from(vec![Some(10), None, Some(30), Some(40)])) as ArrayRef, true),
        ])
        .unwrap();
        let table = Table::new(rows, &["a".to_owned(), "b".to_owned()]).unwrap();
        let keys = [
            text(vec![Some("1"), Some("12"), None, Some("123"), Some("1")]),
            Arc::new(Int32Array::from(vec![23, 3, 3, 3, 4])),
        ];
        let found = table.values(&keys, "value").unwrap();
        assert_eq!(found.as_ref(), &Int64Array::from(vec![Some(10), None, None, None, Some(40)]));
        assert!(
            Table::new(RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty())), &["a".to_owned()]).is_err()
        );
    }
}
