//! Sources, and the columns and definitions that other declarations share with them.

use pest::iterators::Pair;

use super::children::{Children, span};
use super::{Builder, Rule};
use crate::ast::{Column, Definition, Expectation, ExpectationKind, Source, Time};

impl Builder<'_> {
    pub(super) fn source(&mut self, node: &Children<'_>) -> Option<Source> {
        self.bad_members(node, Rule::source_only);
        let mut source = Source { name: node.name()?, ..Source::default() };
        for member in node.iter() {
            self.source_member(member.clone(), &mut source);
        }
        Some(source)
    }

    fn source_member(&mut self, member: Pair<'_, Rule>, source: &mut Source) {
        let rule = member.as_rule();
        let node = Children::of(member);
        match rule {
            Rule::from_clause => source.from.extend(self.call_in(&node)),
            Rule::stream_clause => source.stream.extend(self.call_in(&node)),
            Rule::static_clause => source.fixed.push(node.span),
            Rule::retention_clause => source.retention.extend(node.duration()),
            Rule::schema_block => source.columns.extend(self.columns(&node)),
            Rule::derive_block => {
                self.bad_members(&node, Rule::definition_only);
                source.derived.extend(node.each(Rule::definition).filter_map(|each| self.definition(&each)));
                source.columns.extend(broken(&node));
            }
            Rule::time_clause => source.time.extend(node.name().map(|column| Time {
                column,
                lateness: node.duration().map(|lateness| lateness.value),
                span: node.span,
            })),
            Rule::key_clause => {
                source.key.push(node.open(Rule::name_list).map_or_else(|| node.names(), |list| list.names()));
            }
            Rule::expect_clause => source.expectations.extend(self.expectation(&node)),
            _ => {}
        }
    }

    /// The columns among the children, bad ones reported.
    pub(super) fn columns(&mut self, node: &Children<'_>) -> Vec<Column> {
        self.bad_members(node, Rule::column_only);
        let mut columns: Vec<Column> = node.each(Rule::column).filter_map(|column| self.column(&column)).collect();
        columns.extend(broken(node));
        columns
    }

    fn column(&mut self, node: &Children<'_>) -> Option<Column> {
        Some(Column {
            doc: node.doc(),
            name: node.name()?,
            ty: Some(self.type_in(node)?),
            known_at: node.open(Rule::known_at).and_then(|known| self.expr_in(&known)),
            pii: node.first(Rule::kw_pii).map(span),
            default: node
                .open(Rule::column_default)
                .and_then(|default| default.first(Rule::sum).cloned())
                .and_then(|value| self.expr(value)),
        })
    }

    pub(super) fn definition(&mut self, node: &Children<'_>) -> Option<Definition> {
        Some(Definition {
            doc: node.doc(),
            name: node.name()?,
            value: self.expr_in(node)?,
            known_at: node.open(Rule::known_at).and_then(|known| self.expr_in(&known)),
        })
    }

    fn expectation(&mut self, node: &Children<'_>) -> Option<Expectation> {
        let kind = match node.open(Rule::fresh_within).and_then(|fresh| fresh.duration()) {
            Some(within) => ExpectationKind::Fresh(within),
            None => ExpectationKind::Condition(self.expr_in(node)?),
        };
        Some(Expectation { kind, over: node.duration(), action: node.name(), span: node.span })
    }
}

/// Columns that could not be read keep their names, so that nobody else misses them.
fn broken(node: &Children<'_>) -> impl Iterator<Item = Column> {
    node.broken_names().map(|name| Column {
        doc: String::new(),
        name,
        ty: None,
        known_at: None,
        pii: None,
        default: None,
    })
}
