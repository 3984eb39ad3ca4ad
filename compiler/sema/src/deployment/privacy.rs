//! Where personal data would leave: logs, exports, explanations, scored rows.

use super::Context;
use crate::report::Reports;

/// Reports sinks that personal data reaches without leave, and leave that nothing needs.
pub(super) fn check(context: &Context<'_, '_>, reports: &mut Reports) {
    let tree = context.tree;
    let personal = context.model.personal.first().map(|input| format!("the input `{input}`"));
    let key = context.source.and_then(|source| {
        let named = source.key.iter().find(|key| source.column(key).is_some_and(|column| column.pii));
        named.map(|key| format!("the key `{key}`"))
    });
    let sinks = [
        ("E0502", "the log of predictions", tree.log.first().map(|log| log.what.span), &personal),
        ("E0503", "the exported model", tree.export.first().map(|export| export.span), &personal),
        ("E0503", "explanations", tree.explain.first().map(|explain| explain.span), &personal),
        ("E0503", "scored rows", tree.score.first().map(|score| score.span), &key),
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
