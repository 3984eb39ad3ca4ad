//! What is remembered of a row by its key, so that it counts once and a later version takes its place.

use mlsys_aggregates::{AggregateError, Reader, write_count};

/// A row as it was when it came last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// When the last of what it carries became known, in microseconds since 1970: of two versions the later one counts, in
    /// whatever order they come.
    pub(crate) known: i64,
    /// The hash of its columns.
    pub(crate) content: u64,
    /// Where it lies in each group of its source: its entity and its instant there; none where it does not.
    pub(crate) places: Vec<Option<Place>>,
}

/// Where a row lies in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The encoded key of the entity.
    pub(crate) entity: Vec<u8>,
    /// Microseconds since 1970.
    pub(crate) instant: i64,
}

/// Appends a version: when it was known, the hash of its columns, and its entity and instant in each group.
pub(crate) fn write<'a>(
    out: &mut Vec<u8>,
    known: i64,
    content: u64,
    places: impl Iterator<Item = Option<(&'a [u8], i64)>>,
) {
    out.extend(known.to_be_bytes());
    out.extend(content.to_be_bytes());
    for place in places {
        match place {
            None => write_count(out, 0),
            Some((entity, instant)) => {
                write_count(out, entity.len() as u64 + 1);
                out.extend_from_slice(entity);
                out.extend(instant.to_be_bytes());
            }
        }
    }
}

impl Place {
    pub(crate) fn parts(&self) -> (&[u8], i64) {
        (&self.entity, self.instant)
    }
}

impl Version {
    /// The version that was written.
    ///
    /// # Errors
    /// The bytes are none.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, AggregateError> {
        let mut reader = Reader::new("version", bytes);
        let known = i64::from_be_bytes(reader.array()?);
        let content = u64::from_be_bytes(reader.array()?);
        let mut places = Vec::new();
        while reader.remaining() > 0 {
            let length = usize::try_from(reader.count()?).unwrap_or(usize::MAX);
            places.push(match length.checked_sub(1) {
                None => None,
                Some(length) => {
                    let entity = reader.take(length)?.to_vec();
                    Some(Place { entity, instant: i64::from_be_bytes(reader.array()?) })
                }
            });
        }
        Ok(Version { known, content, places })
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Version, write};

    #[test]
    fn what_is_written_is_read_again() {
        let places = [None, Some((b"".as_slice(), 7)), Some((b"ab", i64::MIN))];
        let mut bytes = Vec::new();
        write(&mut bytes, -5, u64::MAX, places.into_iter());
        let place = |(entity, instant): (&[u8], i64)| Place { entity: entity.to_vec(), instant };
        let places = places.map(|one| one.map(place)).to_vec();
        assert_eq!(Version::read(&bytes).unwrap(), Version { known: -5, content: u64::MAX, places });
        assert!(Version::read(&bytes[..bytes.len() - 1]).is_err());
    }
}
