//! The plan as text for people and for golden tests: deterministic, without ids, hashes or absolute paths.

mod data;
mod model;
mod serving;

use std::fmt::{self, Write};

use crate::node::{Node, Operation, Plan};

impl Plan {
    /// The plan as indented text, one block a node.
    pub fn to_text(&self) -> String {
        let mut out = format!("plan {} (version {})\n", self.program, self.version);
        for node in &self.nodes {
            // Writing to a string cannot fail.
            let _ = write_node(&mut out, node);
        }
        out
    }
}

fn write_node(out: &mut String, node: &Node) -> fmt::Result {
    write!(out, "\n{}", node.id)?;
    if !node.inputs.is_empty() {
        let inputs: Vec<&str> = node.inputs.iter().map(super::node::NodeId::as_str).collect();
        write!(out, " <- {}", inputs.join(", "))?;
    }
    writeln!(out, "    // {}:{}", node.origin.file, node.origin.line)?;
    match &node.operation {
        Operation::Source(source) => data::write_source(out, source),
        Operation::Features(features) => data::write_features(out, features),
        Operation::Observe(observe) => model::write_observe(out, observe),
        Operation::Join(join) => model::write_join(out, join),
        Operation::Train(train) => model::write_train(out, train),
        Operation::Deployment(deployment) => serving::write_deployment(out, deployment),
        Operation::Monitor(monitor) => serving::write_monitor(out, monitor),
    }
}

/// A duration as the language writes it: the largest unit that divides it.
pub(crate) fn duration(micros: i64) -> String {
    const UNITS: [(&str, i64); 6] =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];
    if micros == 0 {
        return "0s".to_owned();
    }
    let whole = UNITS.iter().find(|(_, size)| micros % size == 0);
    whole.map_or_else(|| format!("{micros}us"), |(unit, size)| format!("{}{unit}", micros / size))
}

/// An instant as the language writes it: `@2013-09-01` at midnight, otherwise with the time of day in UTC.
pub(crate) fn instant(micros: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    let (days, rest) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let date = civil(days);
    if rest == 0 {
        return format!("@{date}");
    }
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("@{date}T{:02}:{:02}:{:02}{fraction}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A day as the language writes it.
pub(crate) fn day(days: i32) -> String {
    format!("@{}", civil(i64::from(days)))
}

/// Days since 1970-01-01 as a date of the proleptic Gregorian calendar
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
