//! Which keys are asked for, where there are few observations: rows of other keys are left out as soon as they are read.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::order::hashes;

/// The keys of observations, as bits by their hashes. A few other keys have the same bits: their rows are read for nothing.
pub(crate) struct AskedKeys {
    bits: Vec<u64>,
}

/// Bits for each key: about one other key in so many passes.
const BITS: u64 = 64;
/// There are at least and at most so many bits: half a kilobyte, and 16 MiB.
const BOUNDS: (u64, u64) = (1 << 12, 1 << 27);

impl AskedKeys {
    /// The keys of these observations, which are their columns.
    ///
    /// # Errors
    /// A key has a type that cannot be hashed.
    pub(super) fn of(observations: &[RecordBatch]) -> Result<Self> {
        let count: usize = observations.iter().map(RecordBatch::num_rows).sum();
        let bits = (count as u64).saturating_mul(BITS).clamp(BOUNDS.0, BOUNDS.1).next_power_of_two();
        let mut asked = AskedKeys { bits: vec![0; usize::try_from(bits / 64).unwrap_or(1)] };
        for batch in observations {
            for hash in hashes(batch.columns(), batch.num_rows())? {
                let (word, bit) = asked.place(hash);
                asked.bits[word] |= 1 << bit;
            }
        }
        Ok(asked)
    }

    /// Whether a row with these keys is asked for, as an expression.
    pub(super) fn among(self: Arc<Self>, keys: Vec<Expr>) -> Expr {
        let signature = Signature::any(keys.len(), Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(IsAsked { keys: self, signature })).call(keys)
    }

    fn contains(&self, keys: &[ArrayRef], rows: usize) -> Result<BooleanArray> {
        let hashes = hashes(keys, rows)?;
        let is_asked = |row: usize| {
            let (word, bit) = self.place(hashes[row]);
            self.bits[word] >> bit & 1 == 1
        };
        Ok(BooleanArray::new(BooleanBuffer::collect_bool(rows, is_asked), None))
    }

    /// The word and the bit of a hash: its upper part, as rows are dealt out by the lower one.
    fn place(&self, hash: u64) -> (usize, u64) {
        let place = hash.rotate_left(32) & (self.bits.len() as u64 * 64 - 1);
        ((place / 64) as usize, place % 64)
    }
}

impl fmt::Debug for AskedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asked")
    }
}

#[derive(Debug)]
struct IsAsked {
    keys: Arc<AskedKeys>,
    signature: Signature,
}

impl PartialEq for IsAsked {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }
}

impl Eq for IsAsked {}

impl Hash for IsAsked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.keys.bits.len().hash(state);
    }
}

impl ScalarUDFImpl for IsAsked {
    fn name(&self) -> &'static str {
        "is_asked"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let keys: Vec<ArrayRef> = args.args.into_iter().map(|key| key.into_array(rows)).collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(self.keys.contains(&keys, rows)?)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

    use super::AskedKeys;

    fn batch(keys: impl Iterator<Item = i64>) -> RecordBatch {
        let keys: Vec<i64> = keys.collect();
        let texts: ArrayRef = Arc::new(keys.iter().map(|key| Some(format!("key {key}"))).collect::<StringArray>());
        let numbers: ArrayRef =
            Arc::new(keys.into_iter().map(|key| (key % 7 != 0).then_some(key)).collect::<Int64Array>());
        RecordBatch::try_from_iter_with_nullable([("number", numbers, true), ("text", texts, true)]).unwrap()
    }

    #[test]
    fn keys_that_are_asked_for_pass_and_few_others_do() {
        let asked = AskedKeys::of(&[batch(0..1_000), batch(5_000..9_000)]).unwrap();
        let passed = |rows: RecordBatch| asked.contains(rows.columns(), rows.num_rows()).unwrap().true_count();
        assert_eq!(passed(batch(0..1_000)) + passed(batch(5_000..9_000)), 5_000);
        let others = passed(batch(10_000..110_000));
        assert!(others < 3_000, "{others}");
        let none = AskedKeys::of(&[]).unwrap();
        assert_eq!(none.contains(batch(0..100).columns(), 100).unwrap().true_count(), 0);
    }
}
