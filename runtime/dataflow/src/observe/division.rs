//! How examples are divided into parts: by time, by chance, or into folds.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::DataType;
use datafusion::functions::string::expr_fn::concat_ws;
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, cast, create_udf, lit, when};
use mlsys_plan::{Call, Observe, Part, Split, TimeSplit, Type, columns};
use twox_hash::XxHash64;

use super::{OUTSIDE, WITHOUT_TIME};
use crate::error::{Code, DataError};
use crate::expr::{column, lower_at};
use crate::table::POSITION;
use crate::types;

/// The column with the number, from 0 to 1, that decides by chance.
const CHANCE: &str = "__chance";

/// The divisions by chance, by their names in the language.
const BY_CHANCE: [&str; 2] = ["group", "random"];

/// A division of examples.
pub(crate) enum Division<'a> {
    /// By their instants: a label must have been known before the part ends.
    Time(&'a TimeSplit),
    /// By chance: shares of the examples.
    Chance {
        test: f64,
        validate: f64,
        seed: u64,
        /// The column of which all examples of one value are in the same part; none where each stands alone.
        by: Option<&'a str>,
    },
    /// Into so many folds by chance, each of which is once what a model is judged by: all examples are in the test part.
    Folds { count: u32, seed: u64 },
}

impl<'a> Division<'a> {
    /// The division of a model's examples.
    ///
    /// # Errors
    /// E0910 if it is not known.
    pub(crate) fn of(observe: &'a Observe) -> Result<Self, DataError> {
        match &observe.split {
            Split::Time(split) => Ok(Division::Time(split)),
            Split::Other(call) if BY_CHANCE.contains(&call.name.as_str()) => Ok(Division::Chance {
                test: call.float("test").unwrap_or(0.2),
                validate: call.float("validate").unwrap_or(0.1),
                seed: seed(call),
                by: call.string("by"),
            }),
            Split::Other(call) if call.name == "folds" => {
                let count = call.int("count").and_then(|count| u32::try_from(count).ok());
                Ok(Division::Folds { count: count.unwrap_or(5).max(2), seed: seed(call) })
            }
            Split::Other(call) => {
                let message = format!("this runtime cannot divide examples by `{}` yet", call.name);
                let help = "divide them by time: `split time(test: …)`, or by chance: `split random()`";
                Err(DataError::new(Code::Unsupported, message).with_help(help))
            }
        }
    }

    /// The parts that there are, in order of time.
    pub(super) fn parts(&self) -> Vec<Part> {
        match self {
            Division::Time(split) => ends(split).into_iter().map(|(part, _)| part).collect(),
            Division::Chance { validate, .. } => {
                Part::ALL.into_iter().filter(|part| *part != Part::Validate || *validate > 0.0).collect()
            }
            Division::Folds { .. } => vec![Part::Test],
        }
    }

    /// Where examples begin, and where they end.
    pub(crate) fn bounds(&self) -> (Option<i64>, Option<i64>) {
        match self {
            Division::Time(split) => (split.from, split.until),
            Division::Chance { .. } | Division::Folds { .. } => (None, None),
        }
    }

    /// The column that decides by chance, which is to stand beside the others; none where time decides. An example's number
    /// follows from its instant, keys and inputs, or from the column that holds groups together: it is the same in every run,
    /// whatever other examples there are.
    pub(super) fn chance(&self, observe: &Observe, at: &Expr) -> Result<Option<Expr>, DataError> {
        let (seed, by) = match self {
            Division::Time(_) => return Ok(None),
            Division::Chance { seed, by, .. } => (*seed, by.map(column)),
            // What is ranked together is judged together.
            Division::Folds { seed, .. } => {
                (*seed, observe.group.as_ref().map(|group| lower_at(&group.expr, at)).transpose()?)
            }
        };
        let text = |expr: Expr| cast(expr, DataType::Utf8);
        let told_by = match by {
            Some(by) => vec![text(by)],
            None => {
                let is_plain = |ty: &Type| !matches!(ty, Type::List(_) | Type::Vector(_) | Type::Bytes);
                let derived = observe.keys.iter().chain(&observe.inputs);
                // Where a row lies in its table says nothing of the example, and changes with how it is read.
                let plain = derived.filter(|one| one.name != POSITION && is_plain(&one.expr.ty.ty));
                let values = plain.map(|one| Ok(text(lower_at(&one.expr, at)?)));
                [Ok(text(at.clone()))].into_iter().chain(values).collect::<Result<Vec<Expr>, DataError>>()?
            }
        };
        // What is missing is left out of a joined text: beside other values that makes no difference.
        let joined = concat_ws(lit("\u{1f}"), told_by);
        Ok(Some(share(seed).call(vec![joined]).alias(CHANCE)))
    }

    /// The fold of an example; none where there are none.
    pub(super) fn fold(&self) -> Option<Expr> {
        let Division::Folds { count, .. } = self else { return None };
        // A number from 0 to below 1: the conversion rounds towards 0.
        Some(cast(column(CHANCE) * lit(f64::from(*count)), DataType::Int64).alias(columns::FOLD))
    }

    /// The part in which an example lies by its time or by chance alone; [`OUTSIDE`] or [`WITHOUT_TIME`] if it lies in none.
    pub(super) fn period(&self) -> Result<Expr, DataError> {
        self.by(|part, _| lit(part.name()))
    }

    /// The part of an example, or [`columns::LEFT_OUT`] if it has a label that was not known in time.
    pub(super) fn part(&self, has_label: bool) -> Result<Expr, DataError> {
        if !has_label {
            return self.period();
        }
        self.by(|part, end| {
            let mut in_time = column(columns::LABEL).is_not_null().and(column(columns::LABEL_KNOWN_AT).is_not_null());
            if let Some(end) = end {
                in_time = in_time.and(column(columns::LABEL_KNOWN_AT).lt(lit(types::instant(end))));
            }
            let left_out = when(in_time, lit(part.name())).otherwise(lit(columns::LEFT_OUT));
            left_out.unwrap_or_else(|_| lit(columns::LEFT_OUT))
        })
    }

    fn by(&self, value: impl Fn(Part, Option<i64>) -> Expr) -> Result<Expr, DataError> {
        let at = || column(columns::AT);
        let mut cases = when(at().is_null(), lit(WITHOUT_TIME));
        match self {
            Division::Time(split) => {
                if let Some(from) = split.from {
                    cases = cases.when(at().lt(lit(types::instant(from))), lit(OUTSIDE));
                }
                let mut last = lit(OUTSIDE);
                for (part, end) in ends(split) {
                    match end {
                        Some(end) => cases = cases.when(at().lt(lit(types::instant(end))), value(part, Some(end))),
                        None => last = value(part, None),
                    }
                }
                Ok(cases.otherwise(last)?)
            }
            Division::Chance { test, validate, .. } => {
                let below = |share: f64| column(CHANCE).lt(lit(share));
                cases = cases.when(below(*test), value(Part::Test, None));
                cases = cases.when(below(test + validate), value(Part::Validate, None));
                Ok(cases.otherwise(value(Part::Train, None))?)
            }
            Division::Folds { .. } => Ok(cases.otherwise(value(Part::Test, None))?),
        }
    }
}

fn seed(call: &Call) -> u64 {
    call.int("seed").unwrap_or_default().unsigned_abs()
}

/// The parts of a division by time in their order, each with its end, if it has one.
fn ends(split: &TimeSplit) -> Vec<(Part, Option<i64>)> {
    let mut parts = vec![(Part::Train, Some(split.validate.unwrap_or(split.test)))];
    if split.validate.is_some() {
        parts.push((Part::Validate, Some(split.test)));
    }
    parts.push((Part::Test, split.until));
    parts
}

/// A number from 0 to 1 that follows from a text: XXH64 of its bytes (Collet, 2012).
fn share(seed: u64) -> ScalarUDF {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float64 holds")]
    let of = move |text: &str| (XxHash64::oneshot(seed, text.as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64;
    let apply = move |args: &[ColumnarValue]| {
        let [text] = &ColumnarValue::values_to_arrays(args)?[..] else {
            return Err(DataError::internal("chance takes one text").into());
        };
        let texts = arrow::compute::cast(text, &DataType::Utf8)?;
        let shares = texts.as_string::<i32>().iter().map(|text| Some(of(text.unwrap_or_default())));
        Ok(ColumnarValue::Array(Arc::new(shares.collect::<Float64Array>())))
    };
    create_udf("chance", vec![DataType::Utf8], DataType::Float64, Volatility::Immutable, Arc::new(apply))
}
