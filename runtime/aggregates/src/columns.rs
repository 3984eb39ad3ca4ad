//! The byte form of columns, for states that keep values as they came.
//!
//! A column of a known type and length is a byte that says whether a bitmap of present values follows, and then: truth
//! values as bits, numbers and times as their bytes, texts as lengths followed by all bytes, lists as lengths followed by
//! all items, vectors as all items, structs as their fields.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, GenericByteArray, GenericListArray,
    OffsetSizeTrait, StructArray, make_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, ByteArrayType, DataType, FieldRef, Fields, GenericBinaryType, GenericStringType,
};

use crate::bytes::{Reader, write_count};
use crate::error::AggregateError;

/// Whether columns of a type have a byte form.
pub(crate) fn storable(ty: &DataType) -> bool {
    match ty {
        DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            storable(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().all(|field| storable(field.data_type())),
        other => other.primitive_width().is_some(),
    }
}

/// Appends a column of a type that is [`storable`]; its length is not written.
pub(crate) fn write(out: &mut Vec<u8>, column: &ArrayRef) {
    write_nulls(out, column.nulls());
    match column.data_type() {
        DataType::Boolean => write_bits(out, column.as_boolean().values().iter()),
        DataType::Utf8 => write_texts::<GenericStringType<i32>>(out, column),
        DataType::LargeUtf8 => write_texts::<GenericStringType<i64>>(out, column),
        DataType::Binary => write_texts::<GenericBinaryType<i32>>(out, column),
        DataType::LargeBinary => write_texts::<GenericBinaryType<i64>>(out, column),
        DataType::List(_) => write_lists(out, column.as_list::<i32>()),
        DataType::LargeList(_) => write_lists(out, column.as_list::<i64>()),
        DataType::FixedSizeList(..) => write(out, column.as_fixed_size_list().values()),
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|field| write(out, field)),
        other => write_numbers(out, column, other.primitive_width().unwrap_or(0)),
    }
}

/// The column of present values of a type that is [`storable`] and of the given length.
pub(crate) fn read(reader: &mut Reader<'_>, ty: &DataType, len: usize) -> Result<ArrayRef, AggregateError> {
    let column = read_column(reader, ty, len)?;
    if column.null_count() > 0 {
        return Err(reader.error("a value is missing"));
    }
    Ok(column)
}

fn read_column(reader: &mut Reader<'_>, ty: &DataType, len: usize) -> Result<ArrayRef, AggregateError> {
    let nulls = read_nulls(reader, len)?;
    match ty {
        DataType::Boolean => Ok(Arc::new(BooleanArray::new(read_bits(reader, len)?, nulls))),
        DataType::Utf8 => read_texts::<GenericStringType<i32>>(reader, len, nulls),
        DataType::LargeUtf8 => read_texts::<GenericStringType<i64>>(reader, len, nulls),
        DataType::Binary => read_texts::<GenericBinaryType<i32>>(reader, len, nulls),
        DataType::LargeBinary => read_texts::<GenericBinaryType<i64>>(reader, len, nulls),
        DataType::List(item) => read_lists::<i32>(reader, item, len, nulls),
        DataType::LargeList(item) => read_lists::<i64>(reader, item, len, nulls),
        DataType::FixedSizeList(item, size) => read_vectors(reader, item, *size, len, nulls),
        DataType::Struct(fields) => read_struct(reader, fields, len, nulls),
        other => read_numbers(reader, other, len, nulls),
    }
}

/// Appends a column of at most one present value; one that is missing is not written.
pub(crate) fn write_single(out: &mut Vec<u8>, value: &ArrayRef) {
    let present = value.len() > value.null_count();
    out.push(u8::from(present));
    if present {
        write(out, value);
    }
}

/// The column of one value that was written, if there was one.
pub(crate) fn read_single(reader: &mut Reader<'_>, ty: &DataType) -> Result<Option<ArrayRef>, AggregateError> {
    match reader.byte()? {
        0 => Ok(None),
        1 => read(reader, ty, 1).map(Some),
        _ => Err(reader.error("a value is corrupted")),
    }
}

fn write_bits(out: &mut Vec<u8>, bits: impl Iterator<Item = bool>) {
    let bits: Vec<bool> = bits.collect();
    for eight in bits.chunks(8) {
        out.push(eight.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)));
    }
}

fn read_bits(reader: &mut Reader<'_>, len: usize) -> Result<BooleanBuffer, AggregateError> {
    Ok(BooleanBuffer::new(Buffer::from_slice_ref(reader.take(len.div_ceil(8))?), 0, len))
}

fn write_nulls(out: &mut Vec<u8>, nulls: Option<&NullBuffer>) {
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    out.push(u8::from(nulls.is_some()));
    if let Some(nulls) = nulls {
        write_bits(out, nulls.iter());
    }
}

fn read_nulls(reader: &mut Reader<'_>, len: usize) -> Result<Option<NullBuffer>, AggregateError> {
    match reader.byte()? {
        0 => Ok(None),
        1 => Ok(Some(NullBuffer::new(read_bits(reader, len)?))),
        _ => Err(reader.error("a column is corrupted")),
    }
}

fn write_numbers(out: &mut Vec<u8>, column: &ArrayRef, width: usize) {
    let data = column.to_data();
    let start = data.offset() * width;
    out.extend(data.buffers().iter().flat_map(|bytes| &bytes.as_slice()[start..start + data.len() * width]));
}

fn read_numbers(
    reader: &mut Reader<'_>,
    ty: &DataType,
    len: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, AggregateError> {
    let width = ty.primitive_width().ok_or_else(|| AggregateError::unexpected("numbers", ty))?;
    let bytes = Buffer::from_slice_ref(reader.take(len.saturating_mul(width))?);
    let data = ArrayData::builder(ty.clone()).len(len).add_buffer(bytes).nulls(nulls).align_buffers(true);
    Ok(make_array(data.build()?))
}

fn write_lengths<O: OffsetSizeTrait>(out: &mut Vec<u8>, offsets: &OffsetBuffer<O>) {
    offsets.lengths().for_each(|length| write_count(out, length as u64));
}

/// Offsets from lengths, and the last of them.
fn read_lengths<O: OffsetSizeTrait>(
    reader: &mut Reader<'_>,
    len: usize,
) -> Result<(OffsetBuffer<O>, usize), AggregateError> {
    if len > reader.remaining() {
        return Err(reader.error("it ends too early"));
    }
    let mut end = 0_usize;
    let mut offsets = vec![O::default()];
    for _ in 0..len {
        let length = usize::try_from(reader.count()?).ok();
        let next = length.and_then(|length| end.checked_add(length));
        let offset = next.and_then(O::from_usize).ok_or_else(|| reader.error("a length is too large"))?;
        end = offset.as_usize();
        offsets.push(offset);
    }
    Ok((OffsetBuffer::new(ScalarBuffer::from(offsets)), end))
}

fn write_texts<T: ByteArrayType>(out: &mut Vec<u8>, column: &ArrayRef) {
    let texts = column.as_bytes::<T>();
    write_lengths(out, texts.offsets());
    let start = texts.offsets().first().map_or(0, |offset| offset.as_usize());
    let end = texts.offsets().last().map_or(0, |offset| offset.as_usize());
    out.extend_from_slice(&texts.value_data()[start..end]);
}

fn read_texts<T: ByteArrayType>(
    reader: &mut Reader<'_>,
    len: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, AggregateError> {
    let (offsets, end) = read_lengths::<T::Offset>(reader, len)?;
    let bytes = Buffer::from_slice_ref(reader.take(end)?);
    Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, bytes, nulls)?))
}

fn write_lists<O: OffsetSizeTrait>(out: &mut Vec<u8>, lists: &GenericListArray<O>) {
    write_lengths(out, lists.offsets());
    let start = lists.offsets().first().map_or(0, |offset| offset.as_usize());
    let end = lists.offsets().last().map_or(0, |offset| offset.as_usize());
    write(out, &lists.values().slice(start, end - start));
}

fn read_lists<O: OffsetSizeTrait>(
    reader: &mut Reader<'_>,
    item: &FieldRef,
    len: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, AggregateError> {
    let (offsets, end) = read_lengths::<O>(reader, len)?;
    let items = read_column(reader, item.data_type(), end)?;
    Ok(Arc::new(GenericListArray::try_new(FieldRef::clone(item), offsets, items, nulls)?))
}

fn read_vectors(
    reader: &mut Reader<'_>,
    item: &FieldRef,
    size: i32,
    len: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, AggregateError> {
    let items = len.saturating_mul(usize::try_from(size).unwrap_or(0));
    let items = read_column(reader, item.data_type(), items)?;
    Ok(Arc::new(FixedSizeListArray::try_new_with_length(FieldRef::clone(item), size, items, nulls, len)?))
}

fn read_struct(
    reader: &mut Reader<'_>,
    fields: &Fields,
    len: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, AggregateError> {
    let columns =
        fields.iter().map(|field| read_column(reader, field.data_type(), len)).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, len)?))
}
