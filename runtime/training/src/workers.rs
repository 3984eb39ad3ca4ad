//! Training by several processes: how a step is divided among them, and what they cannot train together.

use mlsys_plan::{Train, Value};

/// The fewest rows of a share.
const FEWEST: usize = 512;

/// The most shares of a step.
const MOST: usize = 16;

/// How many shares a step of so many rows has. They follow from its size alone, so that the sum of their gradients is the
/// same whoever computes them.
pub fn shares(rows: usize) -> usize {
    (rows / FEWEST).clamp(1, MOST)
}

/// How many processes a training asks for: its setting `workers`.
pub fn workers(train: &Train) -> u32 {
    let setting = train.training.settings.iter().find(|setting| setting.name == "workers");
    match setting.and_then(|setting| setting.args.get("value")) {
        Some(Value::Int(workers)) => u32::try_from(*workers).unwrap_or(u32::MAX).max(1),
        _ => 1,
    }
}

/// What keeps so many processes from training a model together: what cannot be done, and what can be done instead.
pub fn refused_together(train: &Train, workers: u32) -> Option<(String, String)> {
    if workers < 2 {
        return None;
    }
    if train.learner.name == "trees" {
        let help = "leave out `workers`: LightGBM grows trees on all threads of one process".to_owned();
        return Some(("grow `trees` with several `workers`".to_owned(), help));
    }
    if train.learner.name == "torchscript" {
        let help = "leave out `workers`: a module sees its batch as a whole, and keeps more than weights".to_owned();
        return Some(("train a module of PyTorch with several `workers`".to_owned(), help));
    }
    let batch = train.training.batch;
    let most = shares(usize::try_from(batch).unwrap_or(usize::MAX));
    if workers as usize <= most {
        return None;
    }
    let what = format!("divide a `batch` of {batch} among {workers} `workers`");
    let enough = FEWEST * workers as usize;
    let help = if workers as usize > MOST {
        format!(
            "each needs {FEWEST} examples of a batch: take at most {MOST} `workers`, with a `batch` of {} or more",
            FEWEST * MOST
        )
    } else {
        format!(
            "each needs {FEWEST} examples of a batch: take at most {most} `workers`, or a `batch` of {enough} or more"
        )
    };
    Some((what, help))
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn a_share_is_large_enough_to_be_worth_its_calls() {
        let numbers = [0, 1, 512, 1023, 1024, 4096, 1_000_000].map(shares);
        assert_eq!(numbers, [1, 1, 1, 1, 2, 8, 16]);
    }
}
