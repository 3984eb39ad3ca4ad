//! The name that was probably meant.

/// The candidate that is closest to a name, if one is close enough to be a typing mistake.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer than any name that people type; the distance takes time that grows with the product of both lengths.
    const LONGEST: usize = 128;
    if name.len() > LONGEST { None } else { closest(name, candidates) }
}

/// As [`nearest`], of names that are not a caller's: however long they are.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let folded = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, deletions and replacements of characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = previous[column] + usize::from(letter != *other);
            current.push(replaced.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let columns = ["carrier", "origin", "Dest"];
        assert_eq!(nearest("carier", columns), Some("carrier"));
        assert_eq!(nearest("dest", columns), Some("Dest"));
        assert_eq!(nearest("distance", columns), None);
        assert_eq!(nearest(&"d".repeat(1000), columns), None);
    }
}
