//! `mlsysc models compare`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use mlsys_engine::models::{Detail, Which};
use mlsys_plan::Part;

use super::{Exit, Place, table, which_of};

#[derive(Args)]
pub(super) struct Arguments {
    /// The model
    model: String,
    /// An alias or the number of a version
    #[arg(value_parser = which_of)]
    one: Which,
    /// Another one
    #[arg(value_parser = which_of)]
    other: Which,
    #[command(flatten)]
    place: Place,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Arguments { model, one, other, place } = arguments;
    place.with_model(model, async |models| {
        print(&models.detail(model, one).await?, &models.detail(model, other).await?);
        Ok(())
    })
}

fn print(one: &Detail, other: &Detail) {
    let head = |detail: &Detail| format!("version {}", detail.version.version);
    println!("{}\n", one.model);
    for part in [Part::Validate, Part::Test] {
        let scores =
            |detail: &Detail| detail.report.parts.get(&part).map(|part| part.metrics.clone()).unwrap_or_default();
        let (left, right) = (scores(one), scores(other));
        if left.0.is_empty() && right.0.is_empty() {
            continue;
        }
        let mut lines = vec![vec![part.to_string(), head(one), head(other), "difference".to_owned(), String::new()]];
        let names = left.0.iter().chain(&right.0).map(|score| score.metric.clone());
        let mut seen = BTreeSet::new();
        for name in names.filter(|name| seen.insert(name.clone())) {
            let (left, right) = (left.get(&name), right.get(&name));
            let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
            let difference = left.zip(right).map(|(left, right)| right - left);
            lines.push(vec![
                format!("  {name}"),
                shown(left),
                shown(right),
                difference.map_or_else(String::new, |difference| format!("{difference:+.4}")),
                difference.map_or_else(String::new, |difference| better(&name, difference).to_owned()),
            ]);
        }
        table::print(&lines, &[1, 2, 3]);
        println!();
    }
    println!("The versions were judged on their own test examples, which may not be the same ones.");
    for line in differences(one, other) {
        println!("{line}");
    }
}

/// What a difference means.
fn better(metric: &str, difference: f64) -> &'static str {
    let name = metric.split(['(', ' ']).next().unwrap_or_default();
    let larger = mlsys_engine::models::larger_is_better(name);
    let gain = if larger { difference } else { -difference };
    match gain {
        0.0 => "the same",
        0.0.. => "better",
        _ => "worse",
    }
}

/// What the versions were made of in different ways.
fn differences(one: &Detail, other: &Detail) -> Vec<String> {
    let mut lines = Vec::new();
    let (Some(left), Some(right)) = (&one.lineage, &other.lineage) else { return lines };
    let named = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let (before, after) = (named(&left.inputs), named(&right.inputs));
    lines.extend(after.difference(&before).map(|name| format!("+ input {name}")));
    lines.extend(before.difference(&after).map(|name| format!("- input {name}")));
    let changed = |kind: &str, left: &BTreeMap<String, String>, right: &BTreeMap<String, String>| {
        let names = right.iter().filter(|(name, value)| left.get(*name).is_some_and(|old| old != *value));
        names.map(|(name, _)| format!("~ {kind} {name}")).collect::<Vec<_>>()
    };
    lines.extend(changed("data of source", &left.sources, &right.sources));
    lines.extend(changed("definition of group", &left.groups, &right.groups));
    if left.commit != right.commit {
        let commit = |commit: &Option<String>| commit.clone().unwrap_or_else(|| "no commit".to_owned());
        lines.push(format!("~ commit {} -> {}", commit(&left.commit), commit(&right.commit)));
    }
    lines
}
