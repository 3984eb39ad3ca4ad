//! What tests make by rule: a large project of sources, groups of features and models in many files, and small tables.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// The project's files below `/project`; `main.mlsys` uses all others. Every file has `groups` sources and as many groups of
/// `features` features each, and a model on the first group.
pub fn large_project(files: usize, groups: usize, features: usize) -> BTreeMap<PathBuf, String> {
    let mut project = BTreeMap::new();
    let mut main = String::new();
    for file in 0..files {
        let _ = writeln!(main, "use part_{file}.{{model_{file}}}");
        project.insert(PathBuf::from(format!("/project/part_{file}.mlsys")), part(file, groups, features));
    }
    for file in 0..files {
        let _ = writeln!(
            main,
            "\ndeployment serve_{file} {{\n  model model_{file}\n  serve http(port: {})\n}}",
            9000 + file
        );
        let _ = writeln!(
            main,
            "\nmonitor watch_{file} {{\n  watch serve_{file}\n  when psi(inputs.*) > 0.25 over 7d then retrain model_{file}\n}}"
        );
    }
    project.insert(PathBuf::from("/project/main.mlsys"), main);
    project
}

fn part(file: usize, groups: usize, features: usize) -> String {
    let mut text = format!("use std.time.{{hour_of_day}}\n\nentity customer_{file} {{ customer_id: int64 }}\n");
    // Writing to a string cannot fail.
    for group in 0..groups {
        let name = format!("{file}_{group}");
        let _ = write!(
            text,
            "\n/// Rows number {group}.\nsource rows_{name} {{\n  from parquet(\"data/rows_{name}/*.parquet\")\n  schema {{\n    \
             row_id: int64\n    customer_id: int64\n    seen_at: timestamp\n    amount: float64\n    \
             is_bad: bool known at seen_at + 7d\n  }}\n  derive {{ net = amount * 0.8 }}\n  time seen_at\n  key row_id\n}}\n\
             \nfeatures group_{name} for customer_{file} from rows_{name} {{\n"
        );
        for feature in 0..features {
            let window = feature + 1;
            let _ = match feature % 4 {
                0 => writeln!(text, "  f{feature} = count() over {window}d"),
                1 => writeln!(text, "  f{feature} = mean(net) over {window}d"),
                2 => writeln!(text, "  f{feature} = max(amount) where amount > {feature} over {window}h"),
                _ => writeln!(text, "  f{feature} = f{} / (f{} + 1)", feature - 2, feature - 3),
            };
        }
        text.push_str("}\n");
    }
    let _ = write!(
        text,
        "\nmodel model_{file} {{\n  observe rows_{file}_0\n  label is_bad\n  inputs {{\n    amount\n    hour = hour_of_day(seen_at)\n"
    );
    for group in 0..groups {
        let _ = writeln!(text, "    group_{file}_{group}.*");
    }
    text.push_str("  }\n  impute 0\n  split time(validate: @2024-01-01, test: @2024-02-01)\n  learn mlp()\n  require test.auc >= 0.6\n}\n");
    text
}

/// Payments of four days as CSV, 300 a day, of which those of more than 60 are fraud.
pub fn payments() -> String {
    let mut rows = String::from("payment_id,amount,paid_at,is_fraud\n");
    for row in 0..1200_u32 {
        let (day, hour, minute) = (1 + row / 300, row % 300 / 15, row % 15);
        let amount = f64::from(row * 7919 % 1000) / 10.0;
        rows.push_str(&format!("{row},{amount},2024-01-{day:02}T{hour:02}:{minute:02}:00Z,{}\n", amount > 60.0));
    }
    rows
}
