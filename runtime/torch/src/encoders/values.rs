//! Values of columns: numbers of any type as float64, texts of any type, items of lists.

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, ListArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};

/// A column of numbers. Single and double precision are read where they are, other types are converted as a whole.
pub(super) enum Numbers {
    Single(Float32Array),
    Double(Float64Array),
}

impl Numbers {
    pub(super) fn of(column: &ArrayRef) -> Result<Self, String> {
        match column.data_type() {
            DataType::Float32 => return Ok(Numbers::Single(column.as_primitive::<Float32Type>().clone())),
            DataType::Float64 => return Ok(Numbers::Double(column.as_primitive::<Float64Type>().clone())),
            _ => {}
        }
        let column = match column.data_type() {
            DataType::Timestamp(..) | DataType::Duration(_) | DataType::Date32 => {
                cast(column, &DataType::Int64).or_else(|_| cast(column, &DataType::Int32))
            }
            _ => Ok(column.clone()),
        };
        let double = column.and_then(|column| cast(&column, &DataType::Float64)).map_err(|error| error.to_string())?;
        Ok(Numbers::Double(double.as_primitive::<Float64Type>().clone()))
    }

    /// Hands the number of each row over; none where it is missing, NaN or infinite.
    pub(super) fn each(&self, rows: &[usize], mut take: impl FnMut(usize, Option<f64>)) {
        match self {
            Numbers::Single(column) if column.null_count() == 0 => {
                let values = column.values();
                rows.iter().enumerate().for_each(|(at, &row)| take(at, finite(f64::from(values[row]))));
            }
            Numbers::Double(column) if column.null_count() == 0 => {
                let values = column.values();
                rows.iter().enumerate().for_each(|(at, &row)| take(at, finite(values[row])));
            }
            Numbers::Single(column) => {
                let value = |row| column.is_valid(row).then(|| f64::from(column.value(row)));
                rows.iter().enumerate().for_each(|(at, &row)| take(at, value(row).and_then(finite)));
            }
            Numbers::Double(column) => {
                let value = |row| column.is_valid(row).then(|| column.value(row));
                rows.iter().enumerate().for_each(|(at, &row)| take(at, value(row).and_then(finite)));
            }
        }
    }

    /// The numbers that are there.
    pub(super) fn present(&self, rows: &[usize]) -> Vec<f64> {
        let mut present = Vec::with_capacity(rows.len());
        self.each(rows, |_, value| present.extend(value));
        present
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// A column as texts.
pub(super) fn texts(column: &ArrayRef) -> Result<StringArray, String> {
    let texts = cast(column, &DataType::Utf8).map_err(|error| error.to_string())?;
    Ok(texts.as_string::<i32>().clone())
}

/// The texts of those rows that have one.
pub(super) fn present<'a>(texts: &'a StringArray, rows: &'a [usize]) -> impl Iterator<Item = &'a str> {
    rows.iter().filter(|&&row| texts.is_valid(row)).map(|&row| texts.value(row))
}

/// A column of lists, its items of that type.
pub(super) fn lists(column: &ArrayRef, item: DataType) -> Result<ListArray, String> {
    let ty = DataType::List(Field::new_list_field(item, true).into());
    let lists = cast(column, &ty).map_err(|error| error.to_string())?;
    Ok(lists.as_list::<i32>().clone())
}

/// The longest of some lists, but no longer than a bound.
pub(super) fn longest(lists: &ListArray, rows: &[usize], most: usize) -> usize {
    let lengths = rows.iter().filter(|&&row| lists.is_valid(row)).map(|&row| length(lists, row));
    lengths.max().unwrap_or(0).clamp(1, most)
}

/// The places of the last `most` items of each list.
pub(super) fn items(lists: &ListArray, rows: &[usize], most: usize) -> impl Iterator<Item = usize> {
    rows.iter().flat_map(move |&row| {
        let (start, count) = last_of(lists, row, most);
        start..start + count
    })
}

/// How many items a list has.
pub(super) fn length(lists: &ListArray, row: usize) -> usize {
    usize::try_from(lists.value_length(row)).unwrap_or_default()
}

/// Where in the items a list begins, of which the last `most` ones count, and how many these are.
pub(super) fn last_of(lists: &ListArray, row: usize, most: usize) -> (usize, usize) {
    if lists.is_null(row) {
        return (0, 0);
    }
    let (all, start) = (length(lists, row), usize::try_from(lists.value_offsets()[row]).unwrap_or_default());
    let taken = all.min(most);
    (start + all - taken, taken)
}
