//! `test` declarations.

use super::children::{Children, span};
use super::expr::{plain, text_parts};
use super::{Builder, Rule};
use crate::ast::{Behaviour, ExpectRows, ExprKind, Name, Relation, Test, TestExpectation};

impl Builder<'_> {
    pub(super) fn test(&mut self, node: &Children<'_>) -> Option<Test> {
        self.bad_members(node, Rule::test_only);
        let title = node.first(Rule::string)?;
        let name = Name { text: plain(&text_parts(title.as_str(), span(title))), span: span(title) };
        let mut given = Vec::new();
        for clause in node.each(Rule::given_clause) {
            let rows = self.expr(clause.first(Rule::list)?.clone())?;
            let ExprKind::List(rows) = rows.kind else { continue };
            given.push((clause.name()?, rows));
        }
        let mut expect = Vec::new();
        for member in node.iter() {
            let clause = Children::of(member.clone());
            match member.as_rule() {
                Rule::expect_rows => expect.extend(self.expect_rows(&clause).map(TestExpectation::Rows)),
                Rule::expect_behaviour => expect.extend(self.behaviour(&clause).map(TestExpectation::Behaviour)),
                Rule::expect_that => expect.extend(self.expr_in(&clause).map(TestExpectation::Condition)),
                _ => {}
            }
        }
        Some(Test { name, model: node.name(), given, expect })
    }

    fn behaviour(&mut self, node: &Children<'_>) -> Option<Behaviour> {
        let relation = match () {
            () if node.has(Rule::kw_rising) => Relation::Rising,
            () if node.has(Rule::kw_falling) => Relation::Falling,
            () => Relation::Invariant,
        };
        let mut value_of = |clause: Rule| {
            let sum = node.open(clause)?.first(Rule::sum)?.clone();
            self.expr(sum)
        };
        let (tolerance, share) = (value_of(Rule::tolerance), value_of(Rule::of_examples));
        Some(Behaviour { relation, input: changed(&node.open(Rule::changed)?)?, tolerance, share, span: node.span })
    }

    fn expect_rows(&mut self, node: &Children<'_>) -> Option<ExpectRows> {
        let keys = self.record(&node.open(Rule::record)?)?;
        Some(ExpectRows {
            group: node.name()?,
            keys,
            at: self.expr_in(node)?,
            values: node.each(Rule::definition).filter_map(|value| self.definition(&value)).collect(),
            span: node.span,
        })
    }
}

/// An input by its whole name.
fn changed(node: &Children<'_>) -> Option<Name> {
    let name = node.name()?;
    let of_group = node.open(Rule::field).and_then(|field| field.name());
    let text = of_group.map_or_else(|| name.text.clone(), |feature| format!("{}.{}", name.text, feature.text));
    Some(Name { text, span: node.span })
}
