//! `calibrate`: how probabilities are put right.

use mlsys_plan::{Call, Task};

use super::split::{help_to_validate, validates};
use super::training::Judged;
use crate::report::Reports;
use crate::source::only_one;

/// The calibration; the outer none is a mistake, the inner one no calibration.
pub(super) fn calibrate(judged: &Judged<'_, '_>, reports: &mut Reports) -> Option<Option<Call>> {
    let model = judged.context.model;
    let Some(written) = only_one(&model.calibrate, |method| method.span, "calibrate", reports) else {
        return Some(None);
    };
    let call = judged.context.constants.nested("calibration", written, reports);
    if let Some(task) = judged.task.filter(|task| *task != Task::Binary) {
        let message = format!("probabilities of a truth value are calibrated, the task is `{}`", task.name());
        reports
            .error("E0611", written.span, message, "does not fit the task")
            .help("leave it out, or make the label a question of yes or no");
        return None;
    }
    if !validates(model) {
        reports
            .error("E0211", written.span, "there is no validation part to calibrate on", "needs a validation part")
            .help(help_to_validate(model));
        return None;
    }
    call.map(Some)
}
