//! The profile of one column: how many values are missing, and what the others are like.

use arrow::array::{Array, ArrayRef};
use arrow::compute;
use mlsys_aggregates::{AggregateError, Reader, write_count};
use mlsys_plan::{Type, ValueType};

use super::hidden::Hidden;
use super::instants::{Instants, Unit};
use super::numbers::{Kind, Numbers};
use super::report::ColumnReport;
use super::texts::Texts;
use super::truths::Truths;
use super::{read_text, write_text};
use crate::error::DataError;

/// The profile of a column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    name: String,
    /// The type, as it is written.
    ty: String,
    personal: bool,
    nulls: u64,
    values: Values,
}

/// What is kept of present values.
#[derive(Clone, Debug)]
enum Values {
    Numbers(Numbers),
    Instants(Instants),
    Texts(Texts),
    Truths(Truths),
    Hidden(Hidden),
    /// Nothing: lists, vectors and bytes.
    Nothing,
}

impl Column {
    pub(super) fn new(name: &str, ty: &ValueType, personal: bool) -> Self {
        let values = if personal { Values::hidden(&ty.ty) } else { Values::new(&ty.ty) };
        Column { name: name.to_owned(), ty: ty.to_string(), personal, nulls: 0, values }
    }

    /// Takes the values of rows.
    pub(super) fn update(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        self.nulls += values.null_count() as u64;
        if values.null_count() == values.len() {
            return Ok(());
        }
        if values.null_count() == 0 {
            return self.values.update(values);
        }
        self.values.update(&compute::filter(values, &compute::is_not_null(values)?)?)
    }

    /// Whether another column's profile can be merged into this one.
    pub(super) fn is_like(&self, other: &Column) -> bool {
        self.name == other.name && self.ty == other.ty && self.values.tag() == other.values.tag()
    }

    /// Takes what the profile of a column that is like this one has taken.
    pub(super) fn merge(&mut self, other: &Column) {
        self.nulls = self.nulls.saturating_add(other.nulls);
        self.values.merge(&other.values);
    }

    pub(super) fn report(&self) -> ColumnReport {
        let mut report = ColumnReport {
            name: self.name.clone(),
            ty: self.ty.clone(),
            pii: self.personal,
            nulls: Some(self.nulls),
            ..ColumnReport::default()
        };
        self.values.report(&mut report);
        report
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_text(out, &self.name);
        write_text(out, &self.ty);
        out.extend_from_slice(&[u8::from(self.personal), self.values.tag()]);
        write_count(out, self.nulls);
        self.values.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        let (name, ty) = (read_text(reader)?, read_text(reader)?);
        let (personal, tag, nulls) = (reader.byte()? != 0, reader.byte()?, reader.count()?);
        Ok(Column { name, ty, personal, nulls, values: Values::read(tag, reader)? })
    }
}

impl Values {
    fn new(ty: &Type) -> Self {
        match ty {
            Type::Int32 | Type::Int64 => Values::Numbers(Numbers::new(Kind::Integer)),
            Type::Float32 | Type::Float64 => Values::Numbers(Numbers::new(Kind::Float)),
            Type::Duration => Values::Numbers(Numbers::new(Kind::Duration)),
            Type::Timestamp => Values::Instants(Instants::new(Unit::Microsecond)),
            Type::Date => Values::Instants(Instants::new(Unit::Day)),
            Type::String | Type::Enum(_) => Values::Texts(Texts::default()),
            Type::Bool => Values::Truths(Truths::default()),
            Type::Bytes | Type::List(_) | Type::Vector(_) => Values::Nothing,
        }
    }

    fn hidden(ty: &Type) -> Self {
        match ty {
            Type::List(_) | Type::Vector(_) => Values::Nothing,
            _ => Values::Hidden(Hidden::default()),
        }
    }

    /// The number that marks the kind in bytes. It never changes.
    fn tag(&self) -> u8 {
        match self {
            Values::Nothing => 0,
            Values::Numbers(numbers) => match numbers.kind() {
                Kind::Integer => 1,
                Kind::Float => 2,
                Kind::Duration => 3,
            },
            Values::Instants(instants) => match instants.unit() {
                Unit::Microsecond => 4,
                Unit::Day => 5,
            },
            Values::Texts(_) => 6,
            Values::Truths(_) => 7,
            Values::Hidden(_) => 8,
        }
    }

    fn update(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        match self {
            Values::Numbers(numbers) => numbers.update(values),
            Values::Instants(instants) => instants.update(values),
            Values::Texts(texts) => texts.update(values),
            Values::Truths(truths) => truths.update(values),
            Values::Hidden(hidden) => hidden.update(values),
            Values::Nothing => Ok(()),
        }
    }

    /// Takes what is kept of the other values; what is kept of values of another kind is passed over.
    fn merge(&mut self, other: &Values) {
        match (self, other) {
            (Values::Numbers(one), Values::Numbers(other)) => one.merge(other),
            (Values::Instants(one), Values::Instants(other)) => one.merge(other),
            (Values::Texts(one), Values::Texts(other)) => one.merge(other),
            (Values::Truths(one), Values::Truths(other)) => one.merge(other),
            (Values::Hidden(one), Values::Hidden(other)) => one.merge(other),
            _ => {}
        }
    }

    fn report(&self, report: &mut ColumnReport) {
        match self {
            Values::Numbers(numbers) => numbers.report(report),
            Values::Instants(instants) => instants.report(report),
            Values::Texts(texts) => texts.report(report),
            Values::Truths(truths) => truths.report(report),
            Values::Hidden(hidden) => hidden.report(report),
            Values::Nothing => {}
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Values::Numbers(numbers) => numbers.write(out),
            Values::Instants(instants) => instants.write(out),
            Values::Texts(texts) => texts.write(out),
            Values::Truths(truths) => truths.write(out),
            Values::Hidden(hidden) => hidden.write(out),
            Values::Nothing => {}
        }
    }

    fn read(tag: u8, reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        Ok(match tag {
            0 => Values::Nothing,
            1 => Values::Numbers(Numbers::read(Kind::Integer, reader)?),
            2 => Values::Numbers(Numbers::read(Kind::Float, reader)?),
            3 => Values::Numbers(Numbers::read(Kind::Duration, reader)?),
            4 => Values::Instants(Instants::read(Unit::Microsecond, reader)?),
            5 => Values::Instants(Instants::read(Unit::Day, reader)?),
            6 => Values::Texts(Texts::read(reader)?),
            7 => Values::Truths(Truths::read(reader)?),
            8 => Values::Hidden(Hidden::read(reader)?),
            _ => return Err(reader.error("a column is of an unknown kind")),
        })
    }
}
