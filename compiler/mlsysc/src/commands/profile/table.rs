//! A profile as a table on a terminal: a line a column.

use mlsys_engine::{ColumnReport, ProfileFrom, ProfileReport};
use serde_json::Value;

use crate::commands::run::summary::thousands;

/// The heads of the table.
const HEADS: [&str; 9] = ["column", "type", "missing", "distinct", "min", "p50", "p95", "max", "most frequent"];

/// Where numbers stand, which are flush right.
const NUMBERS: std::ops::RangeInclusive<usize> = 2..=7;

/// How many of the most frequent values are shown.
const FREQUENT: usize = 3;

/// How many characters of a value are shown.
const WIDEST: usize = 24;

/// The table, with a line above it that says what it was found from.
pub(super) fn of(profile: &ProfileReport) -> String {
    let rows = thousands(profile.rows);
    let from = match profile.from {
        ProfileFrom::Rows => String::new(),
        ProfileFrom::Footers => {
            format!(
                ", as the files' own statistics say; `mlsysc run --only source.{} --profile-data` reads them",
                profile.source
            )
        }
    };
    let heads = HEADS.map(str::to_owned);
    let lines: Vec<[String; 9]> =
        std::iter::once(heads).chain(profile.columns.iter().map(|column| line(column, profile.rows))).collect();
    let table: String = lines.iter().map(|cells| aligned(cells, &lines)).collect();
    format!("{}: {rows} rows{from}\n\n{table}", profile.source)
}

fn line(column: &ColumnReport, rows: u64) -> [String; 9] {
    let pii = if column.pii { " pii" } else { "" };
    let quantile = |name: &str| estimate(column.quantiles.get(name));
    [
        cut(&column.name),
        format!("{}{pii}", cut(&column.ty)),
        column.nulls.map(|nulls| share(nulls, rows)).unwrap_or_default(),
        column.distinct.map(thousands).unwrap_or_default(),
        value(column.min.as_ref()),
        quantile("p50"),
        quantile("p95"),
        value(column.max.as_ref()),
        frequent(column, rows),
    ]
}

/// The most frequent values with their shares of all rows.
fn frequent(column: &ColumnReport, rows: u64) -> String {
    let shown = column.top.iter().take(FREQUENT);
    let shown: Vec<String> = shown.map(|top| format!("{} {}", cut(&top.value), share(top.count, rows))).collect();
    shown.join(", ")
}

/// A share in percent; `0%` and `100%` are exact.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u64, whole: u64) -> String {
    match (part, 100.0 * part as f64 / whole as f64) {
        (0, _) => "0%".to_owned(),
        (part, _) if part == whole => "100%".to_owned(),
        (_, percent) if percent < 0.1 => "<0.1%".to_owned(),
        (_, percent) if percent > 99.9 => ">99.9%".to_owned(),
        (_, percent) => format!("{percent:.1}%"),
    }
}

/// A number or an instant; nothing where there is none.
fn value(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::Number(number)) => {
            number.as_i64().map_or_else(|| short(number.as_f64().unwrap_or_default()), grouped)
        }
        Some(Value::String(text)) => cut(text),
        Some(other) => other.to_string(),
    }
}

/// A number that is about right, or an instant to the second.
fn estimate(found: Option<&Value>) -> String {
    match found.and_then(Value::as_str).and_then(|text| text.split_once('.')) {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => value(found),
    }
}

/// A number with about four digits that count.
#[expect(clippy::cast_possible_truncation, reason = "the number is below 1e15")]
fn short(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        1e-3..1e3 => format!("{number:.4}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        1e3..1e15 => grouped(number.round() as i64),
        _ => format!("{number:.3e}"),
    }
}

/// A whole number with its digits in groups of three.
fn grouped(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", thousands(number.unsigned_abs()))
}

/// The beginning of a text, on one line.
fn cut(text: &str) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WIDEST).collect();
    if text.chars().count() > WIDEST { format!("{}…", shown.trim_end()) } else { shown }
}

/// A line whose cells are as wide as the widest of their column.
fn aligned(cells: &[String; 9], lines: &[[String; 9]]) -> String {
    let padded = cells.iter().enumerate().map(|(place, cell)| {
        let width = lines.iter().map(|line| line[place].chars().count()).max().unwrap_or_default();
        if NUMBERS.contains(&place) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    });
    let line = padded.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::{cut, estimate, share, short};

    #[test]
    fn numbers_and_texts_are_short() {
        let numbers = [0.0, 0.5, -2.25, 1234.56, -98765.0, 1.5e9, 2e-7];
        assert_eq!(numbers.map(short), ["0", "0.5", "-2.25", "1,235", "-98,765", "1,500,000,000", "2.000e-7"]);
        assert_eq!(
            [(0, 9), (9, 9), (1, 90_000), (1, 3)].map(|(part, all)| share(part, all)),
            ["0%", "100%", "<0.1%", "33.3%"]
        );
        assert_eq!(estimate(Some(&"2024-08-19T09:33:22.156500Z".into())), "2024-08-19T09:33:22Z");
        assert_eq!(cut("a\nb"), "a b");
        assert_eq!(cut(&"é".repeat(25)).chars().count(), 25);
    }
}
