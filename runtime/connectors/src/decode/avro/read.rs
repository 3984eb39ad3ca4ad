//! Records in Avro's binary encoding, read straight into columns.

use mlsys_rows::{Column, Given, Misfit, RowBuilder, RowError};

use super::schema::{Meaning, Plan, Shape, Unit};

/// How deep values may lie in each other.
const DEEPEST: usize = 64;

/// How many values of no bytes at all one record may have: an array of a billion nulls is nine bytes long, and records in
/// records can be as many.
const MOST_EMPTY: u64 = 1_000_000;

/// Why a record cannot be read.
enum Wrong {
    /// Its bytes are not what the schema says.
    Bytes(&'static str),
    /// A value is none of its column's type.
    Value(Misfit),
    /// As before, with the column known.
    Row(RowError),
}

impl Plan {
    /// Reads a record as a row; after an error nothing is left of it.
    pub(super) fn read(&self, record: &[u8], rows: &mut RowBuilder) -> Result<(), String> {
        let before = rows.len();
        self.read_row(record, rows).map_err(|wrong| {
            rows.truncate(before);
            match wrong {
                Wrong::Bytes(reason) => reason.to_owned(),
                Wrong::Row(error) => error.to_string(),
                Wrong::Value(misfit) => format!("expected {}, found {}", misfit.expected, misfit.kind),
            }
        })
    }

    fn read_row(&self, record: &[u8], rows: &mut RowBuilder) -> Result<(), Wrong> {
        let mut reader = Reader { shapes: &self.shapes, bytes: record, empty: 0 };
        for step in &self.fields {
            let Some(place) = step.column else {
                reader.skip(step.shape, 0)?;
                continue;
            };
            let column = rows.open(place).map_err(Wrong::Row)?;
            match reader.value(step.shape, column, 0) {
                Ok(true) => {}
                Ok(false) => rows.set_missing(place, "null").map_err(Wrong::Row)?,
                Err(Wrong::Value(misfit)) => return Err(Wrong::Row(rows.misfit(place, misfit))),
                Err(other) => return Err(other),
            }
        }
        if !reader.bytes.is_empty() {
            return Err(Wrong::Bytes("there are bytes after the record's end"));
        }
        rows.end_row().map_err(Wrong::Row)
    }
}

struct Reader<'a> {
    shapes: &'a [Shape],
    /// What has not been read.
    bytes: &'a [u8],
    /// Values that may have had no bytes.
    empty: u64,
}

impl<'a> Reader<'a> {
    /// Reads a value into a column; false if it is null.
    fn value(&mut self, shape: usize, column: &mut Column, depth: usize) -> Result<bool, Wrong> {
        if depth > DEEPEST {
            return Err(Wrong::Bytes(TOO_DEEP));
        }
        let shapes = self.shapes;
        let given = match &shapes[shape] {
            Shape::Null => Given::Null,
            Shape::Bool => Given::Bool(self.bool()?),
            Shape::Int(meaning) => given(*meaning, i64::from(self.int()?))?,
            Shape::Long(meaning) => given(*meaning, self.long()?)?,
            Shape::Float => Given::Float(f64::from(f32::from_le_bytes(self.array()?))),
            Shape::Double => Given::Float(f64::from_le_bytes(self.array()?)),
            Shape::Bytes => Given::Bytes(self.counted()?),
            Shape::Text => Given::Text(self.text()?),
            Shape::Fixed(size) => Given::Bytes(self.take(*size)?),
            Shape::Decimal(size, scale) => {
                let digits = match size {
                    Some(size) => self.take(*size)?,
                    None => self.counted()?,
                };
                Given::Float(decimal(digits, *scale)?)
            }
            Shape::Enum(symbols) => {
                let symbol = usize::try_from(self.int()?).ok().and_then(|index| symbols.get(index));
                Given::Text(symbol.ok_or(Wrong::Bytes("an enum has a symbol that its schema does not have"))?)
            }
            Shape::Union(variants) => {
                let variant = self.variant(variants)?;
                return self.value(variant, column, depth + 1);
            }
            Shape::Array(items) => return self.list(*items, column, depth),
            Shape::Map(_) => Given::Other("a map"),
            Shape::Record(_) => Given::Other("a record"),
            Shape::Pending => return Err(Wrong::Bytes("the schema has a type without a form")),
        };
        column.push(given).map_err(Wrong::Value)
    }

    /// Reads an array into a column of lists.
    fn list(&mut self, items: usize, column: &mut Column, depth: usize) -> Result<bool, Wrong> {
        if column.items().is_none() {
            return column.push(Given::Other("an array")).map_err(Wrong::Value);
        }
        while let Some(count) = self.block()? {
            for _ in 0..count {
                self.check_empty(items)?;
                let Some(column) = column.items() else { break };
                if !self.value(items, column, depth + 1)? {
                    column.push_null();
                }
            }
        }
        column.close_list().map_err(Wrong::Value).map(|()| true)
    }

    /// Goes past a value.
    fn skip(&mut self, shape: usize, depth: usize) -> Result<(), Wrong> {
        if depth > DEEPEST {
            return Err(Wrong::Bytes(TOO_DEEP));
        }
        let shapes = self.shapes;
        match &shapes[shape] {
            Shape::Null => Ok(()),
            Shape::Bool => self.bool().map(drop),
            Shape::Int(_) | Shape::Enum(_) => self.int().map(drop),
            Shape::Long(_) => self.long().map(drop),
            Shape::Float => self.take(4).map(drop),
            Shape::Double => self.take(8).map(drop),
            Shape::Bytes | Shape::Text | Shape::Decimal(None, _) => self.counted().map(drop),
            Shape::Fixed(size) | Shape::Decimal(Some(size), _) => self.take(*size).map(drop),
            Shape::Union(variants) => {
                let variant = self.variant(variants)?;
                self.skip(variant, depth + 1)
            }
            Shape::Array(items) => self.skip_blocks(*items, false, depth),
            Shape::Map(values) => self.skip_blocks(*values, true, depth),
            Shape::Record(fields) => {
                self.count_empty()?;
                fields.iter().try_for_each(|field| self.skip(*field, depth + 1))
            }
            Shape::Pending => Err(Wrong::Bytes("the schema has a type without a form")),
        }
    }

    fn skip_blocks(&mut self, items: usize, keyed: bool, depth: usize) -> Result<(), Wrong> {
        while let Some(count) = self.block()? {
            for _ in 0..count {
                self.check_empty(items)?;
                if keyed {
                    self.counted()?;
                }
                self.skip(items, depth + 1)?;
            }
        }
        Ok(())
    }

    /// How many items the next block of an array or map has; none at the end. A negative count is followed by the number of
    /// the block's bytes, which is not needed here.
    fn block(&mut self) -> Result<Option<u64>, Wrong> {
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        Ok((count != 0).then(|| count.unsigned_abs()))
    }

    /// Bounds the items that take no bytes; all others are bounded by the record's length.
    fn check_empty(&mut self, items: usize) -> Result<(), Wrong> {
        if matches!(self.shapes[items], Shape::Null | Shape::Fixed(0)) { self.count_empty() } else { Ok(()) }
    }

    fn count_empty(&mut self) -> Result<(), Wrong> {
        self.empty += 1;
        if self.empty > MOST_EMPTY { Err(Wrong::Bytes("there are too many values without bytes")) } else { Ok(()) }
    }

    fn variant(&mut self, variants: &[usize]) -> Result<usize, Wrong> {
        let variant = usize::try_from(self.long()?).ok().and_then(|index| variants.get(index)).copied();
        variant.ok_or(Wrong::Bytes("a union has a variant that its schema does not have"))
    }

    fn bool(&mut self) -> Result<bool, Wrong> {
        match self.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Wrong::Bytes("a boolean is neither 0 nor 1")),
        }
    }

    fn int(&mut self) -> Result<i32, Wrong> {
        i32::try_from(self.long()?).map_err(|_| Wrong::Bytes("an int has more than 32 bits"))
    }

    /// A number of variable length, low bits first, seven a byte; its sign is its lowest bit.
    fn long(&mut self) -> Result<i64, Wrong> {
        let mut bits = 0_u64;
        for place in 0..10 {
            let [byte] = self.array()?;
            if place == 9 && byte > 1 {
                break;
            }
            bits |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err(Wrong::Bytes("a number has more than 64 bits"))
    }

    fn text(&mut self) -> Result<&'a str, Wrong> {
        std::str::from_utf8(self.counted()?).map_err(|_| Wrong::Bytes("a string is no UTF-8"))
    }

    fn counted(&mut self) -> Result<&'a [u8], Wrong> {
        let count = usize::try_from(self.long()?).map_err(|_| Wrong::Bytes("a length is negative"))?;
        self.take(count)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(Wrong::Bytes(CUT))?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Wrong::Bytes(CUT))?;
        self.bytes = rest;
        Ok(taken)
    }
}

const CUT: &str = "the record ends too early";
const TOO_DEEP: &str = "values lie too deep in each other";

/// An integer as what it stands for. Times finer than microseconds are cut, towards the past.
fn given<'a>(meaning: Meaning, number: i64) -> Result<Given<'a>, Wrong> {
    let micros = |unit| match unit {
        Unit::Millis => number.checked_mul(1000),
        Unit::Micros => Some(number),
        Unit::Nanos => Some(number.div_euclid(1000)),
    };
    let beyond = || Wrong::Bytes("a time lies beyond the range of microseconds in 64 bits");
    Ok(match meaning {
        Meaning::Number => Given::Int(number),
        Meaning::Day => Given::Day(i32::try_from(number).map_err(|_| beyond())?),
        Meaning::Instant(unit) => Given::Instant(micros(unit).ok_or_else(beyond)?),
        Meaning::Duration(unit) => Given::Duration(micros(unit).ok_or_else(beyond)?),
    })
}

/// An integer in two's complement, big-endian, divided by a power of ten: the float next to it.
fn decimal(digits: &[u8], scale: u32) -> Result<f64, Wrong> {
    if digits.len() > 16 {
        return Err(Wrong::Bytes("a decimal has more than 128 bits"));
    }
    let sign = if digits.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    let whole = digits.iter().fold(sign, |whole: i128, byte| whole << 8 | i128::from(*byte));
    // The detour over text rounds once; a division of floats would round twice.
    format!("{whole}e-{scale}").parse().map_err(|_| Wrong::Bytes("a decimal is no number"))
}
