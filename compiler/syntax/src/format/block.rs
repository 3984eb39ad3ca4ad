//! Declarations and their blocks, one member a line.

use pest::Parser;
use pest::iterators::Pair;

use super::WIDTH;
use super::align::{self, Class, Line};
use super::tokens::{Token, joined, tokens};
use super::wrap::{has_records, wrap};
use crate::chunks::Kind;
use crate::parse::{Grammar, Rule, children, parse};

/// The lines of a declaration; none if it has mistakes of form, or comments where none can be kept.
pub(super) fn declaration(kind: Option<Kind>, text: &str) -> Option<Vec<String>> {
    if !parse(kind, text).errors.is_empty() {
        return None;
    }
    let chunk = Grammar::parse(Rule::chunk, text).ok()?.next()?;
    let tokens = tokens(text, &chunk);
    let item = chunk.into_inner().next()?;
    let mut printer = Printer { text, tokens: &tokens, lines: Vec::new() };
    let node = Node::of(&item);
    printer.node(&node, 0)?;
    printer.rest(node.end);
    Some(align::aligned(&printer.lines))
}

/// A part of a declaration: a block with members, or what stands on a line of its own.
struct Node {
    rule: Rule,
    start: usize,
    end: usize,
    /// Where the braces stand, if it is a block.
    braces: Option<(usize, usize)>,
    members: Vec<Node>,
    /// Where the modifiers of a column begin.
    modifiers: Option<usize>,
}

impl Node {
    fn of(pair: &Pair<'_, Rule>) -> Node {
        let span = children::span(pair);
        let mut node = Node {
            rule: pair.as_rule(),
            start: pair.as_span().start(),
            end: span.end as usize,
            braces: None,
            members: Vec::new(),
            modifiers: None,
        };
        let mut open = None;
        for child in pair.clone().into_inner() {
            match child.as_rule() {
                Rule::open if node.rule != Rule::expect_rows => open = Some(child.as_span().start()),
                Rule::close => node.braces = open.map(|open| (open, child.as_span().start())),
                // Leave to use personal data belongs to the input before it.
                Rule::allow_pii if open.is_some() && node.rule == Rule::inputs_block => {
                    if let Some(last) = node.members.last_mut() {
                        last.end = children::span(&child).end as usize;
                    }
                }
                Rule::known_at | Rule::kw_pii | Rule::column_default if node.rule == Rule::column => {
                    node.modifiers.get_or_insert(child.as_span().start());
                }
                _ if open.is_some() => node.members.push(Node::of(&child)),
                _ => {}
            }
        }
        node
    }

    fn class(&self) -> Class {
        match self.rule {
            Rule::column => Class::Column,
            Rule::definition => Class::Definition,
            Rule::setting | Rule::tune_member => Class::Setting,
            Rule::bare | Rule::group_input | Rule::static_clause => Class::Plain,
            _ => Class::Clause,
        }
    }
}

struct Printer<'a> {
    text: &'a str,
    tokens: &'a [Token],
    lines: Vec<Line>,
}

impl Printer<'_> {
    fn between(&self, start: usize, end: usize) -> &[Token] {
        let first = self.tokens.partition_point(|token| token.start < start);
        let last = self.tokens.partition_point(|token| token.start < end);
        &self.tokens[first..last.max(first)]
    }

    /// Prints a node; none if it cannot be printed without losing something.
    fn node(&mut self, node: &Node, depth: usize) -> Option<()> {
        let tokens = self.between(node.start, node.end).to_vec();
        let docs = tokens.iter().take_while(|token| token.is_doc()).count();
        self.lines.extend(tokens[..docs].iter().map(|doc| Line::comment(depth, &doc.text)));
        match node.braces {
            Some((open, close)) if !self.is_inline(node, &tokens[docs..], depth) => {
                self.block(node, (open, close), &tokens[docs..], depth)
            }
            Some(_) => {
                self.lines.push(Line::whole(depth, inline(&tokens[docs..])));
                Some(())
            }
            None => {
                self.leaf(node, &tokens[docs..], depth);
                Some(())
            }
        }
    }

    /// A block stays on its line if it was written so, fits, and has one member; keys of an entity may be several.
    fn is_inline(&self, node: &Node, tokens: &[Token], depth: usize) -> bool {
        let few = node.members.len() == 1 || node.rule == Rule::entity;
        let one_line = tokens.iter().skip(1).all(|token| !token.starts_line && !token.is_comment());
        let is_leaf = node.members.iter().all(|member| member.braces.is_none());
        few && one_line && is_leaf && !node.members.is_empty() && 2 * depth + inline(tokens).len() <= WIDTH
    }

    fn block(&mut self, node: &Node, (open, close): (usize, usize), tokens: &[Token], depth: usize) -> Option<()> {
        let head: Vec<Token> = tokens.iter().filter(|token| token.start <= open).cloned().collect();
        if head.iter().any(Token::is_comment) {
            return None;
        }
        if node.members.is_empty() && self.between(open + 1, close).is_empty() {
            self.lines.push(Line::whole(depth, format!("{} }}", joined(&head))));
            return Some(());
        }
        let wrapped = wrap(&head, depth);
        self.lines.extend(wrapped.into_iter().map(|(indent, text)| Line::wrapped(depth, indent, text)));
        let first = self.lines.len();
        let mut end = open + 1;
        for member in &node.members {
            self.trivia(end, member.start, depth + 1, first);
            let starts = self.tokens.partition_point(|token| token.start < member.start);
            let apart = self.tokens.get(starts).is_some_and(|token| token.after_blank);
            if apart && self.lines.len() > first && !matches!(self.lines.last(), Some(Line::Blank)) {
                let before =
                    self.between(end, member.start).iter().any(|token| token.is_comment() && token.starts_line);
                if !before || self.tokens[starts].after_blank {
                    self.lines.push(Line::Blank);
                }
            }
            self.node(member, depth + 1)?;
            end = member.end;
        }
        self.trivia(end, close, depth + 1, first);
        self.lines.push(Line::whole(depth, "}".to_owned()));
        Some(())
    }

    /// Comments between members. One on the line of what stands before it stays there.
    fn trivia(&mut self, start: usize, end: usize, depth: usize, first: usize) {
        for token in self.between(start, end).to_vec() {
            if !token.is_comment() {
                continue;
            }
            if !token.starts_line && self.lines.last_mut().is_some_and(|line| line.add_comment(&token.text)) {
                continue;
            }
            if token.after_blank && self.lines.len() > first {
                self.lines.push(Line::Blank);
            }
            self.lines.push(Line::comment(depth, &token.text));
        }
    }

    /// Comments after the declaration's last token.
    fn rest(&mut self, end: usize) {
        for token in self.between(end, usize::MAX).to_vec() {
            let kept = !token.starts_line && self.lines.last_mut().is_some_and(|line| line.add_comment(&token.text));
            if !kept {
                self.lines.push(Line::comment(0, &token.text));
            }
        }
    }

    fn leaf(&mut self, node: &Node, tokens: &[Token], depth: usize) {
        if tokens.iter().any(Token::is_comment) {
            let start = tokens.first().map_or(node.start, |token| token.start);
            self.as_written(&self.text[start..node.end], depth);
            return;
        }
        let cells = cells(node, tokens);
        let width: usize = cells.iter().map(String::len).sum::<usize>() + cells.len() - 1;
        if 2 * depth + width <= WIDTH && !has_records(tokens) {
            self.lines.push(Line::Member { depth, class: node.class(), cells, comment: None });
        } else {
            let wrapped = wrap(tokens, depth);
            self.lines.extend(wrapped.into_iter().map(|(indent, text)| Line::wrapped(depth, indent, text)));
        }
    }

    /// A member with comments inside keeps its lines; only their indentation follows the block's.
    fn as_written(&mut self, text: &str, depth: usize) {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let others = text.lines().skip(1).filter(|line| !line.trim().is_empty());
        let least = others.map(indent).min().unwrap_or_default();
        for (index, line) in text.lines().enumerate() {
            let inside = if index == 0 { 0 } else { 2 + indent(line).saturating_sub(least) };
            self.lines.push(Line::wrapped(depth, inside, line.trim().to_owned()));
        }
    }
}

/// A block on one line, commas between its members.
fn inline(tokens: &[Token]) -> String {
    joined(tokens)
}

/// The parts of a member that are put below each other's.
fn cells(node: &Node, tokens: &[Token]) -> Vec<String> {
    let split = |at: usize| vec![joined(&tokens[..at]), joined(&tokens[at..])];
    let cells = match node.class() {
        Class::Column => {
            let name = tokens.iter().position(|token| token.text == ":").map_or(0, |colon| colon + 1);
            let modifiers = node.modifiers.map(|start| tokens.partition_point(|token| token.start < start));
            match modifiers {
                Some(modifiers) if modifiers > name => {
                    let (ty, rest) = (&tokens[name..modifiers], &tokens[modifiers..]);
                    vec![joined(&tokens[..name]), joined(ty), joined(rest)]
                }
                _ => split(name),
            }
        }
        Class::Definition => split(tokens.iter().position(|token| token.text == "=").unwrap_or(0)),
        Class::Setting if tokens.get(1).is_some_and(|token| token.tight) => vec![joined(tokens)],
        Class::Setting => split(1.min(tokens.len())),
        Class::Clause => clause(node.rule, tokens),
        Class::Plain => vec![joined(tokens)],
    };
    cells.into_iter().filter(|cell| !cell.is_empty()).collect()
}

/// The keyword, the rest, and what follows from it (`else drop`, `then notify …`).
fn clause(rule: Rule, tokens: &[Token]) -> Vec<String> {
    let tail = match rule {
        Rule::expect_clause => tokens.iter().rposition(|token| token.text == "else"),
        Rule::when_clause => tokens.iter().rposition(|token| token.text == "then"),
        _ => None,
    };
    let keyword = 1.min(tokens.len());
    if tokens.get(1).is_some_and(|token| token.tight) {
        return vec![joined(tokens)];
    }
    match tail.filter(|tail| *tail > keyword) {
        Some(tail) => vec![joined(&tokens[..keyword]), joined(&tokens[keyword..tail]), joined(&tokens[tail..])],
        None => vec![joined(&tokens[..keyword]), joined(&tokens[keyword..])],
    }
}
