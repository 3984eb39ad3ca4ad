//! What a model's inputs mean, as a fingerprint: rows may be shown to a version only as its examples were made.

use std::collections::BTreeSet;

use mlsys_plan::{
    Call, Fingerprint, Join, Node, NodeId, Observe, Operation, Plan, Source, Split, TimeSplit, fingerprint,
};

use super::clause::above;
use crate::error::RunError;
use crate::fingerprints::{REVISION, group_of, used};

/// The fingerprint of everything that makes a model's inputs: its observations without label and split, its joins with what
/// they use of groups, the tables that are looked up, and the columns of sources. Where rows come from, what is expected of
/// them and how the model learns is no part of it.
///
/// # Errors
/// A number in a definition is not finite.
pub(crate) fn definition(plan: &Plan, model: &str) -> Result<Fingerprint, RunError> {
    let own = |node: &&Node| match &node.operation {
        Operation::Observe(observe) => observe.model == model,
        Operation::Join(join) => join.model == model,
        _ => false,
    };
    let mut wanted: BTreeSet<&NodeId> = plan.nodes.iter().filter(own).map(|node| &node.id).collect();
    above(plan, &mut wanted);
    let nodes: Vec<&Node> = plan.nodes.iter().filter(|node| wanted.contains(&node.id)).collect();
    let looked_up: BTreeSet<&str> = nodes.iter().flat_map(|node| node.operation.lookups()).collect();
    let mut lines = format!("{REVISION}\n");
    for node in nodes {
        let inputs = match &node.operation {
            Operation::Join(join) => Some(of_group(plan, node, join)?),
            _ => None,
        };
        let operation = match &node.operation {
            // What joins use of a group stands with them.
            Operation::Features(group) if !looked_up.contains(group.name.as_str()) => continue,
            Operation::Observe(observe) => Operation::Observe(without_label(observe)),
            Operation::Source(source) => Operation::Source(columns_of(source)),
            other => other.clone(),
        };
        let inputs: Vec<&Fingerprint> = inputs.iter().collect();
        lines.push_str(&format!("{}  {}\n", fingerprint(&operation, &inputs)?, node.id));
    }
    Ok(Fingerprint::of(lines.as_bytes()))
}

fn of_group(plan: &Plan, node: &Node, join: &Join) -> Result<Fingerprint, RunError> {
    let group = group_of(plan, node).ok_or_else(|| RunError::internal("a join without a group"))?;
    Ok(fingerprint(&Operation::Features(used(group, join)), &[])?)
}

fn without_label(observe: &Observe) -> Observe {
    let split = TimeSplit { from: None, validate: None, test: 0, until: None };
    Observe { label: None, slices: Vec::new(), split: Split::Time(split), ..observe.clone() }
}

fn columns_of(source: &Source) -> Source {
    Source {
        connector: Call::default(),
        stream: None,
        lateness: None,
        retention: None,
        known_at: Vec::new(),
        expectations: Vec::new(),
        checks: Vec::new(),
        ..source.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mlsys_plan::{
        Call, Expr, Label, Node, NodeId, Observe, Operation, Origin, Plan, Source, Split, TimeSplit, Type, VERSION,
        Value,
    };

    use super::definition;

    fn plan(input: &str, label: &str, path: &str, test: i64) -> Plan {
        let column = |name: &str| Expr::column(name, Type::Float64.required());
        let args = BTreeMap::from([("path".to_owned(), Value::String(path.to_owned()))]);
        let connector = Call { name: "csv".to_owned(), args };
        let source = Source { name: "rows".to_owned(), connector, ..Source::default() };
        let observe = Observe {
            model: "m".to_owned(),
            source: "rows".to_owned(),
            at: column("at"),
            time: Some("at".to_owned()),
            every: None,
            filter: None,
            feature_filter: None,
            label: Some(Label {
                name: label.to_owned(),
                expr: column(label),
                known_at: column("at"),
                looks: Vec::new(),
            }),
            group: None,
            debias: None,
            keys: Vec::new(),
            slices: Vec::new(),
            inputs: vec![mlsys_plan::Derived { name: "x".to_owned(), expr: column(input) }],
            split: Split::Time(TimeSplit { from: None, validate: None, test, until: None }),
        };
        let node = |kind: &str, name: &str, inputs: Vec<NodeId>, operation| Node {
            id: NodeId::new(kind, name),
            origin: Origin { file: "a".to_owned(), line: 1, name: name.to_owned() },
            inputs,
            operation,
        };
        let nodes = vec![
            node("source", "rows", Vec::new(), Operation::Source(source)),
            node("observe", "m", vec![NodeId::new("source", "rows")], Operation::Observe(observe)),
        ];
        Plan { version: VERSION, program: "p".to_owned(), nodes }
    }

    /// What a model is fed is one thing, what it learns and from which files another.
    #[test]
    fn inputs_are_what_counts() {
        let of = |input, label, path, test| definition(&plan(input, label, path, test), "m").unwrap();
        let one = of("a", "l", "here", 0);
        assert_eq!(one, of("a", "other", "there", 7));
        assert_ne!(one, of("b", "l", "here", 0));
    }
}
