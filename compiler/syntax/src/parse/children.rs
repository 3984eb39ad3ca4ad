//! Access to the children of a pest pair by their rule, so that keywords and punctuation need no mention.

use mlsys_diagnostics::Span;
use pest::iterators::Pair;

use super::Rule;
use crate::ast::{Name, Spanned};

pub(super) struct Children<'i> {
    pub(super) span: Span,
    children: Vec<Pair<'i, Rule>>,
    /// Members that could not be understood: where they begin, and their text.
    pub(super) bad: Vec<(u32, &'i str)>,
}

impl<'i> Children<'i> {
    pub(super) fn of(pair: Pair<'i, Rule>) -> Self {
        let mut node = Children { span: span(&pair), children: Vec::new(), bad: Vec::new() };
        let source = pair.as_span().get_input();
        for child in pair.into_inner() {
            if child.as_rule() == Rule::bad_member {
                node.add_bad(source, &child);
            } else {
                node.children.push(child);
            }
        }
        node
    }

    /// A member that is followed by something else on its own line was not meant as it was read: both are one mistake.
    fn add_bad(&mut self, source: &'i str, bad: &Pair<'i, Rule>) {
        let end = bad.as_span().start() + bad.as_str().trim_end().len();
        let mut start = bad.as_span().start();
        if let Some(before) = self.children.last().filter(|child| is_member(child.as_rule())) {
            // A pair may end with the blanks before what it could not match.
            let ended = before.as_span().start() + before.as_str().trim_end().len();
            let between = source.get(ended..start).unwrap_or_default();
            if !between.contains(['\n', ',']) {
                start = before.as_span().start();
                self.children.pop();
            }
        }
        let begin = span(bad).start - u32::try_from(bad.as_span().start() - start).unwrap_or_default();
        self.bad.push((begin, source.get(start..end).unwrap_or_default()));
    }

    /// The names that bad members seem to define.
    pub(super) fn broken_names(&self) -> impl Iterator<Item = Name> {
        self.bad.iter().filter_map(|(start, text)| {
            // Doc comments stand before the name.
            let docs: usize =
                text.split_inclusive('\n').take_while(|line| line.trim_start().starts_with("///")).map(str::len).sum();
            let rest = &text[docs..];
            let indent = rest.len() - rest.trim_start().len();
            let word: String =
                rest.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let at = *start as usize + docs + indent;
            begins.then(|| Name { span: Span::new(at, at + word.len()), text: word })
        })
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

    /// Entity keys that are columns of other names.
    pub(super) fn key_map(&self) -> Vec<(Name, Name)> {
        let map = self.open(Rule::key_map);
        let pairs = map.iter().flat_map(|map| map.each(Rule::key_pair));
        let names = pairs.map(|pair| pair.names().into_iter());
        names.filter_map(|mut names| names.next().zip(names.next())).collect()
    }

    /// The first whole number; one that does not fit is as large as possible.
    pub(super) fn int(&self) -> Option<Spanned<i64>> {
        let pair = self.first(Rule::int)?;
        Some(Spanned { value: pair.as_str().replace('_', "").parse().unwrap_or(i64::MAX), span: span(pair) })
    }

    /// The first duration in microseconds; one that does not fit is as long as possible.
    pub(super) fn duration(&self) -> Option<Spanned<i64>> {
        self.first(Rule::duration).map(duration)
    }
}

/// Whether a rule is a member of a block, rather than a part of a declaration's head.
fn is_member(rule: Rule) -> bool {
    !matches!(
        rule,
        Rule::open | Rule::close | Rule::docs | Rule::name | Rule::colon | Rule::equals | Rule::key_map | Rule::string
    ) && !format!("{rule:?}").starts_with("kw_")
}

pub(crate) fn span(pair: &Pair<'_, Rule>) -> Span {
    let span = pair.as_span();
    Span::new(span.start(), span.start() + without_trivia(pair.as_str()).len())
}

/// A pair may end with the blanks and comments before what it could not match: they do not belong to it.
fn without_trivia(text: &str) -> &str {
    let mut text = text.trim_end();
    loop {
        let line = text.rfind('\n').map_or(0, |newline| newline + 1);
        let comment = text[line..]
            .match_indices("//")
            .find(|(at, _)| text[line..line + at].matches('"').count().is_multiple_of(2));
        match comment {
            // A doc comment is all there is of its pair.
            Some((at, _)) if !text[..line + at].trim().is_empty() => text = text[..line + at].trim_end(),
            _ => return text,
        }
    }
}

pub(super) fn name(pair: &Pair<'_, Rule>) -> Name {
    Name { text: pair.as_str().to_owned(), span: span(pair) }
}

pub(super) fn duration(pair: &Pair<'_, Rule>) -> Spanned<i64> {
    Spanned { value: crate::time::duration(pair.as_str()).unwrap_or(i64::MAX), span: span(pair) }
}
