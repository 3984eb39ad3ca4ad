//! `mlsys-fraud-simulator FOLDER`: makes the payments of examples/fraud.

#![expect(clippy::print_stderr, reason = "a program tells its user what it did")]

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::NaiveDate;
use clap::Parser;
use indicatif::ProgressBar;
use mlsys_fraud_simulator::{Settings, World, write};

/// Makes up payments by card, some of them fraud, and writes them as Parquet files, one a day.
#[derive(Parser)]
struct Arguments {
    /// The folder in which `payments/` is made
    folder: PathBuf,
    /// How many customers there are
    #[arg(long, default_value_t = 5_000)]
    customers: usize,
    /// How many terminals there are
    #[arg(long, default_value_t = 10_000)]
    terminals: usize,
    /// How many days are simulated
    #[arg(long, default_value_t = 183, value_parser = clap::value_parser!(u64).range(0..=36_500))]
    days: u64,
    /// The first day
    #[arg(long, default_value = "2018-04-01")]
    start: NaiveDate,
    /// How far from home customers pay, on a square whose sides are 100 long
    #[arg(long, default_value_t = 5.0)]
    radius: f64,
    /// Decides every random choice
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Replaces files of an earlier call
    #[arg(long)]
    force: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Arguments { customers, terminals, days, start, radius, seed, .. } = arguments;
    let world = World::new(Settings { customers, terminals, days, start, radius, seed });
    let bar = ProgressBar::new(days);
    let (mut payments, mut frauds) = (0, 0);
    let written = write(&world, &arguments.folder, arguments.force, |of_day, frauds_of_day| {
        payments += of_day;
        frauds += frauds_of_day;
        bar.inc(1);
    });
    bar.finish_and_clear();
    match written {
        Ok(()) => {
            eprintln!("{days} days, {payments} payments, {frauds} of them fraud");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
