//! Models.

use pest::iterators::Pair;

use super::children::Children;
use super::expr::comparison_operator;
use super::{Builder, Rule};
use crate::ast::{Impute, Input, Label, Model, Observe, Require, Setting, SettingValue};

impl Builder<'_> {
    pub(super) fn model(&mut self, node: &Children<'_>) -> Option<Model> {
        self.bad_members(node, Rule::model_only);
        let mut model = Model {
            name: node.name()?,
            observe: Vec::new(),
            label: Vec::new(),
            inputs: Vec::new(),
            inputs_span: None,
            impute: Vec::new(),
            split: Vec::new(),
            learn: Vec::new(),
            train: Vec::new(),
            require: Vec::new(),
        };
        for member in node.iter() {
            self.model_member(member.clone(), &mut model);
        }
        Some(model)
    }

    fn model_member(&mut self, member: Pair<'_, Rule>, model: &mut Model) {
        let rule = member.as_rule();
        let node = Children::of(member);
        match rule {
            Rule::observe_clause => model.observe.extend(self.observe(&node)),
            Rule::label_clause => {
                let value = self.expr_in(&node);
                model.label.extend(value.map(|value| Label { name: node.name(), value }));
            }
            Rule::inputs_block => {
                model.inputs_span = node.first(Rule::kw_inputs).map(super::children::span);
                self.bad_members(&node, Rule::input_only);
                model.inputs.extend(node.iter().filter_map(|input| self.input(input.clone())));
                model.inputs.extend(node.broken_names().map(Input::Broken));
            }
            Rule::impute_clause => {
                let strategy = self.expr_in(&node);
                let indicator = node.has(Rule::kw_indicator);
                model.impute.extend(strategy.map(|strategy| Impute { strategy, indicator }));
            }
            Rule::split_clause => model.split.extend(self.call_in(&node)),
            Rule::learn_clause => model.learn.extend(self.call_in(&node)),
            Rule::train_block => {
                self.bad_members(&node, Rule::setting_only);
                model.train.extend(node.each(Rule::setting).filter_map(|setting| self.setting(&setting)));
            }
            Rule::require_clause => model.require.extend(self.require(&node)),
            _ => {}
        }
    }

    fn observe(&mut self, node: &Children<'_>) -> Option<Observe> {
        Some(Observe {
            source: node.name()?,
            at: self.expr_in(node),
            filter: node.open(Rule::where_clause).and_then(|clause| self.expr_in(&clause)),
        })
    }

    fn input(&mut self, member: Pair<'_, Rule>) -> Option<Input> {
        let rule = member.as_rule();
        let node = Children::of(member);
        match rule {
            Rule::definition => self.definition(&node).map(Input::Definition),
            Rule::group_all => node.name().map(Input::All),
            Rule::group_some | Rule::group_one => {
                let mut names = node.names().into_iter();
                Some(Input::Some(names.next()?, names.collect()))
            }
            Rule::bare => node.name().map(Input::Column),
            _ => None,
        }
    }

    fn setting(&mut self, node: &Children<'_>) -> Option<Setting> {
        let value = match node.open(Rule::arguments) {
            Some(list) => SettingValue::Arguments(self.arguments(&list)),
            None => SettingValue::Value(self.expr_in(node)?),
        };
        Some(Setting { name: node.name()?, value })
    }

    fn require(&mut self, node: &Children<'_>) -> Option<Require> {
        let mut names = node.names().into_iter();
        let bound = node.first(Rule::sum)?.clone();
        Some(Require {
            part: names.next()?,
            metric: names.next()?,
            by: names.next(),
            min: node.first(Rule::int).and_then(|int| int.as_str().replace('_', "").parse().ok()),
            operator: comparison_operator(node.first(Rule::compare)?)?,
            bound: self.expr(bound)?,
            span: node.span,
        })
    }
}
