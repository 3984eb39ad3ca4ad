//! What reading two Parquet files and writing a third one costs with DataFusion alone: the floor under a benchmark.
//!
//! `floor EVENTS OBSERVATIONS RESULT` decodes every column of the first two, and writes the rows of the third one anew.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the command line")]

use std::time::Instant;

use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::error::Result;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures::StreamExt;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [events, observations, result] = arguments.as_slice() else {
        eprintln!("usage: floor EVENTS OBSERVATIONS RESULT");
        std::process::exit(2);
    };
    let session = SessionContext::new();
    let started = Instant::now();
    for path in [events, observations] {
        let mut rows = session.read_parquet(path, ParquetReadOptions::default()).await?.execute_stream().await?;
        while let Some(batch) = rows.next().await {
            std::hint::black_box(batch?);
        }
    }
    let read = started.elapsed();
    let copy = format!("{result}.floor.parquet");
    let rows = session.read_parquet(result, ParquetReadOptions::default()).await?;
    rows.write_parquet(&copy, DataFrameWriteOptions::new().with_single_file_output(true), None).await?;
    println!("read {:.3} s, write {:.3} s", read.as_secs_f64(), (started.elapsed() - read).as_secs_f64());
    std::fs::remove_file(copy)?;
    Ok(())
}
