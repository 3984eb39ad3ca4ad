//! One test: its rows, its questions, its conditions.

use std::collections::{BTreeMap, BTreeSet};

use mlsys_dataflow::{InMemory, Question, Rows};
use mlsys_plan::{BinaryOp, ExpectedFeatures, Expr, ExprKind, Features, Literal, Node, Operation, Plan, TestCase};

use super::compare::equal;
use super::{CaseOutcome, Failure, ValueFailure};
use crate::error::RunError;

/// Carries out a test.
pub(super) async fn carry_out(plan: &Plan, case: &TestCase, memory: &mut InMemory) -> Result<CaseOutcome, RunError> {
    let rows = rows(plan, case, memory).await?;
    let mut failures = Vec::new();
    let groups: BTreeSet<&str> = case.features.iter().map(|expected| expected.group.as_str()).collect();
    for name in groups {
        let expected: Vec<&ExpectedFeatures> = case.features.iter().filter(|one| one.group == name).collect();
        let (group, node) = group(plan, name)?;
        failures.extend(features(group, &expected, &rows, memory).await.map_err(|error| error.of(node))?);
    }
    failures.extend(conditions(case, memory).await?);
    failures.sort_by_key(Failure::line);
    Ok(if failures.is_empty() { CaseOutcome::Passed } else { CaseOutcome::Failed(failures) })
}

/// The rows of every source that is given or read, tables that others look up first.
async fn rows(plan: &Plan, case: &TestCase, memory: &mut InMemory) -> Result<BTreeMap<String, Rows>, RunError> {
    let mut names: BTreeSet<&str> = case.given.iter().map(|given| given.source.as_str()).collect();
    for expected in &case.features {
        names.insert(&group(plan, &expected.group)?.0.source);
    }
    // Nodes stand behind those that they look up; a table without given rows is empty.
    let looked_up: Vec<&str> = plan.nodes.iter().flat_map(|node| node.operation.lookups()).collect();
    let groups = plan.nodes.iter().filter_map(|node| match &node.operation {
        Operation::Features(features) if looked_up.contains(&features.name.as_str()) => Some(features),
        _ => None,
    });
    names.extend(groups.map(|features| features.source.as_str()));
    let mut all: BTreeMap<String, Rows> = BTreeMap::new();
    for node in &plan.nodes {
        match &node.operation {
            Operation::Source(source)
                if names.contains(source.name.as_str()) || looked_up.contains(&source.name.as_str()) =>
            {
                let given = case.given.iter().filter(|given| given.source == source.name);
                let given: Vec<BTreeMap<String, Literal>> = given.flat_map(|given| given.rows.clone()).collect();
                let rows = memory.rows(source, &given).await.map_err(|error| RunError::from(error).of(node))?;
                all.insert(source.name.clone(), rows);
            }
            Operation::Features(features) if looked_up.contains(&features.name.as_str()) => {
                let rows = all.get(&features.source).ok_or_else(|| lost("source", &features.source))?;
                memory.group(features, rows).map_err(|error| RunError::from(error).of(node))?;
            }
            _ => {}
        }
    }
    Ok(all)
}

/// The expectations of one group that do not hold. All of them are asked in one join.
async fn features(
    group: &Features,
    expected: &[&ExpectedFeatures],
    rows: &BTreeMap<String, Rows>,
    memory: &InMemory,
) -> Result<Vec<Failure>, RunError> {
    let events = rows.get(&group.source).ok_or_else(|| lost("source", &group.source))?;
    let names: BTreeSet<&String> = expected.iter().flat_map(|one| one.values.keys()).collect();
    let names: Vec<String> = names.into_iter().cloned().collect();
    let questions: Vec<Question> = expected.iter().map(|one| Question { keys: one.keys.clone(), at: one.at }).collect();
    let answers = memory.features(group, &names, &questions, events).await?;
    let pairs = expected.iter().zip(&answers);
    Ok(pairs.filter_map(|(expected, answer)| differences(group, expected, &names, answer)).collect())
}

fn differences(group: &Features, expected: &ExpectedFeatures, names: &[String], answer: &[Literal]) -> Option<Failure> {
    let found: BTreeMap<&String, &Literal> = names.iter().zip(answer).collect();
    let different = expected.values.iter().filter_map(|(feature, wanted)| {
        let found = found.get(feature).copied().unwrap_or(&Literal::Null);
        let failure = ValueFailure { feature: feature.clone(), expected: wanted.clone(), found: found.clone() };
        (!equal(wanted, found)).then_some(failure)
    });
    let values: Vec<ValueFailure> = different.collect();
    let keys = group.keys.iter().map(|key| key.name.clone()).zip(expected.keys.iter().cloned());
    (!values.is_empty()).then(|| Failure::Features {
        line: expected.line,
        group: expected.group.clone(),
        entity: keys.collect(),
        at: expected.at,
        values,
    })
}

/// The conditions that do not hold. All of them, with both sides of comparisons, are evaluated at once.
async fn conditions(case: &TestCase, memory: &InMemory) -> Result<Vec<Failure>, RunError> {
    if case.conditions.is_empty() {
        return Ok(Vec::new());
    }
    let mut exprs: Vec<&Expr> = Vec::new();
    for (condition, _) in &case.conditions {
        exprs.push(condition);
        exprs.extend(sides(condition).into_iter().flatten());
    }
    let mut values = memory.values(&exprs).await?.into_iter();
    let mut failures = Vec::new();
    for (condition, line) in &case.conditions {
        let found = values.next().unwrap_or(Literal::Null);
        let both = sides(condition).map(|_| [values.next(), values.next()].map(|side| side.unwrap_or(Literal::Null)));
        if found != Literal::Bool(true) {
            let sides = both.map(|[left, right]| (left, right));
            failures.push(Failure::Condition { line: *line, text: condition.to_string(), found, sides });
        }
    }
    Ok(failures)
}

/// Both sides of a comparison.
fn sides(condition: &Expr) -> Option<[&Expr; 2]> {
    const COMPARISONS: [BinaryOp; 6] = [
        BinaryOp::Equal,
        BinaryOp::NotEqual,
        BinaryOp::Less,
        BinaryOp::LessOrEqual,
        BinaryOp::Greater,
        BinaryOp::GreaterOrEqual,
    ];
    match &condition.kind {
        ExprKind::Binary { operator, left, right } if COMPARISONS.contains(operator) => {
            Some([left.as_ref(), right.as_ref()])
        }
        _ => None,
    }
}

/// A group and the node that defines it.
fn group<'a>(plan: &'a Plan, name: &str) -> Result<(&'a Features, &'a Node), RunError> {
    let found = plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Features(features) if features.name == name => Some((features, node)),
        _ => None,
    });
    found.ok_or_else(|| lost("group", name))
}

fn lost(what: &str, name: &str) -> RunError {
    RunError::internal(format!("the plan has no {what} `{name}`"))
}
