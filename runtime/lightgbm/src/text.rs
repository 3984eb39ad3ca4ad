//! The text of trees, checked before the library reads it.
//!
//! LightGBM believes what it reads: of a text that is cut off it takes the trees that are left, and sizes, places and counts that
//! are wrong end the process. The format is that of its `gbdt_model_text.cpp` and `tree.cpp`, version 4.

mod fields;
mod tree;

use std::collections::BTreeSet;

use fields::Fields;

/// What a text says of its trees.
#[derive(Debug)]
pub(crate) struct Outline {
    /// How many rounds there are.
    pub(crate) rounds: usize,
    /// The columns whose numbers are read as categories.
    pub(crate) categories: BTreeSet<usize>,
}

/// The outline of a text that is whole; otherwise why it is not.
pub(crate) fn outline(text: &str) -> Result<Outline, String> {
    if !text.is_ascii() {
        return Err("it holds letters that LightGBM does not write".to_owned());
    }
    let (head, rest) = text.split_once("\n\n").ok_or("it ends within its first lines")?;
    let mut lines = head.lines();
    if (lines.next(), lines.next()) != (Some("tree"), Some("version=v4")) {
        return Err("it does not begin with `tree` and `version=v4`".to_owned());
    }
    // The only line that has no value: trees whose mean counts.
    let head = Fields::of(lines.filter(|line| *line != "average_output"))?;
    let columns = columns(&head)?;
    let sizes: Vec<usize> = head.all("tree_sizes")?;
    let (trees, end) = cut(rest, &sizes)?;
    let mut outline = Outline { rounds: rounds(&head, sizes.len())?, categories: BTreeSet::new() };
    for (number, tree) in trees.into_iter().enumerate() {
        let checked = tree::check(tree, number, columns, &mut outline.categories);
        checked.map_err(|reason| format!("tree {number}: {reason}"))?;
    }
    closed(end)?;
    Ok(outline)
}

/// How many columns the trees read.
fn columns(head: &Fields<'_>) -> Result<usize, String> {
    let columns = head.one::<usize>("max_feature_idx")?.checked_add(1).ok_or("`max_feature_idx` is too large")?;
    for name in ["feature_names", "feature_infos"] {
        head.many::<String>(name, columns)?;
    }
    head.one::<String>("objective")?;
    Ok(columns)
}

/// How many rounds so many trees are: one of each class a round.
fn rounds(head: &Fields<'_>, trees: usize) -> Result<usize, String> {
    let (classes, each) = (head.one::<usize>("num_class")?, head.one::<usize>("num_tree_per_iteration")?);
    if each == 0 || classes != each || !trees.is_multiple_of(each) {
        return Err(format!("{trees} trees are no rounds of {each}, for {classes} classes"));
    }
    Ok(trees / each)
}

/// The trees, which have these sizes one after the other, and what follows.
fn cut<'a>(mut rest: &'a str, sizes: &[usize]) -> Result<(Vec<&'a str>, &'a str), String> {
    let mut trees = Vec::new();
    for (number, &size) in sizes.iter().enumerate() {
        let (tree, after) = rest.split_at_checked(size).ok_or_else(|| format!("it ends within tree {number}"))?;
        trees.push(tree);
        rest = after;
    }
    Ok((trees, rest))
}

/// The end: after the trees their parameters, and what Python adds.
fn closed(end: &str) -> Result<(), String> {
    let after = end.strip_prefix("end of trees\n").ok_or("the trees do not end with `end of trees`")?;
    let (_, parameters) = after.split_once("\nparameters:\n").ok_or("it has no parameters")?;
    let (_, last) = parameters.split_once("\nend of parameters\n").ok_or("it does not end with `end of parameters`")?;
    if last.lines().all(|line| line.is_empty() || line.starts_with("pandas_categorical:")) {
        return Ok(());
    }
    Err("something follows its end".to_owned())
}
