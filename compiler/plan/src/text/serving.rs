//! Deployments and monitors as text.

use std::fmt::{self, Write};

use super::duration;
use crate::serving::{
    Ab, AbortRule, Bandit, BlueGreen, Canary, Deployment, Fallback, Monitor, MonitorCondition, Rollout, Scoring,
    Variant,
};

pub(super) fn write_deployment(out: &mut String, deployment: &Deployment) -> fmt::Result {
    for stage in &deployment.stages {
        match stage.keep {
            Some(keep) => writeln!(out, "  stage {} keep {keep}", stage.model)?,
            None => writeln!(out, "  model {}", stage.model)?,
        }
    }
    for endpoint in &deployment.endpoints {
        writeln!(out, "  serve {}", endpoint.transport)?;
    }
    for scoring in &deployment.scoring {
        writeln!(out, "  score {}", scoring_text(scoring))?;
    }
    for export in &deployment.exports {
        writeln!(out, "  export {export}")?;
    }
    for field in &deployment.request {
        writeln!(out, "  request {}: {}", field.name, field.ty)?;
    }
    if !deployment.groups.is_empty() {
        writeln!(out, "  look up {}", deployment.groups.join(", "))?;
    }
    write_limits(out, deployment)?;
    if let Some(rollout) = &deployment.rollout {
        write_rollout(out, rollout)?;
    }
    for expectation in &deployment.expectations {
        writeln!(out, "  expect {}", condition_text(expectation))?;
    }
    if let Some(share) = deployment.log {
        let sample = if share < 1.0 { format!(" sample {share}") } else { String::new() };
        writeln!(out, "  log predictions{sample}")?;
    }
    if let Some(reason) = &deployment.allow_pii {
        writeln!(out, "  allow pii because {reason:?}")?;
    }
    Ok(())
}

fn write_limits(out: &mut String, deployment: &Deployment) -> fmt::Result {
    if let Some(budget) = &deployment.budget {
        writeln!(out, "  budget {} {}", budget.quantile, duration(budget.latency))?;
    }
    if let Some(fresh) = deployment.fresh {
        writeln!(out, "  fresh within {}", duration(fresh))?;
    }
    if let Some(cache) = deployment.cache {
        writeln!(out, "  cache {}", duration(cache))?;
    }
    match &deployment.fallback {
        None => {}
        Some(Fallback::Number(number)) => writeln!(out, "  fallback {number}")?,
        Some(Fallback::Feature(name)) => writeln!(out, "  fallback {name}")?,
        Some(Fallback::Call(call)) => writeln!(out, "  fallback {call}")?,
    }
    if let Some(limit) = &deployment.limit {
        writeln!(out, "  limit {} per {}", limit.count, duration(limit.per))?;
    }
    for (word, call) in [("", &deployment.batch), ("auth ", &deployment.auth), ("explain ", &deployment.explain)] {
        if let Some(call) = call {
            writeln!(out, "  {word}{call}")?;
        }
    }
    Ok(())
}

fn scoring_text(scoring: &Scoring) -> String {
    let mut text = match &scoring.source {
        Some(source) => source.clone(),
        None => "observations".to_owned(),
    };
    if scoring.stream {
        text.push_str(" as they come");
    }
    if let Some(every) = scoring.every {
        text += &format!(" every {}", duration(every));
    }
    if let Some(at) = &scoring.at {
        let day = at.day.map(|day| format!("day {day} ")).unwrap_or_default();
        text += &format!(" at {day}{:02}:{:02}", at.minute / 60, at.minute % 60);
    }
    text += &format!(" into {}", scoring.into);
    if let Some(filter) = &scoring.filter {
        text += &format!(" where {filter}");
    }
    text
}

fn write_rollout(out: &mut String, rollout: &Rollout) -> fmt::Result {
    match rollout {
        Rollout::Canary(Canary { steps, hold, abort }) => {
            writeln!(out, "  canary steps {steps:?} hold {}", duration(*hold))?;
            write_abort(out, abort)
        }
        Rollout::Shadow(variant) => writeln!(out, "  shadow {}", variant_text(variant)),
        Rollout::Ab(Ab { arms, by, reward, hold, abort }) => {
            let arms: Vec<String> =
                arms.iter().map(|(variant, share)| format!("{}: {share}", variant_text(variant))).collect();
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            let reward = reward.as_ref().map(|reward| format!(" reward {reward}")).unwrap_or_default();
            let hold = hold.map(|hold| format!(" hold {}", duration(hold))).unwrap_or_default();
            writeln!(out, "  ab [{}]{by}{reward}{hold}", arms.join(", "))?;
            write_abort(out, abort)
        }
        Rollout::Bandit(Bandit { arms, reward, policy }) => {
            let arms: Vec<String> = arms.iter().map(variant_text).collect();
            writeln!(out, "  bandit [{}] reward {reward} policy {policy}", arms.join(", "))
        }
        Rollout::BlueGreen(BlueGreen { hold, abort }) => {
            writeln!(out, "  blue_green hold {}", duration(*hold))?;
            write_abort(out, abort)
        }
    }
}

fn write_abort(out: &mut String, rules: &[AbortRule]) -> fmt::Result {
    for rule in rules {
        writeln!(out, "  abort when {} {} {}", rule.metric, rule.comparison.symbol(), rule.bound)?;
    }
    Ok(())
}

fn variant_text(variant: &Variant) -> String {
    format!("{}@{}", variant.model, variant.alias)
}

pub(super) fn write_monitor(out: &mut String, monitor: &Monitor) -> fmt::Result {
    writeln!(out, "  watch {}", monitor.deployment)?;
    if let Some(outcome) = &monitor.outcome {
        let filter = outcome.filter.as_ref().map(|filter| format!(" where {filter}")).unwrap_or_default();
        writeln!(out, "  outcome {}{filter}", outcome.source)?;
    }
    for rule in &monitor.rules {
        let over = rule.over.map(|over| format!(" over {}", duration(over))).unwrap_or_default();
        let windows = rule.windows.map(|windows| format!(" for {windows} windows")).unwrap_or_default();
        writeln!(out, "  when {}{over}{windows} then {}", condition_text(&rule.condition), rule.action)?;
    }
    Ok(())
}

fn condition_text(condition: &MonitorCondition) -> String {
    let named = condition.args.iter().map(|(name, value)| format!("{name}: {value}"));
    let arguments: Vec<String> = condition.inputs.iter().cloned().chain(named).collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    let bound = condition.bound.as_ref();
    let bound = bound.map(|(comparison, value)| format!(" {} {value}", comparison.symbol())).unwrap_or_default();
    format!("{}{arguments}{bound}", condition.metric)
}
