//! Features of a join that are kept together: those that were made at one time, from definitions that still hold.

use std::collections::BTreeMap;

use mlsys_plan::{Features, Join, Operation, fingerprint};
use serde::{Deserialize, Serialize};

use super::plan::wanted_aggregates;
use super::reach::Reach;
use crate::error::DataError;
use crate::parts::Parts;

/// The name under which the sets of a join are kept.
const SETS: &str = "features";

/// More sets than these are made anew as one: each of them is a pass over the source.
const MOST: usize = 6;

/// Features that are kept together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct FeatureSet {
    /// The features with which the set began, each with a fingerprint of all that defines it.
    began: BTreeMap<String, String>,
    /// How far their windows see.
    pub(super) reach: Reach,
    /// Those that are wanted now.
    pub(super) wanted: Vec<String>,
}

impl FeatureSet {
    /// The fingerprints with which files may have been made: of all features with which the set began, and of those that
    /// are wanted now.
    pub(super) fn fingerprints(&self) -> [Vec<&str>; 2] {
        let wanted = self.began.iter().filter(|(name, _)| self.wanted.contains(name));
        [self.began.values().map(String::as_str).collect(), wanted.map(|(_, id)| id.as_str()).collect()]
    }
}

/// The sets in which a join's features are kept, the new ones last.
///
/// # Errors
/// E0999 if a definition cannot be written.
pub(super) fn feature_sets(join: &Join, features: &Features, parts: Parts<'_>) -> Result<Vec<FeatureSet>, DataError> {
    let mut ids = BTreeMap::new();
    for name in &join.features {
        let alone = Operation::Features(features.only([name.as_str()]));
        let id = fingerprint(&alone, &[]).map_err(|error| DataError::internal(error.to_string()))?;
        ids.insert(name.clone(), id.as_str().to_owned());
    }
    let known: Vec<FeatureSet> = parts.told(SETS).unwrap_or_default();
    let mut sets = usable(known, &ids);
    let rest: Vec<String> =
        join.features.iter().filter(|name| sets.iter().all(|set| !set.wanted.contains(name))).cloned().collect();
    if sets.len() + usize::from(!rest.is_empty()) > MOST {
        return Ok(vec![new_set(join, features, &ids, join.features.clone())]);
    }
    if !rest.is_empty() || sets.is_empty() {
        sets.push(new_set(join, features, &ids, rest));
    }
    Ok(sets)
}

/// Remembers the sets of a join.
///
/// # Errors
/// E0911 if they cannot be written.
pub(super) fn keep_sets(sets: &[FeatureSet], parts: Parts<'_>) -> Result<(), DataError> {
    parts.tell(SETS, &sets)
}

/// Those of the known sets that have features of which the definition still holds. A file of a later set counts: a set that
/// would cover a feature of an earlier one with an older definition is of no use.
fn usable(mut known: Vec<FeatureSet>, ids: &BTreeMap<String, String>) -> Vec<FeatureSet> {
    let holds = |set: &FeatureSet, name: &String| ids.get(name).is_some_and(|id| set.began.get(name) == Some(id));
    loop {
        let provider = |name: &String| known.iter().rposition(|set| holds(set, name));
        let covers = |(index, set): (usize, &FeatureSet)| {
            set.began.keys().any(|name| !holds(set, name) && provider(name).is_some_and(|other| other < index))
        };
        let Some(in_the_way) = known.iter().enumerate().position(covers) else { break };
        known.remove(in_the_way);
    }
    let providers: BTreeMap<&String, Option<usize>> =
        ids.keys().map(|name| (name, known.iter().rposition(|set| holds(set, name)))).collect();
    let wanted = |index: usize| {
        let own = providers.iter().filter(|(_, provider)| **provider == Some(index));
        own.map(|(name, _)| (*name).clone()).collect::<Vec<String>>()
    };
    let wanted: Vec<Vec<String>> = (0..known.len()).map(wanted).collect();
    let sets = known.into_iter().zip(wanted).map(|(set, wanted)| FeatureSet { wanted, ..set });
    sets.filter(|set| !set.wanted.is_empty()).collect()
}

fn new_set(join: &Join, features: &Features, ids: &BTreeMap<String, String>, wanted: Vec<String>) -> FeatureSet {
    let began = ids.iter().filter(|(name, _)| wanted.contains(name)).map(|(name, id)| (name.clone(), id.clone()));
    let began = began.collect();
    let join = Join { features: wanted.clone(), ..join.clone() };
    FeatureSet { began, reach: Reach::of(&wanted_aggregates(&join, features)), wanted }
}
