//! Parses one chunk: the item, what could be kept of it, and every problem met.

pub(crate) mod children;
mod errors;
mod expr;
mod features;
mod library;
mod model;
mod serving;
mod source;
mod tests;

use mlsys_diagnostics::Span;
use pest::Parser;
use pest::iterators::Pair;
use pest_derive::Parser;

use crate::ast::Item;
use crate::chunks::Kind;
use children::Children;

/// How deep brackets may be nested.
const MAX_DEPTH: usize = 64;

/// How long a declaration may be, in bytes.
const MAX_LENGTH: usize = 4 << 20;

#[derive(Parser)]
#[grammar = "mlsys.pest"]
pub(crate) struct Grammar;

/// What a chunk says.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Parsed {
    /// The declaration, without the members that could not be understood.
    pub item: Option<Item>,
    /// Problems, in order of their place.
    pub errors: Vec<SyntaxError>,
}

/// A problem of form. Spans are relative to the chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The code in the catalogue.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What is to be seen there.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Parses the text of a chunk that declares a `kind`.
pub fn parse(kind: Option<Kind>, text: &str) -> Parsed {
    let mut errors = Vec::new();
    let Some(kind) = kind else {
        errors.push(errors::not_a_declaration(text));
        return Parsed { item: None, errors };
    };
    if let Some(error) = errors::too_large(text, MAX_LENGTH, MAX_DEPTH) {
        return Parsed { item: None, errors: vec![error] };
    }
    if let Some(unclosed) = errors::unclosed(text) {
        // What follows an open bracket would be read in the wrong place: nothing more can be said about it.
        return Parsed { item: None, errors: vec![unclosed] };
    }
    let item = match Grammar::parse(Rule::chunk, text) {
        Ok(mut pairs) => pairs.next().and_then(|chunk| item(chunk, &mut errors)),
        Err(error) => {
            errors.push(errors::from_pest(&error, text, Some(kind)));
            None
        }
    };
    errors.sort_by_key(|error| error.span);
    Parsed { item, errors }
}

fn item(chunk: Pair<'_, Rule>, errors: &mut Vec<SyntaxError>) -> Option<Item> {
    let pair = chunk.into_inner().next()?;
    let rule = pair.as_rule();
    let node = Children::of(pair);
    let mut build = Builder { errors };
    match rule {
        Rule::param => build.param(&node).map(Item::Param),
        Rule::entity => build.entity(&node).map(Item::Entity),
        Rule::source => build.source(&node).map(Item::Source),
        Rule::features => build.features(&node).map(Item::Features),
        Rule::model => build.model(&node).map(Item::Model),
        Rule::deployment => build.deployment(&node).map(Item::Deployment),
        Rule::monitor => build.monitor(&node).map(Item::Monitor),
        Rule::function => build.function(&node).map(Item::Function),
        Rule::extern_item => build.extern_item(&node).map(Item::Extern),
        Rule::test => build.test(&node).map(Item::Test),
        Rule::use_item => Some(Item::Use(build.use_item(&node))),
        _ => None,
    }
}

/// Turns pairs into the tree. A method answers none only where the grammar could not have matched.
struct Builder<'a> {
    errors: &'a mut Vec<SyntaxError>,
}

impl Builder<'_> {
    /// Reports a line that is none of a block's members; `strict` is the rule for one right member.
    fn bad_members(&mut self, node: &Children<'_>, strict: Rule) {
        self.errors.extend(node.bad.iter().map(|(start, text)| errors::bad_member(*start, text, strict)));
    }
}
