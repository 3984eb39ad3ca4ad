//! "Did you mean": the nearest of some names.

/// The candidate that is close enough to `name` to be worth a suggestion: at most a third of its letters differ.
/// Of equally near names the first one is taken.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether a name is so near to another one that only a slip of the keyboard lies between: one letter of four or more.
pub fn is_slip(name: &str, near: &str) -> bool {
    name.chars().count() >= 4 && distance(name, near) == 1
}

/// Damerau-Levenshtein distance with adjacent transpositions (optimal string alignment), in characters.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let width = right.len() + 1;
    let mut table = vec![0; (left.len() + 1) * width];
    for row in 0..=left.len() {
        for column in 0..=right.len() {
            table[row * width + column] = if row == 0 || column == 0 {
                row + column
            } else {
                let same = usize::from(left[row - 1] != right[column - 1]);
                let swapped =
                    row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1];
                let swap = if swapped { table[(row - 2) * width + column - 2] + 1 } else { usize::MAX };
                (table[(row - 1) * width + column - 1] + same)
                    .min(table[(row - 1) * width + column] + 1)
                    .min(table[row * width + column - 1] + 1)
                    .min(swap)
            };
        }
    }
    table[left.len() * width + right.len()]
}
