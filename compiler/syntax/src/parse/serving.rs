//! Deployments and monitors.

use pest::iterators::Pair;

use super::children::{Children, span};
use super::expr::name_of;
use super::{Builder, Rule};
use crate::ast::{Canary, Deployment, Expr, ExprKind, Monitor, When};

impl Builder<'_> {
    pub(super) fn deployment(&mut self, node: &Children<'_>) -> Option<Deployment> {
        self.bad_members(node, Rule::deployment_only);
        let mut deployment = Deployment {
            name: node.name()?,
            model: Vec::new(),
            serve: Vec::new(),
            budget: Vec::new(),
            cache: Vec::new(),
            fallback: Vec::new(),
            canary: Vec::new(),
            log: Vec::new(),
        };
        for member in node.iter() {
            self.deployment_member(member.clone(), &mut deployment);
        }
        Some(deployment)
    }

    fn deployment_member(&mut self, member: Pair<'_, Rule>, deployment: &mut Deployment) {
        let rule = member.as_rule();
        let node = Children::of(member);
        match rule {
            Rule::uses_model => deployment.model.extend(node.name()),
            Rule::serve_clause => deployment.serve.extend(self.call_in(&node)),
            Rule::budget_clause => deployment.budget.extend(node.name().zip(node.duration())),
            Rule::cache_clause => deployment.cache.extend(node.duration()),
            Rule::fallback_clause => deployment.fallback.extend(self.expr_in(&node)),
            Rule::canary_block => {
                let canary = self.canary(&node);
                deployment.canary.push(canary);
            }
            Rule::log_clause => deployment.log.extend(node.name()),
            _ => {}
        }
    }

    fn canary(&mut self, node: &Children<'_>) -> Canary {
        self.bad_members(node, Rule::canary_only);
        let span = node.first(Rule::kw_canary).map_or(node.span, span);
        let mut canary = Canary { span, steps: Vec::new(), hold: Vec::new(), abort: Vec::new() };
        for clause in node.each(Rule::steps_clause) {
            canary.steps.extend(clause.first(Rule::list).and_then(|list| self.expr(list.clone())));
        }
        for clause in node.each(Rule::hold_clause) {
            canary.hold.extend(clause.duration());
        }
        for clause in node.each(Rule::abort_clause) {
            canary.abort.extend(self.expr_in(&clause));
        }
        canary
    }

    pub(super) fn monitor(&mut self, node: &Children<'_>) -> Option<Monitor> {
        self.bad_members(node, Rule::monitor_only);
        let watch = node.each(Rule::watch_clause).filter_map(|clause| clause.name()).collect();
        let when = node.each(Rule::when_clause).filter_map(|clause| self.when(&clause)).collect();
        Some(Monitor { name: node.name()?, watch, when })
    }

    fn when(&mut self, node: &Children<'_>) -> Option<When> {
        let mut names = node.all(Rule::name);
        let action = name_of(names.next()?);
        let target = match node.first(Rule::call) {
            Some(call) => {
                let call = self.call(call.clone())?;
                Expr { span: call.span, kind: ExprKind::Call(call) }
            }
            None => {
                let target = name_of(names.next()?);
                Expr { span: target.span, kind: ExprKind::Name(target.text) }
            }
        };
        Some(When { condition: self.expr_in(node)?, over: node.duration(), action, target, span: node.span })
    }
}
