//! Problems of form in words of the language.

use mlsys_diagnostics::{Span, nearest};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

use super::{Grammar, Rule, SyntaxError};
use crate::chunks::Kind;

/// Text between declarations that is none.
pub(super) fn not_a_declaration(text: &str) -> SyntaxError {
    let first_line = text.lines().next().unwrap_or_default();
    let word: String = first_line.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let keywords = Kind::ALL.map(Kind::keyword);
    if first_line.starts_with(['}', ')', ']']) {
        return special(&first_line[..1], 0).unwrap_or_else(|| unexpected(first_line, Span::new(0, 1)));
    }
    let near = nearest(&word, keywords);
    let found = if word.is_empty() { first_line.trim() } else { &word };
    SyntaxError {
        code: "E0101",
        message: format!("`{found}` does not begin a declaration"),
        span: Span::new(0, if word.is_empty() { first_line.trim_end().len() } else { word.len() }),
        label: "expected a declaration".to_owned(),
        help: Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("a declaration begins with one of {}", list(&keywords[..10])),
        }),
    }
}

/// Input that is refused before the grammar sees it.
pub(super) fn too_large(text: &str, max_length: usize, max_depth: usize) -> Option<SyntaxError> {
    let refuse = |span, message: String| SyntaxError {
        code: "E0105",
        message,
        span,
        label: "too large to compile".to_owned(),
        help: Some("split it into several declarations".to_owned()),
    };
    if text.len() > max_length {
        return Some(refuse(Span::new(0, 1), format!("a declaration may have at most {} MiB", max_length >> 20)));
    }
    if let Some(offset) = nested_words(text, max_depth) {
        let message = format!("types and conditions may be nested at most {max_depth} deep");
        return Some(refuse(Span::new(offset, offset + 1), message));
    }
    let mut depth = 0_usize;
    for (offset, c) in brackets(text) {
        depth = if matches!(c, '{' | '(' | '[') { depth + 1 } else { depth.saturating_sub(1) };
        if depth > max_depth {
            let message = format!("brackets may be nested at most {max_depth} deep");
            return Some(refuse(Span::new(offset, offset + 1), message));
        }
    }
    None
}

/// Where `list<list<…` or `if … then if …` go too deep: they nest without brackets that are counted.
fn nested_words(text: &str, max_depth: usize) -> Option<usize> {
    let mut lists = 0_usize;
    let mut conditions = 0_usize;
    let mut before = ' ';
    for (offset, c) in text.char_indices() {
        let begins_word = !(before.is_ascii_alphanumeric() || before == '_');
        match c {
            '<' if text[..offset].trim_end().ends_with("list") => lists += 1,
            '>' if before != '-' => lists = lists.saturating_sub(1),
            // A member ends where its line does; a condition that goes on has no end of its own.
            'i' if begins_word && text[offset..].starts_with("if ") => conditions += 1,
            '\n' if text[offset + 1..].trim_start().starts_with(['}', '/']) => conditions = 0,
            '=' => conditions = 0,
            _ => {}
        }
        if lists > max_depth || conditions > max_depth {
            return Some(offset);
        }
        before = c;
    }
    None
}

/// A bracket that is never closed: the innermost one whose block the indentation says has ended, or the first one.
pub(super) fn unclosed(text: &str) -> Option<SyntaxError> {
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut suspect: Option<(usize, char)> = None;
    for (offset, c) in brackets(text) {
        if matches!(c, '{' | '(' | '[') {
            open.push((offset, c));
        } else if let Some((opened, bracket)) = open.pop() {
            let leads = text[..offset].rsplit('\n').next().unwrap_or_default().trim().is_empty();
            if leads && indentation(text, offset) < indentation(text, opened) {
                suspect.get_or_insert((opened, bracket));
            }
        }
    }
    let first = *open.first()?;
    let (offset, bracket) = suspect.unwrap_or(first);
    let closing = match bracket {
        '{' => '}',
        '(' => ')',
        _ => ']',
    };
    Some(SyntaxError {
        code: "E0103",
        message: format!("this `{bracket}` is never closed"),
        span: Span::new(offset, offset + 1),
        label: format!("no `{closing}` closes it"),
        help: Some(format!("add `{closing}` where the block ends")),
    })
}

/// The number of blanks before the first character of the line that holds an offset.
fn indentation(text: &str, offset: usize) -> usize {
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    text[start..].len() - text[start..].trim_start_matches([' ', '\t']).len()
}

/// Brackets outside of text and comments, with their offsets.
fn brackets(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut in_text = false;
    let mut in_comment = false;
    let mut escaped = false;
    let mut previous = ' ';
    text.char_indices().filter_map(move |(offset, c)| {
        let before = std::mem::replace(&mut previous, c);
        if c == '\n' {
            (in_text, in_comment, escaped) = (false, false, false);
        } else if in_comment || escaped {
            escaped = false;
        } else if in_text {
            escaped = c == '\\';
            in_text = c != '"';
        } else if c == '"' {
            in_text = true;
        } else if c == '/' && before == '/' {
            in_comment = true;
        } else if matches!(c, '{' | '}' | '(' | ')' | '[' | ']') {
            return Some((offset, c));
        }
        None
    })
}

/// A line that is none of a block's members. `strict` is the rule for one right member.
pub(super) fn bad_member(start: u32, text: &str, strict: Rule) -> SyntaxError {
    let line = Span::new(start as usize, start as usize + text.len());
    match Grammar::parse(strict, text) {
        Ok(_) => unexpected(text, line),
        Err(error) => {
            let mut problem = from_pest(&error, text, None);
            let bare = matches!(strict, Rule::input_only | Rule::features_only) && is_list_of_names(text);
            if bare {
                problem.help = Some("names that stand alone are parted by commas or line breaks".to_owned());
            }
            problem.span = problem.span.shifted(start);
            problem
        }
    }
}

/// Whether a line is several names without anything between them.
fn is_list_of_names(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let is_name = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    words.clone().count() > 1 && words.all(is_name)
}

fn unexpected(text: &str, span: Span) -> SyntaxError {
    SyntaxError {
        code: "E0102",
        message: format!("`{}` is not expected here", shorten(text)),
        span,
        label: "not expected here".to_owned(),
        help: None,
    }
}

/// A filter that stands behind its window would filter all features of the group.
pub(super) fn where_behind_over(span: Span) -> SyntaxError {
    SyntaxError {
        code: "E0102",
        message: "`where` stands before `over`".to_owned(),
        span: Span::new(span.start as usize, span.start as usize + "where".len()),
        label: "behind the window".to_owned(),
        help: Some("write `mean(x) where x > 0 over 7d`; a `where` on a line of its own filters the group".to_owned()),
    }
}

/// What pest could not match, in words of the language.
pub(super) fn from_pest(error: &pest::error::Error<Rule>, text: &str, kind: Option<Kind>) -> SyntaxError {
    let offset = match error.location {
        InputLocation::Pos(position) => position,
        InputLocation::Span((start, _)) => start,
    };
    let offset = offset.min(text.len());
    let found = found_at(text, offset);
    let is_slip = match found {
        // Text and brackets that are whole were only not expected here.
        "\"" => !text[offset + 1..].split('\n').next().unwrap_or_default().contains('"'),
        "}" | ")" | "]" => !is_open(text, offset),
        _ => true,
    };
    if let Some(problem) = special(found, offset).filter(|_| is_slip).or_else(|| comparison(text, found, offset, error))
    {
        return problem;
    }
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => words(positives),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    let shown = if found.is_empty() { "the end of the line".to_owned() } else { format!("`{found}`") };
    let message = match (expected.is_empty(), kind) {
        (false, _) => format!("expected {}, found {shown}", alternatives(&expected)),
        (true, Some(kind)) => format!("{shown} does not fit into this `{}` declaration", kind.keyword()),
        (true, None) => format!("{shown} is not expected here"),
    };
    let keywords: Vec<&str> = expected.iter().filter_map(|word| word.strip_prefix('`')?.strip_suffix('`')).collect();
    // Words that could follow are not always among what could not be matched.
    let near = nearest(found, keywords).or_else(|| {
        nearest(found, CONNECTIVES).filter(|word| found.len() < 4 || mlsys_diagnostics::is_slip(found, word))
    });
    let near = near.filter(|near| near.starts_with(|c: char| c.is_ascii_alphabetic()));
    SyntaxError {
        code: "E0102",
        message,
        span: Span::new(offset, offset + found.len().max(usize::from(offset < text.len()))),
        label: if expected.is_empty() { "not expected here".to_owned() } else { "found this instead".to_owned() },
        help: near
            .map(|near| format!("did you mean `{near}`?"))
            .or_else(|| unit_missing(&error.variant, found))
            .or_else(|| Some("`mlsysc explain E0102` shows the forms of members".to_owned())),
    }
}

/// A number where a length of time is needed.
fn unit_missing(variant: &ErrorVariant<Rule>, found: &str) -> Option<String> {
    let ErrorVariant::ParsingError { positives, .. } = variant else { return None };
    let is_number = found.starts_with(|c: char| c.is_ascii_digit());
    let wants = |rule| positives.contains(&rule);
    match is_number {
        true if wants(Rule::duration) => Some("write the unit behind the number, such as `20ms` or `7d`".to_owned()),
        true if wants(Rule::rate) => Some("say per which time, such as `2000/s`".to_owned()),
        _ => None,
    }
}

/// Words that continue a member.
const CONNECTIVES: [&str; 14] = [
    "over",
    "where",
    "else",
    "known",
    "from",
    "with",
    "between",
    "lateness",
    "indicator",
    "null",
    "then",
    "when",
    "and",
    "not",
];

/// Whether a bracket before an offset waits for the one that stands there.
fn is_open(text: &str, offset: usize) -> bool {
    let mut depth = 0_usize;
    for (_, c) in brackets(text).take_while(|(at, _)| *at < offset) {
        depth = if matches!(c, '{' | '(' | '[') { depth + 1 } else { depth.saturating_sub(1) };
    }
    depth > 0
}

/// A comparison where none fits: a second one, or `=` for `==`.
fn comparison(text: &str, found: &str, offset: usize, error: &pest::error::Error<Rule>) -> Option<SyntaxError> {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else { return None };
    if positives.contains(&Rule::compare) && found == "=" {
        let before = text[..offset].rsplit('\n').next().unwrap_or_default();
        let compares = ["where ", "expect ", "when ", "if ", " and ", " or ", "not "];
        let compares = compares.iter().any(|word| before.contains(word));
        let message = "`=` gives a name its value, it does not compare".to_owned();
        let span = Span::new(offset, offset + 1);
        return compares.then(|| SyntaxError {
            code: "E0102",
            message,
            span,
            label: "not a comparison".to_owned(),
            help: Some("write `==`".to_owned()),
        });
    }
    if !positives.contains(&Rule::compare) && matches!(found, "<" | ">") {
        return Some(SyntaxError {
            code: "E0102",
            message: "comparisons are not chained".to_owned(),
            span: Span::new(offset, offset + 1),
            label: "a second one".to_owned(),
            help: Some("write `x between 1 and 3`, or two comparisons with `and`".to_owned()),
        });
    }
    None
}

/// Slips that have a better explanation than what could have stood there instead.
fn special(found: &str, offset: usize) -> Option<SyntaxError> {
    let (message, label, help) = match found {
        "}" | ")" | "]" => (format!("this `{found}` closes nothing"), "nothing is open here", "remove it"),
        "\"" => ("this text is never closed".to_owned(), "no `\"` follows on this line", "close it with `\"`"),
        "'" => ("text stands in double quotes".to_owned(), "not a quote", "write it as `\"…\"`"),
        "&" => ("`&` is no operator".to_owned(), "not an operator", "write `and`"),
        "|" => ("`|` is no operator".to_owned(), "not an operator", "write `or`"),
        "%" => ("`%` is no operator".to_owned(), "not an operator", "write `mod(a, b)` with `use std.math.{mod}`"),
        "^" => ("`^` is no operator".to_owned(), "not an operator", "write `pow(a, b)` with `use std.math.{pow}`"),
        "!" => ("`!` is no operator".to_owned(), "not an operator", "write `not`, or `!=` for a comparison"),
        _ => return None,
    };
    let span = Span::new(offset, offset + 1);
    Some(SyntaxError { code: "E0102", message, span, label: label.to_owned(), help: Some(help.to_owned()) })
}

/// A chain of operators that is longer than can be compiled.
pub(super) fn too_long(span: Span) -> SyntaxError {
    SyntaxError {
        code: "E0105",
        message: format!("an expression may chain at most {MAX_CHAIN} operators"),
        span,
        label: "too long to compile".to_owned(),
        help: Some("split it into several definitions".to_owned()),
    }
}

/// How many operators of one kind may follow each other.
pub(super) const MAX_CHAIN: usize = 500;

pub(super) fn bad_instant(text: &str, span: Span) -> SyntaxError {
    SyntaxError {
        code: "E0104",
        message: format!("`{text}` is not a date or an instant"),
        span,
        label: "no such date or instant".to_owned(),
        help: Some("write a day as `@2013-09-01`, an instant in UTC as `@2013-09-01T08:00:00Z`".to_owned()),
    }
}

pub(super) fn out_of_range(text: &str, span: Span) -> SyntaxError {
    SyntaxError {
        code: "E0104",
        message: format!("`{}` is too large", shorten(text)),
        span,
        label: "does not fit 64 bits".to_owned(),
        help: None,
    }
}

/// The word or sign at an offset.
fn found_at(text: &str, offset: usize) -> &str {
    let rest = text.get(offset..).unwrap_or_default();
    let Some(first) = rest.chars().next() else { return "" };
    if first == '\n' {
        return "";
    }
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let length = if word(first) { rest.find(|c| !word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
    &rest[..length]
}

fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() <= 40 { line.to_owned() } else { line.chars().take(39).chain(['…']).collect() }
}

/// Users' words for rules, without repetition; a rule that says nothing to a user has none.
fn words(rules: &[Rule]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for rule in rules {
        let each = match members(*rule) {
            Some(members) => members.iter().map(|member| (*member).to_owned()).collect(),
            None => vec![word(*rule)],
        };
        for word in each {
            if !word.is_empty() && !words.contains(&word) {
                words.push(word);
            }
        }
    }
    words
}

/// What may stand in a block, by the block's rule for one member.
fn members(rule: Rule) -> Option<&'static [&'static str]> {
    Some(match rule {
        Rule::source_only => {
            &["`from`", "`stream`", "`schema`", "`derive`", "`time`", "`key`", "`static`", "`retention`", "`expect`"]
        }
        Rule::column_only => &["a column such as `amount: float64`"],
        Rule::definition_only => &["a definition such as `total = price * count`"],
        Rule::features_only => &["`where`", "`refresh`", "a feature such as `n = count() over 7d`"],
        Rule::model_only => &[
            "`observe`",
            "`label`",
            "`inputs`",
            "`group`",
            "`debias`",
            "`impute`",
            "`encode`",
            "`split`",
            "`learn`",
            "`train`",
            "`tune`",
            "`calibrate`",
            "`require`",
        ],
        Rule::input_only => {
            &["a column", "a definition such as `hour = hour_of_day(paid_at)`", "a group's features such as `spend.*`"]
        }
        Rule::setting_only => &["a setting such as `epochs 20`"],
        Rule::tune_only => &["what is searched, such as `lr in log(1e-4, 1e-2)`"],
        Rule::deployment_only => &[
            "`model`",
            "`stage`",
            "`serve`",
            "`score`",
            "`export`",
            "`budget`",
            "`fresh`",
            "`cache`",
            "`batch`",
            "`fallback`",
            "`limit`",
            "`auth`",
            "`explain`",
            "`expect`",
            "`shadow`",
            "`canary`",
            "`ab`",
            "`bandit`",
            "`blue_green`",
            "`log`",
            "`allow`",
        ],
        Rule::rollout_only => &["`steps`", "`hold`", "`abort`", "`arms`", "`by`", "`reward`", "`policy`"],
        Rule::monitor_only => &["`watch`", "`outcome`", "`when`"],
        Rule::test_only => &["`given`", "`expect`"],
        _ => return None,
    })
}

fn word(rule: Rule) -> String {
    let word = match rule {
        Rule::name | Rule::label => "a name",
        Rule::expr | Rule::conjunction | Rule::negation | Rule::comparison | Rule::fallback | Rule::sum => "a value",
        Rule::product | Rule::unary | Rule::postfix | Rule::call => "a value",
        Rule::r#type => "a type",
        Rule::duration => "a duration such as `7d`",
        Rule::window => "a window such as `7d`, `[1d, 7d]` or `all`",
        Rule::list => "a list `[…]`",
        Rule::string => "text in quotes",
        Rule::int | Rule::float => "a number",
        Rule::record => "a record `{ … }`",
        Rule::rate => "a rate such as `2000/s`",
        Rule::clock => "a time of day such as `02:00`",
        Rule::variant | Rule::arm => "a version such as `model@candidate`",
        Rule::metric => "a metric of a part such as `test.auc`",
        Rule::open => "`{`",
        Rule::close => "`}`",
        Rule::colon => "`:`",
        Rule::equals => "`=`",
        Rule::arrow => "`->`",
        Rule::compare => "a comparison such as `>=`",
        Rule::arguments | Rule::key_map => "`(`",
        // Operators could follow almost anywhere; naming them hides what is really missing.
        Rule::add_op | Rule::mul_op | Rule::minus | Rule::field | Rule::every_field | Rule::is_null => "",
        Rule::between
        | Rule::not_between
        | Rule::kw_and
        | Rule::kw_or
        | Rule::kw_not
        | Rule::doc
        | Rule::docs
        | Rule::bad_member => "",
        Rule::EOI | Rule::instant | Rule::percent | Rule::boolean | Rule::null | Rule::group => "",
        Rule::chunk | Rule::argument | Rule::record_field => "",
        Rule::keys | Rule::each | Rule::conditional | Rule::size | Rule::in_list | Rule::look_ahead | Rule::alias => "",
        Rule::kw_allow
        | Rule::kw_ahead
        | Rule::kw_pii
        | Rule::column_default
        | Rule::step
        | Rule::offset
        | Rule::some_fields => "",
        Rule::aggregate_tail | Rule::optional | Rule::type_list | Rule::type_names | Rule::balanced => "",
        other => return keyword(other),
    };
    word.to_owned()
}

/// Rules are named after the words they begin with: `kw_over` is `over`, `time_clause` begins with `time`.
fn keyword(rule: Rule) -> String {
    let name = format!("{rule:?}");
    let name = name.strip_prefix("kw_").unwrap_or(&name);
    let name = name.strip_suffix("_clause").or_else(|| name.strip_suffix("_block")).unwrap_or(name);
    match name {
        "uses_model" => "`model`".to_owned(),
        "given_rows" => "`given`".to_owned(),
        "expect_rows" => "`expect`".to_owned(),
        "definition" | "bare" | "column" | "setting" => "a name".to_owned(),
        "group_input" => "a group's features".to_owned(),
        "ticks" | "score_every" => "`every`".to_owned(),
        "score_at" => "`at`".to_owned(),
        "slices" => "`by`".to_owned(),
        "for_windows" => "`for`".to_owned(),
        "fresh_within" => "`fresh`".to_owned(),
        "allow_pii" => "`allow`".to_owned(),
        "expect_that" | "expect_behaviour" => "`expect`".to_owned(),
        "tolerance" => "`within`".to_owned(),
        "of_examples" => "`in`".to_owned(),
        "changed" => "an input".to_owned(),
        "rollout_block" => "a rollout".to_owned(),
        _ => format!("`{name}`"),
    }
}

fn alternatives(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

fn list(words: &[&str]) -> String {
    alternatives(&words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>())
}
