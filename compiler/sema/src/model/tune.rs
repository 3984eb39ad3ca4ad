//! `tune`: a search over arguments and settings.

use std::collections::BTreeMap;

use mlsys_diagnostics::nearest;
use mlsys_plan::{Call, Dimension, Part, Tune, Type, Value};
use mlsys_syntax::ast;

use super::split::{help_to_validate, validates};
use super::training::{Judged, Tunable};
use crate::args::part_of;
use crate::library::SlotType;
use crate::report::Reports;
use crate::scope::listed;
use crate::source::only_one;

/// The most trials of a search.
const MOST_TRIALS: i64 = 100_000;

/// The search; the outer none is a mistake, the inner one no search.
pub(super) fn tune(judged: &Judged<'_, '_>, reports: &mut Reports) -> Option<Option<Tune>> {
    let model = judged.context.model;
    let Some(written) = only_one(&model.tune, |tune| tune.span, "tune", reports) else { return Some(None) };
    let constants = &judged.context.constants;
    let default = ast::Expr::of_name(&ast::Name { text: "tpe".to_owned(), span: written.span });
    let search = constants.nested("search", written.search.as_ref().unwrap_or(&default), reports);
    let part = part_of(&written.metric.part, reports);
    let metric = judged.metric(&written.metric, reports);
    if let Some(part) = part {
        looks_only_where_it_may(written, part, model, reports);
    }
    if let Some((_, signature)) = &metric
        && signature.is_error() == written.maximize
    {
        let (goal, other) = if written.maximize { ("large", "minimizing") } else { ("small", "maximizing") };
        let message = format!("the search makes `{}` {goal}, which makes the model worse", signature.name);
        reports.warning("W0604", written.metric.span, message, "the wrong way around").help(format!("write `{other}`"));
    }
    let trials = u32::try_from(written.trials.value).ok().filter(|_| (1..=MOST_TRIALS).contains(&written.trials.value));
    if trials.is_none() {
        let message = format!("a search has 1 to {MOST_TRIALS} trials, this is {}", written.trials.value);
        reports.error("E0314", written.trials.span, message, "outside of its bounds").help("name a number of trials");
    }
    if written.members.is_empty() {
        reports
            .error("E0209", written.span, "the search has nothing to search", "is empty")
            .help("name what is searched, such as `lr in log(1e-4, 1e-2)`");
    }
    let mut space = Vec::new();
    for (index, member) in written.members.iter().enumerate() {
        if let Some(first) = written.members[..index].iter().find(|known| known.name.text == member.name.text) {
            let item = reports.item().clone();
            reports
                .error("E0203", member.name.span, format!("`{}` is searched twice", member.name.text), "a second time")
                .also(&item, first.name.span, "first here")
                .help("remove one of them");
        }
        space.push(dimension(judged, member, search.as_ref(), reports));
    }
    let (metric, _) = metric?;
    Some(Some(Tune {
        trials: trials?,
        search: search?,
        maximize: written.maximize,
        part: part?,
        metric,
        space: space.into_iter().collect::<Option<_>>()?,
    }))
}

/// A search that looks at the test part would choose by what is to judge.
fn looks_only_where_it_may(written: &ast::Tune, part: Part, model: &ast::Model, reports: &mut Reports) {
    let metric = &written.metric;
    if part != Part::Validate {
        reports
            .error(
                "E0412",
                metric.span,
                format!("a search cannot choose by the {part} part"),
                "looks at the wrong part",
            )
            .help(format!("search by `validate.{}`", metric.name.text));
    } else if !validates(model) {
        reports
            .error("E0211", metric.span, "there is no validation part to search by", "needs a validation part")
            .help(help_to_validate(model));
    }
}

/// `x in space`
fn dimension(
    judged: &Judged<'_, '_>,
    written: &ast::TuneMember,
    search: Option<&Call>,
    reports: &mut Reports,
) -> Option<Dimension> {
    let name = &written.name;
    let tunable = judged.tunable();
    // Without a learner nothing is known of what could be searched.
    judged.training?;
    let Some(found) = tunable.iter().find(|each| each.name == name.text) else {
        let known: Vec<&str> = tunable.iter().map(|each| each.name.as_str()).collect();
        reports
            .error(
                "E0612",
                name.span,
                format!("neither learner nor training has `{}`", name.text),
                "not to be searched",
            )
            .help(format!("there is {}", listed(&known)))
            .did_you_mean(nearest(&name.text, known));
        return None;
    };
    let space = match &written.space.kind {
        ast::ExprKind::List(items) => choice(judged, items, found, written.space.span, reports)?,
        _ => range(judged, written, found, search, reports)?,
    };
    Some(Dimension { name: name.text.clone(), of: found.of, space })
}

/// A list of values of the argument's own type.
fn choice(
    judged: &Judged<'_, '_>,
    items: &[ast::Expr],
    tunable: &Tunable<'_>,
    span: mlsys_diagnostics::Span,
    reports: &mut Reports,
) -> Option<Call> {
    if items.is_empty() {
        reports.error("E0612", span, "there is nothing to choose from", "is empty").help("name at least one value");
        return None;
    }
    let constants = &judged.context.constants;
    let values: Vec<Option<Value>> =
        items.iter().map(|item| constants.value(tunable.signature, tunable.parameter, item, reports)).collect();
    let values = values.into_iter().collect::<Option<_>>()?;
    Some(Call { name: "choice".to_owned(), args: BTreeMap::from([("of".to_owned(), Value::List(values))]) })
}

/// A range of numbers.
fn range(
    judged: &Judged<'_, '_>,
    written: &ast::TuneMember,
    tunable: &Tunable<'_>,
    search: Option<&Call>,
    reports: &mut Reports,
) -> Option<Call> {
    let call = judged.context.constants.nested("space", &written.space, reports)?;
    let (parameter, signature, span) = (tunable.parameter, tunable.signature, written.space.span);
    let is_integer = matches!(&parameter.ty, SlotType::Value(ty) if ty.ty == Type::Int64);
    let is_float = matches!(&parameter.ty, SlotType::Value(ty) if ty.ty == Type::Float64);
    let fits = if call.name == "integer" { is_integer } else { is_float };
    if !fits {
        let message = format!("`{}` does not take values of `{}(…)`", written.name.text, call.name);
        let help = match (is_integer, is_float) {
            (true, _) => "take whole numbers: `integer(low, high)`, or a list of values",
            (_, true) => "take numbers: `uniform(low, high)` or `log(low, high)`, or a list of values",
            _ => "list the values it may take: `in [a, b]`",
        };
        reports.error("E0612", span, message, "of another type").help(help);
        return None;
    }
    let (low, high) = (call.float("low")?, call.float("high")?);
    if low >= high {
        reports
            .error("E0612", span, format!("there is nothing between {low} and {high}"), "is empty")
            .help("write the smaller bound first");
        return None;
    }
    if search.is_some_and(|search| search.name == "grid") && call.name != "integer" {
        reports
            .error("E0612", span, "a grid needs single values, a range has too many", "not a list")
            .help("list the values, or search with `tpe` or `random`");
        return None;
    }
    if let Some((least, most)) = parameter.bounds.filter(|(least, most)| low < *least || high > *most) {
        let message = format!("`{}` of `{}` lies between {least} and {most}", parameter.name, signature.name);
        reports.error("E0314", span, message, "reaches outside of its bounds").help("make the range smaller");
        return None;
    }
    Some(call)
}
