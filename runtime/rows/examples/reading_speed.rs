//! How many payments a second are read on one core: `cargo run --release -p mlsys-rows --example reading_speed`.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::time::Instant;

use mlsys_plan::{Field, Type, ValueType};
use mlsys_rows::{RowReader, Rules, write_rows};

fn payments() -> Vec<Field> {
    let field = |(name, ty): (&str, ValueType)| Field { name: name.to_owned(), ty, default: None, pii: false, line: 1 };
    let columns = [
        ("payment_id", Type::Int64),
        ("paid_at", Type::Timestamp),
        ("customer_id", Type::Int64),
        ("terminal_id", Type::Int64),
        ("amount", Type::Float64),
        ("email", Type::String),
        ("is_fraud", Type::Bool),
    ];
    columns.map(|(name, ty)| (name, ty.required())).map(field).to_vec()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const ROWS: usize = 200_000;
    let lines: Vec<String> = (0..ROWS)
        .map(|row| {
            let (minute, second, customer) = (row / 60 % 60, row % 60, row * 7919 % 100_003);
            format!(
                "{{\"payment_id\":{row},\"paid_at\":\"2018-04-01T10:{minute:02}:{second:02}.{:06}Z\",\"customer_id\":{customer},\
                 \"terminal_id\":{},\"amount\":{}.{:02},\"email\":\"customer{customer}@example.com\",\"is_fraud\":{}}}",
                row % 1_000_000, row % 10_007, row % 500, row % 100, row % 97 == 0
            )
        })
        .collect();
    let bytes: usize = lines.iter().map(String::len).sum();
    let mut reader = RowReader::new(&payments(), Rules::STREAM)?;
    for _ in 0..3 {
        let start = Instant::now();
        let mut batches = Vec::new();
        for chunk in lines.chunks(8192) {
            for line in chunk {
                reader.push(line.as_bytes())?;
            }
            batches.push(reader.finish()?);
        }
        let seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut out = Vec::with_capacity(bytes + ROWS);
        for batch in &batches {
            write_rows(batch, &mut out)?;
        }
        let writing = start.elapsed().as_secs_f64();
        println!(
            "read {:.0} rows/s ({:.0} MB/s), wrote {:.0} rows/s",
            ROWS as f64 / seconds,
            bytes as f64 / seconds / 1e6,
            ROWS as f64 / writing
        );
    }
    Ok(())
}
