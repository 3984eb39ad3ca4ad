//! How much is shown at most. What is beyond is counted and not drawn, so that a page stays below a megabyte whatever
//! it is made from; `tests/bounds.rs` holds that with the longest texts and lists.

/// Characters of a name.
pub(crate) const NAME: usize = 60;

/// Characters of a sentence somebody wrote.
pub(crate) const SENTENCE: usize = 200;

/// Characters of a label in a drawing.
pub(crate) const LABEL: usize = 30;

/// Points of a line.
pub(crate) const POINTS: usize = 200;

/// Rows of numbers that are put beside a chart.
pub(crate) const SHORT: usize = 30;

/// Bars of a histogram, and bins of predictions.
pub(crate) const BARS: usize = 60;

/// Classes of which pairs are drawn.
pub(crate) const CLASSES: usize = 20;

/// Metrics of a part.
pub(crate) const METRICS: usize = 40;

/// Inputs that are taken as the prediction.
pub(crate) const BASELINES: usize = 10;

/// Folds.
pub(crate) const FOLDS: usize = 20;

/// Gates.
pub(crate) const GATES: usize = 100;

/// Expectations of tests.
pub(crate) const TESTS: usize = 20;

/// Charts of slices: pairs of a column and a metric.
pub(crate) const SLICED: usize = 8;

/// Slices of a column.
pub(crate) const SLICES: usize = 30;

/// Inputs whose importance is told.
pub(crate) const IMPORTANCE: usize = 30;

/// Inputs whose encoding is told.
pub(crate) const INPUTS: usize = 300;

/// Trials of a search.
pub(crate) const TRIALS: usize = 40;

/// Values of a trial.
pub(crate) const VALUES: usize = 8;

/// Sources and groups.
pub(crate) const ORIGINS: usize = 100;

/// Lines of the history.
pub(crate) const EVENTS: usize = 40;

/// Aliases.
pub(crate) const ALIASES: usize = 10;
