//! Places on Earth as names of cells.

use std::sync::Arc;

use arrow::array::StringArray;
use arrow::datatypes::DataType::{Float64, Int64, Utf8};

use super::Function;
use super::columns::{floats, integers, signature};

/// `geohash(lat, lon, precision) -> string?`: null for what is no place, and for a precision other than 1 to 12.
pub(super) const GEOHASH: Function = Function {
    name: "geohash",
    arity: 3,
    returns: |args| signature(args, &[Float64, Float64, Int64], Utf8),
    apply: |args| {
        let rows = floats(&args[0]).zip(floats(&args[1])).zip(integers(&args[2]));
        Arc::new(rows.map(|((lat, lon), precision)| geohash(lat?, lon?, precision?)).collect::<StringArray>())
    },
};

/// The digits of a geohash: no `a`, `i`, `l` and `o`, which look like others.
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// A geohash (Niemeyer, 2008): the cell is halved again and again, by longitude first and then by turns; five halvings
/// give a digit, whose bits say which half it was.
fn geohash(lat: f64, lon: f64, precision: i64) -> Option<String> {
    let is_place = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
    if !is_place || !(1..=12).contains(&precision) {
        return None;
    }
    let (mut lats, mut lons) = ((-90.0, 90.0), (-180.0, 180.0));
    let digit = |place: i64| {
        let halvings = (0..5).map(|halving| {
            let is_by_longitude = (place * 5 + halving) % 2 == 0;
            if is_by_longitude { halve(&mut lons, lon) } else { halve(&mut lats, lat) }
        });
        let index = halvings.fold(0, |index, is_upper| index * 2 + usize::from(is_upper));
        char::from(DIGITS[index])
    };
    Some((0..precision).map(digit).collect())
}

/// Keeps the half that a value lies in, and says whether it is the upper one.
fn halve(range: &mut (f64, f64), value: f64) -> bool {
    let middle = f64::midpoint(range.0, range.1);
    let is_upper = value >= middle;
    *range = if is_upper { (middle, range.1) } else { (range.0, middle) };
    is_upper
}

#[cfg(test)]
mod tests {
    use super::geohash;

    #[test]
    fn corners_and_what_is_no_place() {
        assert_eq!(geohash(-90.0, -180.0, 3).as_deref(), Some("000"));
        assert_eq!(geohash(90.0, 180.0, 12).as_deref(), Some("zzzzzzzzzzzz"));
        assert_eq!(geohash(-0.0, 0.0, 1).as_deref(), Some("s"));
        let nowhere = [(90.1, 0.0), (0.0, -180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)];
        assert_eq!(nowhere.map(|(lat, lon)| geohash(lat, lon, 5)), [None, None, None, None]);
        assert_eq!([0, 13, i64::MIN, i64::MAX].map(|precision| geohash(0.0, 0.0, precision)), [None, None, None, None]);
    }

    #[test]
    fn a_longer_name_is_a_cell_inside() {
        let long = geohash(48.669, -4.329, 12).unwrap();
        assert!(long.starts_with("gbsuv"));
        assert!((1..12).all(|precision| long.starts_with(&geohash(48.669, -4.329, precision).unwrap())));
    }
}
