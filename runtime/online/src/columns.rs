//! Columns of rows that grow, and of which some are put in or taken out in the middle. Kernels get Arrow columns of them.
//!
//! The byte form is a byte that says whether a bitmap of present values follows, and then the values: whole numbers and
//! times as signed numbers in groups of seven bits, floats and truth values as their bytes, texts and lists as lengths
//! followed by the contents, vectors as their items.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, FixedSizeListArray, ListArray,
    PrimitiveArray, make_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use mlsys_aggregates::{AggregateError, Reader, write_count, write_signed};

use crate::error::OnlineError;
use crate::texts::{Texts, insert_ends, insert_slice, remove_ends, start};

/// The most bytes of one value that is kept: a block of rows then always fits offsets of 32 bits.
const LARGEST: usize = 1 << 20;

/// Values of one width as an Arrow column.
fn primitive(ty: &DataType, values: Buffer, nulls: Option<NullBuffer>) -> Option<ArrayRef> {
    fn of<T: ArrowPrimitiveType>(ty: &DataType, values: Buffer, nulls: Option<NullBuffer>) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(ty.clone()))
    }
    Some(match ty {
        DataType::Int32 => of::<Int32Type>(ty, values, nulls),
        DataType::Int64 => of::<Int64Type>(ty, values, nulls),
        DataType::Float32 => of::<Float32Type>(ty, values, nulls),
        DataType::Float64 => of::<Float64Type>(ty, values, nulls),
        DataType::Date32 => of::<Date32Type>(ty, values, nulls),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(ty, values, nulls),
        DataType::Duration(TimeUnit::Microsecond) => of::<DurationMicrosecondType>(ty, values, nulls),
        _ => return None,
    })
}

/// A column of rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// Which values are present; none if all are. A missing one has some value.
    present: Option<Vec<bool>>,
    values: Values,
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    /// Numbers and times as their bytes; truth values as a byte each.
    Fixed {
        width: usize,
        bytes: Vec<u8>,
    },
    Texts(Texts),
    List {
        ends: Vec<u32>,
        items: Box<Column>,
    },
    Vector {
        size: usize,
        items: Box<Column>,
    },
}

/// Whether values of a type can be kept.
pub(crate) fn is_kept(ty: &DataType) -> bool {
    match ty {
        DataType::List(item) => is_kept(item.data_type()),
        DataType::FixedSizeList(item, size) => *size > 0 && is_kept(item.data_type()),
        DataType::Utf8 | DataType::Binary => true,
        other => width(other).is_some(),
    }
}

/// The bytes of a value of a type, where all have as many.
fn width(ty: &DataType) -> Option<usize> {
    match ty {
        DataType::Boolean => Some(1),
        DataType::Int32 | DataType::Float32 | DataType::Date32 => Some(4),
        DataType::Int64
        | DataType::Float64
        | DataType::Timestamp(TimeUnit::Microsecond, _)
        | DataType::Duration(TimeUnit::Microsecond) => Some(8),
        _ => None,
    }
}

impl Column {
    /// No values of a type that is kept.
    pub(crate) fn new(ty: &DataType) -> Self {
        let values = match ty {
            DataType::List(item) => Values::List { ends: Vec::new(), items: Box::new(Column::new(item.data_type())) },
            DataType::FixedSizeList(item, size) => {
                let size = usize::try_from(*size).unwrap_or(1);
                Values::Vector { size, items: Box::new(Column::new(item.data_type())) }
            }
            DataType::Utf8 | DataType::Binary => Values::Texts(Texts::default()),
            other => Values::Fixed { width: width(other).unwrap_or(1), bytes: Vec::new() },
        };
        Column { present: None, values }
    }

    /// The values of an Arrow column of a type that is kept.
    ///
    /// # Errors
    /// [`OnlineError::Large`] if one of them is too large.
    pub(crate) fn from_array(array: &ArrayRef, name: &dyn Fn() -> String) -> Result<Self, OnlineError> {
        let too_large = |bytes| OnlineError::Large { column: name(), bytes, most: LARGEST };
        let values = match array.data_type() {
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                let (first, last) = (lists.offsets()[0], lists.offsets()[lists.len()]);
                let items = lists.values().slice(offset(first), offset(last - first));
                let items = Box::new(Column::from_array(&items, name)?);
                let ends = ends(lists.offsets());
                // Vectors in lists are measured by their items too.
                let each = items.memory().checked_div(offset(last - first)).unwrap_or(0).max(1);
                if let Some(most) = most(&ends).filter(|most| most * each > LARGEST) {
                    return Err(too_large(most * each));
                }
                Values::List { ends, items }
            }
            DataType::FixedSizeList(_, size) => {
                let size = usize::try_from(*size).unwrap_or(1);
                let vectors = array.as_fixed_size_list();
                Values::Vector { size, items: Box::new(Column::from_array(vectors.values(), name)?) }
            }
            DataType::Utf8 => texts(array.as_string::<i32>().offsets(), array.as_string::<i32>().value_data()),
            DataType::Binary => texts(array.as_binary::<i32>().offsets(), array.as_binary::<i32>().value_data()),
            DataType::Boolean => {
                let bytes = array.as_boolean().values().iter().map(u8::from).collect();
                Values::Fixed { width: 1, bytes }
            }
            other => {
                let width = width(other).ok_or_else(|| OnlineError::Type { ty: other.clone(), place: "a column" })?;
                let data = array.to_data();
                let bytes = data.buffers().first().map_or(&[][..], |buffer| buffer.as_slice());
                let bytes = bytes[data.offset() * width..(data.offset() + data.len()) * width].to_vec();
                Values::Fixed { width, bytes }
            }
        };
        if let Values::Texts(texts) = &values
            && let Some(most) = most(&texts.ends).filter(|most| *most > LARGEST)
        {
            return Err(too_large(most));
        }
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Column { present: nulls.map(|nulls| nulls.iter().collect()), values })
    }

    /// Puts some values of another column of the same type before a value of this one.
    pub(crate) fn insert(&mut self, at: usize, other: &Column, from: Range<usize>) {
        if self.present.is_some() || other.present.is_some() {
            let len = self.len();
            let mine = self.present.get_or_insert_with(|| vec![true; len]);
            match &other.present {
                Some(present) => insert_slice(mine, at, &present[from.clone()]),
                None => drop(mine.splice(at..at, from.clone().map(|_| true))),
            }
        }
        match (&mut self.values, &other.values) {
            (Values::Fixed { width, bytes }, Values::Fixed { bytes: more, .. }) => {
                insert_slice(bytes, at * *width, &more[from.start * *width..from.end * *width]);
            }
            (Values::Texts(texts), Values::Texts(more)) => texts.insert(at, more, from),
            (Values::List { ends, items }, Values::List { ends: more, items: others }) => {
                let (place, range) = insert_ends(ends, at, more, from);
                items.insert(place, others, range);
            }
            (Values::Vector { size, items }, Values::Vector { items: others, .. }) => {
                items.insert(at * *size, others, from.start * *size..from.end * *size);
            }
            // Columns of one layout have the same types in all its rows.
            _ => {}
        }
    }

    pub(crate) fn remove(&mut self, range: Range<usize>) {
        if let Some(present) = &mut self.present {
            present.drain(range.clone());
            if !present.contains(&false) {
                self.present = None;
            }
        }
        match &mut self.values {
            Values::Fixed { width, bytes } => drop(bytes.drain(range.start * *width..range.end * *width)),
            Values::Texts(texts) => texts.remove(range),
            Values::List { ends, items } => {
                let items_range = remove_ends(ends, range);
                items.remove(items_range);
            }
            Values::Vector { size, items } => items.remove(range.start * *size..range.end * *size),
        }
    }

    /// Whether a value is missing among some.
    pub(crate) fn has_missing(&self, range: Range<usize>) -> bool {
        self.present.as_ref().is_some_and(|present| present[range].contains(&false))
    }

    /// Whether a value is present.
    pub(crate) fn is_present(&self, index: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present[index])
    }

    /// The present ones among some values, as a column without missing ones.
    pub(crate) fn present_only(&self, range: Range<usize>, ty: &DataType) -> Column {
        let mut found = Column::new(ty);
        let (mut index, mut count) = (range.start, 0);
        while index < range.end {
            let run = index..(index..range.end).find(|one| !self.is_present(*one)).unwrap_or(range.end);
            index = run.end + 1;
            let length = run.len();
            found.insert(count, self, run);
            count += length;
        }
        found.present = None;
        found
    }

    /// Some values as an Arrow column.
    ///
    /// # Errors
    /// Arrow refuses them, as it does bytes that are no text.
    pub(crate) fn array(&self, ty: &DataType, range: Range<usize>) -> Result<ArrayRef, OnlineError> {
        let nulls = self.present.as_ref().map(|present| NullBuffer::from(&present[range.clone()]));
        let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
        let length = range.len();
        let data = |buffers: Vec<Buffer>| -> Result<ArrayRef, OnlineError> {
            let data = ArrayData::builder(ty.clone()).len(length).buffers(buffers).nulls(nulls.clone());
            Ok(make_array(data.build()?))
        };
        match (&self.values, ty) {
            (Values::Fixed { bytes, .. }, DataType::Boolean) => {
                let bits = BooleanBuffer::collect_bool(length, |index| bytes[range.start + index] != 0);
                Ok(Arc::new(BooleanArray::new(bits, nulls)))
            }
            (Values::Fixed { width, bytes }, _) => {
                let values = Buffer::from_slice_ref(&bytes[range.start * width..range.end * width]);
                primitive(ty, values, nulls).ok_or_else(|| OnlineError::Type { ty: ty.clone(), place: "a column" })
            }
            (Values::Texts(texts), _) => {
                let (offsets, contents) = offsets(&texts.ends, range);
                data(vec![offsets.into_inner().into_inner(), Buffer::from_slice_ref(&texts.bytes[contents])])
            }
            (Values::List { ends, items }, DataType::List(item)) => {
                let (offsets, contents) = offsets(ends, range);
                let items = items.array(item.data_type(), contents)?;
                Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, items, nulls)?))
            }
            (Values::Vector { size, items }, DataType::FixedSizeList(item, length)) => {
                let items = items.array(item.data_type(), range.start * size..range.end * size)?;
                Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(item), *length, items, nulls)?))
            }
            (_, other) => Err(OnlineError::Type { ty: other.clone(), place: "a column" }),
        }
    }

    /// Bytes that are held behind pointers, about.
    pub(crate) fn memory(&self) -> usize {
        let values = match &self.values {
            Values::Fixed { bytes, .. } => bytes.capacity(),
            Values::Texts(texts) => texts.memory(),
            Values::List { ends, items } => ends.capacity() * size_of::<u32>() + items.memory(),
            Values::Vector { items, .. } => items.memory(),
        };
        values + self.present.as_ref().map_or(0, Vec::capacity)
    }

    /// Appends the byte form of some values.
    pub(crate) fn write(&self, out: &mut Vec<u8>, ty: &DataType, range: Range<usize>) {
        self.write_present(out, range.clone());
        match (&self.values, ty) {
            (Values::Fixed { bytes, .. }, DataType::Int32 | DataType::Date32) => {
                let values = bytes[range.start * 4..range.end * 4].as_chunks::<4>().0;
                values.iter().for_each(|value| write_signed(out, i64::from(i32::from_le_bytes(*value))));
            }
            (Values::Fixed { bytes, .. }, DataType::Int64 | DataType::Timestamp(..) | DataType::Duration(_)) => {
                let values = bytes[range.start * 8..range.end * 8].as_chunks::<8>().0;
                values.iter().for_each(|value| write_signed(out, i64::from_le_bytes(*value)));
            }
            (Values::Fixed { width, bytes }, _) => out.extend(&bytes[range.start * width..range.end * width]),
            (Values::Texts(texts), _) => {
                let contents = write_ends(out, &texts.ends, range);
                out.extend(&texts.bytes[contents]);
            }
            (Values::List { ends, items }, DataType::List(item)) => {
                let contents = write_ends(out, ends, range);
                items.write(out, item.data_type(), contents);
            }
            (Values::Vector { size, items }, DataType::FixedSizeList(item, _)) => {
                items.write(out, item.data_type(), range.start * size..range.end * size);
            }
            (Values::List { .. } | Values::Vector { .. }, _) => {}
        }
    }

    fn write_present(&self, out: &mut Vec<u8>, range: Range<usize>) {
        let has_missing = self.has_missing(range.clone());
        out.push(u8::from(has_missing));
        if let Some(present) = self.present.as_ref().filter(|_| has_missing) {
            let bits = |eight: &[bool]| eight.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            out.extend(present[range].chunks(8).map(bits));
        }
    }

    /// So many values that were written.
    ///
    /// # Errors
    /// The bytes end too early, or are not values of the type.
    pub(crate) fn read(reader: &mut Reader<'_>, ty: &DataType, length: usize) -> Result<Self, AggregateError> {
        let present = read_present(reader, length)?;
        let values = match ty {
            DataType::Utf8 | DataType::Binary => {
                let ends = read_ends(reader, length)?;
                let bytes = reader.take(start(&ends, length))?.to_vec();
                let texts = Texts { ends, bytes };
                if *ty == DataType::Utf8 && (0..length).any(|index| str::from_utf8(texts.get(index)).is_err()) {
                    return Err(reader.error("a text is not UTF-8"));
                }
                Values::Texts(texts)
            }
            DataType::List(item) => {
                let ends = read_ends(reader, length)?;
                let items = Column::read(reader, item.data_type(), start(&ends, length))?;
                Values::List { ends, items: Box::new(items) }
            }
            DataType::FixedSizeList(item, size) => {
                let size = usize::try_from(*size).unwrap_or(1);
                let items = Column::read(reader, item.data_type(), length.saturating_mul(size))?;
                Values::Vector { size, items: Box::new(items) }
            }
            other => read_fixed(reader, other, length)?,
        };
        Ok(Column { present, values })
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Fixed { width, bytes } => bytes.len() / width,
            Values::Texts(texts) => texts.len(),
            Values::List { ends, .. } => ends.len(),
            Values::Vector { size, items } => items.len() / size,
        }
    }
}

fn texts(offsets: &OffsetBuffer<i32>, bytes: &[u8]) -> Values {
    let (first, last) = (offset(offsets[0]), offset(offsets[offsets.len() - 1]));
    Values::Texts(Texts { ends: ends(offsets), bytes: bytes[first..last].to_vec() })
}

/// Where items end, counted from the first one's beginning.
fn ends(offsets: &OffsetBuffer<i32>) -> Vec<u32> {
    let first = offsets[0];
    offsets.iter().skip(1).map(|end| (end - first).cast_unsigned()).collect()
}

/// The greatest length of an item.
fn most(ends: &[u32]) -> Option<usize> {
    (0..ends.len()).map(|index| start(ends, index + 1) - start(ends, index)).max()
}

/// An Arrow offset, which is never negative.
fn offset(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

/// The offsets of some items, and where their contents are.
fn offsets(ends: &[u32], range: Range<usize>) -> (OffsetBuffer<i32>, Range<usize>) {
    let contents = start(ends, range.start)..start(ends, range.end);
    let first = contents.start;
    let each = ends[range].iter().map(|end| i32::try_from(*end as usize - first).unwrap_or(i32::MAX));
    let offsets: Vec<i32> = std::iter::once(0).chain(each).collect();
    (OffsetBuffer::new(ScalarBuffer::from(offsets)), contents)
}

fn write_ends(out: &mut Vec<u8>, ends: &[u32], range: Range<usize>) -> Range<usize> {
    for index in range.clone() {
        write_count(out, (start(ends, index + 1) - start(ends, index)) as u64);
    }
    start(ends, range.start)..start(ends, range.end)
}

/// Ends from lengths, none of which is more than is ever kept.
fn read_ends(reader: &mut Reader<'_>, length: usize) -> Result<Vec<u32>, AggregateError> {
    if length > reader.remaining() {
        return Err(reader.error("it ends too early"));
    }
    let mut end = 0_u32;
    let mut ends = Vec::with_capacity(length);
    for _ in 0..length {
        let next = u32::try_from(reader.count()?).ok().filter(|length| *length as usize <= LARGEST);
        let next = next.and_then(|length| end.checked_add(length));
        end = next.ok_or_else(|| reader.error("a value is too large"))?;
        ends.push(end);
    }
    Ok(ends)
}

fn read_present(reader: &mut Reader<'_>, length: usize) -> Result<Option<Vec<bool>>, AggregateError> {
    match reader.byte()? {
        0 => Ok(None),
        1 => {
            let bits = reader.take(length.div_ceil(8))?;
            Ok(Some((0..length).map(|index| bits[index / 8] >> (index % 8) & 1 == 1).collect()))
        }
        _ => Err(reader.error("a column is corrupted")),
    }
}

fn read_fixed(reader: &mut Reader<'_>, ty: &DataType, length: usize) -> Result<Values, AggregateError> {
    let width = width(ty).ok_or_else(|| reader.error("a column has another type"))?;
    if length > reader.remaining() {
        return Err(reader.error("it ends too early"));
    }
    let mut bytes = Vec::new();
    match ty {
        DataType::Int32 | DataType::Date32 => {
            for _ in 0..length {
                let value = i32::try_from(reader.signed()?).map_err(|_| reader.error("a number is too large"))?;
                bytes.extend(value.to_le_bytes());
            }
        }
        DataType::Int64 | DataType::Timestamp(..) | DataType::Duration(_) => {
            for _ in 0..length {
                bytes.extend(reader.signed()?.to_le_bytes());
            }
        }
        _ => bytes = reader.take(length.saturating_mul(width))?.to_vec(),
    }
    Ok(Values::Fixed { width, bytes })
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, Date32Array, DurationMicrosecondArray, FixedSizeListArray, Float32Array, Float64Array, Int32Array,
        Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array,
    };
    use arrow::compute;
    use arrow::datatypes::{Float32Type, Int64Type};
    use proptest::prelude::*;

    use super::*;

    /// A column of every type that is kept, with some values missing.
    fn arrays(values: &[Option<i64>]) -> Vec<ArrayRef> {
        let each = || values.iter().copied();
        let small = || each().map(|value| value.map(|value| i32::try_from(value % 1_000).unwrap()));
        let items = |value: i64| (0..value.rem_euclid(4)).map(move |item| (item != 2).then_some(value + item));
        let vector = |value: i64| vec![Some(value as f32), None, Some(0.5)];
        vec![
            Arc::new(each().map(|value| value.map(|value| value > 0)).collect::<BooleanArray>()),
            Arc::new(small().collect::<Int32Array>()),
            Arc::new(each().collect::<Int64Array>()),
            Arc::new(each().map(|value| value.map(|value| value as f32)).collect::<Float32Array>()),
            Arc::new(each().map(|value| value.map(|value| value as f64)).collect::<Float64Array>()),
            Arc::new(small().collect::<Date32Array>()),
            Arc::new(each().collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            Arc::new(each().collect::<DurationMicrosecondArray>()),
            Arc::new(
                each()
                    .map(|value| value.map(|value| "é".repeat(value.rem_euclid(4) as usize)))
                    .collect::<StringArray>(),
            ),
            Arc::new(each().map(|value| value.map(|value| value.to_le_bytes())).collect::<BinaryArray>()),
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(each().map(|value| value.map(items)))),
            Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(
                each().map(|value| value.map(vector)),
                3,
            )),
        ]
    }

    fn whole(column: &Column, ty: &DataType) -> ArrayRef {
        column.array(ty, 0..column.len()).unwrap()
    }

    proptest! {
        /// Values that are put in and taken out anywhere, or written and read, are the values that Arrow has.
        #[test]
        fn columns_hold_what_arrow_does(
            values in prop::collection::vec(prop::option::weighted(0.8, any::<i64>()), 1..20),
            steps in prop::collection::vec((any::<bool>(), any::<[prop::sample::Index; 3]>()), 1..12),
            cut: prop::sample::Index,
        ) {
            for array in arrays(&values) {
                let ty = array.data_type().clone();
                prop_assert!(is_kept(&ty));
                // A slice has an offset of its own.
                let array = array.slice(1, array.len() - 1);
                let source = Column::from_array(&array, &|| "x".to_owned()).unwrap();
                let mut column = Column::new(&ty);
                let mut places: Vec<u64> = Vec::new();
                for (inserts, picks) in &steps {
                    let at = picks[0].index(places.len() + 1);
                    if *inserts {
                        let (one, other) = (picks[1].index(source.len() + 1), picks[2].index(source.len() + 1));
                        let range = one.min(other)..one.max(other);
                        column.insert(at, &source, range.clone());
                        places.splice(at..at, range.map(|place| place as u64));
                    } else {
                        let other = picks[1].index(places.len() + 1);
                        column.remove(at.min(other)..at.max(other));
                        places.drain(at.min(other)..at.max(other));
                    }
                }
                let wanted = compute::take(&array, &UInt64Array::from(places.clone()), None).unwrap();
                prop_assert_eq!(&whole(&column, &ty), &wanted);
                let present = compute::filter(&wanted, &compute::is_not_null(&wanted).unwrap()).unwrap();
                let found = column.present_only(0..places.len(), &ty);
                prop_assert_eq!(&whole(&found, &ty), &present);
                let begin = cut.index(places.len() + 1);
                let mut bytes = Vec::new();
                column.write(&mut bytes, &ty, begin..places.len());
                let mut reader = Reader::new("column", &bytes);
                let read = Column::read(&mut reader, &ty, places.len() - begin).unwrap();
                prop_assert!(reader.end().is_ok());
                let wanted = wanted.slice(begin, places.len() - begin);
                prop_assert_eq!(&whole(&read, &ty), &wanted);
            }
        }
    }

    #[test]
    fn values_that_are_too_large_are_refused() {
        let large: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(LARGEST + 1)]));
        let error = Column::from_array(&large, &|| "argument 2".to_owned()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("a value in argument 2 has {} bytes, more than the {LARGEST} that are kept", LARGEST + 1)
        );
        let items = ListArray::from_iter_primitive::<Int64Type, _, _>([Some((0..200_000).map(Some))]);
        assert!(Column::from_array(&(Arc::new(items) as ArrayRef), &|| "x".to_owned()).is_err());
    }
}
