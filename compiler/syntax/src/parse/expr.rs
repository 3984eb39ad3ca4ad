//! Expressions, calls and types.

use mlsys_diagnostics::Span;
use pest::iterators::Pair;

use super::children::{Children, duration, span};
use super::{Builder, Rule, errors};
use crate::ast::{
    AggregateTail, Argument, BinaryOp, Call, Expr, ExprKind, Literal, LookAhead, Name, TextPart, TypeArgument, TypeRef,
    UnaryOp, Windows,
};

impl Builder<'_> {
    /// The first expression among the children.
    pub(super) fn expr_in(&mut self, node: &Children<'_>) -> Option<Expr> {
        let pair = node.first(Rule::expr)?.clone();
        self.expr(pair)
    }

    pub(super) fn expr(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let whole = span(&pair);
        match pair.as_rule() {
            Rule::expr | Rule::conjunction | Rule::fallback | Rule::sum | Rule::product => self.chain(pair),
            Rule::negation => self.prefixed(pair, Rule::kw_not, UnaryOp::Not),
            Rule::unary => self.prefixed(pair, Rule::minus, UnaryOp::Negate),
            Rule::comparison => self.comparison(pair),
            Rule::postfix => self.postfix(pair),
            Rule::group => {
                let inner = self.expr_in(&Children::of(pair))?;
                Some(Expr { span: whole, ..inner })
            }
            Rule::conditional => self.conditional(&Children::of(pair)).map(|kind| Expr { kind, span: whole }),
            Rule::each => self.each(&Children::of(pair)).map(|kind| Expr { kind, span: whole }),
            Rule::call => self.call(pair).map(|call| Expr { kind: ExprKind::Call(call), span: whole }),
            Rule::list => {
                let items = self.exprs(&Children::of(pair));
                Some(Expr { kind: ExprKind::List(items), span: whole })
            }
            Rule::record => {
                self.record(&Children::of(pair)).map(|fields| Expr { kind: ExprKind::Record(fields), span: whole })
            }
            Rule::name => Some(Expr { kind: ExprKind::Name(pair.as_str().to_owned()), span: whole }),
            _ => Some(Expr { kind: ExprKind::Literal(self.literal(&pair)), span: whole }),
        }
    }

    /// Every expression among the children.
    pub(super) fn exprs(&mut self, node: &Children<'_>) -> Vec<Expr> {
        node.all(Rule::expr).filter_map(|item| self.expr(item.clone())).collect()
    }

    fn conditional(&mut self, node: &Children<'_>) -> Option<ExprKind> {
        let mut parts = self.exprs(node).into_iter().map(Box::new);
        Some(ExprKind::If { condition: parts.next()?, then: parts.next()?, otherwise: parts.next()? })
    }

    /// `[mean, max](x) over …`
    fn each(&mut self, node: &Children<'_>) -> Option<ExprKind> {
        let names = node.names();
        let call = self.call_of(names.first()?.clone(), node)?;
        Some(ExprKind::Each(names, call))
    }

    /// `a op b op c`, to the left.
    fn chain(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let implied = match pair.as_rule() {
            Rule::expr => BinaryOp::Or,
            Rule::conjunction => BinaryOp::And,
            _ => BinaryOp::Coalesce,
        };
        let mut result: Option<Expr> = None;
        let mut operator = implied;
        let whole = span(&pair);
        let children = pair.into_inner();
        // The tree is as deep as the chain is long.
        if children.len() > 2 * errors::MAX_CHAIN {
            self.errors.push(errors::too_long(whole));
            return None;
        }
        for child in children {
            match child.as_rule() {
                Rule::kw_or | Rule::kw_and => {}
                Rule::add_op | Rule::mul_op => operator = binary(child.as_str())?,
                _ => {
                    let right = self.expr(child)?;
                    result = Some(match result {
                        None => right,
                        Some(left) => join(operator, left, right),
                    });
                }
            }
        }
        result
    }

    fn prefixed(&mut self, pair: Pair<'_, Rule>, mark: Rule, operator: UnaryOp) -> Option<Expr> {
        let mut marks = Vec::new();
        let mut operand = None;
        for child in pair.into_inner() {
            if child.as_rule() == mark {
                marks.push(span(&child));
            } else {
                operand = self.expr(child);
            }
        }
        if marks.len() > errors::MAX_CHAIN {
            self.errors.push(errors::too_long(marks[0]));
            return None;
        }
        marks.into_iter().rev().fold(operand, |operand, mark| {
            operand
                .map(|operand| Expr { span: mark.to(operand.span), kind: ExprKind::Unary(operator, Box::new(operand)) })
        })
    }

    fn comparison(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let whole = span(&pair);
        let mut children = pair.into_inner();
        let left = self.expr(children.next()?)?;
        let Some(second) = children.next() else { return Some(left) };
        let kind = match second.as_rule() {
            Rule::is_null => ExprKind::IsNull { arg: Box::new(left), negated: Children::of(second).has(Rule::kw_not) },
            Rule::between => {
                let (low, high) = self.bounds(&Children::of(second))?;
                ExprKind::Between { arg: Box::new(left), low: Box::new(low), high: Box::new(high) }
            }
            Rule::not_between => {
                let (low, high) = self.bounds(&Children::of(second))?;
                let inside = ExprKind::Between { arg: Box::new(left), low: Box::new(low), high: Box::new(high) };
                ExprKind::Unary(UnaryOp::Not, Box::new(Expr { kind: inside, span: whole }))
            }
            Rule::in_list => {
                let node = Children::of(second);
                let items = node.open(Rule::list).map(|list| self.exprs(&list)).unwrap_or_default();
                ExprKind::In { arg: Box::new(left), items, negated: node.has(Rule::kw_not) }
            }
            _ => {
                let right = self.expr(children.next()?)?;
                ExprKind::Binary(binary(second.as_str())?, Box::new(left), Box::new(right))
            }
        };
        Some(Expr { kind, span: whole })
    }

    /// The bounds of `between low and high`.
    pub(super) fn bounds(&mut self, node: &Children<'_>) -> Option<(Expr, Expr)> {
        let mut bounds = node.all(Rule::fallback).cloned();
        let low = self.expr(bounds.next()?)?;
        let high = self.expr(bounds.next()?)?;
        Some((low, high))
    }

    fn postfix(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let mut children = pair.into_inner();
        if children.len() > errors::MAX_CHAIN {
            return None;
        }
        let mut result = self.expr(children.next()?)?;
        for suffix in children {
            let whole = result.span.to(span(&suffix));
            let kind = match suffix.as_rule() {
                Rule::field => ExprKind::Field(Box::new(result), Children::of(suffix).name()?),
                Rule::keys => ExprKind::Index(Box::new(result), self.exprs(&Children::of(suffix))),
                _ => ExprKind::EveryField(Box::new(result)),
            };
            result = Expr { kind, span: whole };
        }
        Some(result)
    }

    /// The first call among the children.
    pub(super) fn call_in(&mut self, node: &Children<'_>) -> Option<Call> {
        let pair = node.first(Rule::call)?.clone();
        self.call(pair)
    }

    pub(super) fn call(&mut self, pair: Pair<'_, Rule>) -> Option<Call> {
        let node = Children::of(pair);
        self.call_of(node.name()?, &node)
    }

    fn call_of(&mut self, name: Name, node: &Children<'_>) -> Option<Call> {
        let tail = match node.open(Rule::aggregate_tail) {
            Some(tail) => Some(Box::new(self.tail(&tail)?)),
            None => None,
        };
        let ahead = match node.open(Rule::look_ahead) {
            Some(ahead) => Some(Box::new(self.look_ahead(&ahead)?)),
            None => None,
        };
        let arguments = node.open(Rule::arguments).map(|list| self.arguments(&list)).unwrap_or_default();
        Some(Call { name, arguments, tail, ahead, span: node.span })
    }

    fn look_ahead(&mut self, node: &Children<'_>) -> Option<LookAhead> {
        let mut names = node.names().into_iter();
        Some(LookAhead {
            source: names.next()?,
            entity: names.next()?,
            key_map: node.key_map(),
            filter: node.open(Rule::where_clause).and_then(|clause| self.expr_in(&clause)),
            width: node.duration()?,
            span: node.span,
        })
    }

    pub(super) fn arguments(&mut self, list: &Children<'_>) -> Vec<Argument> {
        let mut arguments = Vec::new();
        for argument in list.each(Rule::argument) {
            if let Some(value) = self.expr_in(&argument) {
                arguments.push(Argument { name: argument.label(), value });
            }
        }
        arguments
    }

    fn tail(&mut self, node: &Children<'_>) -> Option<AggregateTail> {
        let filter = node.open(Rule::where_clause).and_then(|clause| self.expr_in(&clause));
        let step = node.open(Rule::step).and_then(|step| step.duration());
        let offset = node.open(Rule::offset).and_then(|offset| offset.first(Rule::sum).cloned());
        let offset = offset.and_then(|offset| self.expr(offset));
        let window = node.open(Rule::window)?;
        let window = if let Some(single) = window.duration() {
            Windows::One(single)
        } else if let Some(list) = window.open(Rule::window_list) {
            Windows::Many(list.all(Rule::duration).map(|each| (duration(each), each.as_str().to_owned())).collect())
        } else if let Some(rows) = window.int() {
            Windows::Last(rows)
        } else {
            Windows::All
        };
        let start = node.first(Rule::kw_over).map_or(node.span, span);
        Some(AggregateTail { filter, window, step, offset, span: start.to(node.span) })
    }

    pub(super) fn record(&mut self, node: &Children<'_>) -> Option<Vec<(Name, Expr)>> {
        let mut fields = Vec::new();
        for field in node.each(Rule::record_field) {
            fields.push((field.label()?, self.expr_in(&field)?));
        }
        Some(fields)
    }

    fn literal(&mut self, pair: &Pair<'_, Rule>) -> Literal {
        let text = pair.as_str();
        let digits = text.replace('_', "");
        match pair.as_rule() {
            Rule::boolean => Literal::Bool(text == "true"),
            Rule::int => digits.parse().map_or_else(|_| self.out_of_range(pair, Literal::Int(0)), Literal::Int),
            Rule::float => self.float(pair, &digits, 1.0),
            Rule::size => bytes(&digits).map_or_else(|| self.out_of_range(pair, Literal::Int(0)), Literal::Int),
            Rule::percent => self.float(pair, digits.trim_end_matches('%'), 100.0),
            Rule::duration => crate::time::duration(text)
                .map_or_else(|| self.out_of_range(pair, Literal::Duration(0)), Literal::Duration),
            Rule::instant => crate::time::instant(text).map_or_else(
                || {
                    self.errors.push(errors::bad_instant(text, span(pair)));
                    Literal::Instant(0)
                },
                Literal::Instant,
            ),
            Rule::string => Literal::Text(text_parts(text, span(pair))),
            _ => Literal::Null,
        }
    }

    fn float(&mut self, pair: &Pair<'_, Rule>, digits: &str, divisor: f64) -> Literal {
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => Literal::Float(value / divisor),
            _ => self.out_of_range(pair, Literal::Float(0.0)),
        }
    }

    fn out_of_range(&mut self, pair: &Pair<'_, Rule>, instead: Literal) -> Literal {
        self.errors.push(errors::out_of_range(pair.as_str(), span(pair)));
        instead
    }

    /// The first type among the children.
    pub(super) fn type_in(&mut self, node: &Children<'_>) -> Option<TypeRef> {
        type_ref(&node.open(Rule::r#type)?)
    }
}

fn type_ref(node: &Children<'_>) -> Option<TypeRef> {
    let argument = match node.open(Rule::type_list) {
        None => None,
        Some(list) => match list.open(Rule::r#type) {
            Some(inner) => Some(TypeArgument::Type(Box::new(type_ref(&inner)?))),
            None => Some(TypeArgument::Length(list.int()?.value)),
        },
    };
    let names = node
        .open(Rule::type_names)
        .map(|names| names.all(Rule::string).map(|text| plain(&text_parts(text.as_str(), span(text)))).collect());
    Some(TypeRef {
        name: node.name()?,
        argument,
        names: names.unwrap_or_default(),
        nullable: node.has(Rule::optional),
        span: node.span,
    })
}

/// The number of bytes of a size such as `64MiB`.
fn bytes(text: &str) -> Option<i64> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let shift = match &text[unit..] {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => 40,
    };
    text[..unit].parse::<i64>().ok()?.checked_mul(1 << shift)
}

fn join(operator: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr { span: left.span.to(right.span), kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)) }
}

fn binary(symbol: &str) -> Option<BinaryOp> {
    Some(match symbol {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Subtract,
        "*" => BinaryOp::Multiply,
        "/" => BinaryOp::Divide,
        "==" => BinaryOp::Equal,
        "!=" => BinaryOp::NotEqual,
        "<" => BinaryOp::Less,
        "<=" => BinaryOp::LessOrEqual,
        ">" => BinaryOp::Greater,
        ">=" => BinaryOp::GreaterOrEqual,
        _ => return None,
    })
}

/// The operator of a comparison written as text.
pub(super) fn comparison_operator(pair: &Pair<'_, Rule>) -> Option<BinaryOp> {
    binary(pair.as_str())
}

/// The text of a string, places left out.
pub(super) fn plain_text(pair: &Pair<'_, Rule>) -> String {
    plain(&text_parts(pair.as_str(), span(pair)))
}

/// Text between quotes: escapes resolved, `{name}` kept apart, `{{` and `}}` for single braces.
pub(super) fn text_parts(quoted: &str, whole: Span) -> Vec<TextPart> {
    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(quoted);
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        let offset = whole.start as usize + 1 + (inner.len() - rest.len());
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = escape(rest, &mut plain),
            '{' | '}' if rest.starts_with(c) => {
                plain.push(c);
                rest = &rest[1..];
            }
            '{' => {
                let end = rest.find('}').unwrap_or(rest.len());
                let text = rest[..end].trim().to_owned();
                parts.push(TextPart::Plain(std::mem::take(&mut plain)));
                parts.push(TextPart::Param(Name { text, span: Span::new(offset + 1, offset + 1 + end) }));
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            _ => plain.push(c),
        }
    }
    parts.push(TextPart::Plain(plain));
    parts.retain(|part| !matches!(part, TextPart::Plain(text) if text.is_empty()));
    parts
}

fn escape<'a>(rest: &'a str, plain: &mut String) -> &'a str {
    let Some(c) = rest.chars().next() else { return rest };
    plain.push(match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        other => other,
    });
    &rest[c.len_utf8()..]
}

/// The plain text of parts, places left out.
pub(super) fn plain(parts: &[TextPart]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        TextPart::Plain(text) => Some(text.as_str()),
        TextPart::Param(_) => None,
    });
    texts.collect()
}
