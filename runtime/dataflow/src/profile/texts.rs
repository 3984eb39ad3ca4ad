//! The profile of texts and enums.

use arrow::array::{ArrayRef, AsArray};
use mlsys_aggregates::sketches::{DifferentTexts, Distinct, Frequency, Frequent};
use mlsys_aggregates::{AggregateError, Reader, write_count};

use super::report::{ColumnReport, Lengths, TopValue};
use crate::error::DataError;

/// How many of the most frequent values are reported.
const TOP: usize = 10;

/// What is kept of texts. Lengths are counted in characters and are exact.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    count: u64,
    distinct: Distinct,
    frequent: Frequent,
    /// The least and the greatest length; none while there is no text.
    lengths: Option<(u64, u64)>,
    characters: u64,
}

impl Texts {
    /// Takes present values. What is kept of a text is found once for all rows of a batch that have it.
    pub(super) fn update(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        let texts = DifferentTexts::of(values.as_string::<i32>());
        self.count += values.len() as u64;
        self.distinct.add_texts(&texts);
        self.frequent.add(&texts);
        for (text, rows) in texts.iter() {
            let length = text.chars().count() as u64;
            self.characters = self.characters.saturating_add(length.saturating_mul(rows));
            self.widen(Some((length, length)));
        }
        Ok(())
    }

    fn widen(&mut self, by: Option<(u64, u64)>) {
        self.lengths = match (self.lengths, by) {
            (Some((least, greatest)), Some((lesser, greater))) => Some((least.min(lesser), greatest.max(greater))),
            (lengths, by) => lengths.or(by),
        };
    }

    pub(super) fn merge(&mut self, other: &Texts) {
        self.count = self.count.saturating_add(other.count);
        self.distinct.merge(&other.distinct);
        self.frequent.merge(&other.frequent);
        self.widen(other.lengths);
        self.characters = self.characters.saturating_add(other.characters);
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean of lengths")]
    pub(super) fn report(&self, report: &mut ColumnReport) {
        report.distinct = Some(self.distinct.estimate());
        report.top = self.frequent.texts().into_iter().take(TOP).map(top_value).collect();
        let mean = self.characters as f64 / self.count as f64;
        report.lengths = self.lengths.map(|(min, max)| Lengths { min, max, mean });
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.count);
        self.distinct.write(out);
        self.frequent.write(out);
        let (least, greatest) = self.lengths.unwrap_or_default();
        [least, greatest, self.characters].into_iter().for_each(|count| write_count(out, count));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        let count = reader.count()?;
        let (distinct, frequent) = (Distinct::read(reader)?, Frequent::read(reader)?);
        let (least, greatest, characters) = (reader.count()?, reader.count()?, reader.count()?);
        if least > greatest {
            return Err(reader.error("the shortest text is longer than the longest"));
        }
        Ok(Texts { count, distinct, frequent, lengths: (count > 0).then_some((least, greatest)), characters })
    }
}

fn top_value(frequency: Frequency<'_>) -> TopValue {
    let Frequency { text, least, most } = frequency;
    TopValue { value: text.to_owned(), count: least, most: (most > least).then_some(most) }
}
