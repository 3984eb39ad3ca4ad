//! Rows that go straight to their places, where a column says which: nothing is sorted.
//!
//! Values of one row lie side by side until all rows have come. A row then costs the memory two or three lines, where
//! writing to one far place a column would cost one a value. Taken out in order, batch by batch, they are columns again,
//! and what was taken out is let go of.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::compute;
use arrow::datatypes::{ArrowNativeType, DataType, FieldRef, Int64Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};

use super::segment::Segment;

/// Places in a segment.
const PLACES: usize = 1 << 15;

/// Rows at their places, which are numbered from the least position; some places may stay empty.
pub(super) struct Placed {
    schema: SchemaRef,
    /// Which column holds the positions.
    position: usize,
    /// The least position, which has the first place.
    low: i64,
    columns: Vec<Column>,
    /// How many of a row's words say which values are there.
    flags: usize,
    /// A row's words: the flags, of which the first bit says that the row has come and each next one that a value is
    /// missing, and then one word a column. Every segment has the words of as many places.
    segments: Vec<Segment>,
    places: usize,
}

/// How a column's values become words.
struct Column {
    ty: DataType,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Bit,
    Four,
    Eight,
    /// The position, which the place tells.
    Place,
}

impl Placed {
    /// No rows yet, of which none will have a position below `low`; none if a column holds values that are no words.
    pub(super) fn new(schema: &SchemaRef, position: usize, low: u64) -> Option<Self> {
        let low = i64::try_from(low).ok()?;
        let column = |(index, field): (usize, &FieldRef)| {
            let kind = match (field.data_type(), field.data_type().primitive_width()) {
                (DataType::Int64, _) if index == position => Kind::Place,
                _ if index == position => return None,
                (DataType::Boolean, _) => Kind::Bit,
                (_, Some(4)) => Kind::Four,
                (_, Some(8)) => Kind::Eight,
                _ => return None,
            };
            Some(Column { ty: field.data_type().clone(), kind })
        };
        let columns = schema.fields().iter().enumerate().map(column).collect::<Option<Vec<Column>>>()?;
        let flags = (columns.len() + 1).div_ceil(64);
        Some(Placed { schema: schema.clone(), position, low, columns, flags, segments: Vec::new(), places: 0 })
    }

    /// Bytes that are needed so that a batch finds its places.
    pub(super) fn bytes_with(&self, batch: &RecordBatch) -> usize {
        let segments = self.places_with(batch).max(self.places).div_ceil(PLACES);
        segments * PLACES * self.width() * size_of::<u64>()
    }

    /// Puts the rows of a batch to their places.
    ///
    /// # Errors
    /// Two rows have one place, or a row has none.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let positions = batch.column(self.position).as_primitive::<Int64Type>();
        if positions.null_count() > 0 || positions.values().iter().any(|place| *place < self.low) {
            return Err(DataFusionError::Internal("a row without a position".to_owned()));
        }
        self.places = self.places_with(batch).max(self.places);
        let width = self.width();
        while self.segments.len() * PLACES < self.places {
            self.segments.push(Segment::new(PLACES * width)?);
        }
        let places = positions.values().iter().map(|position| (position - self.low).as_usize());
        let rows: Vec<(usize, usize)> = places.map(|place| (place / PLACES, place % PLACES * width)).collect();
        for (segment, row) in &rows {
            if self.segments[*segment].replace(*row, 1) != 0 {
                return Err(DataFusionError::Internal("two rows have one position".to_owned()));
            }
        }
        for index in 0..self.columns.len() {
            self.put(index, batch.column(index), &rows);
        }
        Ok(())
    }

    /// The rows in the order of their positions, so many a batch at most.
    pub(super) fn batches(mut self, size: usize) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let segments = std::mem::take(&mut self.segments);
        segments.into_iter().enumerate().flat_map(move |(index, segment)| {
            let (first, places) = (index * PLACES, PLACES.min(self.places - index * PLACES));
            let starts = (0..places).step_by(size);
            let batches = starts.map(|start| self.batch(&segment, first, start..places.min(start + size)));
            batches.collect::<Vec<_>>()
        })
    }

    /// Words of a row.
    fn width(&self) -> usize {
        self.flags + self.columns.len()
    }

    fn places_with(&self, batch: &RecordBatch) -> usize {
        let positions = batch.column(self.position).as_primitive::<Int64Type>();
        let last = positions.values().iter().copied().max();
        last.map_or(0, |last| usize::try_from(last - self.low).map_or(0, |place| place + 1))
    }

    fn put(&mut self, index: usize, column: &ArrayRef, rows: &[(usize, usize)]) {
        let (segments, at) = (&mut self.segments, self.flags + index);
        if let Some(nulls) = column.nulls().filter(|nulls| nulls.null_count() > 0) {
            let (word, bit) = flag(index);
            for (_, (segment, row)) in rows.iter().enumerate().filter(|(row, _)| nulls.is_null(*row)) {
                let flags = segments[*segment].get(row + word);
                segments[*segment].replace(row + word, flags | bit);
            }
        }
        let mut write = |(segment, row): &(usize, usize), value| {
            segments[*segment].replace(row + at, value);
        };
        let data = column.to_data();
        match self.columns[index].kind {
            Kind::Place => {}
            Kind::Bit => column.as_boolean().values().set_indices().for_each(|row| write(&rows[row], 1)),
            Kind::Four => rows.iter().zip(data.buffer::<u32>(0)).for_each(|(row, value)| write(row, u64::from(*value))),
            Kind::Eight => rows.iter().zip(data.buffer::<u64>(0)).for_each(|(row, value)| write(row, *value)),
        }
    }

    fn batch(&self, segment: &Segment, first: usize, places: Range<usize>) -> Result<RecordBatch> {
        let columns = (0..self.columns.len()).map(|index| self.column(index, segment, first, places.clone()));
        let batch = RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_>>()?)?;
        let width = self.width();
        let has_come = BooleanBuffer::from_iter(places.map(|place| segment.get(place * width) & 1 == 1));
        if has_come.count_set_bits() == has_come.len() {
            return Ok(batch);
        }
        Ok(compute::filter_record_batch(&batch, &BooleanArray::new(has_come, None))?)
    }

    fn column(&self, index: usize, segment: &Segment, first: usize, places: Range<usize>) -> Result<ArrayRef> {
        let (column, width, at) = (&self.columns[index], self.width(), self.flags + index);
        let (word, bit) = flag(index);
        let values = places.clone().map(|place| segment.get(place * width + at));
        let buffer = match column.kind {
            Kind::Place => {
                let positions = places.map(|place| self.low + (first + place) as i64);
                return Ok(Arc::new(Int64Array::from_iter_values(positions)));
            }
            Kind::Bit => Buffer::from_iter(values.map(|value| value == 1)),
            Kind::Four => Buffer::from_iter(values.map(|value| value as u32)),
            Kind::Eight => Buffer::from_iter(values),
        };
        let count = places.len();
        let present = BooleanBuffer::from_iter(places.map(|place| segment.get(place * width + word) & bit == 0));
        let nulls = Some(NullBuffer::new(present)).filter(|nulls| nulls.null_count() > 0);
        let data = ArrayData::builder(column.ty.clone()).len(count).add_buffer(buffer).nulls(nulls);
        Ok(make_array(data.build()?))
    }
}

/// Where the flags of a row say that a column's value is missing.
fn flag(column: usize) -> (usize, u64) {
    ((column + 1) / 64, 1 << ((column + 1) % 64))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::compute::{concat_batches, take_record_batch};
    use proptest::prelude::*;

    use super::Placed;

    fn batch(places: &[i64]) -> RecordBatch {
        let some = |value: i64| (value % 3 != 0).then_some(value);
        let columns: [(&str, ArrayRef); 5] = [
            ("float", Arc::new(places.iter().map(|place| some(*place).map(|v| v as f64)).collect::<Float64Array>())),
            ("small", Arc::new(places.iter().map(|place| Some(*place as f32)).collect::<Float32Array>())),
            ("bit", Arc::new(places.iter().map(|place| some(*place).map(|v| v % 2 == 0)).collect::<BooleanArray>())),
            ("at", Arc::new(TimestampMicrosecondArray::from(places.to_vec()).with_timezone("UTC"))),
            ("position", Arc::new(Int64Array::from(places.to_vec()))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }

    proptest! {
        /// Rows of a permutation, of which some are missing, in batches that are slices of larger ones.
        #[test]
        fn rows_come_back_in_order(order in Just((0..70_i64).collect::<Vec<_>>()).prop_shuffle(), rows in 1..70_usize) {
            let whole = batch(&order);
            let mut placed = Placed::new(&whole.schema(), 4, 0).unwrap();
            for start in (0..rows).step_by(9) {
                placed.add(&whole.slice(start, 9.min(rows - start))).unwrap();
            }
            let mut expected: Vec<u32> = (0..rows as u32).collect();
            expected.sort_by_key(|row| order[*row as usize]);
            let expected = take_record_batch(&whole, &arrow::array::UInt32Array::from(expected)).unwrap();
            let found: Vec<RecordBatch> = placed.batches(11).map(Result::unwrap).collect();
            prop_assert_eq!(concat_batches(&whole.schema(), &found).unwrap(), expected);
        }
    }

    #[test]
    fn one_place_is_for_one_row() {
        let whole = batch(&[1, 0, 1]);
        let mut placed = Placed::new(&whole.schema(), 4, 0).unwrap();
        assert!(placed.add(&whole).is_err());
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let schema = RecordBatch::try_from_iter([("text", text)]).unwrap().schema();
        assert!(Placed::new(&schema, 0, 0).is_none());
    }
}
