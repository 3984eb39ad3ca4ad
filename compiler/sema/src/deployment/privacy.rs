//! Where personal data would leave: logs, exports, explanations, scored rows.

use mlsys_syntax::{Kind, ast};

use super::Context;
use crate::refer::refer;
use crate::report::Reports;
use crate::source::{SourceDef, source_of};

/// Reports sinks that personal data reaches without leave, and leave that nothing needs.
pub(super) fn check(context: &Context<'_, '_>, reports: &mut Reports) {
    let tree = context.tree;
    let personal = context.model.personal.first().map(|input| format!("the input `{input}`"));
    let key = tree.score.iter().find_map(|score| Some((score.span, personal_key(context, score, reports)?)));
    let (scored, key) = key.map_or((None, None), |(span, key)| (Some(span), Some(format!("the key `{key}`"))));
    let sinks = [
        ("E0502", "the log of predictions", tree.log.first().map(|log| log.what.span), &personal),
        ("E0503", "the exported model", tree.export.first().map(|export| export.span), &personal),
        ("E0503", "explanations", tree.explain.first().map(|explain| explain.span), &personal),
        ("E0503", "scored rows", scored, &key),
    ];
    let mut needed = false;
    for (code, sink, span, what) in sinks {
        let (Some(span), Some(what)) = (span, what) else { continue };
        needed = true;
        if tree.allow.is_empty() {
            let message = format!("{sink} would hold {what}, which is personal data");
            reports.error(code, span, message, "personal data leaves here").help(
                "pass it through a function of `std.privacy`, or write `allow pii because \"…\"` in the deployment",
            );
        }
    }
    for allow in &tree.allow {
        if allow.reason.trim().is_empty() {
            reports
                .error("E0506", allow.span, "leave to use personal data needs a reason", "why?")
                .help("say on what grounds: `allow pii because \"customers agreed in the terms of 2024\"`");
        } else if !needed {
            let item = reports.item().clone();
            let message = "there is no personal data here that leave could be given for";
            reports.warning("W0501", allow.span, message, "not needed").help("remove it").mend(
                "remove it",
                &item,
                allow.span,
                "",
            );
        }
    }
}

/// A key that scored rows carry and that is personal data: of the row, or of an entity that it is about.
fn personal_key(context: &Context<'_, '_>, score: &ast::Score, reports: &Reports) -> Option<String> {
    let source = scored(context, score, reports)?;
    let entities = context.model.nodes.iter().flat_map(|nodes| &nodes.observe.keys);
    let mut names: Vec<&str> = source.key.iter().map(String::as_str).collect();
    entities.for_each(|key| key.expr.visit_columns(&mut |name| names.push(name)));
    let is_personal = |name: &&str| source.column(name).is_some_and(|column| column.pii);
    names.into_iter().find(is_personal).map(str::to_owned)
}

/// The source whose rows are scored; a name that is wrong is told of elsewhere.
fn scored<'db>(context: &Context<'_, 'db>, score: &ast::Score, reports: &Reports) -> Option<&'db SourceDef> {
    let Some(name) = &score.source else { return context.source };
    let constants = &context.constants;
    let mut silent = Reports::on(reports.item().clone());
    let item = refer(constants, name, Kind::Source, &mut silent)?;
    source_of(constants.db, constants.project, item).value.as_ref()
}
