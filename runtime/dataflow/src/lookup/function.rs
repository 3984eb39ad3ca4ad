//! A lookup as a function of its keys.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute;
use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::fixed::StaticTable;

/// The lookup of a column of a table by keys.
pub(crate) fn lookup(table: &str, column: &str, ty: DataType, keys: Vec<Expr>) -> Expr {
    let signature = Signature::any(keys.len(), Volatility::Immutable);
    let name = format!("lookup.{table}.{column}");
    let (table, column) = (table.to_owned(), column.to_owned());
    Arc::new(ScalarUDF::new_from_impl(LookUp { name, table, column, ty, signature, content: None })).call(keys)
}

/// A lookup as a function of its keys.
#[derive(Clone)]
pub(super) struct LookUp {
    name: String,
    pub(super) table: String,
    pub(super) column: String,
    pub(super) ty: DataType,
    signature: Signature,
    content: Option<Arc<StaticTable>>,
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

impl LookUp {
    /// The lookup that an expression is, unless its table is in it already.
    pub(super) fn unbound(expr: &Expr) -> Option<(&LookUp, &[Expr])> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let found = call.func.inner().downcast_ref::<LookUp>().filter(|found| found.content.is_none())?;
        Some((found, &call.args))
    }

    /// The same lookup with its table in it.
    pub(super) fn bound(&self, content: &Arc<StaticTable>, keys: &[Expr]) -> Expr {
        let function = LookUp { content: Some(Arc::clone(content)), ..self.clone() };
        Arc::new(ScalarUDF::new_from_impl(function)).call(keys.to_vec())
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
