//! Which parts of a source may have rows with one key, from their footers alone.

use parquet::file::statistics::Statistics;

use crate::error::DataError;
use crate::table::{Member, footer_of};

/// The least and the greatest value of a column of a file; none where its footer does not tell.
type Range = Option<(Bound, Bound)>;

/// A value as footers have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Number(i64),
    Bytes(Vec<u8>),
}

/// The files, given with the parts to which they belong, that may have a row with the key of a row of another part. Two parts
/// that `is_known` to be distinct are.
///
/// # Errors
/// E0911 if a file cannot be read.
pub(super) fn may_share_a_key<'a>(
    key: &[String],
    files: &[(&str, &'a Member)],
    is_known: impl Fn(&str) -> bool,
) -> Result<Vec<&'a Member>, DataError> {
    if files.iter().all(|(part, _)| is_known(part)) {
        return Ok(Vec::new());
    }
    let ranges = files.iter().map(|(_, file)| ranges(key, file)).collect::<Result<Vec<_>, _>>()?;
    let is_suspect = |index: usize| {
        (0..files.len()).any(|other| {
            let (one, two) = (files[index].0, files[other].0);
            one != two && !(is_known(one) && is_known(two)) && overlap(&ranges[index], &ranges[other])
        })
    };
    Ok((0..files.len()).filter(|index| is_suspect(*index)).map(|index| files[index].1).collect())
}

/// The ranges of the key's columns in a file.
fn ranges(key: &[String], file: &Member) -> Result<Vec<Range>, DataError> {
    let (_, footer) = footer_of(&file.path)?;
    let range = |name: &String| {
        let mut whole: Range = None;
        for group in footer.metadata().row_groups() {
            let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts() == [name.as_str()])?;
            let (least, most) = bounds(chunk.statistics()?)?;
            whole = Some(whole.map_or((least.clone(), most.clone()), |(from, to)| (from.min(least), to.max(most))));
        }
        whole
    };
    Ok(key.iter().map(range).collect())
}

fn bounds(statistics: &Statistics) -> Option<(Bound, Bound)> {
    let number = |least: i64, most: i64| (Bound::Number(least), Bound::Number(most));
    match statistics {
        Statistics::Int32(known) => Some(number((*known.min_opt()?).into(), (*known.max_opt()?).into())),
        Statistics::Int64(known) => Some(number(*known.min_opt()?, *known.max_opt()?)),
        Statistics::ByteArray(known) => {
            let bytes = |value: &parquet::data_type::ByteArray| Bound::Bytes(value.data().to_vec());
            Some((bytes(known.min_opt()?), bytes(known.max_opt()?)))
        }
        _ => None,
    }
}

/// Whether no column's ranges say that two files have no key in common.
fn overlap(one: &[Range], other: &[Range]) -> bool {
    one.iter().zip(other).all(|pair| match pair {
        (Some((least, most)), Some((from, to))) => least <= to && from <= most,
        _ => true,
    })
}
