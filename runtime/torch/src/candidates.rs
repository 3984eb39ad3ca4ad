//! How a retrieval is judged: each row's own candidate among all candidates of the examples, by exact search.
//!
//! Candidates are the different values that the candidate side of the examples has, in all parts. Every row is a query, of which
//! its own candidate is the one relevant answer.

use std::collections::{BTreeMap, HashMap};

use arrow::array::ArrayRef;
use arrow::row::{Row, RowConverter, SortField};
use mlsys_plan::{Call, Part};
use tch::{Kind, Tensor};

use crate::artefact::Model;
use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;
use crate::examples::{Examples, Parts};
use crate::heads::Head;
use crate::learners::two_tower::named;
use crate::sizes::dimension;

/// How many scores are in memory at once: 64 MiB.
const SCORES: usize = 8 << 20;

/// The candidates of some examples.
pub(crate) struct Candidates {
    /// A row of each candidate, in the order in which the examples name them first.
    rows: Encoded,
    /// The place of each row's own candidate, by part.
    own: BTreeMap<Part, Vec<i64>>,
}

/// The half of a network's outputs that a tower has.
#[derive(Clone, Copy)]
enum Tower {
    Query,
    Candidate,
}

impl Candidates {
    /// The candidates that a learner of that head looks for; none if it looks for none.
    pub(crate) fn of(
        head: &Head,
        learner: &Call,
        encoders: &Encoders,
        examples: &Examples,
        parts: &Parts,
    ) -> Result<Option<Self>, TrainError> {
        let Head::Retrieval = head else { return Ok(None) };
        let named = named(learner, "candidate");
        let columns = named.iter().map(|name| examples.column(name).cloned());
        let columns = columns.collect::<Result<Vec<ArrayRef>, TrainError>>()?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let sides = RowConverter::new(fields).and_then(|converter| converter.convert_columns(&columns));
        let sides =
            sides.map_err(|error| TrainError::Unsupported(format!("candidates cannot be compared: {error}")))?;
        let mut all: Vec<usize> = parts.rows.values().flatten().copied().collect();
        all.sort_unstable();
        let (mut places, mut first): (HashMap<Row<'_>, i64>, Vec<usize>) = (HashMap::new(), Vec::new());
        for row in all {
            places.entry(sides.row(row)).or_insert_with(|| {
                first.push(row);
                dimension(first.len() - 1)
            });
        }
        let own = |rows: &Vec<usize>| rows.iter().map(|&row| places[&sides.row(row)]).collect();
        let own = parts.rows.iter().map(|(part, rows)| (*part, own(rows))).collect();
        Ok(Some(Candidates { rows: encoders.encode(examples, &first)?, own }))
    }

    /// The same candidates for another thread: tensors are shared.
    pub(crate) fn shallow(&self) -> Self {
        Candidates { rows: self.rows.shallow(), own: self.own.clone() }
    }

    /// For each row of a part how many candidates its query finds better than its own, and how many as good; `rows × 2`.
    fn standings(&self, model: &Model, rows: &Encoded, part: Part) -> Result<Vec<f64>, TrainError> {
        if rows.rows() == 0 {
            return Ok(Vec::new());
        }
        let candidates = factors(model, &self.rows, Tower::Candidate)?;
        let queries = factors(model, rows, Tower::Query)?;
        standings(&queries, &candidates, &Tensor::f_from_slice(&self.own[&part])?)
    }
}

/// What a judge is told of some rows: predictions, or with candidates how each row's own one stands among them.
pub(crate) fn judged(
    candidates: Option<&Candidates>,
    model: &Model,
    rows: &Encoded,
    part: Part,
) -> Result<Vec<f64>, TrainError> {
    match candidates {
        Some(candidates) => candidates.standings(model, rows, part),
        None => model.predict_encoded(rows),
    }
}

/// What a tower makes of rows, `rows × dim`, in double precision.
fn factors(model: &Model, rows: &Encoded, tower: Tower) -> Result<Tensor, TrainError> {
    let mut pieces = Vec::new();
    model.outputs(rows, |_, outputs| {
        let half = outputs.size()[1] / 2;
        let start = match tower {
            Tower::Query => 0,
            Tower::Candidate => half,
        };
        pieces.push(outputs.f_narrow(1, start, half)?.to_kind(Kind::Double));
        Ok(())
    })?;
    Ok(Tensor::f_cat(&pieces, 0)?)
}

/// Every query against every candidate, some queries at a time.
fn standings(queries: &Tensor, candidates: &Tensor, own: &Tensor) -> Result<Vec<f64>, TrainError> {
    let (total, count) = (queries.size()[0], candidates.size()[0]);
    let block = dimension(SCORES / usize::try_from(count).unwrap_or(usize::MAX).max(1)).max(1);
    let (mut found, mut start) = (Vec::new(), 0);
    while start < total {
        let length = block.min(total - start);
        let scores = queries.f_narrow(0, start, length)?.f_matmul(&candidates.transpose(0, 1))?;
        // Sums are rounded to single precision, so that equal candidates tie in whatever order a product was added up.
        let scores = scores.to_kind(Kind::Float).f_nan_to_num(f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY)?;
        let own = scores.f_gather(1, &own.f_narrow(0, start, length)?.unsqueeze(1), false)?;
        let counted = |which: Tensor| which.f_sum_dim_intlist(1, true, Kind::Double);
        let above = counted(scores.f_gt_tensor(&own)?)?;
        let beside = counted(scores.f_eq_tensor(&own)?)? - 1.0;
        found.extend(Vec::<f64>::try_from(Tensor::f_cat(&[above, beside], 1)?.contiguous().view(-1))?);
        start += length;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "this is how tests fail")]

    use tch::{Kind, Tensor};

    use super::standings;

    /// Held against counting one by one, on few whole factors, so that most candidates tie.
    #[test]
    fn standings_are_those_of_counting() {
        for round in 0..40_u64 {
            let (queries, candidates) = (1 + round % 9, 1 + round * 7 % 23);
            let factor = |seed: u64| move |place: u64| ((place * 7919 + seed * 104_729 + round * 31) % 5) as f64 - 2.0;
            let (left, right) = (factor(1), factor(2));
            let one = |of: &dyn Fn(u64) -> f64, row: u64| [of(row * 3), of(row * 3 + 1), of(row * 3 + 2)];
            let matrix = |of: &dyn Fn(u64) -> f64, rows: u64| {
                let cells: Vec<f64> = (0..rows).flat_map(|row| one(of, row)).collect();
                Tensor::from_slice(&cells).view([rows as i64, 3]).to_kind(Kind::Double)
            };
            let own: Vec<i64> = (0..queries).map(|row| (row * 5 % candidates) as i64).collect();
            let found =
                standings(&matrix(&left, queries), &matrix(&right, candidates), &Tensor::from_slice(&own)).unwrap();
            let score = |query: u64, candidate: u64| -> f64 {
                one(&left, query).iter().zip(one(&right, candidate)).map(|(left, right)| left * right).sum()
            };
            for query in 0..queries {
                let mine = score(query, own[query as usize] as u64);
                let others = (0..candidates).map(|candidate| score(query, candidate));
                let above = others.clone().filter(|score| *score > mine).count() as f64;
                let beside = others.filter(|score| *score == mine).count() as f64 - 1.0;
                assert_eq!(found[query as usize * 2..query as usize * 2 + 2], [above, beside], "{round} {query}");
            }
        }
    }
}
