//! The byte form of states: numbers little endian, counts and lengths in as many groups of seven bits as they need.

use crate::error::AggregateError;

/// Writes an unsigned number in groups of seven bits, the lowest first; the highest bit of a byte says that more follow
/// (LEB128).
pub fn write_count(out: &mut Vec<u8>, mut count: u64) {
    while count > 0x7f {
        out.push(low_byte(count) | 0x80);
        count >>= 7;
    }
    out.push(low_byte(count));
}

/// Writes a signed number as an unsigned one that is small if its magnitude is (zigzag).
pub fn write_signed(out: &mut Vec<u8>, value: i64) {
    write_count(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Writes a float as its 64 bits, which are the same ones for all NaN: those of a NaN that was computed depend on the
/// processor.
pub fn write_float(out: &mut Vec<u8>, value: f64) {
    let value = if value.is_nan() { f64::NAN } else { value };
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// Bytes of a state that are read from the front. Nothing is allocated for a number of items that the rest of the bytes
/// cannot hold.
#[derive(Debug)]
pub struct Reader<'a> {
    kernel: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Bytes of what has this name, which errors tell.
    pub fn new(kernel: &'static str, bytes: &'a [u8]) -> Self {
        Reader { kernel, rest: bytes }
    }

    /// The error for bytes that cannot be a state, for a reason.
    pub fn error(&self, reason: &'static str) -> AggregateError {
        AggregateError::State { kernel: self.kernel, reason }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// So many bytes.
    ///
    /// # Errors
    /// [`AggregateError::State`] if there are fewer.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], AggregateError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.error("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// So many bytes.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], AggregateError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| self.error("it ends too early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn byte(&mut self) -> Result<u8, AggregateError> {
        Ok(self.array::<1>()?[0])
    }

    /// A number as [`write_count`] writes it.
    ///
    /// # Errors
    /// As [`Reader::take`], and if it has more than 64 bits.
    pub fn count(&mut self) -> Result<u64, AggregateError> {
        let mut count = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            if group > u64::MAX >> shift {
                break;
            }
            count |= group << shift;
            if byte < 0x80 {
                return Ok(count);
            }
        }
        Err(self.error("a number is too large"))
    }

    /// A number as [`write_signed`] writes it.
    ///
    /// # Errors
    /// As [`Reader::count`].
    pub fn signed(&mut self) -> Result<i64, AggregateError> {
        let bits = self.count()?;
        Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
    }

    /// A number of items, each of which takes at least one of the bytes that are left.
    ///
    /// # Errors
    /// As [`Reader::count`].
    pub fn items(&mut self) -> Result<usize, AggregateError> {
        let items = self.count()?;
        let items = usize::try_from(items).ok().filter(|items| *items <= self.remaining());
        items.ok_or_else(|| self.error("it ends too early"))
    }

    /// A number of values whose column, which follows, bounds it.
    ///
    /// # Errors
    /// As [`Reader::count`].
    pub fn length(&mut self) -> Result<usize, AggregateError> {
        usize::try_from(self.count()?).map_err(|_| self.error("a number is too large"))
    }

    /// A number as [`write_float`] writes it.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn float(&mut self) -> Result<f64, AggregateError> {
        Ok(f64::from_bits(u64::from_le_bytes(self.array()?)))
    }

    /// Refuses bytes that are left over.
    ///
    /// # Errors
    /// [`AggregateError::State`] if there are any.
    pub fn end(self) -> Result<(), AggregateError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("it is too long")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Reader, write_count, write_float, write_signed};

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(count: u64, shift in 0_u32..64, signed: i64, float: f64) {
            let mut bytes = Vec::new();
            write_count(&mut bytes, count >> shift);
            write_signed(&mut bytes, signed >> shift);
            write_float(&mut bytes, float);
            let mut reader = Reader::new("sum", &bytes);
            prop_assert_eq!(reader.count().unwrap(), count >> shift);
            prop_assert_eq!(reader.signed().unwrap(), signed >> shift);
            prop_assert_eq!(reader.float().unwrap().to_bits(), float.to_bits());
            prop_assert!(reader.end().is_ok());
        }
    }

    #[test]
    fn numbers_that_are_too_long_are_refused() {
        assert!(Reader::new("sum", &[0xff; 11]).count().is_err());
        assert!(Reader::new("sum", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).count().is_err());
        assert!(Reader::new("sum", &[0xff]).count().is_err());
        assert!(Reader::new("sum", &[9, 1, 1]).items().is_err());
    }
}
