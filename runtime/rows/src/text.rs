//! The text forms of instants, days and durations, as the batch connectors read them.

use std::str::FromStr;
use std::sync::LazyLock;

use arrow::array::timezone::Tz;
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::Date32Type;

/// Microseconds in a second and in a day.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The units of durations with their length in microseconds, the longest first.
const UNITS: [(&str, i64); 7] =
    [("w", 7 * DAY), ("d", DAY), ("h", 3_600 * SECOND), ("m", 60 * SECOND), ("s", SECOND), ("ms", 1_000), ("us", 1)];

/// UTC, none if Arrow does not know that name for it.
static UTC: LazyLock<Option<Tz>> = LazyLock::new(|| Tz::from_str("+00:00").ok());

/// An instant in microseconds since 1970: ISO 8601 text such as `2013-01-01T10:00:00Z`, `2013-01-01 10:00:00.5+02:00` or
/// `2013-01-01`; without a zone it is UTC, and digits after the microseconds are dropped.
pub fn instant(text: &str) -> Option<i64> {
    // Digits alone would be read as a date or as seconds, whichever the writer did not mean.
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    string_to_datetime(UTC.as_ref()?, text).ok().map(|instant| instant.timestamp_micros())
}

/// A day, counted since 1970-01-01, such as `2013-01-01`.
pub fn day(text: &str) -> Option<i32> {
    Date32Type::parse(text)
}

/// A duration in microseconds: a number and a unit of the language, such as `250ms` or `1.5h`.
pub fn duration(text: &str) -> Option<i64> {
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let size = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let number = number.trim_ascii_end();
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(size);
    }
    #[expect(clippy::cast_precision_loss, reason = "units are exact as floats")]
    let micros = number.parse::<f64>().ok()? * size as f64;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
    (micros.abs() < 9.2e18).then_some(micros.round_ties_even() as i64)
}

/// Writes an instant as RFC 3339 text in UTC, with microseconds where there are any. Years outside 0000 to 9999 have no
/// such text: then nothing is written, and the answer is false.
pub fn write_instant(micros: i64, out: &mut Vec<u8>) -> bool {
    let rest = micros.rem_euclid(DAY);
    if !i32::try_from(micros.div_euclid(DAY)).is_ok_and(|days| write_day(days, out)) {
        return false;
    }
    let (seconds, fraction) = (rest / SECOND, rest % SECOND);
    for (mark, number) in [(b'T', seconds / 3600), (b':', seconds / 60 % 60), (b':', seconds % 60)] {
        out.push(mark);
        digits(number, 2, out);
    }
    if fraction > 0 {
        out.push(b'.');
        digits(fraction, 6, out);
    }
    out.push(b'Z');
    true
}

/// Writes a day as `2013-01-01`. Years outside 0000 to 9999 have no such text: then nothing is written, and the answer is
/// false. (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.)
pub fn write_day(days: i32, out: &mut Vec<u8>) -> bool {
    let shifted = i64::from(days) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    if !(0..=9999).contains(&year) {
        return false;
    }
    digits(year, 4, out);
    out.push(b'-');
    digits(month, 2, out);
    out.push(b'-');
    digits(day, 2, out);
    true
}

/// Writes a duration with the longest unit up to days that divides it, as the language does.
pub fn write_duration(micros: i64, out: &mut Vec<u8>) {
    let divides = |(name, size): &&(&str, i64)| *name != "w" && micros % size == 0;
    let (unit, size) = match micros {
        0 => ("s", 1),
        _ => UNITS.iter().find(divides).copied().unwrap_or(("us", 1)),
    };
    out.extend_from_slice((micros / size).to_string().as_bytes());
    out.extend_from_slice(unit.as_bytes());
}

/// Writes a number that is not negative with leading zeros.
fn digits(number: i64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        let digit = number / 10_i64.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{DAY, day, duration, instant, write_day, write_duration, write_instant};

    fn written(write: impl Fn(&mut Vec<u8>) -> bool) -> Option<String> {
        let mut out = Vec::new();
        let done = write(&mut out);
        assert_eq!(done, !out.is_empty());
        done.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn instants_are_read_in_any_zone_and_cut_to_microseconds() {
        let noon = 1_356_998_400_000_000 + DAY / 2;
        assert_eq!(instant("2013-01-01T12:00:00Z"), Some(noon));
        assert_eq!(instant("2013-01-01 14:00:00+02:00"), Some(noon));
        assert_eq!(instant("2013-01-01T12:00:00"), Some(noon));
        assert_eq!(instant("2013-01-01"), Some(noon - DAY / 2));
        assert_eq!(instant("2013-01-01T12:00:00.1234567Z"), Some(noon + 123_456));
        for wrong in ["20130101", "1356998400", "2013-13-01", "2013-01-01T25:00:00Z", "yesterday", "2013-01-01Tü"] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_numbers_with_units() {
        assert_eq!(duration("1.5h"), Some(5_400_000_000));
        assert_eq!(duration("250 ms"), Some(250_000));
        assert_eq!(duration("-2d"), Some(-2 * DAY));
        for wrong in ["15", "m", "1.5 hours", "1e300d", "9223372036854775807d"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn years_of_more_than_four_digits_have_no_text() {
        assert_eq!(written(|out| write_day(i32::MAX, out)), None);
        assert_eq!(written(|out| write_instant(i64::MAX, out)), None);
        assert_eq!(written(|out| write_instant(i64::MIN, out)), None);
        assert_eq!(written(|out| write_instant(-1, out)).unwrap(), "1969-12-31T23:59:59.999999Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in -62_167_219_200_000_000_i64..=253_402_300_799_999_999, span: i64) {
            let text = written(|out| write_instant(micros, out)).unwrap();
            prop_assert_eq!(instant(&text), Some(micros));
            let days = i32::try_from(micros.div_euclid(DAY)).unwrap();
            prop_assert_eq!(day(&written(|out| write_day(days, out)).unwrap()), Some(days));
            let mut out = Vec::new();
            write_duration(span, &mut out);
            prop_assert_eq!(duration(std::str::from_utf8(&out).unwrap()), Some(span));
        }
    }
}
