//! Predictions, and what they are held against.

use std::cell::OnceCell;

use mlsys_plan::Task;

use crate::answers::middle;
use crate::order::{Groups, descending};
use crate::unusable::{Unusable, What};

/// What predictions are held against, one for each row.
#[derive(Clone, Copy, Debug)]
pub enum Truth<'a> {
    /// Whether something holds.
    Binary(&'a [bool]),
    /// The index of the class, below `count`; a larger one is a class that is never predicted.
    Classes {
        /// The index of each row's class.
        labels: &'a [u32],
        /// How many classes are predicted.
        count: usize,
    },
    /// Numbers.
    Numbers(&'a [f64]),
    /// How relevant each row is to its group; above zero it is at all.
    Grades(&'a [f64]),
    /// Nothing is known.
    None,
}

/// Rows of predictions, and what is known of them.
#[derive(Debug)]
pub struct Judged<'a> {
    pub(crate) task: Task,
    pub(crate) truth: Truth<'a>,
    pub(crate) predictions: &'a [f64],
    pub(crate) width: usize,
    groups: Option<&'a [u64]>,
    columns: Vec<(String, &'a [u32])>,
    pub(crate) quantiles: Vec<f64>,
    pub(crate) threshold: Option<f64>,
    order: OnceCell<Vec<u32>>,
    ranked: OnceCell<Groups>,
}

impl<'a> Judged<'a> {
    /// Predictions, `rows × width` numbers row by row, held against a truth: probabilities of a truth value or of each class,
    /// numbers, quantiles, scores. Of a retrieval, two numbers: how many candidates a row's query prefers to the row's own one,
    /// and how many it finds as good.
    ///
    /// # Errors
    /// There are not as many predictions as rows, or a prediction or a label is NaN or infinite.
    pub fn new(task: Task, truth: Truth<'a>, predictions: &'a [f64], width: usize) -> Result<Self, Unusable> {
        let width = width.max(1);
        let rows = match truth {
            Truth::Binary(labels) => labels.len(),
            Truth::Classes { labels, .. } => labels.len(),
            Truth::Numbers(numbers) | Truth::Grades(numbers) => numbers.len(),
            Truth::None => predictions.len() / width,
        };
        // Of truth values and grades one number is predicted, by which rows are put in order.
        let is_one = matches!(truth, Truth::Binary(_) | Truth::Grades(_)) || task == Task::Anomaly;
        let is_two = task == Task::Retrieval;
        let fits = (!is_one || width == 1) && (!is_two || width == 2);
        if Some(predictions.len()) != rows.checked_mul(width) || !fits {
            return Err(Unusable::Rows { predictions: predictions.len(), width, rows });
        }
        Unusable::in_table(What::Prediction, predictions, width)?;
        if let Truth::Numbers(numbers) | Truth::Grades(numbers) = truth {
            Unusable::in_table(What::Label, numbers, 1)?;
        }
        Ok(Judged {
            task,
            truth,
            predictions,
            width,
            groups: None,
            columns: Vec::new(),
            quantiles: Vec::new(),
            threshold: None,
            order: OnceCell::new(),
            ranked: OnceCell::new(),
        })
    }

    /// Rows with one number belong together.
    ///
    /// # Errors
    /// There are not as many numbers as rows.
    pub fn with_groups(mut self, groups: &'a [u64]) -> Result<Self, Unusable> {
        self.fits(groups.len())?;
        self.groups = Some(groups);
        self.ranked = OnceCell::new();
        Ok(self)
    }

    /// The value of a column, as a number, by which metrics compare groups of rows.
    ///
    /// # Errors
    /// There are not as many numbers as rows.
    pub fn with_column(mut self, name: &str, codes: &'a [u32]) -> Result<Self, Unusable> {
        self.fits(codes.len())?;
        self.columns.push((name.to_owned(), codes));
        Ok(self)
    }

    /// Which quantiles are predicted, in the order of the predictions.
    ///
    /// # Errors
    /// There are not as many as each row has predictions, or one is not finite.
    pub fn with_quantiles(mut self, quantiles: &[f64]) -> Result<Self, Unusable> {
        if quantiles.len() != self.width {
            return Err(Unusable::Quantiles { quantiles: quantiles.len(), width: self.width });
        }
        Unusable::in_table(What::Quantile, quantiles, self.width)?;
        self.quantiles = quantiles.to_vec();
        (self.order, self.ranked) = (OnceCell::new(), OnceCell::new());
        Ok(self)
    }

    /// Above which prediction a row is an alarm.
    ///
    /// # Errors
    /// It is NaN, above which nothing is.
    pub fn with_threshold(mut self, threshold: f64) -> Result<Self, Unusable> {
        if threshold.is_nan() {
            return Err(Unusable::Threshold);
        }
        self.threshold = Some(threshold);
        Ok(self)
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.predictions.len() / self.width
    }

    fn fits(&self, rows: usize) -> Result<(), Unusable> {
        if rows == self.rows() {
            return Ok(());
        }
        Err(Unusable::Rows { predictions: self.predictions.len(), width: self.width, rows })
    }

    /// What is predicted for a row.
    pub(crate) fn row(&self, row: usize) -> &'a [f64] {
        &self.predictions[row * self.width..(row + 1) * self.width]
    }

    /// How many candidates stand above a row's own one and beside it; none where nothing is retrieved.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of candidates")]
    pub(crate) fn standing(&self, row: usize) -> Option<(usize, usize)> {
        match self.row(row) {
            [above, beside] if self.task == Task::Retrieval => Some((*above as usize, *beside as usize)),
            _ => None,
        }
    }

    /// Whether a row is positive; none where the truth is neither a truth value nor a grade.
    pub(crate) fn positive(&self) -> Option<impl Fn(usize) -> bool + use<'a>> {
        let truth = self.truth;
        match truth {
            Truth::Binary(_) | Truth::Grades(_) => Some(move |row: usize| match truth {
                Truth::Binary(labels) => labels[row],
                Truth::Grades(grades) => grades[row] > 0.0,
                _ => false,
            }),
            _ => None,
        }
    }

    /// The one number that is predicted for a row: of quantiles the one that is closest to the median.
    pub(crate) fn point(&self) -> impl Fn(usize) -> f64 + use<'a> {
        let middle = middle(&self.quantiles);
        let (predictions, width) = (self.predictions, self.width);
        move |row| predictions[row * width + middle]
    }

    /// The truth as numbers; none where it is none.
    pub(crate) fn numbers(&self) -> Option<&'a [f64]> {
        match self.truth {
            Truth::Numbers(numbers) | Truth::Grades(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// Rows from the largest prediction to the smallest.
    pub(crate) fn order(&self) -> &[u32] {
        let point = self.point();
        self.order.get_or_init(|| descending(&(0..self.rows()).map(point).collect::<Vec<f64>>()))
    }

    /// The rows of each group, from the largest prediction to the smallest; all of them are one without groups.
    pub(crate) fn ranked(&self) -> &Groups {
        self.ranked.get_or_init(|| Groups::of(self.groups, self.order()))
    }

    /// Whether rows are resampled by groups.
    pub(crate) fn is_grouped(&self) -> bool {
        self.groups.is_some()
    }

    /// The codes of a column.
    pub(crate) fn column(&self, name: &str) -> Option<&'a [u32]> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, codes)| *codes)
    }
}
