//! How many payments a second come from a stream into the windows of the fraud program, and how soon each is seen:
//! `live PLAN FOLDER file ROWS` and `live PLAN FOLDER kafka ROWS BROKERS`. It prints one JSON object.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mlsys_connectors::{Opening, Record, open_sink};
use mlsys_dataflow::{Dataflow, Options as DataflowOptions};
use mlsys_live::{Job, JobOptions, Live, Options};
use mlsys_online::stores::Embedded;
use mlsys_online::stores::embedded::Durability;
use mlsys_plan::{Call, Operation, Plan, Value};
use tokio::sync::watch;

/// As in `mlsysd`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

/// Customers, each with some hundred payments in a month.
const CUSTOMERS: u64 = 100_000;
const TERMINALS: u64 = 20_000;

/// 2024-01-01T00:00:00Z, and the time between two payments.
const BEGIN: i64 = 1_704_067_200;
const STEP_MS: i64 = 100;

/// How many payments are sent one by one, so many a second.
const SINGLE: u64 = 5_000;
const RATE: u64 = 1_000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, plan, folder, way, rows, more @ ..] = arguments.as_slice() else {
        return Err("expected PLAN FOLDER file|kafka ROWS [BROKERS]".into());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let brokers = more.first().map(String::as_str);
    runtime.block_on(measure(&std::fs::read_to_string(plan)?, Path::new(folder), way, rows.parse()?, brokers))
}

async fn measure(plan: &str, folder: &Path, way: &str, rows: u64, brokers: Option<&str>) -> Result<(), Failure> {
    let mut plan = Plan::from_json(plan).map_err(|error| error.to_string())?;
    let text = |value: &str| Value::String(value.to_owned());
    let (name, args) = match (way, brokers) {
        ("file", _) => ("file", vec![("path", text("payments.ndjson"))]),
        ("kafka", Some(brokers)) => {
            ("kafka", vec![("topic", text("payments")), ("brokers", text(brokers)), ("group", text("bench"))])
        }
        _ => return Err("expected `file`, or `kafka` with brokers".into()),
    };
    let args: BTreeMap<String, Value> = args.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let call = Call { name: name.to_owned(), args };
    for node in &mut plan.nodes {
        if let Operation::Source(source) = &mut node.operation {
            source.stream = Some(call.clone());
        }
    }
    let mut out = Output::new(&call, folder)?;
    out.send(0..rows).await?;
    let store = Arc::new(Embedded::open(&folder.join("online"), Durability::Process)?);
    let groups = ["customer_spend".to_owned(), "terminal_risk".to_owned()];
    let dataflow = Dataflow::new(&DataflowOptions::default())?;
    let live = Live::open(&plan, dataflow, store, (&groups, &[]), &BTreeMap::new(), Options::default()).await?;
    let live = Arc::new(live);
    let none = BTreeMap::new();
    let streams = folder.join("streams");
    let options = JobOptions {
        project: folder,
        folder: &streams,
        quarantine: folder.join("quarantine"),
        settings: &none,
        environment: &|_| None,
        followers: Vec::new(),
    };
    let mut job = Job::open(&live, "payments", options).await?;
    let (stop, stopping) = watch::channel(false);
    let (of_job, of_commits) = (Arc::clone(&live), Arc::clone(&live));
    let running = tokio::spawn(async move { job.run(&of_job, stopping).await });
    let committing = tokio::spawn(async move {
        loop {
            tokio::time::sleep(of_commits.commits_every()).await;
            if of_commits.commit().await.is_err() {
                return;
            }
        }
    });
    let counted = || live.status("payments").map_or(0, |status| status.counts().rows);
    while counted() == 0 {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    // The second half: entities are there, and joining a group is over.
    while counted() < rows / 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (begin, before) = (Instant::now(), counted());
    while counted() < rows {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = (rows - before) as f64 / begin.elapsed().as_secs_f64();
    live.commit().await?;
    let mut delays = singly(&mut out, rows, &counted).await?;
    delays.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let (entities, bytes) = live.held();
    let counts = live.status("payments").map(|status| status.counts()).unwrap_or_default();
    committing.abort();
    stop.send(true)?;
    running.await??;
    if counts.late + counts.malformed + counts.set_aside + counts.future > 0 {
        return Err(format!("rows were kept aside: {counts:?}").into());
    }
    println!(
        "{{\"rows_per_s\": {rate}, \"p50_ms\": {}, \"p99_ms\": {}, \"entities\": {entities}, \"mib\": {}}}",
        at(0.5),
        at(0.99),
        bytes >> 20
    );
    Ok(())
}

/// Sends payments one by one; how long after it was sent each was seen.
async fn singly(out: &mut Output, first: u64, counted: &impl Fn() -> u64) -> Result<Vec<Duration>, Failure> {
    let (begin, mut sent, mut delays) = (Instant::now(), Vec::new(), Vec::new());
    while delays.len() < SINGLE as usize {
        let due = begin.elapsed().as_micros() as u64 * RATE / 1_000_000;
        let next = sent.len() as u64;
        if next < SINGLE && next <= due {
            out.send(first + next..first + next + 1).await?;
            sent.push(Instant::now());
        }
        let seen = (counted() - first) as usize;
        while delays.len() < seen.min(sent.len()) {
            delays.push(sent[delays.len()].elapsed());
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    Ok(delays)
}

/// Where payments are written for the stream.
enum Output {
    File(BufWriter<File>),
    Topic(Box<dyn mlsys_connectors::Sink>),
}

impl Output {
    fn new(call: &Call, folder: &Path) -> Result<Self, Failure> {
        if call.name == "file" {
            let path = folder.join("payments.ndjson");
            let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
            return Ok(Output::File(BufWriter::with_capacity(1 << 20, file)));
        }
        let none = BTreeMap::new();
        let mut call = call.clone();
        call.args.remove("group");
        let opening = Opening { call: &call, settings: &none, environment: &|_| None, project: folder, folder };
        Ok(Output::Topic(open_sink(&opening)?))
    }

    async fn send(&mut self, rows: std::ops::Range<u64>) -> Result<(), Failure> {
        match self {
            Output::File(file) => {
                for row in rows {
                    writeln!(file, "{}", payment(row))?;
                }
                file.flush()?;
            }
            Output::Topic(sink) => {
                let rows: Vec<u64> = rows.collect();
                for some in rows.chunks(20_000) {
                    let record = |row: &u64| Record { key: None, payload: payment(*row).into_bytes().into() };
                    sink.write(some.iter().map(record).collect()).await?;
                }
            }
        }
        Ok(())
    }
}

/// A payment of a customer at a terminal, by its number.
fn payment(row: u64) -> String {
    let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let (customer, terminal, cents) = (mixed % CUSTOMERS, (mixed >> 8) % TERMINALS, mixed % 20_000 + 100);
    let ms = row as i64 * STEP_MS;
    let mut text = String::with_capacity(180);
    let _ = write!(
        text,
        "{{\"payment_id\":{row},\"paid_at\":\"{}\",\"customer_id\":{customer},\"terminal_id\":{terminal},\"amount\":{}.{:02},\
         \"email\":\"c{customer}@example.org\"}}",
        instant(BEGIN + ms / 1_000, ms % 1_000),
        cents / 100,
        cents % 100
    );
    text
}

/// An instant in the form of RFC 3339; days by the algorithm of Howard Hinnant's `civil_from_days`.
fn instant(seconds: i64, ms: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day = z.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * in_year + 2) / 153;
    let (date, month) = (in_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}.{ms:03}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}
