//! Behaviours: what predictions must do when an input changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::node::Origin;

/// An expectation of a `test` of a model: a metamorphic relation between predictions before and after an input has changed
/// (Ribeiro et al., 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with `CheckList`"). A version that does not
/// behave so is not registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Behaviour {
    /// The test's name.
    pub test: String,
    /// Where the program says so; not part of the meaning.
    pub origin: Origin,
    /// What is expected.
    pub relation: Relation,
    /// The input that is changed, a column of the examples.
    pub input: String,
    /// By how much a prediction may go where it must not.
    pub tolerance: f64,
    /// The share of comparisons that must hold, above 0 and at most 1.
    pub share: f64,
    /// Whether the input is personal data, whose values are not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// How predictions follow an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// They stay, whatever its value.
    Invariant,
    /// They do not become smaller where it becomes larger.
    Rising,
    /// They do not become larger where it becomes larger.
    Falling,
}

impl Relation {
    /// How it is written in a program, up to the input.
    pub fn words(self) -> &'static str {
        match self {
            Relation::Invariant => "invariant to",
            Relation::Rising => "rising in",
            Relation::Falling => "falling in",
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.relation.words(), self.input)?;
        if self.tolerance > 0.0 {
            write!(f, " within {}", self.tolerance)?;
        }
        if self.share < 1.0 {
            write!(f, " in {}% of examples", percent(self.share))?;
        }
        Ok(())
    }
}

/// A share in percent, without what binary fractions leave behind the digits that were written.
fn percent(share: f64) -> f64 {
    let rounded = (share * 1e12).round() / 1e10;
    if rounded / 100.0 == share { rounded } else { share * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, Relation};
    use crate::node::Origin;

    #[test]
    fn it_is_shown_as_it_is_written() {
        let origin = Origin { file: "a.mlsys".to_owned(), line: 1, name: "test".to_owned() };
        let mut behaviour = Behaviour {
            test: "dearer is not safer".to_owned(),
            origin,
            relation: Relation::Rising,
            input: "amount".to_owned(),
            tolerance: 0.0,
            share: 1.0,
            hidden: false,
        };
        assert_eq!(behaviour.to_string(), "rising in amount");
        (behaviour.tolerance, behaviour.share) = (0.02, 0.95);
        assert_eq!(behaviour.to_string(), "rising in amount within 0.02 in 95% of examples");
        for (share, text) in [(0.07, "7%"), (0.999, "99.9%"), (0.29, "29%"), (0.578, "57.8%")] {
            behaviour.share = share;
            assert!(behaviour.to_string().contains(&format!("in {text} of")), "{behaviour}");
        }
    }
}
