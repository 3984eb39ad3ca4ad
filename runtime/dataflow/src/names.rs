//! Names for people: lists of columns, and the name that was probably meant.

/// The candidate that is closest to a name, if one is close enough to be a typing mistake.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let folded = name.to_lowercase();
    candidates
        .map(|candidate| (distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Names in backquotes, separated by commas; long lists are cut.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if quoted.len() <= SHOWN {
        return quoted.join(", ");
    }
    format!("{} and {} more", quoted[..SHOWN].join(", "), quoted.len() - SHOWN)
}

/// `1 row`, `2 rows`.
pub(crate) fn rows(count: u64) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
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
    use super::{list, nearest};

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let columns = ["carrier", "origin", "Dest"];
        assert_eq!(nearest("carier", columns.into_iter()), Some("carrier"));
        assert_eq!(nearest("dest", columns.into_iter()), Some("Dest"));
        assert_eq!(nearest("distance", columns.into_iter()), None);
        assert_eq!(list(columns.into_iter()), "`carrier`, `origin`, `Dest`");
    }
}
