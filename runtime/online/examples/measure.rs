//! Measures appends, features of a small and a large entity, and commits: `cargo run --release -p mlsys-online --example measure`.

#![allow(clippy::print_stdout, reason = "a program for the command line")]

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use mlsys_aggregates::{Parameters, by_name};
use mlsys_online::stores::embedded::Durability;
use mlsys_online::stores::{Embedded, Memory};
use mlsys_online::{Asked, Commit, Frame, Groups, Kept, Keys, Layout, Measure, OnlineError, Order, Past, Rows, Store};
use mlsys_plan::Window;

const HOUR: i64 = 3_600_000_000;
const ENTITIES: i64 = 100_000;
const ROUNDS: i64 = 5_000;
const ASKS: i64 = 20;

/// Fifteen aggregates over three windows of which the widest holds all rows.
fn layout(widths: [i64; 3]) -> Result<Layout, OnlineError> {
    let calls = [("count", None), ("sum", Some(0)), ("mean", Some(0)), ("min", Some(0)), ("max", Some(0))];
    let mut measures = Vec::new();
    for width in widths {
        for (name, argument) in calls {
            let kernel = by_name(name).ok_or_else(|| OnlineError::Layout { reason: format!("no `{name}`") })?;
            let frame = Frame::of(Window::Range { width });
            measures.push(Measure { kernel, argument, parameters: Parameters::new(), frame });
        }
    }
    Layout::new(Kept {
        keys: vec![DataType::Int64],
        arguments: vec![DataType::Float64, DataType::Int64],
        order: vec![Order::Column(DataType::Int64)],
        is_keyed: true,
        measures,
    })
}

/// A number that looks random.
fn scatter(row: i64) -> i64 {
    (row.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 20) & 0xfff_ffff
}

#[expect(clippy::cast_precision_loss, reason = "numbers are small")]
fn rows(layout: &Layout, from: i64, to: i64) -> Result<Rows, OnlineError> {
    let instants = (from..to).map(|row| Some(row * 1_000)).collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    let amounts: ArrayRef = Arc::new((from..to).map(|row| Some(scatter(row) as f64 / 100.0)).collect::<Float64Array>());
    let places: ArrayRef = Arc::new((from..to).map(|row| Some(scatter(row) % 1000)).collect::<Int64Array>());
    let order: ArrayRef = Arc::new((from..to).collect::<Int64Array>());
    Rows::new(layout, &(Arc::new(instants) as ArrayRef), &[amounts, places], &[order])
}

fn keys(from: i64, to: i64) -> Result<Keys, OnlineError> {
    let keys: ArrayRef = Arc::new((from..to).map(|row| scatter(row) % ENTITIES).collect::<Int64Array>());
    Keys::new(&[DataType::Int64], &[keys])
}

fn reads(count: i64) -> Result<(), OnlineError> {
    let last = count * 1_000;
    let layout = layout([last / 10, last / 3, last])?;
    let rows = rows(&layout, 0, count)?;
    let mut past = Past::new();
    for row in 0..rows.len() {
        past.add(&layout, &rows, row);
    }
    let mut times: Vec<Duration> = Vec::new();
    for round in 0..ROUNDS {
        // The bounds fall into blocks, not between them.
        let begin = Instant::now();
        black_box(past.features(&layout, last - 300 * (round % 50))?);
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    println!(
        "15 features of {count} rows: median {:?}, p99 {:?}",
        times[ROUNDS as usize / 2],
        times[ROUNDS as usize * 99 / 100]
    );
    Ok(())
}

async fn appends(store: Arc<dyn Store>, name: &str, batch: i64, commits: bool) -> Result<(), OnlineError> {
    const ROWS: i64 = 4_000_000;
    let groups =
        Groups::open(store, vec![("spend".to_owned(), layout([HOUR, 24 * HOUR, 720 * HOUR])?)], 4 << 30).await?;
    let mut time = Duration::ZERO;
    let mut worst = Duration::ZERO;
    let groups = Arc::new(groups);
    let mut storing: Option<tokio::task::JoinHandle<Result<Duration, OnlineError>>> = None;
    for start in (0..ROWS).step_by(usize::try_from(batch).unwrap_or(1)) {
        let (keys, rows) = (keys(start, start + batch)?, rows(groups.groups()[0].layout(), start, start + batch)?);
        let begin = Instant::now();
        groups.add(0, &keys, &rows, None).await?;
        if commits {
            // The next rows are added while these are stored.
            let begun = groups.begin().await?;
            if let Some(before) = storing.take() {
                worst = worst.max(before.await.map_err(|error| OnlineError::Layout { reason: error.to_string() })??);
            }
            let groups = Arc::clone(&groups);
            storing = Some(tokio::spawn(async move {
                let begin = Instant::now();
                groups.finish(begun, Commit::default()).await?;
                Ok(begin.elapsed())
            }));
        }
        // The first rows of an entity look for it in the store.
        if start >= ROWS / 2 {
            time += begin.elapsed();
        }
    }
    if let Some(last) = storing {
        let begin = Instant::now();
        last.await.map_err(|error| OnlineError::Layout { reason: error.to_string() })??;
        time += begin.elapsed();
    }
    let rate = 0.5 * ROWS as f64 / time.as_secs_f64();
    println!("{name}: {rate:.0} rows/s in batches of {batch}, longest commit {worst:?}");
    let begin = Instant::now();
    for round in 0..ASKS {
        let keys = keys(round * 1_000, round * 1_000 + 1_000)?;
        let moments = vec![ROWS * 1_000; keys.len()];
        black_box(groups.features(&[Asked { group: 0, keys: &keys, moments: &moments }]).await?);
    }
    println!("  features of 40 rows, 1,000 entities at once: {:?} each", begin.elapsed() / 1_000 / ASKS as u32);
    let begin = Instant::now();
    for round in 0..ASKS * 1_000 {
        let keys = keys(round, round + 1)?;
        black_box(groups.features(&[Asked { group: 0, keys: &keys, moments: &[ROWS * 1_000] }]).await?);
    }
    println!("  features of 40 rows, one entity at once: {:?} each", begin.elapsed() / 1_000 / ASKS as u32);
    println!("  {} entities, {} MB by its own count", groups.groups()[0].entities(), groups.groups()[0].bytes() >> 20);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for count in [10, 100, 1_000, 10_000] {
        reads(count)?;
    }
    if std::env::args().nth(1).is_some_and(|what| what == "reads") {
        return Ok(());
    }
    appends(Arc::new(Memory::new()), "in memory", 8_192, false).await?;
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(folder)?;
    for batch in [20_000, 100_000] {
        let folder = folder.path().join(batch.to_string());
        let store = Embedded::open(&folder, Durability::Power)?;
        appends(Arc::new(store.clone()), "embedded, every commit lasts", batch, true).await?;
        println!("  {} MB on disk", store.bytes()? >> 20);
    }
    Ok(())
}
