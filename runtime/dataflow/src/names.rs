//! Names for people: lists of columns, and the name that was probably meant.

pub(crate) use mlsys_rows::closest as nearest;

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
