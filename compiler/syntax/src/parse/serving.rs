//! Deployments and monitors.

use pest::iterators::Pair;

use super::children::{Children, name, span};
use super::model::allow;
use super::{Builder, Rule};
use crate::ast::{
    Arm, Clock, Deployment, Expr, ExprKind, Log, Monitor, Outcome, Rate, Rollout, RolloutKind, Score, Spanned, Stage,
    Variant, When,
};

impl Builder<'_> {
    pub(super) fn deployment(&mut self, node: &Children<'_>) -> Option<Deployment> {
        self.bad_members(node, Rule::deployment_only);
        let mut deployment = Deployment { name: node.name()?, ..Deployment::default() };
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
            Rule::stage_clause => {
                let stage = node.name().zip(node.int()).map(|(model, keep)| Stage { model, keep });
                deployment.stages.extend(stage);
            }
            Rule::serve_clause => deployment.serve.extend(self.call_in(&node)),
            Rule::score_clause => {
                let score = self.score(&node);
                deployment.score.push(score);
            }
            Rule::export_clause => deployment.export.extend(self.call_in(&node)),
            Rule::budget_clause => deployment.budget.extend(node.name().zip(node.duration())),
            Rule::fresh_clause => deployment.fresh.extend(node.duration()),
            Rule::cache_clause => deployment.cache.extend(node.duration()),
            Rule::batch_clause => {
                let arguments = node.open(Rule::arguments).map(|list| self.arguments(&list)).unwrap_or_default();
                deployment.batch.extend(node.first(Rule::kw_batch).map(|keyword| (name(keyword), arguments)));
            }
            Rule::fallback_clause => deployment.fallback.extend(self.expr_in(&node)),
            Rule::limit_clause => deployment.limit.extend(node.first(Rule::rate).and_then(rate)),
            Rule::auth_clause => deployment.auth.extend(self.expr_in(&node)),
            Rule::explain_clause => deployment.explain.extend(self.expr_in(&node)),
            Rule::expect_that => deployment.expect.extend(self.expr_in(&node)),
            Rule::shadow_clause => deployment.shadow.extend(node.open(Rule::variant).and_then(|each| variant(&each))),
            Rule::rollout_block => deployment.rollouts.extend(self.rollout(&node)),
            Rule::log_clause => {
                let sample = node.first(Rule::sum).cloned().and_then(|share| self.expr(share));
                deployment.log.extend(node.name().map(|what| Log { what, sample }));
            }
            Rule::allow_pii => deployment.allow.extend(allow(&node)),
            _ => {}
        }
    }

    fn score(&mut self, node: &Children<'_>) -> Score {
        let every = node.open(Rule::score_every).and_then(|every| every.duration());
        let at = node.open(Rule::score_at).and_then(|at| clock(&at));
        Score {
            source: node.name(),
            stream: node.has(Rule::kw_stream),
            every,
            at,
            into: self.call_in(node),
            filter: node.open(Rule::where_clause).and_then(|clause| self.expr_in(&clause)),
            span: node.span,
        }
    }

    fn rollout(&mut self, node: &Children<'_>) -> Option<Rollout> {
        self.bad_members(node, Rule::rollout_only);
        let (keyword, kind) = rollout_kind(node)?;
        let mut rollout = Rollout {
            kind,
            span: keyword,
            steps: Vec::new(),
            hold: Vec::new(),
            abort: Vec::new(),
            arms: Vec::new(),
            by: Vec::new(),
            reward: Vec::new(),
            policy: Vec::new(),
        };
        for member in node.iter() {
            let rule = member.as_rule();
            let child = Children::of(member.clone());
            match rule {
                Rule::steps_clause => {
                    rollout.steps.extend(child.first(Rule::list).and_then(|list| self.expr(list.clone())));
                }
                Rule::hold_clause => rollout.hold.extend(child.duration()),
                Rule::abort_clause => rollout.abort.extend(self.expr_in(&child)),
                Rule::arms_clause => {
                    let arms = child.each(Rule::arm).filter_map(|arm| self.arm(&arm)).collect();
                    rollout.arms.push((child.first(Rule::kw_arms).map_or(child.span, span), arms));
                }
                Rule::by_clause => rollout.by.extend(child.name()),
                Rule::reward_clause => rollout.reward.extend(child.name()),
                Rule::policy_clause => rollout.policy.extend(self.call_in(&child)),
                _ => {}
            }
        }
        Some(rollout)
    }

    fn arm(&mut self, node: &Children<'_>) -> Option<Arm> {
        let share = node.first(Rule::sum).cloned().and_then(|share| self.expr(share));
        Some(Arm { variant: variant(&node.open(Rule::variant)?)?, share })
    }

    pub(super) fn monitor(&mut self, node: &Children<'_>) -> Option<Monitor> {
        self.bad_members(node, Rule::monitor_only);
        let mut monitor = Monitor { name: node.name()?, ..Monitor::default() };
        monitor.watch = node.each(Rule::watch_clause).filter_map(|clause| clause.name()).collect();
        for clause in node.each(Rule::outcome_clause) {
            let filter = clause.open(Rule::where_clause).and_then(|filter| self.expr_in(&filter));
            monitor.outcome.extend(clause.name().map(|source| Outcome { source, filter }));
        }
        monitor.when = node.each(Rule::when_clause).filter_map(|clause| self.when(&clause)).collect();
        Some(monitor)
    }

    fn when(&mut self, node: &Children<'_>) -> Option<When> {
        let mut names = node.all(Rule::name).map(name);
        let action = names.next()?;
        let target = match node.first(Rule::call) {
            Some(call) => {
                let call = self.call(call.clone())?;
                Expr { span: call.span, kind: ExprKind::Call(call) }
            }
            None => Expr::of_name(&names.next()?),
        };
        let windows = node.open(Rule::for_windows).and_then(|windows| windows.int());
        Some(When { condition: self.expr_in(node)?, over: node.duration(), windows, action, target, span: node.span })
    }
}

fn rollout_kind(node: &Children<'_>) -> Option<(mlsys_diagnostics::Span, RolloutKind)> {
    let kinds = [
        (Rule::kw_canary, RolloutKind::Canary),
        (Rule::kw_ab, RolloutKind::Ab),
        (Rule::kw_bandit, RolloutKind::Bandit),
        (Rule::kw_blue_green, RolloutKind::BlueGreen),
    ];
    kinds.into_iter().find_map(|(rule, kind)| node.first(rule).map(|keyword| (span(keyword), kind)))
}

fn variant(node: &Children<'_>) -> Option<Variant> {
    let mut names = node.names().into_iter();
    Some(Variant { model: names.next()?, alias: names.next(), span: node.span })
}

fn clock(node: &Children<'_>) -> Option<Clock> {
    let time = node.first(Rule::clock)?;
    let (hours, minutes) = time.as_str().split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes);
    Some(Clock { day: node.name(), minute, span: span(time) })
}

fn rate(pair: &Pair<'_, Rule>) -> Option<Spanned<Rate>> {
    let (count, unit) = pair.as_str().split_once('/')?;
    let count = count.replace('_', "").parse().unwrap_or(i64::MAX);
    let per = crate::time::duration(&format!("1{unit}"))?;
    Some(Spanned { value: Rate { count, per }, span: span(pair) })
}
