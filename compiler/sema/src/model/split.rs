//! How examples are divided.

use mlsys_plan::{Call, Split, TimeSplit, Value};
use mlsys_syntax::ast;

use super::{Context, Inputs};
use crate::args::Constants;
use crate::report::Reports;
use crate::source::{missing, only_one};

/// The division of the examples.
pub(super) fn split(constants: &Constants<'_>, model: &ast::Model, reports: &mut Reports) -> Option<Split> {
    let written = only_one(&model.split, |call| call.span, "split", reports)
        .or_else(|| missing(&model.name, "split", "`split time(validate: @2024-06-01, test: @2024-07-01)`", reports))?;
    let (call, _) = constants.call("split", written, reports)?;
    if call.name == "time" { time(&call, written, reports).map(Split::Time) } else { shares(call, written, reports) }
}

/// The boundaries between the parts.
fn time(call: &Call, written: &ast::Call, reports: &mut Reports) -> Option<TimeSplit> {
    let at = |name: &str| match call.args.get(name) {
        Some(Value::Timestamp(micros)) => Some(*micros),
        _ => None,
    };
    let split = TimeSplit { from: at("from"), validate: at("validate"), test: at("test")?, until: at("until") };
    let named =
        [("from", split.from), ("validate", split.validate), ("test", Some(split.test)), ("until", split.until)];
    let given: Vec<(&str, i64)> = named.into_iter().filter_map(|(name, at)| Some((name, at?))).collect();
    for pair in given.windows(2) {
        let ((earlier, before), (later, after)) = (pair[0], pair[1]);
        if before >= after {
            let span = |name: &str| {
                let argument = written.arguments.iter().find(|each| each.name.as_ref().is_some_and(|n| n.text == name));
                argument.map_or(written.span, |argument| argument.value.span)
            };
            let item = reports.item().clone();
            let message = format!("`{later}` must come after `{earlier}`");
            reports
                .error("E0405", span(later), message, "not after it")
                .also(&item, span(earlier), format!("`{earlier}` is here"))
                .help("the parts lie in time in the order from, validate, test, until");
            return None;
        }
    }
    Some(split)
}

/// Shares must leave something to learn from.
fn shares(call: Call, written: &ast::Call, reports: &mut Reports) -> Option<Split> {
    let share = |name: &str| call.float(name).unwrap_or_default();
    let taken = share("test") + share("validate");
    if call.name != "folds" && (taken >= 1.0 || share("test") <= 0.0) {
        let message = format!("the parts take {}% of the examples", (taken * 100.0).round());
        reports
            .error("E0405", written.span, message, "nothing is left to learn from, or nothing to judge by")
            .help("give `test` a share of more than 0%, and leave some examples: `test: 20%, validate: 10%`");
        return None;
    }
    Some(Split::Other(call))
}

/// Checks that need the observed source: columns, and features that look back.
pub(super) fn check(context: &Context<'_, '_>, split: Option<&Split>, collected: &Inputs, reports: &mut Reports) {
    let (Some(Split::Other(call)), Some(written)) = (split, context.model.split.first()) else { return };
    if let Some((_, signature)) = context.constants.call("split", written, &mut Reports::silent()) {
        let columns = context.column_names();
        let reach = crate::reach::Reach { columns: &columns, complete: context.source.intact, ..Default::default() };
        reach.resolve(&mut call.clone(), signature, &written.arguments, reports);
    }
    if call.name == "folds" && context.model.label.is_empty() {
        reports
            .error("E0211", written.span, "folds are for models with a label", "there is nothing to judge a fold by")
            .help("divide the examples by `split time(…)` or `split random()`");
    }
    if !collected.joins.is_empty() && call.name != "group" {
        reports
            .warning(
                "W0402",
                written.span,
                "a split by chance puts examples of one time on both sides, and features look back in time",
                "later examples teach what earlier ones are judged by",
            )
            .help("split by time: `split time(validate: …, test: …)`");
    }
}

/// Whether the division has a validation part.
pub(super) fn validates(model: &ast::Model) -> bool {
    let Some(split) = model.split.first() else { return true };
    let named = |argument: &ast::Argument| argument.name.as_ref().is_some_and(|name| name.text == "validate");
    match split.name.text.as_str() {
        // By time a validation part is asked for.
        "time" => split.arguments.iter().any(named),
        "folds" => false,
        // The other divisions have one unless it is taken away.
        _ => true,
    }
}

/// What gives a model a validation part.
pub(super) fn help_to_validate(model: &ast::Model) -> &'static str {
    if is_in_folds(model) {
        "divide the examples by `split time(validate: …, test: …)` or `split random()`: folds have no validation part"
    } else {
        "give `split time(…)` a `validate:` boundary"
    }
}

/// Whether every example is once what the model is judged by.
pub(super) fn is_in_folds(model: &ast::Model) -> bool {
    model.split.first().is_some_and(|split| split.name.text == "folds")
}
