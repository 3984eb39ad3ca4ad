//! Access to the children of a pest pair by their rule, so that keywords and punctuation need no mention.

use mlsys_diagnostics::Span;
use pest::iterators::Pair;

use super::Rule;
use crate::ast::{Name, Spanned};

pub(super) struct Children<'i> {
    pub(super) span: Span,
    children: Vec<Pair<'i, Rule>>,
}

impl<'i> Children<'i> {
    pub(super) fn of(pair: Pair<'i, Rule>) -> Self {
        Children { span: span(&pair), children: pair.into_inner().collect() }
    }

    pub(super) fn first(&self, rule: Rule) -> Option<&Pair<'i, Rule>> {
        self.children.iter().find(|child| child.as_rule() == rule)
    }

    /// The first child of that rule, opened.
    pub(super) fn open(&self, rule: Rule) -> Option<Children<'i>> {
        self.first(rule).cloned().map(Children::of)
    }

    pub(super) fn all(&self, rule: Rule) -> impl Iterator<Item = &Pair<'i, Rule>> {
        self.children.iter().filter(move |child| child.as_rule() == rule)
    }

    /// Every child of that rule, opened.
    pub(super) fn each(&self, rule: Rule) -> impl Iterator<Item = Children<'i>> {
        self.all(rule).cloned().map(Children::of)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pair<'i, Rule>> {
        self.children.iter()
    }

    pub(super) fn has(&self, rule: Rule) -> bool {
        self.first(rule).is_some()
    }

    /// The first name.
    pub(super) fn name(&self) -> Option<Name> {
        self.first(Rule::name).map(name)
    }

    /// The name of an argument, parameter or field.
    pub(super) fn label(&self) -> Option<Name> {
        self.first(Rule::label).map(name)
    }

    /// All names, in order.
    pub(super) fn names(&self) -> Vec<Name> {
        self.all(Rule::name).map(name).collect()
    }

    /// The text of the doc comments.
    pub(super) fn doc(&self) -> String {
        let Some(docs) = self.open(Rule::docs) else { return String::new() };
        let lines: Vec<&str> = docs.all(Rule::doc).map(|doc| doc.as_str().trim_start_matches('/').trim()).collect();
        lines.join("\n")
    }

    /// The first duration in microseconds; one that does not fit is as long as possible.
    pub(super) fn duration(&self) -> Option<Spanned<i64>> {
        self.first(Rule::duration).map(duration)
    }
}

pub(super) fn span(pair: &Pair<'_, Rule>) -> Span {
    let span = pair.as_span();
    Span::new(span.start(), span.end())
}

pub(super) fn name(pair: &Pair<'_, Rule>) -> Name {
    Name { text: pair.as_str().to_owned(), span: span(pair) }
}

pub(super) fn duration(pair: &Pair<'_, Rule>) -> Spanned<i64> {
    Spanned { value: crate::time::duration(pair.as_str()).unwrap_or(i64::MAX), span: span(pair) }
}
