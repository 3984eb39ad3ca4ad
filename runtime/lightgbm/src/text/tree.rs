//! One tree of a text: as many values as it has leaves, columns that there are, and every node reached once.

use std::collections::BTreeSet;

use super::fields::Fields;

/// The bit of a decision that says that a node divides categories.
const IS_CATEGORY: i8 = 1;

/// Checks a tree that reads so many columns, and notes those of categories.
pub(super) fn check(tree: &str, number: usize, columns: usize, categories: &mut BTreeSet<usize>) -> Result<(), String> {
    let (first, rest) = tree.split_once('\n').unwrap_or_default();
    if first != format!("Tree={number}") {
        return Err("it does not begin where the sizes of the trees say".to_owned());
    }
    let fields = Fields::of(rest.lines())?;
    let leaves: usize = fields.one("num_leaves")?;
    if leaves == 0 || fields.one::<u8>("is_linear")? != 0 {
        return Err("it has no leaves, or leaves that are lines".to_owned());
    }
    fields.one::<f64>("shrinkage")?;
    if fields.many::<f64>("leaf_value", leaves)?.iter().any(|value| !value.is_finite()) {
        return Err("the value of a leaf is not a number".to_owned());
    }
    let nodes = leaves - 1;
    lengths(&fields, leaves, nodes)?;
    reached(&fields, leaves, nodes)?;
    columns_of_nodes(&fields, nodes, columns, categories)
}

/// What is told of nodes and leaves is told of each.
fn lengths(fields: &Fields<'_>, leaves: usize, nodes: usize) -> Result<(), String> {
    for name in ["split_gain", "internal_value", "internal_weight"] {
        fields.many_if_there::<f64>(name, nodes)?;
    }
    // Of a single leaf older versions tell nothing more.
    if nodes > 0 {
        fields.many_if_there::<f64>("leaf_weight", leaves)?;
        fields.many_if_there::<i64>("leaf_count", leaves)?;
    }
    fields.many_if_there::<i64>("internal_count", nodes)
}

/// Each node and each leaf is the child of one node, which stands before it.
fn reached(fields: &Fields<'_>, leaves: usize, nodes: usize) -> Result<(), String> {
    let (mut seen_nodes, mut seen_leaves) = (vec![false; nodes], vec![false; leaves]);
    for name in ["left_child", "right_child"] {
        for (parent, child) in fields.many::<i64>(name, nodes)?.into_iter().enumerate() {
            // Leaves are written as the complement of their number.
            let (seen, place) = if child < 0 { (&mut seen_leaves, !child) } else { (&mut seen_nodes, child) };
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            let is_later = child < 0 || place > parent;
            match seen.get_mut(place) {
                Some(seen) if is_later && !*seen => *seen = true,
                _ => return Err(format!("the child {child} of node {parent} is none, or one of another node, too")),
            }
        }
    }
    Ok(())
}

/// Nodes read columns that there are, and sets of categories that there are.
fn columns_of_nodes(
    fields: &Fields<'_>,
    nodes: usize,
    columns: usize,
    categories: &mut BTreeSet<usize>,
) -> Result<(), String> {
    let sets = sets(fields)?;
    let read = fields.many::<usize>("split_feature", nodes)?;
    let thresholds = fields.many::<f64>("threshold", nodes)?;
    let decisions = fields.many::<i8>("decision_type", nodes)?;
    for ((column, threshold), decision) in read.into_iter().zip(thresholds).zip(decisions) {
        if column >= columns {
            return Err(format!("a node reads column {column} of {columns}"));
        }
        if decision & IS_CATEGORY == 0 {
            if threshold.is_nan() {
                return Err("a threshold is not a number".to_owned());
            }
            continue;
        }
        categories.insert(column);
        // The threshold is the number of a set.
        #[expect(clippy::cast_precision_loss, reason = "sets are few")]
        if !(threshold >= 0.0 && threshold < sets as f64 && threshold.fract() == 0.0) {
            return Err(format!("a node divides by set {threshold} of {sets}"));
        }
    }
    Ok(())
}

/// How many sets of categories there are: sets of bits, one after the other.
fn sets(fields: &Fields<'_>) -> Result<usize, String> {
    let sets: usize = fields.one("num_cat")?;
    if sets == 0 {
        return Ok(0);
    }
    let bounds: Vec<usize> = fields.many("cat_boundaries", sets.saturating_add(1))?;
    if bounds[0] != 0 || !bounds.is_sorted() {
        return Err("sets of categories do not follow each other".to_owned());
    }
    fields.many::<u32>("cat_threshold", bounds[sets])?;
    Ok(sets)
}
