//! Models.

use pest::iterators::Pair;

use super::children::{Children, name, span};
use super::expr::{comparison_operator, plain_text};
use super::{Builder, Rule};
use crate::ast::{
    Allow, Bound, Encode, Encoded, Expr, ExprKind, GroupInput, Impute, Input, Label, Metric, Model, Observe, Observed,
    OfGroup, Require, Setting, SettingValue, Tune, TuneMember,
};

impl Builder<'_> {
    pub(super) fn model(&mut self, node: &Children<'_>) -> Option<Model> {
        self.bad_members(node, Rule::model_only);
        let mut model = Model { name: node.name()?, ..Model::default() };
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
            Rule::inputs_block => self.inputs(&node, model),
            Rule::group_clause => model.group.extend(node.name()),
            Rule::debias_clause => model.debias.extend(node.name()),
            Rule::impute_clause => {
                let strategy = self.expr_in(&node);
                let indicator = node.has(Rule::kw_indicator);
                model.impute.extend(strategy.map(|strategy| Impute { strategy, indicator }));
            }
            Rule::encode_clause => model.encode.extend(self.encode(&node)),
            Rule::calibrate_clause => model.calibrate.extend(self.named_entry(&node)),
            Rule::split_clause => model.split.extend(self.call_in(&node)),
            Rule::learn_clause => model.learn.extend(self.call_in(&node)),
            Rule::train_block => {
                self.bad_members(&node, Rule::setting_only);
                model.train.extend(node.each(Rule::setting).filter_map(|setting| self.setting(&setting)));
            }
            Rule::tune_block => model.tune.extend(self.tune(&node)),
            Rule::require_clause => model.require.extend(self.require(&node)),
            _ => {}
        }
    }

    /// A library entry, as a call or by its name alone.
    fn named_entry(&mut self, node: &Children<'_>) -> Option<Expr> {
        match node.first(Rule::call) {
            Some(call) => self.call(call.clone()).map(|call| Expr { span: call.span, kind: ExprKind::Call(call) }),
            None => node.name().map(|name| Expr::of_name(&name)),
        }
    }

    fn encode(&mut self, node: &Children<'_>) -> Option<Encode> {
        let encoded = |input: Children<'_>| {
            let one = input.open(Rule::field).and_then(|field| field.name()).map(OfGroup::One);
            let of_group = if input.has(Rule::every_field) { Some(OfGroup::Every) } else { one };
            Some(Encoded { name: input.name()?, of_group, span: input.span })
        };
        let inputs = node.each(Rule::encoded).filter_map(encoded).collect();
        Some(Encode { inputs, encoder: self.named_entry(node)? })
    }

    fn observe(&mut self, node: &Children<'_>) -> Option<Observe> {
        let filter = node.open(Rule::where_clause).and_then(|clause| self.expr_in(&clause));
        if let Some(ticks) = node.open(Rule::ticks) {
            let mut names = ticks.names().into_iter();
            let observed = Observed::Ticks { every: ticks.duration()?, entity: names.next()? };
            return Some(Observe { observed, source: names.next()?, filter });
        }
        Some(Observe { observed: Observed::Rows(self.expr_in(node)), source: node.name()?, filter })
    }

    fn inputs(&mut self, node: &Children<'_>, model: &mut Model) {
        model.inputs_span = node.first(Rule::kw_inputs).map(span);
        self.bad_members(node, Rule::input_only);
        for member in node.iter() {
            if member.as_rule() == Rule::allow_pii {
                let allow = allow(&Children::of(member.clone()));
                if let Some(Input::Definition(_, slot) | Input::Column(_, slot)) = model.inputs.last_mut() {
                    *slot = allow;
                } else if let Some(Input::Group(group)) = model.inputs.last_mut() {
                    group.allow = allow;
                }
            } else {
                model.inputs.extend(self.input(member.clone()));
            }
        }
        model.inputs.extend(node.broken_names().map(Input::Broken));
    }

    fn input(&mut self, member: Pair<'_, Rule>) -> Option<Input> {
        let rule = member.as_rule();
        let node = Children::of(member);
        match rule {
            Rule::definition => self.definition(&node).map(|definition| Input::Definition(definition, None)),
            Rule::group_input => self.group_input(&node).map(Input::Group),
            Rule::bare => node.name().map(|name| Input::Column(name, None)),
            _ => None,
        }
    }

    fn group_input(&mut self, node: &Children<'_>) -> Option<GroupInput> {
        let one = node.open(Rule::field).and_then(|field| field.name()).map(|name| vec![name]);
        Some(GroupInput {
            group: node.name()?,
            keys: node.open(Rule::keys).map(|keys| self.exprs(&keys)).unwrap_or_default(),
            features: node.open(Rule::some_fields).map(|some| some.names()).or(one),
            alias: node.open(Rule::alias).and_then(|alias| alias.name()),
            allow: None,
            span: node.span,
        })
    }

    fn setting(&mut self, node: &Children<'_>) -> Option<Setting> {
        let value = match node.open(Rule::arguments) {
            Some(list) => SettingValue::Arguments(self.arguments(&list)),
            None => SettingValue::Value(self.expr_in(node)?),
        };
        Some(Setting { name: node.name()?, value })
    }

    fn tune(&mut self, node: &Children<'_>) -> Option<Tune> {
        self.bad_members(node, Rule::tune_only);
        let search = self.named_entry(node);
        let mut members = Vec::new();
        for member in node.each(Rule::tune_member) {
            if let (Some(name), Some(space)) = (member.name(), self.expr_in(&member)) {
                members.push(TuneMember { name, space });
            }
        }
        Some(Tune {
            trials: node.int()?,
            search,
            maximize: node.has(Rule::kw_maximizing),
            metric: self.metric(&node.open(Rule::metric)?)?,
            members,
            span: node.first(Rule::kw_tune).map_or(node.span, span),
        })
    }

    fn metric(&mut self, node: &Children<'_>) -> Option<Metric> {
        let mut names = node.all(Rule::name).map(name);
        Some(Metric {
            part: names.next()?,
            name: names.next()?,
            arguments: node.open(Rule::arguments).map(|list| self.arguments(&list)).unwrap_or_default(),
            per: node.duration(),
            span: node.span,
        })
    }

    fn require(&mut self, node: &Children<'_>) -> Option<Require> {
        let bound = match node.open(Rule::between) {
            Some(between) => {
                let (low, high) = self.bounds(&between)?;
                Bound::Between(low, high)
            }
            None => {
                let bound = node.first(Rule::sum)?.clone();
                Bound::Compare(comparison_operator(node.first(Rule::compare)?)?, self.expr(bound)?)
            }
        };
        let slices = node.open(Rule::slices);
        Some(Require {
            metric: self.metric(&node.open(Rule::metric)?)?,
            by: slices.as_ref().and_then(Children::name),
            min: slices.as_ref().and_then(Children::int).map(|min| min.value),
            bound,
            span: node.span,
        })
    }
}

/// `allow pii because "reason"`
pub(super) fn allow(node: &Children<'_>) -> Option<Allow> {
    Some(Allow { reason: plain_text(node.first(Rule::string)?), span: node.span })
}
