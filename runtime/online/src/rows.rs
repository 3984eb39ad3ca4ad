//! Rows of one entity or of a batch: instants, what orders rows of one instant, and what aggregates read.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use mlsys_aggregates::{AggregateError, Reader, write_count, write_signed};

use crate::code;
use crate::columns::Column;
use crate::error::OnlineError;
use crate::layout::{Layout, Order};
use crate::texts::Texts;

/// Rows in columns, as a [`Layout`] has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Microseconds since 1970.
    pub(crate) instants: Vec<i64>,
    /// What orders rows of one instant, as bytes that compare as it does; none where nothing does.
    pub(crate) order: Option<Texts>,
    pub(crate) arguments: Vec<Column>,
}

/// Instants are written in the coarsest of these units that all of them are multiples of.
const UNITS: [i64; 4] = [60_000_000, 1_000_000, 1_000, 1];

impl Rows {
    /// The rows of a batch: their instants, their arguments, and the columns that order rows of one instant and are not
    /// among the arguments.
    ///
    /// # Errors
    /// [`OnlineError::Rows`] if the columns are not those of the layout or an instant is missing; [`OnlineError::Large`] if
    /// a value is too large.
    pub fn new(
        layout: &Layout,
        instants: &ArrayRef,
        arguments: &[ArrayRef],
        order: &[ArrayRef],
    ) -> Result<Self, OnlineError> {
        let instants = self::instants(instants)?;
        let rows = instants.len();
        if arguments.len() != layout.arguments.len() {
            let (found, expected) = (arguments.len(), layout.arguments.len());
            return Err(mismatch("the arguments", format!("{found} columns"), format!("{expected} columns")));
        }
        for (index, (column, ty)) in arguments.iter().zip(&layout.arguments).enumerate() {
            if column.data_type() != ty || column.len() != rows {
                let found = format!("{} rows of {}", column.len(), column.data_type());
                return Err(mismatch(&format!("argument {}", index + 1), found, format!("{rows} rows of {ty}")));
            }
        }
        let order = self::order(layout, arguments, order, rows)?;
        let column =
            |(index, array): (usize, &ArrayRef)| Column::from_array(array, &|| format!("argument {}", index + 1));
        let arguments = arguments.iter().enumerate().map(column).collect::<Result<_, _>>()?;
        Ok(Rows { instants, order, arguments })
    }

    /// No rows.
    pub(crate) fn empty(layout: &Layout) -> Self {
        Rows {
            instants: Vec::new(),
            order: (!layout.order.is_empty()).then(Texts::default),
            arguments: layout.arguments.iter().map(Column::new).collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.instants.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.instants.is_empty()
    }

    /// The instant of a row and what orders it among those of the same instant.
    pub fn place(&self, index: usize) -> (i64, &[u8]) {
        (self.instants[index], self.order.as_ref().map_or(&[], |order| order.get(index)))
    }

    /// How many rows come before a place.
    pub(crate) fn rank(&self, place: (i64, &[u8]), is_before: impl Fn(Ordering) -> bool) -> usize {
        // Most rows come after all others.
        match self.len().checked_sub(1) {
            None => 0,
            Some(last) if is_before(self.place(last).cmp(&place)) => last + 1,
            Some(last) => {
                let (mut low, mut high) = (0, last);
                while low < high {
                    let middle = usize::midpoint(low, high);
                    if is_before(self.place(middle).cmp(&place)) { low = middle + 1 } else { high = middle }
                }
                low
            }
        }
    }

    /// How many rows come before an instant.
    pub(crate) fn before(&self, instant: i64) -> usize {
        self.instants.partition_point(|one| *one < instant)
    }

    /// Puts some rows of others before a row.
    pub(crate) fn insert(&mut self, at: usize, other: &Rows, from: Range<usize>) {
        crate::texts::insert_slice(&mut self.instants, at, &other.instants[from.clone()]);
        if let (Some(order), Some(more)) = (&mut self.order, &other.order) {
            order.insert(at, more, from.clone());
        }
        for (column, more) in self.arguments.iter_mut().zip(&other.arguments) {
            column.insert(at, more, from.clone());
        }
    }

    pub(crate) fn remove(&mut self, range: Range<usize>) {
        self.instants.drain(range.clone());
        if let Some(order) = &mut self.order {
            order.remove(range.clone());
        }
        self.arguments.iter_mut().for_each(|column| column.remove(range.clone()));
    }

    /// The rows from one on, which leave these.
    pub(crate) fn split_off(&mut self, layout: &Layout, at: usize) -> Rows {
        let mut rest = Rows::empty(layout);
        rest.insert(0, self, at..self.len());
        self.remove(at..self.len());
        rest
    }

    /// Bytes that are held, about.
    pub(crate) fn memory(&self) -> usize {
        let arguments: usize = self.arguments.iter().map(|column| size_of::<Column>() + column.memory()).sum();
        let order = self.order.as_ref().map_or(0, Texts::memory);
        size_of::<Self>() + self.instants.capacity() * size_of::<i64>() + order + arguments
    }

    /// Appends the byte form of some rows, whose number is written too.
    pub(crate) fn write(&self, out: &mut Vec<u8>, layout: &Layout, range: Range<usize>) {
        write_count(out, range.len() as u64);
        write_instants(out, &self.instants[range.clone()]);
        if let Some(order) = &self.order {
            for index in range.clone() {
                write_count(out, order.get(index).len() as u64);
            }
            range.clone().for_each(|index| out.extend(order.get(index)));
        }
        for (column, ty) in self.arguments.iter().zip(&layout.arguments) {
            column.write(out, ty, range.clone());
        }
    }

    /// At most so many rows that were written.
    ///
    /// # Errors
    /// The bytes are not rows of the layout in order, or they are too many.
    pub(crate) fn read(reader: &mut Reader<'_>, layout: &Layout, most: usize) -> Result<Self, AggregateError> {
        let length = reader.items()?;
        if length > most {
            return Err(reader.error("it has too many rows"));
        }
        let instants = read_instants(reader, length)?;
        let order = if layout.order.is_empty() { None } else { Some(read_order(reader, length)?) };
        let column = |ty: &DataType| Column::read(reader, ty, length);
        let arguments = layout.arguments.iter().map(column).collect::<Result<_, _>>()?;
        let rows = Rows { instants, order, arguments };
        if !(1..rows.len()).all(|index| rows.place(index - 1) <= rows.place(index)) {
            return Err(reader.error("its rows are not in order"));
        }
        Ok(rows)
    }
}

fn instants(column: &ArrayRef) -> Result<Vec<i64>, OnlineError> {
    let wrong = |found: String| mismatch("the instant", found, "a timestamp in microseconds".to_owned());
    let values = column.as_primitive_opt::<TimestampMicrosecondType>();
    let values = values.ok_or_else(|| wrong(column.data_type().to_string()))?;
    if values.null_count() > 0 {
        return Err(wrong(format!("missing in {} rows", values.null_count())));
    }
    Ok(values.values().to_vec())
}

/// What orders the rows, encoded.
fn order(
    layout: &Layout,
    arguments: &[ArrayRef],
    columns: &[ArrayRef],
    rows: usize,
) -> Result<Option<Texts>, OnlineError> {
    let mut given = columns.iter();
    let (mut types, mut chosen) = (Vec::new(), Vec::new());
    for order in &layout.order {
        let column = match order {
            Order::Argument(index) => Some(&arguments[*index]),
            Order::Column(_) => given.next(),
        };
        types.push(match order {
            Order::Argument(index) => layout.arguments[*index].clone(),
            Order::Column(ty) => ty.clone(),
        });
        chosen.extend(column.cloned());
    }
    if given.next().is_some() {
        return Err(mismatch("the order", format!("{} columns", columns.len()), format!("{} columns", types.len())));
    }
    if types.is_empty() { Ok(None) } else { code::encode(&types, &chosen, rows, "order", None).map(Some) }
}

fn mismatch(column: &str, found: String, expected: String) -> OnlineError {
    OnlineError::Rows { column: column.to_owned(), found, expected }
}

fn write_instants(out: &mut Vec<u8>, instants: &[i64]) {
    let divides = |unit: &&i64| instants.iter().all(|instant| instant % **unit == 0);
    let unit = UNITS.iter().find(divides).copied().unwrap_or(1);
    write_count(out, unit.cast_unsigned());
    let mut before = 0;
    for instant in instants {
        // The distance of any two instants, as one of them wrapped around.
        write_signed(out, (instant / unit).wrapping_sub(before));
        before = instant / unit;
    }
}

fn read_instants(reader: &mut Reader<'_>, length: usize) -> Result<Vec<i64>, AggregateError> {
    let unit = reader.count()?.cast_signed();
    if !UNITS.contains(&unit) {
        return Err(reader.error("its unit of time is not known"));
    }
    let mut before = 0_i64;
    let mut instants = Vec::with_capacity(length.min(reader.remaining()));
    for _ in 0..length {
        before = before.wrapping_add(reader.signed()?);
        instants.push(before.checked_mul(unit).ok_or_else(|| reader.error("an instant is out of range"))?);
    }
    Ok(instants)
}

fn read_order(reader: &mut Reader<'_>, length: usize) -> Result<Texts, AggregateError> {
    let mut end = 0_u32;
    let mut ends = Vec::with_capacity(length.min(reader.remaining()));
    for _ in 0..length {
        let next = u32::try_from(reader.count()?).ok().and_then(|length| end.checked_add(length));
        end = next.ok_or_else(|| reader.error("what orders a row is too large"))?;
        ends.push(end);
    }
    Ok(Texts { ends, bytes: reader.take(end as usize)?.to_vec() })
}
