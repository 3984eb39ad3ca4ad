//! Which columns may be a row's time or its key.

use std::collections::HashSet;

use mlsys_plan::Type;

use super::Sample;

/// How many columns are tried in pairs.
const TRIED: usize = 12;

/// How many pairs are named.
const NAMED: usize = 3;

/// Timestamps that are never missing.
pub(super) fn times(samples: &[&Sample]) -> Vec<String> {
    let is_time = |sample: &&&Sample| sample.ty.as_ref().is_ok_and(|ty| ty.ty == Type::Timestamp && !ty.nullable);
    samples.iter().filter(is_time).map(|sample| sample.name.clone()).collect()
}

/// Columns, or pairs of columns where no single one will do, in which no two rows are equal.
pub(super) fn keys(samples: &[&Sample]) -> Vec<Vec<String>> {
    let may_be = |sample: &&&Sample| {
        sample.values.len() > 1
            && sample.ty.as_ref().is_ok_and(|ty| !ty.nullable && !ty.ty.is_float() && ty.ty != Type::Bool)
    };
    let possible: Vec<&Sample> = samples.iter().filter(may_be).copied().collect();
    let single: Vec<Vec<String>> = possible
        .iter()
        .filter(|sample| are_different(sample.values.iter()))
        .map(|sample| vec![sample.name.clone()])
        .collect();
    if !single.is_empty() {
        return single;
    }
    // Times are tried last: they come with what they are the times of.
    let mut tried: Vec<&Sample> = possible.iter().copied().filter(|sample| !is_time(sample)).take(TRIED).collect();
    tried.extend(possible.iter().copied().filter(|sample| is_time(sample)).take(TRIED));
    let mut pairs = Vec::new();
    for (index, left) in tried.iter().enumerate() {
        for right in &tried[index + 1..] {
            if are_different(left.values.iter().zip(&right.values)) {
                pairs.push(vec![left.name.clone(), right.name.clone()]);
            }
            if pairs.len() == NAMED {
                return pairs;
            }
        }
    }
    pairs
}

fn is_time(sample: &Sample) -> bool {
    sample.ty.as_ref().is_ok_and(|ty| ty.ty == Type::Timestamp)
}

fn are_different<T: std::hash::Hash + Eq>(mut values: impl Iterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    values.all(|value| seen.insert(value))
}
