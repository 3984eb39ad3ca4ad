//! Column lineage: from which source columns every feature and every model input comes.

use std::collections::{BTreeMap, BTreeSet};

use mlsys_plan::{Aggregate, Expr, ExprKind, Features, Join, Observe, Operation, Plan, Source, columns};

/// A column of a source, a feature of a group, or an input of a model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// What it belongs to, such as `source payments`.
    pub owner: String,
    /// Its name there.
    pub name: String,
}

/// What every column is computed from.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// Every column with the columns it reads directly, in the plan's order.
    pub reads: Vec<(Column, BTreeSet<Column>)>,
}

impl Lineage {
    /// The lineage of a plan.
    pub fn of(plan: &Plan) -> Lineage {
        let mut lineage = Lineage::default();
        let groups: BTreeMap<&str, &Features> = plan
            .nodes
            .iter()
            .filter_map(|node| match &node.operation {
                Operation::Features(features) => Some((features.name.as_str(), features)),
                _ => None,
            })
            .collect();
        for node in &plan.nodes {
            match &node.operation {
                Operation::Source(source) => lineage.source(source, &groups),
                Operation::Features(features) => lineage.features(features, &groups),
                Operation::Observe(observe) => lineage.observe(observe, &groups),
                Operation::Join(join) => lineage.join(join),
                Operation::Train(_) | Operation::Deployment(_) | Operation::Monitor(_) => {}
            }
        }
        lineage
    }

    /// The declared columns of sources that a column comes from in the end.
    pub fn origins(&self, column: &Column) -> BTreeSet<Column> {
        let index: BTreeMap<&Column, &BTreeSet<Column>> =
            self.reads.iter().map(|(column, reads)| (column, reads)).collect();
        let mut seen: BTreeSet<&Column> = BTreeSet::from([column]);
        let mut waiting = vec![column];
        let mut origins = BTreeSet::new();
        while let Some(here) = waiting.pop() {
            match index.get(here) {
                Some(reads) if !reads.is_empty() => {
                    waiting.extend(reads.iter().filter(|read| seen.insert(read)));
                }
                _ => drop(origins.insert(here.clone())),
            }
        }
        origins
    }

    fn add(&mut self, owner: &str, name: &str, reads: BTreeSet<Column>) {
        let column = Column { owner: owner.to_owned(), name: name.to_owned() };
        // Several joins of one model may bring the same input only once.
        if self.reads.iter().all(|(known, _)| *known != column) {
            self.reads.push((column, reads));
        }
    }

    fn source(&mut self, source: &Source, groups: &BTreeMap<&str, &Features>) {
        let owner = format!("source {}", source.name);
        for field in &source.schema {
            self.add(&owner, &field.name, BTreeSet::new());
        }
        for derived in &source.derived {
            self.add(&owner, &derived.name, read_by(&derived.expr, &owner, groups));
        }
    }

    fn features(&mut self, features: &Features, groups: &BTreeMap<&str, &Features>) {
        let (owner, source) = (format!("features {}", features.name), format!("source {}", features.source));
        let parts: BTreeMap<&str, BTreeSet<Column>> = features
            .aggregates
            .iter()
            .map(|aggregate| (aggregate.name.as_str(), aggregated(features, aggregate, &source, groups)))
            .collect();
        for aggregate in features.aggregates.iter().filter(|aggregate| aggregate.is_feature()) {
            self.add(&owner, &aggregate.name, parts[aggregate.name.as_str()].clone());
        }
        for derived in &features.derived {
            let mut reads = BTreeSet::new();
            for column in read_by(&derived.expr, &owner, groups) {
                // A part of the expression that is an aggregate is no feature of its own.
                match parts.get(column.name.as_str()).filter(|_| column.owner == owner && column.name.contains('.')) {
                    Some(part) => reads.extend(part.iter().cloned()),
                    None => drop(reads.insert(column)),
                }
            }
            self.add(&owner, &derived.name, reads);
        }
    }

    fn observe(&mut self, observe: &Observe, groups: &BTreeMap<&str, &Features>) {
        let (owner, source) = (format!("model {}", observe.model), format!("source {}", observe.source));
        for input in &observe.inputs {
            self.add(&owner, &input.name, read_by(&input.expr, &source, groups));
        }
        if let Some(label) = &observe.label {
            let mut reads = read_by(&label.expr, &source, groups);
            reads.retain(|column| !label.looks.iter().any(|look| look.name == column.name));
            for look in &label.looks {
                let of_look = format!("source {}", look.source);
                let exprs = look.argument.iter().chain(&look.filter);
                reads.extend(exprs.flat_map(|expr| read_by(expr, &of_look, groups)));
                reads.extend(look.keys.iter().map(|key| Column { owner: of_look.clone(), name: key.column.clone() }));
            }
            self.add(&owner, &format!("label {}", label.name), reads);
        }
    }

    fn join(&mut self, join: &Join) {
        let owner = format!("model {}", join.model);
        let group = format!("features {}", join.group);
        for feature in &join.features {
            let name = format!("{}.{feature}", join.alias.as_ref().unwrap_or(&join.group));
            let read = Column { owner: group.clone(), name: feature.clone() };
            self.add(&owner, &name, BTreeSet::from([read]));
        }
    }
}

/// What an aggregate is computed from; one without an argument counts an entity's rows.
fn aggregated(
    features: &Features,
    aggregate: &Aggregate,
    source: &str,
    groups: &BTreeMap<&str, &Features>,
) -> BTreeSet<Column> {
    let exprs = aggregate.argument.iter().chain(&aggregate.filter).chain(&features.filter);
    let mut reads: BTreeSet<Column> = exprs.flat_map(|expr| read_by(expr, source, groups)).collect();
    if reads.is_empty() {
        let keys = features.keys.iter();
        reads.extend(keys.map(|key| Column { owner: source.to_owned(), name: key.column.clone() }));
    }
    reads
}

/// The columns that an expression on a table's rows reads, those of other tables among them.
fn read_by(expr: &Expr, owner: &str, groups: &BTreeMap<&str, &Features>) -> BTreeSet<Column> {
    let mut reads = BTreeSet::new();
    expr.visit(&mut |each| match &each.kind {
        ExprKind::Column { name } if name != columns::AT => {
            reads.insert(Column { owner: owner.to_owned(), name: name.clone() });
        }
        ExprKind::Lookup { table, column, .. } => {
            let kind = if groups.contains_key(table.as_str()) { "features" } else { "source" };
            reads.insert(Column { owner: format!("{kind} {table}"), name: column.clone() });
        }
        _ => {}
    });
    reads
}
