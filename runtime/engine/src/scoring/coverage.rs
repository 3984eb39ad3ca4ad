//! What scored rows must satisfy before they are delivered.

use std::path::Path;

use mlsys_plan::{Comparison, Deployment, Value};

use crate::error::RunError;

/// Holds the share of scored rows that have a prediction against a deployment's expectations.
///
/// # Errors
/// E0904 with what was found and what was expected; `rejected` is where the predictions are.
pub(crate) fn check(deployment: &Deployment, coverage: Option<f64>, rejected: &Path) -> Result<(), RunError> {
    let Some(coverage) = coverage else { return Ok(()) };
    for expectation in deployment.expectations.iter().filter(|expectation| expectation.metric == "coverage") {
        let Some((comparison, bound)) = bound(expectation.bound.as_ref()) else { continue };
        if !comparison.holds(coverage, bound) {
            let message = format!(
                "scored rows do not satisfy `expect coverage {} {bound}`: their coverage is {coverage:.4}",
                comparison.symbol()
            );
            let help = format!(
                "earlier predictions stay as they were; the rejected ones are in `{}`, where rows without a prediction lack \
                 an input or their time",
                rejected.display()
            );
            return Err(RunError::new("E0904", message, Some(&help)));
        }
    }
    Ok(())
}

fn bound(written: Option<&(Comparison, Value)>) -> Option<(Comparison, f64)> {
    let (comparison, value) = written?;
    match value {
        Value::Float(bound) => Some((*comparison, *bound)),
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        Value::Int(bound) => Some((*comparison, *bound as f64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use mlsys_plan::{Comparison, Deployment, MonitorCondition, Value};

    use super::check;

    #[test]
    fn a_share_is_held_against_its_bound() {
        let bound = Some((Comparison::GreaterOrEqual, Value::Float(0.99)));
        let (metric, inputs, args) = ("coverage".to_owned(), Vec::new(), BTreeMap::new());
        let expectations = vec![MonitorCondition { metric, inputs, args, bound }];
        let deployment = Deployment { expectations, ..Deployment::default() };
        let of = |coverage| check(&deployment, coverage, Path::new("aside"));
        assert!(of(None).is_ok() && of(Some(0.99)).is_ok());
        let error = of(Some(0.5)).unwrap_err();
        assert_eq!(error.code, "E0904");
        assert_eq!(error.message, "scored rows do not satisfy `expect coverage >= 0.99`: their coverage is 0.5000");
        assert!(error.help.unwrap().contains("`aside`"));
    }
}
