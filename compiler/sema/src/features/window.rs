//! Windows: their lengths, steps and offsets, and whether the source's history reaches that far.

use mlsys_diagnostics::Span;
use mlsys_plan::{Literal, Type, Window};
use mlsys_syntax::ast;

use super::Context;
use crate::report::Reports;
use crate::scope::Scope;

/// The most rows that `over last n` may look at.
const MOST_ROWS: i64 = 1_000_000;

/// A window with what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) window: Window,
    pub(super) step: Option<i64>,
    pub(super) offset: i64,
}

/// The windows of a feature, each with the suffix of its feature's name; none where one is wrong.
pub(super) fn windows(
    context: &Context<'_, '_>,
    tail: &ast::AggregateTail,
    reports: &mut Reports,
) -> Vec<(String, Option<Placed>)> {
    let offset = offset(context, tail, reports);
    let expanded = match &tail.window {
        ast::Windows::All => vec![(String::new(), Window::All, tail.span)],
        ast::Windows::One(width) => vec![(String::new(), Window::Range { width: width.value }, width.span)],
        ast::Windows::Many(widths) => widths
            .iter()
            .map(|(width, text)| (format!("_{text}"), Window::Range { width: width.value }, width.span))
            .collect(),
        ast::Windows::Last(rows) => vec![(String::new(), last(*rows, reports), rows.span)],
    };
    let mut windows: Vec<(String, Option<Placed>)> = Vec::new();
    for (suffix, window, span) in expanded {
        let fine = has_length(window, span, reports)
            && step_fits(window, tail.step, reports)
            && is_kept(context, window, offset, span, reports);
        let placed = Placed { window, step: tail.step.map(|step| step.value), offset: offset.unwrap_or_default() };
        windows.push((suffix, (fine && offset.is_some()).then_some(placed)));
    }
    windows
}

fn last(rows: ast::Spanned<i64>, reports: &mut Reports) -> Window {
    let fits = u32::try_from(rows.value).ok().filter(|_| (1..=MOST_ROWS).contains(&rows.value));
    if fits.is_none() {
        let message = format!("`last` looks at 1 to {MOST_ROWS} rows, this is {}", rows.value);
        reports
            .error("E0314", rows.span, message, "outside of its bounds")
            .help("to look at all rows, write `over all`");
    }
    Window::Last { rows: fits.unwrap_or(1) }
}

/// How far the window is shifted into the past.
fn offset(context: &Context<'_, '_>, tail: &ast::AggregateTail, reports: &mut Reports) -> Option<i64> {
    let Some(written) = &tail.offset else { return Some(0) };
    let constants = &context.constants;
    let scope = Scope::constant(constants.db, constants.project, constants.file);
    let Literal::Duration(micros) = scope.literal(written, &Type::Duration, reports)? else { return None };
    if micros < 0 {
        reports
            .error(
                "E0313",
                written.span,
                "an offset shifts a window into the past, never into the future",
                "is negative",
            )
            .help("give it a length of zero or more, such as `offset 1d`");
        return None;
    }
    if matches!(tail.window, ast::Windows::Last(_)) && micros > 0 {
        reports
            .error("E0313", written.span, "a window of rows is not shifted in time", "says nothing here")
            .help("give the window a length of time, such as `over 1h offset 1d`");
        return None;
    }
    Some(micros)
}

fn has_length(window: Window, span: Span, reports: &mut Reports) -> bool {
    if matches!(window, Window::Range { width } if width <= 0 || width == i64::MAX) {
        reports
            .error("E0313", span, "a window has a length of more than zero that fits 64 bits", "no usable length")
            .help("to look at the whole past, write `over all`");
        return false;
    }
    true
}

/// A window moves in whole steps, so its length is a multiple of one.
fn step_fits(window: Window, step: Option<ast::Spanned<i64>>, reports: &mut Reports) -> bool {
    let Some(step) = step else { return true };
    let problem = match window {
        _ if step.value <= 0 => Some("a step has a length of more than zero"),
        Window::Range { width } if width % step.value != 0 => Some("a window is a whole number of steps long"),
        Window::Range { .. } => None,
        Window::All | Window::Last { .. } => Some("only a window with a length moves in steps"),
    };
    if let Some(problem) = problem {
        reports
            .error("E0410", step.span, problem, "does not divide the window")
            .help("take a step that divides it, such as `over 7d step 1h`");
    }
    problem.is_none()
}

/// A window cannot look further back than the source's history reaches.
fn is_kept(context: &Context<'_, '_>, window: Window, offset: Option<i64>, span: Span, reports: &mut Reports) -> bool {
    let (Some((kept, said)), Some(offset)) = (context.source.retention, offset) else { return true };
    let reach = match window {
        Window::Range { width } => width.saturating_add(offset),
        Window::All => i64::MAX,
        Window::Last { .. } => return true,
    };
    if reach <= kept {
        return true;
    }
    let message = format!("this looks further back than `{}` is kept", context.source.name);
    reports
        .error("E0407", span, message, "further than there is history")
        .also(&context.source.item, said, "history reaches back this far")
        .help("shorten the window, or keep the source for longer");
    false
}
