//! Rollouts: how a new version takes over, or versions share requests.

use mlsys_diagnostics::Span;
use mlsys_plan::{Ab, AbortRule, Bandit, BlueGreen, Canary, Literal, Rollout, Type, Value, Variant};
use mlsys_syntax::Kind;
use mlsys_syntax::ast::{self, RolloutKind};

use super::{Context, positive};
use crate::condition::Measurable;
use crate::model::{ModelDef, model_of};
use crate::refer::refer;
use crate::report::{Reports, a};
use crate::scope::Scope;
use crate::source::{missing, only_one};

/// The alias of the version that answers when none is named.
const CHAMPION: &str = "champion";

/// The rollout of a deployment; a second one is an error.
pub(super) fn rollout(context: &Context<'_, '_>, reports: &mut Reports) -> Option<Rollout> {
    let tree = context.tree;
    let mut spans: Vec<(Span, &str)> = tree.rollouts.iter().map(|each| (each.span, each.kind.keyword())).collect();
    spans.extend(tree.shadow.iter().map(|variant| (variant.span, "shadow")));
    spans.sort();
    if let [(first, one), (second, other), ..] = spans.as_slice() {
        let item = reports.item().clone();
        reports
            .error(
                "E0608",
                *second,
                format!("`{one}` and `{other}` cannot decide about the same request"),
                "a second one",
            )
            .also(&item, *first, "the first one")
            .help("keep one of them, or make two deployments");
    }
    if let Some(shadow) = tree.shadow.first() {
        return variant(context, shadow, reports).map(Rollout::Shadow);
    }
    let written = tree.rollouts.first()?;
    only_fitting_clauses(written, reports);
    match written.kind {
        RolloutKind::Canary => canary(context, written, reports).map(Rollout::Canary),
        RolloutKind::Ab => ab(context, written, reports).map(Rollout::Ab),
        RolloutKind::Bandit => bandit(context, written, reports).map(Rollout::Bandit),
        RolloutKind::BlueGreen => {
            let hold = hold(written, reports);
            let abort = abort(context, written, reports);
            Some(Rollout::BlueGreen(BlueGreen { hold: hold?, abort: abort? }))
        }
    }
}

/// Clauses of other rollouts say nothing here.
fn only_fitting_clauses(written: &ast::Rollout, reports: &mut Reports) {
    let fitting: &[&str] = match written.kind {
        RolloutKind::Canary => &["steps", "hold", "abort"],
        RolloutKind::Ab => &["arms", "by", "reward", "hold", "abort"],
        RolloutKind::Bandit => &["arms", "reward", "policy"],
        RolloutKind::BlueGreen => &["hold", "abort"],
    };
    let clauses = [
        ("steps", written.steps.first().map(|steps| steps.span)),
        ("hold", written.hold.first().map(|hold| hold.span)),
        ("abort", written.abort.first().map(|abort| abort.span)),
        ("arms", written.arms.first().map(|(span, _)| *span)),
        ("by", written.by.first().map(|name| name.span)),
        ("reward", written.reward.first().map(|name| name.span)),
        ("policy", written.policy.first().map(|policy| policy.span)),
    ];
    for (clause, span) in clauses {
        let Some(span) = span.filter(|_| !fitting.contains(&clause)) else { continue };
        reports
            .error("E0608", span, format!("`{clause}` says nothing in `{}`", written.kind.keyword()), "not here")
            .help(format!("it has {}", crate::scope::listed(fitting)));
    }
}

/// What clauses that are missing in a rollout are called to be missing in.
fn name_of(written: &ast::Rollout) -> ast::Name {
    ast::Name { text: written.kind.keyword().to_owned(), span: written.span }
}

fn hold(written: &ast::Rollout, reports: &mut Reports) -> Option<i64> {
    let hold = only_one(&written.hold, |hold| hold.span, "hold", reports)
        .or_else(|| missing(&name_of(written), "hold", "`hold 10m`", reports))?;
    positive(*hold, reports)
}

fn canary(context: &Context<'_, '_>, written: &ast::Rollout, reports: &mut Reports) -> Option<Canary> {
    let steps = only_one(&written.steps, |steps| steps.span, "steps", reports)
        .or_else(|| missing(&name_of(written), "steps", "`steps [5%, 25%, 100%]`", reports));
    let hold = hold(written, reports);
    let steps = steps.and_then(|steps| shares(context, steps, reports));
    let abort = abort(context, written, reports);
    Some(Canary { steps: steps?, hold: hold?, abort: abort? })
}

/// When the new version is withdrawn. A bound looser than the budget would let a version through that breaks it.
fn abort(context: &Context<'_, '_>, written: &ast::Rollout, reports: &mut Reports) -> Option<Vec<AbortRule>> {
    let measurable = Measurable {
        constants: context.constants,
        kinds: &["signal"],
        inputs: &[],
        types: &[],
        complete: true,
        task: context.model.task,
    };
    let mut rules = Some(Vec::new());
    for clause in &written.abort {
        for condition in measurable.any_of(clause, reports) {
            let rule = condition.and_then(|each| {
                let (comparison, bound) = each.bound?;
                Some(AbortRule { metric: each.metric, comparison, bound })
            });
            if let (Some(rule), Some((quantile, budget))) = (&rule, context.tree.budget.first())
                && let Value::Duration(bound) = rule.bound
                && rule.metric == quantile.text
                && bound > budget.value
            {
                let item = reports.item().clone();
                reports
                    .warning("W0603", clause.span, "a version that breaks the budget is not withdrawn", "looser")
                    .also(&item, budget.span, "than the budget")
                    .help("withdraw it at the budget already");
            }
            rules = rules.zip(rule).map(|(mut rules, rule)| {
                rules.push(rule);
                rules
            });
        }
    }
    rules
}

/// Growing shares that end with everything.
fn shares(context: &Context<'_, '_>, written: &ast::Expr, reports: &mut Reports) -> Option<Vec<f64>> {
    let ast::ExprKind::List(items) = &written.kind else { return None };
    let mut shares: Vec<f64> = Vec::new();
    for item in items {
        let share = share(context, item, reports)?;
        let grows = share > shares.last().copied().unwrap_or(0.0) && share <= 1.0;
        if !grows {
            let message = "canary steps grow, from more than 0% to 100%";
            reports.error("E0601", item.span, message, format!("{}% does not grow", share * 100.0)).help(
                if share > 1.0 {
                    "a share is at most 100%: write five percent as `5%`"
                } else {
                    "put the steps in order, such as `[5%, 25%, 100%]`"
                },
            );
            return None;
        }
        shares.push(share);
    }
    if shares.last() != Some(&1.0) {
        reports
            .error("E0601", written.span, "the last canary step is not 100%", "the new version never takes over")
            .help("end the steps with `100%`");
        return None;
    }
    Some(shares)
}

fn share(context: &Context<'_, '_>, written: &ast::Expr, reports: &mut Reports) -> Option<f64> {
    let constants = &context.constants;
    let scope = Scope::constant(constants.db, constants.project, constants.file);
    match scope.literal(written, &Type::Float64, reports)? {
        Literal::Float(share) => Some(share),
        _ => None,
    }
}

fn ab(context: &Context<'_, '_>, written: &ast::Rollout, reports: &mut Reports) -> Option<Ab> {
    let arms = arms(context, written, reports)?;
    let by = only_one(&written.by, |name| name.span, "by", reports);
    if let Some(by) = by {
        in_request(context, by, reports);
    }
    let reward = only_one(&written.reward, |name| name.span, "reward", reports);
    if let Some(reward) = reward {
        rewarded(context, reward, reports);
    }
    let hold = only_one(&written.hold, |hold| hold.span, "hold", reports);
    let hold = hold.map(|hold| positive(*hold, reports));
    let abort = abort(context, written, reports);
    let mut shared = Vec::new();
    for (arm, variant) in &arms {
        let Some(share) = &arm.share else {
            let message = "an arm of `ab` says its share of requests";
            reports
                .error("E0607", arm.variant.span, message, "which share?")
                .help("write it as `fraud@candidate: 10%`");
            return None;
        };
        shared.push((variant.clone(), self::share(context, share, reports)?));
    }
    let total: f64 = shared.iter().map(|(_, share)| share).sum();
    if (total - 1.0).abs() > 1e-9 || shared.iter().any(|(_, share)| *share <= 0.0) {
        let span = written.arms.first().map_or(written.span, |(span, _)| *span);
        let message = format!("the shares make {}%", (total * 1000.0).round() / 10.0);
        reports
            .error("E0607", span, message, "not 100%, or an arm without requests")
            .help("give every arm more than 0%, and all of them 100%");
        return None;
    }
    Some(Ab {
        arms: shared,
        by: by.map(|name| name.text.clone()),
        reward: reward.map(|name| name.text.clone()),
        hold: hold.flatten(),
        abort: abort?,
    })
}

fn bandit(context: &Context<'_, '_>, written: &ast::Rollout, reports: &mut Reports) -> Option<Bandit> {
    let arms = arms(context, written, reports);
    let name = name_of(written);
    let reward = only_one(&written.reward, |name| name.span, "reward", reports)
        .or_else(|| missing(&name, "reward", "`reward clicked`", reports));
    let policy = only_one(&written.policy, |policy| policy.span, "policy", reports)
        .or_else(|| missing(&name, "policy", "`policy thompson(floor: 5%)`", reports));
    let policy = policy.and_then(|policy| context.constants.call("policy", policy, reports));
    if let Some(reward) = reward {
        rewarded(context, reward, reports);
    }
    let arms = arms?;
    if let Some((arm, share)) = arms.iter().find_map(|(arm, _)| Some((arm, arm.share.as_ref()?))) {
        let message = format!("a bandit finds the share of `{}` by itself", arm.variant.model.text);
        reports.error("E0608", share.span, message, "says nothing here").help("remove it, or use `ab`");
    }
    let arms = arms.into_iter().map(|(_, variant)| variant).collect();
    Some(Bandit { arms, reward: reward?.text.clone(), policy: policy?.0 })
}

/// The arms, two or more and all different.
fn arms<'a>(
    context: &Context<'a, '_>,
    written: &'a ast::Rollout,
    reports: &mut Reports,
) -> Option<Vec<(&'a ast::Arm, Variant)>> {
    let (span, written_arms) = only_one(&written.arms, |(span, _)| *span, "arms", reports)
        .or_else(|| missing(&name_of(written), "arms", "`arms [fraud@champion, fraud@candidate]`", reports))?;
    let mut arms: Vec<(&ast::Arm, Variant)> = Vec::new();
    for arm in written_arms {
        let found = variant(context, &arm.variant, reports)?;
        if arms.iter().any(|(_, known)| *known == found) {
            let message = format!("`{}@{}` is named twice", found.model, found.alias);
            reports.error("E0203", arm.variant.span, message, "named a second time").help("remove one of them");
            return None;
        }
        arms.push((arm, found));
    }
    if arms.len() < 2 {
        reports
            .error("E0608", *span, "there is nothing to compare with one arm", "one arm only")
            .help("name a second version");
        return None;
    }
    Some(arms)
}

/// A version that may answer in the model's place.
fn variant(context: &Context<'_, '_>, written: &ast::Variant, reports: &mut Reports) -> Option<Variant> {
    let constants = &context.constants;
    let item = refer(constants, &written.model, Kind::Model, reports)?;
    let other = model_of(constants.db, constants.project, item).value.as_ref();
    if let Some(other) = other.filter(|other| other.name != context.model.name) {
        agrees(context.model, other, written, reports)?;
    }
    let alias = written.alias.as_ref().map_or(CHAMPION, |alias| &alias.text);
    Some(Variant { model: written.model.text.clone(), alias: alias.to_owned() })
}

/// Versions that share requests take the same requests and give the same kind of answer.
fn agrees(model: &ModelDef, other: &ModelDef, written: &ast::Variant, reports: &mut Reports) -> Option<()> {
    let problem = if model.task != other.task && model.task.is_some() && other.task.is_some() {
        Some(format!("`{}` gives another kind of prediction than `{}`", other.name, model.name))
    } else {
        other.request.iter().find_map(|field| {
            let same = model.request.iter().find(|known| known.name == field.name);
            match same {
                None => Some(format!(
                    "`{}` needs `{}`, which requests for `{}` do not carry",
                    other.name, field.name, model.name
                )),
                Some(known) if known.ty != field.ty => Some(format!(
                    "`{}` is {} for `{}` and {} for `{}`",
                    field.name,
                    a(&known.ty),
                    model.name,
                    a(&field.ty),
                    other.name
                )),
                Some(_) => None,
            }
        })
    };
    let Some(problem) = problem else { return Some(()) };
    reports
        .error("E0603", written.span, problem, "cannot answer the same requests")
        .also(&other.item, other.name_span, "declared here")
        .help("let both observe the same source and predict the same");
    None
}

/// A column of the request that decides which version answers.
fn in_request(context: &Context<'_, '_>, name: &ast::Name, reports: &mut Reports) {
    if context.model.request.iter().any(|field| field.name == name.text) {
        return;
    }
    let known: Vec<&str> = context.model.request.iter().map(|field| field.name.as_str()).collect();
    reports
        .error("E0202", name.span, format!("a request does not carry `{}`", name.text), "not in the request")
        .help(format!("a request carries {}", crate::scope::listed(&known)))
        .did_you_mean(mlsys_diagnostics::nearest(&name.text, known));
}

/// The reward is a column of the observed source: a number or a truth value.
fn rewarded(context: &Context<'_, '_>, name: &ast::Name, reports: &mut Reports) {
    let Some(source) = context.source else { return };
    let Some(column) = source.column(&name.text) else {
        if source.intact {
            let known: Vec<&str> = source.columns.iter().map(|column| column.name.as_str()).collect();
            let message = format!("the source `{}` has no column `{}`", source.name, name.text);
            reports
                .error("E0202", name.span, message, "no such column")
                .help("a reward is a column of the observed source, known after the answer")
                .did_you_mean(mlsys_diagnostics::nearest(&name.text, known));
        }
        return;
    };
    let Some(ty) = &column.ty else { return };
    if ty.ty != Type::Bool && !ty.ty.is_numeric() {
        reports
            .error(
                "E0305",
                name.span,
                format!("a reward is a number or a bool, `{}` is {}", name.text, a(ty)),
                "no reward",
            )
            .help("derive one in the source");
    }
}
