//! Graphs to look at: the nodes of a plan, or its columns, as text, DOT, Mermaid, JSON or SVG.

mod dot;
mod json;
mod layout;
mod mermaid;
mod svg;
mod text;

use std::collections::BTreeMap;

use mlsys_plan::Plan;

use crate::lineage::{Column, Lineage};

/// The forms of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An indented list.
    Text,
    /// The DOT language of Graphviz.
    Dot,
    /// Mermaid's `flowchart`.
    Mermaid,
    /// One JSON object with nodes and edges.
    Json,
    /// A picture by itself.
    Svg,
}

/// A graph with what is to be read on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    /// What the graph shows.
    pub title: String,
    /// The boxes, in the plan's order.
    pub boxes: Vec<Box>,
    /// From what is read to what reads it, by position among the boxes.
    pub edges: Vec<(usize, usize)>,
}

/// A box of a drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Box {
    /// What tells it from all others.
    pub id: String,
    /// Its kind: `source`, `features`, `model`, ….
    pub kind: String,
    /// What is written in it.
    pub label: String,
    /// What it belongs to; boxes of one owner stand together.
    pub owner: String,
    /// Where the program says so, `file:line`; empty for columns.
    pub place: String,
    /// For columns: the declared columns of sources that it comes from in the end, `source NAME.COLUMN`.
    pub origins: Vec<String>,
}

fn origins(lineage: &Lineage, column: &Column) -> Vec<String> {
    let origins = lineage.origins(column);
    let others = origins.iter().filter(|origin| *origin != column);
    others.map(|origin| format!("{}.{}", origin.owner, origin.name)).collect()
}

impl Drawing {
    /// The nodes of a plan.
    pub fn nodes(plan: &Plan) -> Drawing {
        let position: BTreeMap<&str, usize> =
            plan.nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
        let boxes = plan.nodes.iter().map(|node| Box {
            id: node.id.to_string(),
            kind: node.operation.kind().to_owned(),
            label: node.id.as_str().split_once('.').map_or("", |(_, name)| name).to_owned(),
            owner: String::new(),
            place: format!("{}:{}", node.origin.file, node.origin.line),
            origins: Vec::new(),
        });
        let edges = plan.nodes.iter().enumerate().flat_map(|(to, node)| {
            let position = &position;
            node.inputs.iter().filter_map(move |input| Some((*position.get(input.as_str())?, to)))
        });
        Drawing { title: plan.program.clone(), boxes: boxes.collect(), edges: edges.collect() }
    }

    /// The columns of a plan: those of sources that something reads, features, and inputs of models.
    pub fn columns(plan: &Plan) -> Drawing {
        let lineage = Lineage::of(plan);
        let read: std::collections::BTreeSet<_> = lineage.reads.iter().flat_map(|(_, reads)| reads).collect();
        let kept = lineage.reads.iter().filter(|(column, reads)| !reads.is_empty() || read.contains(column));
        let kept: Vec<_> = kept.collect();
        let position: BTreeMap<_, usize> =
            kept.iter().enumerate().map(|(index, (column, _))| (column, index)).collect();
        let boxes = kept.iter().map(|(column, _)| Box {
            id: format!("{}.{}", column.owner.replace(' ', "."), column.name),
            kind: column.owner.split(' ').next().unwrap_or_default().to_owned(),
            label: column.name.clone(),
            owner: column.owner.clone(),
            place: String::new(),
            origins: origins(&lineage, column),
        });
        let edges = kept.iter().enumerate().flat_map(|(to, (_, reads))| {
            let position = &position;
            reads.iter().filter_map(move |read| Some((*position.get(read)?, to)))
        });
        Drawing { title: plan.program.clone(), boxes: boxes.collect(), edges: edges.collect() }
    }

    /// The drawing in that form.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => text::render(self),
            Format::Dot => dot::render(self),
            Format::Mermaid => mermaid::render(self),
            Format::Json => json::render(self),
            Format::Svg => svg::render(self),
        }
    }

    /// Owners in the order of their first box, each with its boxes.
    fn owners(&self) -> Vec<(&str, Vec<usize>)> {
        let mut owners: Vec<(&str, Vec<usize>)> = Vec::new();
        let mut position: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, each) in self.boxes.iter().enumerate() {
            let at = *position.entry(&each.owner).or_insert_with(|| {
                owners.push((&each.owner, Vec::new()));
                owners.len() - 1
            });
            owners[at].1.push(index);
        }
        owners
    }

    /// What each box reads, in the plan's order.
    fn inputs(&self, of: usize) -> impl Iterator<Item = &Box> {
        self.edges.iter().filter(move |(_, to)| *to == of).map(|(from, _)| &self.boxes[*from])
    }
}
