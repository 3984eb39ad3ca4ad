//! What came of tests of models, for people.

use mlsys_engine::{BehaviourResult, Changed};

use super::summary::thousands;

/// The expectation and what was seen, in one line.
pub(crate) fn line(result: &BehaviourResult) -> String {
    let BehaviourResult { behaviour, seen, met } = result;
    let mark = if *met { "met   " } else { "FAILED" };
    let held = match seen.compared {
        0 => format!("nothing to compare in {} examples", thousands(seen.examples)),
        compared => format!("{} of {} comparisons hold", thousands(seen.held), thousands(compared)),
    };
    format!("{mark}  {:?}: {behaviour}, {held}", behaviour.test)
}

/// The worst example of an expectation that does not hold, and where the program says so.
pub(crate) fn worst(result: &BehaviourResult) -> String {
    let behaviour = &result.behaviour;
    let place = format!("{}:{}", behaviour.origin.file, behaviour.origin.line);
    let Some(Changed { values, before, after }) = &result.seen.worst else { return place };
    let number = |value: &Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"));
    let values = match values {
        Some((old, new)) => format!("{} from {old} to {new}", behaviour.input),
        None => format!("{} changed (values of people are not shown)", behaviour.input),
    };
    format!("worst: {values}, prediction from {} to {}  {place}", number(before), number(after))
}

#[cfg(test)]
mod tests {
    use mlsys_engine::{BehaviourResult, Changed, Seen};
    use mlsys_plan::{Behaviour, Origin, Relation};

    use super::{line, worst};

    #[test]
    fn a_test_that_fails_says_by_what() {
        let values = Some(("9.5".to_owned(), "120.0".to_owned()));
        let changed = Changed { values, before: Some(0.75), after: None };
        let mut result = BehaviourResult {
            behaviour: Behaviour {
                test: "dearer is not safer".to_owned(),
                origin: Origin { file: "fraud.mlsys".to_owned(), line: 31, name: "test".to_owned() },
                relation: Relation::Rising,
                input: "amount".to_owned(),
                tolerance: 0.0,
                share: 0.95,
                hidden: false,
            },
            seen: Seen { examples: 500, compared: 1500, held: 1200, worst: Some(changed) },
            met: false,
        };
        let told = line(&result);
        assert_eq!(
            told,
            r#"FAILED  "dearer is not safer": rising in amount in 95% of examples, 1,200 of 1,500 comparisons hold"#
        );
        assert_eq!(worst(&result), "worst: amount from 9.5 to 120.0, prediction from 0.7500 to none  fraud.mlsys:31");
        if let Some(worst) = &mut result.seen.worst {
            worst.values = None;
        }
        assert!(worst(&result).starts_with("worst: amount changed (values of people are not shown)"));
        result.seen = Seen { examples: 500, ..Seen::default() };
        assert!(line(&result).ends_with("nothing to compare in 500 examples"));
        assert_eq!(worst(&result), "fraud.mlsys:31");
    }
}
