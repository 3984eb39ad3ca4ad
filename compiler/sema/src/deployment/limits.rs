//! What answers may cost: latency, age, rate, batches.

use mlsys_plan::{Call, RateLimit, ServingBudget, Value};
use mlsys_syntax::ast;

use super::{Context, positive};
use crate::args::Constants;
use crate::features::features_of;
use crate::library::overloads;
use crate::report::Reports;
use crate::scope::listed;
use crate::source::only_one;

/// How often a group is brought up to date where neither a stream nor `refresh` says: once a day, in microseconds.
const DAILY: i64 = 86_400_000_000;

/// The limits of a deployment.
pub(super) struct Limits {
    pub(super) budget: Option<ServingBudget>,
    pub(super) fresh: Option<i64>,
    pub(super) cache: Option<i64>,
    pub(super) batch: Option<Call>,
    pub(super) limit: Option<RateLimit>,
    pub(super) auth: Option<Call>,
    pub(super) explain: Option<Call>,
}

pub(super) fn limits(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Limits {
    let duration = |clauses: &[ast::Spanned<i64>], keyword: &str, reports: &mut Reports| {
        only_one(clauses, |clause| clause.span, keyword, reports).and_then(|clause| positive(*clause, reports))
    };
    let nested = |clauses: &[ast::Expr], keyword: &str, kind: &str, reports: &mut Reports| {
        let written = only_one(clauses, |clause| clause.span, keyword, reports)?;
        constants.nested(kind, written, reports)
    };
    let batch = only_one(&tree.batch, |(name, _)| name.span, "batch", reports);
    let batch = batch.and_then(|(name, arguments)| {
        let call = ast::Call { arguments: arguments.clone(), ..ast::Call::bare(name.clone()) };
        constants.call("knob", &call, reports).map(|(call, _)| call)
    });
    Limits {
        budget: budget(constants, tree, reports),
        fresh: duration(&tree.fresh, "fresh", reports),
        cache: duration(&tree.cache, "cache", reports),
        batch,
        limit: limit(tree, reports),
        auth: nested(&tree.auth, "auth", "auth", reports),
        explain: nested(&tree.explain, "explain", "explainer", reports),
    }
}

fn budget(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Option<ServingBudget> {
    let (quantile, latency) = only_one(&tree.budget, |(name, _)| name.span, "budget", reports)?;
    let known = ["p50", "p95", "p99"];
    let signals = overloads(constants.db, constants.project, "signal", &quantile.text);
    if signals.is_empty() || !known.contains(&quantile.text.as_str()) {
        let message = format!("`{}` is no latency", quantile.text);
        reports
            .error("E0602", quantile.span, message, "not a latency")
            .help(format!("bound a quantile, one of {}: `budget p99 20ms`", listed(&known)));
        return None;
    }
    Some(ServingBudget { quantile: quantile.text.clone(), latency: positive(*latency, reports)? })
}

fn limit(tree: &ast::Deployment, reports: &mut Reports) -> Option<RateLimit> {
    let written = only_one(&tree.limit, |limit| limit.span, "limit", reports)?;
    let count = u64::try_from(written.value.count).ok().filter(|count| *count > 0 && written.value.count < i64::MAX);
    if count.is_none() {
        reports
            .error("E0314", written.span, "a limit lets at least one request through", "lets nothing through")
            .help("give it a rate, such as `2000/s`");
    }
    Some(RateLimit { count: count?, per: written.value.per })
}

/// What the clauses say together.
pub(super) fn check(context: &Context<'_, '_>, limits: &Limits, reports: &mut Reports) {
    delay_within_budget(context, limits, reports);
    fresh_enough(context, limits, reports);
}

/// A request that waits for others longer than an answer may take cannot be answered in time.
fn delay_within_budget(context: &Context<'_, '_>, limits: &Limits, reports: &mut Reports) {
    let (Some(budget), Some(batch)) = (&limits.budget, &limits.batch) else { return };
    let Some(Value::Duration(delay)) = batch.args.get("delay") else { return };
    if *delay < budget.latency {
        return;
    }
    let (Some((keyword, arguments)), Some((_, written))) = (context.tree.batch.first(), context.tree.budget.first())
    else {
        return;
    };
    let named = arguments.iter().find(|each| each.name.as_ref().is_some_and(|name| name.text == "delay"));
    let span = named.map_or(keyword.span, |argument| argument.value.span);
    let item = reports.item().clone();
    reports
        .error("E0605", span, "requests wait for each other longer than an answer may take", "waits this long")
        .also(&item, written.span, "an answer may take this long")
        .help("wait for less than the budget, or give answers more time");
}

/// Features cannot be younger than their source brings them, and answers not younger than the cache lets them grow.
fn fresh_enough(context: &Context<'_, '_>, limits: &Limits, reports: &mut Reports) {
    let (Some(fresh), Some(written)) = (limits.fresh, context.tree.fresh.first()) else { return };
    let item = reports.item().clone();
    if let (Some(cache), Some(cached)) = (limits.cache, context.tree.cache.first())
        && cache > fresh
    {
        reports
            .error("E0606", written.span, "a cached answer may be older than is allowed", "no older than this")
            .also(&item, cached.span, "kept for this long")
            .help("keep answers for a shorter time");
    }
    let constants = &context.constants;
    for read in &context.model.groups {
        let found = read.item.find(constants.db, constants.project);
        let group = found.and_then(|item| features_of(constants.db, constants.project, item).value.as_ref());
        let Some(group) = group.filter(|group| !group.live && group.refresh.unwrap_or(DAILY) > fresh) else { continue };
        let how = if group.refresh.is_some() { "as its `refresh` says" } else { "once a day" };
        let message = format!("`{}` has no stream and is brought up to date {how}", group.name);
        reports
            .error("E0606", written.span, message, "no older than this")
            .also(&group.item, group.name_span, "older than that between two refreshes")
            .help(format!("give `{}` a `stream`, or the group `refresh every …`", group.source));
    }
}
