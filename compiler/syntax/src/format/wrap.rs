//! Lines that are too long, and lists of records.

use super::WIDTH;
use super::tokens::{Token, joined};

/// Whether a list of records is among the tokens: each of its items gets a line.
pub(super) fn has_records(tokens: &[Token]) -> bool {
    record_list(tokens).is_some()
}

fn record_list(tokens: &[Token]) -> Option<usize> {
    tokens.windows(2).position(|pair| pair[0].text == "[" && pair[1].text == "{")
}

/// The lines of a member, each with its indentation beyond the block's.
pub(super) fn wrap(tokens: &[Token], depth: usize) -> Vec<(usize, String)> {
    let Some(open) = record_list(tokens) else { return fill(tokens, depth, 0) };
    let Some(close) = closing(tokens, open) else { return fill(tokens, depth, 0) };
    let mut lines = fill(&tokens[..=open], depth, 0);
    for item in items(&tokens[open + 1..close]) {
        let mut filled = fill(item, depth, 2);
        if let Some((_, last)) = filled.last_mut() {
            last.push(',');
        }
        lines.extend(filled);
    }
    lines.push((0, joined(&tokens[close..])));
    lines
}

/// As many tokens on a line as fit; a line is broken after commas and before words that begin a part.
fn fill(tokens: &[Token], depth: usize, indent: usize) -> Vec<(usize, String)> {
    const BEFORE: [&str; 9] = ["and", "or", "where", "over", "else", "then", "known", "into", "allow"];
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut line: Vec<Token> = Vec::new();
    let mut start = 0;
    for end in 1..=tokens.len() {
        let can_break = end == tokens.len()
            || tokens[end - 1].text == ","
            || (BEFORE.contains(&tokens[end].text.as_str()) && !tokens[end].tight);
        if !can_break {
            continue;
        }
        let segment = &tokens[start..end];
        let here = indent + if lines.is_empty() { 0 } else { 2 };
        let longer: Vec<Token> = line.iter().chain(segment).cloned().collect();
        if !line.is_empty() && 2 * depth + here + joined(&longer).len() > WIDTH {
            lines.push((here, joined(&line)));
            line = segment.to_vec();
        } else {
            line = longer;
        }
        start = end;
    }
    let here = indent + if lines.is_empty() { 0 } else { 2 };
    lines.push((here, joined(&line)));
    lines
}

/// The bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "[" | "(" | "{" => depth += 1,
            "]" | ")" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

/// The items of a list, commas left out.
fn items(tokens: &[Token]) -> Vec<&[Token]> {
    let mut items = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "[" | "(" | "{" => depth += 1,
            "]" | ")" | "}" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                items.push(&tokens[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    items.push(&tokens[start..]);
    items.retain(|item| !item.is_empty());
    items
}
